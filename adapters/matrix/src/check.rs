// SPDX-License-Identifier: EUPL-1.2
//! One try of everything, with words for an administrator.

use std::sync::Arc;

use dreiklang_engine::port::{Finding, Health};
use ruma::api::client::account::whoami;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{As, CallError},
    health,
    server::{doorbell, serve},
    service::Service,
};

/// See [`dreiklang_engine::port::Adapter::check`].
pub(crate) async fn check(service: &Arc<Service>) -> Vec<Finding> {
    let config = &service.config;
    let mut findings = Vec::new();
    let known = service.client.call(As::Service, whoami::v3::Request::new()).await;
    let homeserver = match &known {
        Err(error @ CallError::Unreachable(_)) => Err(format!("{error}. Does it run, and is `homeserver` its address?")),
        Err(error @ CallError::Unclear(_)) => Err(format!("{error}. Is `homeserver` the base URL of its client API?")),
        _ => Ok("It answers.".to_owned()),
    };
    let reached = homeserver.is_ok();
    findings.push(finding(format!("homeserver at {}", config.homeserver), homeserver));
    if reached {
        findings.push(finding(format!("as_token of {}", service.ours.bot()), recognised(service, known)));
    }
    // The gateway may be running already and hold the address; then it answers the homeserver's ping.
    match TcpListener::bind(config.listen).await {
        Ok(listener) => {
            findings.push(finding(format!("listening on {}", config.listen), Ok("The address is free.".to_owned())));
            let stop = CancellationToken::new();
            let ringing = tokio::spawn(serve(listener, doorbell(service), stop.clone().cancelled_owned()));
            if reached {
                findings.push(pinged(service).await);
            }
            stop.cancel();
            if let Err(error) = ringing.await {
                tracing::debug!(%error, "the doorbell ended badly");
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let says = "The address is in use: by the running gateway, if the homeserver reaches it.".to_owned();
            findings.push(finding(format!("listening on {}", config.listen), Ok(says)));
            if reached {
                findings.push(pinged(service).await);
            }
        }
        Err(error) => {
            let says = format!("{error}. `listen` must be an address of this machine, with a port above 1023.");
            findings.push(finding(format!("listening on {}", config.listen), Err(says)));
        }
    }
    findings
}

fn recognised(service: &Service, known: Result<whoami::v3::Response, CallError>) -> Result<String, String> {
    match known {
        Ok(answer) if answer.user_id == *service.ours.bot() => Ok("The homeserver knows us.".to_owned()),
        Ok(answer) => Err(format!(
            "The homeserver takes us for {}: `server_name` or `sender_localpart` differ. Compare the configuration with the \
             registration file.",
            answer.user_id
        )),
        Err(CallError::Stranger(_)) => Err("The registration file on the homeserver differs: write it again with \
             `dreiklang registration` and restart the homeserver."
            .to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn pinged(service: &Service) -> Finding {
    let pulse = health::ping(service).await;
    let outcome = match (pulse.homeserver, pulse.service) {
        (Health::Offline(why), _) | (_, Some(Health::Offline(why))) => Err(why),
        (Health::Online, _) => Ok("The homeserver reaches the gateway.".to_owned()),
    };
    finding(format!("homeserver to gateway at {}", service.config.url), outcome)
}

fn finding(what: String, outcome: Result<String, String>) -> Finding {
    let fine = outcome.is_ok();
    Finding { fine, what, says: outcome.unwrap_or_else(|says| says) }
}
