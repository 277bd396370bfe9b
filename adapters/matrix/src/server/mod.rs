// SPDX-License-Identifier: EUPL-1.2
//! What the homeserver calls (Application Service API): who may, which paths there are, and how errors look.
//! What comes of each call is in the files below.

mod auth;
mod queries;
mod thirdparty;
mod transactions;

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use dreiklang_engine::{Hub, port::StoreError};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::service::Service;

/// A hundred events of 64 KiB, as much again for what surrounds them, and room.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// What every call may use.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) service: Arc<Service>,
    pub(crate) hub: Hub,
}

/// All paths of the Application Service API.
pub(crate) fn router(door: Door) -> Router {
    Router::new()
        .route("/_matrix/app/v1/transactions/{transaction}", put(transactions::push))
        .route("/_matrix/app/v1/ping", post(ping))
        .route("/_matrix/app/v1/users/{user}", get(queries::user))
        .route("/_matrix/app/v1/rooms/{alias}", get(queries::alias))
        .route("/_matrix/app/v1/thirdparty/protocol/{protocol}", get(thirdparty::protocol))
        .route("/_matrix/app/v1/thirdparty/user", get(thirdparty::person_behind))
        .route("/_matrix/app/v1/thirdparty/user/{protocol}", get(thirdparty::ghost_of))
        .route("/_matrix/app/v1/thirdparty/location", get(thirdparty::room_behind))
        .route("/_matrix/app/v1/thirdparty/location/{protocol}", get(thirdparty::location_of))
        .route_layer(middleware::from_fn_with_state(door.service.config.hs_token.clone(), auth::check))
        .method_not_allowed_fallback(async || Refused::METHOD)
        .fallback(async || Refused::PATH)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(door)
}

/// The same door while nobody is at home: it proves only that the homeserver finds it and has the key.
pub(crate) fn doorbell(service: &Service) -> Router {
    Router::new()
        .route("/_matrix/app/v1/ping", post(ping))
        .route_layer(middleware::from_fn_with_state(service.config.hs_token.clone(), auth::check))
        .fallback(async || Refused::AWAY)
}

/// Serves until `stop` ends; calls that are under way are finished.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn ping() -> Response {
    fine(&json!({}))
}

fn fine(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An answer other than 200 (Client-Server API § Standard error response).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    status: StatusCode,
    code: &'static str,
    says: &'static str,
}

impl Refused {
    const PATH: Self = Self::new(StatusCode::NOT_FOUND, "M_UNRECOGNIZED", "no such path");
    const METHOD: Self = Self::new(StatusCode::METHOD_NOT_ALLOWED, "M_UNRECOGNIZED", "not with this method");
    const NO_TOKEN: Self = Self::new(StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED", "the hs_token is missing");
    const WRONG_TOKEN: Self = Self::new(StatusCode::FORBIDDEN, "M_FORBIDDEN", "that is not the hs_token");
    const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "M_TOO_LARGE", "the body is too large");
    const NOT_JSON: Self = Self::new(StatusCode::BAD_REQUEST, "M_NOT_JSON", "the body is not a JSON object");
    const NOTHING: Self = Self::new(StatusCode::NOT_FOUND, "M_NOT_FOUND", "there is nothing of that name");
    const AGAIN: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "M_UNKNOWN", "not stored: send it again");
    const AWAY: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", "the gateway is being checked");

    const fn new(status: StatusCode, code: &'static str, says: &'static str) -> Self {
        Self { status, code, says }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a call of the homeserver cannot be served");
        Self::AGAIN
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "errcode": self.code, "error": self.says }).to_string();
        (self.status, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
