// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang queue`: messages that wait, are held or are dead. Works beside a running gateway and without one.

use dreiklang_engine::port::{Clock, Letter, LetterAction, LetterState, RowId, Store, SystemClock};
use dreiklang_store::{Seal, Sqlite};
use serde::Serialize;

use super::Outcome;
use crate::{
    cli::{Queue, QueueAction, QueueState, Which},
    config::Loaded,
    print,
    state::State,
};

#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    organisation: &'a str,
    from: &'a str,
    to: &'a str,
    state: &'static str,
    attempts: u32,
    age_seconds: u64,
    due_in_seconds: u64,
    cause: Option<&'a str>,
}

pub(crate) async fn queue(loaded: &Loaded, asked: &Queue, json: bool) -> anyhow::Result<Outcome> {
    let state = State::open(loaded)?;
    let store = Sqlite::open(&state.database, Seal::new(&state.seal)?).await?;
    let outcome = match &asked.action {
        None => list(&store, asked, json).await,
        Some(QueueAction::Retry(which)) => act(&store, which, LetterAction::Retry).await,
        Some(QueueAction::Drop(which)) => act(&store, which, LetterAction::Drop).await,
    };
    store.close().await;
    outcome
}

async fn list(store: &Sqlite, asked: &Queue, json: bool) -> anyhow::Result<Outcome> {
    let state = asked.state.map(|state| match state {
        QueueState::Waiting => LetterState::Waiting,
        QueueState::Held => LetterState::Held,
        QueueState::Dead => LetterState::Dead,
    });
    let letters = store.letters(state, asked.limit).await?;
    let now = SystemClock.now();
    let lines: Vec<Line<'_>> = letters.iter().map(|letter| line(letter, now)).collect();
    if json {
        print::line(&serde_json::to_string(&lines)?);
        return Ok(Outcome::Fine);
    }
    if lines.is_empty() {
        print::line("nothing waits");
    }
    for one in lines {
        let Line { number, organisation, from, to, state, attempts, age_seconds, due_in_seconds, cause } = one;
        let cause = cause.unwrap_or("");
        print::line(&format!(
            "{number} {organisation} {from} -> {to} {state}, {attempts} attempts, {age_seconds} s old, due in {due_in_seconds} s {cause}"
        ));
    }
    Ok(Outcome::Fine)
}

fn line(letter: &Letter, now: dreiklang_model::Timestamp) -> Line<'_> {
    Line {
        number: letter.id.0,
        organisation: letter.organisation.as_str(),
        from: letter.source.as_str(),
        to: letter.network.as_str(),
        state: match letter.state {
            LetterState::Waiting => "waiting",
            LetterState::Held => "held",
            LetterState::Dead => "dead",
        },
        attempts: letter.attempts,
        age_seconds: now.since(letter.accepted_at).as_secs(),
        due_in_seconds: letter.due.since(now).as_secs(),
        cause: letter.cause.as_deref(),
    }
}

async fn act(store: &Sqlite, which: &Which, action: LetterAction) -> anyhow::Result<Outcome> {
    let mut numbers = which.numbers.clone();
    if which.all {
        for state in [LetterState::Dead, LetterState::Held] {
            numbers.extend(store.letters(Some(state), usize::MAX).await?.iter().map(|letter| letter.id.0));
        }
        numbers.sort_unstable();
    } else if numbers.is_empty() {
        print::line("name the messages by their numbers, or say --all");
        return Ok(Outcome::Trouble);
    }
    let mut outcome = Outcome::Fine;
    for number in numbers {
        let done = store.act(RowId(number), action, SystemClock.now()).await?;
        let says = match (done, action) {
            (true, LetterAction::Retry) => "will be tried again",
            (true, LetterAction::Drop) => "thrown away",
            (false, _) => {
                outcome = Outcome::Trouble;
                "is not there, or waits for its turn already"
            }
        };
        print::line(&format!("{number}: {says}"));
    }
    Ok(outcome)
}
