//! Quiet hours: the hours of the day in which no automatic message goes out, on the clocks of the owner's place.

use crate::{
    Timestamp,
    automation::{FieldCode, FieldError},
};
use jiff::{
    civil::Time,
    tz::{Disambiguation, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest name of a time zone, in characters.
const ZONE_CHARS_MAX: usize = 64;
/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// Days looked at for the end: clocks may be set back over midnight.
const DAYS: i64 = 3;

/// Hours of the day in which automatic messages wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// First minute, counted from midnight.
    start: u16,
    /// First minute after them; before the start when they go over midnight.
    end: u16,
    /// Name of a time zone of the IANA database.
    zone: Arc<str>,
}

/// Quiet hours as typed: times of day as `22:00`, the zone as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHoursInput {
    /// Begin.
    pub start: String,
    /// End; not the same as the start.
    pub end: String,
    /// Time zone of the IANA database.
    pub zone: String,
}

impl QuietHours {
    /// Quiet hours as they were typed.
    ///
    /// # Errors
    /// Names the field when a time is no time of day, when both are the same, or when the zone is not known.
    pub fn new(typed: &QuietHoursInput) -> Result<Self, FieldError> {
        let (start, end) = (minute("quietHours.start", &typed.start)?, minute("quietHours.end", &typed.end)?);
        if start == end {
            return Err(invalid("quietHours.end", "quiet hours end at another time than they start"));
        }
        let zone = typed.zone.trim();
        if zone.chars().count() > ZONE_CHARS_MAX || zone_of(zone).is_none() {
            return Err(invalid("quietHours.zone", "not a time zone such as Europe/Berlin"));
        }
        Ok(Self { start, end, zone: zone.into() })
    }

    /// When they end, while they last.
    #[must_use]
    pub fn ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = zone_of(&self.zone)?;
        let instant = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
        let local = zone.to_datetime(instant);
        let minute = u16::try_from(local.hour()).ok()? * 60 + u16::try_from(local.minute()).ok()?;
        if !self.contain(minute) {
            return None;
        }
        let end = time_of(self.end)?;
        // Set back, the clocks show the end twice; set forward, perhaps never: the first instant after now counts.
        let candidates = (0..DAYS).filter_map(|days| {
            let day = local.date().checked_add(jiff::Span::new().days(days)).ok()?;
            let shown = zone.to_ambiguous_timestamp(day.to_datetime(end));
            let both = [Disambiguation::Earlier, Disambiguation::Later];
            both.into_iter()
                .filter_map(|which| shown.disambiguate(which).ok())
                .map(|at| Timestamp::from_millis(at.as_millisecond()))
                .filter(|at| *at > now)
                .min()
        });
        candidates.min()
    }

    const fn contain(&self, minute: u16) -> bool {
        if self.start < self.end {
            self.start <= minute && minute < self.end
        } else {
            self.start <= minute || minute < self.end
        }
    }
}

fn invalid(field: &'static str, message: &'static str) -> FieldError {
    FieldError::new(field, FieldCode::Invalid, message)
}

/// The zone of a name, from the database in the program: the same on every machine.
fn zone_of(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

fn minute(field: &'static str, typed: &str) -> Result<u16, FieldError> {
    let number = |digits: &str| {
        let is_two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_two.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let parts =
        typed.trim().split_once(':').and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
    match parts {
        Some((hour, minute)) if hour < 24 && minute < 60 => Ok(hour * 60 + minute),
        _ => Err(invalid(field, "a time of day such as 22:00")),
    }
}

fn time_of(minute: u16) -> Option<Time> {
    let minute = minute % DAY_MINUTES;
    Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(start: &str, end: &str, zone: &str) -> Result<QuietHours, FieldError> {
        QuietHours::new(&QuietHoursInput { start: start.into(), end: end.into(), zone: zone.into() })
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn they_last_from_start_to_end_on_the_clocks_of_the_place() {
        let night = hours("22:00", "08:00", "Europe/Berlin").unwrap();
        let noon = hours("12:30", "13:00", "Asia/Kolkata").unwrap();
        for (quiet, now, end) in [
            (&night, "2026-01-10T20:59:59Z", None),
            (&night, "2026-01-10T21:00:00Z", Some("2026-01-11T07:00:00Z")),
            (&night, "2026-01-11T06:59:59Z", Some("2026-01-11T07:00:00Z")),
            (&night, "2026-01-11T07:00:00Z", None),
            (&night, "2026-07-10T20:00:00Z", Some("2026-07-11T06:00:00Z")),
            (&noon, "2026-01-10T07:00:00Z", Some("2026-01-10T07:30:00Z")),
            (&noon, "2026-01-10T07:30:00Z", None),
        ] {
            assert_eq!(quiet.ends_at(at(now)), end.map(at), "{now}");
        }
    }

    #[test]
    fn clocks_that_are_set_forward_or_back_do_not_lose_the_end() {
        // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        let short = hours("01:00", "02:30", "Europe/Berlin").unwrap();
        let end = short.ends_at(at("2026-03-29T00:30:00Z")).unwrap();
        assert!(end > at("2026-03-29T00:30:00Z") && end <= at("2026-03-29T01:30:00Z"), "{end}");
        assert_eq!(short.ends_at(at("2026-10-25T00:10:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(short.ends_at(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T01:30:00Z")));
        assert_eq!(short.ends_at(at("2026-10-25T01:30:00Z")), None);
    }

    #[test]
    fn what_is_typed_wrongly_is_named() {
        for (start, end, zone, field) in [
            ("24:00", "08:00", "Europe/Berlin", "quietHours.start"),
            ("9:00", "08:00", "Europe/Berlin", "quietHours.start"),
            ("22:00", "8 am", "Europe/Berlin", "quietHours.end"),
            ("22:00", "22:00", "Europe/Berlin", "quietHours.end"),
            ("22:00", "08:00", "Europe/Atlantis", "quietHours.zone"),
            ("22:00", "08:00", "", "quietHours.zone"),
        ] {
            assert_eq!(hours(start, end, zone).unwrap_err().field, field, "{start} {end} {zone}");
        }
    }
}
