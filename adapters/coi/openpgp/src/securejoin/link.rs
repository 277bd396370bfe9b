// SPDX-License-Identifier: EUPL-1.2
//! Invite links: `https://i.delta.chat/#FINGERPRINT&v=3&i=…&s=…&a=…&n=…`, with `x` and `g` for a room. Nobody calls that host: the part
//! behind `#` never leaves the device, and programs open the link themselves.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::token::{GroupId, Token};
use crate::{address::MailAddress, fingerprint::Fingerprint};

const WEB: &str = "https://i.delta.chat/#";
/// The form of QR codes before the links, which programs still read.
const CODE: &str = "OPENPGP4FPR:";
/// What links escape, as Delta Chat does: nothing that another program would end the link at.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_');
/// Longest link that is read.
const LONGEST: usize = 4096;
/// Characters of a name in a link: alone, and of a person beside a room.
const NAME: usize = 25;
const NAME_BESIDE: usize = 16;

/// An invitation to write to somebody or to join a room. Made by [`Invite::link`] into a text for people and QR codes. `Debug` shows nothing
/// personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// The key of who invites. It is verified by being in the link.
    pub inviter: Fingerprint,
    /// Where the handshake is sent to.
    pub address: MailAddress,
    /// His name; may be empty.
    pub name: String,
    /// The invite number. Only programs without version 3 send it.
    pub number: Token,
    /// The authentication token.
    pub auth: Token,
    /// What it invites to.
    pub purpose: Purpose,
}

/// What an invitation is for.
#[derive(Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Writing to each other.
    Contact,
    /// Joining a room.
    Room {
        /// Its id.
        id: GroupId,
        /// Its name.
        name: String,
    },
}

/// The text is no invite link, or one of a kind that we do not know (a channel, an older handshake).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an invite link of Delta Chat")]
pub struct NoInvite;

impl Invite {
    /// The link. Long names are cut: a QR code has to stay readable.
    #[must_use]
    pub fn link(&self) -> String {
        let (address, number, auth) = (escaped(self.address.as_str()), self.number.as_str(), self.auth.as_str());
        let head = format!("{WEB}{}&v=3", self.inviter.upper());
        match &self.purpose {
            Purpose::Contact => format!("{head}&i={number}&s={auth}&a={address}&n={}", name(&self.name, NAME)),
            Purpose::Room { id, name: room } => {
                let (person, room) = (name(&self.name, NAME_BESIDE), name(room, NAME));
                format!("{head}&x={}&i={number}&s={auth}&a={address}&n={person}&g={room}", id.as_str())
            }
        }
    }

    /// Reads a link, or the text of a QR code.
    ///
    /// # Errors
    /// [`NoInvite`].
    pub fn read(text: &str) -> Result<Self, NoInvite> {
        let text = text.trim();
        let strip = |prefix: &str| {
            text.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
        };
        let inside = strip(WEB).or_else(|| strip(CODE)).filter(|_| text.len() <= LONGEST).ok_or(NoInvite)?;
        let (fingerprint, parameters) = inside.split_once(['&', '#']).ok_or(NoInvite)?;
        let value = |key: &str| {
            let mut pairs = parameters.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| unescaped(value))
        };
        let token = |key: &str| value(key).and_then(|text| Token::new(&text).ok()).ok_or(NoInvite);
        let purpose = match value("x") {
            None => Purpose::Contact,
            Some(id) => Purpose::Room { id: GroupId::new(&id).map_err(|_| NoInvite)?, name: value("g").ok_or(NoInvite)? },
        };
        Ok(Self {
            inviter: Fingerprint::parse(fingerprint).map_err(|_| NoInvite)?,
            address: MailAddress::new(&value("a").ok_or(NoInvite)?).map_err(|_| NoInvite)?,
            name: value("n").unwrap_or_default(),
            number: token("i")?,
            auth: token("s")?,
            purpose,
        })
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A name of at most so many characters; a cut one ends in `_`, since a dot at its end would not be taken for part of the link.
fn name(text: &str, most: usize) -> String {
    let cut = match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['_']).collect(),
        false => text.to_owned(),
    };
    escaped(&cut).replace("%20", "+")
}

fn unescaped(value: &str) -> String {
    let value = value.replace('+', " ");
    percent_decode_str(&value).decode_utf8_lossy().chars().filter(|c| !c.is_control()).collect()
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "Contact",
            Self::Room { .. } => "Room",
        })
    }
}
