# The kernel's own tests of its calls, of the version that is the oracle: each program is a case, and passes by its exit
# status. Not among them: those that Debian's Linux 6.12 fails or skips in the same emulator, and those that need what
# Nacre has not: namespaces, ptrace, System V queues, /proc/self/{map_files,syscall}, an fs.nr_open that can be raised,
# a clock frequency that can be set.
# recipes: selftests
CASES=$(cat /tests/upstream_selftests.list)
EACH=by_status

by_status() {
	ip link set lo up 2> /dev/null || true
	cd /upstream/selftests/bin
	timeout -s KILL 300 ./$1
}

. /tests/tap
