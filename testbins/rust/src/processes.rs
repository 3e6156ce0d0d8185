//! Child processes and pipes.

use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use crate::{Outcome, cases, expect, expect_eq};

cases![
    child_exit_status_is_passed_on,
    child_output_is_collected,
    child_input_is_fed,
    child_error_output_is_apart,
    child_environment_is_what_was_set,
    child_directory_is_what_was_set,
    child_killed_shows_its_signal,
    child_try_wait_does_not_block,
    child_that_aborts_dies_of_sigabrt,
    child_whose_thread_overflows_its_stack_dies_of_sigabrt,
    child_sees_a_broken_pipe_as_an_error,
    command_missing_is_not_found,
    command_not_executable_is_permission_denied,
    command_in_a_process_group_of_its_own,
    command_exec_replaces_the_process,
    megabytes_pass_through_a_child,
    fifty_children_at_once,
    pipe_of_the_standard_library,
    current_exe_is_this_program,
];

fn this(args: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(args).stdin(Stdio::null());
    Ok(command)
}

fn child_exit_status_is_passed_on() -> Outcome {
    for code in [0, 1, 42, 255] {
        let status = this(&["@exit", &code.to_string()])?.status()?;
        expect_eq!(status.code(), Some(code));
        expect_eq!(status.success(), code == 0);
    }
    Ok(())
}

fn child_output_is_collected() -> Outcome {
    let output = this(&["@echo", "one two", "", "three"])?.output()?;
    expect!(output.status.success());
    expect_eq!(String::from_utf8(output.stdout)?, "one two||three\n");
    Ok(())
}

fn child_input_is_fed() -> Outcome {
    let mut child = this(&["@cat"])?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(b"through\0binary")?;
    expect_eq!(child.wait_with_output()?.stdout, b"through\0binary");
    Ok(())
}

fn child_error_output_is_apart() -> Outcome {
    let output = this(&["@complain"])?.output()?;
    expect!(output.stdout.is_empty());
    expect_eq!(String::from_utf8(output.stderr)?, "to standard error\n");
    Ok(())
}

fn child_environment_is_what_was_set() -> Outcome {
    let output = this(&["@environment", "PEARL"])?
        .env_clear()
        .env("PEARL", "white")
        .env("OTHER", "x")
        .output()?;
    expect_eq!(output.stdout, b"white\n");
    expect_eq!(output.status.code(), Some(2));
    Ok(())
}

fn child_directory_is_what_was_set() -> Outcome {
    let output = this(&["@directory"])?.current_dir("/dev").output()?;
    expect_eq!(output.stdout, b"/dev\n");
    let missing = this(&["@directory"])?.current_dir("/missing").output();
    expect_eq!(missing.err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    Ok(())
}

fn child_killed_shows_its_signal() -> Outcome {
    let mut child = this(&["@sleep"])?.spawn()?;
    child.kill()?;
    let status = child.wait()?;
    expect_eq!(status.signal(), Some(9));
    expect_eq!(status.code(), None);
    Ok(())
}

fn child_try_wait_does_not_block() -> Outcome {
    let mut child = this(&["@sleep"])?.spawn()?;
    expect!(child.try_wait()?.is_none());
    child.kill()?;
    child.wait()?;
    expect!(child.try_wait()?.is_some());
    Ok(())
}

fn child_that_aborts_dies_of_sigabrt() -> Outcome {
    expect_eq!(this(&["@abort"])?.status()?.signal(), Some(6));
    Ok(())
}

fn child_whose_thread_overflows_its_stack_dies_of_sigabrt() -> Outcome {
    let output = this(&["@overflow"])?.output()?;
    expect_eq!(output.status.signal(), Some(6));
    expect!(String::from_utf8_lossy(&output.stderr).contains("has overflowed its stack"));
    Ok(())
}

fn child_sees_a_broken_pipe_as_an_error() -> Outcome {
    let mut child = this(&["@pour"])?.stdout(Stdio::piped()).spawn()?;
    let mut out = child.stdout.take().ok_or("no output")?;
    out.read_exact(&mut [0; 100])?;
    drop(out);
    expect_eq!(child.wait()?.code(), Some(32));
    Ok(())
}

fn command_missing_is_not_found() -> Outcome {
    let result = Command::new("/no/such/program").spawn();
    expect_eq!(result.err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    Ok(())
}

fn command_not_executable_is_permission_denied() -> Outcome {
    let result = Command::new("/dev/null").spawn();
    expect_eq!(
        result.err().map(|e| e.kind()),
        Some(ErrorKind::PermissionDenied)
    );
    Ok(())
}

fn command_in_a_process_group_of_its_own() -> Outcome {
    let mut child = this(&["@sleep"])?.process_group(0).spawn()?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let group = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(2));
    expect_eq!(group, Some(child.id().to_string().as_str()));
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn command_exec_replaces_the_process() -> Outcome {
    Err(this(&["@exit", "0"])?.exec().into())
}

fn megabytes_pass_through_a_child() -> Outcome {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 253) as u8).collect();
    let mut child = this(&["@cat"])?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no input")?;
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    expect!(output.stdout == bytes);
    Ok(())
}

fn fifty_children_at_once() -> Outcome {
    let mut children = Vec::new();
    for code in 0..50_u8 {
        children.push((code, this(&["@exit", &code.to_string()])?.spawn()?));
    }
    for (code, child) in &mut children {
        expect_eq!(child.wait()?.code(), Some(i32::from(*code)));
    }
    Ok(())
}

fn pipe_of_the_standard_library() -> Outcome {
    let (mut reader, writer) = io::pipe()?;
    let mut child = this(&["@echo", "piped"])?.stdout(writer).spawn()?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    child.wait()?;
    expect_eq!(text, "piped\n");
    Ok(())
}

fn current_exe_is_this_program() -> Outcome {
    expect!(env::current_exe()?.is_file());
    expect!(env::args().next().is_some());
    Ok(())
}
