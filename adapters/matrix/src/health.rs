// SPDX-License-Identifier: EUPL-1.2
//! Whether the homeserver is there and finds us. A ping after our start makes it send at once what waited, instead of after
//! minutes; after an outage everything that may have been missed is asked for. After a long absence it is asked for before
//! the first ping: what the homeserver would push by then is so old that it would be taken for a replay of history.

use std::time::Duration;

use dreiklang_engine::{Hub, port::Health};
use dreiklang_model::Timestamp;
use ruma::api::client::appservice::request_ping;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{As, CallError},
    config::SERVICE,
    reconcile,
    service::Service,
};

/// Between two pings while all is well.
const ROUND: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// After so long a homeserver that came back has sent what it had to send.
const SETTLED: Duration = Duration::from_secs(2);
/// After so many rounds the rooms in which something was said are read.
const SWEEP: u32 = 20;
/// A storm of errors is one reason to look, not many.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

/// The note of when all was well.
const ALIVE: &str = "alive";

/// What a ping says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// The homeserver.
    pub(crate) homeserver: Health,
    /// Its way to us; unknown while the homeserver is away.
    pub(crate) service: Option<Health>,
}

impl Pulse {
    fn is_fine(&self) -> bool {
        self.homeserver == Health::Online && self.service == Some(Health::Online)
    }
}

/// How sure it is that nothing is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Something may be missing.
    Behind,
    /// Everything was asked for; what the homeserver did at the moment of its return may be missing still.
    Settling,
    /// Nothing is missing, as far as anybody can tell.
    Current,
}

/// Pings until `stop` is cancelled, and reads the rooms when something may be missing.
pub(crate) async fn watch(service: &Service, hub: &Hub, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep_watching(service, hub) => {}
    }
}

async fn keep_watching(service: &Service, hub: &Hub) {
    let mut standing = Standing::Behind;
    let mut pause = FIRST_PAUSE;
    let mut rounds = 0;
    if was_long_away(hub).await {
        standing = catch_up(service, hub, standing).await;
    }
    loop {
        let pulse = ping(service).await;
        hub.health("homeserver", &pulse.homeserver);
        if let Some(health) = &pulse.service {
            hub.health("application service", health);
        }
        if pulse.homeserver != Health::Online {
            standing = Standing::Behind;
        } else if standing != Standing::Current {
            service.duty.notify_one();
            standing = catch_up(service, hub, standing).await;
        }
        if pulse.is_fine() {
            pause = FIRST_PAUSE;
            rounds += 1;
            if let Err(error) = hub.set_note(ALIVE, Some(&hub.now().as_millis().to_string())).await {
                tracing::warn!(%error, "it cannot be noted that all is well");
            }
            if rounds % SWEEP == 0 && !reconcile::unread(service, hub).await {
                standing = Standing::Behind;
            }
        } else {
            pause = (pause * 2).min(ROUND);
        }
        let wait = match standing {
            _ if !pulse.is_fine() => pause,
            Standing::Current => ROUND,
            Standing::Settling | Standing::Behind => SETTLED,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = service.missed.notified() => standing = Standing::Behind,
            () = async { tokio::join!(tokio::time::sleep(LEAST_PAUSE), service.probe.notified()); } => {}
        }
    }
}

/// Reads every room; what is sure afterwards.
async fn catch_up(service: &Service, hub: &Hub, standing: Standing) -> Standing {
    match reconcile::all(service, hub).await {
        Ok(true) if standing == Standing::Settling => Standing::Current,
        Ok(true) => {
            service.rooms.want_all();
            Standing::Settling
        }
        Ok(false) => Standing::Behind,
        Err(trouble) => {
            tracing::warn!(%trouble, "what may have been missed cannot be asked for");
            Standing::Behind
        }
    }
}

/// Has the homeserver not reached us for so long that what it has to push begins to be held as history?
async fn was_long_away(hub: &Hub) -> bool {
    let alive = hub.note(ALIVE).await.ok().flatten().and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
    alive.is_some_and(|alive| hub.now().since(alive) > hub.organisation().policy.hold_older_than / 2)
}

/// One ping (Application Service API § Pinging, v1.7).
pub(crate) async fn ping(service: &Service) -> Pulse {
    let outcome = service.client.call(As::Service, request_ping::v1::Request::new(SERVICE.to_owned())).await;
    read(outcome.err(), &service.config.url)
}

/// What the outcome of a ping means, in words that say what to do.
fn read(failed: Option<CallError>, url: &str) -> Pulse {
    let found = |service: Health| Pulse { homeserver: Health::Online, service: Some(service) };
    let Some(error) = failed else { return found(Health::Online) };
    let said = error.to_string();
    let unregistered = "write it again with `dreiklang registration`, name it in the homeserver's configuration and restart \
                        the homeserver";
    match error {
        CallError::Unreachable(_) => {
            let says = format!("{said}. Does the homeserver run, and is `homeserver` in the configuration its address?");
            Pulse { homeserver: Health::Offline(says), service: None }
        }
        CallError::Unclear(_) | CallError::Limited(_) => Pulse { homeserver: Health::Offline(said), service: None },
        CallError::Stranger(_) => {
            found(Health::Offline(format!("The registration file on the homeserver differs: {unregistered}.")))
        }
        CallError::Refused(refusal) => found(Health::Offline(match refusal.code.as_str() {
            "M_CONNECTION_FAILED" => {
                format!("The homeserver cannot connect to {url}. Does that address lead from the homeserver to this gateway?")
            }
            "M_CONNECTION_TIMEOUT" => {
                format!("The homeserver got no answer from {url} in time. Does a firewall stand between them?")
            }
            "M_BAD_STATUS" => format!(
                "The homeserver reached {url} and was refused: another program answers there, or the hs_token differs. In \
                 the latter case {unregistered}."
            ),
            "M_URL_NOT_SET" => format!("The registration file on the homeserver has no `url`: {unregistered}."),
            "M_FORBIDDEN" => format!("The homeserver knows our as_token under another id: {unregistered}."),
            "M_UNRECOGNIZED" | "M_NOT_FOUND" => {
                "The homeserver does not know pings of application services (Matrix v1.7): update it.".to_owned()
            }
            _ => format!("{said} when asked to ping {url}."),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    #[test]
    fn words() {
        let refused = |code: &str| {
            let refusal = Refusal { status: 502, code: code.to_owned(), identity: false };
            read(Some(CallError::Refused(refusal)), "http://gw:8481")
        };
        for (code, hint) in [
            ("M_CONNECTION_FAILED", "http://gw:8481"),
            ("M_BAD_STATUS", "hs_token"),
            ("M_URL_NOT_SET", "dreiklang registration"),
            ("M_ODD", "M_ODD"),
        ] {
            let Some(Health::Offline(says)) = refused(code).service else { panic!("{code}") };
            assert!(says.contains(hint), "{says}");
        }
        let away = CallError::Unreachable("refused".into());
        assert!(matches!(read(Some(away), "x"), Pulse { homeserver: Health::Offline(_), service: None }));
        assert!(read(None, "x").is_fine());
    }
}
