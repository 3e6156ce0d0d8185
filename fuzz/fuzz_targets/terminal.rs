//! The line discipline: any settings, any keys, any output.
#![no_main]

use abi::termios::{ControlFlags, InputFlags, LocalFlags, OutputFlags, Termios2};
use drivers::tty::ldisc::{Effects, LineDiscipline};
use libfuzzer_sys::fuzz_target;

type Settings = (u32, u32, u32, [u8; 19]);

fn termios((input, output, local, cc): Settings) -> Termios2 {
    Termios2 {
        iflag: InputFlags::from_bits_retain(input),
        oflag: OutputFlags::from_bits_retain(output),
        cflag: ControlFlags::from_bits_retain(0xbf),
        lflag: LocalFlags::from_bits_retain(local),
        line: 0,
        cc,
        ispeed: 38400,
        ospeed: 38400,
    }
}

fuzz_target!(|steps: Vec<(Option<Settings>, &[u8], u16)>| {
    let mut terminal = LineDiscipline::new(termios((0, 0, 0, [0; 19])));
    for (settings, bytes, room) in steps {
        if let Some(settings) = settings {
            terminal.set_termios(termios(settings));
        }
        let taken = terminal.receive(bytes, &mut Effects::default());
        assert!(taken <= bytes.len());
        let (room, mut out) = (usize::from(room), Vec::new());
        let taken = terminal.process_output(bytes, room, &mut out);
        assert!(taken <= bytes.len() && out.len() <= room);
        terminal.echo_written(terminal.pending_echo().len());
    }
});
