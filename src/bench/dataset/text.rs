//! Rows as LOAD DATA text: fields by kind, tab and newline between them, backslash escapes.

/// Days of each month in a year that is no leap year.
const MONTH_DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_SECONDS: u64 = 86_400;

/// A growing text of rows.
#[derive(Default)]
pub struct RowText {
    bytes: Vec<u8>,
    rows: u64,
    inside_row: bool,
}

impl RowText {
    /// The text so far, and its number of rows; the buffer starts anew.
    pub fn take(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.rows))
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True where nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Ends the row.
    pub fn end(&mut self) {
        self.bytes.push(b'\n');
        self.rows += 1;
        self.inside_row = false;
    }

    /// A number.
    pub fn number(&mut self, value: impl itoa::Integer) -> &mut Self {
        self.field().extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self
    }

    /// `units` of 10 to the power of -`scale`, such as cents with a scale of 2.
    pub fn decimal(&mut self, units: i64, scale: u32) -> &mut Self {
        let one = 10_u64.pow(scale);
        let (whole, rest) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
        let bytes = self.field();
        if units < 0 {
            bytes.push(b'-');
        }
        bytes.extend_from_slice(format!("{whole}.{rest:0width$}", width = scale as usize).as_bytes());
        self
    }

    /// Text or bytes of any kind.
    pub fn text(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        let bytes = self.field();
        for &byte in value.as_ref() {
            match byte {
                b'\t' => bytes.extend_from_slice(b"\\t"),
                b'\n' => bytes.extend_from_slice(b"\\n"),
                b'\\' => bytes.extend_from_slice(b"\\\\"),
                0 => bytes.extend_from_slice(b"\\0"),
                other => bytes.push(other),
            }
        }
        self
    }

    /// NULL.
    pub fn null(&mut self) -> &mut Self {
        self.field().extend_from_slice(b"\\N");
        self
    }

    /// A date: days after 2020-01-01.
    pub fn date(&mut self, days: u32) -> &mut Self {
        push_date(self.field(), days);
        self
    }

    /// A moment: seconds after 2020-01-01 00:00:00.
    pub fn moment(&mut self, seconds: u64) -> &mut Self {
        push_moment(self.field(), seconds);
        self
    }

    /// A moment with a fraction of `digits` digits.
    pub fn moment_fraction(&mut self, seconds: u64, fraction: u32, digits: usize) -> &mut Self {
        let bytes = self.field();
        push_moment(bytes, seconds);
        bytes.extend_from_slice(format!(".{fraction:0digits$}").as_bytes());
        self
    }

    fn field(&mut self) -> &mut Vec<u8> {
        if self.inside_row {
            self.bytes.push(b'\t');
        }
        self.inside_row = true;
        &mut self.bytes
    }
}

/// The date `days` after 2020-01-01 as text.
pub fn date_text(days: u32) -> String {
    let mut bytes = Vec::new();
    push_date(&mut bytes, days);
    bytes.into_iter().map(char::from).collect()
}

fn push_moment(bytes: &mut Vec<u8>, seconds: u64) {
    push_date(bytes, (seconds / DAY_SECONDS) as u32);
    let of_day = (seconds % DAY_SECONDS) as u32;
    for (mark, value) in [(b' ', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)] {
        bytes.push(mark);
        push_two(bytes, value);
    }
}

fn push_date(bytes: &mut Vec<u8>, mut days: u32) {
    let mut year = 2020;
    while days >= year_days(year) {
        days -= year_days(year);
        year += 1;
    }
    let mut month = 0;
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        month += 1;
    }
    push_two(bytes, year / 100);
    push_two(bytes, year % 100);
    for value in [month as u32 + 1, days + 1] {
        bytes.push(b'-');
        push_two(bytes, value);
    }
}

fn push_two(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

// Good until 2099, which has no century year without a leap day.
fn year_days(year: u32) -> u32 {
    if year % 4 == 0 { 366 } else { 365 }
}

fn month_days(year: u32, month: usize) -> u32 {
    if month == 1 && year % 4 == 0 { 29 } else { MONTH_DAYS[month] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_separated_and_escaped() {
        let mut text = RowText::default();
        text.number(7).text("a\tb\\c\n").null().decimal(-105, 2).end();
        text.moment_fraction(59 * DAY_SECONDS + 3661, 42, 6).date(366).end();
        let (bytes, rows) = text.take();
        assert_eq!(rows, 2);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "7\ta\\tb\\\\c\\n\t\\N\t-1.05\n2020-02-29 01:01:01.000042\t2021-01-01\n"
        );
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        for days in (0..9000).step_by(13) {
            let span = jiff::Span::new().days(i64::from(days));
            assert_eq!(date_text(days), (jiff::civil::date(2020, 1, 1) + span).to_string());
        }
    }
}
