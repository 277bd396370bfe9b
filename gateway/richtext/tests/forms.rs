// SPDX-License-Identifier: EUPL-1.2
//! What programs write, as documentation and recordings show it, and the tree it is. Reviewed as snapshots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod common;

use common::shown;
use dreiklang_model::{Address, Network, Text};
use dreiklang_richtext::{
    html::{self, Anchor, Habit, Writing},
    markdown, styling,
};

fn pilled(anchor: Anchor<'_>) -> Option<Address> {
    Address::new(Network::MATRIX, anchor.href.strip_prefix("https://matrix.to/#/")?)
        .ok()
        .filter(|who| who.as_str().starts_with('@'))
}

fn table(habit: Habit, forms: &[(&str, &str)]) -> String {
    forms.iter().map(|(name, html)| format!("## {name}\n{}\n", shown(&html::read(html, habit, &pilled)))).collect()
}

#[test]
fn element() {
    let forms = table(
        Habit::Matrix,
        &[
            ("marks", "<strong>bold</strong> <em>italic</em> <del>gone</del> <code>let x</code> <u>under</u>"),
            ("line break", "one<br>two<br />three"),
            ("paragraphs", "<p>one</p>\n<p>two</p>\n"),
            ("code block", "<pre><code class=\"language-rust\">fn main() {\n    println!(&quot;hi&quot;);\n}\n</code></pre>\n"),
            ("quote", "<blockquote>\n<p>said</p>\n</blockquote>\n<p>answered</p>\n"),
            ("list", "<ul>\n<li>one</li>\n<li>two\n<ul>\n<li>nested</li>\n</ul>\n</li>\n</ul>\n"),
            ("numbered from four", "<ol start=\"4\">\n<li>four</li>\n<li>five</li>\n</ol>\n"),
            ("loose list", "<ul>\n<li>\n<p>one</p>\n<p>more</p>\n</li>\n<li>\n<p>two</p>\n</li>\n</ul>\n"),
            ("task list", "<ul>\n<li>[x] done</li>\n<li><input type=\"checkbox\" disabled> open</li>\n</ul>\n"),
            ("heading", "<h2>Title</h2>\n<p>text</p>\n"),
            (
                "table",
                "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td><strong>2</strong></td>\n</tr>\n</tbody>\n</table>\n",
            ),
            ("spoiler", "<span data-mx-spoiler>he dies</span> and <span data-mx-spoiler=\"the end\">she lives</span>"),
            (
                "colour",
                "<font data-mx-color=\"#ff0000\" color=\"#ff0000\">red</font> <span data-mx-bg-color=\"#00ff00\">green</span>",
            ),
            ("pill", "<a href=\"https://matrix.to/#/@bob:hs.example\">Bob</a>: hello"),
            ("room link", "<a href=\"https://matrix.to/#/#room:hs.example\">#room:hs.example</a>"),
            (
                "link",
                "<a href=\"https://x.example/\" rel=\"noreferrer noopener\" target=\"_blank\">there</a> <a href=\"https://x.example/\">https://x.example/</a>",
            ),
            (
                "reply",
                "<mx-reply><blockquote><a href=\"https://matrix.to/#/!r:hs/$e\">In reply to</a> <a href=\"https://matrix.to/#/@a:hs\">@a:hs</a><br>old</blockquote></mx-reply><b>new</b>",
            ),
            ("emoji", "<img data-mx-emoticon height=\"32\" src=\"mxc://hs/1\" alt=\":cat:\" title=\":cat:\"> hi <b>you</b>"),
            ("maths", "<span data-mx-maths=\"x^2\"><code>x^2</code></span>"),
            ("rule", "<p>a</p>\n<hr />\n<p>b</p>\n"),
            ("details", "<details><summary>more</summary><b>inside</b></details>"),
            ("misnested", "<b>bold<i>both</b>italic</i>"),
        ],
    );
    insta::assert_snapshot!(forms);
}

#[test]
fn xhtml_im() {
    let forms = table(
        Habit::Xhtml,
        &[
            (
                "Gajim",
                "<p><span style=\"font-weight: bold;\">bold</span> <span style=\"font-style: italic\">italic</span> <span style=\"text-decoration: underline\">under</span></p>",
            ),
            ("Pidgin", "<p><span style='font-weight: bold;'>bold</span><br/><a href='https://x.example/'>there</a></p>"),
            (
                "XEP-0071",
                "<p style='font-size:large'><em>Wow</em>, I&apos;m <span style='color:green'>green</span> with <strong>envy</strong>!</p>",
            ),
            ("quote", "<blockquote><p>a</p></blockquote><p>b</p>"),
        ],
    );
    insta::assert_snapshot!(forms);
}

#[test]
fn mail_programs() {
    let forms = table(
        Habit::Mail,
        &[
            (
                "Gmail",
                "<div dir=\"ltr\"><div>Dear <b>Bob</b>,</div><div><br></div><div>see <a href=\"https://town.example/\">this</a>.</div><div><ul><li>one</li><li>two</li></ul></div><br clear=\"all\"><div><br></div><span class=\"gmail_signature_prefix\">-- </span><br><div dir=\"ltr\" class=\"gmail_signature\" data-smartmail=\"gmail_signature\"><div>Carol</div></div></div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, 23 Nov 2026 at 10:00, Bob &lt;<a href=\"mailto:bob@x.example\">bob@x.example</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex\"><div>old</div></blockquote></div>",
            ),
            (
                "Thunderbird",
                "<html><head><meta http-equiv=\"content-type\" content=\"text/html; charset=UTF-8\"></head><body><p>Dear <b>Bob</b>,</p><p><br></p><p>one<br>two</p><div class=\"moz-cite-prefix\">Am 23.11.26 um 10:00 schrieb Bob:<br></div><blockquote type=\"cite\" cite=\"mid:1@x.example\"><pre class=\"moz-quote-pre\" wrap=\"\">old\nlines</pre></blockquote><pre class=\"moz-signature\" cols=\"72\">-- \nCarol</pre></body></html>",
            ),
            (
                "Outlook",
                "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><style><!-- p.MsoNormal {margin:0cm;} --></style><!--[if gte mso 9]><xml></xml><![endif]--></head><body lang=DE><div class=WordSection1><p class=MsoNormal>Dear <b>Bob</b>,<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal><span style='font-size:11.0pt'>see <i>this</i>.</span></p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>Von:</b> Bob &lt;bob@x.example&gt; <br><b>Gesendet:</b> Montag, 23. November 2026 10:00<br><b>An:</b> Carol<br><b>Betreff:</b> Plan</p></div><p class=MsoNormal>old</p></div></body></html>",
            ),
            (
                "Outlook table",
                "<table class=MsoTableGrid border=1 cellspacing=0><tr><td><p class=MsoNormal>a</p></td><td><p class=MsoNormal>b</p></td></tr><tr><td><p class=MsoNormal>1</p></td><td><p class=MsoNormal>2</p></td></tr></table>",
            ),
            (
                "Apple Mail",
                "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body style=\"overflow-wrap: break-word;\">Dear <b>Bob</b>,<div><br></div><div>see <u>this</u></div><div><br><blockquote type=\"cite\"><div>Am 23.11.2026 um 10:00 schrieb Bob &lt;bob@x.example&gt;:</div><br class=\"Apple-interchange-newline\"><div>old</div></blockquote></div><br></body></html>",
            ),
            (
                "newsletter",
                "<body><div style=\"display:none\">preview</div><table width=600><tr><td><table><tr><td><img src=\"https://t.example/logo.png\" alt=\"Town\"></td></tr><tr><td><h1>News</h1><p>All is <strong>well</strong>.</p></td></tr><tr><td>Name:</td><td>Max</td></tr></table></td></tr></table></body>",
            ),
            ("typed text as HTML", "<pre>as typed\n  * with an asterisk *</pre>"),
        ],
    );
    insta::assert_snapshot!(forms);
}

#[test]
fn conversations_and_gajim() {
    let forms = [
        "*strong*plain*",
        "plain *strong* plain",
        "* plain *strong*",
        "not strong*",
        "*not strong",
        "*not \n strong*",
        "*not *strong",
        "**",
        "****",
        "This is *`monospace and bold`*",
        "Everyone ~dis~likes cake.",
        "The full title is _Twelfth Night, or What You Will_",
        "> That that is, is.\n\nSaid the old hermit of Prague.",
        ">> That that is, is.\n> Said the old hermit of Prague.\n\nWho?",
        "```ignored\n(println \"Hello, world!\")\n```\n\nThis should show up as monospace, preformatted text ⤴",
        "> ```\n> (println \"Hello, world!\")\n\nThe entire blockquote is preformatted",
        "chat _mail_carol=40x\n__init__\n_so_, _yes_",
        "snake_case_name and 2*3*4 and a/b ~ c",
        ">.< no quote",
        "😀 *für* `ä b`",
    ];
    let table: String = forms.iter().map(|form| format!("## {form}\n{}\n", shown(&styling::read(form)))).collect();
    insta::assert_snapshot!(table);
}

#[test]
fn markdown_parts() {
    let form = "# Title\n\nsome **bold** and _italic_ and ~~gone~~ and `code`\nnext line\n\n> quote\n> > deeper\n\n3. three\n4. four\n   - nested\n\n- [x] done\n\n\
                ```rust\nfn a() {}\n```\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n---\n\n[there](https://x.example/) <b>no tag</b> [bad](javascript:x)\n";
    let tree = shown(&markdown::read(form));
    insta::assert_snapshot!(tree);
}

/// One tree in all forms.
#[test]
fn every_form_of_one_text() {
    let html = "<h2>Plan</h2><p>We <strong>must</strong> <em>not</em> <del>stop</del>; run <code>make</code>, see \
        <a href=\"https://x.example/\">the page</a>, <a href=\"https://matrix.to/#/@bob:hs.example\">Bob</a>. <span data-mx-spoiler>he dies</span></p>\
        <ul><li>one<ol start=\"3\"><li>three</li></ol></li><li>two</li></ul><blockquote><p>old</p></blockquote>\
        <pre><code class=\"language-rust\">let x = 1 * 2 * 3;</code></pre><table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td>1</td><td>2</td></tr></table><hr>";
    let rich = html::read(html, Habit::Matrix, &pilled);
    let writing =
        Writing { mention: &|who| Some(vec![("href", format!("https://matrix.to/#/{}", who.as_str()))]), habit: Habit::Matrix };
    let text = Text::from(rich.clone());
    let styled = styling::write(&text);
    let forms = format!(
        "{}\n## HTML\n{}\n\n## styling, unstyled: {}\n{}\n\n## light marks\n{}\n\n## plain\n{}\n",
        shown(&rich),
        html::write(&rich, writing).replace('>', ">\n").replace("\n<", "<"),
        styled.unstyled,
        styled.body,
        markdown::light(&text),
        text.reading()
    );
    insta::assert_snapshot!(forms);
}
