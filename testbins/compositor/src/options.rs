//! The command line.

/// What it looks like.
pub const USAGE: &str = "\
usage: compositor [OPTIONS] [-- CLIENT ARGS...]
  --socket NAME     the socket's name in $XDG_RUNTIME_DIR (wayland-0)
  --card PATH       the display's device (/dev/dri/card0)
  --mode WxH        this size of the screen, not its preferred one
  --headless WxH    no screen at all
  --hold-frames     no frame callbacks: every client stays at its first frame
  --report          say on standard output what happens
A client that is named is started, and its end is the compositor's.";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The socket's name.
    pub socket: String,
    /// The card's device.
    pub card: String,
    /// A size other than the preferred one.
    pub mode: Option<(i32, i32)>,
    /// No card, but this size.
    pub headless: Option<(i32, i32)>,
    /// Whether frame callbacks are withheld.
    pub hold_frames: bool,
    /// Whether to say what happens.
    pub report: bool,
    /// A client to start.
    pub client: Vec<String>,
}

fn size(text: &str) -> Option<(i32, i32)> {
    let (w, h) = text.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=8192).contains(side));
    Some((side(w)?, side(h)?))
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Says which one is wrong.
    pub fn read(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            socket: "wayland-0".into(),
            card: "/dev/dri/card0".into(),
            mode: None,
            headless: None,
            hold_frames: false,
            report: false,
            client: Vec::new(),
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--socket" => options.socket = value()?,
                "--card" => options.card = value()?,
                "--mode" => {
                    options.mode = Some(size(&value()?).ok_or("--mode wants WIDTHxHEIGHT")?);
                }
                "--headless" => {
                    options.headless =
                        Some(size(&value()?).ok_or("--headless wants WIDTHxHEIGHT")?);
                }
                "--hold-frames" => options.hold_frames = true,
                "--report" => options.report = true,
                "--" => options.client = args.by_ref().collect(),
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_line_is_understood() -> Result<(), String> {
        let options = read("--headless 640x480 --report -- weston-simple-shm --x")?;
        assert_eq!(options.headless, Some((640, 480)));
        assert!(options.report && !options.hold_frames);
        assert_eq!(options.client, ["weston-simple-shm", "--x"]);
        Ok(())
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--nonsense", "--mode", "--mode 0x5", "--mode 99999x1"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
