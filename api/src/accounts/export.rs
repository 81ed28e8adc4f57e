//! Everything that is kept of an account, for its owner.

use serde_json::{Value, json};

use super::{Accounts, Error, SessionTimes};

impl Accounts {
    /// All data of an account as JSON. Secrets are not among them: of keys, passwords and cookies only hashes are kept.
    ///
    /// # Errors
    /// `NotFound`, and what the database says.
    pub async fn export(&self, id: i64, times: &SessionTimes) -> Result<Value, Error> {
        let user = self.user(id).await?;
        let keys: Vec<Value> = self.keys_of(id).await?.iter().map(super::KeyInfo::to_json).collect();
        let sessions: Vec<Value> = self.sessions_of(id, times).await?.iter().map(super::Session::to_json).collect();
        let acts: Vec<Value> = self.audit_of(&user.name).await?.iter().map(super::AuditRow::to_json).collect();
        let downloads = self.volumes_of(id).await?;
        let all = super::ListOrders { user: Some(id), since: None, descending: true, skip: 0, limit: i64::MAX };
        let orders: Vec<Value> = self.orders(&all).await?.0.iter().map(|(order, _)| order.to_json()).collect();
        let basket = self.basket(id).await?.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let shared: Vec<Value> = self.shared_baskets_of(id).await?.iter().map(super::SharedBasket::to_json).collect();
        let licences: Vec<Value> = self.acceptances(id).await?.iter().map(super::Acceptance::to_json).collect();
        Ok(json!({
            "account": user.to_json(), "keys": keys, "sessions": sessions, "downloads": downloads, "audit": acts,
            "orders": orders, "basket": basket, "shared_baskets": shared, "licences": licences,
        }))
    }
}
