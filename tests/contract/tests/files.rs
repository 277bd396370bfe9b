// SPDX-License-Identifier: EUPL-1.2
//! Files on two networks in memory: one that cannot be had holds nothing up, one that the rules forbid does not cross, and each is called
//! what it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::sync::Arc;

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Policy,
    port::{Adapter, Clock, Deliverable, DeliveryError, Health, Store, Verdict},
};
use dreiklang_loopback::Loopback;
use dreiklang_model::{
    Attachment, Capabilities, FileName, MediaKind, MediaSource, MediaType, Message, OrganisationId, Reason, Report, Support, What,
};
use dreiklang_store::{Seal, Sqlite};

/// What became of Alice's file.
#[derive(Debug, PartialEq)]
enum Fate {
    /// It arrived as such a file of such a type.
    Came(MediaKind, String),
    /// She was told that it did not, and why.
    Failed(Reason),
}

fn plan(network: &dreiklang_model::Network) -> Attachment {
    Attachment {
        kind: MediaKind::Image,
        name: FileName::new("plan"),
        media_type: MediaType::new("image/png"),
        size: Some(0),
        dimensions: None,
        blurhash: None,
        duration: None,
        source: MediaSource { network: network.clone(), locator: "https://slow.example/plan.pdf".to_owned() },
        link: None,
    }
}

fn text(delivery: &Deliverable) -> String {
    match &delivery.what {
        What::Message(message) => message.text.reading().into_owned(),
        other => panic!("{other:?} is no message"),
    }
}

/// What becomes of a picture of Alice; what she says afterwards arrives in any case.
async fn sent(policy: Policy, network: impl FnOnce(&Loopback)) -> Fate {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let (left_network, mut alice) = Loopback::new(left());
    let (right_network, mut bob) = Loopback::new(right());
    network(&left_network);
    let right_network = right_network.with(Capabilities { files: Support::Native, ..Capabilities::PLAIN });
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(left_network), Arc::new(right_network)];
    let world = World::start(store, adapters, policy).await;
    let mut with_file = saying((&left(), "alice"), "right|bob", "1", "", world.clock.now());
    with_file.what = What::Message(Message { attachments: vec![plan(&left())], ..Message::text("") });
    assert_eq!(alice.say(with_file).await, Some(Verdict::Stored));
    let next = saying((&left(), "alice"), "right|bob", "2", "and besides", world.clock.now());
    assert_eq!(alice.say(next).await, Some(Verdict::Stored));
    let hub = world.engine.hub(&OrganisationId::new("town").unwrap(), &right()).unwrap();
    let outcome = async {
        let first = bob.hear().await.unwrap();
        if let What::Message(Message { attachments, .. }) = &first.what
            && let [file] = attachments.as_slice()
        {
            assert_eq!(text(&bob.hear().await.unwrap()), "and besides");
            return Fate::Came(file.kind, file.media_type.as_str().to_owned());
        }
        assert_eq!(text(&first), "and besides");
        let heard = alice.hear().await.unwrap().what;
        let What::Report { of, report: Report::Failed(reason) } = heard else { panic!("{heard:?} is no failure") };
        assert_eq!(of.as_str(), "1");
        Fate::Failed(reason)
    };
    // A network that comes back makes every lane try again at once.
    let returning = async {
        loop {
            hub.health("another", &Health::Offline("away".to_owned()));
            hub.health("another", &Health::Online);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { outcome = outcome => outcome, () = returning => unreachable!() }
}

#[tokio::test]
async fn a_chat_waits_for_a_file_on_the_web_but_not_for_long() {
    let failing = |times: usize| {
        sent(Policy::default(), move |network| network.plan_files((0..times).map(|_| DeliveryError::later("no answer"))))
    };
    assert!(matches!(failing(10).await, Fate::Came(..)));
    assert_eq!(failing(11).await, Fate::Failed(Reason::FileUnavailable));
}

#[tokio::test]
async fn a_program_that_calls_itself_a_picture_does_not_cross() {
    let program = [b"MZ".as_slice(), &[0; 200]].concat();
    let usual = sent(Policy::default(), |network| network.hold_file(&program)).await;
    assert_eq!(usual, Fate::Failed(Reason::ForbiddenFile));
    let open = sent(Policy { forbid_files: Vec::new(), ..Policy::default() }, |network| network.hold_file(&program)).await;
    assert_eq!(open, Fate::Came(MediaKind::File, "application/vnd.microsoft.portable-executable".into()));
    let strict = Policy { forbid_files: vec!["image/*".into()], ..Policy::default() };
    assert_eq!(sent(strict, |network| network.hold_file(b"")).await, Fate::Failed(Reason::ForbiddenFile));
}

#[tokio::test]
async fn a_file_is_called_what_it_is() {
    for (bytes, kind, media_type) in [
        (b"%PDF-1.7".as_slice(), MediaKind::File, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", MediaKind::Image, "image/png"),
        (b"<html><script>alert(1)</script>", MediaKind::File, "text/html"),
        (b"words", MediaKind::File, "application/octet-stream"),
    ] {
        let came = sent(Policy::default(), |network| network.hold_file(bytes)).await;
        assert_eq!(came, Fate::Came(kind, media_type.into()));
    }
}
