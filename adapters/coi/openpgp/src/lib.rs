// SPDX-License-Identifier: EUPL-1.2
//! OpenPGP as chat over mail uses it today: keys, sealed mail, Autocrypt and SecureJoin, as Delta Chat writes them.
//!
//! Pure: no I/O, no clock, no store. Time is passed in, randomness comes from a [`Randomness`], keys are looked up by the caller.

mod address;
mod autocrypt;
mod certificate;
mod envelope;
mod fingerprint;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod headers;
mod open;
mod randomness;
mod seal;
mod secret_key;
pub mod securejoin;
mod vcard;

pub use address::{MailAddress, NoMailAddress};
pub use autocrypt::{Autocrypt, AutocryptError};
pub use certificate::{Certificate, CertificateError, LARGEST_CERTIFICATE, Standing};
pub use envelope::{Envelope, Limits};
pub use fingerprint::{Fingerprint, NoFingerprint};
pub use headers::unsealed;
pub use open::{Lock, Misdirected, OpenError, Opened, Opener, SharedSecret, Signed, Signer};
pub use randomness::Randomness;
pub use seal::{SealError, seal, seal_letter};
pub use secret_key::{SecretKey, SecretKeyError};
pub use vcard::Card;
