//! Counting, and telling of what failed.

use super::tap::Verdict;

/// So much of a failure's output is shown.
const SHOWN_LINES: usize = 60;

/// How many passed, failed and were skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Skipped => self.skipped += 1,
        }
    }

    /// What was added since an earlier count.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            passed: self.passed.saturating_sub(before.passed),
            failed: self.failed.saturating_sub(before.failed),
            skipped: self.skipped.saturating_sub(before.skipped),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// One thing that failed, with all one needs to look into it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The test's name.
    pub name: String,
    /// What it said.
    pub output: String,
    /// What the kernel said meanwhile.
    pub kernel_log: String,
    /// The command that runs it alone.
    pub command: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Report {
    /// The counts.
    pub tally: Tally,
    /// The failures, in order.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Counts a failure and keeps it.
    pub fn fail(&mut self, failure: Failure) {
        self.tally.count(Verdict::Failed);
        self.failures.push(failure);
    }

    /// Prints the failures, then the closing line.
    pub fn print(&self) {
        for failure in &self.failures {
            println!("\n--- FAILED: {}", failure.name);
            print_part("", &failure.output);
            print_part("kernel log:", &failure.kernel_log);
            println!("    alone: {}", failure.command);
        }
        if !self.failures.is_empty() {
            println!();
        }
        println!("{}", self.tally);
    }
}

fn print_part(heading: &str, text: &str) {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if lines.is_empty() {
        return;
    }
    if !heading.is_empty() {
        println!("    {heading}");
    }
    let from = lines.len().saturating_sub(SHOWN_LINES);
    if from > 0 {
        println!("    ... ({from} lines before)");
    }
    for line in lines.iter().skip(from) {
        println!("    {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_the_agreed_one() {
        let mut tally = Tally {
            passed: 3,
            failed: 0,
            skipped: 1,
        };
        tally.count(Verdict::Failed);
        assert_eq!(tally.to_string(), "3 passed, 1 failed, 1 skipped");
    }
}
