// SPDX-License-Identifier: EUPL-1.2
//! One task owns an open stream: it hands on what comes in, writes what is queued, and puts a barrier behind it.
//!
//! Nothing here blocks anything else: when nobody takes what comes in, reading pauses and writing goes on.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use dreiklang_engine::port::DeliveryError;
use dreiklang_model::Reason;
use minidom::Element;
use rxml::bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    books::{Book, Books},
    connection::{Connection, stream_condition},
    ledger::{Copies, Order},
    questions::Questions,
};
use crate::{
    address,
    condition::{Condition, Refusal},
    config::ComponentDomain,
    envelope::{Envelope, Kind},
    xml::{self, Frame, element, namespace},
};

/// How much is read at once at least.
const CHUNK: usize = 8 * 1024;
/// Above this many bytes that the server has not taken, nothing more is written.
const HIGH_WATER: usize = 64 * 1024;
/// Most stanzas between two barriers.
const BATCH: usize = 64;
/// Most stanzas that are not proved.
const WINDOW: usize = 256;
/// After so much silence the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(60);
/// A barrier is out and nothing at all comes in for so long: the connection is dead.
const DEAF: Duration = Duration::from_secs(30);
/// A barrier is out for so long although other things come in: the server swallowed it.
const SWALLOWED: Duration = Duration::from_secs(120);
/// Longest farewell: until everybody is told, and until the server has closed its side.
const FAREWELL: Duration = Duration::from_secs(3);
const CLOSING: Duration = Duration::from_secs(2);

/// Whoever should take what comes in has died.
const NOBODY: &str = "a part of the gateway died and is started again";

/// Something for the service.
#[derive(Debug)]
pub(crate) enum Task {
    /// The component is connected (again).
    Online,
    /// An IQ or a presence.
    Stanza(Element),
    /// How a ghost is there has changed.
    Present(String),
    /// How a ghost is called or looks has changed.
    Portrayed(String),
}

/// Where a session takes from and hands on to. Outlives the session.
pub(crate) struct Ports {
    /// Answers to write.
    pub(crate) answers: mpsc::Receiver<Element>,
    /// What was written on an earlier connection and perhaps lost.
    pub(crate) again: VecDeque<Element>,
    /// Where messages go.
    pub(crate) messages: mpsc::Sender<Element>,
    /// Where everything else goes.
    pub(crate) service: mpsc::Sender<Task>,
    /// The components of the organisation: nobody else sends from their domains.
    pub(crate) own: Vec<ComponentDomain>,
    /// What all open streams have written.
    pub(crate) books: Arc<Books>,
    /// What the gateway itself wants to know.
    pub(crate) questions: Arc<Questions>,
    /// Who counts what is dropped.
    pub(crate) dropped: Box<dyn Fn(&'static str) + Send + Sync>,
    /// Says that everything that had to be said before the end is among the answers.
    pub(crate) farewell: CancellationToken,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// As asked.
    Stopped,
    /// Another program took the name.
    Conflict,
    /// The connection broke; why, for an administrator.
    Broken(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Asked to end: what is left is said.
    Leaving(Instant),
    /// Our side is closed: what the server still sends is read.
    Closing(Instant),
}

enum Held {
    Message(Element),
    Task(Task),
}

/// Serves a stream until it breaks or `stop` is cancelled.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(
    connection: Connection<S>,
    domain: &ComponentDomain,
    mut orders: mpsc::Receiver<Order>,
    ports: &mut Ports,
    stop: &CancellationToken,
) -> End {
    let Connection { socket, reader, input, id } = connection;
    let (mut from_server, mut to_server) = tokio::io::split(socket);
    let mut session = Session {
        domain,
        reader,
        input,
        output: BytesMut::new(),
        book: ports.books.open(id),
        misrouted: false,
        phase: Phase::Open,
        held: Some(Held::Task(Task::Online)),
        heard: Instant::now(),
        resumed: Instant::now(),
    };
    let mut orders_open = true;
    let mut answers_open = true;
    let end = loop {
        if let Err(end) = session.take_in(ports) {
            break end;
        }
        session.write_again(ports);
        if session.barrier_due(orders.is_empty() && ports.answers.is_empty()) {
            session.write_barrier();
        }
        if ports.farewell.is_cancelled() && ports.answers.is_empty() && ports.again.is_empty() {
            session.all_said();
        }
        let (writes, takes) = (session.writes(), session.has_room());
        let deadline = session.deadline();
        let moved = Arc::clone(&session.book);
        tokio::select! {
            read = from_server.read_buf(&mut session.input), if session.held.is_none() => match read {
                Ok(1..) => session.heard = Instant::now(),
                Ok(0) => break session.ended("the server closed the connection"),
                Err(error) => break session.ended(&format!("reading failed: {error}")),
            },
            wrote = to_server.write_buf(&mut session.output), if !session.output.is_empty() => if let Err(error) = wrote {
                break session.ended(&format!("writing failed: {error}"));
            },
            order = orders.recv(), if orders_open && writes => match order {
                Some(order) => session.write_order(order),
                None => orders_open = false,
            },
            answer = ports.answers.recv(), if answers_open && takes => match answer {
                Some(answer) => session.write_answer(answer),
                None => answers_open = false,
            },
            room = ports.messages.reserve(), if matches!(session.held, Some(Held::Message(_))) => match room {
                Ok(room) => session.hand_on(|held| if let Held::Message(message) = held { room.send(message) }),
                Err(_) => break session.ended(NOBODY),
            },
            room = ports.service.reserve(), if matches!(session.held, Some(Held::Task(_))) => match room {
                Ok(room) => session.hand_on(|held| if let Held::Task(task) = held { room.send(task) }),
                Err(_) => break session.ended(NOBODY),
            },
            () = tokio::time::sleep_until(deadline) => if let Err(end) = session.time_is_up() {
                break end;
            },
            () = moved.moved.notified() => {}
            () = stop.cancelled(), if session.phase == Phase::Open => {
                session.phase = Phase::Leaving(Instant::now() + FAREWELL);
            }
            () = ports.farewell.cancelled(), if matches!(session.phase, Phase::Leaving(_)) && !ports.farewell.is_cancelled() => {}
        }
    };
    let drained = session.drain(&mut from_server, ports);
    tokio::select! {
        () = drained => {}
        () = async { stop.cancelled().await; tokio::time::sleep(CLOSING).await } => {
            tracing::warn!("the gateway ended before everything that was received could be handed on");
        }
    }
    ports.again = ports.books.close(&session.book).chain(std::mem::take(&mut ports.again)).collect();
    end
}

struct Session<'a> {
    domain: &'a ComponentDomain,
    reader: xml::Reader,
    input: BytesMut,
    output: BytesMut,
    /// What was written and is not proved; shared with the other connections.
    book: Arc<Book>,
    /// Something came in that is meant for another component; said once.
    misrouted: bool,
    phase: Phase,
    /// What came in and could not be handed on yet.
    held: Option<Held>,
    /// When something was last heard.
    heard: Instant,
    /// When reading went on after a pause: before it, silence meant nothing.
    resumed: Instant,
}

impl Session<'_> {
    /// Hands on everything that was received completely, until somebody has no room for it.
    fn take_in(&mut self, ports: &Ports) -> Result<(), End> {
        while self.held.is_none() {
            match self.reader.next(&mut self.input) {
                Ok(None) => {
                    self.input.reserve(CHUNK);
                    break;
                }
                Ok(Some(Frame::Element(stanza))) => self.sort(stanza, ports)?,
                Ok(Some(Frame::Excessive(head))) => self.refuse(&head, Condition::NotAcceptable, "excessive", ports),
                Ok(Some(Frame::Header { .. })) => {}
                Ok(Some(Frame::Footer)) => return Err(self.ended("the server closed the stream")),
                Err(error) => {
                    (ports.dropped)("broken_stream");
                    return Err(self.ended(&error.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Hands on all that was received before the connection broke: nobody else has it.
    async fn drain(&mut self, from_server: &mut (impl AsyncRead + Unpin), ports: &Ports) {
        loop {
            let whole = self.take_in(ports);
            match self.held.take() {
                Some(Held::Message(message)) => drop(ports.messages.send(message).await),
                Some(Held::Task(task)) => drop(ports.service.send(task).await),
                None if whole.is_err() => break,
                None => match tokio::time::timeout(CLOSING, from_server.read_buf(&mut self.input)).await {
                    Ok(Ok(1..)) => {}
                    _ => break,
                },
            }
        }
    }

    fn sort(&mut self, stanza: Element, ports: &Ports) -> Result<(), End> {
        if stanza.is("error", namespace::STREAM) {
            let condition = stream_condition(&stanza);
            return Err(match condition {
                "conflict" => End::Conflict,
                "system-shutdown" => self.ended("the server is shutting down"),
                other => self.ended(&format!("the server ended the stream: {}", other.chars().take(64).collect::<String>())),
            });
        }
        let Some(envelope) = Envelope::read(&stanza) else {
            (ports.dropped)("malformed");
            return Ok(());
        };
        // Only the component itself can send from the component's domain: the server sees to that. What it sends to itself are
        // barriers, perhaps of an earlier stream.
        let own = |jid: &str| ports.own.iter().any(|own| own.as_str() == jid);
        if envelope.kind == Kind::Iq && envelope.from == envelope.to && own(envelope.from) {
            if let Some(id) = envelope.id {
                ports.books.returned(id);
            }
            return Ok(());
        }
        if address::domain(envelope.to) != self.domain.as_str() && !std::mem::replace(&mut self.misrouted, true) {
            tracing::warn!(
                component = %self.domain,
                "the server hands over here what is meant for another component, so the order of messages is not certain: \
                 set `global_routes: false` in the listener of the components (ejabberd)"
            );
        }
        if settles(&envelope, &stanza, &ports.books)
            || (envelope.kind == Kind::Iq && ports.questions.answered(&envelope, &stanza))
        {
            return Ok(());
        }
        self.held = if envelope.kind == Kind::Message {
            match ports.messages.try_send(stanza) {
                Err(TrySendError::Full(message) | TrySendError::Closed(message)) => Some(Held::Message(message)),
                Ok(()) => None,
            }
        } else {
            match ports.service.try_send(Task::Stanza(stanza)) {
                Err(TrySendError::Full(task) | TrySendError::Closed(task)) => Some(Held::Task(task)),
                Ok(()) => None,
            }
        };
        Ok(())
    }

    fn refuse(&mut self, head: &Element, condition: Condition, why: &'static str, ports: &Ports) {
        (ports.dropped)(why);
        if let Some(answer) = Envelope::read(head).and_then(|envelope| envelope.refuse(condition, None)) {
            self.write_answer(answer);
        }
    }

    fn hand_on(&mut self, give: impl FnOnce(Held)) {
        if let Some(held) = self.held.take() {
            give(held);
        }
        self.resumed = Instant::now();
    }

    /// Orders wait for what was written before them to be proved. Answers do not: while they wait, nothing is read, and what proves would
    /// never come in.
    fn writes(&self) -> bool {
        self.has_room() && self.book.ledger().unproved() < WINDOW
    }

    fn has_room(&self) -> bool {
        self.output.len() < HIGH_WATER && !matches!(self.phase, Phase::Closing(_))
    }

    fn write_order(&mut self, order: Order) {
        let Order { id, to, stanzas, copies, done } = order;
        if done.is_closed() {
            return;
        }
        let written = stanzas.iter().try_for_each(|stanza| xml::write(stanza, &mut self.output));
        let written = written.and_then(|()| {
            copies.into_iter().try_for_each(|Copies { mut stanza, to }| {
                to.iter().try_for_each(|to| {
                    xml::set_attr(&mut stanza, "to", to);
                    xml::write(&stanza, &mut self.output)
                })
            })
        });
        if let Err(error) = written {
            let cause = format!("cannot be written: {error}");
            let _ = done.send(Err(DeliveryError::Never { reason: Reason::Unreadable, cause }));
            return;
        }
        self.book.ledger().ordered(id, to, done);
    }

    fn write_answer(&mut self, answer: Element) {
        match xml::write(&answer, &mut self.output) {
            Ok(()) => self.book.ledger().answered(answer),
            Err(error) => tracing::error!(%error, "an answer cannot be written"),
        }
    }

    fn write_again(&mut self, ports: &mut Ports) {
        while self.writes() {
            let Some(answer) = ports.again.pop_front() else { break };
            self.write_answer(answer);
        }
    }

    /// Nothing else is queued behind what was written, or it is enough for one barrier.
    fn barrier_due(&self, nothing_queued: bool) -> bool {
        let since = self.book.ledger().since_barrier();
        !matches!(self.phase, Phase::Closing(_)) && since > 0 && (nothing_queued || since >= BATCH)
    }

    /// Goes to the component's own domain, so that it needs no other name and comes back through the server's router.
    fn write_barrier(&mut self) {
        let id = self.book.ledger().barrier(Instant::now());
        let domain = self.domain.as_str();
        let ping = element("iq", namespace::COMPONENT).attr("type", "get").attr("from", domain).attr("to", domain);
        let ping = ping.attr("id", &id).child(element("ping", namespace::PING)).build();
        if let Err(error) = xml::write(&ping, &mut self.output) {
            tracing::error!(%error, "a barrier cannot be written");
        }
    }

    /// On the way to the end: closes our side when everything that was said is proved.
    fn all_said(&mut self) {
        if matches!(self.phase, Phase::Leaving(_)) && self.book.ledger().unproved() == 0 {
            self.close();
        }
    }

    fn close(&mut self) {
        self.output.extend_from_slice(b"</stream:stream>");
        self.phase = Phase::Closing(Instant::now() + CLOSING);
    }

    fn deadline(&self) -> Instant {
        let waiting_since = self.book.ledger().waiting_since();
        match (self.phase, waiting_since) {
            (Phase::Leaving(until) | Phase::Closing(until), _) => until,
            // While nothing is read, no answer can be expected.
            (Phase::Open, _) if self.held.is_some() => Instant::now() + SILENCE,
            (Phase::Open, None) => self.heard.max(self.resumed) + SILENCE,
            (Phase::Open, Some(since)) => {
                let since = since.max(self.resumed);
                (self.heard.max(since) + DEAF).min(since + SWALLOWED)
            }
        }
    }

    fn time_is_up(&mut self) -> Result<(), End> {
        let waiting_since = self.book.ledger().waiting_since();
        match (self.phase, waiting_since) {
            (Phase::Leaving(_), _) => self.close(),
            (Phase::Closing(_), _) => return Err(End::Stopped),
            (Phase::Open, _) if self.held.is_some() => {}
            (Phase::Open, None) => self.write_barrier(),
            (Phase::Open, Some(_)) => return Err(self.ended("the server no longer answers")),
        }
        Ok(())
    }

    fn ended(&self, why: &str) -> End {
        if self.phase == Phase::Open { End::Broken(why.to_owned()) } else { End::Stopped }
    }
}

/// A refusal of something that somebody waits for: it is the outcome, and nothing more has to be done about it.
fn settles(envelope: &Envelope<'_>, stanza: &Element, books: &Books) -> bool {
    let (Kind::Message, Some("error"), Some(id)) = (envelope.kind, envelope.kind_of, envelope.id) else { return false };
    address::person(envelope.from).is_some_and(|by| books.refused(id, &by, &Refusal::read(stanza)))
}
