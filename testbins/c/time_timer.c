/* Interval timers and POSIX timers. */
#include "nacre_test.h"
#include "timer_test.h"

TEST(itimer_real_fires_repeatedly_and_stops)
{
    struct itimerval t = { { 0, 5000 }, { 0, 5000 } }, off = { { 0, 0 }, { 0, 0 } }, old;
    signal(SIGALRM, count);
    EXPECT_OK(setitimer(ITIMER_REAL, &t, NULL));
    wait_for(3);
    EXPECT_TRUE(hits >= 3);
    EXPECT_OK(setitimer(ITIMER_REAL, &off, &old));
    EXPECT_EQ(old.it_interval.tv_usec, 5000);
    int then = hits;
    nt_sleep_ms(20);
    EXPECT_EQ(hits, then);
}

TEST(itimer_virtual_and_prof_count_cpu_time)
{
    struct itimerval t = { { 0, 0 }, { 0, 200000 } };
    signal(SIGVTALRM, count);
    signal(SIGPROF, count);
    EXPECT_OK(setitimer(ITIMER_VIRTUAL, &t, NULL));
    nt_sleep_ms(300);
    EXPECT_EQ(hits, 0);
    for (volatile long i = 0; hits == 0 && i < 4000000000L; i++)
        ;
    EXPECT_EQ(hits, 1);
    EXPECT_OK(setitimer(ITIMER_PROF, &t, NULL));
    for (volatile long i = 0; hits == 1 && i < 4000000000L; i++)
        ;
    EXPECT_EQ(hits, 2);
}

TEST(getitimer_tells_what_is_left)
{
    struct itimerval t = { { 3, 0 }, { 100, 0 } }, now;
    EXPECT_OK(setitimer(ITIMER_REAL, &t, NULL));
    EXPECT_OK(getitimer(ITIMER_REAL, &now));
    EXPECT_TRUE(now.it_value.tv_sec >= 50 && now.it_value.tv_sec <= 100);
    EXPECT_EQ(now.it_interval.tv_sec, 3);
}

TEST(itimer_refusals)
{
    struct itimerval t = { { 0, 0 }, { 0, 1000000 } };
    EXPECT_ERRNO(setitimer(9, &t, NULL), EINVAL);
    EXPECT_ERRNO(getitimer(9, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_setitimer, ITIMER_REAL, &t, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_setitimer, ITIMER_REAL, NT_BAD, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_getitimer, ITIMER_REAL, NT_BAD), EFAULT);
}

TEST(alarm_returns_the_seconds_left)
{
    EXPECT_EQ(alarm(100), 0);
    unsigned left = alarm(5000);
    EXPECT_TRUE(left >= 50 && left <= 100);
    left = alarm(0);
    EXPECT_TRUE(left >= 4900 && left <= 5000);
}

TEST(alarm_kills_by_default)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct itimerval t = { { 0, 0 }, { 0, 10000 } };
        setitimer(ITIMER_REAL, &t, NULL);
        for (;;)
            pause();
    }
    EXPECT_KILLED(pid, SIGALRM);
}

TEST(timer_signal_carries_id_value_and_code)
{
    int timer = -1;
    siginfo_t info;
    sigset_t set;
    struct event e = { .value.sival_int = 31, .signo = SIGUSR1, .notify = SIGEV_SIGNAL };
    struct itimerspec t = { { 0, 0 }, { 0, 5000000 } };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, NULL));
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_TIMER);
    EXPECT_EQ(info.si_value.sival_int, 31);
    EXPECT_EQ(info.si_timerid, timer);
    EXPECT_EQ(info.si_overrun, 0);
    EXPECT_OK(syscall(SYS_timer_delete, timer));
}

TEST(timer_overruns_are_counted_while_blocked)
{
    int timer = -1;
    siginfo_t info;
    sigset_t set;
    struct event e = { .signo = SIGUSR1, .notify = SIGEV_SIGNAL };
    struct itimerspec t = { { 0, 2000000 }, { 0, 2000000 } };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, NULL));
    nt_sleep_ms(50);
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
    EXPECT_TRUE(info.si_overrun >= 10);
    EXPECT_EQ(syscall(SYS_timer_getoverrun, timer), info.si_overrun);
}

TEST(timer_gettime_and_settime_exchange_values)
{
    int timer = -1;
    struct itimerspec t = { { 5, 0 }, { 100, 0 } }, now, old;
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
    EXPECT_OK(syscall(SYS_timer_gettime, timer, &now));
    EXPECT_EQ(now.it_value.tv_sec, 0);
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, NULL));
    EXPECT_OK(syscall(SYS_timer_gettime, timer, &now));
    EXPECT_TRUE(now.it_value.tv_sec >= 50 && now.it_value.tv_sec <= 100);
    memset(&t, 0, sizeof t);
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, &old));
    EXPECT_EQ(old.it_interval.tv_sec, 5);
    EXPECT_OK(syscall(SYS_timer_gettime, timer, &now));
    EXPECT_EQ(now.it_value.tv_sec, 0);
}

TEST(timer_absolute_time_in_the_past_fires_at_once)
{
    int timer = -1;
    struct itimerspec t = { { 0, 0 }, { 0, 1 } };
    signal(SIGALRM, count);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
    EXPECT_OK(syscall(SYS_timer_settime, timer, TIMER_ABSTIME, &t, NULL));
    wait_for(1);
    EXPECT_EQ(hits, 1);
}

TEST(timer_to_a_thread_id)
{
    int timer = -1;
    struct event e = { .signo = SIGUSR1, .notify = SIGEV_THREAD_ID, .tid = syscall(SYS_gettid) };
    struct itimerspec t = { { 0, 0 }, { 0, 1000000 } };
    signal(SIGUSR1, count);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, NULL));
    wait_for(1);
    EXPECT_EQ(hits, 1);
    e.tid = 1;
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer), EINVAL);
}

TEST(timer_on_the_cpu_clock_counts_work)
{
    int timer = -1;
    struct event e = { .signo = SIGUSR1, .notify = SIGEV_SIGNAL };
    struct itimerspec t = { { 0, 0 }, { 0, 200000000 } };
    signal(SIGUSR1, count);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &e, &timer));
    EXPECT_OK(syscall(SYS_timer_settime, timer, 0, &t, NULL));
    nt_sleep_ms(300);
    EXPECT_EQ(hits, 0);
    for (volatile long i = 0; hits == 0 && i < 4000000000L; i++)
        ;
    EXPECT_EQ(hits, 1);
}

TEST(timer_is_not_inherited_by_fork)
{
    int timer = -1;
    struct itimerspec t;
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(syscall(SYS_timer_gettime, timer, &t), EINVAL);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(timer_refusals)
{
    int timer = -1;
    struct event e = { .signo = 99, .notify = SIGEV_SIGNAL };
    struct itimerspec t = { { 0, 0 }, { 0, 1000000000 } };
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timer_create, 99, NULL, &timer), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NT_BAD, &timer), EFAULT);
    EXPECT_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, NT_BAD), EFAULT);
    ASSERT_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
    EXPECT_ERRNO(syscall(SYS_timer_settime, timer, 0, &t, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timer_settime, timer, 0, NULL, NULL), EINVAL);
    EXPECT_OK(syscall(SYS_timer_delete, timer));
    EXPECT_ERRNO(syscall(SYS_timer_delete, timer), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timer_gettime, timer, &t), EINVAL);
    EXPECT_ERRNO(syscall(SYS_timer_getoverrun, timer), EINVAL);
}
