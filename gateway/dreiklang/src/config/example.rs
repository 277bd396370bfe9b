// SPDX-License-Identifier: EUPL-1.2
//! `config.example.toml`, written from the doc comments of the configuration types. A test holds the file to it.

use super::{Described, Gateway, Mail, Matrix, Organisation, Policy, Xmpp};

/// The example file.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# SPDX-License-Identifier: EUPL-1.2\n\
         # The configuration of Dreiklang. Lines that begin with # show what holds when nothing is written.\n\
         # Check it with `dreiklang config check`, and every connection with `dreiklang check`.\n\
         # A secret comes from the file that a `…_file` setting names (relative to this file), or from the environment:\n\
         # DREIKLANG_<ORGANISATION>_AS_TOKEN, …_HS_TOKEN, …_XMPP_SECRET, …_IMAP_PASSWORD, …_SMTP_PASSWORD.\n",
    );
    section::<Gateway>(&mut text, "[gateway]");
    section::<Organisation>(&mut text, "[[organisation]]");
    section::<Matrix>(&mut text, "[organisation.matrix]");
    section::<Xmpp>(&mut text, "[organisation.xmpp]");
    section::<Mail>(&mut text, "[organisation.mail]");
    section::<Policy>(&mut text, "[organisation.policy]");
    text
}

fn section<S: Described>(text: &mut String, head: &str) {
    text.push('\n');
    comment(text, S::ABOUT);
    text.push_str(head);
    text.push('\n');
    for field in S::FIELDS.iter().filter(|field| !field.example.is_empty()) {
        comment(text, field.about);
        let line = match field.example.strip_prefix("# ") {
            Some(default) => format!("# {} = {default}\n", field.name),
            None => format!("{} = {}\n", field.name, field.example),
        };
        text.push_str(&line);
    }
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        text.push('#');
        text.push_str(line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_when_nothing_is_written_of_files_is_shown() {
        let text = example();
        let line = text.lines().find_map(|line| line.strip_prefix("# forbid_files = ")).unwrap();
        let shown: toml_edit::Array = line.parse::<toml_edit::Value>().unwrap().as_array().unwrap().clone();
        let shown: Vec<_> = shown.iter().map(|one| one.as_str().unwrap()).collect();
        assert_eq!(shown, dreiklang_engine::USUALLY_FORBIDDEN);
    }

    /// Run with `UPDATE_EXAMPLE=1` to write the file anew.
    #[test]
    fn the_file_is_what_the_types_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(path, example()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), example(), "write it anew with UPDATE_EXAMPLE=1 cargo test");
    }
}
