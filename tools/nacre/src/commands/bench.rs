//! `nacre bench`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::bench::{Figure, Mode, display, run, shell, table};
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;
use crate::{doctor, kernel, qemu};

/// Measures a kernel of this name, taking what was kept of it if it may.
type Measure<'a> = &'a dyn Fn(&str, &Path, bool) -> Result<Vec<Figure>>;

/// Measure Linux 6.12 and Nacre in the same emulator. Linux's figures are kept until its image, the programs or QEMU
/// change.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this way of measuring
    #[arg(long)]
    mode: Option<Mode>,
    /// Processors in wall-clock time (counting instructions takes one)
    #[arg(long, value_name = "N", default_value_t = 1)]
    cpus: u32,
    /// Only these rows; a * at the end stands for anything
    #[arg(long, value_name = "ROW")]
    row: Vec<String>,
    /// Another Image to measure in Nacre's place
    #[arg(long, value_name = "IMAGE")]
    kernel: Option<PathBuf>,
    /// Measure Linux again
    #[arg(long)]
    fresh: bool,
    /// Leave out the boot to a shell
    #[arg(long)]
    no_shell: bool,
    /// Measure the display, and nothing else: frames, a round trip of Wayland's, the time to the first frame
    #[arg(long)]
    display: bool,
    /// Only Linux
    #[arg(long)]
    only_linux: bool,
    /// Only Nacre
    #[arg(long, conflicts_with = "only_linux")]
    only_nacre: bool,
    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        doctor::ensure_commands(&[qemu::PROGRAM])?;
        ThirdParty::new(workspace).ensure(&["linux-6.12", "musl"])?;
        let nacre = match (&self.kernel, self.only_linux) {
            (_, true) => None,
            (Some(path), _) => Some(path.clone()),
            (None, _) => Some(kernel::build(workspace, kernel::SHIPPED)?),
        };
        let linux = workspace.linux_image();
        if self.display {
            return self
                .compare(
                    "display",
                    &linux,
                    nacre.as_deref(),
                    &|name, kernel, keep| display::measure(workspace, name, kernel, keep),
                )
                .map(|()| ExitCode::SUCCESS);
        }
        for mode in [Mode::Icount, Mode::Mttcg] {
            if self.mode.is_some_and(|only| only != mode) {
                continue;
            }
            let cpus = if mode == Mode::Icount { 1 } else { self.cpus };
            let plan = run::Plan {
                mode,
                cpus,
                rows: self.row.clone(),
            };
            let title = match mode {
                Mode::Icount => "instructions",
                Mode::Mttcg => "wall clock",
            };
            self.compare(title, &linux, nacre.as_deref(), &|name, kernel, keep| {
                run::measure(workspace, name, kernel, &plan, keep)
            })?;
        }
        if !self.no_shell && self.mode.is_none() {
            self.compare(
                "boot to a shell",
                &linux,
                nacre.as_deref(),
                &|name, kernel, keep| shell::measure(workspace, name, kernel, keep),
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn compare(
        &self,
        title: &str,
        linux: &Path,
        nacre: Option<&Path>,
        measure: Measure<'_>,
    ) -> Result<()> {
        let theirs = if self.only_nacre {
            Vec::new()
        } else {
            measure("linux", linux, !self.fresh)?
        };
        let ours = nacre
            .map(|kernel| measure("nacre", kernel, false))
            .transpose()?
            .unwrap_or_default();
        table::print(title, &theirs, &ours, self.markdown);
        Ok(())
    }
}
