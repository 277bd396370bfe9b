// SPDX-License-Identifier: EUPL-1.2
//! Only the homeserver with the right token (Application Service API § Authorisation, v1.4). Query tokens are gone from the
//! specification and are not read.

use axum::{
    extract::{Request, State},
    http::header::AUTHORIZATION,
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::Refused;

/// Lets a call pass whose bearer token is ours; the comparison takes the same time whatever is wrong.
pub(super) async fn check(State(token): State<SecretString>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    match given {
        None => Refused::NO_TOKEN.into_response(),
        Some(given) if bool::from(given.ct_eq(token.expose_secret().as_bytes())) => next.run(request).await,
        Some(_) => Refused::WRONG_TOKEN.into_response(),
    }
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}
