/* sigaction and its flags, masks, default actions, kill's permissions. */
#include "nacre_test.h"
#include <ucontext.h>

static volatile sig_atomic_t hits, nested, depth, max_depth, last_signal;
static volatile siginfo_t last_info;
static volatile uintptr_t last_stack;

static void count(int signo)
{
    hits++;
    last_signal = signo;
}

static void note(int signo, siginfo_t *info, NT_UNUSED void *context)
{
    hits++;
    last_signal = signo;
    last_info = *info;
}

static void handle(int signo, void (*handler)(int), int flags)
{
    struct sigaction act = { 0 };
    act.sa_handler = handler;
    act.sa_flags = flags;
    ASSERT_OK(sigaction(signo, &act, NULL));
}

static void handle_info(int signo, int flags)
{
    struct sigaction act = { 0 };
    act.sa_sigaction = note;
    act.sa_flags = SA_SIGINFO | flags;
    ASSERT_OK(sigaction(signo, &act, NULL));
}

TEST(sigaction_returns_the_old_action)
{
    struct sigaction old;
    handle(SIGUSR1, count, SA_RESTART);
    EXPECT_OK(sigaction(SIGUSR1, NULL, &old));
    EXPECT_TRUE(old.sa_handler == count);
    EXPECT_EQ(old.sa_flags & SA_RESTART, SA_RESTART);
    EXPECT_EQ(old.sa_flags & (SA_NODEFER | SA_RESETHAND), 0);
}

TEST(sigaction_refuses_kill_stop_and_bad_numbers)
{
    struct sigaction act = { 0 };
    act.sa_handler = count;
    EXPECT_ERRNO(sigaction(SIGKILL, &act, NULL), EINVAL);
    EXPECT_ERRNO(sigaction(SIGSTOP, &act, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NT_BAD, NULL, 8), EFAULT);
    EXPECT_OK(sigaction(SIGKILL, NULL, &act));
}

TEST(handler_runs_before_kill_to_self_returns)
{
    handle(SIGUSR1, count, 0);
    EXPECT_OK(kill(getpid(), SIGUSR1));
    EXPECT_EQ(hits, 1);
    EXPECT_OK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
    EXPECT_EQ(hits, 2);
    EXPECT_EQ(last_signal, SIGUSR1);
}

static void recurse(int signo)
{
    if (++depth > max_depth)
        max_depth = depth;
    if (++hits < 3)
        raise(signo);
    depth--;
}

TEST(handler_blocks_its_own_signal)
{
    handle(SIGUSR1, recurse, 0);
    raise(SIGUSR1);
    EXPECT_EQ(hits, 3);
    EXPECT_EQ(max_depth, 1);
}

TEST(handler_with_nodefer_nests)
{
    handle(SIGUSR1, recurse, SA_NODEFER);
    raise(SIGUSR1);
    EXPECT_EQ(hits, 3);
    EXPECT_EQ(max_depth, 3);
}

TEST(handler_with_resethand_runs_once)
{
    struct sigaction old;
    handle(SIGUSR1, count, SA_RESETHAND);
    raise(SIGUSR1);
    EXPECT_EQ(hits, 1);
    sigaction(SIGUSR1, NULL, &old);
    EXPECT_TRUE(old.sa_handler == SIG_DFL);
}

static void raise_usr2(NT_UNUSED int signo)
{
    raise(SIGUSR2);
    nested = hits;
}

TEST(handler_mask_holds_back_other_signals_until_it_returns)
{
    struct sigaction act = { 0 };
    handle(SIGUSR2, count, 0);
    act.sa_handler = raise_usr2;
    sigaddset(&act.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &act, NULL);
    nested = -1;
    raise(SIGUSR1);
    EXPECT_EQ(nested, 0);
    EXPECT_EQ(hits, 1);
}

TEST(handler_is_interrupted_by_other_signals)
{
    handle(SIGUSR2, count, 0);
    handle(SIGUSR1, raise_usr2, 0);
    raise(SIGUSR1);
    EXPECT_EQ(nested, 1);
}

TEST(mask_is_restored_after_the_handler)
{
    sigset_t before, after;
    handle(SIGUSR1, count, 0);
    sigprocmask(SIG_BLOCK, NULL, &before);
    raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &after);
    EXPECT_MEMEQ(&after, &before, 8);
}

TEST(siginfo_of_kill_names_the_sender)
{
    handle_info(SIGUSR1, 0);
    kill(getpid(), SIGUSR1);
    EXPECT_EQ(last_info.si_signo, SIGUSR1);
    EXPECT_EQ(last_info.si_code, SI_USER);
    EXPECT_EQ(last_info.si_pid, getpid());
    EXPECT_EQ(last_info.si_uid, getuid());
    syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
    EXPECT_EQ(last_info.si_code, SI_TKILL);
}

TEST(sigprocmask_blocks_unblocks_and_sets)
{
    uint64_t set = 1UL << (SIGUSR1 - 1), old = 0, other = 1UL << (SIGUSR2 - 1);
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8));
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &other, &old, 8));
    EXPECT_EQ(old, set);
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &old, 8));
    EXPECT_EQ(old, set | other);
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8));
    EXPECT_EQ(old, other);
}

TEST(sigprocmask_checks_how_size_and_pointers)
{
    uint64_t set = 0;
    EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, 99, &set, NULL, 8), EINVAL);
    EXPECT_OK(syscall(SYS_rt_sigprocmask, 99, NULL, NULL, 8));
    EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NT_BAD, NULL, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NT_BAD, 8), EFAULT);
}

TEST(kill_and_stop_cannot_be_blocked)
{
    uint64_t all = ~0UL, old = 0;
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
    EXPECT_OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &old, 8));
    EXPECT_EQ(old, ~((1UL << (SIGKILL - 1)) | (1UL << (SIGSTOP - 1))));
}

TEST(blocked_signal_is_pending_once_and_comes_on_unblock)
{
    sigset_t set, pending;
    handle(SIGUSR1, count, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_EQ(hits, 0);
    EXPECT_OK(sigpending(&pending));
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    EXPECT_EQ(hits, 1);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
}

TEST(ignoring_a_pending_signal_discards_it)
{
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
}

TEST(default_action_terminates_or_ignores_by_signal)
{
    static const int killing[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM,
                                   SIGTERM, SIGUSR1, SIGUSR2, SIGBUS, SIGTRAP, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF,
                                   SIGIO, SIGPWR, SIGSYS, SIGSTKFLT, 34, 64 };
    static const int ignored[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
    for (size_t i = 0; i < sizeof killing / sizeof *killing; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            syscall(SYS_tgkill, getpid(), getpid(), killing[i]);
            _exit(0);
        }
        EXPECT_KILLED(pid, killing[i]);
    }
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            raise(ignored[i]);
            _exit(0);
        }
        EXPECT_EXIT(pid, 0);
    }
}

TEST(ignored_signal_does_not_interrupt_a_wait)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGUSR1, SIG_IGN);
        EXPECT_EQ(read(p[0], &c, 1), 1);
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    nt_sleep_ms(20);
    write(p[1], "x", 1);
    EXPECT_EXIT(pid, 0);
}

TEST(kill_checks_number_and_target)
{
    EXPECT_OK(kill(getpid(), 0));
    EXPECT_ERRNO(kill(getpid(), 65), EINVAL);
    EXPECT_ERRNO(kill(getpid(), -1), EINVAL);
    EXPECT_ERRNO(kill(0x3ffffff, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_kill, 0x80000000, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_tgkill, -1, 1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_tgkill, getpid(), 1, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_tkill, -5, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_tkill, 0x3ffffff, 0), ESRCH);
}

TEST(kill_needs_the_same_user)
{
    pid_t victim = nt_fork();
    if (victim == 0)
        for (;;)
            pause();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1234));
        EXPECT_ERRNO(kill(victim, SIGTERM), EPERM);
        EXPECT_ERRNO(kill(victim, 0), EPERM);
        EXPECT_ERRNO(syscall(SYS_tgkill, victim, victim, SIGTERM), EPERM);
        EXPECT_OK(kill(getpid(), 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(waitpid(victim, NULL, WNOHANG), 0);
    kill(victim, SIGKILL);
    EXPECT_KILLED(victim, SIGKILL);
}

TEST(sigcont_may_be_sent_within_the_session_by_any_user)
{
    pid_t victim = nt_fork();
    if (victim == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    EXPECT_EQ(waitpid(victim, NULL, WUNTRACED), victim);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1234));
        EXPECT_OK(kill(victim, SIGCONT));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EXIT(victim, 0);
}

TEST(sigchld_ignored_reaps_children_at_once)
{
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(1);
    EXPECT_ERRNO(waitpid(pid, NULL, 0), ECHILD);
}

TEST(nocldwait_reaps_children_but_still_signals)
{
    handle(SIGCHLD, count, SA_NOCLDWAIT);
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(1);
    pid_t got;
    do
        got = waitpid(pid, NULL, 0);
    while (got == -1 && errno == EINTR);
    EXPECT_TRUE(got == -1 && errno == ECHILD);
    EXPECT_EQ(hits, 1);
}

TEST(nocldstop_silences_stops_only)
{
    handle_info(SIGCHLD, SA_NOCLDSTOP | SA_RESTART);
    pid_t pid = nt_fork();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    EXPECT_EQ(hits, 0);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(last_info.si_code, CLD_EXITED);
}

TEST(sigchld_tells_stop_and_continue)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_STOPPED);
    EXPECT_EQ(info.si_status, SIGSTOP);
    kill(pid, SIGCONT);
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_CONTINUED);
    kill(pid, SIGKILL);
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_KILLED);
    EXPECT_EQ(info.si_status, SIGKILL);
}

TEST(broadcast_kill_spares_the_sender_and_init)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(4321));
        pid_t a = nt_fork();
        if (a == 0)
            for (;;)
                pause();
        EXPECT_OK(kill(-1, SIGUSR1));
        EXPECT_KILLED(a, SIGUSR1);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
