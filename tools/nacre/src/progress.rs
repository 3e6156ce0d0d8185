//! Long work, shown while it goes on and left as one line when it is done.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// So many lines of a failed command's output are repeated.
const TAIL: usize = 30;

/// A line that moves while something is being done.
pub struct Progress {
    bar: ProgressBar,
    title: String,
}

impl Progress {
    /// Starts it. Where standard error is no terminal, the title is printed once.
    pub fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = ProgressBar::new_spinner();
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(title.clone());
        bar.enable_steady_tick(Duration::from_millis(120));
        if bar.is_hidden() {
            eprintln!("{title} ...");
        }
        Self { bar, title }
    }

    /// Says what is being done just now.
    pub fn say(&self, text: &str) {
        self.bar.set_message(text.trim().to_owned());
    }

    /// Runs a command with its whole output in `log`, its newest line shown.
    ///
    /// # Errors
    /// When it cannot be started or fails; the end of its output is in the message.
    pub fn run(&self, command: &mut Command, log: &Path) -> Result<()> {
        let name = command.get_program().to_string_lossy().into_owned();
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut log_file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| log.display().to_string())?;
        let (reader, writer) = std::io::pipe().context("pipe")?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        // The command holds the pipe's write side until it is dropped or given other streams.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut tail = std::collections::VecDeque::new();
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.context("reading its output")?;
            log_file
                .write_all(&line)
                .and_then(|()| log_file.write_all(b"\n"))
                .context("writing the log")?;
            let text = String::from_utf8_lossy(&line).into_owned();
            self.say(&text);
            tail.push_back(text);
            if tail.len() > TAIL {
                tail.pop_front();
            }
        }
        let status = child.wait().with_context(|| name.clone())?;
        if !status.success() {
            let tail: Vec<String> = tail.into();
            bail!(
                "{name} failed ({status}); the end of {}:\n{}",
                log.display(),
                tail.join("\n")
            );
        }
        Ok(())
    }

    /// Ends it with a line that stays.
    pub fn done(self) {
        let took = self.bar.elapsed();
        let line = format!("{} ({:.1} s)", self.title, took.as_secs_f64());
        let hidden = self.bar.is_hidden();
        self.bar.finish_and_clear();
        if !hidden {
            eprintln!("{line}");
        }
    }
}
