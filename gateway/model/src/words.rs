// SPDX-License-Identifier: EUPL-1.2
//! Every sentence the gateway says to people, in German (formal address) and English.
//!
//! A sentence is a value of [`Text`]; the compiler sees to it that each has both languages.

use serde::{Deserialize, Serialize};

use crate::{Attachment, Feature, MediaLink, Poll, Reason};

/// A language the gateway speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Language {
    /// German, formal address.
    #[default]
    #[serde(rename = "de")]
    German,
    /// English.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// The BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }
}

/// A sentence for people; [`Text::Corrected`] is the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentences below say what each is for")]
pub enum Text<'a> {
    Corrected,
    Retracted,
    CannotCarry { feature: Feature, name: Option<&'a str> },
    FileAt { feature: Feature, name: &'a str, address: &'a str },
    FileForbidden { feature: Feature, name: &'a str },
    Failed { reason: &'a Reason },
    FailedMessage { reason: &'a Reason, excerpt: &'a str },
    Delayed,
    Reduced { feature: Feature },
    Place { words: &'a str },
    Timer { seconds: Option<u32> },
    Poll { poll: &'a Poll },
    PollAnswer { answers: &'a str },
    EncryptedRoom,
    EncryptedRoomOfMany,
    ChatMoved { link: &'a str },
    RoomLost { why: Option<&'a str> },
    RoomsDone,
    RoomsLinked { address: &'a str },
    RoomsUnlinked,
    BotRoomsUsage,
    BotRoomsWait,
    Opened { name: &'a str },
    BotHelp { organisation: &'a str },
    BotUnknown { word: &'a str },
    BotChatReady { name: &'a str, address: &'a str },
    BotChatUsage,
    BotAddressUnknown { address: &'a str },
    BotNotConnected { address: &'a str },
    BotPolicy { organisation: &'a str },
    BotInvitation { name: &'a str, link: &'a str, days: u64 },
    BotInvitationOwn { link: &'a str, days: u64 },
    BotNoInvitation,
    BotContact { name: &'a str },
    GhostName { name: &'a str, network: &'a str },
    GhostStatus { organisation: &'a str, network: &'a str },
    GhostDescription { organisation: &'a str, network: &'a str },
    RoomNotJoined,
    RoomElsewhere,
    RoomNickTaken,
    RoomNickUnusable,
    RoomMoved { address: &'a str },
    RoomFull,
    GatewayName { organisation: &'a str },
    GatewayPrompt,
    GatewayDescription,
    MailSubject { name: &'a str },
    MailReply { subject: &'a str },
    MailFooter { organisation: &'a str },
    MailRead { name: &'a str },
    MailReadSubject,
    DsnSubject,
    DsnIntroduction,
    DelayedSubject,
    AutomaticReason,
}

/// The sentence in the given language.
#[must_use]
pub fn say(language: Language, text: &Text<'_>) -> String {
    match language {
        Language::German => german(text),
        Language::English => english(text),
    }
}

/// What people read where a file would stand that does not come.
#[must_use]
pub fn missing(language: Language, file: &Attachment, why: &Reason) -> String {
    let (feature, name) = (file.kind.feature(), file.name.as_str());
    match why {
        Reason::ForbiddenFile => say(language, &Text::FileForbidden { feature, name }),
        _ => say(language, &Text::CannotCarry { feature, name: Some(name) }),
    }
}

/// Why something failed, as half a sentence that can stand after a colon.
#[must_use]
pub fn reason(language: Language, why: &Reason) -> String {
    let (german, english) = match why {
        Reason::UnknownRecipient => ("Diese Adresse gibt es nicht.", "This address does not exist."),
        Reason::Forbidden => {
            ("Die Regeln der Organisation erlauben das nicht.", "The rules of the organisation do not allow this.")
        }
        Reason::Rejected => ("Die Gegenseite nimmt die Nachricht nicht an.", "The other side does not accept the message."),
        Reason::TooLarge => ("Die Nachricht ist zu groß.", "The message is too large."),
        Reason::TooMany => (
            "Zu viele Nachrichten in kurzer Zeit. Bitte versuchen Sie es später noch einmal.",
            "Too many messages in a short time. Please try again later.",
        ),
        Reason::Unreachable => {
            ("Die Gegenseite war zu lange nicht erreichbar.", "The other side could not be reached for too long.")
        }
        Reason::NotAuthenticated => (
            "Die Echtheit des Absenders ließ sich nicht prüfen. Bitte senden Sie über den Mailserver Ihres Anbieters.",
            "The sender's identity could not be verified. Please send through your provider's mail server.",
        ),
        Reason::Encrypted(scheme) => {
            return match language {
                Language::German => format!(
                    "Die Nachricht ist verschlüsselt ({scheme}), und das Gateway kann sie nicht lesen. \
                     Bitte schalten Sie die Verschlüsselung für diesen Kontakt aus und senden Sie sie noch einmal."
                ),
                Language::English => format!(
                    "The message is encrypted ({scheme}) and the gateway cannot read it. \
                     Please switch encryption off for this contact and send it again."
                ),
            };
        }
        Reason::NeedsInvitation => (
            "Diese Person nimmt nur verschlüsselte Nachrichten an, und das Gateway kennt ihren Schlüssel noch nicht. Bitte geben \
             Sie ihr einen Einladungslink: Schreiben Sie dem Gateway „invite“, und es antwortet damit.",
            "This person accepts only encrypted messages, and the gateway does not know their key yet. Please give them an \
             invite link: write “invite” to the gateway, and it answers with one.",
        ),
        Reason::InvitedOnly => {
            ("In diesen Raum kommt nur, wer eingeladen ist.", "Only those who are invited may come into this room.")
        }
        Reason::EncryptedRoom => (
            "Dieser Raum ist verschlüsselt, und das Gateway kann darin nicht mitlesen.",
            "This room is encrypted, and the gateway cannot read in it.",
        ),
        Reason::KeyChanged => (
            "Sie schreiben mit einem anderen Schlüssel als dem, der zu Ihrer Adresse bekannt ist. Bitte lassen Sie sich einen \
             neuen Einladungslink geben, öffnen Sie ihn und senden Sie die Nachricht noch einmal.",
            "You write with another key than the one known for your address. Please ask for a new invite link, open it and send \
             the message again.",
        ),
        Reason::WrongKey => (
            "Die Nachricht ist für einen Schlüssel verschlüsselt, den das Gateway nicht hat. Bitte lassen Sie sich einen neuen \
             Einladungslink geben, öffnen Sie ihn und senden Sie die Nachricht noch einmal.",
            "The message is encrypted for a key that the gateway does not have. Please ask for a new invite link, open it and \
             send the message again.",
        ),
        Reason::NotConnected => ("Dieses Netz ist hier nicht angeschlossen.", "This network is not connected here."),
        Reason::FileUnavailable => (
            "Die Datei ließ sich nicht abrufen. Bitte senden Sie sie noch einmal.",
            "The file could not be fetched. Please send it again.",
        ),
        Reason::Expired => (
            "Ihre Frist war abgelaufen, bevor die Gegenseite erreichbar war.",
            "Its time was over before the other side could be reached.",
        ),
        Reason::ForbiddenFile => (
            "Die Regeln der Organisation lassen Dateien dieser Art nicht zu.",
            "The rules of the organisation do not allow files of this kind.",
        ),
        Reason::Unreadable => ("Die Nachricht ist nicht lesbar.", "The message cannot be read."),
        Reason::Said(words) => {
            return match language {
                Language::German => format!("Die Gegenseite antwortet: {words}"),
                Language::English => format!("The other side says: {words}"),
            };
        }
    };
    match language {
        Language::German => german.to_owned(),
        Language::English => english.to_owned(),
    }
}

fn feature(language: Language, feature: Feature) -> &'static str {
    let (german, english) = match feature {
        Feature::Image => ("Bild", "image"),
        Feature::Audio => ("Audioaufnahme", "audio recording"),
        Feature::Video => ("Video", "video"),
        Feature::File => ("Datei", "file"),
        Feature::Sticker => ("Sticker", "sticker"),
        Feature::Location => ("Standort", "location"),
        Feature::Poll => ("Umfrage", "poll"),
        Feature::ContactCard => ("Visitenkarte", "contact card"),
        Feature::Reaction => ("Reaktion", "reaction"),
        Feature::Retraction => ("Löschung einer Nachricht", "deletion of a message"),
        Feature::Call => ("Anruf", "call"),
        Feature::Edit => ("Bearbeitung", "edit"),
        Feature::Reply => ("Antwortbezug", "reply reference"),
        Feature::Thread => ("Bezug auf einen Thread", "thread reference"),
        Feature::Emote => ("Aktion", "action"),
        Feature::Notice => ("Hinweis", "notice"),
        Feature::Subject => ("Betreff", "subject"),
        Feature::Expiry => ("Verfallszeit von Nachrichten", "expiry of messages"),
        Feature::Formatting => ("Formatierung", "formatting"),
        Feature::Other => ("Inhalt unbekannter Art", "content of unknown kind"),
    };
    match language {
        Language::German => german,
        Language::English => english,
    }
}

fn named(what: &str, name: Option<&str>) -> String {
    name.map_or_else(|| what.to_owned(), |name| format!("{what} “{name}”"))
}

fn german(text: &Text<'_>) -> String {
    let language = Language::German;
    match text {
        Text::Corrected => "Berichtigung: ".to_owned(),
        Text::Place { words } => format!("Standort: {words}"),
        Text::Timer { seconds: Some(seconds) } => format!(
            "Nachrichten in diesem Chat verschwinden auf der Gegenseite {} nach dem Lesen. Hier bleiben sie stehen.",
            span(language, *seconds)
        ),
        Text::Timer { seconds: None } => "Nachrichten in diesem Chat verschwinden auf der Gegenseite nicht mehr.".to_owned(),
        Text::Poll { poll } => {
            let choose = if poll.choices > 1 { format!(" (bis zu {} Antworten)", poll.choices) } else { String::new() };
            format!("Umfrage{choose}: {}\n{}", poll.question, numbered(&poll.answers))
        }
        Text::PollAnswer { answers } => format!("Antwort auf die Umfrage: {answers}"),
        Text::Retracted => "Eine Nachricht wurde von ihrem Verfasser gelöscht.".to_owned(),
        Text::CannotCarry { feature: what, name } => format!(
            "[{}: konnte vom Gateway nicht übertragen werden]",
            name.map_or_else(|| feature(language, *what).to_owned(), |name| format!("{} „{name}“", feature(language, *what)))
        ),
        Text::FileAt { feature: what, name, address } => {
            format!("[{} „{name}“, {} Tage lang abrufbar: {address} ]", feature(language, *what), MediaLink::DAYS)
        }
        Text::FileForbidden { feature: what, name } => {
            format!("[{} „{name}“: Dateien dieser Art lassen die Regeln der Organisation nicht zu]", feature(language, *what))
        }
        Text::Failed { reason: why } => format!("Ihre Nachricht wurde nicht zugestellt. {}", reason(language, why)),
        Text::FailedMessage { reason: why, excerpt } => {
            format!("Ihre Nachricht „{excerpt}“ wurde nicht zugestellt. {}", reason(language, why))
        }
        Text::Delayed => {
            "Die Gegenseite ist gerade nicht erreichbar. Ihre Nachricht wartet und wird zugestellt, sobald es geht.".to_owned()
        }
        Text::Reduced { feature: what } => format!(
            "Die Gegenseite hat nur einen Hinweis erhalten: {} kann das Gateway nicht übertragen.",
            feature(language, *what)
        ),
        Text::EncryptedRoom => "Dieser Raum ist verschlüsselt, und das Gateway kann hier noch nicht mitlesen: Ihre Nachrichten \
             kommen nicht an. Bitte beginnen Sie einen neuen Chat mit dieser Adresse und schalten Sie die Verschlüsselung \
             beim Anlegen aus."
            .to_owned(),
        Text::EncryptedRoomOfMany => "Dieser Raum ist jetzt verschlüsselt, und das Gateway kann hier nicht mitlesen: Was Sie \
             schreiben, kommt bei den Mitgliedern auf anderen Netzen nicht an. Deren Nachrichten erscheinen hier weiterhin, \
             unverschlüsselt."
            .to_owned(),
        Text::ChatMoved { link } => format!("Dieses Gespräch wird hier fortgesetzt: {link}"),
        Text::Opened { name } => format!("Hier können Sie mit {name} schreiben."),
        Text::BotHelp { organisation } => format!(
            "Ich bin das Gateway von {organisation} zwischen Matrix, XMPP und E-Mail.\n\
             help – diese Hilfe\n\
             chat ADRESSE – ein Gespräch beginnen; als Adresse geht jede übliche Form, zum Beispiel @name:server, \
             name@server, xmpp:name@server oder mailto:name@server\n\
             invite – ein Einladungslink, mit dem jemand Ihnen aus Delta Chat schreiben kann; invite ADRESSE – einer zu einer \
             anderen Person\n\
             policy – was mit Ihren Nachrichten geschieht"
        ),
        Text::BotUnknown { word } => format!("„{word}“ kenne ich nicht. Schreiben Sie „help“ für eine Übersicht."),
        Text::BotChatReady { name, address } => format!("{name} erreichen Sie unter {address}"),
        Text::BotChatUsage => "Bitte nennen Sie eine Adresse, zum Beispiel: chat name@server".to_owned(),
        Text::BotAddressUnknown { address } => format!("„{address}“ ist keine Adresse, die ich erreichen kann."),
        Text::BotNotConnected { address } => {
            format!("„{address}“ gehört zu einem Netz, das hier nicht angeschlossen ist, oder zu Ihrem eigenen.")
        }
        Text::BotPolicy { organisation } => format!(
            "Das Gateway von {organisation} überträgt Ihre Nachrichten zwischen Matrix, XMPP und E-Mail und kann sie dabei \
             lesen. Texte werden nur gespeichert, bis sie zugestellt sind. Adressen bleiben gespeichert, damit Antworten \
             ankommen. Nichts geht an Dritte."
        ),
        Text::BotInvitation { name, link, days } => {
            format!("Wer diesen Link in Delta Chat öffnet, kann {name} verschlüsselt schreiben (gültig für {days} Tage):\n{link}")
        }
        Text::BotInvitationOwn { link, days } => {
            format!("Wer diesen Link in Delta Chat öffnet, kann Ihnen verschlüsselt schreiben (gültig für {days} Tage):\n{link}")
        }
        Text::BotNoInvitation => "Zu dieser Person gibt es von hier aus keinen Einladungslink.".to_owned(),
        Text::BotContact { name } => format!("Der angehängte Kontakt öffnet den verschlüsselten Chat mit {name}."),
        Text::GhostName { name, network } => format!("{name} ({network})"),
        Text::GhostStatus { organisation, network } => format!(
            "Schreibt über das Gateway {organisation} ({network}). Verschlüsselt ist die Strecke bis zum Gateway; dort werden \
             Nachrichten entschlüsselt und weitergegeben."
        ),
        Text::GhostDescription { organisation, network } => {
            format!("Über das Gateway von {organisation} verbunden ({network}). Das Gateway kann Nachrichten lesen.")
        }
        Text::RoomLost { why: Some(why) } => format!(
            "Das Gateway wurde aus dem Raum im anderen Netz entfernt. Was Sie hier schreiben, kommt dort nicht mehr an. Grund: {why}"
        ),
        Text::RoomLost { why: None } => {
            "Das Gateway wurde aus dem Raum im anderen Netz entfernt. Was Sie hier schreiben, kommt dort \
             nicht mehr an."
                .to_owned()
        }
        Text::RoomsDone => "Erledigt.".to_owned(),
        Text::RoomsLinked { address } => format!(
            "Dieser Raum ist jetzt mit {address} verbunden. Was hier geschrieben wird, lesen auch die Teilnehmenden dort, und das \
             Gateway kann es lesen."
        ),
        Text::RoomsUnlinked => "Dieser Raum ist nicht mehr mit einem Raum in einem anderen Netz verbunden.".to_owned(),
        Text::BotRoomsUsage => "Bitte nennen Sie zwei Räume verschiedener Netze, zum Beispiel: link #raum:server \
             raum@conference.server. Eine Verbindung trennen Sie mit: unlink #raum:server"
            .to_owned(),
        Text::BotRoomsWait => "Einen Moment bitte.".to_owned(),
        Text::RoomNotJoined => "Sie sind nicht in diesem Raum. Bitte betreten Sie ihn zuerst.".to_owned(),
        Text::RoomElsewhere => "Das lässt sich nur in dem Netz ändern, in dem der Raum zu Hause ist.".to_owned(),
        Text::RoomNickTaken => "Dieser Name ist in diesem Raum schon vergeben. Bitte wählen Sie einen anderen.".to_owned(),
        Text::RoomNickUnusable => "Diesen Namen können Sie hier nicht tragen. Bitte wählen Sie einen anderen.".to_owned(),
        Text::RoomMoved { address } => format!("Diesen Raum finden Sie unter {address}"),
        Text::RoomFull => "Zurzeit kommt hier niemand mehr herein. Bitte versuchen Sie es später noch einmal.".to_owned(),
        Text::GatewayName { organisation } => format!("Gateway {organisation}"),
        Text::GatewayPrompt => "Adresse".to_owned(),
        Text::GatewayDescription => {
            "Geben Sie die Adresse der Person ein, zum Beispiel @name:server oder name@server.".to_owned()
        }
        Text::MailSubject { name } => format!("Nachricht von {name}"),
        Text::MailReply { subject } => format!("Re: {subject}"),
        Text::MailFooter { organisation } => format!("Übertragen vom Gateway: {organisation}"),
        Text::MailRead { name } => format!("{name} hat Ihre Nachricht gelesen."),
        Text::MailReadSubject => "Nachricht gelesen".to_owned(),
        Text::DsnSubject => "Nachricht nicht zugestellt".to_owned(),
        Text::DsnIntroduction => "Ihre Nachricht wurde nicht zugestellt.".to_owned(),
        Text::DelayedSubject => "Nachricht verzögert".to_owned(),
        Text::AutomaticReason => "Automatisch erzeugte Nachrichten werden nicht übertragen.".to_owned(),
    }
}

/// A span of time in its largest whole unit.
fn span(language: Language, seconds: u32) -> String {
    const UNITS: [(u32, [&str; 2], [&str; 2]); 5] = [
        (7 * 24 * 60 * 60, ["Woche", "Wochen"], ["week", "weeks"]),
        (24 * 60 * 60, ["Tag", "Tage"], ["day", "days"]),
        (60 * 60, ["Stunde", "Stunden"], ["hour", "hours"]),
        (60, ["Minute", "Minuten"], ["minute", "minutes"]),
        (1, ["Sekunde", "Sekunden"], ["second", "seconds"]),
    ];
    let unit = UNITS.iter().find(|(unit, ..)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (unit, german, english) = unit.unwrap_or(&UNITS[4]);
    let number = seconds / unit;
    let names = if language == Language::German { german } else { english };
    format!("{number} {}", names[usize::from(number != 1)])
}

/// One answer on each line.
fn numbered(answers: &[String]) -> String {
    let lines: Vec<_> = answers.iter().enumerate().map(|(index, answer)| format!("{}. {answer}", index + 1)).collect();
    lines.join("\n")
}

fn english(text: &Text<'_>) -> String {
    let language = Language::English;
    match text {
        Text::Corrected => "Correction: ".to_owned(),
        Text::Place { words } => format!("Location: {words}"),
        Text::Timer { seconds: Some(seconds) } => format!(
            "Messages in this chat vanish on the other side {} after they were read. Here they stay.",
            span(language, *seconds)
        ),
        Text::Timer { seconds: None } => "Messages in this chat do not vanish on the other side any more.".to_owned(),
        Text::Poll { poll } => {
            let choose = if poll.choices > 1 { format!(" (up to {} answers)", poll.choices) } else { String::new() };
            format!("Poll{choose}: {}\n{}", poll.question, numbered(&poll.answers))
        }
        Text::PollAnswer { answers } => format!("Answer to the poll: {answers}"),
        Text::Retracted => "A message was deleted by its author.".to_owned(),
        Text::CannotCarry { feature: what, name } => {
            format!("[{}: could not be carried by the gateway]", named(feature(language, *what), *name))
        }
        Text::FileAt { feature: what, name, address } => {
            format!("[{}, to be had for {} days: {address} ]", named(feature(language, *what), Some(name)), MediaLink::DAYS)
        }
        Text::FileForbidden { feature: what, name } => {
            format!(
                "[{}: the rules of the organisation do not allow files of this kind]",
                named(feature(language, *what), Some(name))
            )
        }
        Text::Failed { reason: why } => format!("Your message was not delivered. {}", reason(language, why)),
        Text::FailedMessage { reason: why, excerpt } => {
            format!("Your message “{excerpt}” was not delivered. {}", reason(language, why))
        }
        Text::Delayed => {
            "The other side cannot be reached at the moment. Your message waits and will be delivered as soon as possible."
                .to_owned()
        }
        Text::Reduced { feature: what } => {
            format!("The other side received a note only: the gateway cannot carry this ({}).", feature(language, *what))
        }
        Text::EncryptedRoom => "This room is encrypted and the gateway cannot read here yet: your messages do not arrive. \
             Please start a new chat with this address and switch encryption off while creating it."
            .to_owned(),
        Text::EncryptedRoomOfMany => {
            "This room is encrypted now and the gateway cannot read here: what you write does not reach \
             the members on other networks. Their messages still appear here, unencrypted."
                .to_owned()
        }
        Text::ChatMoved { link } => format!("This conversation continues here: {link}"),
        Text::Opened { name } => format!("Here you can write to {name}."),
        Text::BotHelp { organisation } => format!(
            "I am the gateway of {organisation} between Matrix, XMPP and mail.\n\
             help – this help\n\
             chat ADDRESS – start a conversation; any usual form of address will do, for example @name:server, \
             name@server, xmpp:name@server or mailto:name@server\n\
             invite – an invite link with which somebody can write to you from Delta Chat; invite ADDRESS – one to somebody \
             else\n\
             policy – what happens to your messages"
        ),
        Text::BotUnknown { word } => format!("I do not know “{word}”. Write “help” for an overview."),
        Text::BotChatReady { name, address } => format!("You reach {name} at {address}"),
        Text::BotChatUsage => "Please give an address, for example: chat name@server".to_owned(),
        Text::BotAddressUnknown { address } => format!("“{address}” is not an address that I can reach."),
        Text::BotNotConnected { address } => {
            format!("“{address}” belongs to a network that is not connected here, or to your own.")
        }
        Text::BotPolicy { organisation } => format!(
            "The gateway of {organisation} carries your messages between Matrix, XMPP and mail and can read them while doing \
             so. Texts are stored only until they are delivered. Addresses stay stored so that answers arrive. Nothing goes \
             to third parties."
        ),
        Text::BotInvitation { name, link, days } => {
            format!("Whoever opens this link in Delta Chat can write to {name}, encrypted (valid for {days} days):\n{link}")
        }
        Text::BotInvitationOwn { link, days } => {
            format!("Whoever opens this link in Delta Chat can write to you, encrypted (valid for {days} days):\n{link}")
        }
        Text::BotNoInvitation => "There is no invite link to this person from here.".to_owned(),
        Text::BotContact { name } => format!("The attached contact opens the encrypted chat with {name}."),
        Text::GhostName { name, network } => format!("{name} ({network})"),
        Text::GhostStatus { organisation, network } => format!(
            "Writes through the gateway {organisation} ({network}). The way to the gateway is encrypted; there messages are \
             decrypted and passed on."
        ),
        Text::GhostDescription { organisation, network } => {
            format!("Connected through the gateway of {organisation} ({network}). The gateway can read messages.")
        }
        Text::RoomLost { why: Some(why) } => format!(
            "The gateway was removed from the room on the other network. What you write here does not arrive there any more. \
             Reason: {why}"
        ),
        Text::RoomLost { why: None } => {
            "The gateway was removed from the room on the other network. What you write here does not \
             arrive there any more."
                .to_owned()
        }
        Text::RoomsDone => "Done.".to_owned(),
        Text::RoomsLinked { address } => format!(
            "This room is linked with {address} now. What is written here is read by the people there, too, and the gateway can \
             read it."
        ),
        Text::RoomsUnlinked => "This room is not linked with a room of another network any more.".to_owned(),
        Text::BotRoomsUsage => {
            "Please name two rooms of different networks, for example: link #room:server room@conference.server. \
             To undo it: unlink #room:server"
                .to_owned()
        }
        Text::BotRoomsWait => "One moment, please.".to_owned(),
        Text::RoomNotJoined => "You are not in this room. Please join it first.".to_owned(),
        Text::RoomElsewhere => "This can only be changed in the network where the room is at home.".to_owned(),
        Text::RoomNickTaken => "Somebody else bears this name in this room. Please choose another one.".to_owned(),
        Text::RoomNickUnusable => "You cannot bear this name here. Please choose another one.".to_owned(),
        Text::RoomMoved { address } => format!("You find this room at {address}"),
        Text::RoomFull => "Nobody more can come in here at the moment. Please try again later.".to_owned(),
        Text::GatewayName { organisation } => format!("Gateway {organisation}"),
        Text::GatewayPrompt => "Address".to_owned(),
        Text::GatewayDescription => "Enter the person's address, for example @name:server or name@server.".to_owned(),
        Text::MailSubject { name } => format!("Message from {name}"),
        Text::MailReply { subject } => format!("Re: {subject}"),
        Text::MailFooter { organisation } => format!("Carried by the gateway: {organisation}"),
        Text::MailRead { name } => format!("{name} has read your message."),
        Text::MailReadSubject => "Message read".to_owned(),
        Text::DsnSubject => "Message not delivered".to_owned(),
        Text::DsnIntroduction => "Your message was not delivered.".to_owned(),
        Text::DelayedSubject => "Message delayed".to_owned(),
        Text::AutomaticReason => "Automatic messages are not carried.".to_owned(),
    }
}
