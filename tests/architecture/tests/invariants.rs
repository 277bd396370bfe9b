// SPDX-License-Identifier: EUPL-1.2
//! The invariants of `ARCHITECTURE.md`, read from `cargo metadata` and from the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--locked".into(), "--filter-platform=x86_64-unknown-linux-gnu".into()])
        .exec()
        .unwrap()
}

/// Which crates each crate of ours names as normal dependencies.
fn named() -> HashMap<String, BTreeSet<String>> {
    let normal = |package: &cargo_metadata::Package| {
        let names = package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal).map(|one| one.name.clone());
        (package.name.to_string(), names.collect())
    };
    metadata().workspace_packages().into_iter().map(normal).collect()
}

#[test]
fn the_model_is_pure() {
    let model = &named()["dreiklang-model"];
    let allowed: BTreeSet<String> = ["serde", "thiserror", "ulid"].map(String::from).into();
    assert!(model.is_subset(&allowed), "the model depends on {model:?}");
}

#[test]
fn the_forms_of_rich_text_are_pure_and_have_one_home() {
    let all = named();
    let known: BTreeSet<String> = ["dreiklang-model", "html5gum", "pulldown-cmark"].map(String::from).into();
    assert_eq!(all["dreiklang-richtext"], known);
    for parser in ["html5gum", "pulldown-cmark"] {
        let homes: Vec<_> = all.iter().filter(|(_, names)| names.contains(parser)).map(|(package, _)| package.as_str()).collect();
        assert_eq!(homes, ["dreiklang-richtext"]);
    }
}

#[test]
fn the_engine_knows_no_protocol_and_no_sql() {
    let engine = &named()["dreiklang-engine"];
    for banned in
        ["ruma", "xmpp-parsers", "tokio-xmpp", "minidom", "jid", "mail-parser", "lettre", "async-imap", "sqlx", "axum", "reqwest"]
    {
        assert!(!engine.contains(banned), "the engine depends on {banned}");
    }
    assert!(engine.iter().all(|name| !name.starts_with("dreiklang-") || name == "dreiklang-model"));
}

#[test]
fn adapters_know_neither_each_other_nor_the_mappings() {
    let all = named();
    for adapter in ["dreiklang-matrix", "dreiklang-xmpp", "dreiklang-coi", "dreiklang-loopback"] {
        let ours: BTreeSet<&str> = all[adapter].iter().map(String::as_str).filter(|name| name.starts_with("dreiklang")).collect();
        let own = (adapter == "dreiklang-coi").then_some("dreiklang-openpgp");
        let forms = (adapter != "dreiklang-loopback").then_some("dreiklang-richtext");
        let known = BTreeSet::from_iter(["dreiklang-engine", "dreiklang-model"].into_iter().chain(own).chain(forms));
        assert_eq!(ours, known, "{adapter}");
    }
}

#[test]
fn only_the_store_names_sqlx_and_each_protocol_crate_has_one_home() {
    let homes = [
        ("sqlx", "dreiklang-store"),
        ("ruma", "dreiklang-matrix"),
        ("tokio-xmpp", "dreiklang-xmpp"),
        ("xmpp-parsers", "dreiklang-xmpp"),
        ("mail-auth", "dreiklang-coi"),
        ("async-imap", "dreiklang-coi"),
        ("lettre", "dreiklang-coi"),
    ];
    for (dependency, home) in homes {
        for (package, names) in &named() {
            assert!(!names.contains(dependency) || package == home, "{package} names {dependency}");
        }
    }
}

#[test]
fn openpgp_is_pure_and_has_one_home() {
    let all = named();
    let allowed: BTreeSet<String> = [
        "base64",
        "dreiklang-model",
        "mail-builder",
        "mail-parser",
        "percent-encoding",
        "pgp",
        "rand_chacha",
        "secrecy",
        "thiserror",
    ]
    .map(String::from)
    .into();
    assert!(all["dreiklang-openpgp"].is_subset(&allowed), "it depends on {:?}", all["dreiklang-openpgp"]);
    let reads_mail = |package: &&String| all[*package].contains("mail-parser");
    let readers: BTreeSet<&str> = all.keys().filter(reads_mail).map(String::as_str).collect();
    assert_eq!(readers, BTreeSet::from(["dreiklang-coi", "dreiklang-openpgp"]));
    let home = |package: &&String| package.as_str() != "dreiklang-openpgp" && all[*package].contains("pgp");
    assert_eq!(all.keys().find(home), None);
}

#[test]
fn tls_is_configured_in_one_place() {
    let files = sources();
    let makes = |text: &str| text.split("#[cfg(test)]").next().is_some_and(|code| code.contains("ClientConfig::builder"));
    let makers: Vec<_> =
        files.iter().filter(|(path, text)| !path.starts_with("tests") && makes(text)).map(|(path, _)| path).collect();
    assert_eq!(makers, [Path::new("gateway/dreiklang/src/tls.rs")]);
    let packages: BTreeSet<String> = metadata().packages.iter().map(|package| package.name.to_string()).collect();
    for banned in ["openssl", "native-tls", "openssl-sys"] {
        assert!(!packages.contains(banned), "{banned} is in the tree");
    }
}

#[test]
fn no_unsafe_code_and_no_panic_in_the_data_path() {
    for (path, text) in sources() {
        if path.starts_with("tests") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for banned in [".unwrap()", ".expect(", "todo!(", "unimplemented!("] {
            let found = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(banned));
            let is_test =
                path.components().any(|part| part.as_os_str() == "tests") || path.to_string_lossy().ends_with("tests.rs");
            assert!(is_test || !found, "{} contains {banned}", path.display());
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for package in metadata().workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} does not take the workspace's lints", package.name);
    }
}

#[test]
fn only_the_clock_reads_the_time() {
    for (path, text) in sources() {
        let at_home = path == Path::new("gateway/engine/src/port/clock.rs") || path.starts_with("tests");
        for banned in ["SystemTime::now", "Timestamp::now()", "Utc::now"] {
            assert!(at_home || !text.contains(banned), "{} reads the time itself", path.display());
        }
    }
}

#[test]
fn personal_data_has_no_display() {
    let text = fs::read_to_string(root().join("gateway/model/src/address.rs")).unwrap();
    assert!(!text.contains("impl fmt::Display"), "an address could be logged by accident");
}

#[test]
fn every_source_file_names_its_licence_and_says_what_lives_there() {
    for (path, text) in sources() {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("// SPDX-License-Identifier: EUPL-1.2"), "{}", path.display());
        assert!(lines.next().is_some_and(|line| line.starts_with("//!")), "{} does not say what lives there", path.display());
    }
}

/// All Rust sources of the workspace, by their path from its root.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["gateway", "adapters", "mappings", "tests"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}
