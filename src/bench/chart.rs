//! The result of a contest as one picture (SVG 1.1): a panel for each step and settings, a row for each contestant in each of
//! its ways. The broad bar is the time from start to end, with its spread; the narrow one below is CPU, client and server.
//! Light and dark follow what the reader's browser asks for. Pure.

use super::scoreboard::{Line, Scoreboard, Settings, Step, sentence};
use std::fmt::Write;

const WIDTH: f64 = 880.0;
/// Where bars begin, and how long the longest may be: behind it stands its figure.
const BARS_AT: f64 = 250.0;
const BARS_WIDTH: f64 = 480.0;
const ROW: f64 = 44.0;
const MARGIN: f64 = 20.0;
/// A line of a note.
const NOTE: f64 = 18.0;
/// Letters of a note that fit into a line.
const NOTE_LETTERS: usize = 125;
/// Notes on losses at most; the tables have all of them.
const LOSSES_SHOWN: usize = 4;

/// Colours by name: light, dark. Text on the ground reaches a contrast of 4.5, bars one of 3.
const COLOURS: &[(&str, &str, &str)] = &[
    ("ground", "#ffffff", "#0d1117"),
    ("text", "#1f2328", "#e6edf3"),
    ("faint", "#59636e", "#9198a1"),
    ("line", "#d1d9e0", "#3d444d"),
    ("ours", "#0f766e", "#2dd4bf"),
    ("theirs", "#7d8590", "#848d97"),
    ("client", "#c2570c", "#fb923c"),
    ("server", "#2f6fd0", "#6ea8fe"),
];

/// The picture as a document of its own.
pub(super) fn svg(board: &Scoreboard) -> String {
    let mut picture = Picture { body: String::new(), y: MARGIN + 12.0 };
    picture.heading(board);
    for settings in board.settings() {
        picture.settings(settings);
        for (step, title) in [(Step::Dump, "Backup"), (Step::Load, "Restore")] {
            let here = |line: &&Line| line.settings == settings && line.step == step;
            let lines: Vec<&Line> = board.lines.iter().filter(here).collect();
            picture.panel(title, &lines, board);
        }
    }
    picture.notes(board);
    let (height, style) = (picture.y + MARGIN - 8.0, style());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"chart-title chart-text\">\n<title id=\"chart-title\">{}</title>\n\
         <desc id=\"chart-text\">{}</desc>\n<style>{style}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n{}</svg>\n",
        escaped(&title(board)),
        escaped(&description(board)),
        picture.body
    )
}

/// Text between tags or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No other control character may stand in XML.
            letter if letter.is_control() && !matches!(letter, '\t' | '\n') => safe.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The rules for both colour schemes, as custom properties are not known to every program that shows an SVG.
fn style() -> String {
    let rules = |dark: bool| {
        COLOURS.iter().fold(String::new(), |mut rules, (name, light_value, dark_value)| {
            let value = if dark { dark_value } else { light_value };
            let property = if *name == "line" { "stroke" } else { "fill" };
            write!(rules, "svg .{name}{{{property}:{value}}}").expect("a string takes everything");
            rules
        })
    };
    format!(
        "svg text{{font:13px system-ui,-apple-system,'Segoe UI',sans-serif}}svg .title{{font-size:17px;font-weight:600}}\
         svg .name{{font-weight:600}}svg .small{{font-size:11.5px}}{}\
         @media (prefers-color-scheme: dark){{{}}}",
        rules(false),
        rules(true)
    )
}

fn title(board: &Scoreboard) -> String {
    format!("Backup and restore of {}", board.facts.data)
}

/// Every figure of the picture in words.
fn description(board: &Scoreboard) -> String {
    let shown = board.lines.iter().filter(|line| line.step != Step::SecondDump);
    let lines: Vec<String> =
        shown.map(|line| format!("{}: {:.2} seconds", line.label(), line.wall_seconds.median)).collect();
    lines.join("; ")
}

struct Picture {
    body: String,
    y: f64,
}

impl Picture {
    fn heading(&mut self, board: &Scoreboard) {
        let facts = &board.facts;
        self.text(MARGIN, "text title", &title(board));
        self.y += 20.0;
        let server = facts.server.split(' ').next().unwrap_or_default();
        let line = format!(
            "MySQL {server}, {}, {} cores, {} sessions, {}; shorter is better",
            facts.cpu,
            facts.cores,
            facts.threads,
            if facts.runs == 1 { "one round".to_owned() } else { format!("medians of {} rounds", facts.runs) }
        );
        self.text(MARGIN, "faint small", &line);
        self.y += 22.0;
        let mut x = MARGIN;
        for (class, name) in [
            ("ours", "time, myriad"),
            ("theirs", "time, others"),
            ("client", "CPU of the client"),
            ("server", "CPU of the server"),
        ] {
            self.bar(class, x, self.y - 9.0, 12.0, 10.0, "");
            self.text(x + 17.0, "text small", name);
            x += 36.0 + 6.3 * name.len() as f64;
        }
        self.y += 12.0;
    }

    fn settings(&mut self, settings: Settings) {
        self.y += 14.0;
        self.rule();
        self.y += 20.0;
        self.text(MARGIN, "faint small", &sentence(settings.title()));
        self.y += 6.0;
    }

    fn panel(&mut self, title: &str, lines: &[&Line], board: &Scoreboard) {
        let longest = lines.iter().map(|line| line.wall_seconds.most.max(cpu(line))).fold(0.0, f64::max);
        if longest <= 0.0 {
            return;
        }
        self.y += 20.0;
        self.text(MARGIN, "text name", title);
        self.y += 8.0;
        for line in lines {
            self.row(line, BARS_WIDTH / longest, lost(board, line));
        }
    }

    fn row(&mut self, line: &Line, scale: f64, lost: bool) {
        let top = self.y;
        let mark = if lost { " *" } else { "" };
        self.y = top + 15.0;
        self.text(MARGIN, "text", &format!("{}{mark}", line.rival));
        self.y = top + 30.0;
        self.text(MARGIN, "faint small", &line.way);
        let (class, wall) = (if line.is_ours() { "ours" } else { "theirs" }, line.wall_seconds);
        let told = format!("{}: {:.2} s, from {:.2} to {:.2}", line.label(), wall.median, wall.least, wall.most);
        self.bar(class, BARS_AT, top + 3.0, wall.median * scale, 12.0, &told);
        if wall.most > wall.least {
            let (from, to, y) = (BARS_AT + wall.least * scale, BARS_AT + wall.most * scale, top + 9.0);
            self.line(from, to, y);
        }
        let client = line.client_cpu_seconds.median * scale;
        let server = line.server_cpu_seconds.map_or(0.0, |cpu| cpu.median * scale);
        self.bar("client", BARS_AT, top + 19.0, client, 8.0, "");
        self.bar("server", BARS_AT + client, top + 19.0, server, 8.0, "");
        self.y = top + 13.5;
        self.text(BARS_AT + wall.median.max(wall.most) * scale + 6.0, "text", &format!("{:.2} s", wall.median));
        self.y = top + 28.0;
        self.text(BARS_AT + client + server + 6.0, "faint small", &format!("{:.2} s of CPU", cpu(line)));
        self.y = top + ROW;
    }

    /// What was changed by whom, and who was not there.
    fn notes(&mut self, board: &Scoreboard) {
        self.y += 6.0;
        self.rule();
        self.y += NOTE;
        let losses: Vec<_> = board.losses.iter().filter(|loss| !loss.differences.is_empty()).collect();
        let mut notes: Vec<String> = losses
            .iter()
            .take(LOSSES_SHOWN)
            .map(|loss| {
                let first = &loss.differences[0];
                let more = match loss.differences.len() - 1 {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                format!("* {} did not bring the source's data: {}: {}{more}", loss.rival, first.place, first.what)
            })
            .collect();
        if losses.is_empty() {
            notes.push("Whatever was loaded was compared with the source and is the same.".into());
        }
        notes.extend(board.absent.iter().map(|absent| format!("Not measured: {}, {}", absent.rival, absent.why)));
        for note in notes {
            let short: String = note.chars().take(NOTE_LETTERS).collect();
            let cut = if short.len() < note.len() { "..." } else { "" };
            self.text(MARGIN, "faint small", &format!("{}{cut}", short.replace('\n', " ")));
            self.y += NOTE;
        }
    }

    fn text(&mut self, x: f64, class: &str, text: &str) {
        let y = self.y;
        writeln!(self.body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text))
            .expect("a string takes everything");
    }

    fn bar(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64, told: &str) {
        let told = if told.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(told)) };
        writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">{told}</rect>"
        )
        .expect("a string takes everything");
    }

    /// The spread of a bar, with ends.
    fn line(&mut self, from: f64, to: f64, y: f64) {
        let path = format!("M{from:.1} {:.1}v6m0 -3H{to:.1}m0 -3v6", y - 3.0);
        writeln!(self.body, "<path class=\"line spread\" fill=\"none\" stroke-width=\"1.5\" d=\"{path}\"/>")
            .expect("a string takes everything");
    }

    fn rule(&mut self) {
        let (y, to) = (self.y, WIDTH - MARGIN);
        writeln!(self.body, "<path class=\"line\" fill=\"none\" d=\"M{MARGIN} {y:.1}H{to}\"/>")
            .expect("a string takes everything");
    }
}

fn cpu(line: &Line) -> f64 {
    line.client_cpu_seconds.median + line.server_cpu_seconds.map_or(0.0, |cpu| cpu.median)
}

/// True where what the line brought is not what the source holds.
fn lost(board: &Scoreboard, line: &Line) -> bool {
    let mine = board.losses.iter().filter(|loss| loss.rival == line.rival && !loss.differences.is_empty());
    line.step == Step::Load && mine.flat_map(|loss| loss.way.split("; ")).any(|way| way == line.way)
}

#[cfg(test)]
mod tests {
    use super::super::scoreboard::tests::board;
    use super::*;
    use roxmltree::Document;

    #[test]
    fn it_is_well_formed_and_holds_every_line() {
        let board = board();
        let text = svg(&board);
        let document = Document::parse(&text).unwrap();
        let count = |class: &str| document.descendants().filter(|node| node.attribute("class") == Some(class)).count();
        // The legend has one of each.
        assert_eq!((count("ours"), count("theirs")), (1 + 4, 1 + 4));
        assert_eq!((count("client"), count("server")), (1 + 8, 1 + 8));
        for told in ["other <&> *", "2.00 s", "mysqlsh, no mysqlsh found", "s.t: column f: other values"] {
            let there = document.descendants().any(|node| node.text().is_some_and(|text| text.contains(told)));
            assert!(there, "{told}: {text}");
        }
    }

    #[test]
    fn bars_are_as_long_as_the_figures() {
        let text = svg(&board());
        let document = Document::parse(&text).unwrap();
        let widths = |class: &str| -> Vec<f64> {
            let bars = document.descendants().filter(|node| node.attribute("class") == Some(class));
            bars.skip(1).map(|bar| bar.attribute("width").unwrap().parse().unwrap()).collect()
        };
        // Backup: 2 and 4 s of at most 6; restore: 4 and 10 s of at most 10.
        let near = |found: f64, wanted: f64| (found - wanted).abs() < 0.1;
        assert!(near(widths("ours")[0], BARS_WIDTH / 3.0) && near(widths("theirs")[0], BARS_WIDTH * 2.0 / 3.0));
        assert!(near(widths("ours")[1], BARS_WIDTH * 0.4) && near(widths("theirs")[1], BARS_WIDTH));
    }

    #[test]
    fn what_xml_may_not_hold_is_replaced() {
        assert_eq!(escaped("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd}");
    }
}
