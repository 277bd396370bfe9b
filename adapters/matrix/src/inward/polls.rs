// SPDX-License-Identifier: EUPL-1.2
//! Polls (Client-Server API § Polls; MSC3381, as most clients still write it). Pure and lenient.

use dreiklang_model::{Message, NativeId, Poll, Reply, What};
use serde_json::{Map, Value};

use super::string;

/// Longest words of an end, in characters.
const LONGEST: usize = 1000;

/// What somebody chose: the poll, and the ids of the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) poll: NativeId,
    answers: Vec<String>,
}

/// A poll that begins.
pub(super) fn start(content: &Map<String, Value>) -> Option<Poll> {
    let (poll, answers) = parts(content)?;
    let question = poll.get("question").and_then(words)?;
    let choices = poll.get("max_selections").and_then(Value::as_u64).unwrap_or(1);
    Poll::new(question, answers.into_iter().map(|(_, answer)| answer), u16::try_from(choices).unwrap_or(u16::MAX))
}

/// The answers of a poll: id and words of each.
type Answers<'a> = Vec<(&'a str, &'a str)>;

/// The content of a poll, and its answers.
fn parts(content: &Map<String, Value>) -> Option<(&Map<String, Value>, Answers<'_>)> {
    let poll = ["m.poll", "org.matrix.msc3381.poll.start"].iter().find_map(|key| content.get(*key)?.as_object())?;
    let answers = poll.get("answers")?.as_array()?.iter().filter_map(|answer| {
        let id = answer.get("m.id").or_else(|| answer.get("id"))?.as_str()?;
        Some((id, words(answer)?))
    });
    Some((poll, answers.collect()))
}

/// The plain words of extensible content (MSC1767), in each of its forms.
fn words(content: &Value) -> Option<&str> {
    let text = content.get("m.text").or_else(|| content.get("org.matrix.msc1767.text"));
    match text {
        Some(Value::Array(forms)) => forms.iter().find_map(|form| form.get("body")?.as_str()),
        Some(Value::String(text)) => Some(text),
        _ => content.get("body")?.as_str(),
    }
}

fn about(content: &Map<String, Value>) -> Option<NativeId> {
    let relation = content.get("m.relates_to")?.as_object()?;
    NativeId::new(string(relation, "event_id")?).ok()
}

/// An answer to a poll.
pub(super) fn response(content: &Map<String, Value>) -> Option<Vote> {
    let chosen = content.get("m.selections").or_else(|| content.get("org.matrix.msc3381.poll.response")?.get("answers"))?;
    let answers = chosen.as_array()?.iter().filter_map(Value::as_str).take(20).map(str::to_owned).collect();
    Some(Vote { poll: about(content)?, answers })
}

/// What was chosen, in the words and with the numbers of the poll; nothing when it is another event, or has no such answers.
pub(crate) fn chosen(vote: &Vote, poll: &Value) -> Option<String> {
    let (_, answers) = parts(poll.get("content")?.as_object()?)?;
    let named = answers.iter().enumerate().filter(|(_, (id, _))| vote.answers.iter().any(|chosen| chosen == id));
    let named: Vec<_> = named.map(|(index, (_, answer))| format!("{}. {answer}", index + 1)).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// The end of a poll: clients say how it ended.
pub(super) fn end(content: &Map<String, Value>) -> Option<What<NativeId>> {
    let in_reply_to = Some(Reply { to: about(content)?, quote: None });
    let whole = Value::Object(content.clone());
    let text: String = words(&whole)?.trim().chars().take(LONGEST).collect();
    (!text.is_empty()).then(|| What::Message(Message { in_reply_to, ..Message::notice(text) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    #[test]
    fn both_forms_are_read() {
        let stable = json!({ "m.poll": {
            "question": { "m.text": [{ "body": "Lunch?", "mimetype": "text/plain" }] }, "kind": "m.disclosed", "max_selections": 2,
            "answers": [{ "m.id": "a", "m.text": [{ "body": "soup" }] }, { "m.id": "b", "m.text": [{ "body": "bread" }] }, { "m.id": "c" }]
        } });
        let unstable = json!({ "org.matrix.msc3381.poll.start": {
            "question": { "org.matrix.msc1767.text": "Lunch?", "body": "Lunch?", "msgtype": "m.text" }, "max_selections": 2,
            "answers": [{ "id": "a", "org.matrix.msc1767.text": "soup" }, { "id": "b", "org.matrix.msc1767.text": "bread" }]
        } });
        let poll = Poll::new("Lunch?", ["soup", "bread"], 2);
        for content in [&stable, &unstable] {
            assert_eq!(start(object(content)), poll);
        }
        for none in [json!({}), json!({ "m.poll": { "answers": [] } }), json!({ "m.poll": 7 })] {
            assert_eq!(start(object(&none)), None);
        }

        let relates = json!({ "rel_type": "m.reference", "event_id": "$poll" });
        let vote = response(object(&json!({ "m.relates_to": relates, "m.selections": ["b", "x"] }))).unwrap();
        assert_eq!(vote.poll.as_str(), "$poll");
        assert_eq!(chosen(&vote, &json!({ "content": stable })).as_deref(), Some("2. bread"));
        assert_eq!(chosen(&vote, &json!({ "content": {} })), None);
        let old = json!({ "m.relates_to": relates, "org.matrix.msc3381.poll.response": { "answers": ["b", "x"] } });
        assert_eq!(response(object(&old)), Some(vote));

        let ended = end(object(&json!({ "m.relates_to": relates, "org.matrix.msc1767.text": "Over. Top answer: soup" })));
        let Some(What::Message(message)) = ended else { panic!() };
        assert_eq!(
            (message.text.reading().as_ref(), message.in_reply_to.unwrap().to.as_str()),
            ("Over. Top answer: soup", "$poll")
        );
        assert_eq!(end(object(&json!({ "m.relates_to": relates }))), None);
    }
}
