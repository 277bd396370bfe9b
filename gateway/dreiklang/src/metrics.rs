// SPDX-License-Identifier: EUPL-1.2
//! The gateway's counts as OpenMetrics. Labels are organisations, networks and reasons, never people.

use std::time::Duration;

use dreiklang_engine::port::{Counts, LetterState, Meter};
use dreiklang_model::{Loss, Network, OrganisationId, Reason, Timestamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pair {
    organisation: String,
    from: String,
    to: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PairReason {
    organisation: String,
    from: String,
    to: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OneReason {
    organisation: String,
    network: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct One {
    organisation: String,
    network: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    organisation: String,
    network: String,
    state: String,
}

type Latency = Family<Pair, Histogram, fn() -> Histogram>;

/// All counts.
pub(crate) struct Metrics {
    registry: Registry,
    received: Family<Pair, Counter>,
    duplicates: Family<One, Counter>,
    refused: Family<OneReason, Counter>,
    delivered: Family<Pair, Counter>,
    failed: Family<PairReason, Counter>,
    postponed: Family<One, Counter>,
    held: Family<One, Counter>,
    lost: Family<PairReason, Counter>,
    dropped: Family<OneReason, Counter>,
    latency: Latency,
    waiting: Family<Queue, Gauge>,
    oldest: Family<Queue, Gauge>,
    up: Family<OneReason, Gauge>,
}

fn buckets() -> Histogram {
    Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("dreiklang"),
            received: Family::default(),
            duplicates: Family::default(),
            refused: Family::default(),
            delivered: Family::default(),
            failed: Family::default(),
            postponed: Family::default(),
            held: Family::default(),
            lost: Family::default(),
            dropped: Family::default(),
            latency: Family::new_with_constructor(buckets),
            waiting: Family::default(),
            oldest: Family::default(),
            up: Family::default(),
        };
        let registry = &mut all.registry;
        registry.register("messages_received", "Messages that are durable here", all.received.clone());
        registry.register("messages_duplicate", "Messages that came again and were ignored", all.duplicates.clone());
        registry.register("messages_refused", "Messages refused before they were stored", all.refused.clone());
        registry.register("messages_delivered", "Messages that the far side accepted", all.delivered.clone());
        registry.register("messages_failed", "Messages that will not arrive", all.failed.clone());
        registry.register("deliveries_postponed", "Attempts that will be repeated", all.postponed.clone());
        registry.register("events_held", "Old events that wait for an administrator", all.held.clone());
        registry.register("features_lost", "What the target could not express", all.lost.clone());
        registry.register("input_dropped", "Input that was forged, automatic, broken or oversized", all.dropped.clone());
        registry.register("latency_seconds", "From durable here to accepted there", all.latency.clone());
        registry.register("queue_messages", "Messages in the queue", all.waiting.clone());
        registry.register("queue_oldest_seconds", "Age of the oldest message in the queue", all.oldest.clone());
        registry.register("connection_up", "1 when a connection works", all.up.clone());
        all
    }

    /// The counts as text, with the queue and the connections as they are now.
    pub(crate) fn text(
        &self,
        counts: &[Counts],
        connections: &[dreiklang_engine::Connection],
        now: Timestamp,
    ) -> Result<String, std::fmt::Error> {
        self.waiting.clear();
        self.oldest.clear();
        self.up.clear();
        for count in counts {
            let state = match count.state {
                LetterState::Waiting => "waiting",
                LetterState::Held => "held",
                LetterState::Dead => "dead",
            };
            let labels = Queue {
                organisation: count.organisation.to_string(),
                network: count.network.to_string(),
                state: state.to_owned(),
            };
            self.waiting.get_or_create(&labels).set(i64::try_from(count.number).unwrap_or(i64::MAX));
            let age = i64::try_from(now.since(count.oldest).as_secs()).unwrap_or(i64::MAX);
            self.oldest.get_or_create(&labels).set(age);
        }
        for connection in connections {
            let labels = OneReason {
                organisation: connection.organisation.to_string(),
                network: connection.network.to_string(),
                reason: connection.part.clone(),
            };
            let up = connection.health == dreiklang_engine::port::Health::Online;
            self.up.get_or_create(&labels).set(i64::from(up));
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

fn pair(organisation: &OrganisationId, from: &Network, to: &Network) -> Pair {
    Pair { organisation: organisation.to_string(), from: from.to_string(), to: to.to_string() }
}

fn one(organisation: &OrganisationId, network: &Network) -> One {
    One { organisation: organisation.to_string(), network: network.to_string() }
}

/// One word for a reason.
fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::UnknownRecipient => "unknown_recipient",
        Reason::Forbidden => "forbidden",
        Reason::Rejected => "rejected",
        Reason::TooLarge => "too_large",
        Reason::TooMany => "too_many",
        Reason::Unreachable => "unreachable",
        Reason::NotAuthenticated => "not_authenticated",
        Reason::Encrypted(_) => "encrypted",
        Reason::NeedsInvitation => "needs_invitation",
        Reason::InvitedOnly => "invited_only",
        Reason::EncryptedRoom => "encrypted_room",
        Reason::KeyChanged => "key_changed",
        Reason::WrongKey => "wrong_key",
        Reason::NotConnected => "not_connected",
        Reason::FileUnavailable => "file_unavailable",
        Reason::ForbiddenFile => "forbidden_file",
        Reason::Expired => "expired",
        Reason::Unreadable => "unreadable",
        Reason::Said(_) => "said",
    }
}

impl Meter for Metrics {
    fn received(&self, organisation: &OrganisationId, from: &Network, to: &Network) {
        self.received.get_or_create(&pair(organisation, from, to)).inc();
    }

    fn duplicate(&self, organisation: &OrganisationId, from: &Network) {
        self.duplicates.get_or_create(&one(organisation, from)).inc();
    }

    fn refused(&self, organisation: &OrganisationId, from: &Network, why: &Reason) {
        self.dropped_for(&self.refused, organisation, from, word(why));
    }

    fn delivered(&self, organisation: &OrganisationId, from: &Network, to: &Network, latency: Duration) {
        let pair = pair(organisation, from, to);
        self.delivered.get_or_create(&pair).inc();
        self.latency.get_or_create(&pair).observe(latency.as_secs_f64());
    }

    fn failed(&self, organisation: &OrganisationId, from: &Network, to: &Network, why: &Reason) {
        self.for_pair(&self.failed, organisation, from, to, word(why));
    }

    fn postponed(&self, organisation: &OrganisationId, to: &Network) {
        self.postponed.get_or_create(&one(organisation, to)).inc();
    }

    fn held(&self, organisation: &OrganisationId, from: &Network) {
        self.held.get_or_create(&one(organisation, from)).inc();
    }

    fn lost(&self, organisation: &OrganisationId, from: &Network, to: &Network, loss: &Loss) {
        self.for_pair(&self.lost, organisation, from, to, &format!("{:?}", loss.feature).to_lowercase());
    }

    fn dropped(&self, organisation: &OrganisationId, from: &Network, why: &'static str) {
        self.dropped_for(&self.dropped, organisation, from, why);
    }
}

impl Metrics {
    fn dropped_for(&self, family: &Family<OneReason, Counter>, organisation: &OrganisationId, network: &Network, reason: &str) {
        let labels =
            OneReason { organisation: organisation.to_string(), network: network.to_string(), reason: reason.to_owned() };
        family.get_or_create(&labels).inc();
    }

    fn for_pair(
        &self,
        family: &Family<PairReason, Counter>,
        organisation: &OrganisationId,
        from: &Network,
        to: &Network,
        reason: &str,
    ) {
        let Pair { organisation, from, to } = pair(organisation, from, to);
        family.get_or_create(&PairReason { organisation, from, to, reason: reason.to_owned() }).inc();
    }
}
