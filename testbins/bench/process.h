/* Processes, threads, signals, sleeping. */
#ifndef PROCESS_H
#define PROCESS_H

#include "base.h"

static void reap(pid_t pid)
{
	int status;
	ok(waitpid(pid, &status, 0), "waitpid");
	if (status != 0) {
		errno = ECHILD;
		fail("child's exit status");
	}
}

LOOP(b_fork, ,
	pid_t pid = (pid_t)ok(fork(), "fork");
	if (pid == 0)
		_exit(0);
	reap(pid);)

static char *child_argv[] = { "ubench", "-X", NULL };   /* exits at once */
static char *child_env[] = { NULL };

LOOP(b_fork_exec, ,
	pid_t pid = (pid_t)ok(fork(), "fork");
	if (pid == 0) {
		execve(self_path, child_argv, child_env);
		_exit(127);
	}
	reap(pid);)

LOOP(b_spawn, ,
	pid_t pid;
	errno = posix_spawn(&pid, self_path, NULL, NULL,
			    child_argv, child_env);
	if (errno)
		fail("posix_spawn");
	reap(pid);)

static void *empty_thread(void *arg) { return arg; }

LOOP(b_pthread, ,
	pthread_t t;
	errno = pthread_create(&t, NULL, empty_thread, NULL);
	if (errno)
		fail("pthread_create");
	pthread_join(t, NULL);)

static int word_a, word_b;              /* two binary semaphores */

static void post(int *w)
{
	__atomic_store_n(w, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, w, 1 | 128 /* WAKE, PRIVATE */, 1, NULL, NULL, 0);
}

static void await(int *w)
{
	while (!__atomic_exchange_n(w, 0, __ATOMIC_ACQ_REL))
		syscall(SYS_futex, w, 0 | 128 /* WAIT */, 0, NULL, NULL, 0);
}

static void *futex_echo(void *arg)
{
	for (;;) {
		await(&word_a);
		post(&word_b);
	}
	return arg;
}

static void s_futex(void)
{
	pthread_t t;
	errno = pthread_create(&t, NULL, futex_echo, NULL);
	if (errno)
		fail("pthread_create");
}

LOOP(b_futex, ,
	post(&word_a);
	await(&word_b);)

static volatile int *turn;

static void pass_turn(int mine, int next)
{
	while (*turn != mine)
		sched_yield();
	*turn = next;
}

static void s_yield(void)
{
	pin(opt_cpu >= 0 ? opt_cpu : 0);
	turn = map_anon(sizeof *turn, MAP_SHARED);
	if (fork_partner() == 0)
		for (;;)
			pass_turn(1, 0);
}

LOOP(b_yield, ,
	pass_turn(0, 1);
	while (*turn != 0)
		sched_yield();)

static volatile sig_atomic_t signals;

static void on_signal(int s)
{
	(void)s;
	signals++;
}

static void s_signal(void)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	ok(sigaction(SIGUSR1, &sa, NULL), "sigaction");
}

static uint64_t b_signal(long n)
{
	pid_t me = getpid();
	signals = 0;
	uint64_t t0 = now_ns();
	for (long i = 0; i < n; i++)
		ok(kill(me, SIGUSR1), "kill");
	uint64_t took = now_ns() - t0;
	if (signals != n) {
		errno = EPROTO;
		fail("signals lost");
	}
	return took;
}

static uint64_t b_sigaction(long n)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	uint64_t t0 = now_ns();
	while (n--)
		ok(sigaction(SIGUSR1, &sa, NULL), "sigaction");
	return now_ns() - t0;
}

static uint64_t b_nanosleep(long n)
{
	const struct timespec us = { 0, 1000 };
	uint64_t t0 = now_ns(), asked = (uint64_t)n * 1000;
	while (n--)
		nanosleep(&us, NULL);
	uint64_t took = now_ns() - t0;
	return took > asked ? took - asked : 0;
}

#endif
