//! The letters that accounts send, in the language of the page that caused them.

use nilometer_schemas::{Kind, Problem};

use crate::config::is_loopback;
use crate::html::Language;
use crate::links::{Links, with_query};
use crate::mail::Message;
use crate::state::App;

/// Where mailed links lead: the public address of the settings, never what a request calls this host, since anybody can
/// cause a letter to somebody else.
///
/// # Errors
/// `Unavailable` where nothing says under which address the service is reached.
pub(crate) fn base(app: &App) -> Result<Links, Problem> {
    if let Some(url) = &app.config.public_url {
        return Ok(Links::new(&url.to_string()));
    }
    let listen = app.config.listen.to_string();
    if is_loopback(&listen) {
        return Ok(Links::new(&format!("http://{listen}")));
    }
    let detail = "this service sends no mail: its operator must set public_url first";
    Err(Problem::new(Kind::Unavailable, "mail-address", detail))
}

fn address(links: &Links, path: &str, token: &str, language: Language) -> String {
    links.absolute(&with_query(path, [("token", token), ("lang", language.tag())]))
}

/// Confirms an address.
pub(super) fn confirm(links: &Links, language: Language, to: &str, token: &str) -> Message {
    let address = address(links, "/sign-up/confirm", token, language);
    let (subject, text) = match language {
        Language::English => (
            "Confirm your address",
            format!(
                "Somebody, probably you, signed up with this address.\n\nOpen this link within 24 hours and enter your password to \
                 confirm it:\n\n{address}\n\nIf it was not you, do nothing: the account is removed by itself.\n"
            ),
        ),
        Language::French => (
            "Confirmez votre adresse",
            format!(
                "Quelqu'un, sans doute vous, a créé un compte avec cette adresse.\n\nOuvrez ce lien dans les 24 heures et saisissez \
                 votre mot de passe pour la confirmer :\n\n{address}\n\nSi ce n'était pas vous, ne faites rien : le compte \
                 disparaîtra de lui-même.\n"
            ),
        ),
    };
    Message { to: to.to_owned(), subject: subject.into(), text }
}

/// Tells the owner of an account that somebody signed up with its address.
pub(super) fn exists(links: &Links, language: Language, to: &str) -> Message {
    let address = links.absolute("/password/forgot");
    let (subject, text) = match language {
        Language::English => (
            "You have an account already",
            format!(
                "Somebody, probably you, signed up with this address, which has an account already. Nothing has changed.\n\n\
                 If you forgot your password, ask for a new one here:\n\n{address}\n"
            ),
        ),
        Language::French => (
            "Vous avez déjà un compte",
            format!(
                "Quelqu'un, sans doute vous, a voulu créer un compte avec cette adresse, qui en a déjà un. Rien n'a changé.\n\n\
                 Si vous avez oublié votre mot de passe, demandez-en un nouveau ici :\n\n{address}\n"
            ),
        ),
    };
    Message { to: to.to_owned(), subject: subject.into(), text }
}

/// Tells somebody who signed up with an address that it is the name of an account without one.
pub(super) fn taken(language: Language, to: &str) -> Message {
    let (subject, text) = match language {
        Language::English => (
            "No account was made for this address",
            "Somebody, probably you, signed up with this address. Those who run the service gave its name to an account that has \
             no address, so none was made and nothing has changed.\n\n\
             Ask them for an account with this address.\n",
        ),
        Language::French => (
            "Aucun compte n'a été créé pour cette adresse",
            "Quelqu'un, sans doute vous, a voulu créer un compte avec cette adresse. Les responsables du service ont donné ce nom \
             à un compte sans adresse ; aucun compte n'a donc été créé et rien n'a changé.\n\n\
             Demandez-leur un compte à cette adresse.\n",
        ),
    };
    Message { to: to.to_owned(), subject: subject.into(), text: text.into() }
}

/// Sets a new password.
pub(super) fn reset(links: &Links, language: Language, to: &str, token: &str) -> Message {
    let address = address(links, "/password/reset", token, language);
    let (subject, text) = match language {
        Language::English => (
            "Choose a new password",
            format!(
                "Somebody, probably you, asked for a new password. Open this link within one hour to choose it:\n\n{address}\n\n\
                 If it was not you, do nothing: your password stays as it is.\n"
            ),
        ),
        Language::French => (
            "Choisissez un nouveau mot de passe",
            format!(
                "Quelqu'un, sans doute vous, a demandé un nouveau mot de passe. Ouvrez ce lien dans l'heure pour le \
                 choisir :\n\n{address}\n\nSi ce n'était pas vous, ne faites rien : votre mot de passe reste le même.\n"
            ),
        ),
    };
    Message { to: to.to_owned(), subject: subject.into(), text }
}
