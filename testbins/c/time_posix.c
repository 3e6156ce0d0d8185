/* POSIX timers and interval timers: who keeps them, how they count, what the clock's setting does to them. */
#include "nacre_test.h"
#include "timer_test.h"
#include <pthread.h>

static const long long hour = 3600 * 1000000000LL;

static int create(clockid_t clock, int notify)
{
    int timer = -1;
    struct event e = { .signo = SIGUSR1, .notify = notify, .tid = syscall(SYS_gettid) };
    EXPECT_OK(syscall(SYS_timer_create, clock, &e, &timer));
    return timer;
}

static void set(int timer, int flags, long long value, long long interval)
{
    struct itimerspec t = { { interval / 1000000000, interval % 1000000000 }, { value / 1000000000, value % 1000000000 } };
    EXPECT_OK(syscall(SYS_timer_settime, timer, flags, &t, NULL));
}

static long long left(int timer)
{
    struct itimerspec t;
    EXPECT_OK(syscall(SYS_timer_gettime, timer, &t));
    return t.it_value.tv_sec * 1000000000LL + t.it_value.tv_nsec;
}

static long long now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void move_wall_clock(long long by)
{
    long long to = now(CLOCK_REALTIME) + by;
    struct timespec t = { to / 1000000000, to % 1000000000 };
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &t));
}

static void block(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int take(int signo, siginfo_t *info)
{
    sigset_t set;
    struct timespec limit = { 10, 0 };
    sigemptyset(&set);
    sigaddset(&set, signo);
    return sigtimedwait(&set, info, &limit);
}

TEST(timer_of_nobody_counts_and_tells_nobody)
{
    int timer = create(CLOCK_MONOTONIC, SIGEV_NONE);
    signal(SIGUSR1, count);
    signal(SIGALRM, count);
    set(timer, 0, hour, 0);
    EXPECT_TRUE(left(timer) > 0 && left(timer) <= hour);
    set(timer, 0, 10000000, 0);
    nt_sleep_ms(30);
    EXPECT_EQ(left(timer), 0);
    EXPECT_EQ(hits, 0);
    set(timer, 0, 10000000, 20000000);
    nt_sleep_ms(60);
    EXPECT_TRUE(left(timer) > 0 && left(timer) <= 20000000);
}

TEST(timer_fires_periodically_and_rests_when_set_to_zero)
{
    int timer = create(CLOCK_BOOTTIME, SIGEV_SIGNAL);
    signal(SIGUSR1, count);
    set(timer, 0, 1000000, 5000000);
    wait_for(4);
    EXPECT_TRUE(hits >= 4);
    set(timer, 0, 0, 5000000);
    int then = hits;
    nt_sleep_ms(30);
    EXPECT_EQ(hits, then);
    EXPECT_EQ(left(timer), 0);
}

TEST(timer_of_the_wall_clock_fires_when_the_clock_is_set_past_it)
{
    int timer = create(CLOCK_REALTIME, SIGEV_SIGNAL), span = create(CLOCK_REALTIME, SIGEV_NONE);
    signal(SIGUSR1, count);
    set(timer, TIMER_ABSTIME, now(CLOCK_REALTIME) + hour, 0);
    set(span, 0, hour, 0);
    move_wall_clock(2 * hour);
    wait_for(1);
    EXPECT_EQ(hits, 1);
    EXPECT_TRUE(left(span) > hour - 60 * 1000000000LL); /* a span is of no clock */
    set(timer, TIMER_ABSTIME, now(CLOCK_REALTIME) + hour, 0);
    move_wall_clock(-2 * hour);
    EXPECT_TRUE(left(timer) > 2 * hour);
}

TEST(ignored_timer_goes_on_and_its_misses_are_overruns)
{
    siginfo_t info;
    int timer = create(CLOCK_MONOTONIC, SIGEV_SIGNAL);
    signal(SIGUSR1, SIG_IGN);
    set(timer, 0, 10000000, 10000000);
    nt_sleep_ms(100);
    block(SIGUSR1);
    signal(SIGUSR1, count);
    EXPECT_EQ(take(SIGUSR1, &info), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_TIMER);
    EXPECT_TRUE(info.si_overrun >= 3);
}

TEST(two_timers_with_one_signal_are_both_told)
{
    siginfo_t info;
    int a = create(CLOCK_MONOTONIC, SIGEV_SIGNAL), b = create(CLOCK_MONOTONIC, SIGEV_SIGNAL), seen[2];
    on_one_processor();
    block(SIGUSR1);
    set(a, 0, 1000000, 0);
    set(b, 0, 5000000, 0);
    nt_sleep_ms(30);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(take(SIGUSR1, &info), SIGUSR1);
        seen[i] = info.si_timerid;
    }
    EXPECT_EQ(seen[0], a);
    EXPECT_EQ(seen[1], b);
    EXPECT_TRUE(a != b);
}

TEST(timer_set_anew_while_its_signal_waits_sends_no_second)
{
    siginfo_t info;
    sigset_t pending;
    on_one_processor();
    int timer = create(CLOCK_MONOTONIC, SIGEV_SIGNAL);
    block(SIGUSR1);
    set(timer, 0, 1000000, 0);
    nt_sleep_ms(20);
    set(timer, 0, 1000000, 0);
    nt_sleep_ms(20);
    EXPECT_EQ(take(SIGUSR1, &info), SIGUSR1);
    EXPECT_EQ(info.si_timerid, timer);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
}

TEST(default_event_is_sigalrm_with_the_timers_number)
{
    siginfo_t info;
    int first = -1, timer = -1;
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &first));
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
    EXPECT_EQ(timer, first + 1);
    block(SIGALRM);
    set(timer, 0, 1000000, 0);
    EXPECT_EQ(take(SIGALRM, &info), SIGALRM);
    EXPECT_EQ(info.si_code, SI_TIMER);
    EXPECT_EQ(info.si_value.sival_int, timer);
    EXPECT_EQ(info.si_timerid, timer);
}

TEST(itimer_and_timer_signals_are_told_apart)
{
    siginfo_t info;
    struct itimerval t = { { 0, 0 }, { 0, 1000 } };
    block(SIGALRM);
    setitimer(ITIMER_REAL, &t, NULL);
    EXPECT_EQ(take(SIGALRM, &info), SIGALRM);
    EXPECT_EQ(info.si_code, SI_KERNEL);
}

TEST(thread_clock_timer_counts_that_thread_only)
{
    int timer = create(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL);
    signal(SIGUSR1, count);
    set(timer, 0, 300000000, 0);
    nt_sleep_ms(400);
    EXPECT_EQ(hits, 0);
    EXPECT_TRUE(left(timer) > 0 && left(timer) <= 300000000);
    for (volatile long i = 0; hits == 0 && i < 4000000000L; i++)
        ;
    EXPECT_EQ(hits, 1);
    EXPECT_TRUE(now(CLOCK_THREAD_CPUTIME_ID) >= 300000000);
    EXPECT_EQ(left(timer), 0);
}

TEST(process_clock_timer_is_periodic)
{
    int timer = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL);
    signal(SIGUSR1, count);
    set(timer, 0, 5000000, 5000000);
    for (volatile long i = 0; hits < 3 && i < 4000000000L; i++)
        ;
    EXPECT_TRUE(hits >= 3);
    set(timer, 0, 0, 0);
}

static void *spin(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
        ;
    return NULL;
}

TEST(process_clock_timer_counts_all_threads_while_the_first_sleeps)
{
    int timer = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL), stop = 0;
    pthread_t t[2];
    signal(SIGUSR1, count);
    set(timer, 0, 40000000, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, spin, &stop);
    wait_for(1);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(hits, 1);
}

TEST(itimer_virtual_leaves_the_kernels_time_out)
{
    struct itimerval t = { { 0, 5000 }, { 0, 5000 } }, off = { { 0, 0 }, { 0, 0 } }, old;
    signal(SIGVTALRM, count);
    EXPECT_OK(setitimer(ITIMER_VIRTUAL, &t, NULL));
    for (volatile long i = 0; hits < 3 && i < 4000000000L; i++)
        ;
    EXPECT_TRUE(hits >= 3);
    EXPECT_OK(syscall(SYS_setitimer, ITIMER_VIRTUAL, NULL, &old)); /* no value: off */
    EXPECT_EQ(old.it_interval.tv_usec, 5000);
    EXPECT_OK(setitimer(ITIMER_VIRTUAL, &off, &old));
    EXPECT_EQ(old.it_value.tv_sec + old.it_value.tv_usec + old.it_interval.tv_usec, 0);
}

ROLE(alarmed)
{
    signal(SIGALRM, count);
    wait_for(1);
    _exit(hits >= 1 ? 40 : 41);
}

TEST(itimer_goes_on_over_exec_and_not_over_fork)
{
    /* Again and again, should the first ring before the new program listens. */
    struct itimerval t = { { 0, 700000 }, { 0, 700000 } }, now;
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_IGN);
        setitimer(ITIMER_REAL, &t, NULL);
        pid_t inner = nt_fork();
        if (inner == 0) {
            EXPECT_OK(getitimer(ITIMER_REAL, &now));
            EXPECT_EQ(now.it_value.tv_sec + now.it_value.tv_usec, 0);
            nt_done();
        }
        EXPECT_EXIT(inner, 0);
        execl(nt_self, nt_self, "@alarmed", NULL);
        _exit(42);
    }
    EXPECT_EXIT(pid, 40);
}

ROLE(timerless)
{
    struct itimerspec t;
    sigset_t pending;
    int timer = atoi(argv[2]);
    long got = syscall(SYS_timer_gettime, timer, &t);
    int gone = got == -1 && errno == EINVAL;
    sigpending(&pending);
    _exit(gone && !sigismember(&pending, SIGUSR1) ? 43 : 44);
}

TEST(posix_timers_and_their_signals_do_not_pass_exec)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char number[16];
        int timer = create(CLOCK_MONOTONIC, SIGEV_SIGNAL);
        block(SIGUSR1);
        set(timer, 0, 1000000, 0);
        nt_sleep_ms(20);
        snprintf(number, sizeof number, "%d", timer);
        execl(nt_self, nt_self, "@timerless", number, NULL);
        _exit(42);
    }
    EXPECT_EXIT(pid, 43);
}

TEST(getoverrun_is_zero_without_misses_and_deleting_ends_the_timer)
{
    int timer = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID);
    signal(SIGUSR1, count);
    set(timer, 0, 3000000, 0);
    wait_for(1);
    EXPECT_EQ(syscall(SYS_timer_getoverrun, timer), 0);
    long long start = now(CLOCK_MONOTONIC);
    set(timer, 0, 300000000, 0);
    EXPECT_OK(syscall(SYS_timer_delete, timer));
    int late = now(CLOCK_MONOTONIC) - start >= 300000000;
    nt_sleep_ms(400);
    EXPECT_TRUE(hits == 1 || late);
}

TEST(timer_clocks_that_cannot_time)
{
    int timer;
    struct event e = { .signo = SIGUSR1, .notify = 77 };
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &timer), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_REALTIME_COARSE, NULL, &timer), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer), EINVAL);
    e = (struct event){ .signo = 0, .notify = SIGEV_SIGNAL };
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer), EINVAL);
    e = (struct event){ .signo = 0, .notify = SIGEV_NONE };
    EXPECT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
    EXPECT_ERRNO(syscall(SYS_timer_settime, timer, 0, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_timer_gettime, timer, NT_BAD), EFAULT);
}
