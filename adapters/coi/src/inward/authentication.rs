// SPDX-License-Identifier: EUPL-1.2
//! Whether the address in From may be believed: by the results that the organisation's own mail server wrote
//! (`Authentication-Results`, RFC 8601). That server removes what strangers write under its name; results of others count
//! for nothing.

use crate::address::{Domain, canonical};

/// One result: `dkim=pass header.d=mail.example`.
#[derive(Clone, PartialEq, Eq)]
struct Outcome {
    method: String,
    result: String,
    /// `ptype.property` and value.
    properties: Vec<(String, String)>,
}

impl Outcome {
    fn values<'a>(&'a self, property: &'a str) -> impl Iterator<Item = &'a str> {
        self.properties.iter().filter(move |(name, _)| name == property).map(|(_, value)| value.as_str())
    }
}

/// Is `from` (canonical) proved by the results of `trusted` among these header values?
pub(super) fn proves(results: impl Iterator<Item = String>, trusted: &str, from: &str) -> bool {
    let Some((local, domain)) = from.rsplit_once('@') else { return false };
    let Some(domain) = Domain::new(domain) else { return false };
    results
        .filter_map(|value| parse(&value))
        .filter(|(server, _)| server.eq_ignore_ascii_case(trusted))
        .flat_map(|(_, outcomes)| outcomes)
        .any(|outcome| outcome.result == "pass" && supports(&outcome, trusted, local, &domain, from))
}

/// Does one passed result speak for this very author?
fn supports(outcome: &Outcome, trusted: &str, local: &str, domain: &Domain, from: &str) -> bool {
    let domain_of = |value: &str| Domain::new(value.rsplit_once('@').map_or(value, |(_, domain)| domain));
    let aligned = |value: &str| domain_of(value).is_some_and(|signer| domain.is_spoken_for_by(&signer));
    match outcome.method.as_str() {
        "dmarc" => outcome.values("header.from").any(|value| domain_of(value).is_some_and(|named| named == *domain)),
        "dkim" => outcome.values("header.d").chain(outcome.values("header.i")).any(aligned),
        "spf" => outcome.values("smtp.mailfrom").any(aligned),
        "auth" => outcome.values("smtp.auth").any(|login| match canonical(login) {
            Some(login) => login.as_str() == from,
            // A login without a domain is one of the server's own users.
            None => {
                login.eq_ignore_ascii_case(local) && Domain::new(trusted).is_some_and(|server| server.is_spoken_for_by(domain))
            }
        }),
        _ => false,
    }
}

/// RFC 8601 §2.2: the server's id and its results; [`None`] when it cannot be read.
fn parse(value: &str) -> Option<(String, Vec<Outcome>)> {
    let mut statements = statements(value)?.into_iter();
    let mut head = statements.next()?.into_iter();
    let server = head.next()?;
    // An optional version follows; there is only version 1.
    if head.next().is_some_and(|version| version != "1") {
        return None;
    }
    Some((server, statements.filter_map(|words| outcome(&words)).collect()))
}

/// `method[/version] = result *(property = value)`; words never contain an unquoted `=` but as its own word.
fn outcome(words: &[String]) -> Option<Outcome> {
    let mut pairs = words.iter();
    let (method, equals, result) = (pairs.next()?, pairs.next()?, pairs.next()?);
    if equals != "=" {
        return None;
    }
    let (method, version) = method.split_once('/').unwrap_or((method, "1"));
    if version != "1" {
        return None;
    }
    let rest: Vec<&String> = pairs.collect();
    let properties = rest.windows(3).filter(|window| window.get(1).is_some_and(|sign| *sign == "="));
    let properties = properties.filter_map(|window| match window {
        [name, _, value] => Some((name.to_ascii_lowercase(), (*value).clone())),
        _ => None,
    });
    Some(Outcome { method: method.to_ascii_lowercase(), result: result.to_ascii_lowercase(), properties: properties.collect() })
}

/// The value cut at `;` into words: comments left out, quoted strings read, `=` a word of its own.
/// [`None`] when a comment or a string does not end.
fn statements(value: &str) -> Option<Vec<Vec<String>>> {
    let mut all = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = value.chars();
    let flush = |word: &mut Option<String>, all: &mut Vec<Vec<String>>| {
        if let (Some(word), Some(last)) = (word.take(), all.last_mut()) {
            last.push(word);
        }
    };
    // Base64 in a value may end with `=`, so a sign between two words counts only after a name.
    while let Some(c) = characters.next() {
        match c {
            '(' => {
                flush(&mut word, &mut all);
                let mut depth = 1;
                while depth > 0 {
                    match characters.next()? {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        '\\' => drop(characters.next()?),
                        _ => {}
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => word.push(characters.next()?),
                        c => word.push(c),
                    }
                }
            }
            ';' => {
                flush(&mut word, &mut all);
                all.push(Vec::new());
            }
            '=' => {
                flush(&mut word, &mut all);
                all.last_mut()?.push("=".to_owned());
            }
            c if c.is_whitespace() => flush(&mut word, &mut all),
            c => word.get_or_insert_default().push(c),
        }
    }
    flush(&mut word, &mut all);
    Some(all)
}

crate::opaque::opaque!(Outcome);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_aligned_results_of_the_trusted_server_prove_an_author() {
        for (value, proved) in [
            ("mx.example; dmarc=pass header.from=mail.example", true),
            ("mx.example; dmarc=pass (p=none dis=none) header.from=Mail.Example", true),
            (
                "mx.example 1; dmarc=fail header.from=mail.example; dkim=pass header.d=mail.example header.s=x header.b=\"ab=\"",
                true,
            ),
            ("mx.example;\tdkim=pass (2048-bit key; secure) header.i=@mail.example; spf=none", true),
            ("mx.example; dkim/1 = pass reason=\"good; signature\" header.d = mail.example", true),
            ("mx.example; spf=pass smtp.mailfrom=bounces@mail.example", true),
            ("mx.example; auth=pass smtp.auth=carol@mail.example", true),
            ("mx.example; auth=pass smtp.auth=\"Carol@mail.example\"", true),
            ("mx.example; auth=pass smtp.auth=mallory@mail.example", false),
            ("mx.example; auth=pass smtp.auth=carol", false),
            ("mx.example; dkim=pass header.d=evil.example", false),
            ("mx.example; dkim=fail header.d=mail.example", false),
            ("mx.example; dkim=none (dkim=pass header.d=mail.example)", false),
            ("mx.example; dkim=none reason=\"x; dkim=pass header.d=mail.example\"", false),
            ("mx.example; spf=pass smtp.helo=mail.example", false),
            ("mx.example; dmarc=pass", false),
            ("mx.example 2; dmarc=pass header.from=mail.example", false),
            ("mx.example; dkim/2=pass header.d=mail.example", false),
            ("evil.example; dmarc=pass header.from=mail.example", false),
            ("\"mx.example\"; dmarc=pass header.from=mail.example", true),
            ("mx.example; (dmarc=pass header.from=mail.example", false),
            ("mx.example; none", false),
            ("", false),
        ] {
            assert_eq!(proves([value.to_owned()].into_iter(), "mx.example", "carol@mail.example"), proved, "{value}");
        }
    }

    #[test]
    fn a_login_without_a_domain_is_a_user_of_the_server() {
        let login = || ["mail.town.example; auth=pass smtp.auth=carol".to_owned()].into_iter();
        assert!(proves(login(), "mail.town.example", "carol@town.example"));
        assert!(!proves(login(), "mail.town.example", "carol@bank.example"));
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic(value in "\\PC{0,200}") {
            proves([value].into_iter(), "mx.example", "carol@mail.example");
        }
    }
}
