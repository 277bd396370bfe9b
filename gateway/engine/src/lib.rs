// SPDX-License-Identifier: EUPL-1.2
//! The engine: takes what the adapters receive, makes it durable, finds its way, and sees that it is delivered in order.
//!
//! It knows no protocol and no SQL: [`port`] names what it asks of the world. The way of a message is
//! adapter → [`Hub::accept`] → store (arrival and outbox in one transaction) → lane → adapter, forward only.

mod bot;
mod dispatcher;
mod engine;
mod fetching;
mod files;
mod health;
mod hub;
mod in_flight;
mod invitations;
mod lane;
mod leg;
mod limits;
pub mod linking;
mod mentions;
mod naming;
mod organisation;
mod picture;
pub mod port;
mod portraits;
mod preparing;
mod pseudonym;
mod references;
mod refreshing;
mod retention;
mod room;
mod room_router;
mod rooms;
mod router;
mod signals;
mod timers;

pub use engine::{Connection, Engine, Wiring};
pub use files::USUALLY_FORBIDDEN;
pub use hub::{Ghost, Hub, Lookup};
pub use invitations::{Invited, Whom};
pub use leg::{Leg, Person};
pub use organisation::{Organisation, Policy};
pub use picture::Picture;
pub use pseudonym::Pseudonyms;
pub use room::{Attendance, Author, Hosting, Member, RoomLeg};
