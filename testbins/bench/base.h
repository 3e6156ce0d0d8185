/* What every measure leans on: the table's row, options, a clock, a partner process, the timed loop. */
#ifndef BASE_H
#define BASE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK  (64 * 1024)
#define MIB    (1024 * 1024)
#define NFDS   1000
#define MAX_BATCHES 101

typedef uint64_t (*body_fn)(long n);    /* do it n times; ns it took */

struct bench {
	const char *name;
	const char *unit;       /* "ns" or "MB/s" */
	double per_op;          /* ns: operations, MB/s: bytes, per loop turn */
	void (*setup)(void);
	body_fn body;
	long max_n;             /* most turns per batch, 0 = no limit */
	int by_name_only;
};

static const char *opt_dir = "/tmp";
static const char *self_path = "/proc/self/exe";
static uint64_t opt_batch_ns = 20 * 1000000ull;
static int opt_batches = 7, opt_verbose, opt_nofork, opt_cpu = -1;
static unsigned opt_timeout = 60;

static const struct bench *current;
static pid_t partner;                   /* the other process of this measure */
static char path[256];                  /* its file or socket in opt_dir */
static char *block;                     /* MIB bytes of buffer, touched */

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void cleanup(void)
{
	if (partner > 0) {
		kill(partner, SIGKILL);
		waitpid(partner, NULL, 0);
		partner = 0;
	}
	if (path[0])
		unlink(path);
}

static void fail(const char *what)
{
	printf("%s\tNA\t%s: %s\n", current->name, what, strerror(errno));
	fflush(stdout);
	cleanup();
	_exit(1);
}

static long ok(long r, const char *what)        /* fail() on -1 */
{
	if (r == -1)
		fail(what);
	return r;
}

static void *map_anon(size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | flags, -1, 0);
	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void pin(int cpu)                        /* best effort */
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static pid_t fork_partner(void)
{
	fflush(stdout);
	partner = (pid_t)ok(fork(), "fork");
	return partner;
}

static void set_path(void)
{
	snprintf(path, sizeof path, "%s/ubench.%d", opt_dir, (int)getpid());
}

static void touch_block(void)
{
	block = map_anon(MIB, MAP_PRIVATE);
	memset(block, 1, MIB);
}

/* A body: declarations once, then the statements n times, timed. */
#define LOOP(name, decls, ...)                          \
	static uint64_t name(long n)                    \
	{                                               \
		decls                                   \
		uint64_t t0 = now_ns();                 \
		while (n--) {                           \
			__VA_ARGS__                     \
		}                                       \
		return now_ns() - t0;                   \
	}

#endif
