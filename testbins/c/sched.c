/* Scheduling calls: affinity, yield, nice values, policies, getcpu. */
#include "nacre_test.h"
#include <limits.h>
#include <sched.h>
#include <sys/resource.h>

/* The kernel's sched_attr, first version. */
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static long cpus(void)
{
    unsigned long mask[16] = { 0 };
    long bytes = ASSERT_OK(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask)), n = 0;
    for (long i = 0; i < bytes / 8; i++)
        n += __builtin_popcountl(mask[i]);
    return n;
}

TEST(getaffinity_returns_the_bytes_it_wrote)
{
    unsigned long mask[16];
    long bytes = EXPECT_OK(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask));
    EXPECT_TRUE(bytes > 0 && bytes % 8 == 0 && bytes <= (long)sizeof mask);
    EXPECT_TRUE(cpus() >= 1);
    EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0, 7, mask), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0x3ffffff, sizeof mask, mask), ESRCH);
    EXPECT_ERRNO(syscall(SYS_sched_getaffinity, 0, sizeof mask, NT_BAD), EFAULT);
}

TEST(setaffinity_moves_the_thread_there)
{
    long n = cpus();
    for (int cpu = 0; cpu < n && cpu < 8; cpu++) {
        unsigned long mask = 1UL << cpu;
        unsigned here = 99;
        EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, &mask));
        EXPECT_OK(syscall(SYS_getcpu, &here, NULL, NULL));
        EXPECT_EQ(here, cpu);
    }
}

TEST(setaffinity_is_inherited_and_refuses_empty_sets)
{
    unsigned long one = 1, none = 0, got = 0;
    EXPECT_ERRNO(syscall(SYS_sched_setaffinity, 0, 8, &none), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setaffinity, 0x3ffffff, 8, &one), ESRCH);
    EXPECT_ERRNO(syscall(SYS_sched_setaffinity, 0, 8, NT_BAD), EFAULT);
    EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, &one));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(syscall(SYS_sched_getaffinity, 0, 8, &got));
        EXPECT_EQ(got, 1);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setaffinity_of_another_users_process_is_eperm)
{
    unsigned long one = 1;
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_sched_setaffinity, getppid(), 8, &one), EPERM);
        EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, &one));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setaffinity_of_a_running_process_takes_effect)
{
    volatile unsigned *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (cpus() < 2)
        SKIP("one CPU");
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;) {
            unsigned cpu;
            syscall(SYS_getcpu, &cpu, NULL, NULL);
            seen[0] = cpu;
            seen[1]++;
        }
    for (int round = 0; round < 4; round++) {
        unsigned long mask = 1UL << (round & 1);
        EXPECT_OK(syscall(SYS_sched_setaffinity, pid, 8, &mask));
        unsigned then = seen[1];
        for (int i = 0; i < 60000 && (seen[0] != (unsigned)(round & 1) || seen[1] - then < 2); i++)
            nt_sleep_ms(1);
        EXPECT_EQ(seen[0], round & 1);
    }
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(yield_succeeds)
{
    EXPECT_EQ(sched_yield(), 0);
}

TEST(getcpu_checks_its_pointers)
{
    unsigned cpu, node = 9;
    EXPECT_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
    EXPECT_EQ(node, 0);
    EXPECT_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
    EXPECT_ERRNO(syscall(SYS_getcpu, NT_BAD, NULL, NULL), EFAULT);
}

TEST(priority_is_set_read_and_clamped)
{
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
    EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
    EXPECT_OK(setpriority(PRIO_PROCESS, 0, 100));
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 1);
    EXPECT_OK(setpriority(PRIO_PROCESS, 0, -100));
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 40);
    EXPECT_ERRNO(syscall(SYS_getpriority, 9, 0), EINVAL);
    EXPECT_ERRNO(setpriority(9, 0, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getpriority, PRIO_PROCESS, 0x3ffffff), ESRCH);
}

TEST(priority_cannot_be_raised_by_users)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
        EXPECT_ERRNO(setpriority(PRIO_PROCESS, 0, 4), EACCES);
        EXPECT_ERRNO(setpriority(PRIO_PROCESS, getppid(), 10), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(priority_of_a_group_is_its_best)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        setpgid(0, 0);
        pid_t inner = nt_fork();
        if (inner == 0)
            for (;;)
                pause();
        EXPECT_OK(setpriority(PRIO_PROCESS, inner, 10));
        EXPECT_EQ(syscall(SYS_getpriority, PRIO_PGRP, 0), 20);
        EXPECT_OK(setpriority(PRIO_PGRP, 0, 7));
        EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, inner), 13);
        kill(inner, SIGKILL);
        EXPECT_KILLED(inner, SIGKILL);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(policy_and_parameters_read_as_other)
{
    struct sched_param p = { .sched_priority = 9 };
    struct timespec t = { -1, -1 };
    EXPECT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
    EXPECT_OK(syscall(SYS_sched_getparam, 0, &p));
    EXPECT_EQ(p.sched_priority, 0);
    EXPECT_OK(syscall(SYS_sched_rr_get_interval, 0, &t));
    EXPECT_EQ(t.tv_sec, 0);
    EXPECT_ERRNO(syscall(SYS_sched_getscheduler, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getscheduler, 0x3ffffff), ESRCH);
    EXPECT_ERRNO(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getparam, 0x3ffffff, &p), ESRCH);
}

TEST(policy_setting_checks_policy_and_priority)
{
    struct sched_param p = { .sched_priority = 1 };
    EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, 99, &p), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setparam, 0, &p), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NT_BAD), EFAULT);
    p.sched_priority = 0;
    EXPECT_OK(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &p));
    EXPECT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_BATCH);
    EXPECT_OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p));
    EXPECT_OK(syscall(SYS_sched_setparam, 0, &p));
}

TEST(priority_ranges_of_the_policies)
{
    EXPECT_EQ(syscall(SYS_sched_get_priority_max, SCHED_OTHER), 0);
    EXPECT_EQ(syscall(SYS_sched_get_priority_min, SCHED_OTHER), 0);
    EXPECT_EQ(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
    EXPECT_EQ(syscall(SYS_sched_get_priority_min, SCHED_RR), 1);
    EXPECT_ERRNO(syscall(SYS_sched_get_priority_max, 99), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_get_priority_min, -1), EINVAL);
}

TEST(nice_processes_get_less_of_one_cpu)
{
    volatile long *work = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long mask = 1;
    pid_t pid[2];
    EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, &mask));
    for (int i = 0; i < 2; i++) {
        pid[i] = nt_fork();
        if (pid[i] == 0) {
            setpriority(PRIO_PROCESS, 0, i * 19);
            for (;;)
                work[i * 8]++;
        }
    }
    /* A moment at which the machine stood still counts for whoever had the processor: until it evens out. */
    int fair = 0;
    for (int i = 0; i < 300 && !fair; i++) {
        nt_sleep_ms(i == 0 ? 1000 : 100);
        fair = work[0] > work[8] * 3;
    }
    EXPECT_TRUE(fair);
    for (int i = 0; i < 2; i++) {
        kill(pid[i], SIGKILL);
        EXPECT_KILLED(pid[i], SIGKILL);
    }
}

TEST(equal_processes_share_one_cpu_fairly)
{
    volatile long *work = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long mask = 1;
    pid_t pid[4];
    EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, &mask));
    for (int i = 0; i < 4; i++) {
        pid[i] = nt_fork();
        if (pid[i] == 0)
            for (;;)
                work[i * 8]++;
    }
    /* A moment at which the machine stood still counts for whoever had the processor: until it evens out. */
    int fair = 0;
    for (int i = 0; i < 300 && !fair; i++) {
        long least = LONG_MAX, most = 0;
        nt_sleep_ms(i == 0 ? 1000 : 100);
        for (int k = 0; k < 4; k++) {
            long done = work[k * 8];
            least = done < least ? done : least;
            most = done > most ? done : most;
        }
        fair = least > 0 && most < least * 4;
    }
    EXPECT_TRUE(fair);
    for (int i = 0; i < 4; i++) {
        kill(pid[i], SIGKILL);
        EXPECT_KILLED(pid[i], SIGKILL);
    }
}

TEST(attributes_are_set_and_read)
{
    struct attr a = { .size = sizeof a, .policy = SCHED_BATCH, .nice = 7 }, got;
    EXPECT_OK(syscall(SYS_sched_setattr, 0, &a, 0));
    memset(&got, 0xff, sizeof got);
    EXPECT_OK(syscall(SYS_sched_getattr, 0, &got, sizeof got, 0));
    EXPECT_EQ(got.size, sizeof got);
    EXPECT_EQ(got.policy, SCHED_BATCH);
    EXPECT_EQ(got.nice, 7);
    EXPECT_EQ(got.priority, 0);
    EXPECT_EQ(got.flags, 0);
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 13);
    a = (struct attr){ .size = sizeof a, .flags = 0x08 /* keep the policy */, .nice = 9 };
    EXPECT_OK(syscall(SYS_sched_setattr, 0, &a, 0));
    EXPECT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_BATCH);
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 11);
}

TEST(attributes_check_size_flags_and_pointers)
{
    struct {
        struct attr a;
        uint64_t more[4];
    } big = { .a = { .size = sizeof big, .policy = SCHED_OTHER } };
    EXPECT_OK(syscall(SYS_sched_setattr, 0, &big, 0));
    big.more[3] = 1;
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 0), E2BIG);
    EXPECT_EQ(big.a.size, 56);
    big.a = (struct attr){ .size = 47 };
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 0), E2BIG);
    EXPECT_EQ(big.a.size, 56);
    big.a = (struct attr){ .size = sizeof big.a, .policy = 99 };
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 0), EINVAL);
    big.a = (struct attr){ .size = sizeof big.a, .flags = 1 << 20 };
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 0), EINVAL);
    big.a = (struct attr){ .size = sizeof big.a, .flags = 0x20 };
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 0), EINVAL);
    big.a = (struct attr){ .size = sizeof big.a };
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, &big, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0, NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_sched_setattr, 0x3ffffff, &big, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_sched_getattr, 0, &big, 47, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getattr, 0, &big, 48, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sched_getattr, 0, NT_BAD, 48, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_sched_getattr, 0x3ffffff, &big, 48, 0), ESRCH);
}

TEST(reset_on_fork_gives_children_an_ordinary_nice_value)
{
    struct sched_param p = { 0 };
    EXPECT_OK(setpriority(PRIO_PROCESS, 0, -5));
    EXPECT_OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | 0x40000000, &p));
    EXPECT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER | 0x40000000);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
        EXPECT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 25);
}

TEST(users_get_no_real_time_and_do_not_leave_the_idle_policy_upwards)
{
    struct sched_param one = { .sched_priority = 1 }, zero = { 0 };
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &one), EPERM);
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &one), EPERM);
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &zero), EINVAL);
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, 6 /* SCHED_DEADLINE */, &zero), EINVAL);
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, getppid(), SCHED_BATCH, &zero), EPERM);
        EXPECT_OK(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &zero));
        EXPECT_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &zero), EPERM);
        EXPECT_OK(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &zero));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(nice_limit_lets_users_back_up_to_it)
{
    struct rlimit limit = { 25, 25 };
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setrlimit(RLIMIT_NICE, &limit));
        ASSERT_OK(setuid(1000));
        EXPECT_OK(setpriority(PRIO_PROCESS, 0, 10));
        EXPECT_OK(setpriority(PRIO_PROCESS, 0, -5));
        EXPECT_ERRNO(setpriority(PRIO_PROCESS, 0, -6), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(priority_of_a_user_is_the_best_of_all_its_threads)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1234));
        EXPECT_OK(setpriority(PRIO_USER, 0, 3));
        EXPECT_EQ(syscall(SYS_getpriority, PRIO_USER, 1234), 17);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(syscall(SYS_getpriority, PRIO_USER, 1234), ESRCH);
    EXPECT_ERRNO(setpriority(PRIO_USER, 1234, 0), ESRCH);
}
