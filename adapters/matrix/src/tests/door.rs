// SPDX-License-Identifier: EUPL-1.2
//! The Application Service API as a homeserver sees it.

use super::*;

async fn call(gateway: &Gateway, method: &str, path: &str, token: Option<&str>, body: String) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = reqwest_client().request(method, format!("{}{path}", gateway.url)).body(body);
    if let Some(token) = token {
        request = request.header("Authorization", token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn who_may_and_which_paths_there_are() {
    let gateway = Gateway::start().await;
    let right = Some("Bearer hs-secret");
    for (method, path, token, body, status, code) in [
        ("POST", "/_matrix/app/v1/ping", right, "{}", 200, ""),
        ("POST", "/_matrix/app/v1/ping", Some("bearer hs-secret"), "", 200, ""),
        ("POST", "/_matrix/app/v1/ping", None, "{}", 401, "M_UNAUTHORIZED"),
        ("POST", "/_matrix/app/v1/ping?access_token=hs-secret", None, "{}", 401, "M_UNAUTHORIZED"),
        ("POST", "/_matrix/app/v1/ping", Some("Bearer "), "{}", 401, "M_UNAUTHORIZED"),
        ("POST", "/_matrix/app/v1/ping", Some("Basic hs-secret"), "{}", 401, "M_UNAUTHORIZED"),
        ("POST", "/_matrix/app/v1/ping", Some("Bearer hs-secret2"), "{}", 403, "M_FORBIDDEN"),
        ("POST", "/_matrix/app/v1/ping", Some("Bearer as-secret"), "{}", 403, "M_FORBIDDEN"),
        ("PUT", "/_matrix/app/v1/transactions/x", Some("Bearer wrong"), "{}", 403, "M_FORBIDDEN"),
        ("GET", "/_matrix/app/v1/ping", right, "", 405, "M_UNRECOGNIZED"),
        ("POST", "/_matrix/app/v1/transactions/1", right, "{}", 405, "M_UNRECOGNIZED"),
        ("PUT", "/_matrix/app/v2/transactions/1", right, "{}", 404, "M_UNRECOGNIZED"),
        ("GET", "/", None, "", 404, "M_UNRECOGNIZED"),
        ("PUT", "/_matrix/app/v1/transactions/1", right, "no json", 400, "M_NOT_JSON"),
        ("PUT", "/_matrix/app/v1/transactions/1", right, "[]", 400, "M_NOT_JSON"),
        ("PUT", "/_matrix/app/v1/transactions/1", right, r#"{"events":7}"#, 400, "M_NOT_JSON"),
        ("PUT", "/_matrix/app/v1/transactions/1", right, r#"{"events":[],"odd":[1]}"#, 200, ""),
        ("PUT", "/_matrix/app/v1/transactions/1", right, r#"{"events":[7,{},{"type":"m.room.message"}]}"#, 200, ""),
        ("GET", "/_matrix/app/v1/users/@_xmpp_carol=40xmpp.example:hs.example", right, "", 200, ""),
        ("GET", "/_matrix/app/v1/users/@_xmpp_carol:hs.example", right, "", 404, "M_NOT_FOUND"),
        ("GET", "/_matrix/app/v1/users/@_xmpp_eve=40xmpp.example:hs.example", right, "", 404, "M_NOT_FOUND"),
        ("GET", "/_matrix/app/v1/users/nonsense", right, "", 404, "M_NOT_FOUND"),
        ("GET", "/_matrix/app/v1/rooms/%23_xmpp_x:hs.example", right, "", 404, "M_NOT_FOUND"),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/xmpp", right, "", 200, ""),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/irc", right, "", 404, "M_NOT_FOUND"),
        ("GET", "/_matrix/app/v1/thirdparty/location?alias=x", right, "", 200, ""),
    ] {
        let (is, answer) = call(&gateway, method, path, token, body.to_owned()).await;
        assert_eq!((is, answer["errcode"].as_str().unwrap_or_default()), (status, code), "{method} {path} {token:?} {body}");
    }
    let right_place = json!([{ "alias": "#_xmpp_team=40muc.example:hs.example", "protocol": "xmpp", "fields": { "address": "team@muc.example" } }]);
    for (asked, expected) in [
        ("location/xmpp?address=team@muc.example", &right_place),
        ("location?alias=%23_xmpp_team%3D40muc.example:hs.example", &right_place),
        ("location/xmpp?address=nonsense", &json!([])),
        ("location?alias=%23other:hs.example", &json!([])),
    ] {
        let found = call(&gateway, "GET", &format!("/_matrix/app/v1/thirdparty/{asked}"), right, String::new()).await;
        assert_eq!(found, (200, expected.clone()), "{asked}");
    }
    assert!(gateway.homeserver.world.lock().unwrap().users.contains("@_xmpp_carol=40xmpp.example:hs.example"));
    let found =
        call(&gateway, "GET", "/_matrix/app/v1/thirdparty/user/xmpp?address=bob@xmpp.example", right, String::new()).await;
    let bob = json!([{ "userid": GHOST, "protocol": "xmpp", "fields": { "address": BOB } }]);
    assert_eq!(found, (200, bob.clone()));
    let back = call(&gateway, "GET", &format!("/_matrix/app/v1/thirdparty/user?userid={GHOST}"), right, String::new()).await;
    assert_eq!(back, (200, bob));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let gateway = Gateway::start().await;
    let large = format!(r#"{{"events":[],"x":"{}"}}"#, "x".repeat(33 * 1024 * 1024));
    let (status, answer) = call(&gateway, "PUT", "/_matrix/app/v1/transactions/1", Some("Bearer hs-secret"), large).await;
    assert_eq!((status, answer["errcode"].as_str()), (413, Some("M_TOO_LARGE")));
}

#[tokio::test]
async fn what_is_not_stored_is_not_acknowledged() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    let lost = gateway.homeserver.say("!r", ALICE, "not stored");
    gateway.store.close().await;
    assert_eq!(gateway.push(&[&lost]).await, 500);
}
