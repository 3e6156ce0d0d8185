//! The tour: a stop for each promise, told in a line, shown by tests or a command in the guest. The stops are data,
//! in `testbins/tour.toml`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::qemu::Machine;
use crate::test::guest::Suite;
use crate::test::programs::{self, Filter, Program};
use crate::test::wayland;
use crate::workspace::Workspace;

/// Where the stops are.
const STOPS: &str = "testbins/tour.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tour {
    stop: Vec<Stop>,
}

/// One promise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    /// Its number.
    item: String,
    /// What a visitor is told.
    line: String,
    /// `PROGRAM` or `PROGRAM/CASE`; the case's name may be cut.
    #[serde(default)]
    tests: Vec<String>,
    /// Cases with a display.
    #[serde(default)]
    display: Vec<String>,
    /// A command for the guest's shell.
    shell: Option<String>,
    /// Why there is nothing to see.
    later: Option<String>,
}

/// What became of a stop.
enum End {
    Pass,
    Fail(String),
    Later(String),
}

/// How the tour went.
#[derive(Debug, Default, Clone, Copy)]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
    pub later: usize,
}

/// Goes round the stops whose items begin with one of these words; all where there is none.
///
/// # Errors
/// When the stops cannot be read, or there is no machine.
pub fn go(workspace: &Workspace, machine: Machine, wanted: &[String]) -> Result<Summary> {
    let path = workspace.path(STOPS);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let tour: Tour = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let stops: Vec<Stop> = tour.stop.into_iter().filter(|s| s.wanted(wanted)).collect();
    if stops.is_empty() {
        bail!("no stop of the tour is called like {}", wanted.join(", "));
    }
    let named = |program: &Program| {
        stops
            .iter()
            .flat_map(|stop| &stop.tests)
            .any(|test| test.split('/').next() == Some(&program.name))
    };
    let mut programs = programs::collect(workspace)?;
    programs.retain(named);
    let filter = Filter::default();
    let mut stage = wayland::Stage::new(workspace, &machine);
    let mut suite = Suite::new(
        workspace,
        machine.clone(),
        &programs,
        &filter,
        String::new(),
    )?;
    let mut summary = Summary::default();
    for stop in &stops {
        match stop.show(&mut suite, &mut stage, &programs)? {
            End::Pass => {
                summary.passed += 1;
                println!("PASS  {:5} {}", stop.item, stop.line);
            }
            End::Fail(why) => {
                summary.failed += 1;
                println!("FAIL  {:5} {}", stop.item, stop.line);
                indent(&why);
            }
            End::Later(why) => {
                summary.later += 1;
                println!("LATER {:5} {} ({why})", stop.item, stop.line);
            }
        }
    }
    suite.end();
    stage.end();
    Ok(summary)
}

impl Stop {
    fn wanted(&self, words: &[String]) -> bool {
        words.is_empty()
            || words
                .iter()
                .any(|word| self.item.starts_with(word.as_str()))
    }

    fn show(
        &self,
        suite: &mut Suite<'_>,
        stage: &mut wayland::Stage<'_>,
        programs: &[Program],
    ) -> Result<End> {
        if let Some(why) = &self.later {
            return Ok(End::Later(why.clone()));
        }
        for test in &self.tests {
            let (name, case) = test.split_once('/').unwrap_or((test, ""));
            let Some(program) = programs.iter().find(|program| program.name == name) else {
                return Ok(End::Fail(format!("there is no test program {name}")));
            };
            if let Err(why) = suite.show(program, case)? {
                return Ok(End::Fail(format!("{test}: {why}")));
            }
        }
        for case in &self.display {
            if let Err(why) = stage.show(case)? {
                return Ok(End::Fail(format!("{case}: {why}")));
            }
        }
        if let Some(line) = &self.shell {
            let shell = Program {
                name: "shell".to_owned(),
                host: PathBuf::new(),
                guest: "/bin/sh".to_owned(),
                is_script: false,
                recipes: Vec::new(),
                on_request: false,
            };
            let (output, ok) = suite.command(&shell, &["-c".to_owned(), line.clone()])?;
            if !ok {
                return Ok(End::Fail(output));
            }
            indent(&output);
        } else if self.tests.is_empty() && self.display.is_empty() {
            return Ok(End::Fail("the stop has nothing to show".to_owned()));
        }
        Ok(End::Pass)
    }
}

fn indent(text: &str) {
    text.lines().for_each(|line| println!("            {line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stops_can_be_read_and_each_has_something_to_say() -> Result<()> {
        let tour: Tour = toml::from_str(include_str!("../../../testbins/tour.toml"))?;
        for stop in &tour.stop {
            let ways = [
                !stop.tests.is_empty() || !stop.display.is_empty(),
                stop.shell.is_some(),
                stop.later.is_some(),
            ];
            assert_eq!(
                ways.iter().filter(|way| **way).count(),
                1,
                "stop {}",
                stop.item
            );
            assert!(!stop.line.is_empty());
        }
        Ok(())
    }

    #[test]
    fn words_choose_by_the_beginning() {
        let stop = Stop {
            item: "A3.4".to_owned(),
            line: String::new(),
            tests: Vec::new(),
            display: Vec::new(),
            shell: None,
            later: None,
        };
        assert!(stop.wanted(&[]) && stop.wanted(&["A3".to_owned()]));
        assert!(!stop.wanted(&["A4".to_owned()]));
    }
}
