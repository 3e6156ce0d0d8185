/* wait4, waitid, exit status, orphans, pidfds. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static pid_t exits_with(int code)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(code);
    return pid;
}

static pid_t sleeps(void)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

TEST(wait_gives_the_low_eight_bits_of_the_exit_status)
{
    int status;
    pid_t pid = exits_with(0x1ff);
    EXPECT_EQ(wait4(pid, &status, 0, NULL), pid);
    EXPECT_EQ(status, 0xff00);
}

TEST(wait_tells_the_killing_signal_without_a_core_bit)
{
    int status;
    pid_t pid = sleeps();
    EXPECT_OK(kill(pid, SIGTERM));
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, SIGTERM);
}

TEST(wait_without_children_is_echild)
{
    EXPECT_ERRNO(wait(NULL), ECHILD);
    EXPECT_ERRNO(waitpid(1, NULL, 0), ECHILD);
    EXPECT_ERRNO(waitpid(getpid(), NULL, WNOHANG), ECHILD);
}

TEST(wait_nohang_returns_zero_while_children_run)
{
    pid_t pid = sleeps();
    EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_ERRNO(waitpid(pid, NULL, WNOHANG), ECHILD);
}

TEST(wait_refuses_unknown_options_and_int_min)
{
    EXPECT_ERRNO(syscall(SYS_wait4, -1, NULL, 0x100, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_wait4, 0x80000000, NULL, 0, NULL), ESRCH);
}

TEST(wait_bad_status_pointer_is_efault_after_reaping)
{
    pid_t pid = exits_with(0);
    EXPECT_ERRNO(syscall(SYS_wait4, pid, NT_BAD, 0, NULL), EFAULT);
    EXPECT_ERRNO(waitpid(pid, NULL, 0), ECHILD);
}

TEST(wait_by_process_group)
{
    int status;
    pid_t a = exits_with(1);
    pid_t b = nt_fork();
    if (b == 0) {
        setpgid(0, 0);
        _exit(2);
    }
    setpgid(b, b);
    EXPECT_EQ(waitpid(-b, &status, 0), b);
    EXPECT_EQ(WEXITSTATUS(status), 2);
    EXPECT_EQ(waitpid(0, &status, 0), a);
    EXPECT_ERRNO(waitpid(-b, &status, 0), ECHILD);
}

TEST(wait_reports_stop_and_continue_when_asked)
{
    int status;
    pid_t pid = sleeps();
    kill(pid, SIGSTOP);
    EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    EXPECT_EQ(status, 0x137f);
    EXPECT_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
    kill(pid, SIGCONT);
    EXPECT_EQ(waitpid(pid, &status, WCONTINUED), pid);
    EXPECT_EQ(status, 0xffff);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(wait_without_untraced_does_not_see_a_stop)
{
    pid_t pid = sleeps();
    kill(pid, SIGSTOP);
    nt_await_state(pid, 'T');
    EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(waitid_fills_siginfo_for_an_exit)
{
    siginfo_t info;
    memset(&info, 0xff, sizeof info);
    pid_t pid = exits_with(300);
    EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED), 0);
    EXPECT_EQ(info.si_signo, SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_EXITED);
    EXPECT_EQ(info.si_pid, pid);
    EXPECT_EQ(info.si_uid, getuid());
    EXPECT_EQ(info.si_status, 300 & 0xff);
    EXPECT_EQ(info.si_errno, 0);
}

TEST(waitid_nowait_leaves_the_zombie)
{
    siginfo_t info;
    pid_t pid = exits_with(4);
    EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(info.si_pid, pid);
    EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    EXPECT_EXIT(pid, 4);
}

TEST(waitid_nohang_with_nothing_to_tell_clears_pid)
{
    siginfo_t info;
    pid_t pid = sleeps();
    memset(&info, 0xff, sizeof info);
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
    EXPECT_EQ(info.si_pid, 0);
    EXPECT_EQ(info.si_signo, 0);
    kill(pid, SIGKILL);
    EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED), 0);
    EXPECT_EQ(info.si_code, CLD_KILLED);
    EXPECT_EQ(info.si_status, SIGKILL);
}

TEST(waitid_stopped_and_continued_codes)
{
    siginfo_t info;
    pid_t pid = sleeps();
    kill(pid, SIGSTOP);
    EXPECT_EQ(waitid(P_PID, pid, &info, WSTOPPED), 0);
    EXPECT_EQ(info.si_code, CLD_STOPPED);
    EXPECT_EQ(info.si_status, SIGSTOP);
    kill(pid, SIGCONT);
    EXPECT_EQ(waitid(P_PID, pid, &info, WCONTINUED), 0);
    EXPECT_EQ(info.si_code, CLD_CONTINUED);
    EXPECT_EQ(info.si_status, SIGCONT);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(waitid_needs_a_kind_of_event_and_a_known_id_type)
{
    siginfo_t info;
    EXPECT_ERRNO(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    EXPECT_ERRNO(waitid((idtype_t)9, 0, &info, WEXITED), EINVAL);
    EXPECT_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    EXPECT_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

TEST(wait4_gives_the_childs_resource_use)
{
    struct rusage use;
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct timespec t;
        do
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        while (t.tv_nsec < 100000000 && t.tv_sec == 0);
        _exit(0);
    }
    memset(&use, 0, sizeof use);
    EXPECT_EQ(wait4(pid, NULL, 0, &use), pid);
    long micros = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
    EXPECT_TRUE(micros >= 50000);
    EXPECT_OK(getrusage(RUSAGE_CHILDREN, &use));
    EXPECT_TRUE(use.ru_utime.tv_usec + use.ru_stime.tv_usec + use.ru_utime.tv_sec + use.ru_stime.tv_sec > 0);
}

TEST(exit_sends_sigchld_with_the_story)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t pid = exits_with(11);
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_EXITED);
    EXPECT_EQ(info.si_pid, pid);
    EXPECT_EQ(info.si_status, 11);
    EXPECT_EXIT(pid, 11);
}

TEST(zombie_keeps_its_pid_and_takes_signals_in_silence)
{
    siginfo_t info;
    pid_t pid = exits_with(0);
    EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    nt_await_state(pid, 'Z');
    EXPECT_OK(kill(pid, 0));
    EXPECT_OK(kill(pid, SIGKILL));
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(kill(pid, 0), ESRCH);
}

TEST(orphan_goes_to_init)
{
    int p[2];
    pid_t parent_now = -1;
    ASSERT_OK(pipe(p));
    pid_t middle = nt_fork();
    if (middle == 0) {
        pid_t me = getpid();
        if (fork() == 0) {
            while (getppid() == me)
                nt_sleep_ms(5);
            parent_now = getppid();
            write(p[1], &parent_now, sizeof parent_now);
            _exit(0);
        }
        _exit(0);
    }
    EXPECT_EXIT(middle, 0);
    EXPECT_EQ(read(p[0], &parent_now, sizeof parent_now), (long)sizeof parent_now);
    EXPECT_EQ(parent_now, 1);
}

TEST(orphan_goes_to_the_nearest_subreaper)
{
    int on = 0, status;
    EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    EXPECT_OK(prctl(PR_GET_CHILD_SUBREAPER, &on));
    EXPECT_EQ(on, 1);
    pid_t middle = nt_fork();
    if (middle == 0) {
        pid_t me = getpid();
        if (fork() == 0) {
            while (getppid() == me)
                nt_sleep_ms(5);
            _exit(33);
        }
        _exit(0);
    }
    EXPECT_EXIT(middle, 0);
    EXPECT_TRUE(wait(&status) > 0);
    EXPECT_EQ(WEXITSTATUS(status), 33);
}

TEST(pdeathsig_comes_when_the_parent_dies)
{
    int p[2], got = 0;
    ASSERT_OK(pipe(p));
    pid_t middle = nt_fork();
    if (middle == 0) {
        int ready[2];
        char c;
        pipe(ready);
        if (fork() == 0) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR2);
            sigprocmask(SIG_BLOCK, &set, NULL);
            prctl(PR_SET_PDEATHSIG, SIGUSR2);
            write(ready[1], "r", 1);
            got = sigwaitinfo(&set, NULL);
            write(p[1], &got, sizeof got);
            _exit(0);
        }
        read(ready[0], &c, 1);
        _exit(0);
    }
    EXPECT_EXIT(middle, 0);
    EXPECT_EQ(read(p[0], &got, sizeof got), (long)sizeof got);
    EXPECT_EQ(got, SIGUSR2);
    EXPECT_ERRNO(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
}

TEST(pidfd_polls_readable_when_the_process_ends)
{
    pid_t pid = sleeps();
    int fd = ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
    struct pollfd p = { fd, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 0);
    EXPECT_OK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    EXPECT_EQ(poll(&p, 1, -1), 1);
    EXPECT_EQ(p.revents & POLLIN, POLLIN);
    siginfo_t info;
    EXPECT_EQ(waitid(P_PIDFD, fd, &info, WEXITED), 0);
    EXPECT_EQ(info.si_pid, pid);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}

TEST(pidfd_open_refuses_strangers_and_flags)
{
    EXPECT_ERRNO(syscall(SYS_pidfd_open, 0x3ffffff, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_pidfd_open, 0, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pidfd_open, getpid(), 0x1000), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, 1, SIGTERM, NULL, 0), EBADF);
}

TEST(a_directory_of_proc_takes_signals_for_its_process)
{
    char path[64];
    pid_t pid = nt_fork();
    if (pid == 0) {
        pause();
        nt_done();
    }
    snprintf(path, sizeof path, "/proc/%d", pid);
    int fd = ASSERT_OK(open(path, O_RDONLY | O_DIRECTORY));
    EXPECT_OK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, open(path, O_PATH), 0, NULL, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, open("/proc", O_RDONLY), 0, NULL, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, open("/proc/self/task", O_RDONLY), 0, NULL, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, open("/proc/self/stat", O_RDONLY), 0, NULL, 0), EBADF);
    EXPECT_OK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}

TEST(pidfd_getfd_copies_a_descriptor)
{
    int p[2], q;
    char c = 0;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        dup2(p[1], 200);
        raise(SIGSTOP);
        _exit(0);
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    int fd = ASSERT_OK(syscall(SYS_pidfd_open, pid, 0));
    q = ASSERT_OK(syscall(SYS_pidfd_getfd, fd, 200, 0));
    EXPECT_EQ(fcntl(q, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(write(q, "g", 1), 1);
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_ERRNO(syscall(SYS_pidfd_getfd, fd, 999, 0), EBADF);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
}
