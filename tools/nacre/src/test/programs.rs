//! The programs that are tests in the guest, and which of their cases are wanted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::initramfs::Files;
use crate::testbins;
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

/// Where they are in the guest.
const FOLDER: &str = "/tests";

/// Where the programs of a recipe are in the guest, in a folder of its name.
const UPSTREAM_FOLDER: &str = "/upstream";

/// What is put there of a recipe's result.
const PARTS: [&str; 2] = ["bin", "share"];

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
    /// The recipes whose programs it tries.
    pub recipes: Vec<String>,
    /// Whether it is run only when the filter names it: what it needs takes long to build.
    pub on_request: bool,
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
            recipes: Vec::new(),
            on_request: false,
        }
    }

    /// A script that tries upstream's programs. Its first lines say `# recipes: NAMES`, and `# on request` if it is
    /// left out where nobody asks for it.
    fn upstream(host: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&host).with_context(|| host.display().to_string())?;
        let mut program = Self::new(host, true);
        program.name = format!("upstream_{}", program.name);
        program.guest = format!("{FOLDER}/{}.sh", program.name);
        let head = || text.lines().take_while(|line| line.starts_with('#'));
        program.recipes = head()
            .filter_map(|line| line.strip_prefix("# recipes:"))
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        program.on_request = head().any(|line| line == "# on request");
        Ok(program)
    }

    /// The program, the list of cases beside it if it has one, and the upstream programs it tries, which are built if
    /// they are not there.
    ///
    /// # Errors
    /// When a recipe cannot be built, or a file not be read.
    pub fn files(&self, workspace: &Workspace) -> Result<Files> {
        let mut files = vec![(self.host.clone(), self.guest.clone())];
        let list = self.host.with_extension("list");
        if list.is_file() {
            files.push((list, format!("{FOLDER}/{}.list", self.name)));
        }
        let third_party = ThirdParty::new(workspace);
        for name in &self.recipes {
            third_party.ensure(&[name])?;
            let place = workspace
                .third_party()
                .join(&third_party.recipe(name)?.into);
            for part in PARTS {
                let guest = format!("{UPSTREAM_FOLDER}/{name}/{part}");
                add_folder(&place.join(part), &guest, &mut files)?;
            }
        }
        Ok(files)
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

/// Builds them all: C, Rust, shell. Upstream's are built when they are run.
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
    for path in testbins::upstream_scripts(workspace)? {
        programs.push(Program::upstream(path)?);
    }
    Ok(programs)
}

/// Everything below a folder of the host, if there is one.
fn add_folder(folder: &Path, guest: &str, files: &mut Files) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| folder.display().to_string())?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{guest}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            add_folder(&entry.path(), &name, files)?;
        } else {
            files.push((entry.path(), name));
        }
    }
    Ok(())
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

    /// Whether a program is asked for, and not just not excluded.
    pub fn names(&self, program: &str) -> bool {
        !self.0.is_empty() && self.wants(program)
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
