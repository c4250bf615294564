//! The page of a drill and the page of many: read by a strict parser, measured for contrast, and loaded by a real browser
//! where one is installed (`chromium`, or the program that MYRIAD_CHROMIUM names; `google-chrome` too).

use crate::support::drill_records::{VERDICTS, drill, history, hostile, named};
use crate::support::outside;
use jiff::Timestamp;
use myriad::command::drill::record::Verdict;
use myriad::command::drill::report;
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const STYLE: &str = include_str!("../../src/command/drill/report/page.css");

/// Pages by name: each verdict, each length of history, many sources, and hostile texts.
fn pages() -> BTreeMap<String, String> {
    let history = history(400);
    let mut pages = BTreeMap::new();
    for verdict in VERDICTS {
        pages.insert(format!("{verdict:?}"), report::html(&drill(verdict, 0), &history[370..]));
    }
    for length in [0, 1, 3, 400] {
        let record = drill(Verdict::Proved, 0);
        pages.insert(format!("history of {length}"), report::html(&record, &history[400 - length..]));
    }
    pages.insert("hostile".to_owned(), report::html(&hostile(), &[hostile()]));
    let mut all: Vec<_> = VERDICTS.iter().enumerate().map(|(i, v)| named(&format!("shard-{i}"), *v, 0)).collect();
    all.extend((-9..0).map(|day| named("shard-0", Verdict::Proved, day)));
    all.push(hostile());
    let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
    let merged = report::merge(&all, &["never".to_owned()], Some(86400.0), now);
    pages.insert("merged".to_owned(), merged.html(&all, true));
    pages.insert("merged of nothing".to_owned(), report::merge(&[], &[], None, now).html(&[], false));
    pages
}

#[test]
fn pages_are_well_formed_and_ask_for_nothing() {
    for (name, page) in pages() {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let elements: Vec<Node> = document.descendants().filter(Node::is_element).collect();
        let mut ids = Vec::new();
        for element in &elements {
            let tag = element.tag_name().name();
            assert!(!["script", "iframe", "object", "embed", "img", "base", "form"].contains(&tag), "{name}: {tag}");
            for attribute in element.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(!key.starts_with("on"), "{name}: {key}");
                let leads_away = matches!(key, "href" | "src" | "action" | "data" | "style" | "srcset");
                let stays = ["#", "./", "data:image/svg+xml,", "width:", "margin-left:", "left:"];
                assert!(!leads_away || stays.iter().any(|begin| value.starts_with(begin)), "{name}: {key}={value}");
            }
            ids.extend(element.attribute("id"));
        }
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{name}: an id stands twice: {ids:?}");
        accessible(&name, &elements, &ids);
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "the style asks for something");
}

/// Language, title, headings in order, captions, names of drawings.
fn accessible(name: &str, elements: &[Node], ids: &[&str]) {
    let tag = |element: &Node| element.tag_name().name().to_owned();
    let of = |wanted: &str| elements.iter().filter(|element| element.has_tag_name(wanted)).collect::<Vec<_>>();
    assert_eq!(elements[0].attribute("lang"), Some("en"), "{name}");
    assert_eq!((of("title").len(), of("h1").len(), of("main").len()), (1 + marks(elements), 1, 1), "{name}");
    let mut level = 0;
    for heading in elements.iter().map(tag).filter(|tag| tag.len() == 2 && tag.starts_with('h') && tag != "hr") {
        let next: i32 = heading[1..].parse().unwrap();
        assert!(next <= level + 1, "{name}: h{level} is followed by h{next}");
        level = next;
    }
    for table in of("table") {
        let first = table.first_element_child().unwrap();
        assert!(first.has_tag_name("caption") && first.text().is_some(), "{name}: a table without caption");
        for head in table.descendants().filter(|node| node.has_tag_name("th")) {
            assert!(head.attribute("scope").is_some(), "{name}: a heading without scope");
            assert!(head.descendants().any(|node| node.is_text()), "{name}: an empty heading");
        }
    }
    let outer = |element: &Node| element.ancestors().skip(1).all(|node| !node.has_tag_name("svg"));
    for drawing in elements.iter().filter(|element| element.has_tag_name("svg") && outer(element)) {
        let hidden = drawing.attribute("aria-hidden") == Some("true");
        let said = drawing.attribute("role") == Some("img") && drawing.attribute("aria-labelledby").is_some();
        assert!(hidden || said, "{name}: a drawing without words");
    }
    for labels in elements.iter().filter_map(|element| element.attribute("aria-labelledby")) {
        assert!(labels.split(' ').all(|id| ids.contains(&id)), "{name}: {labels} names nothing");
    }
}

/// Marks of charts, each with a title of its own.
fn marks(elements: &[Node]) -> usize {
    elements
        .iter()
        .filter(|element| {
            element.has_tag_name("g") && element.first_element_child().is_some_and(|e| e.has_tag_name("title"))
        })
        .count()
}

#[test]
fn the_verdict_comes_first_in_word_and_icon() {
    for verdict in VERDICTS {
        let page = report::html(&drill(verdict, 0), &[]);
        let body = &page[page.find("<body>").unwrap()..];
        let heading = body.find("<h1>").unwrap();
        assert!(body[..heading].contains("large-icon") && heading < body.find("<h2").unwrap(), "{verdict:?}");
        let word = &body[heading + 4..heading + body[heading..].find("</h1>").unwrap()];
        assert_eq!(word.to_lowercase(), verdict.words());
        assert_eq!(body.contains("What to do next"), verdict != Verdict::Proved);
    }
}

#[test]
fn an_outlook_is_given_where_growth_is_plain() {
    let growing = |percent_a_day: f64, days: i64| {
        let mut drills: Vec<_> = (-days..=0).map(|day| drill(Verdict::Proved, day)).collect();
        for (day, drill) in drills.iter_mut().enumerate() {
            drill.recovery_seconds = Some(900.0 * (1.0 + percent_a_day / 100.0 * day as f64));
        }
        let newest = drills.pop().unwrap();
        report::html(&newest, &drills)
    };
    assert!(growing(1.0, 60).contains("it passes the budget in about 6 weeks."), "it reaches 1800 s in 40 days");
    for quiet in [growing(0.0, 60), growing(1.0, 5), growing(-1.0, 60), growing(0.01, 60)] {
        assert!(!quiet.contains("passes the budget"));
    }
}

#[test]
fn text_has_the_contrast_that_reading_needs() {
    let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split_once("}\n}").unwrap().0;
    for (scheme, text) in [("light", light), ("dark", dark)] {
        let colour = |name: &str| {
            let value = text.split_once(&format!("--{name}: #")).unwrap_or_else(|| panic!("{scheme}: no {name}")).1;
            let part = |at: usize| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
            [part(0), part(2), part(4)]
        };
        let tint: f64 = text.split_once("--tint: ").unwrap().1.split_once('%').unwrap().0.parse().unwrap();
        let card = colour("card");
        let enough = |name: &str, front: [f64; 3], back: [f64; 3]| {
            let found = contrast(front, back);
            assert!(found >= 4.5, "{scheme}: {name} has a contrast of {found:.2}");
        };
        for name in ["text", "muted", "accent", "budget"] {
            enough(name, colour(name), card);
            enough(name, colour(name), colour("ground"));
        }
        for verdict in ["proved", "over_budget", "unproved", "assertion_failed", "damaged_backup", "could_not_run"] {
            let own = colour(verdict);
            let tinted = [0, 1, 2].map(|i| own[i] * tint / 100.0 + card[i] * (1.0 - tint / 100.0));
            enough(verdict, own, card);
            enough(verdict, own, tinted);
            enough(verdict, colour("on-verdict"), own);
            enough("muted on the banner", colour("muted"), tinted);
        }
    }
}

/// The contrast ratio of WCAG 2.2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let luminance = |c: [f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Loads a page in frames of three widths, waits until all are there, and writes what it measures as text.
const MEASURE: &str = r#"
addEventListener('load', () => {
  const found = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument, width = page.documentElement.clientWidth;
    const held = e => e.closest('.scroll, svg, .unseen, thead');
    const wide = [...page.body.querySelectorAll('*')].filter(e => !held(e) && e.getBoundingClientRect().right > width + 0.5);
    return {
      width, scroll: page.documentElement.scrollWidth,
      wide: wide.map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40)),
      scripts: page.scripts.length, handlers: page.querySelectorAll('[onclick],[onload],[onerror]').length,
      requests: frame.contentWindow.performance.getEntriesByType('resource').map(e => e.name),
      heading: page.querySelector('h1').getBoundingClientRect().top,
      family: frame.contentWindow.getComputedStyle(page.querySelector('h1')).color,
    };
  });
  document.getElementById('found').textContent = JSON.stringify(found);
});"#;

#[test]
fn a_browser_shows_pages_without_requests_errors_or_overflow() {
    let Some(browser) = browser() else {
        eprintln!("skipped a_browser_shows_pages_without_requests_errors_or_overflow: no chromium is installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, page) in pages() {
        let seen = load(&browser, folder.path(), &page);
        assert!(seen.console.is_empty(), "{name}: {:?}", seen.console);
        assert_eq!(seen.frames.len(), 3, "{name}");
        for frame in seen.frames {
            assert_eq!(frame["scroll"], frame["width"], "{name} is too wide: {frame}");
            assert_eq!(frame["wide"], serde_json::json!([]), "{name}: {frame}");
            assert_eq!(frame["scripts"], 0, "{name}");
            assert_eq!(frame["handlers"], 0, "{name}");
            assert_eq!(frame["requests"], serde_json::json!([]), "{name}");
            assert!(frame["heading"].as_f64().unwrap() < 120.0, "{name}: the verdict is not on top: {frame}");
        }
    }
}

#[test]
fn the_browser_test_sees_requests_errors_and_overflow() {
    let Some(browser) = browser() else {
        eprintln!("skipped the_browser_test_sees_requests_errors_and_overflow: no chromium is installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let page = report::html(&drill(Verdict::Proved, 0), &[]);
    let with = |more: &str| page.replace("</main>", &format!("{more}</main>"));
    let wide = load(&browser, folder.path(), &with("<p style=\"width:700px\">wide</p>"));
    assert_ne!(wide.frames[0]["wide"], serde_json::json!([]));
    assert_ne!(wide.frames[0]["scroll"], wide.frames[0]["width"]);
    // The policy in the head keeps both away, and the browser says so.
    let script = load(&browser, folder.path(), &with("<script>document.title = 'run'</script>"));
    assert!(script.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", script.console);
    let image = load(&browser, folder.path(), &with("<img src=\"http://127.0.0.1:9/a.png\" alt=\"\">"));
    assert!(image.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", image.console);
}

fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(outside::find)
}

/// What a browser made of a page.
struct Seen {
    /// A frame each of 360, 768 and 1280 pixels.
    frames: Vec<serde_json::Value>,
    /// Lines that it wrote to the console.
    console: Vec<String>,
}

fn load(browser: &Path, folder: &Path, page: &str) -> Seen {
    let held = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame =
        |width: usize| format!("<iframe style=\"width:{width}px;height:900px;border:0\" srcdoc=\"{held}\"></iframe>");
    let frames: String = [360, 768, 1280].map(frame).concat();
    let file = folder.join("frames.html");
    let wrapper = format!("<!DOCTYPE html><meta charset=utf-8><pre id=found></pre><script>{MEASURE}</script>{frames}");
    std::fs::write(&file, wrapper).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"])
        .args(["--disable-background-networking", "--disable-sync", "--disable-component-update"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--window-size=1400,1000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found = out.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let found = found.unwrap_or_else(|| panic!("{}: {out:.400}\n{err}", output.status)).0;
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let frames = serde_json::from_str(&found).unwrap_or_else(|error| panic!("{error}: {found:?}\n{err}"));
    Seen { frames, console: err.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect() }
}
