/* Sleeping by other clocks, setting the wall clock under those who wait for it, disciplining it. */
#include "nacre_test.h"
#include <pthread.h>
#include <sys/timex.h>

#ifndef ADJ_SETOFFSET
#define ADJ_SETOFFSET 0x0100
#endif

/* The kernel's timex, whose padding the C library leaves out. */
struct timex_of_the_kernel {
    unsigned modes, pad0;
    long offset, freq, maxerror, esterror;
    int status, pad1;
    long constant, precision, tolerance;
    struct timeval time;
    long tick, ppsfreq, jitter;
    int shift, pad2;
    long stabil, jitcnt, calcnt, errcnt, stbcnt;
    int tai, pad3[11];
};

static long long ns(struct timespec t)
{
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct timespec ts(long long ns)
{
    return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

static long long now(clockid_t clock)
{
    struct timespec t = { 0, -1 };
    EXPECT_OK(syscall(SYS_clock_gettime, clock, &t));
    return ns(t);
}

static void move_wall_clock(long long by)
{
    struct timespec t = ts(now(CLOCK_REALTIME) + by);
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &t));
}

static void work_ms(int ms)
{
    long long until = now(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000LL;
    while (now(CLOCK_THREAD_CPUTIME_ID) < until)
        ;
}

enum { FAR = 1000 };
static const long long far_ns = FAR * 1000000000LL;

TEST(sleep_to_a_wall_clock_moment_ends_when_the_clock_is_set_past_it)
{
    long long start = now(CLOCK_MONOTONIC);
    struct timespec until = ts(now(CLOCK_REALTIME) + far_ns);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), 0);
        nt_done();
    }
    nt_await_state(pid, 'S');
    move_wall_clock(far_ns + 1000000000);
    EXPECT_EXIT(pid, 0);
    move_wall_clock(-far_ns - 1000000000);
    EXPECT_TRUE(now(CLOCK_MONOTONIC) - start < 20000000000LL);
}

TEST(sleep_to_a_wall_clock_moment_lasts_longer_when_the_clock_is_set_back)
{
    int seen = 0;
    /* Where the machine is so busy that the moment came first, once more. */
    for (int round = 0; round < 20 && !seen; round++) {
        long long start = now(CLOCK_MONOTONIC);
        struct timespec until = ts(now(CLOCK_REALTIME) + 400000000);
        pid_t pid = nt_fork();
        if (pid == 0) {
            syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
            _exit(0);
        }
        nt_await_state(pid, 'S');
        move_wall_clock(-far_ns);
        if (now(CLOCK_MONOTONIC) - start < 350000000) {
            nt_sleep_ms(600);
            EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
            seen = 1;
        }
        move_wall_clock(far_ns);
        EXPECT_EXIT(pid, 0);
    }
    EXPECT_TRUE(seen);
}

TEST(span_of_the_wall_clock_is_not_moved_by_setting_it)
{
    struct timespec span = { 0, 300000000 };
    long long start = now(CLOCK_MONOTONIC);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &span, NULL), 0);
        EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 300000000);
        nt_done();
    }
    nt_await_state(pid, 'S');
    move_wall_clock(far_ns);
    EXPECT_EXIT(pid, 0);
    move_wall_clock(-far_ns);
}

TEST(vdso_shows_a_new_wall_clock_at_once)
{
    struct timespec a, b;
    struct timeval tv;
    move_wall_clock(far_ns);
    clock_gettime(CLOCK_REALTIME, &a);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &b);
    gettimeofday(&tv, NULL);
    EXPECT_TRUE(b.tv_sec - a.tv_sec <= 5 && b.tv_sec >= a.tv_sec);
    EXPECT_TRUE(tv.tv_sec - a.tv_sec <= 5 && tv.tv_sec >= a.tv_sec);
    move_wall_clock(-far_ns);
    clock_gettime(CLOCK_REALTIME, &b);
    EXPECT_TRUE(a.tv_sec - b.tv_sec > FAR - 20);
}

TEST(settimeofday_sets_time_and_zone)
{
    struct timeval tv, bad = { 0, 1000001 };
    struct timezone tz = { 60, 0 }, back = { 0, 0 }, seen = { -1, -1 }, wrong = { 16 * 60, 0 };
    gettimeofday(&tv, NULL);
    EXPECT_OK(syscall(SYS_settimeofday, &tv, &tz));
    EXPECT_OK(syscall(SYS_gettimeofday, NULL, &seen));
    EXPECT_EQ(seen.tz_minuteswest, 60);
    EXPECT_OK(syscall(SYS_settimeofday, NULL, &back));
    EXPECT_ERRNO(syscall(SYS_settimeofday, NULL, &wrong), EINVAL);
    EXPECT_ERRNO(syscall(SYS_settimeofday, &bad, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_settimeofday, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_settimeofday, &tv, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_gettimeofday, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_gettimeofday, NULL, NT_BAD), EFAULT);
}

TEST(wall_clock_cannot_be_set_before_the_machine_started)
{
    struct timespec t = { 0, 0 }, huge = { INT64_MAX / 1000000000, 0 }, minus = { -1, 0 };
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &huge), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &minus), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, -6 /* this process's own */, &t), EPERM);
}

TEST(sleep_by_the_processor_time_of_a_working_child)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            ;
    clockid_t clock = (~(clockid_t)pid << 3) | 2;
    struct timespec t = { 0, 30000000 };
    EXPECT_EQ(syscall(SYS_clock_nanosleep, clock, 0, &t, NULL), 0);
    EXPECT_TRUE(now(clock) >= 30000000);
    t = ts(now(clock) + 20000000);
    EXPECT_EQ(syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, NULL), 0);
    EXPECT_TRUE(now(clock) >= ns(t));
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

static volatile sig_atomic_t hits;
static void count(NT_UNUSED int signo)
{
    hits++;
}

TEST(sleep_by_the_processor_time_of_a_sleeper_can_be_interrupted)
{
    /* Again and again: the first may come before the sleep on a busy machine. */
    struct itimerval alarm = { { 0, 50000 }, { 0, 50000 } };
    struct timespec t = { 0, 500000000 }, left = { 9, 9 };
    signal(SIGALRM, count);
    setitimer(ITIMER_REAL, &alarm, NULL);
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &t, &left), EINTR);
    EXPECT_TRUE(ns(left) > 0 && ns(left) <= 500000000);
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, -2 /* this thread's own */, 0, &t, NULL), EINVAL);
}

static void *work(NT_UNUSED void *unused)
{
    work_ms(30);
    return (void *)(long)now(CLOCK_THREAD_CPUTIME_ID);
}

TEST(process_clock_is_the_sum_of_its_threads)
{
    pthread_t t;
    void *theirs;
    long long before = now(CLOCK_PROCESS_CPUTIME_ID);
    pthread_create(&t, NULL, work, NULL);
    pthread_join(t, &theirs);
    long long after = now(CLOCK_PROCESS_CPUTIME_ID);
    EXPECT_TRUE((long)theirs >= 30000000);
    EXPECT_TRUE(after - before >= (long)theirs - 1000000);
    EXPECT_TRUE(now(CLOCK_THREAD_CPUTIME_ID) < after);
}

TEST(clock_of_a_running_child_goes_on_and_never_back)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            ;
    clockid_t clock = (~(clockid_t)pid << 3) | 2;
    long long last = 0, first = now(clock);
    for (int i = 0; i < 200; i++) {
        long long t = now(clock);
        ASSERT_TRUE(t >= last);
        last = t;
        nt_sleep_ms(1);
    }
    EXPECT_TRUE(last > first);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(thread_clocks_are_named_within_the_process_only)
{
    struct timespec t;
    const clockid_t own = (~(clockid_t)syscall(SYS_gettid) << 3) | 6, parents = (~(clockid_t)getppid() << 3) | 6;
    EXPECT_OK(syscall(SYS_clock_gettime, own, &t));
    EXPECT_ERRNO(syscall(SYS_clock_gettime, parents, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_gettime, own | 3, &t), EINVAL);
    EXPECT_OK(syscall(SYS_clock_getres, own, &t));
    EXPECT_EQ(ns(t), 1);
    EXPECT_OK(syscall(SYS_clock_getres, own & ~2 /* by ticks */, &t));
    EXPECT_EQ(ns(t), 4000000);
    EXPECT_OK(syscall(SYS_clock_getres, CLOCK_REALTIME_COARSE, &t));
    EXPECT_EQ(ns(t), 4000000);
    EXPECT_ERRNO(syscall(SYS_clock_getres, CLOCK_REALTIME, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_REALTIME, NT_BAD), EFAULT);
}

TEST(adjtimex_steps_the_clock_for_the_privileged)
{
    struct timex_of_the_kernel x;
    memset(&x, 0, sizeof x);
    long long real = now(CLOCK_REALTIME);
    x.modes = ADJ_SETOFFSET;
    x.time.tv_sec = FAR;
    EXPECT_OK(syscall(SYS_adjtimex, &x));
    EXPECT_TRUE(now(CLOCK_REALTIME) - real >= far_ns);
    EXPECT_TRUE(x.time.tv_sec >= real / 1000000000 + FAR);
    memset(&x, 0, sizeof x);
    x.modes = ADJ_SETOFFSET;
    x.time.tv_sec = -FAR;
    EXPECT_OK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &x));
    EXPECT_TRUE(now(CLOCK_REALTIME) - real < far_ns);
    x.time.tv_usec = 1000000;
    x.modes = ADJ_SETOFFSET;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
}

TEST(clock_adjtime_refusals)
{
    struct timex_of_the_kernel x;
    memset(&x, 0, sizeof x);
    EXPECT_ERRNO(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &x), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_clock_adjtime, 99, &x), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_adjtime, CLOCK_REALTIME, NT_BAD), EFAULT);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_TRUE(syscall(SYS_adjtimex, &x) >= 0);
        x.modes = ADJ_SETOFFSET;
        EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
