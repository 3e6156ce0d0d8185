//! Who may do what with a terminal, and who hears of it.

use super::*;
use abi::termios::WinSize;

/// A terminal with a session: the leader is in its own group, which has the foreground.
fn controlled(session: u32) -> (Pair, Arc<Member>) {
    let pair = Pair::new();
    let leader = Member::new(session, session, session);
    GROUPS.lock().unwrap().push((session, session));
    pair.control(&leader);
    (pair, leader)
}

/// A process of another group of the session, with the session's terminal.
fn background(pair: &Pair, pid: u32, session: u32) -> Arc<Member> {
    let member = Member::new(pid, pid, session);
    GROUPS.lock().unwrap().push((pid, session));
    let tty: Terminal = pair.tty.clone();
    *member.tty.lock().unwrap() = Some(tty);
    member
}

#[test]
fn keys_signal_the_foreground() {
    let (pair, leader) = controlled(100);
    assert_eq!(write(&pair.master, b"\x03\x1c\x1a"), Ok(3));
    let keys = [signal::SIGINT, signal::SIGQUIT, signal::SIGTSTP];
    assert_eq!(signals(100), keys);
    let other = background(&pair, 101, 100);
    pair.tty.set_foreground(&*leader, 101).unwrap();
    assert_eq!(write(&pair.master, b"\x03"), Ok(1));
    assert_eq!(signals(other.group), [signal::SIGINT]);
    assert_eq!(signals(100), []);
}

#[test]
fn a_new_size_is_told_once() {
    let (pair, _leader) = controlled(110);
    let size = WinSize {
        row: 24,
        col: 80,
        ..WinSize::default()
    };
    assert!(pair.tty.set_window(size));
    assert!(!pair.tty.set_window(size));
    assert_eq!(signals(110), [signal::SIGWINCH]);
    assert_eq!(pair.tty.window(), size);
}

#[test]
fn background_reading_stops_the_reader() {
    let (pair, leader) = controlled(120);
    let member = background(&pair, 121, 120);
    write(&pair.master, b"line\n").unwrap();
    let stopped = member.run(|| read(pair.slave(), 10));
    assert_eq!(stopped, Err(Errno::ERESTARTSYS));
    assert_eq!(signals(121), [signal::SIGTTIN]);
    SHUNS.set(true);
    assert_eq!(member.run(|| read(pair.slave(), 10)), Err(Errno::EIO));
    SHUNS.set(false);
    ORPHANS.lock().unwrap().push(121);
    assert_eq!(member.run(|| read(pair.slave(), 10)), Err(Errno::EIO));
    assert_eq!(signals(121), []);
    assert_eq!(leader.run(|| read(pair.slave(), 10)).unwrap(), b"line\n");
}

#[test]
fn background_writing_stops_under_tostop_only() {
    let (pair, _leader) = controlled(130);
    let member = background(&pair, 131, 130);
    assert_eq!(member.run(|| write(pair.slave(), b"x")), Ok(1));
    let mut termios = pair.tty.termios();
    termios.lflag.insert(LocalFlags::TOSTOP);
    pair.tty.set_termios(termios);
    let stopped = member.run(|| write(pair.slave(), b"x"));
    assert_eq!(stopped, Err(Errno::ERESTARTSYS));
    assert_eq!(signals(131), [signal::SIGTTOU]);
    // Who shuns SIGTTOU may write.
    SHUNS.set(true);
    assert_eq!(member.run(|| write(pair.slave(), b"x")), Ok(1));
    SHUNS.set(false);
    // So may a stranger, whose terminal it is not.
    let stranger = Member::new(132, 132, 132);
    assert_eq!(stranger.run(|| write(pair.slave(), b"x")), Ok(1));
}

#[test]
fn only_a_leader_without_terminal_takes_one_that_is_free() {
    let (pair, leader) = controlled(140);
    assert_eq!((pair.tty.session(), pair.tty.foreground()), (140, 140));
    assert_eq!(pair.tty.acquire(&*leader, false, true), Ok(()));
    let follower = Member::new(141, 141, 140);
    let taken = |who: &Member, steal| pair.tty.acquire(who, steal, true);
    assert_eq!(taken(&follower, false), Err(Errno::EPERM));
    let other = Member::new(142, 142, 142);
    assert_eq!(taken(&other, false), Err(Errno::EPERM));
    let plain = Member::plain(143, 143, 143);
    assert_eq!(taken(&plain, true), Err(Errno::EPERM));
    assert_eq!(taken(&other, true), Ok(()));
    assert_eq!(pair.tty.session(), 142);
    let second = Pair::new();
    assert_eq!(second.tty.acquire(&*other, false, true), Err(Errno::EPERM));
    // A descriptor that cannot be read is not enough.
    let third = Pair::new();
    assert_eq!(third.tty.acquire(&*plain, false, false), Err(Errno::EPERM));
}

#[test]
fn opening_takes_a_terminal_for_a_leader() {
    let pair = Pair::new();
    let leader = Member::new(150, 150, 150);
    let open = |claims| opened(TtyFile::open(&pair.tty, Some(&*leader), claims).unwrap());
    let _noctty = open(false);
    assert_eq!(pair.tty.session(), 0);
    let _file = open(true);
    assert_eq!(pair.tty.session(), 150);
    assert!(leader.controlling_tty().is_some());
    assert!(open_controlling(&*leader).is_ok());
    let stranger = Member::new(151, 151, 151);
    assert_eq!(open_controlling(&*stranger).err(), Some(Errno::ENXIO));
}

#[test]
fn the_foreground_is_given_within_the_session() {
    let (pair, leader) = controlled(160);
    background(&pair, 161, 160);
    GROUPS.lock().unwrap().push((165, 164));
    let give = |group| pair.tty.set_foreground(&*leader, group);
    assert_eq!(give(-1), Err(Errno::EINVAL));
    assert_eq!(give(169), Err(Errno::ESRCH));
    assert_eq!(give(165), Err(Errno::EPERM));
    assert_eq!(give(161), Ok(()));
    assert_eq!(pair.tty.foreground(), 161);
    let stranger = Member::new(164, 164, 164);
    assert_eq!(pair.tty.set_foreground(&*stranger, 165), Err(Errno::ENOTTY));
}

#[test]
fn a_hang_up_kills_files_and_tells_the_leader() {
    let (pair, _leader) = controlled(170);
    pair.tty.hang_up();
    assert_eq!(signals(170), [signal::SIGHUP, signal::SIGCONT]);
    assert_eq!(pair.tty.session(), 0);
    assert_eq!(read(pair.slave(), 10).unwrap(), b"");
    assert_eq!(write(pair.slave(), b"x"), Err(Errno::EIO));
    // The master hears nothing of it, and a new file lives.
    assert!(!pair.master.ready().contains(Events::HUP));
    let fresh = opened(TtyFile::open(&pair.tty, None, false).unwrap());
    assert_eq!(write(&fresh, b"x"), Ok(1));
}

#[test]
fn a_session_that_ends_tells_the_foreground() {
    let (pair, leader) = controlled(180);
    background(&pair, 181, 180);
    pair.tty.set_foreground(&*leader, 181).unwrap();
    pair.tty.disassociate(189, true);
    assert_eq!(pair.tty.session(), 180);
    pair.tty.disassociate(180, true);
    assert_eq!(signals(181), [signal::SIGHUP]);
    assert_eq!(pair.tty.session(), 0);
    let (pair, leader) = controlled(182);
    pair.tty.release(&*leader).unwrap();
    assert_eq!(signals(182), [signal::SIGHUP, signal::SIGCONT]);
}

#[test]
fn an_exclusive_terminal_opens_for_the_privileged() {
    let pair = Pair::new();
    pair.tty.exclusive.store(true, Ordering::Relaxed);
    let plain = Member::plain(190, 190, 190);
    let root = Member::new(191, 191, 191);
    let open = |who: &Member| TtyFile::open(&pair.tty, Some(who), false).map(|file| opened(file));
    assert_eq!(open(&plain).err(), Some(Errno::EBUSY));
    assert!(open(&root).is_ok());
}
