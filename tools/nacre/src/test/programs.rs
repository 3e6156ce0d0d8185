//! The programs that are tests in the guest, and which of their cases are wanted.

use std::path::PathBuf;

use anyhow::Result;

use crate::testbins;
use crate::workspace::Workspace;

/// Where they are in the guest.
const FOLDER: &str = "/tests";

/// A shell script is run by this.
const SHELL: &str = "/bin/sh";

/// One test program.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its file on the host.
    pub host: PathBuf,
    /// Its file in the guest.
    pub guest: String,
    /// Whether the shell runs it.
    pub is_script: bool,
}

impl Program {
    fn new(host: PathBuf, is_script: bool) -> Self {
        let part = if is_script {
            host.file_name()
        } else {
            host.file_stem()
        };
        let file = part.unwrap_or_default().to_string_lossy().into_owned();
        let name = file.strip_suffix(".sh").unwrap_or(&file).to_owned();
        let guest = format!("{FOLDER}/{file}");
        Self {
            name,
            host,
            guest,
            is_script,
        }
    }

    /// The words that run it with these arguments.
    pub fn words(&self, args: &[String]) -> Vec<String> {
        let shell = self.is_script.then(|| SHELL.to_owned());
        shell
            .into_iter()
            .chain([self.guest.clone()])
            .chain(args.iter().cloned())
            .collect()
    }
}

/// Builds them all: C, Rust, shell.
pub fn collect(workspace: &Workspace) -> Result<Vec<Program>> {
    let mut programs: Vec<Program> = Vec::new();
    programs.extend(
        testbins::build_c(workspace)?
            .into_iter()
            .map(|path| Program::new(path, false)),
    );
    programs.extend(
        testbins::build_rust(workspace)?
            .into_iter()
            .map(|path| Program::new(path, false)),
    );
    programs.extend(
        testbins::smoke_scripts(workspace)?
            .into_iter()
            .map(|path| Program::new(path, true)),
    );
    Ok(programs)
}

/// What `--filter` says: a part of a program's name, or with a slash a program and a part of a case's name.
#[derive(Debug, Clone, Default)]
pub struct Filter(pub Vec<String>);

impl Filter {
    /// Whether anything of a program is wanted.
    pub fn wants(&self, program: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|one| match one.split_once('/') {
                Some((name, _)) => name == program,
                None => program.contains(one.as_str()),
            })
    }

    /// The cases wanted of a program that has these; `None` is all.
    pub fn cases(&self, program: &str, all: &[String]) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        for one in &self.0 {
            match one.split_once('/') {
                Some((name, case)) if name == program => parts.push(case),
                None if program.contains(one.as_str()) => return None,
                _ => {}
            }
        }
        if parts.is_empty() {
            return None;
        }
        Some(
            all.iter()
                .filter(|case| parts.iter().any(|part| case.contains(part)))
                .cloned()
                .collect(),
        )
    }

    /// Whether single cases of a program are asked for.
    pub fn names_cases_of(&self, program: &str) -> bool {
        self.0
            .iter()
            .any(|one| one.split_once('/').is_some_and(|(name, _)| name == program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_choose_programs_and_cases() {
        let filter = Filter(vec!["pipe".into(), "fd_io/short".into()]);
        assert!(filter.wants("pipe") && filter.wants("fd_io") && !filter.wants("fd_open"));
        let all = ["read_short".to_owned(), "read_long".to_owned()];
        assert_eq!(
            filter.cases("fd_io", &all),
            Some(vec!["read_short".to_owned()])
        );
        assert_eq!(filter.cases("pipe", &all), None);
        assert!(filter.names_cases_of("fd_io") && !filter.names_cases_of("pipe"));
        assert!(Filter::default().wants("anything"));
    }

    #[test]
    fn a_script_is_run_by_the_shell() {
        let script = Program::new("testbins/smoke/files.sh".into(), true);
        assert_eq!(script.name, "files");
        assert_eq!(
            script.words(&["one".into()]),
            ["/bin/sh", "/tests/files.sh", "one"]
        );
    }
}
