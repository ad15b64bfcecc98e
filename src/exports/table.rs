//! The table: its columns, its cells, and its two forms.

use greenroom_actors::user::{contact::Contact, contact_filter::shown_name};
use rust_xlsxwriter::Workbook;
use std::{borrow::Cow, sync::Arc};

/// Most rows of one file: what a sheet holds, without its head.
const ROWS_MAX: usize = 1_048_575;
/// Most bytes of text in one file: it is made in memory.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// There is more than one file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many contacts for one file: a filter makes them fewer")]
pub struct TooLarge;

/// A column: its head, and its cell for a contact.
type Column = (&'static str, fn(&Contact) -> Cell<'_>);

/// One cell.
#[derive(Clone, Debug, PartialEq)]
enum Cell<'a> {
    /// Text, as a spreadsheet may have it.
    Text(Cow<'a, str>),
    /// A number.
    Number(u32),
    /// Nothing.
    Empty,
}

/// The columns (product rule).
const COLUMNS: [Column; 11] = [
    ("Name", |contact| text(Some(shown_name(contact)))),
    ("Last Message", |contact| text(contact.last_message.as_deref())),
    ("Last Message At", |contact| match contact.last_message_at {
        Some(at) => jiff::Timestamp::from_millisecond(at.as_millis())
            .map_or(Cell::Empty, |at| Cell::Text(format!("{at:.3}").into())),
        None => Cell::Empty,
    }),
    ("Stage", |contact| text(Some(contact.stage.as_str()))),
    ("Sentiment", |contact| text(Some(contact.sentiment.as_str()))),
    ("HRN", |contact| text(Some(if contact.hrn.is_some() { "Yes" } else { "No" }))),
    ("Tags", |contact| {
        let tags: Vec<&str> = contact.crm.tags.iter().map(AsRef::as_ref).collect();
        if tags.is_empty() { Cell::Empty } else { Cell::Text(harmless(&tags.join(", ")).into_owned().into()) }
    }),
    ("Lead Score", |contact| contact.lead_score.map_or(Cell::Empty, |score| Cell::Number(score.into()))),
    ("Lead Value", |contact| contact.crm.lead_value.map_or(Cell::Empty, Cell::Number)),
    ("Next Action", |contact| text(contact.crm.next_action.as_deref())),
    ("Notes", |contact| text(contact.crm.notes.as_deref())),
];

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Empty, |text| Cell::Text(harmless(text)))
}

/// Text that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it.
fn harmless(text: &str) -> Cow<'_, str> {
    // Blanks and marks before it do not count for every spreadsheet.
    let begins = text.trim_start_matches([' ', '\u{feff}', '\u{a0}']).chars().next();
    match begins {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Counts what goes into a file.
#[derive(Default)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Size {
    fn row(&mut self) -> Result<(), TooLarge> {
        self.rows += 1;
        if self.rows > ROWS_MAX { Err(TooLarge) } else { Ok(()) }
    }

    fn cell(&mut self, cell: &Cell<'_>) -> Result<(), TooLarge> {
        self.bytes += if let Cell::Text(text) = cell { text.len() } else { 8 };
        if self.bytes > BYTES_MAX { Err(TooLarge) } else { Ok(()) }
    }
}

/// The table as text with commas (RFC 4180), in UTF-8 with the mark that spreadsheets know it by.
///
/// # Errors
/// [`TooLarge`].
pub fn csv<'a>(contacts: impl Iterator<Item = &'a Arc<Contact>>) -> Result<Vec<u8>, TooLarge> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let mut size = Size::default();
    // Writing to memory cannot fail, and every row has as many fields.
    let _ = writer.write_record(COLUMNS.map(|(head, _)| head));
    for contact in contacts {
        size.row()?;
        for (_, cell) in COLUMNS {
            let cell = cell(contact);
            size.cell(&cell)?;
            let _ = match &cell {
                Cell::Text(text) => writer.write_field(text.as_bytes()),
                Cell::Number(number) => writer.write_field(number.to_string()),
                Cell::Empty => writer.write_field(""),
            };
        }
        let _ = writer.write_record(None::<&[u8]>);
    }
    writer.into_inner().map_err(|_| TooLarge)
}

/// The table as a workbook with one sheet. Texts are texts, whatever they begin with.
///
/// # Errors
/// [`TooLarge`].
pub fn xlsx<'a>(contacts: impl Iterator<Item = &'a Arc<Contact>>) -> Result<Vec<u8>, TooLarge> {
    let mut workbook = Workbook::new();
    let refused = |error: rust_xlsxwriter::XlsxError| {
        tracing::warn!(%error, "a workbook does not take a cell");
        TooLarge
    };
    let sheet = workbook.add_worksheet_with_constant_memory().map_err(refused)?;
    for (column, (head, _)) in (0_u16..).zip(COLUMNS) {
        sheet.write_string(0, column, head).map_err(refused)?;
    }
    let mut size = Size::default();
    for (row, contact) in (1_u32..).zip(contacts) {
        size.row()?;
        for (column, (_, cell)) in (0_u16..).zip(COLUMNS) {
            let cell = cell(contact);
            size.cell(&cell)?;
            match &cell {
                Cell::Text(text) => sheet.write_string(row, column, &**text).map_err(refused)?,
                Cell::Number(number) => sheet.write_number(row, column, *number).map_err(refused)?,
                Cell::Empty => continue,
            };
        }
    }
    workbook.save_to_buffer().map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_actors::{
        Timestamp,
        id::{AccountId, ContactId, Igsid},
        user::contact::ContactSource,
    };

    fn contact(message: &str) -> Arc<Contact> {
        let at = Timestamp::from_millis(1_796_040_000_250);
        let (id, igsid, account) = (ContactId::from("c"), Igsid::from("9"), AccountId::from("1"));
        let mut contact = Contact::new(id, igsid, account, ContactSource::Message, at);
        contact.username = Some("ana".into());
        contact.last_message = Some(message.into());
        contact.last_message_at = Some(at);
        let crm = Arc::make_mut(&mut contact.crm);
        crm.tags = vec!["vip".into(), "cake".into()];
        crm.lead_value = Some(0);
        crm.notes = Some("likes \"cake\"".into());
        Arc::new(contact)
    }

    #[test]
    fn what_begins_like_a_formula_is_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1", "\u{feff}=1", "＝1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for plain in ["", "hello", "1-1", "a=b", "'quoted", "🎂"] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn a_table_of_text_reads_back() {
        let bytes = csv([contact("=HYPERLINK(\"x\"),\r\n\"hi\"")].iter()).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap().strip_prefix('\u{feff}').unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let heads: Vec<&str> = COLUMNS.iter().map(|(head, _)| *head).collect();
        assert_eq!(reader.headers().unwrap(), heads);
        let row = reader.records().next().unwrap().unwrap();
        let cells: Vec<&str> = row.iter().collect();
        assert_eq!(
            cells,
            [
                "ana",
                "'=HYPERLINK(\"x\"),\r\n\"hi\"",
                "2026-11-30T12:00:00.250Z",
                "new",
                "neutral",
                "No",
                "vip, cake",
                "50",
                "0",
                "",
                "likes \"cake\""
            ]
        );
    }

    #[test]
    fn a_workbook_is_made_and_what_is_too_large_is_refused() {
        let bytes = xlsx([contact("hello"), contact("=1")].iter()).unwrap();
        assert_eq!(&bytes[..2], b"PK");
        let large = contact(&"x".repeat(BYTES_MAX));
        assert_eq!(csv([large].iter()), Err(TooLarge));
        let many = contact(&"x".repeat(20_000));
        let many = std::iter::repeat_n(&many, BYTES_MAX / 20_000 + 1);
        assert_eq!(xlsx(many), Err(TooLarge));
    }
}
