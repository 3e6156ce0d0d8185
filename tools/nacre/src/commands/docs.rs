//! `nacre docs`: `docs/syscalls.md`, from the kernel's table and from what the test programs call.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::kernel::write_if_changed;
use crate::workspace::Workspace;

/// Where the page is.
const PAGE: &str = "docs/syscalls.md";

/// Functions of the C library that are system calls of another name.
const ALIASES: [(&str, &[&str]); 42] = [
    ("bind", &["bind_path"]),
    ("clock_nanosleep", &["nanosleep", "usleep", "sleep"]),
    ("clone", &["fork", "nt_fork", "vfork", "pthread_create"]),
    ("connect", &["connect_path"]),
    ("dup3", &["dup2"]),
    ("epoll_create1", &["epoll_create"]),
    ("epoll_pwait", &["epoll_wait"]),
    ("eventfd2", &["eventfd"]),
    ("execve", &["execv", "execl", "execle", "execvp"]),
    ("exit", &["pthread_exit"]),
    ("exit_group", &["_exit"]),
    ("faccessat", &["access"]),
    ("fchmodat", &["chmod"]),
    ("fchownat", &["chown", "lchown"]),
    ("getdents64", &["readdir"]),
    ("getrlimit", &["limit"]),
    ("inotify_init1", &["inotify_init"]),
    ("linkat", &["link"]),
    ("mkdirat", &["mkdir"]),
    ("mknodat", &["mknod", "mkfifo"]),
    ("newfstatat", &["stat", "lstat", "fstatat"]),
    ("openat", &["open", "creat"]),
    ("pipe2", &["pipe"]),
    ("ppoll", &["poll"]),
    ("prlimit64", &["prlimit", "getrlimit", "setrlimit", "limit"]),
    ("pselect6", &["select", "pselect"]),
    ("readlinkat", &["readlink"]),
    ("renameat2", &["rename", "renameat"]),
    ("rt_sigaction", &["sigaction", "signal"]),
    ("rt_sigpending", &["sigpending"]),
    ("rt_sigprocmask", &["sigprocmask", "pthread_sigmask"]),
    ("rt_sigqueueinfo", &["sigqueue"]),
    ("rt_sigsuspend", &["sigsuspend", "pause"]),
    (
        "rt_sigtimedwait",
        &["sigtimedwait", "sigwait", "sigwaitinfo"],
    ),
    ("setitimer", &["alarm"]),
    ("signalfd4", &["signalfd"]),
    ("symlinkat", &["symlink"]),
    ("tgkill", &["raise", "pthread_kill"]),
    ("umount2", &["umount"]),
    ("unlinkat", &["unlink", "rmdir"]),
    ("utimensat", &["futimens", "utimes"]),
    ("wait4", &["wait", "waitpid", "wait3"]),
];

/// Write docs/syscalls.md anew.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only say whether it is up to date
    #[arg(long)]
    check: bool,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let page = page(workspace)?;
        let path = workspace.path(PAGE);
        if !self.check {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            write_if_changed(&path, page.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        Ok(if says(workspace, &page) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Whether the page is up to date; says so when it is not.
pub fn is_current(workspace: &Workspace) -> Result<bool> {
    Ok(says(workspace, &page(workspace)?))
}

fn says(workspace: &Workspace, page: &str) -> bool {
    let same = std::fs::read_to_string(workspace.path(PAGE)).is_ok_and(|old| old == page);
    if !same {
        println!("{PAGE} is out of date: target/release/nacre docs");
    }
    same
}

/// The page as it should be.
fn page(workspace: &Workspace) -> Result<String> {
    let output = cargo::command(workspace)
        .args(["run", "--quiet", "-p", "nacre-kernel"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the kernel does not print its table");
    }
    let words = words(&workspace.path("testbins/c"))?;
    let table = String::from_utf8(output.stdout).context("the kernel's table")?;
    Ok(table
        .lines()
        .map(|line| with_tests(line, &words) + "\n")
        .collect())
}

/// A test program's name, and every word in it that is called, `SYS_` taken off.
type Words = BTreeMap<String, Vec<String>>;

fn words(folder: &Path) -> Result<Words> {
    let mut all = Words::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            let text = std::fs::read_to_string(&path)?;
            all.insert(name.to_owned(), called(&text));
        }
    }
    Ok(all)
}

fn called(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (_, tail) = rest.split_at(start);
        let (word, after) = tail.split_at(tail.find(|c| !is_word(c)).unwrap_or(tail.len()));
        if let Some(name) = word
            .strip_prefix("SYS_")
            .or_else(|| word.strip_prefix("__NR_"))
        {
            found.push(name.to_owned());
        } else if after.starts_with('(') {
            found.push(word.to_owned());
        }
        rest = after;
    }
    found.sort();
    found.dedup();
    found
}

/// A row of the table with the tests that make its call; other lines as they are.
fn with_tests(line: &str, words: &Words) -> String {
    if !line.starts_with('|') {
        return line.to_owned();
    }
    if line.starts_with("| number") {
        return format!("{line} tests |");
    }
    let Some(name) = line.split('`').nth(1) else {
        return format!("{line}---|");
    };
    let aliases = ALIASES.iter().find(|(call, _)| *call == name);
    let names: Vec<&str> = aliases
        .map_or(&[][..], |(_, others)| others)
        .iter()
        .copied()
        .chain([name])
        .collect();
    let tests: Vec<String> = words
        .iter()
        .filter(|(_, called)| called.iter().any(|word| names.contains(&word.as_str())))
        .map(|(test, _)| format!("[{test}](../testbins/c/{test}.c)"))
        .collect();
    // What everything calls, everything tests.
    let tests = if tests.len() > words.len() / 2 {
        "most".to_owned()
    } else {
        tests.join(" ")
    };
    format!("{line} {tests} |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_words_before_a_parenthesis_or_numbers() {
        assert_eq!(
            called("if (dup2(a, b)) syscall(SYS_close, x); int open;"),
            ["close", "dup2", "syscall"]
        );
    }

    #[test]
    fn a_row_names_the_tests_that_call_it() {
        let words = Words::from([
            ("one".to_owned(), vec!["dup2".to_owned()]),
            ("two".to_owned(), vec!["close".to_owned()]),
        ]);
        assert_eq!(
            with_tests("| 24 | `dup3` | `fd: Fd` | `fd.rs` |", &words),
            "| 24 | `dup3` | `fd: Fd` | `fd.rs` | [one](../testbins/c/one.c) |"
        );
        assert_eq!(with_tests("text", &words), "text");
    }
}
