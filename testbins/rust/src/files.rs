//! Files and directories.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{Outcome, cases, expect, expect_eq};

cases![
    file_writes_reads_and_seeks,
    file_append_and_create_new,
    file_positional_reads_and_writes,
    file_set_len_and_metadata,
    file_buffered_lines_round_trip,
    file_copy_keeps_bytes_and_mode,
    file_times_can_be_set,
    file_locks_exclude_each_other,
    file_errors_have_their_kinds,
    file_unlinked_while_open_is_readable,
    directory_lists_creates_and_removes_trees,
    directory_rename_replaces,
    links_hard_and_symbolic,
    permissions_change,
    canonicalize_resolves_links_and_dots,
    devices_are_character_devices,
    current_directory_can_change,
];

/// A directory of this case's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("rust_std-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn file_writes_reads_and_seeks() -> Outcome {
    let dir = Scratch::new()?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(dir.path("f"))?;
    file.write_all(b"hello, world")?;
    expect_eq!(file.stream_position()?, 12);
    file.seek(SeekFrom::Start(7))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    expect_eq!(text, "world");
    expect_eq!(file.seek(SeekFrom::End(-5))?, 7);
    file.sync_all()?;
    expect_eq!(fs::read(dir.path("f"))?, b"hello, world");
    Ok(())
}

fn file_append_and_create_new() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "one")?;
    OpenOptions::new()
        .append(true)
        .open(dir.path("f"))?
        .write_all(b" two")?;
    expect_eq!(fs::read_to_string(dir.path("f"))?, "one two");
    let again = File::create_new(dir.path("f"));
    expect_eq!(
        again.err().map(|e| e.kind()),
        Some(ErrorKind::AlreadyExists)
    );
    Ok(())
}

fn file_positional_reads_and_writes() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "0123456789")?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(dir.path("f"))?;
    file.write_all_at(b"AB", 3)?;
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 2)?;
    expect_eq!(&bytes, b"2AB5");
    Ok(())
}

fn file_set_len_and_metadata() -> Outcome {
    let dir = Scratch::new()?;
    let file = File::create(dir.path("f"))?;
    file.set_len(1 << 20)?;
    let meta = file.metadata()?;
    expect_eq!(meta.len(), 1 << 20);
    expect!(meta.is_file() && !meta.is_dir());
    expect_eq!(meta.nlink(), 1);
    expect!(meta.blocks() < 2048);
    expect_eq!(meta.ino(), fs::metadata(dir.path("f"))?.ino());
    expect!(meta.modified()? <= SystemTime::now() + Duration::from_secs(1));
    Ok(())
}

fn file_buffered_lines_round_trip() -> Outcome {
    let dir = Scratch::new()?;
    let mut out = BufWriter::new(File::create(dir.path("f"))?);
    for i in 0..10_000 {
        writeln!(out, "line {i}")?;
    }
    out.flush()?;
    let mut count = 0;
    for (i, line) in BufReader::new(File::open(dir.path("f"))?)
        .lines()
        .enumerate()
    {
        expect_eq!(line?, format!("line {i}"));
        count += 1;
    }
    expect_eq!(count, 10_000);
    Ok(())
}

fn file_copy_keeps_bytes_and_mode() -> Outcome {
    let dir = Scratch::new()?;
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
    fs::write(dir.path("a"), &bytes)?;
    fs::set_permissions(dir.path("a"), fs::Permissions::from_mode(0o640))?;
    expect_eq!(fs::copy(dir.path("a"), dir.path("b"))?, 200_000);
    expect!(fs::read(dir.path("b"))? == bytes);
    expect_eq!(fs::metadata(dir.path("b"))?.mode() & 0o777, 0o640);
    Ok(())
}

fn file_times_can_be_set() -> Outcome {
    let dir = Scratch::new()?;
    let file = File::create(dir.path("f"))?;
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    file.set_modified(then)?;
    expect_eq!(file.metadata()?.modified()?, then);
    Ok(())
}

fn file_locks_exclude_each_other() -> Outcome {
    let dir = Scratch::new()?;
    let a = File::create(dir.path("f"))?;
    let b = File::open(dir.path("f"))?;
    a.lock()?;
    expect!(b.try_lock().is_err());
    a.unlock()?;
    expect!(b.try_lock_shared().is_ok());
    expect!(a.try_lock_shared().is_ok());
    Ok(())
}

fn file_errors_have_their_kinds() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "x")?;
    let kind = |result: io::Result<File>| result.err().map(|e| e.kind());
    expect_eq!(
        kind(File::open(dir.path("missing"))),
        Some(ErrorKind::NotFound)
    );
    expect_eq!(
        kind(File::open(dir.path("f/x"))),
        Some(ErrorKind::NotADirectory)
    );
    expect_eq!(kind(File::create(&dir.0)), Some(ErrorKind::IsADirectory));
    fs::create_dir(dir.path("d"))?;
    fs::write(dir.path("d/x"), "x")?;
    let removed = fs::remove_dir(dir.path("d"));
    expect_eq!(
        removed.err().map(|e| e.kind()),
        Some(ErrorKind::DirectoryNotEmpty)
    );
    Ok(())
}

fn file_unlinked_while_open_is_readable() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "still here")?;
    let mut file = File::open(dir.path("f"))?;
    fs::remove_file(dir.path("f"))?;
    expect!(!dir.path("f").exists());
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    expect_eq!(text, "still here");
    Ok(())
}

fn directory_lists_creates_and_removes_trees() -> Outcome {
    let dir = Scratch::new()?;
    fs::create_dir_all(dir.path("a/b/c"))?;
    for i in 0..50 {
        fs::write(dir.path(&format!("a/b/f{i}")), "x")?;
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.path("a/b"))? {
        let entry = entry?;
        names.push((
            entry.file_name().into_string().unwrap_or_default(),
            entry.file_type()?.is_dir(),
        ));
    }
    expect_eq!(names.len(), 51);
    expect_eq!(names.iter().filter(|(_, is_dir)| *is_dir).count(), 1);
    fs::remove_dir_all(dir.path("a"))?;
    expect!(!dir.path("a").exists());
    Ok(())
}

fn directory_rename_replaces() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("a"), "new")?;
    fs::write(dir.path("b"), "old")?;
    fs::rename(dir.path("a"), dir.path("b"))?;
    expect_eq!(fs::read_to_string(dir.path("b"))?, "new");
    expect!(!dir.path("a").exists());
    Ok(())
}

fn links_hard_and_symbolic() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "x")?;
    fs::hard_link(dir.path("f"), dir.path("hard"))?;
    expect_eq!(fs::metadata(dir.path("f"))?.nlink(), 2);
    symlink("f", dir.path("soft"))?;
    expect_eq!(fs::read_link(dir.path("soft"))?, Path::new("f"));
    expect!(fs::symlink_metadata(dir.path("soft"))?.is_symlink());
    expect_eq!(fs::read_to_string(dir.path("soft"))?, "x");
    Ok(())
}

fn permissions_change() -> Outcome {
    let dir = Scratch::new()?;
    fs::write(dir.path("f"), "x")?;
    fs::set_permissions(dir.path("f"), fs::Permissions::from_mode(0o400))?;
    expect!(fs::metadata(dir.path("f"))?.permissions().readonly());
    Ok(())
}

fn canonicalize_resolves_links_and_dots() -> Outcome {
    let dir = Scratch::new()?;
    fs::create_dir_all(dir.path("a/b"))?;
    symlink("a", dir.path("l"))?;
    expect_eq!(
        fs::canonicalize(dir.path("l/b/../b/."))?,
        fs::canonicalize(dir.path("a/b"))?
    );
    Ok(())
}

fn devices_are_character_devices() -> Outcome {
    expect!(fs::metadata("/dev/null")?.file_type().is_char_device());
    let mut zeros = [1; 32];
    File::open("/dev/zero")?.read_exact(&mut zeros)?;
    expect_eq!(zeros, [0; 32]);
    Ok(())
}

fn current_directory_can_change() -> Outcome {
    let dir = Scratch::new()?;
    env::set_current_dir(&dir.0)?;
    fs::write("here", "x")?;
    expect!(dir.path("here").exists());
    expect_eq!(env::current_dir()?, fs::canonicalize(&dir.0)?);
    Ok(())
}
