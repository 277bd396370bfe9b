// SPDX-License-Identifier: EUPL-1.2
//! The engine's ports: what it asks of the world. Implementations live in `adapters/`, `mappings/` and the binary.

mod adapter;
mod address_book;
mod clock;
mod media_links;
mod meter;
mod records;
mod room;
mod room_store;
mod signal;
mod store;

pub use adapter::{
    Adapter, AdapterError, Deliverable, Delivered, DeliveryError, Finding, Freshness, Health, Invitation, LegChange, Media,
    Received, Recipient, SourceKey, Verdict,
};
pub use address_book::{AddressBook, NoAddress, Reading, bot};
pub use clock::{Clock, Entropy, NoEntropy, SystemClock, SystemEntropy};
pub use media_links::MediaLinks;
pub use meter::{Meter, NoMeter};
pub use records::{
    Arrival, Bound, Change, Counts, Known, LaneKey, LegRow, Letter, LetterAction, LetterState, MessageRow, NewRow,
    OrganisationKey, Persona, PortraitRow, Proof, ReactionChange, Role, Row, RowId, SeenKey, Settlement, StoreError,
};
pub use room::{Entered, EntryError, RoomContent, RoomDelivery, Wanted};
pub use room_store::{MemberChange, MemberRow, RoomStore};
pub use signal::{Sensed, Signal};
pub use store::Store;
