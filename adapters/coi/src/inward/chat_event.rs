// SPDX-License-Identifier: EUPL-1.2
//! What chat programs say in a mail about the chat itself and not to anybody: calls, timers, pins, changes of a group. Their texts are
//! written for programs that know no better, in the words of the author's program (`You set …`), and are not what somebody said.

use dreiklang_model::{Feature, Lifetime, NativeId, What};

use super::Mail;

/// Header fields that only mails of this kind have.
const FIELDS: &[&str] = &[
    "Chat-Group-Member-Added",
    "Chat-Group-Member-Removed",
    "Chat-Group-Name-Changed",
    "Chat-Group-Description-Changed",
    "Iroh-Node-Addr",
];
/// Values of `Chat-Content` that only mails of this kind have, and that nobody misses.
const CONTENTS: &[&str] = &[
    "call-accepted",
    "call-ended",
    "group-avatar-changed",
    "groupleft",
    "location-streaming-enabled",
    "message-pinned",
    "message-unpinned",
    "protection-disabled",
    "protection-enabled",
];
/// Names of files that programs send to one another.
const FILES: &[&str] = &["location.kml", "multi-device-sync.json", "status-update.json"];

/// What is left to say of a mail about the chat; [`None`]: it is a message. Whoever starts a call must hear that it does not reach the
/// other side.
pub(super) fn read(mail: &Mail<'_>) -> Option<Vec<What<NativeId>>> {
    if !mail.is_chat() {
        return None;
    }
    let content = mail.header("Chat-Content").unwrap_or_default().to_ascii_lowercase();
    let content = content.split(';').next().unwrap_or_default().trim();
    match content {
        "call" => Some(vec![What::Unsupported { feature: Feature::Call, name: None }]),
        "ephemeral-timer-changed" => Some(vec![What::Timer(timer(mail))]),
        content if CONTENTS.contains(&content) || FIELDS.iter().any(|field| mail.header(field).is_some()) => Some(Vec::new()),
        _ => None,
    }
}

/// How long the mail is to stay after it was read; a chat has one timer for all.
pub(super) fn timer(mail: &Mail<'_>) -> Option<Lifetime> {
    mail.header("Ephemeral-Timer").filter(|_| mail.is_chat()).and_then(|seconds| Lifetime::read(&seconds))
}

/// Is a file of this name in a chat mail for the other program alone?
pub(super) fn is_for_programs(mail: &Mail<'_>, name: &str) -> bool {
    mail.is_chat() && FILES.iter().any(|file| file.eq_ignore_ascii_case(name))
}
