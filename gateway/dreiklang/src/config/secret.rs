// SPDX-License-Identifier: EUPL-1.2
//! Where secrets come from: a file, or the environment. They are never in the configuration file itself and never printed.

use std::path::{Path, PathBuf};

use dreiklang_model::OrganisationId;
use secrecy::SecretString;

/// Why a secret is not there. Never shows it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("{setting}: the file {} cannot be read: {cause}", path.display())]
    File { setting: String, path: PathBuf, cause: std::io::Error },
    #[error("{setting}: the file {} is empty", path.display())]
    Empty { setting: String, path: PathBuf },
    #[error("{setting} is missing: name a file there, or set {variable} in the environment")]
    Missing { setting: String, variable: String },
}

/// Finds an organisation's secrets.
pub(crate) struct Secrets<'a> {
    pub(crate) organisation: &'a OrganisationId,
    /// What relative paths are relative to: the configuration file's directory.
    pub(crate) base: &'a Path,
}

impl Secrets<'_> {
    /// The secret of a setting: `name` is `AS_TOKEN`, say, and `setting` `matrix.as_token_file`.
    pub(crate) fn get(&self, name: &str, setting: &str, file: Option<&Path>) -> Result<SecretString, SecretError> {
        let setting = format!("organisation {}: {setting}", self.organisation);
        if let Some(file) = file {
            let path = self.base.join(file);
            let text = std::fs::read_to_string(&path).map_err(|cause| SecretError::File {
                setting: setting.clone(),
                path: path.clone(),
                cause,
            })?;
            let text = text.trim();
            return if text.is_empty() { Err(SecretError::Empty { setting, path }) } else { Ok(SecretString::from(text)) };
        }
        let organisation = self.organisation.as_str().to_uppercase().replace('-', "_");
        let variable = format!("DREIKLANG_{organisation}_{name}");
        match std::env::var(&variable) {
            Ok(text) if !text.trim().is_empty() => Ok(SecretString::from(text.trim())),
            _ => Err(SecretError::Missing { setting, variable }),
        }
    }
}
