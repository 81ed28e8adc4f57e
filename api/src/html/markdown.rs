//! CommonMark as HTML: descriptions of STAC records, and the texts of those who run the service.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Parser, Tag, TagEnd, html::push_html};

/// A text of those who run the service: HTML in it stands as text, and links lead to the web, to mail, or within the
/// service.
pub(super) fn trusted(text: &str) -> Markup {
    let events = Parser::new(text).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let harmless =
                link_type == LinkType::Email || begins_with(&dest_url, &["https://", "http://", "mailto:", "/", "#"]);
            Event::Start(Tag::Link { link_type, dest_url: if harmless { dest_url } else { "#".into() }, title, id })
        }
        other => other,
    });
    let mut out = String::new();
    push_html(&mut out, events);
    PreEscaped(out)
}

/// The description of a record, which anybody may have written: HTML in it stands as text, pictures are only named,
/// links lead to the web alone and vouch for nothing, and headings stay below those of the page.
pub(super) fn foreign(text: &str) -> Markup {
    let mut out = String::new();
    let mut linked = Vec::new();
    let events = Parser::new(text).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { dest_url, .. }) => {
            let web = begins_with(&dest_url, &["https://", "http://"]);
            linked.push(web);
            markup(
                if web { html! { a href=(dest_url) rel="nofollow" {} }.into_string() } else { String::new() },
                "</a>",
            )
        }
        Event::End(TagEnd::Link) => {
            Event::InlineHtml(if linked.pop().unwrap_or_default() { "</a>" } else { "" }.into())
        }
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => Event::InlineHtml("".into()),
        Event::Start(Tag::Heading { .. }) => {
            Event::Start(Tag::Heading { level: HeadingLevel::H3, id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
        other => other,
    });
    push_html(&mut out, events);
    PreEscaped(out)
}

/// The words of a text without its marks, for cards and search engines.
pub(super) fn words(text: &str) -> String {
    let mut out = String::new();
    for event in Parser::new(text) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_)) => out.push_str("\n\n"),
            Event::End(TagEnd::Item) => out.push(' '),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// An opening tag that was written with its end.
fn markup<'e>(element: String, end: &str) -> Event<'e> {
    Event::InlineHtml(CowStr::from(element.strip_suffix(end).unwrap_or(&element).to_owned()))
}

fn begins_with(address: &str, allowed: &[&str]) -> bool {
    let lower = address.to_ascii_lowercase();
    allowed.iter().any(|begin| lower.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_rendered_and_can_bring_neither_script_nor_picture() {
        let check = |text: &str, expected: &str| assert_eq!(foreign(text).into_string().trim(), expected, "{text}");
        check("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>");
        check(
            "[a & b](https://a.example/?x=1&y=2)",
            "<p><a href=\"https://a.example/?x=1&amp;y=2\" rel=\"nofollow\">a &amp; b</a></p>",
        );
        check("[x](javascript:alert(1))", "<p>x</p>");
        check("![lake](https://a.example/spy.png)", "<p>lake</p>");
        check("# Title", "<h3>Title</h3>");
        check("a <script>alert(1)</script>", "<p>a &lt;script&gt;alert(1)&lt;/script&gt;</p>");
        check("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>");
    }

    #[test]
    fn words_alone_have_no_marks() {
        assert_eq!(words("**Bold** [link](https://a.example)\nnext\n\nlast"), "Bold link next\n\nlast");
        assert_eq!(words("3 * 4 = 12, a_b_c"), "3 * 4 = 12, a_b_c");
    }
}
