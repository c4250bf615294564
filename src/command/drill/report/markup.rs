//! Markup that cannot be left unescaped: text becomes [`Markup`] only by being escaped, tags and attribute names are
//! literals of this program. What comes out is well-formed XML, and HTML that a browser reads alike, so the page, its
//! drawings and the JUnit report are made by the same functions. Pure.

use std::fmt::Write as _;

/// Elements that HTML knows without an end tag.
const VOID: [&str; 4] = ["meta", "link", "br", "col"];

/// A piece of XML or HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl Markup {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Markup that stands in the program's source.
    pub fn literal(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Several pieces, one after the other.
    pub fn all<const N: usize>(parts: [Self; N]) -> Self {
        parts.into_iter().collect()
    }

    /// The text of it.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Markup {
    fn from(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len() + 8);
        text.chars().for_each(|c| escape(c, false, &mut escaped));
        Self(escaped)
    }
}

impl From<String> for Markup {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Markup {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<I: IntoIterator<Item = Markup>>(parts: I) -> Self {
        parts.into_iter().fold(Self::none(), |mut whole, part| {
            whole.0.push_str(&part.0);
            whole
        })
    }
}

/// An element with its attributes, in their order, and what it holds.
pub(super) fn node(tag: &'static str, attributes: &[(&'static str, &str)], inner: impl Into<Markup>) -> Markup {
    let mut text = format!("<{tag}");
    for (name, value) in attributes {
        let _ = write!(text, " {name}=\"");
        value.chars().for_each(|c| escape(c, true, &mut text));
        text.push('"');
    }
    if VOID.contains(&tag) {
        text.push_str("/>");
        return Markup(text);
    }
    text.push('>');
    text.push_str(&inner.into().0);
    let _ = write!(text, "</{tag}>");
    Markup(text)
}

/// An element with a class alone.
pub(super) fn classed(tag: &'static str, class: &str, inner: impl Into<Markup>) -> Markup {
    node(tag, &[("class", class)], inner)
}

/// An element without attributes.
pub(super) fn plain(tag: &'static str, inner: impl Into<Markup>) -> Markup {
    node(tag, &[], inner)
}

/// Characters that XML 1.0 does not have (section 2.2) are shown by their pictures or the replacement character; so are
/// those that turn the direction of text, since they make a name look like another one.
fn escape(c: char, attribute: bool, into: &mut String) {
    match c {
        '&' => into.push_str("&amp;"),
        '<' => into.push_str("&lt;"),
        '>' => into.push_str("&gt;"),
        '"' if attribute => into.push_str("&quot;"),
        '\n' | '\t' if attribute => {
            let _ = write!(into, "&#{};", u32::from(c));
        }
        '\n' | '\t' => into.push(c),
        '\u{0}'..='\u{1f}' => into.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
        '\u{7f}' => into.push('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            into.push('\u{fffd}');
        }
        '\u{fffe}' | '\u{ffff}' => into.push('\u{fffd}'),
        _ => into.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let hostile = "<script>alert('1')</script> & \"x\"\n\u{0}\u{202e}";
        let made = node("td", &[("title", hostile)], hostile).into_string();
        assert_eq!(
            made,
            "<td title=\"&lt;script&gt;alert('1')&lt;/script&gt; &amp; &quot;x&quot;&#10;\u{2400}\u{fffd}\">\
             &lt;script&gt;alert('1')&lt;/script&gt; &amp; \"x\"\n\u{2400}\u{fffd}</td>"
        );
    }

    #[test]
    fn only_elements_without_content_close_themselves() {
        assert_eq!(node("meta", &[("charset", "utf-8")], "").into_string(), "<meta charset=\"utf-8\"/>");
        assert_eq!(plain("p", "").into_string(), "<p></p>");
    }
}
