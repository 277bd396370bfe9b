// SPDX-License-Identifier: EUPL-1.2
//! The files of a message on their way into a mail: fetched from wherever they are, for a mail holds them whole. Where one does not come
//! along the mail says so.

use dreiklang_engine::{Hub, port::DeliveryError};
use dreiklang_model::{Attachment, Beside, Message, Placed, Reason, words};
use futures::StreamExt as _;

use crate::{adapter::LARGEST_FILE, outward::Enclosed};

/// A message with its files at hand.
pub(crate) struct Enclosing {
    /// What it says.
    pub(crate) content: Message<Placed>,
    /// Its files.
    pub(crate) enclosed: Vec<Enclosed>,
    /// Why one of them is missing.
    pub(crate) without: Option<Reason>,
}

impl Enclosing {
    /// Fetches the files of a message.
    ///
    /// # Errors
    /// [`DeliveryError`], when one cannot be had now.
    pub(crate) async fn of(hub: &Hub, content: &Message<Placed>) -> Result<Self, DeliveryError> {
        let mut enclosing = Self { content: content.clone(), enclosed: Vec::new(), without: None };
        for file in &content.attachments {
            match fetched(hub, file).await {
                Ok(enclosed) => enclosing.enclosed.push(enclosed),
                Err(DeliveryError::Never { reason, .. }) => {
                    let missing = words::missing(hub.language(), file, &reason);
                    enclosing.content.text = enclosing.content.text.beside(&missing, Beside::Below);
                    enclosing.without.get_or_insert(reason);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(enclosing)
    }
}

async fn fetched(hub: &Hub, file: &Attachment) -> Result<Enclosed, DeliveryError> {
    let (file, mut media) = hub.open(file).await?;
    let size = media.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size.min(LARGEST_FILE as usize));
    while let Some(piece) = media.bytes.next().await {
        let piece = piece.map_err(|error| DeliveryError::later(format!("a file: {error}")))?;
        if bytes.len() + piece.len() > LARGEST_FILE as usize {
            return Err(DeliveryError::Never { reason: Reason::TooLarge, cause: "a file larger than mail takes".to_owned() });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Enclosed { file, bytes })
}
