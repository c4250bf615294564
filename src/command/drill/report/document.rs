//! The frame of every page: head, style, and the pieces that both pages have (verdict, figures against a budget, tables,
//! lists, facts). A page is one file: its style stands in it, it asks for nothing and runs no script, and a policy in its
//! head makes the browser hold it to that. Pure.

use super::face::Face;
use super::markup::{Markup, classed, node, plain};
use super::words::{duration, machine_moment, moment, percent};
use jiff::Timestamp;

const STYLE: &str = include_str!("page.css");

/// What a browser may do with a page: show it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A whole page.
pub(super) fn document(title: &str, face: Face, body: Markup) -> String {
    let meta = |name: &'static str, content: &str| node("meta", &[("name", name), ("content", content)], "");
    let head = Markup::all([
        node("meta", &[("charset", "utf-8")], ""),
        node("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)], ""),
        meta("viewport", "width=device-width, initial-scale=1"),
        meta("color-scheme", "light dark"),
        meta("robots", "noindex"),
        meta("referrer", "no-referrer"),
        plain("title", title),
        node("link", &[("rel", "icon"), ("href", &face.tab_icon())], ""),
        plain("style", Markup::literal(STYLE)),
    ]);
    let page = node("html", &[("lang", "en")], Markup::all([plain("head", head), plain("body", body)]));
    format!("<!DOCTYPE html>\n{}\n", page.into_string())
}

/// The verdict on top: icon, word, what it is of, and one sentence.
pub(super) fn banner(face: Face, subject: &str, message: &str, when: Markup) -> Markup {
    let class = format!("banner v-{}", face.key);
    let words = Markup::all([
        classed("p", "subject", subject),
        plain("h1", face.word),
        classed("p", "message", message),
        classed("p", "when", when),
    ]);
    classed("header", &class, Markup::all([face.icon("large-icon"), classed("div", "words", words)]))
}

/// A moment that programs can read too.
pub(super) fn time(at: Timestamp) -> Markup {
    node("time", &[("datetime", &machine_moment(at))], moment(at))
}

/// A section with its heading. `key` is its classes; the first names it.
pub(super) fn section(key: &'static str, title: &str, inner: Markup) -> Markup {
    let id = format!("{}-title", key.split(' ').next().unwrap_or(key));
    let heading = node("h2", &[("id", &id)], title);
    node("section", &[("class", key), ("aria-labelledby", &id)], Markup::all([heading, inner]))
}

/// A section of sentences; nothing where there are none.
pub(super) fn sentences(key: &'static str, title: &str, sentences: &[String]) -> Markup {
    if sentences.is_empty() {
        return Markup::none();
    }
    let items = sentences.iter().map(|sentence| plain("li", sentence)).collect::<Markup>();
    section(key, title, plain("ul", items))
}

/// A figure of the first row: what, how much, and a line or two below.
pub(super) fn figure(title: &str, value: Markup, below: Markup) -> Markup {
    let inner = Markup::all([classed("p", "name", title), classed("p", "value", value), below]);
    classed("div", "figure", inner)
}

/// How much of a budget is used: a bar with the words to it.
pub(super) fn against_budget(value: Option<f64>, budget: Option<f64>, budget_name: &str) -> Markup {
    let Some(budget) = budget else {
        return classed("p", "small", format!("no {budget_name} was set"));
    };
    let Some(value) = value else {
        return classed("p", "small", format!("{budget_name} {}", duration(budget)));
    };
    let (class, words) = if value > budget {
        let over = duration(value - budget);
        ("meter over", format!("{over} over the {budget_name} of {}", duration(budget)))
    } else {
        let share = if budget > 0.0 { value / budget } else { 0.0 };
        ("meter", format!("{} of the {budget_name} of {}", percent(share), duration(budget)))
    };
    // Over the budget the whole bar is what was used, and the mark shows where the budget ends.
    let largest = value.max(budget).max(f64::MIN_POSITIVE);
    let fill = width(value / largest);
    let mark = format!("left:{:.2}%", 100.0 * budget / largest);
    let bar = Markup::all([
        node("span", &[("class", "fill"), ("style", &fill)], ""),
        node("span", &[("class", "limit"), ("style", &mark)], ""),
    ]);
    Markup::all([node("div", &[("class", class), ("aria-hidden", "true")], bar), classed("p", "small", words)])
}

/// A style that gives a share of the width.
pub(super) fn width(share: f64) -> String {
    format!("width:{:.2}%", 100.0 * share.clamp(0.0, 1.0))
}

/// A table under a caption. `columns` are headings with their class (`n` for numbers); rows are `tr` elements.
pub(super) fn table(caption: &str, columns: &[(&str, &str)], rows: Markup) -> Markup {
    let heads = columns
        .iter()
        .map(|(title, class)| {
            // Columns of bars need no words for who sees them.
            let title =
                if matches!(*class, "bars" | "sides") { classed("span", "unseen", *title) } else { (*title).into() };
            node("th", &[("scope", "col"), ("class", class)], title)
        })
        .collect::<Markup>();
    let inner = Markup::all([plain("caption", caption), plain("thead", plain("tr", heads)), plain("tbody", rows)]);
    // A wide table scrolls by itself, by keyboard too.
    let attributes = [("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)];
    node("div", &attributes, plain("table", inner))
}

/// A cell.
pub(super) fn cell(class: &str, inner: impl Into<Markup>) -> Markup {
    classed("td", class, inner)
}

/// A cell that tells the name of its column where the page is narrow and rows become cards.
pub(super) fn named_cell(class: &str, name: &str, inner: impl Into<Markup>) -> Markup {
    node("td", &[("class", class), ("data-name", name)], plain("div", inner))
}

/// The cell that names its row.
pub(super) fn row_head(inner: impl Into<Markup>) -> Markup {
    node("th", &[("scope", "row")], inner)
}

/// A list of names and what they are; those without a value are left out.
pub(super) fn facts(facts: Vec<(&str, Option<Markup>)>) -> Markup {
    let pair = |(name, value): (&str, Option<Markup>)| {
        value.map(|value| plain("div", Markup::all([plain("dt", name), plain("dd", value)])))
    };
    classed("dl", "facts", facts.into_iter().filter_map(pair).collect::<Markup>())
}

/// The last line.
pub(super) fn footer(words: Markup) -> Markup {
    plain("footer", plain("p", words))
}
