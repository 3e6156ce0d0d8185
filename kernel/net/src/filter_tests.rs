//! Filters: what Linux refuses, udhcpc's own, and any bytes at all.
// proves D13: packet sockets with filters

use super::*;
use proptest::prelude::*;

fn op(code: u16, yes: u8, no: u8, k: u32) -> Instruction {
    Instruction { code, yes, no, k }
}

fn refused(program: &[Instruction]) -> bool {
    Filter::new(program.to_vec()).is_err()
}

/// The filter busybox's DHCP client attaches: UDP to port 68, no fragments.
fn dhcp() -> Filter {
    Filter::new(alloc::vec![
        op(0x30, 0, 0, 9),
        op(0x15, 0, 6, 17),
        op(0x28, 0, 0, 6),
        op(0x45, 4, 0, 0x1fff),
        op(0xb1, 0, 0, 0),
        op(0x48, 0, 0, 2),
        op(0x15, 0, 1, 68),
        op(0x06, 0, 0, 0x7fff_ffff),
        op(0x06, 0, 0, 0),
    ])
    .unwrap()
}

fn datagram(protocol: u8, fragment: u16, port: u16) -> Vec<u8> {
    let mut bytes = alloc::vec![0; 14];
    let mut header = alloc::vec![0x45, 0, 0, 28, 0, 0];
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15, 0, 67]);
    header.extend(port.to_be_bytes());
    bytes.extend(header);
    bytes
}

#[test]
fn a_dhcp_answer_passes_and_others_do_not() {
    let beside = Beside {
        link: 14,
        ..Beside::default()
    };
    let filter = dhcp();
    assert_eq!(filter.run(&datagram(17, 0, 68), &beside), 0x7fff_ffff);
    assert_eq!(filter.run(&datagram(6, 0, 68), &beside), 0);
    assert_eq!(filter.run(&datagram(17, 5, 68), &beside), 0);
    assert_eq!(filter.run(&datagram(17, 0, 69), &beside), 0);
    let whole = datagram(17, 0, 68);
    for len in 0..whole.len() - 1 {
        assert_eq!(filter.run(whole.get(..len).unwrap(), &beside), 0);
    }
}

#[test]
fn bad_programs_are_refused() {
    let ret = op(6, 0, 0, 1);
    assert!(refused(&[]));
    assert!(refused(&[op(0, 0, 0, 1)]), "no return");
    assert!(refused(&[op(5, 0, 0, 1), ret]), "jump past the end");
    assert!(refused(&[op(0x15, 1, 0, 0), ret]), "branch past the end");
    assert!(refused(&[op(0x34, 0, 0, 0), ret]), "division by zero");
    assert!(refused(&[op(0x64, 0, 0, 32), ret]), "shift by 32");
    assert!(refused(&[op(2, 0, 0, 16), ret]), "cell 16");
    assert!(refused(&[op(0x60, 0, 0, 3), ret]), "cell never written");
    assert!(refused(&[op(0xffff, 0, 0, 0), ret]), "no such code");
    assert!(!refused(&[op(2, 0, 0, 3), op(0x60, 0, 0, 3), ret]));
    // Written on one way only.
    assert!(refused(&[
        op(0x15, 0, 1, 0),
        op(2, 0, 0, 3),
        op(0x60, 0, 0, 3),
        ret
    ]));
}

#[test]
fn a_division_by_an_empty_x_drops() {
    let filter = Filter::new(alloc::vec![op(0x3c, 0, 0, 0), op(6, 0, 0, 9)]).unwrap();
    assert_eq!(filter.run(&[1, 2], &Beside::default()), 0);
}

#[test]
fn what_stands_beside_the_bytes_can_be_asked() {
    let filter = Filter::new(alloc::vec![op(0x28, 0, 0, 0xffff_f000), op(0x16, 0, 0, 0)]).unwrap();
    let beside = Beside {
        protocol: 0x0806,
        ..Beside::default()
    };
    assert_eq!(filter.run(&[], &beside), 0x0806);
}

proptest! {
    #[test]
    fn no_program_does_more_than_end(
        raw in prop::collection::vec((any::<u16>(), 0u8..4, 0u8..4, prop_oneof![0u32..20, any::<u32>()]), 1..24),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        low in any::<bool>(),
    ) {
        let mut program: Vec<Instruction> = raw
            .iter()
            .map(|(code, yes, no, k)| op(if low { code & 0xff } else { *code }, *yes, *no, *k))
            .filter(is_known)
            .collect();
        program.push(op(6, 0, 0, 1));
        program.push(op(6, 0, 0, 1));
        if let Ok(filter) = Filter::new(program) {
            let _ = filter.run(&bytes, &Beside { link: 14, ..Beside::default() });
        }
    }
}
