// SPDX-License-Identifier: EUPL-1.2
//! The state directory: the database's place, and the installation's key.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::config::Loaded;

/// The state directory, with its key.
pub(crate) struct State {
    pub(crate) database: PathBuf,
    /// Derives pseudonyms, recognition keys and short aliases; must not change while the database lives.
    pub(crate) key: [u8; 32],
    /// Seals the database's secret values.
    pub(crate) seal: [u8; 32],
}

impl State {
    /// Opens the configured directory; makes it, and the keys, when they are missing. Only the gateway's user can read it.
    pub(crate) fn open(loaded: &Loaded) -> anyhow::Result<Self> {
        let gateway = &loaded.config.gateway;
        let directory = gateway.state.as_path();
        let named = || format!("gateway.state: {}", directory.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(named)?;
        let own = key(&directory.join("key")).with_context(named)?;
        let seal = match &gateway.seal_key_file {
            Some(file) => key(&loaded.base().join(file)).with_context(|| format!("gateway.seal_key_file: {}", file.display()))?,
            None => own,
        };
        Ok(Self { database: directory.join("dreiklang.db"), key: own, seal })
    }
}

fn key(file: &Path) -> anyhow::Result<[u8; 32]> {
    match fs::read(file) {
        Ok(bytes) => {
            bytes.try_into().map_err(|_| anyhow::anyhow!("the file is damaged (it has 32 bytes); restore it from the backup"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            write_private(file, &key)?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a new file that only the gateway's user can read; it is on the disk when this returns.
pub(crate) fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    new.write_all(content)?;
    new.sync_all()
}
