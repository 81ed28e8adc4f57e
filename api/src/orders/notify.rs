//! Telling of the end of an order: by mail, and by a message to an address that the user named.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::request::Request;
use crate::accounts::{Accounts, Order, OrderState};
use crate::links::JSON;
use crate::mail::Message;
use crate::problem::{ApiError, chain};
use crate::routes::mail_base as base;
use crate::state::App;

/// Ends that are told of at a time: slow servers do not wait for each other.
const TOLD_AT_ONCE: usize = 16;
/// Header with the HMAC-SHA-256 of a message, under the user's own key.
const SIGNATURE: HeaderName = HeaderName::from_static("nilometer-signature");

/// The key with which a user's messages are signed, as hexadecimal digits.
pub(crate) fn webhook_key(accounts: &Accounts, user: i64) -> String {
    accounts.seal_text("webhook", &user.to_string())
}

/// Tells of all orders that ended since, once each; one that is not told now is told later where that may help.
pub(super) async fn tell(app: &App) -> Result<(), ApiError> {
    // One at a time: two that read the same list would both tell.
    let _turn = app.orders.telling.lock().await;
    let told = stream::iter(app.accounts.untold_orders().await?).map(|order| async move {
        send(app, &order).await;
        app.accounts.told_order(&order.id).await
    });
    let told: Vec<_> = told.buffer_unordered(TOLD_AT_ONCE).collect().await;
    told.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}

/// Sends both messages, where they are wanted. What cannot be sent is logged: the order itself is there all the same.
async fn send(app: &App, order: &Order) {
    let Ok(request) = Request::kept(&order.request) else { return };
    if request.notify.mail
        && let Err(error) = mail(app, order).await
    {
        tracing::warn!(order.id = %order.id, problem = %error.problem(), cause = error.cause(), "no mail was sent");
    }
    if let Some(address) = &request.notify.webhook {
        let body = json!({
            "workflowId": order.id, "workflowName": order.name, "status": order.state.status(),
            "message": order.message, "files": order.files, "bytes": order.bytes,
            "href": base(app).ok().map(|links| links.absolute(&format!("/api/download/workflows/{}", order.id))),
        });
        let body = body.to_string();
        let headers = signed(&webhook_key(&app.accounts, order.user), &body);
        if let Err(error) = app.orders.webhooks.post(address, headers, body).await {
            tracing::warn!(order.id = %order.id, %error, "a webhook did not take its message");
        }
    }
}

async fn mail(app: &App, order: &Order) -> Result<(), ApiError> {
    let user = app.accounts.user(order.user).await?;
    let Some(to) = user.email.filter(|_| user.confirmed) else { return Ok(()) };
    let name = if order.name.is_empty() { &order.id } else { &order.name };
    // Never what a request called this host: the letter would lead where its sender likes.
    let page = base(app)?.absolute(&format!("/orders/{}", order.id));
    let (subject, text) = match order.state {
        OrderState::Completed | OrderState::Expired => (
            format!("Your order is ready / Votre commande est prête: {name}"),
            format!(
                "{} files, {} bytes. Fetch them here until {}:\n{} fichiers, {} octets, à télécharger ici jusqu'au {} :\n\n{page}\n",
                order.files,
                order.bytes,
                order.expires.map(|at| at.to_string()).unwrap_or_default(),
                order.files,
                order.bytes,
                order.expires.map(|at| at.to_string()).unwrap_or_default(),
            ),
        ),
        _ => (
            format!("Your order could not be prepared / Votre commande n'a pas pu être préparée: {name}"),
            format!("{}\n\n{page}\n", order.message.as_deref().unwrap_or_default()),
        ),
    };
    app.mail.send(Message { to, subject, text }).await
}

/// The headers of a message.
fn signed(key: &str, body: &str) -> HeaderMap {
    use hmac::{Hmac, KeyInit, Mac};
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    if let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()) {
        mac.update(body.as_bytes());
        let digits = crate::routes::ask::hex(&mac.finalize().into_bytes());
        if let Ok(value) = HeaderValue::from_str(&format!("sha256={digits}")) {
            headers.insert(SIGNATURE, value);
        }
    }
    headers
}

/// Tells of what ended, and logs what goes wrong.
pub(super) async fn tell_all(app: &App) {
    if let Err(error) = tell(app).await {
        tracing::warn!(
            cause = error.cause().map(str::to_owned).unwrap_or_else(|| chain(error.problem())),
            "ends of orders were not told"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_under_the_key_of_its_user() {
        let signature = |key: &str, body: &str| signed(key, body)[SIGNATURE].to_str().expect("digits").to_owned();
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_ne!(signature("a", "x"), signature("b", "x"));
    }
}
