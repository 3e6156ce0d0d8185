//! An address space beside a table of bytes: whatever is done to both, they hold the same.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Map(usize, usize, bool),
    Unmap(usize, usize),
    Protect(usize, usize, bool),
    Store(usize, u8),
    DontNeed(usize, usize),
    Move(usize, usize, usize),
    Fork,
}

fn ops() -> impl Strategy<Value = Op> {
    let page = 0..24usize;
    let len = 1..8usize;
    prop_oneof![
        (page.clone(), len.clone(), any::<bool>()).prop_map(|(a, n, w)| Op::Map(a, n, w)),
        (page.clone(), len.clone()).prop_map(|(a, n)| Op::Unmap(a, n)),
        (page.clone(), len.clone(), any::<bool>()).prop_map(|(a, n, w)| Op::Protect(a, n, w)),
        (page.clone(), any::<u8>()).prop_map(|(a, b)| Op::Store(a, b)),
        (page.clone(), any::<u8>()).prop_map(|(a, b)| Op::Store(a, b)),
        (page.clone(), len.clone()).prop_map(|(a, n)| Op::DontNeed(a, n)),
        (page.clone(), len, page).prop_map(|(a, n, b)| Op::Move(a, n, b)),
        Just(Op::Fork),
    ]
}

/// A page of the plain model: may it be written, and what is in it.
type Page = Option<(bool, u8)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn memory_says_what_a_table_of_bytes_says(ops in prop::collection::vec(ops(), 1..80)) {
        const BASE: usize = 1 << 30;
        let _m = machine();
        let mut s = space();
        // A second space with another plan: forks go back and forth.
        let mut other: Option<(Arc<AddressSpace>, Vec<Page>)> = None;
        let mut model: Vec<Page> = vec![None; 32];
        for op in ops {
            let prot = |w| if w { RW } else { ProtFlags::READ };
            match op {
                Op::Map(a, n, w) => {
                    s.map(MapRequest::anon(Placement::Fixed(BASE + a * P), n * P, prot(w))).unwrap();
                    model[a..a + n].fill(Some((w, 0)));
                }
                Op::Unmap(a, n) => {
                    s.unmap(UserAddr(BASE + a * P), n * P).unwrap();
                    model[a..a + n].fill(None);
                }
                Op::Protect(a, n, w) => {
                    let whole = model[a..a + n].iter().all(Option::is_some);
                    let done = s.protect(UserAddr(BASE + a * P), n * P, prot(w));
                    prop_assert_eq!(done.is_ok(), whole);
                    for p in &mut model[a..a + n] {
                        let Some(p) = p else { break };
                        p.0 = w;
                    }
                }
                Op::Store(a, b) => {
                    let may = model[a].is_some_and(|p| p.0);
                    prop_assert_eq!(store(BASE + a * P, b), may);
                    if may {
                        model[a] = Some((true, b));
                    }
                }
                Op::DontNeed(a, n) => {
                    let _ = s.advise(UserAddr(BASE + a * P), n * P, MADV_DONTNEED);
                    for p in model[a..a + n].iter_mut().flatten() {
                        p.1 = 0;
                    }
                }
                Op::Move(a, n, b) => {
                    let apart = a + n <= b || b + n <= a;
                    let flags = RemapFlags::MAYMOVE | RemapFlags::FIXED;
                    let (from, to) = (UserAddr(BASE + a * P), UserAddr(BASE + b * P));
                    let one = s.view_from(from.0, false)
                        .is_some_and(|v| v.start <= from.0 && v.end >= from.0 + n * P);
                    if !(apart && one) {
                        continue;
                    }
                    s.remap(from, n * P, n * P, flags, to).unwrap();
                    let moved: Vec<Page> = model[a..a + n].to_vec();
                    model[a..a + n].fill(None);
                    model[b..b + n].clone_from_slice(&moved);
                }
                Op::Fork => match other.take() {
                    None => {
                        other = Some((Arc::new(s.fork().unwrap()), model.clone()));
                    }
                    Some((o, m)) => {
                        let was = core::mem::replace(&mut s, o);
                        other = Some((was, core::mem::replace(&mut model, m)));
                        enter(&s);
                    }
                },
            }
            for (i, p) in model.iter().enumerate() {
                prop_assert_eq!(load(BASE + i * P), p.map(|p| p.1));
            }
        }
    }
}
