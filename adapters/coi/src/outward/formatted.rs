// SPDX-License-Identifier: EUPL-1.2
//! A formatted text for mail programs: its plain form and its HTML, of which they show what they can (RFC 2046 §5.1.4). Delta Chat shows the
//! plain one only, so that goes there alone.

use dreiklang_model::{Address, Marks, Rich, rich::Builder};
use dreiklang_richtext::html::{self, Attributes, Habit, Writing};
use mail_builder::{
    headers::content_type::ContentType,
    mime::{BodyPart, MimePart},
};

use crate::{address::addr_spec, flowed};

/// What the HTML says: the text, above it what it answers, below it who carries it.
pub(super) struct Alternatives<'a> {
    pub(super) rich: &'a Rich,
    pub(super) quote: Option<&'a str>,
    pub(super) footer: Option<&'a str>,
    /// What parts the forms; in no text.
    pub(super) boundary: String,
}

/// Both forms as one part.
pub(super) fn alternatives(plain: MimePart<'static>, content: Alternatives<'_>) -> MimePart<'static> {
    let Alternatives { rich, quote, footer, boundary } = content;
    let mut builder = Builder::new();
    if let Some(quote) = quote {
        let opened = builder.quote();
        builder.text(quote, Marks::NONE, None);
        builder.close_if(opened);
    }
    builder.blocks(rich.blocks());
    let writing = Writing { mention: &mention, habit: Habit::Mail };
    let said = html::write(&builder.finish(), writing);
    let footer = footer.map(|footer| {
        let mut builder = Builder::new();
        builder.text(footer, Marks::NONE, None);
        // By this class programs know where a signature begins.
        format!("<div class=\"moz-signature\">{}<br>{}</div>", flowed::SIGNATURE, html::write(&builder.finish(), writing))
    });
    let html = format!("<!DOCTYPE html>\r\n<html><body>\r\n{said}\r\n{}</body></html>\r\n", footer.unwrap_or_default());
    let kind = ContentType::new("text/html").attribute("charset", "utf-8");
    let parts = vec![plain, MimePart::new(kind, BodyPart::Text(html.into()))];
    let alternative = ContentType::new("multipart/alternative").attribute("boundary", boundary);
    MimePart::new(alternative, BodyPart::Multipart(parts))
}

/// A mention as COI writes it ("Mentions").
fn mention(who: &Address) -> Option<Attributes> {
    Some(vec![("class", "mention".to_owned()), ("href", format!("mailto:{}", addr_spec(who.as_str())))])
}
