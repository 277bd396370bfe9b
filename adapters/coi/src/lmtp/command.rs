// SPDX-License-Identifier: EUPL-1.2
//! The commands of LMTP (RFC 2033 §4, RFC 5321 §4.1.1).

/// What the other server wants.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Command {
    Lhlo,
    Mail { return_path: String, size: Option<usize> },
    Rcpt { to: String },
    Data,
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// A line that is no command, as the answer says it.
pub(super) type Answer = &'static str;

const SYNTAX: Answer = "501 5.5.4 cannot be read";

/// Reads one line without its end.
pub(super) fn parse(line: &str) -> Result<Command, Answer> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "LHLO" if !rest.trim().is_empty() => Ok(Command::Lhlo),
        "LHLO" => Err(SYNTAX),
        // RFC 2033 §4.1: they are for SMTP.
        "HELO" | "EHLO" => Err("500 5.5.1 this is LMTP: say LHLO"),
        "MAIL" => {
            let (return_path, parameters) = path(rest, "FROM:").ok_or(SYNTAX)?;
            let mut size = None;
            for parameter in parameters.split_whitespace() {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
                    ("SIZE", _) => size = Some(value.parse().map_err(|_| SYNTAX)?),
                    ("BODY", "7BIT" | "8BITMIME") | ("SMTPUTF8", "") | ("RET" | "ENVID" | "AUTH", _) => {}
                    _ => return Err("555 5.5.4 parameter not known"),
                }
            }
            Ok(Command::Mail { return_path, size })
        }
        "RCPT" => match path(rest, "TO:").ok_or(SYNTAX)? {
            (to, _) if to.is_empty() => Err(SYNTAX),
            (to, _) => Ok(Command::Rcpt { to }),
        },
        "DATA" if rest.trim().is_empty() => Ok(Command::Data),
        "DATA" => Err(SYNTAX),
        "RSET" => Ok(Command::Rset),
        "NOOP" => Ok(Command::Noop),
        "VRFY" => Ok(Command::Vrfy),
        "QUIT" => Ok(Command::Quit),
        _ => Err("500 5.5.2 command not known"),
    }
}

/// `FROM:<address> parameters`; a quoted local part may contain `>`, a source route is left out (RFC 5321 §3.6.1).
fn path<'a>(text: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let text = text.trim_start();
    let rest = text
        .get(keyword.len()..)
        .filter(|_| text.get(..keyword.len()).is_some_and(|start| start.eq_ignore_ascii_case(keyword)))?;
    let rest = rest.trim_start().strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    let end = rest.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
        None
    })?;
    let (address, parameters) = (rest.get(..end)?, rest.get(end + 1..)?);
    let address = match address.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => address,
    };
    Some((address.to_owned(), parameters))
}

crate::opaque::opaque!(Command);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_read_in_any_case() {
        let mail = |path: &str, size| Ok(Command::Mail { return_path: path.to_owned(), size });
        let rcpt = |to: &str| Ok(Command::Rcpt { to: to.to_owned() });
        for (line, expected) in [
            ("LHLO mail.example", Ok(Command::Lhlo)),
            ("lhlo", Err(SYNTAX)),
            ("MAIL FROM:<>", mail("", None)),
            ("mail from: <carol@mail.example> SIZE=12 BODY=8BITMIME SMTPUTF8", mail("carol@mail.example", Some(12))),
            ("MAIL FROM:<a@b> BODY=BINARYMIME", Err("555 5.5.4 parameter not known")),
            ("MAIL FROM:carol@mail.example", Err(SYNTAX)),
            ("MAIL FROM:<a@b> SIZE=x", Err(SYNTAX)),
            ("RCPT TO:<xmpp.bob=x.example@gw.example> NOTIFY=NEVER", rcpt("xmpp.bob=x.example@gw.example")),
            ("RCPT TO:<\"a>b\"@gw.example>", rcpt("\"a>b\"@gw.example")),
            ("RCPT TO:<@hop.example,@hop2.example:bob@gw.example>", rcpt("bob@gw.example")),
            ("RCPT TO:<>", Err(SYNTAX)),
            ("DATA", Ok(Command::Data)),
            ("QUIT", Ok(Command::Quit)),
            ("", Err("500 5.5.2 command not known")),
            ("EHLO x", Err("500 5.5.1 this is LMTP: say LHLO")),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(line in "(MAIL FROM:|RCPT TO:)?\\PC{0,80}") {
            let _ = parse(&line);
        }
    }
}
