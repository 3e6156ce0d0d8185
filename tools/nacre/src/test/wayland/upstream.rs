//! Wayland's own test programs.

use anyhow::{Result, bail};

use super::{Ended, Lab};

/// Runs every one of them; each that fails says why.
const SCRIPT: &str = "\
export TEST_BUILD_DIR=$PWD/tests TEST_SRC_DIR=$PWD/tests
ln -sf /wayland/tests tests
for test in tests/*-test; do
	# A moment at which the machine stands still is enough to break what one says of timers.
	tries=1
	case $test in *event-loop*) tries=5 ;; esac
	until passed=yes; timeout 600 $test > log 2>&1; do
		passed=no
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
	done
	if [ $passed = yes ]; then
		echo \"pass $(basename $test)\"
	else
		echo \"fail $(basename $test): $(tail -n 1 log)\"
		grep -v 'exit status 0, pass' log | grep -v -e '----' | tail -n 30
	fi
done
echo all done
";

/// How many there are; the scanner's and the C++ test run on the host only.
const COUNT: usize = 22;

/// One asks whether it is being debugged by tracing itself, and tries its search for leaks only if it is not.
const WANTS_PTRACE: &str = "fail sanity-test: 22 tests, 17 pass, 5 fail";

/// Runs them.
pub fn run(lab: &mut Lab) -> Result<Ended> {
    let said = lab.play(SCRIPT, &["all done"], &mut |_, _| Ok(()))?;
    let passed = said
        .lines()
        .filter(|line| line.starts_with("pass "))
        .count();
    let failed: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("fail "))
        .collect();
    if passed == COUNT {
        return Ok(Ended::Well);
    }
    if passed + 1 == COUNT && failed == [WANTS_PTRACE] {
        return Ok(Ended::Skipped(format!(
            "{passed} of {COUNT} programs pass; sanity-test wants ptrace, which this kernel lacks"
        )));
    }
    bail!("{passed} of {COUNT} pass:\n{said}")
}
