// SPDX-License-Identifier: EUPL-1.2
//! A stream against a server that does what servers do, over memory and with the time held still.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use dreiklang_engine::port::DeliveryError;
use dreiklang_model::{Address, Network, Reason};
use minidom::Element;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    End, OpenError, Order, Ports, Task,
    connection::{Connection, greet},
    serve,
};
use crate::{
    config::ComponentDomain,
    xml::{element, namespace},
};

const DOMAIN: &str = "matrix.gw";
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams' from='matrix.gw' id='s1'>";
const BOB: &str = "bob@x";

fn domain() -> ComponentDomain {
    ComponentDomain::new(DOMAIN).unwrap()
}

/// What a stream that greets `answers`, piece by piece, comes to.
async fn greeted(answers: &[&str]) -> (Result<Connection<DuplexStream>, OpenError>, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let greeting = tokio::spawn(async move { greet(ours, &domain(), &"secret".into()).await });
    for answer in answers {
        read_until(&mut theirs, ">").await;
        theirs.write_all(answer.as_bytes()).await.unwrap();
    }
    if answers.len() < 2 {
        theirs.shutdown().await.unwrap();
    }
    (greeting.await.unwrap(), theirs)
}

/// Reads until something ends with `end`.
async fn read_until(from: &mut DuplexStream, end: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).ends_with(end) {
        let mut chunk = [0; 4096];
        let read = timeout(Duration::from_secs(3600), from.read(&mut chunk)).await.expect("something is written").unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_greeting_ends_with_a_stream_or_with_what_to_do() {
    let error = |condition: &str| {
        format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
    };
    let (opened, _server) = greeted(&[HEADER, "<handshake/>"]).await;
    assert_eq!(opened.map(|connection| connection.id).ok().as_deref(), Some("s1"));
    for (condition, words) in [
        ("not-authorized", "secret_file"),
        ("host-unknown", "does not know this component"),
        ("conflict", "connected already"),
        ("policy-violation", "policy-violation"),
    ] {
        let (opened, _server) = greeted(&[HEADER, &error(condition)]).await;
        let says = opened.map(|_| ()).unwrap_err().to_string();
        assert!(says.contains(words), "{condition}: {says}");
    }
    for header in [&format!("{HEADER}{}", error("host-unknown")), "HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let (opened, _server) = greeted(&[header]).await;
        assert!(opened.is_err(), "{header}");
    }
    let (ours, _silent) = tokio::io::duplex(1024);
    assert!(matches!(greet(ours, &domain(), &"secret".into()).await, Err(OpenError::Slow)));
}

/// An open stream with everything around it.
struct Lab {
    server: DuplexStream,
    orders: mpsc::Sender<Order>,
    answers: mpsc::Sender<Element>,
    messages: mpsc::Receiver<Element>,
    service: mpsc::Receiver<Task>,
    stop: CancellationToken,
    farewell: CancellationToken,
    dropped: Arc<Mutex<Vec<&'static str>>>,
    session: JoinHandle<(End, Ports)>,
}

impl Lab {
    async fn new(room: usize) -> Self {
        let (opened, server) = greeted(&[HEADER, "<handshake/>"]).await;
        let (orders, to_deliver) = mpsc::channel(256);
        let (answers, to_write) = mpsc::channel(256);
        let (messages, received) = mpsc::channel(room);
        let (service, asked) = mpsc::channel(room);
        let (stop, farewell) = (CancellationToken::new(), CancellationToken::new());
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let counter = Arc::clone(&dropped);
        let mut ports = Ports {
            answers: to_write,
            again: VecDeque::new(),
            messages,
            service,
            own: vec![domain()],
            books: Arc::default(),
            questions: Arc::default(),
            dropped: Box::new(move |why| counter.lock().unwrap().push(why)),
            farewell: farewell.clone(),
        };
        let stopped = stop.clone();
        let session = tokio::spawn(async move {
            let end = serve(opened.ok().unwrap(), &domain(), to_deliver, &mut ports, &stopped).await;
            (end, ports)
        });
        let mut lab = Self { server, orders, answers, messages: received, service: asked, stop, farewell, dropped, session };
        assert!(matches!(lab.service.recv().await, Some(Task::Online)));
        lab
    }

    async fn order(&self, id: &str) -> oneshot::Receiver<Result<(), DeliveryError>> {
        let (done, wait) = oneshot::channel();
        let stanza = element("message", namespace::COMPONENT).attr("id", id).attr("to", BOB).text_child("body", "hi").build();
        let to = Address::new(Network::XMPP, BOB).unwrap();
        self.orders.send(Order { id: id.into(), to, stanzas: vec![stanza], copies: Vec::new(), done }).await.unwrap();
        wait
    }

    async fn says(&mut self, xml: &str) {
        self.server.write_all(xml.as_bytes()).await.unwrap();
    }

    /// Reads what is written up to the next barrier, and the barrier's id.
    async fn barrier(&mut self) -> (String, String) {
        let written = read_until(&mut self.server, "</iq>").await;
        let id = written.rsplit_once(" id='").and_then(|(_, rest)| rest.split_once('\'')).unwrap().0.to_owned();
        assert!(written.contains("urn:xmpp:ping"), "{written}");
        (written, id)
    }

    async fn returns(&mut self, barrier: &str) {
        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        self.says(&format!("<iq type='get' from='{DOMAIN}' to='{DOMAIN}' id='{barrier}'>{ping}</iq>")).await;
    }

    async fn message(&mut self) -> Element {
        timeout(Duration::from_secs(5), self.messages.recv()).await.expect("a message is handed on").unwrap()
    }

    /// How it ended, and what would be written again.
    async fn end(self) -> (End, Vec<Element>) {
        let (end, ports) = self.session.await.unwrap();
        (end, ports.again.into_iter().collect())
    }
}

fn told(wait: &mut oneshot::Receiver<Result<(), DeliveryError>>) -> Option<Result<(), DeliveryError>> {
    wait.try_recv().ok()
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_done_when_its_barrier_is_back() {
    let mut lab = Lab::new(8).await;
    let mut wait = lab.order("1").await;
    let (written, barrier) = lab.barrier().await;
    assert!(written.starts_with("<message") && written.contains(" id='1'"), "{written}");
    assert!(told(&mut wait).is_none());
    lab.returns(&barrier).await;
    assert!(matches!(wait.await, Ok(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_barrier_is_the_outcome_and_one_after_it_is_handed_on() {
    let mut lab = Lab::new(8).await;
    let wait = lab.order("1").await;
    let (_, barrier) = lab.barrier().await;
    let error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let refusal = format!("<message type='error' from='{BOB}' to='a@{DOMAIN}/gw' id='1'>{error}</message>");
    lab.says(&refusal).await;
    assert!(matches!(wait.await, Ok(Err(DeliveryError::Never { reason: Reason::UnknownRecipient, .. }))));
    lab.returns(&barrier).await;
    lab.says(&refusal).await;
    assert_eq!(lab.message().await.attr("type"), Some("error"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_nothing_uncertain_unsaid() {
    let mut lab = Lab::new(8).await;
    lab.answers.send(element("iq", namespace::COMPONENT).attr("id", "answer").build()).await.unwrap();
    let mut wait = lab.order("1").await;
    lab.barrier().await;
    lab.says("<message from='bob@x' to='a@matrix.gw' id='last'><body>x</body></message>").await;
    let (orders, messages) = (lab.orders.clone(), std::mem::replace(&mut lab.messages, mpsc::channel(1).1));
    drop(std::mem::replace(&mut lab.server, tokio::io::duplex(1).0));
    let (end, again) = lab.end().await;
    assert!(matches!(end, End::Broken(_)));
    assert_eq!(again.iter().map(|answer| answer.attr("id")).collect::<Vec<_>>(), [Some("answer")]);
    assert!(matches!(told(&mut wait), Some(Err(DeliveryError::Unknown { .. }))));
    assert!(orders.is_closed());
    let mut messages = messages;
    assert_eq!(messages.try_recv().unwrap().attr("id"), Some("last"), "what was received before is handed on");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_network_sends_the_stream_lives_on() {
    let mut lab = Lab::new(64).await;
    for odd in [
        "<message type='foo' FROM_TO><body>x</body></message>",
        "<message type='' FROM_TO><thread>1</thread><thread>2</thread><body>x</body></message>",
        "<message FROM_TO>stray<body>x</body>text</message>",
        "<message from='bob@x/🦊' to='a@matrix.gw'><body>x</body></message>",
        "<message from='evil\\@x.org' to='a@matrix.gw'><body>x</body></message>",
        "<message FROM_TO><x xmlns='http://jabber.org/protocol/muc#user'><status code='999'/><item jid='bare@jid'/></x></message>",
        "<message type='error' FROM_TO><error code='404'/></message>",
        "<message type='error' FROM_TO><error type='odd'><unheard-of/></error></message>",
    ] {
        lab.says(&odd.replace("FROM_TO", "from='bob@x/r' to='a@matrix.gw'")).await;
        lab.message().await;
    }
    for odd in [
        "<presence FROM_TO><priority/><show>online</show></presence>",
        "<presence FROM_TO><priority>200</priority><show> away </show><show/></presence>",
        "<presence type='bogus' FROM_TO/>",
        "<iq type='result' FROM_TO/>",
        "<iq type='get' id='1' FROM_TO/>",
        "<iq type='get' id='1' FROM_TO><a/><b/></iq>",
        "<iq type='error' id='1' FROM_TO><error><unheard-of/></error></iq>",
        "<iq type='get' id='1' from='matrix.gw' to='bob@matrix.gw'><ping xmlns='urn:xmpp:ping'/></iq>",
    ] {
        lab.says(&odd.replace("FROM_TO", "from='bob@x/r' to='a@matrix.gw'")).await;
        assert!(matches!(lab.service.recv().await, Some(Task::Stanza(_))), "{odd}");
    }
    for nothing in ["<message to='a@matrix.gw'/>", "<message from='' to=''/>", "<unheard-of/>", "<db:result xmlns:db='x'/>"] {
        lab.says(nothing).await;
    }
    lab.says("<message from='bob@x' to='a@matrix.gw' id='alive'><body>x</body></message>").await;
    assert_eq!(lab.message().await.attr("id"), Some("alive"));
    assert_eq!(*lab.dropped.lock().unwrap(), ["malformed"; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_stanza_that_exceeds_is_answered_and_skipped() {
    let mut lab = Lab::new(8).await;
    let deep = format!("{}{}", "<a>".repeat(500), "</a>".repeat(500));
    lab.says(&format!("<message from='bob@x/r' to='a@matrix.gw' id='deep'>{deep}</message>")).await;
    let (written, barrier) = lab.barrier().await;
    assert!(written.contains("not-acceptable") && written.contains("id='deep'"), "{written}");
    lab.returns(&barrier).await;
    lab.says(&format!("<message type='error' from='bob@x/r' to='a@matrix.gw' id='mine'>{deep}</message>")).await;
    lab.says("<message from='bob@x' to='a@matrix.gw' id='alive'><body>x</body></message>").await;
    assert_eq!(lab.message().await.attr("id"), Some("alive"));
    assert_eq!(*lab.dropped.lock().unwrap(), ["excessive"; 2]);
}

#[tokio::test(start_paused = true)]
async fn idle_hours_pass_and_a_dead_server_is_noticed() {
    let mut lab = Lab::new(8).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3 * 3600) {
        let (written, barrier) = lab.barrier().await;
        assert!(written.starts_with("<iq"), "{written}");
        lab.returns(&barrier).await;
    }
    lab.barrier().await;
    let asked = Instant::now();
    let (end, _) = lab.end().await;
    assert!(matches!(end, End::Broken(_)));
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_takes_messages_reading_pauses_and_nothing_is_lost() {
    let mut lab = Lab::new(1).await;
    for number in 0..20 {
        lab.says(&format!("<message from='bob@x' to='a@matrix.gw' id='{number}'><body>x</body></message>")).await;
    }
    let wait = lab.order("out").await;
    let (written, barrier) = lab.barrier().await;
    assert!(written.contains(" id='out'"), "writing goes on: {written}");
    lab.returns(&barrier).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    for number in 0..20 {
        assert_eq!(lab.message().await.attr("id"), Some(number.to_string().as_str()));
    }
    assert!(matches!(wait.await, Ok(Ok(()))), "the pause was not taken for silence of the server");
}

#[tokio::test(start_paused = true)]
async fn the_end_is_said_and_what_comes_meanwhile_is_taken() {
    let mut lab = Lab::new(8).await;
    lab.stop.cancel();
    lab.answers.send(element("presence", namespace::COMPONENT).attr("type", "unavailable").build()).await.unwrap();
    lab.farewell.cancel();
    let (written, barrier) = lab.barrier().await;
    assert!(written.contains("unavailable"), "{written}");
    lab.returns(&barrier).await;
    assert_eq!(read_until(&mut lab.server, "</stream:stream>").await, "</stream:stream>");
    lab.says("<message from='bob@x' to='a@matrix.gw' id='late'><body>x</body></message></stream:stream>").await;
    assert_eq!(lab.message().await.attr("id"), Some("late"));
    assert_eq!(lab.end().await.0, End::Stopped);
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_even_if_the_server_is_silent() {
    let mut lab = Lab::new(8).await;
    let mut wait = lab.order("1").await;
    lab.barrier().await;
    lab.stop.cancel();
    let asked = Instant::now();
    assert_eq!(lab.end().await.0, End::Stopped);
    assert!(asked.elapsed() < Duration::from_secs(8));
    assert!(matches!(told(&mut wait), Some(Err(DeliveryError::Unknown { .. }))));
}

#[tokio::test(start_paused = true)]
async fn stream_errors_say_why() {
    for (condition, conflict) in [("conflict", true), ("system-shutdown", false), ("not-well-formed", false)] {
        let mut lab = Lab::new(8).await;
        let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
        lab.says(&error).await;
        let (end, _) = lab.end().await;
        assert_eq!(end == End::Conflict, conflict, "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_died_ends_the_stream_instead_of_swallowing() {
    let mut lab = Lab::new(8).await;
    drop(std::mem::replace(&mut lab.messages, mpsc::channel(1).1));
    lab.says("<message from='bob@x' to='a@matrix.gw' id='1'><body>x</body></message>").await;
    assert!(matches!(lab.end().await.0, End::Broken(_)));
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_wait_for_what_can_only_come_in_when_they_are_written() {
    let mut lab = Lab::new(8).await;
    let answers = lab.answers.clone();
    // No barrier comes back: whoever answers is not held up for it, or nobody would read what comes in.
    let asked = tokio::spawn(async move {
        for number in 0..2000 {
            let answer = element("iq", namespace::COMPONENT).attr("type", "result").attr("id", &format!("a{number}"));
            answers.send(answer.build()).await.unwrap();
        }
    });
    let mut written = String::new();
    while !written.contains("id='a1999'") {
        written.push_str(&read_until(&mut lab.server, ">").await);
    }
    asked.await.unwrap();
}
