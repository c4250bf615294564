//! The result of a contest as a page: the picture, every figure in tables, what was lost, and the commands. One file without
//! script, fonts or pictures from elsewhere; well-formed XML as well, so that a strict parser can read it. Pure.

use super::chart::{escaped, svg};
use super::scoreboard::{Line, Ratio, Scoreboard, Settings, Spread, seconds, sentence, shown, size};
use std::fmt::Write;

const STYLE: &str = ":root{color-scheme:light dark}\
    body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;\
    color:#1f2328;background:#ffffff}\
    table{border-collapse:collapse;font-size:13px;margin:1rem 0}.wide{overflow-x:auto}\
    th,td{padding:.3rem .7rem;border-bottom:1px solid #d1d9e0;text-align:right;white-space:nowrap}\
    th:first-child,td:first-child,.words td{text-align:left}.pair td:nth-child(2),.pair th:nth-child(2){text-align:left}\
    .ours td:first-child{font-weight:600}.lost{color:#b42318}svg{max-width:100%;height:auto}\
    pre,code{font-size:12px}pre{white-space:pre-wrap;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .4rem}\
    @media (prefers-color-scheme: dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#3d444d}.lost{color:#ff9a8f}}";

/// The page.
pub(super) fn html(board: &Scoreboard) -> String {
    let title = escaped(&format!("myriad bench: {}", board.facts.data));
    let mut body = String::new();
    for settings in board.settings() {
        write!(
            body,
            "<h2>{}</h2>\n{}{}",
            escaped(&sentence(settings.title())),
            lines(board, settings),
            ratios(board, settings)
        )
        .expect("a string takes everything");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{}{}{body}{}{}</main>\n</body>\n</html>\n",
        svg(board),
        facts(board),
        losses(board),
        commands(board)
    )
}

fn facts(board: &Scoreboard) -> String {
    let mut told = board.facts.told();
    told.extend(board.absent.iter().map(|absent| ("not measured", format!("{}: {}", absent.rival, absent.why))));
    let rows = told.iter().map(|(name, text)| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(text)));
    format!("<dl>\n{}</dl>\n", rows.collect::<String>())
}

fn lines(board: &Scoreboard, settings: Settings) -> String {
    let heads = ["", "wall s", "client CPU s", "server CPU s", "server wrote", "client memory", "on disk"];
    let rows = board.lines.iter().filter(|line| line.settings == settings).map(line_row);
    table("lines", &heads, rows)
}

fn line_row(line: &Line) -> String {
    let maybe = |spread: Option<Spread>, show: fn(&Spread) -> String| spread.as_ref().map_or("-".into(), show);
    let cells = [
        line.label(),
        seconds(&line.wall_seconds),
        seconds(&line.client_cpu_seconds),
        maybe(line.server_cpu_seconds, seconds),
        maybe(line.server_written_bytes, |bytes| size(bytes.median)),
        size(line.client_memory_bytes as f64),
        line.stored_bytes.map_or("-".into(), |bytes| size(bytes as f64)),
    ];
    let class = if line.is_ours() { " class=\"ours\"" } else { "" };
    format!("<tr{class}>{}</tr>\n", cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect::<String>())
}

fn ratios(board: &Scoreboard, settings: Settings) -> String {
    let heads = ["this", "to this", "wall", "client CPU", "server CPU", "server wrote", "on disk"];
    let rows = board.ratios.iter().filter(|ratio| ratio.settings == settings).map(ratio_row);
    table("pair", &heads, rows)
}

fn ratio_row(ratio: &Ratio) -> String {
    let mut row = format!("<tr><td>{}</td><td>{}</td>", escaped(&ratio.what), escaped(&ratio.against));
    for value in [Some(ratio.wall), ratio.client_cpu, ratio.server_cpu, ratio.written, ratio.size] {
        let text = value.map_or("-".into(), shown);
        let class = if text.ends_with("lost") { " class=\"lost\"" } else { "" };
        write!(row, "<td{class}>{text}</td>").expect("a string takes everything");
    }
    row + "</tr>\n"
}

fn table(class: &str, heads: &[&str], rows: impl Iterator<Item = String>) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let rows: String = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"wide\"><table class=\"{class}\"><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn losses(board: &Scoreboard) -> String {
    let told: Vec<String> = board.losses.iter().map(|loss| loss.told().join("\n")).collect();
    match told.is_empty() {
        true => "<p>Whatever was loaded was compared with the source and is the same.</p>\n".into(),
        false => format!("<h2>What was lost or changed</h2>\n<pre>{}</pre>\n", escaped(&told.join("\n"))),
    }
}

fn commands(board: &Scoreboard) -> String {
    let mut told: Vec<&str> = Vec::new();
    let mut text = String::from("<h2>Commands</h2>\n");
    for line in &board.lines {
        if !told.contains(&line.command.as_str()) {
            told.push(&line.command);
            write!(text, "<p>{}</p>\n<pre><code>{}</code></pre>\n", escaped(&line.label()), escaped(&line.command))
                .expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::scoreboard::tests::board;
    use super::*;
    use roxmltree::{Document, ParsingOptions};

    #[test]
    fn it_is_well_formed_and_asks_for_nothing() {
        let page = html(&board());
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options).unwrap();
        let named = |name: &str| document.descendants().filter(|node| node.tag_name().name() == name).count();
        assert_eq!((named("svg"), named("table"), named("script"), named("img"), named("link")), (1, 4, 0, 0, 0));
        // Ten lines and four ratios, and the heads of four tables.
        assert_eq!(named("tr"), 10 + 4 + 4);
        assert!(page.contains("<td class=\"lost\">2.00 lost</td>") && page.contains("s.t: column f: other values"));
    }
}
