// SPDX-License-Identifier: EUPL-1.2
//! Files that came by mail, from when the mail was acknowledged until they are delivered: a mail server keeps no file for us. They are
//! sealed (`seal.rs`) with a secret that the database keeps sealed in its turn.

mod seal;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use dreiklang_engine::{
    Hub,
    port::{DeliveryError, Media, StoreError},
};
use dreiklang_model::Reason;
use futures::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretSlice};
use tokio::{
    fs,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::OnceCell,
};

pub(crate) use seal::SpoolKey;
use seal::{Damaged, Layout};

/// Under which name the secret is kept.
const SECRET: &str = "spool";

/// The directory of one organisation's files.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    directory: PathBuf,
    key: Arc<OnceCell<SpoolKey>>,
}

/// The name of a file in the spool: hexadecimal digits and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpoolName(String);

impl SpoolName {
    /// The same for the same file of the same mail of the same author to the same recipient, so that a repeat after a crash makes no
    /// second copy; another one for other bytes, whatever Message-ID somebody else gives to his mail.
    pub(crate) fn new(message_id: &str, [author, recipient]: [&str; 2], index: usize, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [message_id.as_bytes(), author.as_bytes(), recipient.as_bytes(), &index.to_le_bytes(), bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Self(hasher.finalize().to_hex().to_string())
    }

    /// [`None`] for what is no such name.
    pub(crate) fn read(text: &str) -> Option<Self> {
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Spool {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), key: Arc::default() }
    }

    /// What seals the files; made when it is first needed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn key(&self, hub: &Hub) -> Result<&SpoolKey, StoreError> {
        let made = || async {
            let secret = match hub.secret(SECRET).await? {
                Some(secret) => secret,
                None => hub.keep_secret(SECRET, SecretSlice::from(hub.seed()?.to_vec())).await?,
            };
            let secret = secret.expose_secret().try_into().map_err(|_| StoreError::Corrupt("the spool's secret".to_owned()))?;
            Ok(SpoolKey::new(secret))
        };
        self.key.get_or_try_init(made).await
    }

    /// Keeps a file. When this answers, it is on the disk; `true`: it was there before.
    ///
    /// # Errors
    /// Those of the file system; nothing is kept.
    pub(crate) async fn keep(&self, key: &SpoolKey, name: &SpoolName, bytes: &[u8]) -> io::Result<bool> {
        let place = self.place(name);
        if fs::try_exists(&place).await? {
            return Ok(true);
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).await?;
        let sealed = key.seal(name, bytes).map_err(io::Error::other)?;
        let unfinished = place.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).await?;
        file.write_all(&sealed).await?;
        file.sync_all().await?;
        fs::rename(&unfinished, &place).await?;
        fs::File::open(&self.directory).await?.sync_all().await?;
        Ok(false)
    }

    /// Opens a file.
    pub(crate) async fn open(&self, key: &SpoolKey, name: &SpoolName) -> Result<Media, DeliveryError> {
        let mut file = match fs::File::open(self.place(name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DeliveryError::Never {
                    reason: Reason::FileUnavailable,
                    cause: "the file is not there any more".to_owned(),
                });
            }
            Err(error) => return Err(DeliveryError::later(format!("the spool: {error}"))),
        };
        let failed = |error: io::Error| DeliveryError::later(format!("the spool: {error}"));
        let length = file.metadata().await.map_err(failed)?.len();
        let version = if length == 0 { 0 } else { file.read_u8().await.map_err(failed)? };
        let layout = Layout::of(version, length)
            .map_err(|error: Damaged| DeliveryError::Never { reason: Reason::FileUnavailable, cause: error.to_string() })?;
        let begun = (file, key.clone(), name.clone(), 0);
        let pieces = stream::try_unfold(begun, move |(mut file, key, name, index)| async move {
            if index == layout.pieces {
                return Ok(None);
            }
            let mut piece = vec![0; layout.length(index)];
            file.read_exact(&mut piece).await?;
            let piece = key.open(&name, index, layout, piece).map_err(io::Error::other)?;
            Ok(Some((piece.into(), (file, key, name, index + 1))))
        });
        Ok(Media { size: Some(layout.size), bytes: pieces.boxed() })
    }

    /// Lets a file go.
    pub(crate) async fn release(&self, name: &SpoolName) {
        match fs::remove_file(self.place(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, "a file stays in the spool"),
            _ => {}
        }
    }

    /// Removes what nobody can be waiting for any more: files that lie there longer than any message does.
    pub(crate) async fn sweep(&self, longest: Duration, now: SystemTime) {
        let Ok(mut files) = fs::read_dir(&self.directory).await else { return };
        while let Ok(Some(file)) = files.next_entry().await {
            let modified = file.metadata().await.and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > longest)) {
                // Another sweep comes.
                let _ = fs::remove_file(file.path()).await;
            }
        }
    }

    fn place(&self, name: &SpoolName) -> PathBuf {
        self.directory.join(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_is_kept_once_and_until_it_is_released() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(&directory.path().join("spool"));
        let key = SpoolKey::new([1; 32]);
        let name = SpoolName::new("1@x", ["carol", "bob"], 0, b"picture");
        assert_eq!(name, SpoolName::new("1@x", ["carol", "bob"], 0, b"picture"));
        assert_ne!(name, SpoolName::new("1@x", ["carol", "bob"], 1, b"picture"));
        // Whoever knows a Message-ID puts no file of his in the place of another.
        assert_ne!(name, SpoolName::new("1@x", ["mallory", "bob"], 0, b"picture"));
        assert_ne!(name, SpoolName::new("1@x", ["carol", "bob"], 0, b"malware"));
        assert_eq!(SpoolName::read(name.as_str()), Some(name.clone()));
        assert_eq!(SpoolName::read("../key"), None);
        assert!(!spool.keep(&key, &name, b"picture").await.unwrap());
        assert!(spool.keep(&key, &name, b"picture").await.unwrap());
        let lies = std::fs::read(spool.place(&name)).unwrap();
        assert!(!lies.windows(7).any(|window| window == b"picture"));
        let media = spool.open(&key, &name).await.unwrap();
        assert_eq!(media.size, Some(7));
        assert_eq!(media.bytes.try_collect::<Vec<_>>().await.unwrap().concat(), b"picture");
        spool.release(&name).await;
        spool.release(&name).await;
        assert!(matches!(spool.open(&key, &name).await, Err(DeliveryError::Never { .. })));
    }

    #[tokio::test]
    async fn what_is_forgotten_goes() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(directory.path());
        let key = SpoolKey::new([1; 32]);
        let name = SpoolName::new("1@x", ["carol", "bob"], 0, b"picture");
        spool.keep(&key, &name, b"picture").await.unwrap();
        let written = std::fs::metadata(spool.place(&name)).unwrap().modified().unwrap();
        spool.sweep(Duration::from_secs(60), written + Duration::from_secs(59)).await;
        assert!(spool.open(&key, &name).await.is_ok());
        spool.sweep(Duration::from_secs(60), written + Duration::from_secs(61)).await;
        assert!(spool.open(&key, &name).await.is_err());
    }
}
