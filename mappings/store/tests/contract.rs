// SPDX-License-Identifier: EUPL-1.2
//! The embedded database keeps the contract of stores, and what was acknowledged survives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{path::Path, sync::Arc, time::Duration};

use dreiklang_engine::port::Store;
use dreiklang_model::{Network, OrganisationId};
use dreiklang_store::{Seal, Sqlite};

async fn open(directory: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&directory.join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap())
}

macro_rules! contract {
    ($($check:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $check() {
                let directory = tempfile::tempdir().unwrap();
                dreiklang_contract::store::$check(open(directory.path()).await).await;
            }
        )*
    };
}

contract!(
    arrivals_are_stored_once,
    recognition_is_scoped_to_the_organisation,
    order_is_the_order_of_commits,
    settling_is_idempotent,
    postponed_rows_keep_their_place,
    dead_letters_can_be_revived_and_dropped,
    held_rows_do_not_wait_for_their_turn,
    a_pair_has_one_conversation,
    binding_compares_before_it_sets,
    a_written_address_never_changes,
    names_follow,
    messages_are_found_by_their_names,
    reactions_are_kept_as_a_set,
    portraits_follow_the_newest_version,
    notes_are_kept_by_network,
    secrets_stay_and_are_not_readable,
    what_is_due_expires,
    commits_wake_readers,
);

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).await.close().await;
    let file = directory.path().join("dreiklang.db");
    let mut bytes = std::fs::read(&file).unwrap();
    // The user version: four bytes, most significant first, at offset 60 of the file's header.
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&file, bytes).unwrap();
    let error = Sqlite::open(&file, Seal::new(&[7; 32]).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn the_database_is_written_for_power_cuts() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    assert!(directory.path().join("dreiklang.db-wal").exists(), "write-ahead log");
    store.close().await;
}

/// Otherwise the log would grow as long as the gateway runs, and each commit would one day wait until all of it is moved.
#[tokio::test]
async fn the_log_is_moved_into_the_database_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let organisation = store.organisation(&OrganisationId::new("town").unwrap()).await.unwrap();
    let file = directory.path().join("dreiklang.db");
    let before = std::fs::metadata(&file).unwrap().len();
    // Few enough that SQLite would not do it by itself.
    for round in 0..40 {
        let writes = (0..100).map(|number| {
            let (store, key) = (Arc::clone(&store), format!("{round}/{number}"));
            async move { store.set_note(organisation, &Network::MAIL, &key, Some("a note of some length")).await.unwrap() }
        });
        futures::future::join_all(writes).await;
    }
    let moved = async {
        while std::fs::metadata(&file).unwrap().len() < before + 4000 * 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), moved).await.expect("the log was not moved");
    store.close().await;
}
