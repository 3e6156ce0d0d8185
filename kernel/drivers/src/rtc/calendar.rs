//! Seconds since 1970 and dates, in UTC (the proleptic Gregorian calendar).

use abi::rtc::RtcTime;
use abi::{Errno, Result};

const DAY: i64 = 86400;
/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;
/// Days from the first of March of year 0 to the first of January 1970.
const EPOCH: i64 = 719_468;

/// Days from 1970 to a date; `month` counts from 1.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// The date of a moment.
pub(super) fn date(seconds: u32) -> RtcTime {
    let seconds = i64::from(seconds);
    let (day, second) = (seconds / DAY, seconds % DAY);
    let shifted = day + EPOCH;
    let (era, rest) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let of_era = (rest - rest / 1460 + rest / 36524 - rest / (ERA - 1)) / 365;
    let of_year = rest - (365 * of_era + of_era / 4 - of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let month = (march + 2) % 12 + 1;
    let year = era * 400 + of_era + i64::from(month <= 2);
    let int = |value: i64| value as i32;
    RtcTime {
        sec: int(second % 60),
        min: int(second / 60 % 60),
        hour: int(second / 3600),
        mday: int(of_year - (153 * march + 2) / 5 + 1),
        mon: int(month - 1),
        year: int(year - 1900),
        // The first of January 1970 was a Thursday.
        wday: int((day + 4).rem_euclid(7)),
        yday: int(day - days(year, 1, 1)),
        isdst: 0,
    }
}

/// The moment of a date.
///
/// # Errors
/// `EINVAL` for what is no date from 1970 on, `ERANGE` for one the chip cannot count to.
pub(super) fn moment(time: &RtcTime) -> Result<u32> {
    let (year, month) = (i64::from(time.year) + 1900, i64::from(time.mon) + 1);
    if time.year < 70 || !(1..=12).contains(&month) {
        return Err(Errno::EINVAL);
    }
    let next = if month == 12 {
        days(year + 1, 1, 1)
    } else {
        days(year, month + 1, 1)
    };
    let length = next - days(year, month, 1);
    let valid = (1..=length).contains(&i64::from(time.mday))
        && (0..24).contains(&time.hour)
        && (0..60).contains(&time.min)
        && (0..60).contains(&time.sec);
    if !valid {
        return Err(Errno::EINVAL);
    }
    let seconds = days(year, month, i64::from(time.mday)) * DAY
        + i64::from(time.hour) * 3600
        + i64::from(time.min) * 60
        + i64::from(time.sec);
    u32::try_from(seconds).map_err(|_| Errno::ERANGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let is = |seconds, want: [i32; 8]| {
            let t = date(seconds);
            let got = [t.year, t.mon, t.mday, t.hour, t.min, t.sec, t.wday, t.yday];
            assert_eq!(got, want, "{seconds}");
        };
        is(0, [70, 0, 1, 0, 0, 0, 4, 0]);
        is(951_782_400, [100, 1, 29, 0, 0, 0, 2, 59]);
        is(1_000_000_000, [101, 8, 9, 1, 46, 40, 0, 251]);
        is(1_735_689_599, [124, 11, 31, 23, 59, 59, 2, 365]);
        is(u32::MAX, [206, 1, 7, 6, 28, 15, 0, 37]);
    }

    #[test]
    fn dates_and_moments_are_inverse() {
        for step in 0..40_000u32 {
            let seconds = step.wrapping_mul(107_377);
            assert_eq!(moment(&date(seconds)), Ok(seconds));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let good = date(951_782_400);
        let bad: [fn(&mut RtcTime); 6] = [
            |t| t.mday = 30,
            |t| t.mday = 0,
            |t| t.mon = 12,
            |t| t.hour = 24,
            |t| t.sec = 60,
            |t| t.year = 69,
        ];
        for change in bad {
            let mut time = good;
            change(&mut time);
            assert_eq!(moment(&time), Err(Errno::EINVAL));
        }
        let mut late = good;
        late.year = 250;
        late.mday = 28;
        assert_eq!(moment(&late), Err(Errno::ERANGE));
    }
}
