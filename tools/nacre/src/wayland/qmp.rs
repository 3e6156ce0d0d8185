//! QEMU's machine protocol: pictures of the screen, keys and the pointer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::picture::Picture;

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// The tablet's coordinates go to this.
const TABLET: u32 = 0x7fff;

/// A connection to a running QEMU.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Qmp {
    /// Connects to the socket that QEMU listens on.
    pub fn connect(socket: &Path) -> Result<Self> {
        let until = Instant::now() + PATIENCE;
        let writer = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= until => {
                    return Err(error).with_context(|| socket.display().to_string());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        writer.set_read_timeout(Some(PATIENCE))?;
        let reader = BufReader::new(writer.try_clone()?);
        let mut qmp = Self { reader, writer };
        qmp.read()?; // the greeting
        qmp.command("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self
            .reader
            .read_line(&mut line)
            .context("QEMU says nothing")?
            == 0
        {
            bail!("QEMU hung up");
        }
        serde_json::from_str(&line).context("QEMU's answer")
    }

    fn command(&mut self, name: &str, arguments: Value) -> Result<Value> {
        let line = json!({ "execute": name, "arguments": arguments }).to_string();
        self.writer.write_all(line.as_bytes())?;
        self.writer.write_all(b"\n")?;
        loop {
            let answer = self.read()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                bail!("QEMU refuses {name}: {error}");
            }
            // An event; nobody waits for one.
        }
    }

    /// What is on the screen.
    pub fn picture(&mut self) -> Result<Picture> {
        let file = tempfile::NamedTempFile::new().context("a temporary file")?;
        self.command("screendump", json!({ "filename": file.path() }))?;
        let bytes = std::fs::read(file.path()).context("the picture")?;
        Picture::from_ppm(&bytes)
    }

    fn input(&mut self, events: &[Value]) -> Result<()> {
        self.command("input-send-event", json!({ "events": events }))
            .map(|_| ())
    }

    /// Puts the pointer at a pixel.
    pub fn pointer(&mut self, x: usize, y: usize) -> Result<()> {
        let axis = |name: &str, at: usize, size: usize| {
            // The middle of the pixel.
            let value = (2 * at as u64 + 1) * u64::from(TABLET) / (2 * size as u64);
            json!({ "type": "abs", "data": { "axis": name, "value": value } })
        };
        let (w, h) = super::SCREEN;
        self.input(&[axis("x", x, w), axis("y", y, h)])
    }

    /// Presses the left button, or lets it go.
    pub fn button(&mut self, down: bool) -> Result<()> {
        self.input(&[json!({ "type": "btn", "data": { "button": "left", "down": down } })])
    }

    /// Presses a key by QEMU's name for it, or lets it go.
    pub fn key(&mut self, name: &str, down: bool) -> Result<()> {
        let key = json!({ "type": "qcode", "data": name });
        self.input(&[json!({ "type": "key", "data": { "key": key, "down": down } })])
    }

    /// Presses a key and lets it go.
    pub fn tap(&mut self, name: &str) -> Result<()> {
        self.key(name, true)?;
        self.key(name, false)
    }

    /// Types letters, digits, `>` and line ends on an American keyboard. A key is two events and a device takes 64
    /// ahead of a slow reader: no long texts.
    pub fn text(&mut self, text: &str) -> Result<()> {
        for letter in text.chars() {
            match letter {
                '>' => {
                    self.key("shift", true)?;
                    self.tap("dot")?;
                    self.key("shift", false)?;
                }
                '\n' => self.tap("ret")?,
                letter => self.tap(&letter.to_string())?,
            }
        }
        Ok(())
    }
}
