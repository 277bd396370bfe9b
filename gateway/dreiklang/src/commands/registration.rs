// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang registration`: the file for the homeserver, and the settings for the XMPP and mail servers. Tokens that do
//! not exist yet are made.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;

use super::Outcome;
use crate::{
    compose,
    config::{Loaded, Mail, Matrix, Organisation, Secrets, Xmpp},
    print,
    state::write_private,
    tls,
};

pub(crate) fn registration(loaded: &Loaded, output: &Path) -> anyhow::Result<Outcome> {
    fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    let several = loaded.config.organisations.len() > 1;
    for one in &loaded.config.organisations {
        let name = |file: &str| output.join(if several { format!("{}-{file}", one.id) } else { file.to_owned() });
        if let Some(matrix) = &one.matrix {
            make_tokens(matrix, loaded.base())?;
            let secrets = Secrets { organisation: &one.id, base: loaded.base() };
            let tls = tls::client(None)?;
            let config = compose::matrix_config(one, matrix, &secrets, &Arc::clone(&tls))?;
            replace(&name("synapse-registration.yaml"), &dreiklang_matrix::registration(&config))?;
        }
        if let Some(xmpp) = &one.xmpp {
            let secrets = Secrets { organisation: &one.id, base: loaded.base() };
            let secret = secrets.get("XMPP_SECRET", "xmpp.secret_file", xmpp.secret_file.as_deref())?;
            let secret = secrecy::ExposeSecret::expose_secret(&secret);
            replace(&name("prosody.cfg.lua"), &prosody(xmpp, secret))?;
            replace(&name("ejabberd.yml"), &ejabberd(xmpp, secret))?;
        }
        if let Some(mail) = &one.mail {
            replace(&name("postfix.cf"), &postfix(one, mail))?;
        }
    }
    Ok(Outcome::Fine)
}

/// Makes the token files that are named and missing.
fn make_tokens(matrix: &Matrix, base: &Path) -> anyhow::Result<()> {
    for file in [&matrix.as_token_file, &matrix.hs_token_file].into_iter().flatten() {
        let path: PathBuf = base.join(file);
        if path.exists() {
            continue;
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let token = blake3::Hash::from_bytes(random).to_hex();
        write_private(&path, token.as_bytes()).with_context(|| path.display().to_string())?;
        print::line(&format!("made {}", path.display()));
    }
    Ok(())
}

/// Writes a file anew; only its owner can read it, for most of them hold a secret.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    if path.exists() {
        fs::remove_file(path).with_context(named)?;
    }
    write_private(path, text.as_bytes()).with_context(named)?;
    print::line(&format!("wrote {}", path.display()));
    Ok(())
}

fn prosody(xmpp: &Xmpp, secret: &str) -> String {
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = String::from(
        "-- Add this to prosody.cfg.lua. The gateway connects to component_ports (5347); let only the gateway reach it.\n",
    );
    for (network, domain) in &xmpp.domains {
        text.push_str(&format!(
            "\nComponent \"{domain}\"\n  component_secret = \"{quoted}\"\n  component_conflict_resolve = \"kick_old\"\n  name = \"Gateway: {network}\"\n"
        ));
    }
    let items: Vec<String> = xmpp.domains.values().map(|domain| format!("{{ \"{domain}\", \"Gateway\" }}")).collect();
    text.push_str(&format!(
        "\n-- In the VirtualHost of your users, so that their clients find the gateway:\n-- disco_items = {{ {} }}\n",
        items.join(", ")
    ));
    text
}

fn ejabberd(xmpp: &Xmpp, secret: &str) -> String {
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = String::from(
        "# Add this listener to `listen:` in ejabberd.yml; let only the gateway reach it.\n  -\n    port: 5347\n    module: ejabberd_service\n    # Each connection takes what is meant for its own domain only; otherwise the order of messages is not certain.\n    global_routes: false\n    hosts:\n",
    );
    for domain in xmpp.domains.values() {
        text.push_str(&format!("      \"{domain}\":\n        password: \"{quoted}\"\n"));
    }
    text
}

fn postfix(one: &Organisation, mail: &Mail) -> String {
    let domain = &mail.domain;
    let pattern = domain.replace('.', "\\.");
    let mut text = format!("# Settings of Postfix for the mail domain of {} ({domain}).\n", one.id);
    if let Some(lmtp) = &mail.lmtp {
        text.push_str(&format!(
            "# main.cf: the gateway takes mail itself and refuses unknown recipients at once.\nrelay_domains = {domain}\ntransport_maps = inline:{{ {{ {domain} = lmtp:inet:{}:{} }} }}\n",
            if lmtp.listen.ip().is_unspecified() { "dreiklang".to_owned() } else { lmtp.listen.ip().to_string() },
            lmtp.listen.port()
        ));
    }
    if let Some(imap) = &mail.imap {
        text.push_str(&format!(
            "# main.cf: everything for the domain goes to one mailbox, one copy for each recipient.\nvirtual_alias_domains = {domain}\nvirtual_alias_maps = regexp:/etc/postfix/dreiklang-aliases\nlmtp_destination_recipient_limit = 1\n# /etc/postfix/dreiklang-aliases:\n#   /^.*@{pattern}$/  {}\n# master.cf, lmtp: flags=DOR, so that X-Original-To names the recipient.\n",
            imap.user
        ));
    }
    text.push_str(&format!(
        "# The gateway's login must be allowed to send with any sender in {domain}.\n# The server must add Authentication-Results under the name {} and remove foreign ones under that name.\n",
        mail.trusted_authserv_id.as_deref().unwrap_or("in trusted_authserv_id")
    ));
    text
}
