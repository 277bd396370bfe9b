// SPDX-License-Identifier: EUPL-1.2
//! The application-service file that the homeserver's administrator puts beside the homeserver's configuration.

use std::fmt::Write;

use dreiklang_model::Network;
use secrecy::ExposeSecret;

use crate::{
    config::{Config, SERVICE},
    namespace::prefix,
};

/// The application-service file (Application Service API § Registration), as YAML. It holds both tokens: keep it secret.
///
/// `rate_limited: false` because the gateway limits people itself; both names of `receive_ephemeral` because older versions
/// of Synapse know the second only; `io.element.msc4190` lets ghosts have devices, by which a homeserver recognises a repeat
/// after its own restart.
#[must_use]
pub fn registration(config: &Config) -> String {
    let server = escaped(&config.server_name);
    let mut yaml = String::from("# Application service of the Dreiklang gateway. Secret: it holds both tokens.\n");
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _infallible = yaml.write_fmt(text);
        yaml.push('\n');
    };
    line(format_args!("id: {SERVICE}"));
    line(format_args!("url: {}", quoted(&config.url)));
    line(format_args!("as_token: {}", quoted(config.as_token.expose_secret())));
    line(format_args!("hs_token: {}", quoted(config.hs_token.expose_secret())));
    line(format_args!("sender_localpart: {SERVICE}"));
    line(format_args!("rate_limited: false"));
    line(format_args!("receive_ephemeral: true"));
    line(format_args!("de.sorunome.msc2409.push_ephemeral: true"));
    line(format_args!("io.element.msc4190: true"));
    line(format_args!("protocols: [{}]", config.networks.iter().map(Network::as_str).collect::<Vec<_>>().join(", ")));
    line(format_args!("namespaces:"));
    for (kind, sigil) in [("users", '@'), ("aliases", '#')] {
        line(format_args!("  {kind}:{}", if config.networks.is_empty() { " []" } else { "" }));
        for network in &config.networks {
            line(format_args!("    - exclusive: true"));
            line(format_args!("      regex: {}", quoted(&format!("{sigil}{}.*:{server}", prefix(network)))));
        }
    }
    line(format_args!("  rooms: []"));
    yaml
}

/// A YAML scalar in double quotes: JSON strings are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A server name as a regular expression that fits only itself.
fn escaped(server_name: &str) -> String {
    let mut escaped = String::with_capacity(server_name.len() + 4);
    for c in server_name.chars() {
        if !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':')) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file() {
        let mut config = Config::example("http://synapse:8008", "0.0.0.0:8481".parse().unwrap());
        config.url = "http://dreiklang:8481".to_owned();
        config.hs_token = "hs\"secret".into();
        let expected = r##"# Application service of the Dreiklang gateway. Secret: it holds both tokens.
id: dreiklang
url: "http://dreiklang:8481"
as_token: "as-secret"
hs_token: "hs\"secret"
sender_localpart: dreiklang
rate_limited: false
receive_ephemeral: true
de.sorunome.msc2409.push_ephemeral: true
io.element.msc4190: true
protocols: [xmpp, mail]
namespaces:
  users:
    - exclusive: true
      regex: "@_xmpp_.*:hs\\.example"
    - exclusive: true
      regex: "@_mail_.*:hs\\.example"
  aliases:
    - exclusive: true
      regex: "#_xmpp_.*:hs\\.example"
    - exclusive: true
      regex: "#_mail_.*:hs\\.example"
  rooms: []
"##;
        assert_eq!(registration(&config), expected);
        assert!(!format!("{config:?}").contains("secret"));
    }
}
