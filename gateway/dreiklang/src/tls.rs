// SPDX-License-Identifier: EUPL-1.2
//! The one place where TLS is configured: rustls with aws-lc-rs, hybrid post-quantum key agreement first, certificates
//! checked by the platform's authorities and those an administrator adds.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use rustls_platform_verifier::Verifier;

/// The configuration for every connection the gateway opens.
pub(crate) fn client(ca_file: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let extra = ca_file.map(authorities).transpose()?.unwrap_or_default();
    let verifier = match Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider)) {
        Ok(verifier) => {
            return Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()));
        }
        Err(error) => error,
    };
    // A machine without any authority of its own (an empty container): only what the administrator names is trusted.
    tracing::debug!(%verifier, "the platform has no certificate authorities");
    let mut roots = RootCertStore::empty();
    for authority in extra {
        roots.add(authority)?;
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn authorities(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let named = || format!("gateway.ca_file: {}", file.display());
    let found = CertificateDer::pem_file_iter(file).with_context(named)?.collect::<Result<Vec<_>, _>>().with_context(named)?;
    anyhow::ensure!(!found.is_empty(), "{}: holds no certificate", named());
    Ok(found)
}
