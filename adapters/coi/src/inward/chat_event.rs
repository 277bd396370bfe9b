// SPDX-License-Identifier: EUPL-1.2
//! What chat programs say in a mail about the chat itself and not to anybody: calls, timers, pins, changes of a group. Their texts are
//! written for programs that know no better, in the words of the author's program (`You set …`), and are not what somebody said.

use dreiklang_model::{Feature, NativeId, What};

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
/// Longest text that names what happened, in characters.
const LONGEST: usize = 200;

/// What is left to say of a mail about the chat, `text` being its own words for it; [`None`]: it is a message. Whoever starts a call or
/// has messages vanish must hear that neither reaches the other side.
pub(super) fn read(mail: &Mail<'_>, text: &str) -> Option<Vec<What<NativeId>>> {
    if !mail.is_chat() {
        return None;
    }
    let content = mail.header("Chat-Content").unwrap_or_default().to_ascii_lowercase();
    let content = content.split(';').next().unwrap_or_default().trim();
    let lost = |feature, name| Some(vec![What::Unsupported { feature, name }]);
    match content {
        "call" => lost(Feature::Call, None),
        "ephemeral-timer-changed" => match mail.header("Ephemeral-Timer").is_some_and(|seconds| seconds.trim() != "0") {
            true => lost(Feature::Other, Some(text.chars().take(LONGEST).collect::<String>()).filter(|name| !name.is_empty())),
            false => Some(Vec::new()),
        },
        content if CONTENTS.contains(&content) || FIELDS.iter().any(|field| mail.header(field).is_some()) => Some(Vec::new()),
        _ => None,
    }
}

/// Is a file of this name in a chat mail for the other program alone?
pub(super) fn is_for_programs(mail: &Mail<'_>, name: &str) -> bool {
    mail.is_chat() && FILES.iter().any(|file| file.eq_ignore_ascii_case(name))
}
