//! The pass over a body: one cursor, counters, and what was cut so far.

use super::{
    ENTRIES_MAX, Envelope, Form, ITEM_DEPTH_MAX, ITEMS_MAX, OBJECT_CHARS_MAX, QUARANTINED_MAX, Quarantined,
    Slice,
};
use crate::{
    json::{Malformed, Raw, Scanner},
    webhook::event::Reason,
};
use std::borrow::Cow;

/// The members of one entry that matter beside its lists.
#[derive(Default)]
struct Frame<'a> {
    account: Option<Raw<'a>>,
    time: Option<Raw<'a>>,
    field: Option<Raw<'a>>,
    value: Option<Raw<'a>>,
    has_lists: bool,
}

/// A point to return to when what was cut since then turns out not to count.
#[derive(Clone, Copy)]
struct Mark {
    slices: usize,
    quarantined: usize,
    valueless: usize,
    entries: usize,
    items: usize,
}

pub(super) struct Cutter<'a> {
    body: &'a [u8],
    envelope: Envelope<'a>,
    envelopes: usize,
    entries: usize,
    items: usize,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, envelope: Envelope::default(), envelopes: 0, entries: 0, items: 0 }
    }

    /// What was cut.
    pub(super) fn finish(self) -> Envelope<'a> {
        self.envelope
    }

    fn mark(&self) -> Mark {
        Mark {
            slices: self.envelope.slices.len(),
            quarantined: self.envelope.quarantined.len(),
            valueless: self.envelope.valueless,
            entries: self.entries,
            items: self.items,
        }
    }

    fn rewind(&mut self, mark: Mark) {
        self.envelope.slices.truncate(mark.slices);
        self.envelope.quarantined.truncate(mark.quarantined);
        self.envelope.valueless = mark.valueless;
        self.entries = mark.entries;
        self.items = mark.items;
    }

    fn quarantine(&mut self, reason: Reason, raw: &'a [u8]) {
        if self.envelope.quarantined.len() < QUARANTINED_MAX {
            self.envelope.quarantined.push(Quarantined { account: None, reason, raw });
        } else {
            self.envelope.unlisted += 1;
        }
    }

    fn text(&self, from: usize, to: usize) -> &'a [u8] {
        self.body.get(from..to).unwrap_or_default()
    }

    /// Reads a list up to a limit; what is left of it is quarantined as one part.
    fn list(
        &mut self,
        scanner: &mut Scanner<'a>,
        reason: Reason,
        is_full: impl Fn(&Self) -> bool,
        mut each: impl FnMut(&mut Self, &mut Scanner<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut rest: Option<(usize, usize)> = None;
        scanner.elements(|scanner| {
            if !is_full(self) {
                return each(self, scanner);
            }
            scanner.peek();
            let start = scanner.position();
            scanner.value()?;
            rest = Some((rest.map_or(start, |(first, _)| first), scanner.position()));
            Ok(())
        })?;
        if let Some((from, to)) = rest {
            self.quarantine(reason, self.text(from, to));
        }
        Ok(())
    }

    /// Form D.
    pub(super) fn envelopes(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let is_full = |cutter: &Self| cutter.envelopes == ENTRIES_MAX;
        self.list(scanner, Reason::TooManyEntries, is_full, |cutter, scanner| {
            cutter.envelopes += 1;
            if scanner.peek() == Some(b'{') {
                return cutter.envelope(scanner);
            }
            let element = scanner.value()?;
            cutter.quarantine(Reason::NotAnObject, element.bytes());
            Ok(())
        })
    }

    pub(super) fn envelope(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        let (mark, start) = (self.mark(), scanner.position());
        let (mut object, mut frame) = (None, Frame::default());
        scanner.members(|scanner, key| {
            match key.name().as_ref() {
                b"entry" => {
                    // Given twice, the last one counts.
                    self.rewind(mark);
                    frame.has_lists = true;
                    return self.entry_list(scanner);
                }
                b"object" => object = Some(scanner.value()?),
                b"field" => frame.field = Some(scanner.value()?),
                b"value" => frame.value = Some(scanner.value()?),
                _ => drop(scanner.value()?),
            }
            Ok(())
        })?;
        match object.filter(|object| !object.is_null()).map(Raw::lossy) {
            None => {}
            Some(Some(name)) if name == "instagram" => {}
            Some(Some(name)) => {
                self.rewind(mark);
                self.envelope.ignored.push(short(name));
                return Ok(());
            }
            Some(None) => {
                self.rewind(mark);
                self.quarantine(Reason::Missing("object"), self.text(start, scanner.position()));
                return Ok(());
            }
        }
        if frame.field.is_some() || frame.value.is_some() {
            self.change(Form::Bare, frame.field, frame.value, self.text(start, scanner.position()));
        } else if !frame.has_lists {
            self.quarantine(Reason::Missing("entry"), self.text(start, scanner.position()));
        }
        Ok(())
    }

    fn entry_list(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        if scanner.peek() != Some(b'[') {
            let value = scanner.value()?;
            self.quarantine(Reason::NotAList("entry"), value.bytes());
            return Ok(());
        }
        let is_full = |cutter: &Self| cutter.entries == ENTRIES_MAX;
        self.list(scanner, Reason::TooManyEntries, is_full, Self::entry)
    }

    fn entry(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Malformed> {
        self.entries += 1;
        if scanner.peek() != Some(b'{') {
            let value = scanner.value()?;
            self.quarantine(Reason::NotAnObject, value.bytes());
            return Ok(());
        }
        let (mark, start) = (self.mark(), scanner.position());
        let mut frame = Frame::default();
        scanner.members(|scanner, key| {
            match key.name().as_ref() {
                b"id" => frame.account = Some(scanner.value()?),
                b"time" => frame.time = Some(scanner.value()?),
                b"field" => frame.field = Some(scanner.value()?),
                b"value" => frame.value = Some(scanner.value()?),
                b"messaging" => {
                    return self.item_list(scanner, mark, &mut frame, Form::Messaging, "messaging");
                }
                b"standby" => return self.item_list(scanner, mark, &mut frame, Form::Standby, "standby"),
                b"changes" => return self.item_list(scanner, mark, &mut frame, Form::Change, "changes"),
                b"changed_fields" => {
                    frame.has_lists = true;
                    self.envelope.valueless += scanner.value()?.elements().count();
                }
                _ => drop(scanner.value()?),
            }
            Ok(())
        })?;
        let whole = self.text(start, scanner.position());
        if frame.field.is_some() || frame.value.is_some() {
            if self.items < ITEMS_MAX {
                self.items += 1;
                self.change(Form::Entry, frame.field, frame.value, whole);
            } else {
                self.quarantine(Reason::TooManyItems, whole);
            }
        } else if !frame.has_lists {
            self.quarantine(Reason::Missing("items"), whole);
        }
        self.close_entry(mark, &frame);
        Ok(())
    }

    /// Tells everything cut since `mark` which entry it belongs to.
    fn close_entry(&mut self, mark: Mark, frame: &Frame<'a>) {
        let account = frame.account.and_then(Raw::id_text).filter(|id| is_account_id(id));
        let time = frame.time.and_then(Raw::int);
        for slice in self.envelope.slices.iter_mut().skip(mark.slices) {
            slice.account.clone_from(&account);
            slice.entry_time = time;
        }
        for part in self.envelope.quarantined.iter_mut().skip(mark.quarantined) {
            part.account.clone_from(&account);
        }
    }

    fn item_list(
        &mut self,
        scanner: &mut Scanner<'a>,
        mark: Mark,
        frame: &mut Frame<'a>,
        form: Form,
        name: &'static str,
    ) -> Result<(), Malformed> {
        frame.has_lists = true;
        self.forget(mark, form);
        match scanner.peek() {
            Some(b'[') => {}
            Some(b'n') => return scanner.value().map(drop),
            _ => {
                let value = scanner.value()?;
                self.quarantine(Reason::NotAList(name), value.bytes());
                return Ok(());
            }
        }
        let is_full = |cutter: &Self| cutter.items == ITEMS_MAX;
        self.list(scanner, Reason::TooManyItems, is_full, |cutter, scanner| {
            cutter.items += 1;
            let item = scanner.value()?;
            if !item.is_object() {
                cutter.quarantine(Reason::NotAnObject, item.bytes());
            } else if form == Form::Change {
                cutter.change_item(item);
            } else {
                cutter.push(form, None, item, item.bytes());
            }
            Ok(())
        })
    }

    /// A list given twice in one entry: the last one counts.
    fn forget(&mut self, mark: Mark, form: Form) {
        let slices = &mut self.envelope.slices;
        if slices.iter().skip(mark.slices).any(|slice| slice.form == form) {
            let mut later = slices.split_off(mark.slices);
            later.retain(|slice| slice.form != form);
            slices.append(&mut later);
        }
    }

    fn change_item(&mut self, item: Raw<'a>) {
        let (mut field, mut value) = (None, None);
        for member in item.members() {
            let Ok((key, member)) = member else {
                return self.quarantine(Reason::Malformed, item.bytes());
            };
            match key.name().as_ref() {
                b"field" => field = Some(member),
                b"value" => value = Some(member),
                _ => {}
            }
        }
        self.change(Form::Change, field, value, item.bytes());
    }

    fn change(&mut self, form: Form, field: Option<Raw<'a>>, value: Option<Raw<'a>>, whole: &'a [u8]) {
        let field = field.and_then(Raw::lossy);
        match (field, value.filter(|value| !value.is_null())) {
            (None, _) => self.quarantine(Reason::Missing("field"), whole),
            (Some(_), None) => self.envelope.valueless += 1,
            (Some(_), Some(value)) if !value.is_object() => self.quarantine(Reason::NotAnObject, whole),
            (Some(field), Some(value)) => self.push(form, Some(field), value, whole),
        }
    }

    fn push(&mut self, form: Form, field: Option<Cow<'a, str>>, item: Raw<'a>, whole: &'a [u8]) {
        if item.depth() > ITEM_DEPTH_MAX {
            return self.quarantine(Reason::TooDeep, whole);
        }
        let slice = Slice { account: None, entry_time: None, form, field, raw: item.bytes() };
        self.envelope.slices.push(slice);
    }
}

fn is_account_id(id: &str) -> bool {
    crate::ids::AccountId::parse(id).is_ok()
}

fn short(name: Cow<'_, str>) -> Cow<'_, str> {
    match name.char_indices().nth(OBJECT_CHARS_MAX) {
        None => name,
        Some((end, _)) => Cow::Owned(name.get(..end).unwrap_or_default().to_owned()),
    }
}
