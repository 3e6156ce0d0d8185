//! Control messages of a multiport console (virtio 1.2, 5.3.6.2).

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// The host has a port.
    Add(u32),
    /// The host took a port away.
    Remove(u32),
    /// The port is a console.
    Console(u32),
    /// The console's size: columns and rows.
    Resize(u32, u16, u16),
    /// The host's side was opened or closed.
    Open(u32, bool),
    /// The port's name.
    Name(u32, &'a [u8]),
}

const DEVICE_READY: u16 = 0;
const PORT_ADD: u16 = 1;
const PORT_REMOVE: u16 = 2;
const PORT_READY: u16 = 3;
const CONSOLE_PORT: u16 = 4;
const RESIZE: u16 = 5;
const PORT_OPEN: u16 = 6;
const PORT_NAME: u16 = 7;

impl<'a> Control<'a> {
    /// Reads a message; `None` for one that is too short or unknown.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<4>()?;
        let (event, rest) = rest.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_first_chunk::<2>()?;
        let id = u32::from_le_bytes(*id);
        Some(match u16::from_le_bytes(*event) {
            PORT_ADD => Self::Add(id),
            PORT_REMOVE => Self::Remove(id),
            CONSOLE_PORT => Self::Console(id),
            RESIZE => {
                let (columns, rest) = rest.split_first_chunk::<2>()?;
                let (rows, _) = rest.split_first_chunk::<2>()?;
                Self::Resize(id, u16::from_le_bytes(*columns), u16::from_le_bytes(*rows))
            }
            PORT_OPEN => Self::Open(id, u16::from_le_bytes(*value) != 0),
            PORT_NAME => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(rest.len());
                Self::Name(id, rest.get(..end)?)
            }
            _ => return None,
        })
    }
}

/// A message to the host.
fn message(id: u32, event: u16, value: bool) -> [u8; 8] {
    let mut bytes = [0; 8];
    let fields = id
        .to_le_bytes()
        .into_iter()
        .chain(event.to_le_bytes())
        .chain(u16::from(value).to_le_bytes());
    for (to, from) in bytes.iter_mut().zip(fields) {
        *to = from;
    }
    bytes
}

/// The driver works.
pub fn device_ready() -> [u8; 8] {
    message(u32::MAX, DEVICE_READY, true)
}

/// The port's queues are there.
pub fn port_ready(id: u32, ready: bool) -> [u8; 8] {
    message(id, PORT_READY, ready)
}

/// A program opened or closed the port.
pub fn port_open(id: u32, open: bool) -> [u8; 8] {
    message(id, PORT_OPEN, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_understood() {
        assert_eq!(
            Control::parse(&[1, 0, 0, 0, 1, 0, 0, 0]),
            Some(Control::Add(1))
        );
        assert_eq!(
            Control::parse(&[2, 0, 0, 0, 6, 0, 1, 0]),
            Some(Control::Open(2, true))
        );
        assert_eq!(
            Control::parse(b"\x03\0\0\0\x07\0\x01\0name\0"),
            Some(Control::Name(3, b"name"))
        );
        assert_eq!(
            Control::parse(b"\x03\0\0\0\x07\0\x01\0name"),
            Some(Control::Name(3, b"name"))
        );
        assert_eq!(
            Control::parse(&[0, 0, 0, 0, 5, 0, 0, 0, 80, 0, 24, 0]),
            Some(Control::Resize(0, 80, 24))
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for len in 0..8 {
            let short = [0xff, 0, 0, 0, 6, 0, 1, 0].into_iter().take(len);
            assert_eq!(Control::parse(&short.collect::<Vec<u8>>()), None);
        }
        assert_eq!(Control::parse(&[0, 0, 0, 0, 5, 0, 0, 0, 80]), None);
        assert_eq!(Control::parse(&[0, 0, 0, 0, 99, 0, 0, 0]), None);
    }

    #[test]
    fn answers_are_laid_out() {
        assert_eq!(port_open(3, true), [3, 0, 0, 0, 6, 0, 1, 0]);
        assert_eq!(device_ready(), [0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0]);
    }
}
