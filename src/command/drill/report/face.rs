//! How a verdict looks and reads in every report: its key, its word, its icon, and what it means. Colour alone says
//! nothing: word and icon go with it everywhere. Pure.

use super::markup::{Markup, node};
use crate::command::drill::record::Verdict;

/// All verdicts, best first.
pub(super) const ALL: [Verdict; 6] = [
    Verdict::Proved,
    Verdict::OverBudget,
    Verdict::Unproved,
    Verdict::AssertionFailed,
    Verdict::DamagedBackup,
    Verdict::CouldNotRun,
];

/// The face of a verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    /// As in the JSON report; labels, classes and JUnit types use it.
    pub key: &'static str,
    /// For people.
    pub word: &'static str,
    /// What it means, for who sees it for the first time.
    pub meaning: &'static str,
    /// Lines of the icon in a field of 24 by 24.
    lines: &'static str,
    /// Its colour in the page's light form, for the icon of the browser's tab.
    colour: &'static str,
}

/// The face of `verdict`.
pub(super) fn of(verdict: Verdict) -> Face {
    let (key, word, meaning, lines, colour) = match verdict {
        Verdict::Proved => (
            "proved",
            "Proved",
            "Restored; every row read back and equal; every assertion held; within budget.",
            "M5 12.8l4.6 4.7L19 7.2",
            "1a7f37",
        ),
        Verdict::OverBudget => (
            "over_budget",
            "Over budget",
            "Restored and proved, and slower or older than the budget allows.",
            "M12 6v6.4l4.2 2.6",
            "8a5a00",
        ),
        Verdict::Unproved => (
            "unproved",
            "Restored but unproved",
            "Restored; not all of it could be compared with the backup.",
            "M8.8 9.2a3.3 3.3 0 1 1 4.9 2.9c-1.1.7-1.7 1.3-1.7 2.6M12 18.2v.1",
            "7a3fbf",
        ),
        Verdict::AssertionFailed => (
            "assertion_failed",
            "Assertion failed",
            "Restored and proved; the data are not as an assertion wants them.",
            "M6 9.3h12M6 14.7h12M15.6 5.4L8.4 18.6",
            "b03a00",
        ),
        Verdict::DamagedBackup => (
            "damaged_backup",
            "Damaged backup",
            "The repository does not hold what the backup names, or rows came back different.",
            "M7 7l10 10M17 7L7 17",
            "b3172b",
        ),
        Verdict::CouldNotRun => (
            "could_not_run",
            "Could not run",
            "Nothing can be said of the backup: the drill did not get to restore it.",
            "M12 6.2v7.4M12 17.6v.1",
            "57606a",
        ),
    };
    Face { key, word, meaning, lines, colour }
}

impl Face {
    /// The same under another word.
    pub fn called(self, word: &'static str) -> Self {
        Self { word, ..self }
    }

    /// The icon: lines in a disc, both in the verdict's colours.
    pub fn icon(&self, class: &str) -> Markup {
        let attributes = [("class", class), ("viewBox", "0 0 24 24"), ("aria-hidden", "true"), ("focusable", "false")];
        let disc = node("circle", &[("class", "disc"), ("cx", "12"), ("cy", "12"), ("r", "12")], "");
        node("svg", &attributes, Markup::all([disc, node("path", &[("class", "lines"), ("d", self.lines)], "")]))
    }

    /// Icon and word, in the verdict's colour.
    pub fn badge(&self) -> Markup {
        let class = format!("badge v-{}", self.key);
        node("span", &[("class", &class)], Markup::all([self.icon("icon"), self.word.into()]))
    }

    /// The icon as an address that holds it, for the browser's tab.
    pub fn tab_icon(&self) -> String {
        format!(
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E\
             %3Ccircle cx='12' cy='12' r='12' fill='%23{}'/%3E\
             %3Cpath d='{}' fill='none' stroke='%23fff' stroke-width='2.6' stroke-linecap='round'/%3E%3C/svg%3E",
            self.colour, self.lines
        )
    }
}
