/* Queued and synchronous signals: sigqueue, order, sigtimedwait, sigsuspend, pause, stop and continue. */
#include "nacre_test.h"

static volatile sig_atomic_t order[16], seen;

static void record(int signo)
{
    if (seen < 16)
        order[seen++] = signo;
}

static sigset_t block(int a, int b, int c)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    if (b)
        sigaddset(&set, b);
    if (c)
        sigaddset(&set, c);
    ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return set;
}

static int take(const sigset_t *set, siginfo_t *info)
{
    struct timespec none = { 0, 0 };
    return sigtimedwait(set, info, &none);
}

TEST(sigqueue_carries_a_value)
{
    siginfo_t info;
    sigset_t set = block(SIGUSR1, 0, 0);
    union sigval value = { .sival_ptr = (void *)0x123456789abcUL };
    EXPECT_OK(sigqueue(getpid(), SIGUSR1, value));
    EXPECT_EQ(take(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_QUEUE);
    EXPECT_EQ((uintptr_t)info.si_value.sival_ptr, 0x123456789abcUL);
    EXPECT_EQ(info.si_pid, getpid());
    EXPECT_EQ(info.si_uid, getuid());
}

TEST(realtime_signals_queue_and_keep_their_order)
{
    siginfo_t info;
    sigset_t set = block(SIGRTMIN, 0, 0);
    for (int i = 0; i < 10; i++)
        EXPECT_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }));
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(take(&set, &info), SIGRTMIN);
        EXPECT_EQ(info.si_value.sival_int, i);
    }
    EXPECT_ERRNO(take(&set, &info), EAGAIN);
}

TEST(standard_signals_do_not_queue_and_keep_the_first_value)
{
    siginfo_t info;
    sigset_t set = block(SIGUSR1, 0, 0);
    EXPECT_OK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 1 }));
    EXPECT_OK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 2 }));
    EXPECT_EQ(take(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_value.sival_int, 1);
    EXPECT_ERRNO(take(&set, &info), EAGAIN);
}

TEST(lower_numbers_are_taken_first)
{
    siginfo_t info;
    sigset_t set = block(SIGRTMIN + 1, SIGRTMIN, SIGUSR2);
    raise(SIGRTMIN + 1);
    raise(SIGRTMIN);
    raise(SIGUSR2);
    EXPECT_EQ(take(&set, &info), SIGUSR2);
    EXPECT_EQ(take(&set, &info), SIGRTMIN);
    EXPECT_EQ(take(&set, &info), SIGRTMIN + 1);
}

TEST(unblocking_several_runs_the_lowest_number_first)
{
    struct sigaction act = { 0 };
    act.sa_handler = record;
    sigfillset(&act.sa_mask);
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGUSR2, &act, NULL);
    sigaction(SIGRTMIN, &act, NULL);
    sigset_t set = block(SIGUSR1, SIGUSR2, SIGRTMIN);
    kill(getpid(), SIGRTMIN);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    EXPECT_EQ(seen, 3);
    EXPECT_EQ(order[0], SIGUSR1);
    EXPECT_EQ(order[1], SIGUSR2);
    EXPECT_EQ(order[2], SIGRTMIN);
}

TEST(thread_directed_signals_come_before_process_directed_ones)
{
    siginfo_t info;
    sigset_t set = block(SIGUSR1, SIGUSR2, 0);
    kill(getpid(), SIGUSR1);
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2);
    EXPECT_EQ(take(&set, &info), SIGUSR2);
    EXPECT_EQ(info.si_code, SI_TKILL);
    EXPECT_EQ(take(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_code, SI_USER);
}

TEST(sigqueueinfo_may_not_pose_as_the_kernel_towards_others)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_USER;
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
    info.si_code = SI_TKILL;
    EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
    EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, NT_BAD), EFAULT);
    info.si_code = SI_QUEUE;
    EXPECT_OK(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info));
    EXPECT_KILLED(pid, SIGUSR1);
}

TEST(tgsigqueueinfo_reaches_the_thread)
{
    siginfo_t info;
    sigset_t set = block(SIGUSR1, 0, 0);
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 17;
    EXPECT_OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
    EXPECT_EQ(take(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_value.sival_int, 17);
    EXPECT_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), 1, SIGUSR1, &info), ESRCH);
}

TEST(sigtimedwait_times_out_with_eagain)
{
    struct timespec t = { 0, 20000000 }, before, after;
    sigset_t set = block(SIGUSR1, 0, 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    EXPECT_ERRNO(sigtimedwait(&set, NULL, &t), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &after);
    EXPECT_TRUE((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >= 20000000);
}

TEST(sigtimedwait_checks_timeout_size_and_pointers)
{
    struct timespec bad = { 0, 1000000000 }, minus = { -1, 0 };
    uint64_t set = 1;
    EXPECT_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &bad, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &minus, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 4), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigtimedwait, NT_BAD, NULL, NULL, 8), EFAULT);
}

TEST(sigtimedwait_is_interrupted_by_another_handler)
{
    signal(SIGUSR2, record);
    sigset_t set = block(SIGUSR1, 0, 0);
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        nt_await_state(parent, 'S');
        kill(parent, SIGUSR2);
        _exit(0);
    }
    struct timespec limit = { 20, 0 };
    EXPECT_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &limit, 8), EINTR);
    EXPECT_EQ(seen, 1);
    EXPECT_EXIT(pid, 0);
}

TEST(sigsuspend_swaps_the_mask_and_returns_eintr)
{
    sigset_t none, now;
    struct sigaction act = { 0 };
    act.sa_handler = record;
    act.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &act, NULL);
    block(SIGUSR1, 0, 0);
    raise(SIGUSR1);
    EXPECT_EQ(seen, 0);
    sigemptyset(&none);
    EXPECT_ERRNO(sigsuspend(&none), EINTR);
    EXPECT_EQ(seen, 1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
    EXPECT_ERRNO(syscall(SYS_rt_sigsuspend, NT_BAD, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_rt_sigsuspend, &none, 4), EINVAL);
}

TEST(stop_freezes_and_cont_resumes)
{
    volatile long *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            ++*counter;
    while (*counter == 0)
        nt_sleep_ms(1);
    kill(pid, SIGSTOP);
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    long then = *counter;
    nt_sleep_ms(30);
    EXPECT_EQ(*counter, then);
    kill(pid, SIGCONT);
    for (int i = 0; i < 60000 && *counter == then; i++)
        nt_sleep_ms(1);
    EXPECT_TRUE(*counter != then);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(stopped_process_holds_signals_until_cont_but_dies_of_kill)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    kill(pid, SIGTERM);
    nt_sleep_ms(10);
    EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGCONT);
    EXPECT_KILLED(pid, SIGTERM);
    pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(cont_and_stop_cancel_each_other_when_pending)
{
    sigset_t pending;
    block(SIGTSTP, SIGCONT, 0);
    raise(SIGTSTP);
    raise(SIGCONT);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGTSTP), 0);
    EXPECT_EQ(sigismember(&pending, SIGCONT), 1);
    raise(SIGTSTP);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGCONT), 0);
    EXPECT_EQ(sigismember(&pending, SIGTSTP), 1);
}

TEST(sigcont_handler_runs_after_the_stop)
{
    int status;
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGCONT, record);
        raise(SIGSTOP);
        _exit(seen == 1 ? 12 : 13);
    }
    EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 12);
}

TEST(queue_limit_gives_eagain)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    block(SIGRTMIN, 0, 0);
    struct { unsigned long cur, max; } limit = { 5, 5 };
    ASSERT_OK(syscall(SYS_prlimit64, 0, 11 /* RLIMIT_SIGPENDING */, &limit, NULL));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(2345));
        for (int i = 0; i < 5; i++)
            EXPECT_OK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info));
        EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info), EAGAIN);
        EXPECT_OK(kill(getpid(), SIGRTMIN + 1) == -1 ? -1 : 0);
        nt_done();
    }
    EXPECT_KILLED(pid, SIGRTMIN + 1);
}
