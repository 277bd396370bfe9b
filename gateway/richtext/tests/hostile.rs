// SPDX-License-Identifier: EUPL-1.2
//! What nobody types: defused, in time that grows with its length and no faster.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod common;

use std::time::{Duration, Instant};

use common::shown;
use dreiklang_model::Text;
use dreiklang_richtext::{
    html::{self, Habit, Writing},
    markdown, styling,
};

const HABITS: [Habit; 3] = [Habit::Matrix, Habit::Xhtml, Habit::Mail];

fn written(html: &str, habit: Habit) -> String {
    let rich = html::read(html, habit, &html::nobody);
    html::write(&rich, Writing { mention: &|_| None, habit: Habit::Matrix })
}

#[test]
fn nothing_that_could_run_or_fetch_is_left() {
    for (html, expected) in [
        ("<script>alert(1)</script>a", "a"),
        ("<ScRiPt>alert(1)</sCrIpT >a", "a"),
        ("<style>p{background:url(https://t.example)}</style>a", "a"),
        ("<b onclick=\"alert(1)\" style=\"background:url(x)\">a</b>", "<strong>a</strong>"),
        ("<a href=\"javascript:alert(1)\">a</a>", "a"),
        ("<a href=\" java\tscript:alert(1)\">a</a>", "a"),
        ("<a href=\"data:text/html,<script>x</script>\">a</a>", "a"),
        ("<a href=\"&#106;avascript:alert(1)\">a</a>", "a"),
        ("<img src=x onerror=alert(1)>a<img src=\"https://t.example/pixel.gif\">", "a"),
        ("<svg><script>alert(1)</script></svg><math><mtext>x</mtext></math>a", "a"),
        ("<iframe src=\"https://t.example\">x</iframe><object data=x>y</object><embed src=x>a", "a"),
        ("<form action=x><input value=x><button>a</button></form>", "a"),
        ("<!-- <b>comment</b> --><![CDATA[x]]>a<?php x ?>", "a"),
        ("<title><b>x</title>a<textarea><b>x</textarea>", "a"),
        ("<b>a", "<strong>a</strong>"),
        ("a</b></i></p></table></div>", "a"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<b>\"><script>x</script></b>", "<strong>&quot;&gt;</strong>"),
        ("<a href='https://x.example/\"onclick=\"x'>a</a>", "a"),
        ("<code class=\"language-&quot;onclick=x\">a</code>", "<code>a</code>"),
        ("<pre><code class='language-\"><script>'>a</code></pre>", "<pre><code>a\n</code></pre>"),
    ] {
        for habit in HABITS {
            let written = written(html, habit);
            assert!(written == expected || written == expected.replace("<u>", ""), "{habit:?} {html}: {written}");
        }
    }
}

#[test]
fn what_mail_hides_is_not_shown() {
    let html = "<div style=\"display:none;max-height:0\">preheader</div><p>said</p><span style='mso-hide:all'>x</span>";
    assert_eq!(written(html, Habit::Mail), "said");
    let signed = "<div>said</div><div class=\"gmail_signature\" data-smartmail=\"gmail_signature\"><b>Boss</b></div>";
    assert_eq!(written(signed, Habit::Mail), "said");
}

fn in_time(name: &str, what: impl FnOnce()) {
    let begin = Instant::now();
    what();
    // Far more than a debug build takes; what grows with the square takes minutes.
    assert!(begin.elapsed() < Duration::from_secs(4), "{name}: {:?}", begin.elapsed());
}

#[test]
fn depth_and_number_cost_nothing_but_their_length() {
    let long = 150_000;
    let nested = |tag: &str| format!("{}deep{}", format!("<{tag}>").repeat(10_000), format!("</{tag}>").repeat(10_000));
    let mut all: Vec<(String, String)> =
        ["b", "div", "blockquote", "ul", "ul><li", "table><tr><td", "span", "p", "pre", "a href='https://x.example'"]
            .iter()
            .map(|tag| (format!("nested {tag}"), nested(tag)))
            .collect();
    for piece in [
        "<b>",
        "<b><i>",
        "<b> </b><br>",
        "</b>",
        "<p>",
        "<li>",
        "<div>",
        "<br>",
        "<br> ",
        "&amp;",
        "&nbsp;",
        "&nbsp; ",
        "<table>",
        "<td>",
        "<a href=x>",
        "<pre>",
        "<!--",
        "<!-- -->",
        "<blockquote>",
        "&",
        "<",
        "<x ",
        "a=b ",
        "> ",
        "\u{a0}",
        " ",
        "<b>x</b><i>y</i>",
        "<ul><li>",
        "<i>x<b>y</i>",
        "<script>",
        "<title>",
        "&#x41;",
        "&CounterClockwiseContourIntegral;",
        "*a ",
        "_*~`",
        "*",
        "* ",
        "> ",
        ">",
        "```\n",
        "- ",
        "  - ",
        "|",
        "| a ",
        "[",
        "![",
        "](",
        "\n",
        " \n",
        "a\n\n",
        "1. ",
        "# ",
        "<http:",
        "`a",
        "~~a",
        "**a",
    ] {
        all.push((format!("many {piece:?}"), piece.repeat(long / piece.len())));
    }
    let attributes: String = (0..long / 8).map(|number| format!(" a{number}=b")).collect();
    all.push(("attributes".to_owned(), format!("<b{attributes}>x")));
    all.push(("a megabyte of <b>".to_owned(), "<b>".repeat(333_333)));
    for (name, hostile) in &all {
        for habit in HABITS {
            in_time(&format!("{name} as HTML of {habit:?}"), || {
                let text = Text::from(html::read(hostile, habit, &html::nobody));
                if name.starts_with("nested") {
                    assert!(text.reading().contains("deep"), "{name}: what is said stays");
                }
                in_time(&format!("{name} of {habit:?}, cut"), || {
                    assert!(text.clone().split(20_000).iter().all(|piece| piece.weight() <= 20_000));
                });
                in_time(&format!("{name} of {habit:?}, styled"), || drop(styling::write(&text)));
            });
        }
        in_time(&format!("{name} as styling"), || drop(styling::write(&Text::from(styling::read(hostile)))));
        in_time(&format!("{name} as Markdown"), || drop(shown(&markdown::read(hostile))));
    }
}
