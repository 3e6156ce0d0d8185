//! Rules: those Linux starts with; others cannot be made.

use super::super::{Answers, Request};
use super::{covers, rtm};
use crate::link::flags::table_id;
use abi::socket::family::{AF_INET, AF_INET6};

/// Attributes (`FRA_*`).
mod fra {
    pub const PRIORITY: u16 = 6;
    pub const SUPPRESS_PREFIXLEN: u16 = 14;
    pub const TABLE: u16 = 15;
    pub const PROTOCOL: u16 = 21;
}

/// `FR_ACT_TO_TBL`
const TO_TABLE: u8 = 1;
/// The kernel made it.
const KERNEL: u8 = 2;

pub fn dump(request: &Request<'_>, wanted: u16, answers: &mut Answers) {
    let v4 = [
        (0, table_id::LOCAL),
        (32766, table_id::MAIN),
        (32767, table_id::DEFAULT),
    ];
    let v6 = [(0, table_id::LOCAL), (32766, table_id::MAIN)];
    for (family, rules) in [(AF_INET as u8, &v4[..]), (AF_INET6 as u8, &v6[..])] {
        if !covers(wanted, family) {
            continue;
        }
        for (priority, table) in rules {
            let mut answer = request.answer(rtm::NEWRULE);
            let fixed = [family, 0, 0, 0, *table as u8, 0, 0, TO_TABLE, 0, 0, 0, 0];
            answer
                .put(&fixed)
                .number(fra::TABLE, *table)
                .number(fra::SUPPRESS_PREFIXLEN, u32::MAX);
            if *priority != 0 {
                answer.number(fra::PRIORITY, *priority);
            }
            answer.attribute(fra::PROTOCOL, &[KERNEL]);
            answers.push(answer);
        }
    }
}
