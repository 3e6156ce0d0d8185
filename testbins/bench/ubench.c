/*
 * ubench - microbenchmarks of the Linux system-call ABI, as seen by a
 * static, unprivileged-looking user program.
 *
 *   usage: ubench [-l] [-v] [-F] [-p cpu] [-d dir] [-b batches] [-m ms]
 *                 [-t seconds] [name-or-prefix* ...]
 *
 *   -l  list the measures        -v  add columns: min, max, loops per batch
 *   -F  do not fork per measure  -p  pin to one CPU (partners inherit it)
 *   -d  directory for files and UNIX sockets (default /tmp, wants a tmpfs)
 *   -b  batches (default 7)      -m  least length of a batch, ms (default 20)
 *   -t  give up on a measure after this long (default 60)
 *
 * Output: one line per measure, `name<TAB>value<TAB>unit`.  A measure that
 * cannot run prints `name<TAB>NA<TAB>reason` and the others go on.
 *
 * Method: each measure is a loop of n operations timed with
 * CLOCK_MONOTONIC.  n grows until a loop lasts the least batch length;
 * then several such batches run and the median time per operation is
 * printed.  Each measure runs in its own child process and process group,
 * under an alarm, so that one that hangs or crashes costs only itself.
 *
 * Units: ns = nanoseconds per operation, less is better;
 *        MB/s = 10^6 bytes per second, more is better.
 *
 *  machine speed (little or no kernel in it; use it to normalise)
 *   cpu_loop          one step of a xorshift generator in registers
 *   memcpy_1m         memcpy of 1 MiB
 *  system calls
 *   syscall_null      getppid() through syscall(2)
 *   clock_gettime     CLOCK_MONOTONIC through libc (vDSO when there is one)
 *   clock_gettime_sys the same, forced through the kernel
 *   read_zero         read 1 byte of /dev/zero
 *   write_null        write 1 byte to /dev/null
 *  files, in dir
 *   stat              stat() of an existing file
 *   open_close        open() + close() of an existing file
 *   create_unlink     open(O_CREAT|O_EXCL) + close() + unlink()
 *   tmpfs_write       write 1 MiB in 64 KiB pieces to a file just truncated
 *   tmpfs_read        read the same back in 64 KiB pieces
 *   fsync4k           pwrite 4 KiB + fsync (only when asked for by name)
 *  memory
 *   mmap_64p          mmap + touch + munmap of 64 anonymous pages
 *   page_fault        first write to an anonymous page (no huge pages)
 *   page_fault_cow    first write to a page shared since fork()
 *   mprotect          flip one touched page between read-only and writable
 *  processes and threads
 *   fork              fork + _exit + waitpid
 *   fork_exec         fork + execve of this static binary + exit + waitpid
 *   spawn             posix_spawn of this binary + waitpid
 *   pthread           pthread_create + pthread_join of an empty thread
 *   futex_pingpong    round trip between two threads, two futex words
 *   yield_switch      hand-over to another process on the same CPU by
 *                     sched_yield() (one switch; both share a turn word)
 *   signal            kill() of self, through the handler and sigreturn
 *   sigaction         sigaction() of one signal
 *   nanosleep         nanosleep(1 us): time slept beyond what was asked for
 *  local communication: pingpong = 1-byte round trip between 2 processes,
 *  bw = bytes read from a process that writes 64 KiB blocks for ever
 *   pipe_pingpong, pipe_bw
 *   eventfd_pingpong  (8 bytes, as eventfd demands)
 *   epoll_1of1000     epoll_wait() with 1 eventfd ready out of 1000
 *   unix_pingpong, unix_bw          AF_UNIX stream socketpair
 *   unix_dgram_pingpong             AF_UNIX datagram socketpair
 *   scm_rights        send a descriptor and get it back (2 passes)
 *   socketpair        socketpair(AF_UNIX) + 2 close
 *   unix_connect      socket + connect + accept + 2 close, one thread
 *   tcp_pingpong, tcp_bw            127.0.0.1, TCP_NODELAY
 *   tcp_connect       socket + connect + accept + 2 close, one thread
 *   udp_pingpong                    127.0.0.1, connected sockets
 */
#include "base.h"
#include "calls.h"
#include "local.h"
#include "memory.h"
#include "process.h"

/* ---- the table and the driver ------------------------------------------ */

static const struct bench benches[] = {
	{ "cpu_loop",            "ns",   1000,  NULL,           b_cpu_loop, 0, 0 },
	{ "memcpy_1m",           "MB/s", MIB,   s_memcpy,       b_memcpy, 0, 0 },
	{ "syscall_null",        "ns",   1,     NULL,           b_syscall_null, 0, 0 },
	{ "clock_gettime",       "ns",   1,     NULL,           b_clock_gettime, 0, 0 },
	{ "clock_gettime_sys",   "ns",   1,     NULL,           b_clock_gettime_sys, 0, 0 },
	{ "read_zero",           "ns",   1,     s_read_zero,    b_read1, 0, 0 },
	{ "write_null",          "ns",   1,     s_write_null,   b_write1, 0, 0 },
	{ "stat",                "ns",   1,     s_file,         b_stat, 0, 0 },
	{ "open_close",          "ns",   1,     s_file,         b_open_close, 0, 0 },
	{ "create_unlink",       "ns",   1,     set_path,       b_create_unlink, 0, 0 },
	{ "tmpfs_write",         "MB/s", MIB,   s_file,         b_file_write, 0, 0 },
	{ "tmpfs_read",          "MB/s", MIB,   s_file,         b_file_read, 0, 0 },
	{ "fsync4k",             "ns",   1,     s_file,         b_fsync4k, 0, 1 },
	{ "mmap_64p",            "ns",   1,     s_page,         b_mmap_64p, 0, 0 },
	{ "page_fault",          "ns",   1,     s_page,         b_page_fault, 0, 0 },
	{ "page_fault_cow",      "ns",   1,     s_page,         b_page_fault_cow, 0, 0 },
	{ "mprotect",            "ns",   2,     s_mprotect,     b_mprotect, 0, 0 },
	{ "fork",                "ns",   1,     NULL,           b_fork, 0, 0 },
	{ "fork_exec",           "ns",   1,     NULL,           b_fork_exec, 0, 0 },
	{ "spawn",               "ns",   1,     NULL,           b_spawn, 0, 0 },
	{ "pthread",             "ns",   1,     NULL,           b_pthread, 0, 0 },
	{ "futex_pingpong",      "ns",   1,     s_futex,        b_futex, 0, 0 },
	{ "yield_switch",        "ns",   2,     s_yield,        b_yield, 0, 0 },
	{ "signal",              "ns",   1,     s_signal,       b_signal, 0, 0 },
	{ "sigaction",           "ns",   1,     NULL,           b_sigaction, 0, 0 },
	{ "nanosleep",           "ns",   1,     NULL,           b_nanosleep, 0, 0 },
	{ "pipe_pingpong",       "ns",   1,     s_pipe,         b_pingpong, 0, 0 },
	{ "pipe_bw",             "MB/s", BLOCK, s_pipe_bw,      b_bandwidth, 0, 0 },
	{ "eventfd_pingpong",    "ns",   1,     s_eventfd,      b_pingpong, 0, 0 },
	{ "epoll_1of1000",       "ns",   1,     s_epoll,        b_epoll, 0, 0 },
	{ "unix_pingpong",       "ns",   1,     s_unix,         b_pingpong, 0, 0 },
	{ "unix_bw",             "MB/s", BLOCK, s_unix_bw,      b_bandwidth, 0, 0 },
	{ "unix_dgram_pingpong", "ns",   1,     s_unix_dgram,   b_pingpong, 0, 0 },
	{ "scm_rights",          "ns",   1,     s_scm,          b_scm, 0, 0 },
	{ "socketpair",          "ns",   1,     NULL,           b_socketpair, 0, 0 },
	{ "unix_connect",        "ns",   1,     s_unix_connect, b_connect, 0, 0 },
	{ "tcp_pingpong",        "ns",   1,     s_tcp,          b_pingpong, 0, 0 },
	{ "tcp_bw",              "MB/s", BLOCK, s_tcp_bw,       b_bandwidth, 0, 0 },
	{ "tcp_connect",         "ns",   1,     s_tcp_connect,  b_connect, 1000, 0 },
	{ "udp_pingpong",        "ns",   1,     s_udp,          b_pingpong, 0, 0 },
};
#define NBENCH ((int)(sizeof benches / sizeof benches[0]))

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double to_unit(const struct bench *b, double ns)
{
	return b->unit[0] == 'n' ? ns / b->per_op : b->per_op * 1e3 / ns;
}

static void run_one(const struct bench *b)
{
	double per[MAX_BATCHES];
	long n = 1, max = b->max_n ? b->max_n : LONG_MAX / 4096;

	current = b;
	path[0] = 0;
	if (b->setup)
		b->setup();
	for (;;) {                              /* find the batch size */
		uint64_t t = b->body(n);
		if (t >= opt_batch_ns || n >= max)
			break;
		double k = t ? 1.2 * (double)opt_batch_ns / (double)t : 8;
		k = k > 8 ? 8 : k;
		n = (long)((double)n * k) + 1;
		n = n > max ? max : n;
	}
	for (int i = 0; i < opt_batches; i++)
		per[i] = (double)b->body(n) / (double)n;
	qsort(per, (size_t)opt_batches, sizeof per[0], by_value);
	printf("%s\t%.1f\t%s", b->name, to_unit(b, per[opt_batches / 2]), b->unit);
	if (opt_verbose)
		printf("\t%.1f\t%.1f\t%ld", to_unit(b, per[0]),
		       to_unit(b, per[opt_batches - 1]), n);
	putchar('\n');
	fflush(stdout);
	cleanup();
}

static void run_guarded(const struct bench *b)
{
	int status;
	fflush(stdout);
	pid_t pid = opt_nofork ? -1 : fork();
	if (pid == -1) {
		run_one(b);
		return;
	}
	if (pid == 0) {
		setpgid(0, 0);
		alarm(opt_timeout);
		run_one(b);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	kill(-pid, SIGKILL);                    /* whatever it left behind */
	if (WIFSIGNALED(status))
		printf("%s\tNA\tkilled by signal %d%s\n", b->name,
		       WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
	fflush(stdout);
}

static int wanted(const struct bench *b, char **names, int count)
{
	if (count == 0)
		return !b->by_name_only;
	for (int i = 0; i < count; i++) {
		size_t len = strlen(names[i]);
		if (len && names[i][len - 1] == '*' ?
		    !b->by_name_only && !strncmp(b->name, names[i], len - 1) :
		    !strcmp(b->name, names[i]))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int c, list = 0;

	if (argc > 1 && !strcmp(argv[1], "-X"))
		return 0;                       /* fork_exec's child */
	if (argc > 0 && strchr(argv[0], '/'))
		self_path = argv[0];
	while ((c = getopt(argc, argv, "lvFp:d:b:m:t:")) != -1) {
		switch (c) {
		case 'l': list = 1; break;
		case 'v': opt_verbose = 1; break;
		case 'F': opt_nofork = 1; break;
		case 'p': opt_cpu = atoi(optarg); break;
		case 'd': opt_dir = optarg; break;
		case 'b': opt_batches = atoi(optarg); break;
		case 'm': opt_batch_ns = strtoull(optarg, NULL, 10) * 1000000; break;
		case 't': opt_timeout = (unsigned)atoi(optarg); break;
		default: return 2;
		}
	}
	if (opt_batches < 1 || opt_batches > MAX_BATCHES)
		return 2;
	if (opt_cpu >= 0)
		pin(opt_cpu);
	for (int i = 0; i < NBENCH; i++) {
		if (!wanted(&benches[i], argv + optind, argc - optind))
			continue;
		if (list)
			printf("%s\t%s\n", benches[i].name, benches[i].unit);
		else
			run_guarded(&benches[i]);
	}
	return 0;
}
