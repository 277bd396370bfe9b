// SPDX-License-Identifier: EUPL-1.2
//! Pictures of people in encrypted mails, as Delta Chat puts them there (`Chat-User-Avatar`): read from those of people, and written into
//! those of ghosts when the picture is another one than the recipient was sent last.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dreiklang_engine::{Hub, Leg, Picture, port::StoreError};
use dreiklang_model::{Address, MediaSource, Network, PictureHash, Portrait};

use crate::{
    inward::Mail,
    spool::{Spool, SpoolName},
};

/// The field.
pub(crate) const FIELD: &str = "Chat-User-Avatar";
/// Most characters of a field that is read.
const LONGEST: usize = 4 * 1024 * 1024;
/// Characters between two places where the field may be folded.
const PIECE: usize = 64;

/// What a mail says of its author's picture; nothing in most mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// He shows none.
    Nothing,
    /// He shows this.
    Picture(Vec<u8>),
}

impl Shown {
    /// Reads the field of a mail that was encrypted and signed: only there it can be believed.
    pub(crate) fn read(mail: &Mail<'_>) -> Option<Self> {
        let field = mail.header(FIELD).filter(|field| field.len() <= LONGEST)?;
        let dense: String = field.chars().filter(|c| !c.is_whitespace()).collect();
        match dense.strip_prefix("base64:") {
            Some(encoded) => STANDARD.decode(encoded).ok().filter(|bytes| !bytes.is_empty()).map(Self::Picture),
            None => (dense == "0").then_some(Self::Nothing),
        }
    }
}

/// Keeps the picture of an author until the engine has it, and tells the engine.
pub(crate) async fn follow(hub: &Hub, spool: &Spool, of: &Address, shown: Shown) -> Result<(), StoreError> {
    let bytes = match shown {
        Shown::Nothing => return hub.portrait(of, Portrait::none()).await.map(drop),
        Shown::Picture(bytes) => bytes,
    };
    let name = SpoolName::new("picture", [of.as_str(), ""], 0, &bytes);
    let kept = spool.keep(spool.key(hub).await?, &name, &bytes).await;
    kept.map_err(|error| StoreError::Failed(format!("the spool: {error}")))?;
    let source = MediaSource { network: Network::MAIL, locator: name.as_str().to_owned() };
    if !hub.portrait(of, Portrait { version: name.as_str().to_owned(), source: Some(source) }).await? {
        spool.release(&name).await;
    }
    Ok(())
}

/// What the recipient of a leg has to be told of the ghost's picture, and how it is remembered that he was.
pub(crate) struct News {
    /// The value of the field.
    pub(crate) field: String,
    note: String,
    hash: Option<PictureHash>,
}

impl News {
    /// [`None`]: he was told, or there never was anything to tell.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn of(hub: &Hub, leg: &Leg) -> Result<Option<Self>, StoreError> {
        let note = format!("pictured/{}/{}", leg.user.address.as_str(), leg.ghost.as_str());
        let told = hub.note(&note).await?;
        if told.as_deref() == leg.ghost_picture.as_ref().map(PictureHash::as_str) {
            return Ok(None);
        }
        let picture = match leg.ghost_picture {
            Some(_) => hub.picture(&leg.other.address).await?,
            None => None,
        };
        let field = picture.as_ref().map_or_else(|| "0".to_owned(), field);
        Ok(Some(Self { field, note, hash: picture.map(|picture| picture.hash) }))
    }

    /// He has been told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn remember(self, hub: &Hub) -> Result<(), StoreError> {
        hub.set_note(&self.note, self.hash.as_ref().map(PictureHash::as_str)).await
    }
}

/// The field's value, with spaces where it may be folded.
fn field(picture: &Picture) -> String {
    let encoded = STANDARD.encode(&picture.bytes);
    let mut field = String::with_capacity(encoded.len() + encoded.len() / PIECE + 8);
    field.push_str("base64:");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(rest.len().min(PIECE));
        field.push(' ');
        field.push_str(piece);
        rest = left;
    }
    field
}

#[cfg(test)]
mod tests {
    use mail_builder::{MessageBuilder, headers::raw::Raw};

    use super::*;

    fn read(field: &str) -> Option<Shown> {
        let mail =
            MessageBuilder::new().from("a@b").header(FIELD, Raw::new(field.to_owned())).text_body("x").write_to_vec().unwrap();
        Shown::read(&Mail::parse(&mail).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes: Vec<u8> = (0..20_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let hash = PictureHash::new("2fd4e1c67a2d28fced849ee1bb76e7391b93eb12").unwrap();
        let field = field(&Picture { hash, bytes: bytes.clone().into() });
        let mail = MessageBuilder::new().from("a@b").header(FIELD, Raw::new(field)).text_body("x").write_to_vec().unwrap();
        assert!(mail.split(|byte| *byte == b'\n').all(|line| line.len() < 120), "no line is longer than mail servers take");
        assert_eq!(Shown::read(&Mail::parse(&mail).unwrap()), Some(Shown::Picture(bytes)));
    }

    #[test]
    fn fields_of_others() {
        assert_eq!(read("base64:cGlj dHVyZQ=="), Some(Shown::Picture(b"picture".to_vec())));
        assert_eq!(read("0"), Some(Shown::Nothing));
        for odd in ["1", "base64:", "base64:!", "avatar.png"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        let sample = include_bytes!("../tests/samples/avatar.eml");
        assert!(
            matches!(Shown::read(&Mail::parse(sample).unwrap()), Some(Shown::Picture(bytes)) if bytes.starts_with(b"\x89PNG"))
        );
    }
}
