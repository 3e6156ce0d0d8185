#!/bin/sh
# Each program is compiled by itself, for upstream's own makefiles want a whole kernel tree that was configured. Beside
# musl's headers they need glibc's error.h (given here) and a few numbers that musl's headers do not know yet.
set -eu
cd "$SRC/tools/testing/selftests"
mkdir -p "$OUT/bin" "$WORK/include"
cat > "$WORK/include/error.h" <<'H'
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static inline void error(int status, int number, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, number ? ": %s\n" : "\n", strerror(number));
	if (status)
		exit(status);
}
H
FLAGS="-O2 -s -pthread -D_GNU_SOURCE -w -Werror=implicit-function-declaration -I$WORK/include -I. -I../../include
	-DSO_PASSPIDFD=76 -DSO_PEERPIDFD=77 -DSCM_PIDFD=4 -DMSG_COPY=040000 -DRENAME_EXCHANGE=2"

program() { # program SOURCE...: named for its first source, and for its folder where two have one name
	name=$(basename "$1" .c)
	case $1 in proc/*) name=proc_$name ;; esac
	echo "aarch64-linux-musl-gcc $FLAGS $* -o $OUT/bin/$name" | tr '\n' ' '
	echo
}

{
	for name in diag_uid msg_oob scm_pidfd scm_rights unix_connect; do program net/af_unix/$name.c; done
	for name in openat2_test resolve_test; do program openat2/$name.c openat2/helpers.c; done
	for name in nanosleep inconsistency-check threadtest set-tz set-tai valid-adjtimex nsleep-lat; do program timers/$name.c; done
	for name in requeue requeue_pi requeue_pi_mismatched_ops requeue_pi_signal_restart wait wait_private_mapped_file \
		wait_timeout wait_uninitialized_heap wait_wouldblock waitv; do
		program futex/functional/futex_$name.c -Ifutex/include
	done
	program filesystems/devpts_pts.c
	program filesystems/epoll/epoll_wakeup_test.c
	program filesystems/eventfd/eventfd_test.c
	for name in clone3 clone3_clear_sighand clone3_set_tid; do program clone3/$name.c; done
	for name in fdinfo_test getfd_test open_test poll_test test wait; do program pidfd/pidfd_$name.c; done
	program mincore/mincore_selftest.c
	program memfd/memfd_test.c memfd/common.c
	for name in default_file_splice_read splice_read; do program splice/$name.c; done
	for name in abi clock_getres correctness getcpu gettimeofday; do program vDSO/vdso_test_$name.c vDSO/parse_vdso.c; done
	for name in execveat null-argv non-regular recursion-depth; do program exec/$name.c; done
	for name in fd-001-lookup fd-002-posix-eq proc-loadavg-001 proc-multiple-procfs proc-pid-vm proc-self-map-files-001 \
		proc-self-syscall proc-self-wchan proc-subset-pid proc-tid0 proc-uptime-001 proc-uptime-002 read self thread-self; do
		program proc/$name.c
	done
	program tmpfs/bug-link-o-tmpfile.c
	for name in close_range_test unshare_test; do program core/$name.c; done
	program tty/tty_tstamp_update.c
	program ipc/msgque.c
	program kcmp/kcmp_test.c
	for name in multi single; do program membarrier/membarrier_test_${name}_thread.c; done
	for name in get_syscall_info peeksiginfo; do program ptrace/$name.c; done
	for name in set-process-name set-anon-vma-name-test; do program prctl/$name.c; done
} > work
xargs -P "$JOBS" -I{} sh -c '{}' < work
