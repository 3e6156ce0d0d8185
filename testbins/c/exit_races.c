/*
 * What happens to a process is one event to whoever looks: a stop and the SIGCONT that follows it, an end and the
 * descriptor that tells of it, an exec and the other threads' leaving, a fork and a signal for its whole group. Each
 * case does the thing again and again while somebody looks all the time.
 */
#include "nacre_test.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

enum { ROUNDS = 300, LIMIT = 240 };

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_of(pid_t pid)
{
    return ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
}

static volatile unsigned long *shared_counters(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

static volatile unsigned long *beats;

static void *beat(void *arg)
{
    for (;;) {
        beats[(long)arg]++;
        sched_yield();
    }
    return NULL;
}

static pid_t two_threads_that_run(void)
{
    beats = shared_counters();
    pid_t child = nt_fork();
    if (child == 0) {
        pthread_t thread;
        ASSERT_EQ(pthread_create(&thread, NULL, beat, (void *)1L), 0);
        beat((void *)0L);
    }
    return child;
}

/* Until both threads have gone on. */
static void await_beats(void)
{
    unsigned long before[2] = { beats[0], beats[1] };
    while (beats[0] == before[0] || beats[1] == before[1])
        sched_yield();
}

TEST_LIMIT(sigcont_on_the_heels_of_a_stop_signal_undoes_it, LIMIT)
{
    pid_t child = two_threads_that_run();
    for (int i = 0; i < ROUNDS; i++) {
        ASSERT_OK(kill(child, i % 2 ? SIGTSTP : SIGSTOP));
        ASSERT_OK(kill(child, SIGCONT));
        await_beats();
    }
    kill(child, SIGKILL);
    EXPECT_KILLED(child, SIGKILL);
}

TEST_LIMIT(a_stop_on_the_heels_of_sigcont_stops_everybody_again, LIMIT)
{
    int status;
    pid_t child = two_threads_that_run();
    for (int i = 0; i < ROUNDS; i++) {
        ASSERT_OK(kill(child, SIGSTOP));
        ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
        ASSERT_TRUE(WIFSTOPPED(status));
        ASSERT_OK(kill(child, SIGCONT));
        ASSERT_OK(kill(child, SIGSTOP));
        ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
        ASSERT_TRUE(WIFSTOPPED(status));
        ASSERT_OK(kill(child, SIGCONT));
        await_beats();
    }
    kill(child, SIGKILL);
    EXPECT_KILLED(child, SIGKILL);
}

TEST_LIMIT(a_pidfd_that_tells_of_an_end_leads_to_a_zombie, LIMIT)
{
    for (int i = 0; i < ROUNDS; i++) {
        siginfo_t info = { 0 };
        pid_t child = nt_fork();
        if (child == 0)
            _exit(3);
        struct pollfd poller = { .fd = pidfd_of(child), .events = POLLIN };
        while (poll(&poller, 1, 0) == 0)
            ;
        ASSERT_EQ(poller.revents, POLLIN);
        ASSERT_OK(waitid((idtype_t)P_PIDFD, poller.fd, &info, WEXITED | WNOHANG));
        ASSERT_EQ(info.si_pid, child);
        ASSERT_EQ(poll(&poller, 1, 0), 1);
        ASSERT_EQ(poller.revents, POLLIN | POLLHUP);
        close(poller.fd);
    }
}

TEST(a_pidfd_hangs_up_when_its_process_is_waited_for)
{
    pid_t child = nt_fork();
    if (child == 0)
        _exit(0);
    struct pollfd poller = { .fd = pidfd_of(child), .events = 0 };
    pid_t waiter = nt_fork();
    if (waiter == 0) {
        EXPECT_EQ(poll(&poller, 1, -1), 1);
        EXPECT_EQ(poller.revents, POLLHUP);
        nt_done();
    }
    nt_await_state(waiter, 'S');
    EXPECT_EXIT(child, 0);
    EXPECT_EXIT(waiter, 0);
}

TEST(a_signal_by_pidfd_reaches_a_zombie_without_effect)
{
    pid_t child = nt_fork();
    if (child == 0)
        _exit(5);
    int fd = pidfd_of(child);
    nt_await_state(child, 'Z');
    EXPECT_OK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    EXPECT_EXIT(child, 5);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), ESRCH);
    close(fd);
}

static void *become(NT_UNUSED void *arg)
{
    char *args[] = { nt_self, (char *)"@alone", NULL };
    execve(nt_self, args, nt_envp);
    return NULL;
}

/* The new program: its own number is that of its process, can be signalled, and its children are its own. */
ROLE(alone)
{
    int status;
    pid_t own = getpid();
    if (syscall(SYS_gettid) != own || syscall(SYS_tgkill, own, own, 0) != 0)
        return 1;
    if (waitpid(-1, &status, __WNOTHREAD) <= 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 9)
        return 2;
    return syscall(SYS_tgkill, own, own, 0) == 0 ? 42 : 3;
}

static void *leave(NT_UNUSED void *arg)
{
    return NULL;
}

TEST_LIMIT(exec_by_another_thread_takes_the_leaders_place_whole, LIMIT)
{
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = nt_fork();
        if (child == 0) {
            pthread_t thread;
            if (fork() == 0)
                _exit(9);
            for (int n = 0; n < 3; n++)
                pthread_create(&thread, NULL, leave, NULL);
            pthread_create(&thread, NULL, become, NULL);
            if (i % 2)
                syscall(SYS_exit, 0);
            for (;;)
                pause();
        }
        EXPECT_EXIT(child, 42);
        if (nt_failures)
            return;
    }
}

/* Forks and forks; every child waits for ever. */
__attribute__((noreturn)) static void fork_and_wait(void)
{
    for (int n = 0; n < 100; n++)
        if (fork() == 0)
            break;
    for (;;)
        pause();
}

TEST_LIMIT(nobody_escapes_a_signal_for_the_group_by_forking, LIMIT)
{
    ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    for (int i = 0; i < 60; i++) {
        int status, ready[2];
        char byte;
        ASSERT_OK(pipe(ready));
        pid_t leader = nt_fork();
        if (leader == 0) {
            setpgid(0, 0);
            for (int n = 0; n < 3; n++)
                if (fork() == 0)
                    break;
            if (write(ready[1], "r", 1) != 1)
                _exit(1);
            close(ready[0]);
            close(ready[1]);
            fork_and_wait();
        }
        close(ready[1]);
        for (int n = 0; n < 4; n++)
            ASSERT_EQ(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        for (int n = 0; n < i; n++)
            sched_yield();
        /* SIGKILL alone: the library blocks the others around a fork. */
        ASSERT_OK(kill(-leader, SIGKILL));
        /* One that escaped would keep us here. */
        while (wait(&status) > 0)
            ;
    }
}

static void *storm(void *arg)
{
    pid_t *leader = arg;
    while (!beats[2]) {
        kill(-*leader, SIGUSR2);
        kill(-*leader, SIGWINCH);
    }
    return NULL;
}

static void ignore_it(NT_UNUSED int signo)
{
}

TEST_LIMIT(a_storm_of_signals_to_a_group_that_ends_loses_no_end, LIMIT)
{
    enum { MEMBERS = 12 };
    beats = shared_counters();
    signal(SIGUSR2, ignore_it);
    for (int i = 0; i < 40; i++) {
        pid_t leader = nt_fork();
        if (leader == 0) {
            setpgid(0, 0);
            beats[3] = 1;
            for (int n = 0; n < MEMBERS; n++)
                if (nt_fork() == 0) {
                    sched_yield();
                    _exit(n);
                }
            int ended = 0, sum = 0, status;
            while (ended < MEMBERS) {
                pid_t pid = wait(&status);
                if (pid == -1 && errno == EINTR)
                    continue;
                ASSERT_TRUE(pid > 0 && WIFEXITED(status));
                sum += WEXITSTATUS(status);
                ended++;
            }
            _exit(sum);
        }
        while (!beats[3])
            sched_yield();
        pthread_t threads[2];
        beats[2] = 0;
        for (int n = 0; n < 2; n++)
            ASSERT_EQ(pthread_create(&threads[n], NULL, storm, &leader), 0);
        EXPECT_EXIT(leader, MEMBERS * (MEMBERS - 1) / 2);
        beats[2] = 1;
        beats[3] = 0;
        for (int n = 0; n < 2; n++)
            pthread_join(threads[n], NULL);
        if (nt_failures)
            return;
    }
}

static volatile sig_atomic_t rang;
static void on_ring(NT_UNUSED int signo)
{
    rang++;
}

TEST_LIMIT(no_alarm_rings_after_it_was_switched_off, LIMIT)
{
    signal(SIGALRM, on_ring);
    for (int i = 0; i < 2000; i++) {
        struct itimerval on = { { 0, 0 }, { 0, 1 + i % 40 } }, off = { { 0, 0 }, { 0, 0 } };
        ASSERT_OK(setitimer(ITIMER_REAL, &on, NULL));
        for (int n = 0; n < i % 64; n++)
            __asm__ volatile("" ::: "memory");
        ASSERT_OK(setitimer(ITIMER_REAL, &off, NULL));
        int now = rang;
        for (int n = 0; n < 200; n++)
            __asm__ volatile("" ::: "memory");
        getpid();
        ASSERT_EQ(rang, now);
    }
}

TEST_LIMIT(no_timer_signals_after_it_was_deleted, LIMIT)
{
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    struct timespec none = { 0, 0 };
    for (int i = 0; i < 2000; i++) {
        timer_t timer;
        struct itimerspec on = { { 0, 0 }, { 0, 1000 + i % 40 * 1000 } };
        ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
        ASSERT_OK(timer_settime(timer, 0, &on, NULL));
        for (int n = 0; n < i % 64; n++)
            __asm__ volatile("" ::: "memory");
        ASSERT_OK(timer_delete(timer));
        /* Whether it was in time: from here on nothing comes. */
        sigtimedwait(&set, NULL, &none);
        for (int n = 0; n < 200; n++)
            __asm__ volatile("" ::: "memory");
        ASSERT_OK(sigpending(&pending));
        ASSERT_TRUE(!sigismember(&pending, SIGUSR1));
    }
}
