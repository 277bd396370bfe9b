// SPDX-License-Identifier: EUPL-1.2
//! Reading the configuration, and saying what is wrong with it: file, line, what was meant. Values are never repeated, for
//! a mistyped secret may be among them.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    error::Kind,
    providers::{Env, Format, Toml},
};
use toml_edit::{Document, Item};

use super::Config;

/// A configuration and where it was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) path: PathBuf,
}

impl Loaded {
    /// What relative paths are relative to.
    pub(crate) fn base(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{}: cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{}", problems.join("\n"))]
    Wrong { problems: Vec<String> },
}

/// Reads a configuration file and the environment.
pub(crate) fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
    let wrong = |problems: Vec<String>| ConfigError::Wrong { problems };
    let file = path.display();
    let document = Document::parse(text.as_str()).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        wrong(vec![format!("{file}:{line}: {}", error.message().replace('\n', " "))])
    })?;
    let environment = Env::prefixed("DREIKLANG_").filter(|key| key.as_str().to_lowercase().starts_with("gateway__")).split("__");
    let figment = Figment::from(Toml::string(&text)).merge(environment);
    let config: Config = figment.extract().map_err(|error| {
        let problems = error.into_iter().map(|one| {
            let line = line_of_path(&document, &text, &one);
            format!("{file}:{line}: {}", say(&one))
        });
        wrong(problems.collect())
    })?;
    let problems = validate(&config);
    if problems.is_empty() {
        Ok(Loaded { config, path: path.to_owned() })
    } else {
        Err(wrong(problems.into_iter().map(|problem| format!("{file}: {problem}")).collect()))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// The line of the setting that an error is about, as near as it can be found.
fn line_of_path(document: &Document<&str>, text: &str, error: &figment::Error) -> usize {
    let mut item: &Item = document.as_item();
    let mut at = 0;
    let mut path: Vec<&str> = error.path.iter().map(String::as_str).collect();
    if let Kind::UnknownField(name, _) = &error.kind
        && path.last() != Some(&name.as_str())
    {
        path.push(name);
    }
    for step in path {
        let next = match step.parse::<usize>() {
            Ok(index) => item.as_array_of_tables().and_then(|tables| tables.get(index)).map(|table| (table.span(), None)),
            Err(_) => item.get(step).map(|next| {
                let key = item.as_table_like().and_then(|table| table.get_key_value(step)).and_then(|(key, _)| key.span());
                (key.or_else(|| next.span()), Some(next))
            }),
        };
        let Some((span, next)) = next else { break };
        at = span.map_or(at, |span| span.start);
        match next.or_else(|| step.parse::<usize>().ok().and_then(|index| item.get(index))) {
            Some(next) => item = next,
            None => break,
        }
    }
    line_of(text, at)
}

fn say(error: &figment::Error) -> String {
    let place = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(name, known) => {
            let begins = known.iter().find(|candidate| candidate.starts_with(&format!("{name}_")));
            let near = known
                .iter()
                .map(|candidate| (distance(name, candidate), candidate))
                .min()
                .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3).max(2))
                .map(|(_, candidate)| candidate);
            let meant = begins
                .or(near)
                .map_or_else(|| format!("known here: {}", known.join(", ")), |candidate| format!("did you mean `{candidate}`?"));
            format!("unknown setting `{name}`: {meant}")
        }
        Kind::MissingField(name) if place.is_empty() => format!("`{name}` is missing"),
        Kind::MissingField(name) => format!("{place}: `{name}` is missing"),
        Kind::InvalidType(found, expected) => format!("{place}: expected {expected}, found {}", kind_of(found)),
        Kind::InvalidValue(found, expected) => format!("{place}: {} does not fit: {expected}", kind_of(found)),
        Kind::InvalidLength(length, expected) => format!("{place}: expected {expected}, found {length}"),
        Kind::UnknownVariant(_, known) => format!("{place}: must be one of {}", known.join(", ")),
        Kind::DuplicateField(name) => format!("{place}: `{name}` is written twice"),
        // Messages of value types (addresses, spans) explain the form and do not repeat the value.
        Kind::Message(message) => format!("{place}: {message}"),
        _ => format!("{place}: has a value that cannot be used here"),
    }
}

/// What was found, without its content.
fn kind_of(found: &figment::error::Actual) -> &'static str {
    use figment::error::Actual;
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) => "a number",
        Actual::Float(_) => "a decimal number",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// How many letters must change to make one word from the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let here = (corner + usize::from(a != *b)).min(left + 1).min(*cell + 1);
            corner = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// What types cannot say.
fn validate(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if config.organisations.is_empty() {
        problems.push("no [[organisation]] is configured".to_owned());
    }
    for (index, organisation) in config.organisations.iter().enumerate() {
        let id = &organisation.id;
        if config.organisations.iter().take(index).any(|earlier| earlier.id == *id) {
            problems.push(format!("organisation {id} is configured twice"));
        }
        let legs = [organisation.matrix.is_some(), organisation.xmpp.is_some(), organisation.mail.is_some()];
        if legs.iter().filter(|leg| **leg).count() < 2 {
            problems.push(format!("organisation {id}: a gateway needs at least two of matrix, xmpp and mail"));
        }
        if let Some(mail) = &organisation.mail {
            match (&mail.imap, &mail.lmtp) {
                (None, None) => problems.push(format!("organisation {id}: mail needs imap or lmtp to receive")),
                (Some(_), Some(_)) => problems.push(format!("organisation {id}: mail has both imap and lmtp; choose one")),
                _ => {}
            }
            let connections =
                mail.imap.iter().map(|imap| (&imap.server, imap.security)).chain([(&mail.smtp.server, mail.smtp.security)]);
            for (server, security) in connections {
                if security == super::Security::None && !is_local(server) {
                    problems.push(format!(
                        "organisation {id}: mail: security = \"none\" is for servers on the same machine only; use \"tls\" or \"starttls\""
                    ));
                }
            }
        }
        if let Some(xmpp) = &organisation.xmpp {
            for network in xmpp.domains.keys().filter(|network| !matches!(network.as_str(), "matrix" | "mail")) {
                problems
                    .push(format!("organisation {id}: xmpp.domains: there is no network `{network}`; known here: matrix, mail"));
            }
            for (name, there) in [("matrix", organisation.matrix.is_some()), ("mail", organisation.mail.is_some())] {
                if there && !xmpp.domains.contains_key(name) {
                    problems.push(format!("organisation {id}: xmpp.domains: the domain for `{name}` is missing"));
                }
            }
        }
    }
    problems
}

fn is_local(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        match load(&path) {
            Ok(_) => String::new(),
            Err(error) => error.to_string().replace(&format!("{}/", directory.path().display()), ""),
        }
    }

    const GOOD: &str = include_str!("../../../../config.example.toml");

    #[test]
    fn the_example_is_a_valid_configuration() {
        assert_eq!(problems(GOOD), "");
    }

    #[test]
    fn mistakes_are_named_with_file_line_and_a_suggestion() {
        let line = |text: &str, needle: &str| text.lines().position(|line| line.contains(needle)).unwrap() + 1;
        let with = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replacen(from, to, 1)
        };
        let typo = with("homeserver = ", "homeservr = ");
        assert_eq!(
            problems(&typo),
            format!("c.toml:{}: unknown setting `homeservr`: did you mean `homeserver`?", line(&typo, "homeservr"))
        );
        let number = with("server_name = \"hs.example\"", "server_name = 7");
        let said = problems(&number);
        assert!(said.starts_with(&format!("c.toml:{}: ", line(&number, "server_name"))), "{said}");
        assert!(said.contains("expected a string, found a number"), "{said}");
        let span = with("# give_up_after = \"48h\"", "give_up_after = \"soon\"");
        assert!(problems(&span).contains("90d, 48h, 5m or 30s"), "{}", problems(&span));
        let syntax = with("[gateway]", "[gateway");
        assert!(problems(&syntax).starts_with(&format!("c.toml:{}", line(&syntax, "[gateway"))), "{}", problems(&syntax));
        let variant = with("language = \"de\"", "language = \"fr\"");
        assert!(problems(&variant).contains("must be one of de, en"), "{}", problems(&variant));
        let plain =
            with("server = \"mail.example:465\", security = \"tls\"", "server = \"mail.example:465\", security = \"none\"");
        assert!(problems(&plain).contains("same machine only"), "{}", problems(&plain));
        assert!(problems("[gateway]\nstate = \"/x\"\norganisation = []").contains("unknown setting `organisation`"));
    }

    #[test]
    fn a_mistyped_secret_is_not_repeated() {
        let leaked = GOOD.replacen("secret_file = ", "secret = \"hunter2\"\nsecret_file = ", 1);
        let said = problems(&leaked);
        assert!(said.contains("unknown setting `secret`: did you mean `secret_file`?") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn distances() {
        for (one, other, changes) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("domain", "domains", 1)] {
            assert_eq!(distance(one, other), changes);
        }
    }
}
