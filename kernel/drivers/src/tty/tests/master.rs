//! The two sides of a pty.

use super::*;
use abi::termios::ioctl::*;

#[test]
fn what_one_side_writes_the_other_reads() {
    let pair = Pair::new();
    assert_eq!(read(&pair.master, 10), Err(Errno::EAGAIN));
    assert_eq!(write(pair.slave(), b"a\nb"), Ok(3));
    assert!(pair.master.ready().contains(Events::READABLE));
    assert_eq!(read(&pair.master, 2).unwrap(), b"a\r");
    assert_eq!(read(&pair.master, 10).unwrap(), b"\nb");
    assert_eq!(write(&pair.master, b"typ\x7fped"), Ok(7));
    assert_eq!(read(pair.slave(), 10), Err(Errno::EAGAIN));
    assert_eq!(read(&pair.master, 20).unwrap(), b"typ\x08 \x08ped");
    assert_eq!(write(&pair.master, b"\r"), Ok(1));
    assert_eq!(read(pair.slave(), 10).unwrap(), b"typed\n");
    assert_eq!(read(&pair.master, 20).unwrap(), b"\r\n");
}

#[test]
fn a_full_side_refuses_and_loses_nothing() {
    let pair = Pair::raw();
    let block: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for (from, to) in [(pair.slave(), &*pair.master), (&*pair.master, pair.slave())] {
        let sent = write(from, &block).unwrap();
        assert!((4096..block.len()).contains(&sent));
        assert_eq!(write(from, b"x"), Err(Errno::EAGAIN));
        assert!(!from.ready().contains(Events::OUT));
        let mut got = Vec::new();
        while let Ok(bytes) = read(to, 1000) {
            got.extend(bytes);
        }
        assert!(got == block[..sent]);
        assert!(from.ready().contains(Events::OUT));
    }
}

#[test]
fn echo_waits_for_room_at_the_master() {
    let pair = Pair::new();
    while write(pair.slave(), &[b'.'; 1000]).is_ok() {}
    assert_eq!(write(&pair.master, b"x"), Ok(1));
    let mut got = Vec::new();
    while let Ok(bytes) = read(&pair.master, 1000) {
        got.extend(bytes);
    }
    assert_eq!(got.last(), Some(&b'x'));
}

#[test]
fn the_last_slave_takes_its_words_along() {
    let mut pair = Pair::new();
    let second = opened(TtyFile::open(&pair.tty, None, false).unwrap());
    assert_eq!(write(pair.slave(), b"bye"), Ok(3));
    pair.slave = None;
    assert!(!pair.master.ready().contains(Events::HUP));
    drop(second);
    assert!(pair.master.ready().contains(Events::HUP | Events::READABLE));
    assert_eq!(read(&pair.master, 10).unwrap(), b"bye");
    assert_eq!(read(&pair.master, 10), Err(Errno::EIO));
    let _slave = opened(TtyFile::open(&pair.tty, None, false).unwrap());
    assert!(!pair.master.ready().contains(Events::HUP));
    assert_eq!(read(&pair.master, 10), Err(Errno::EAGAIN));
}

#[test]
fn a_slave_dies_with_its_master() {
    let Pair {
        pty: _pty,
        tty,
        name,
        master,
        slave,
    } = Pair::new();
    let slave = slave.unwrap();
    drop(master);
    assert!(name.hidden.load(Ordering::Relaxed));
    assert_eq!(read(&slave, 10).unwrap(), b"");
    assert_eq!(write(&slave, b"x"), Err(Errno::EIO));
    assert!(slave.ready().contains(Events::HUP | Events::ERR));
    assert_eq!(TtyFile::open(&tty, None, false).err(), Some(Errno::EIO));
}

#[test]
fn packets_carry_data_or_news() {
    let pair = Pair::raw();
    pair.pty.set_packet(true);
    assert_eq!(read(&pair.master, 10), Err(Errno::EAGAIN));
    assert_eq!(write(pair.slave(), b"data"), Ok(4));
    assert_eq!(read(&pair.master, 1).unwrap(), [TIOCPKT_DATA]);
    assert_eq!(read(&pair.master, 3).unwrap(), b"\0da");
    pair.tty.set_stopped(true);
    assert!(pair.master.ready().contains(Events::PRI));
    assert_eq!(read(&pair.master, 10).unwrap(), [TIOCPKT_STOP]);
    assert_eq!(read(&pair.master, 10).unwrap(), b"\0ta");
    pair.tty.set_stopped(false);
    pair.tty.set_stopped(true);
    assert_eq!(read(&pair.master, 10).unwrap(), [TIOCPKT_STOP]);
    pair.tty.flush_input();
    pair.tty.flush_output();
    let both = TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE;
    assert_eq!(read(&pair.master, 10).unwrap(), [both]);
    assert!(!pair.master.ready().contains(Events::PRI));
    pair.pty.set_packet(false);
    pair.tty.set_stopped(false);
    assert_eq!(read(&pair.master, 10), Err(Errno::EAGAIN));
}

#[test]
fn a_pty_keeps_to_eight_bits() {
    use abi::termios::ControlFlags;
    let pair = Pair::new();
    let mut termios = pair.tty.termios();
    termios
        .cflag
        .remove(ControlFlags::CSIZE | ControlFlags::CREAD);
    termios.cflag.insert(ControlFlags::PARENB);
    pair.tty.set_termios(termios);
    let cflag = pair.tty.termios().cflag;
    assert!(cflag.contains(ControlFlags::CS8 | ControlFlags::CREAD));
    assert!(!cflag.contains(ControlFlags::PARENB));
}
