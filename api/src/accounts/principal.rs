//! Who a request comes from, and what that allows.

use std::sync::Arc;

use nilometer_schemas::{Kind, Problem, Rights, Role, Scope};

use super::{Accounts, Error};

/// One thing that a key may be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Seeing what the account sees; without it, what visitors see.
    Read,
    /// Taking files.
    Download,
    /// Placing orders.
    Order,
    /// Changing the catalogue.
    Write,
    /// Looking after the account itself, and after others' where the role allows it.
    Admin,
}

impl Power {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Download, Self::Order, Self::Write, Self::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Download => "download",
            Self::Order => "order",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What a credential was narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers(u8);

impl Powers {
    /// Everything that the role allows.
    pub const ALL: Self = Self(u8::MAX);

    /// Reads names with commas; none of them means all.
    ///
    /// # Errors
    /// `Invalid` for a name that is none.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut bits = 0;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let power = Power::ALL.into_iter().find(|power| power.name() == name).ok_or_else(|| {
                Problem::invalid("key-scope", format!("there is no scope {name:?}"))
                    .at("scopes")
                    .allowed(Power::ALL.map(Power::name).join(", "))
            })?;
            bits |= 1 << power as u8;
        }
        Ok(if bits == 0 { Self::ALL } else { Self(bits) })
    }

    /// Whether this one is among them.
    pub fn include(self, power: Power) -> bool {
        self.0 & (1 << power as u8) != 0
    }

    /// The names with commas; `None` for all.
    pub fn names(self) -> Option<String> {
        if self == Self::ALL {
            return None;
        }
        let names = Power::ALL.into_iter().filter(|power| self.include(*power)).map(Power::name);
        Some(names.collect::<Vec<_>>().join(","))
    }
}

/// How somebody showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Not at all.
    Nothing,
    /// With an API key of this id.
    Key(String),
    /// With the cookie of a session of this id. Browsers send it by themselves, so that writes must show more.
    Session(String),
    /// With a token of an outside issuer.
    Token,
    /// Earlier, when they placed the order of this id, on which the service works for them.
    Order(String),
}

/// Who a request comes from. An extractor for routes.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// What they may do.
    pub role: Role,
    /// Name of the account, if any.
    pub user: Option<String>,
    /// Number of the account, if any.
    pub id: Option<i64>,
    /// How that was shown.
    pub via: Via,
    /// What the credential was narrowed to.
    pub powers: Powers,
    /// What the groups may see whose rights count for this request.
    rights: Arc<Rights>,
}

impl Principal {
    /// Anybody without credentials.
    pub fn visitor() -> Self {
        Self::new(Role::Visitor, None, None, Via::Nothing, Powers::ALL)
    }

    /// Somebody, as far as no group was granted anything; see [`Accounts::with_rights`].
    pub(crate) fn new(role: Role, user: Option<String>, id: Option<i64>, via: Via, powers: Powers) -> Self {
        Self { role, user, id, via, powers, rights: Arc::default() }
    }

    /// The role whose part of the catalogue they see.
    fn seeing(&self) -> Role {
        if self.powers.include(Power::Read) { self.role } else { Role::Visitor }
    }

    /// What they may see.
    pub fn scope(&self) -> Scope {
        Scope::with(self.seeing(), &self.rights)
    }

    /// What their groups may see.
    pub fn rights(&self) -> &Arc<Rights> {
        &self.rights
    }

    /// Whether they came without credentials.
    pub fn is_anonymous(&self) -> bool {
        self.via == Via::Nothing
    }

    /// Id of the key used, if any.
    pub fn key_id(&self) -> Option<&str> {
        match &self.via {
            Via::Key(id) => Some(id),
            _ => None,
        }
    }

    /// Passes operators who may write.
    ///
    /// # Errors
    /// `Unauthorized` for those without key, `Forbidden` for known callers of another role, or with a key for less.
    pub fn require_operator(&self) -> Result<(), Problem> {
        if self.is_anonymous() {
            return Err(Problem::new(Kind::Unauthorized, "key-required", "this needs an operator's API key")
                .at("Authorization")
                .allowed("Bearer KEY"));
        }
        if self.role < Role::Operator {
            return Err(Problem::new(Kind::Forbidden, "operator-required", "this key's role does not allow that"));
        }
        self.require_power(Power::Write)
    }

    /// Passes everybody who has an account; its number.
    ///
    /// # Errors
    /// `Unauthorized` for those who have none, `Forbidden` for a key for less.
    pub fn require_account(&self, power: Power) -> Result<i64, Problem> {
        let Some(id) = self.id else {
            let problem = Problem::new(Kind::Unauthorized, "sign-in-required", "this needs an account");
            return Err(problem.at("Authorization").allowed("an API key, or a sign-in"));
        };
        self.require_power(power)?;
        Ok(id)
    }

    /// Passes those of a role, and above, who look after accounts.
    ///
    /// # Errors
    /// As [`Principal::require_account`], and `Forbidden` for lesser roles.
    pub fn require_keeper(&self, least: Role) -> Result<i64, Problem> {
        let id = self.require_account(Power::Admin)?;
        if self.role < least {
            let detail = format!("this needs the role {}", least.name());
            return Err(Problem::new(Kind::Forbidden, "role-required", detail));
        }
        Ok(id)
    }

    /// Passes those whose credential was not narrowed to something else. Who has an account, but the role of visitors, sees what
    /// visitors see and takes no files.
    ///
    /// # Errors
    /// `Forbidden`, naming the scope or the role that is missing.
    pub fn require_power(&self, power: Power) -> Result<(), Problem> {
        if matches!(power, Power::Download | Power::Order) && self.role < Role::User {
            let detail = format!("this needs the role {}", Role::User.name());
            return Err(Problem::new(Kind::Forbidden, "role-required", detail));
        }
        if self.powers.include(power) {
            return Ok(());
        }
        let detail = format!("this key was made without the scope {:?}", power.name());
        Err(Problem::new(Kind::Forbidden, "key-scope", detail))
    }
}

impl Accounts {
    /// The principal with the rights of its groups as they are now.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn with_rights(&self, principal: Principal) -> Result<Principal, Error> {
        let rights = self.rights_of(principal.seeing(), principal.id).await?;
        Ok(Principal { rights, ..principal })
    }

    /// Anybody without credentials, with the rights of everyone.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn visitor(&self) -> Result<Principal, Error> {
        self.with_rights(Principal::visitor()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_for_less_sees_and_does_less() {
        let narrow = |scopes: &str| {
            let powers = Powers::parse(scopes).expect("known");
            Principal::new(Role::Operator, Some("ana".into()), Some(1), Via::Key("0".into()), powers)
        };
        let writer = narrow("write");
        assert!(writer.require_operator().is_ok() && writer.require_account(Power::Admin).is_err());
        assert_eq!(writer.scope(), Scope::of(Role::Visitor));
        let reader = narrow("read, download");
        assert_eq!(reader.scope(), Scope::of(Role::Operator));
        assert_eq!(reader.require_operator().map_err(|p| p.code), Err("key-scope"));
        assert!(narrow("").require_keeper(Role::Operator).is_ok());
        assert_eq!(narrow("").require_keeper(Role::Administrator).map_err(|p| p.code), Err("role-required"));
        assert_eq!(Principal::visitor().require_account(Power::Read).map_err(|p| p.code), Err("sign-in-required"));
    }

    #[test]
    fn scopes_are_kept_by_name_and_unknown_ones_refused() {
        assert_eq!(Powers::parse("write,read").expect("known").names().as_deref(), Some("read,write"));
        assert_eq!(Powers::parse(" ").expect("none").names(), None);
        assert_eq!(Powers::parse("everything").map_err(|p| p.code), Err("key-scope"));
    }
}
