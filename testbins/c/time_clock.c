/* Clocks and sleeping. */
#include "nacre_test.h"
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/timex.h>

static long long ns(struct timespec t)
{
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long now(clockid_t clock)
{
    struct timespec t = { 0, -1 };
    EXPECT_OK(clock_gettime(clock, &t));
    EXPECT_TRUE(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return ns(t);
}

TEST(every_clock_reads_and_has_a_resolution)
{
    static const clockid_t clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 11 };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec res = { -1, -1 };
        now(clocks[i]);
        EXPECT_OK(syscall(SYS_clock_getres, clocks[i], &res));
        EXPECT_EQ(res.tv_sec, 0);
        EXPECT_TRUE(res.tv_nsec >= 1 && res.tv_nsec <= 10000000);
        EXPECT_OK(syscall(SYS_clock_gettime, clocks[i], &res));
    }
    EXPECT_OK(syscall(SYS_clock_getres, 1, NULL));
}

TEST(unknown_clocks_are_einval)
{
    struct timespec t;
    EXPECT_ERRNO(syscall(SYS_clock_gettime, 99, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_getres, 99, &t), EINVAL);
    EXPECT_ERRNO(clock_gettime(99, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, 99, &t), EINVAL);
}

TEST(monotonic_never_goes_back)
{
    long long last = now(CLOCK_MONOTONIC);
    for (int i = 0; i < 10000; i++) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        ASSERT_TRUE(ns(t) >= last);
        last = ns(t);
    }
}

TEST(clocks_agree_with_each_other)
{
    enum { SECOND = 1000000000 };
    long long before = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME), raw = now(CLOCK_MONOTONIC_RAW);
    long long coarse = now(CLOCK_MONOTONIC_COARSE), after = now(CLOCK_MONOTONIC);
    EXPECT_TRUE(boot >= before && boot <= after);
    EXPECT_TRUE(raw > before - SECOND && raw < after + SECOND);
    EXPECT_TRUE(coarse > before - SECOND && coarse <= after);
}

TEST(realtime_agrees_with_gettimeofday_and_is_past_2020)
{
    struct timeval tv;
    long long before = now(CLOCK_REALTIME);
    EXPECT_OK(gettimeofday(&tv, NULL));
    long long after = now(CLOCK_REALTIME), mid = (tv.tv_sec * 1000000LL + tv.tv_usec) * 1000;
    EXPECT_TRUE(mid >= before - 1000 && mid <= after);
    EXPECT_TRUE(tv.tv_sec > 1577836800);
}

TEST(vdso_and_system_call_tell_the_same_time)
{
    struct timespec call;
    for (int clock = 0; clock < 2; clock++) {
        long long before = now(clock);
        EXPECT_OK(syscall(SYS_clock_gettime, clock, &call));
        long long after = now(clock);
        EXPECT_TRUE(ns(call) >= before && ns(call) <= after);
    }
    struct timeval before, by_call, after;
    gettimeofday(&before, NULL);
    EXPECT_OK(syscall(SYS_gettimeofday, &by_call, NULL));
    gettimeofday(&after, NULL);
    EXPECT_TRUE(by_call.tv_sec >= before.tv_sec && by_call.tv_sec <= after.tv_sec);
}

TEST(process_clock_counts_work_and_not_sleep)
{
    long long a = now(CLOCK_PROCESS_CPUTIME_ID);
    nt_sleep_ms(500);
    long long b = now(CLOCK_PROCESS_CPUTIME_ID);
    EXPECT_TRUE(b - a < 400000000);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - b < 20000000)
        ;
    EXPECT_TRUE(now(CLOCK_THREAD_CPUTIME_ID) >= 20000000);
}

TEST(clock_of_another_process_can_be_read)
{
    clockid_t clock;
    EXPECT_EQ(clock_getcpuclockid(getppid(), &clock), 0);
    now(clock);
    struct timespec t;
    EXPECT_ERRNO(clock_gettime((clockid_t)(~0x3fffffu << 3 | 2), &t), EINVAL); /* of no process */
}

TEST(nanosleep_sleeps_at_least_that_long)
{
    struct timespec t = { 0, 20000000 };
    long long before = now(CLOCK_MONOTONIC);
    EXPECT_OK(nanosleep(&t, NULL));
    EXPECT_TRUE(now(CLOCK_MONOTONIC) - before >= 20000000);
    t.tv_nsec = 0;
    EXPECT_OK(nanosleep(&t, NULL));
}

TEST(short_sleeps_have_no_large_floor)
{
    struct timespec t = { 0, 100000 };
    long long shortest = 1000000000;
    for (int i = 0; i < 500 && shortest >= 4000000; i++) {
        long long before = now(CLOCK_MONOTONIC);
        nanosleep(&t, NULL);
        if (now(CLOCK_MONOTONIC) - before < shortest)
            shortest = now(CLOCK_MONOTONIC) - before;
    }
    /* The emulator may stand still at any time, but not always: a tick's floor of 4 ms would show each time. */
    EXPECT_TRUE(shortest < 4000000);
}

TEST(nanosleep_refuses_bad_times_and_pointers)
{
    struct timespec t = { 0, 1000000000 }, minus = { -1, 0 };
    EXPECT_ERRNO(syscall(SYS_nanosleep, &t, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_nanosleep, &minus, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_nanosleep, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_nanosleep, NULL, NULL), EFAULT);
}

TEST(clock_nanosleep_relative_and_absolute)
{
    struct timespec t;
    long long start = now(CLOCK_MONOTONIC);
    t = (struct timespec){ 0, 10000000 };
    EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL), 0);
    EXPECT_TRUE(now(CLOCK_MONOTONIC) - start >= 10000000);
    long long until = now(CLOCK_REALTIME) + 10000000;
    t = (struct timespec){ until / 1000000000, until % 1000000000 };
    EXPECT_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL), 0);
    EXPECT_TRUE(now(CLOCK_REALTIME) >= until);
    t = (struct timespec){ 1, 0 };
    EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
}

TEST(clock_nanosleep_refusals)
{
    struct timespec t = { 0, 1 };
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, 99, 0, &t, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, NT_BAD, NULL), EFAULT);
    t.tv_nsec = -1;
    EXPECT_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL), EINVAL);
}

TEST(times_and_getrusage_count_work)
{
    struct tms before, after;
    struct rusage use;
    clock_t start = times(&before);
    EXPECT_TRUE(start != (clock_t)-1);
    long long from = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - from < 60000000)
        ;
    EXPECT_TRUE(times(&after) >= start);
    EXPECT_TRUE(after.tms_utime + after.tms_stime > before.tms_utime + before.tms_stime);
    EXPECT_OK(getrusage(RUSAGE_SELF, &use));
    EXPECT_TRUE(use.ru_utime.tv_usec + use.ru_stime.tv_usec + use.ru_utime.tv_sec + use.ru_stime.tv_sec > 0);
    EXPECT_TRUE(use.ru_minflt > 0);
    EXPECT_OK(getrusage(1 /* RUSAGE_THREAD */, &use));
    EXPECT_ERRNO(getrusage(99, &use), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getrusage, 0, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_times, NT_BAD), EFAULT);
}

TEST(children_times_are_added_when_reaped)
{
    struct tms t;
    pid_t pid = nt_fork();
    if (pid == 0) {
        while (now(CLOCK_PROCESS_CPUTIME_ID) < 60000000)
            ;
        _exit(0);
    }
    EXPECT_EXIT(pid, 0);
    times(&t);
    EXPECT_TRUE(t.tms_cutime + t.tms_cstime >= 4);
}

TEST(setting_the_clock_needs_privilege_and_a_sane_value)
{
    struct timespec t = { 0, 1000000000 };
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        clock_gettime(CLOCK_REALTIME, &t);
        EXPECT_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, &t), EPERM);
        struct timeval tv = { t.tv_sec, 0 };
        EXPECT_ERRNO(syscall(SYS_settimeofday, &tv, NULL), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(clock_settime_moves_realtime_and_leaves_monotonic)
{
    long long real = now(CLOCK_REALTIME), mono = now(CLOCK_MONOTONIC);
    struct timespec t = { real / 1000000000 + 1000, real % 1000000000 };
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &t));
    EXPECT_TRUE(now(CLOCK_REALTIME) - real >= 1000000000000LL);
    EXPECT_TRUE(now(CLOCK_MONOTONIC) - mono < 100000000000LL);
    long long back = real + now(CLOCK_MONOTONIC) - mono;
    t = (struct timespec){ back / 1000000000, back % 1000000000 };
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &t));
}

TEST(adjtimex_keeps_what_is_said_of_the_clock)
{
    struct timex x = { .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST };
    x.maxerror = 100, x.esterror = 50, x.constant = 3;
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 0);
    memset(&x, 0, sizeof x);
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 0);
    EXPECT_EQ(x.status, 0);
    EXPECT_TRUE(x.maxerror >= 100 && x.maxerror < 16000000);
    EXPECT_EQ(x.esterror, 50);
    EXPECT_EQ(x.constant, 7);
    x.modes = ADJ_NANO;
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 0);
    EXPECT_EQ(x.status, STA_NANO);
    x.modes = ADJ_MICRO;
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 0);
    EXPECT_EQ(x.status, 0);
    /* Setting the clock makes all that untrue. */
    struct timespec now;
    ASSERT_OK(clock_gettime(CLOCK_REALTIME, &now));
    ASSERT_OK(clock_settime(CLOCK_REALTIME, &now));
    memset(&x, 0, sizeof x);
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 5);
    EXPECT_EQ(x.status, STA_UNSYNC);
    EXPECT_EQ(x.maxerror, 16000000);
    EXPECT_EQ(x.esterror, 16000000);
    x.modes = ADJ_TIMECONST, x.constant = -3;
    EXPECT_EQ(syscall(SYS_adjtimex, &x), 5);
    EXPECT_EQ(x.constant, 4);
}

TEST(adjtimex_takes_what_changes_nothing_and_refuses_what_cannot_be)
{
    struct timex x = { .modes = ADJ_TICK | ADJ_FREQUENCY | ADJ_OFFSET | ADJ_TAI };
    x.tick = 10000;
    EXPECT_OK(syscall(SYS_adjtimex, &x));
    x.modes = ADJ_TICK, x.tick = 1;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
    x.tick = 11001;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
    x.modes = 0x8000;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
    x.modes = 0xa000;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EINVAL);
    x.modes = ADJ_TICK;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EPERM);
    x.modes = 0x10000;
    EXPECT_ERRNO(syscall(SYS_adjtimex, &x), EPERM);
    x.modes = ADJ_OFFSET_SS_READ;
    EXPECT_OK(syscall(SYS_adjtimex, &x));
    EXPECT_ERRNO(syscall(SYS_clock_adjtime, -10, &x), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_clock_adjtime, ~(12345 << 3) & ~4, &x), EINVAL);
    /* A clock that a descriptor names has no timers, whatever the descriptor. */
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    EXPECT_ERRNO(syscall(SYS_timer_create, (int)((~99u << 3) | 3), &event, &timer), EOPNOTSUPP);
}

TEST(adjtimex_reads_the_state)
{
    struct timex x;
    memset(&x, 0, sizeof x);
    EXPECT_TRUE(syscall(SYS_adjtimex, &x) >= 0);
    EXPECT_TRUE(x.tick >= 9000 && x.tick <= 11000);
    EXPECT_ERRNO(syscall(SYS_adjtimex, NT_BAD), EFAULT);
}
