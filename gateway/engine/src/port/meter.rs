// SPDX-License-Identifier: EUPL-1.2
//! What the engine counts. The binary turns it into OpenMetrics; nothing here names a person.

use std::time::Duration;

use dreiklang_model::{Loss, Network, OrganisationId, Reason};

/// Takes counts. Cheap and never blocking.
pub trait Meter: Send + Sync + 'static {
    /// A message arrived and is durable.
    fn received(&self, organisation: &OrganisationId, from: &Network, to: &Network);
    /// The same message arrived again and was ignored.
    fn duplicate(&self, organisation: &OrganisationId, from: &Network);
    /// A message was refused before it was stored.
    fn refused(&self, organisation: &OrganisationId, from: &Network, why: &Reason);
    /// A message was accepted by the far side, so long after it was durable here.
    fn delivered(&self, organisation: &OrganisationId, from: &Network, to: &Network, latency: Duration);
    /// A message will not arrive; its sender is told.
    fn failed(&self, organisation: &OrganisationId, from: &Network, to: &Network, why: &Reason);
    /// An attempt failed and will be repeated.
    fn postponed(&self, organisation: &OrganisationId, to: &Network);
    /// An event was too old to be news and waits for an administrator.
    fn held(&self, organisation: &OrganisationId, from: &Network);
    /// The target could not express something.
    fn lost(&self, organisation: &OrganisationId, from: &Network, to: &Network, loss: &Loss);
    /// An adapter refused input that was broken, forged, automatic or oversized; `why` is one word.
    fn dropped(&self, organisation: &OrganisationId, from: &Network, why: &'static str);
}

/// Counts nothing: where nobody reads counts (tests, benchmarks).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn received(&self, _: &OrganisationId, _: &Network, _: &Network) {}
    fn duplicate(&self, _: &OrganisationId, _: &Network) {}
    fn refused(&self, _: &OrganisationId, _: &Network, _: &Reason) {}
    fn delivered(&self, _: &OrganisationId, _: &Network, _: &Network, _: Duration) {}
    fn failed(&self, _: &OrganisationId, _: &Network, _: &Network, _: &Reason) {}
    fn postponed(&self, _: &OrganisationId, _: &Network) {}
    fn held(&self, _: &OrganisationId, _: &Network) {}
    fn lost(&self, _: &OrganisationId, _: &Network, _: &Network, _: &Loss) {}
    fn dropped(&self, _: &OrganisationId, _: &Network, _: &'static str) {}
}
