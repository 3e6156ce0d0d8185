/* Signals of readiness: owners, F_SETSIG, O_ASYNC. */
#include "nacre_test.h"
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define POLL_IN_ 1
#define POLL_OUT_ 2
#define FIOSETOWN_ 0x8901
#define FIOGETOWN_ 0x8903

static sigset_t blocked(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return set;
}

/* The next of these signals, or -1 when none comes within ms. */
static int next(sigset_t set, siginfo_t *info, int ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
    return sigtimedwait(&set, info, &t);
}

TEST(owner_numbers_are_checked_and_forgotten)
{
    int p[2];
    struct f_owner_ex owner = { 9, getpid() };
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(fcntl(p[0], F_SETOWN, (int)0x80000000), EINVAL);
    EXPECT_ERRNO(fcntl(p[0], F_SETOWN, 99999), ESRCH);
    EXPECT_ERRNO(fcntl(p[0], F_SETOWN_EX, &owner), EINVAL);
    EXPECT_ERRNO(fcntl(p[0], F_SETOWN_EX, NT_BAD), EFAULT);
    EXPECT_OK(fcntl(p[0], F_GETOWN_EX, &owner));
    EXPECT_EQ(owner.type, F_OWNER_TID);
    EXPECT_EQ(owner.pid, 0);
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], F_SETOWN, 0));
    EXPECT_EQ(fcntl(p[0], F_GETOWN), 0);
}

TEST(owner_group_is_a_negative_number)
{
    int p[2];
    struct f_owner_ex owner;
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, -getpgrp()));
    EXPECT_OK(fcntl(p[0], F_GETOWN_EX, &owner));
    EXPECT_EQ(owner.type, F_OWNER_PGRP);
    EXPECT_EQ(owner.pid, getpgrp());
    EXPECT_EQ(fcntl(p[0], F_GETOWN), -getpgrp());
}

TEST(owner_that_is_gone_is_nobody)
{
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        pause();
        nt_done();
    }
    EXPECT_OK(fcntl(p[0], F_SETOWN, pid));
    EXPECT_EQ(fcntl(p[0], F_GETOWN), pid);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_EQ(fcntl(p[0], F_GETOWN), 0);
}

TEST(owner_of_a_socket_by_ioctl)
{
    int s[2], pid = getpid(), got = 0;
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_OK(ioctl(s[0], FIOSETOWN_, &pid));
    EXPECT_OK(ioctl(s[0], FIOGETOWN_, &got));
    EXPECT_EQ(got, pid);
    EXPECT_EQ(fcntl(s[0], F_GETOWN), pid);
}

TEST(owner_uids_are_of_who_set_it)
{
    int p[2];
    unsigned uids[2] = { 5, 5 };
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], 17 /* F_GETOWNER_UIDS */, uids));
    EXPECT_EQ(uids[0], getuid());
    EXPECT_EQ(uids[1], geteuid());
}

TEST(setsig_tells_what_happened_to_which_descriptor)
{
    int p[2];
    char c;
    siginfo_t info;
    sigset_t set = blocked(SIGRTMIN + 1);
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    EXPECT_EQ(fcntl(p[0], F_GETFL) & O_ASYNC, O_ASYNC);
    EXPECT_EQ(next(set, &info, 50), -1);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 5000), SIGRTMIN + 1);
    EXPECT_EQ(info.si_code, POLL_IN_);
    EXPECT_EQ(info.si_fd, p[0]);
    EXPECT_EQ(info.si_band, 0x41);
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_OK(fcntl(p[0], F_SETFL, 0));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 50), -1);
}

TEST(sigio_comes_before_the_write_returns)
{
    int p[2];
    sigset_t pending;
    blocked(SIGIO);
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_OK(sigpending(&pending));
    EXPECT_TRUE(sigismember(&pending, SIGIO));
}

TEST(sigio_tells_a_writer_of_room_and_a_reader_of_the_end)
{
    int p[2];
    static char big[65536];
    siginfo_t info;
    sigset_t set = blocked(SIGRTMIN + 1);
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(fcntl(p[i], F_SETOWN, getpid()));
        EXPECT_OK(fcntl(p[i], F_SETSIG, SIGRTMIN + 1));
    }
    EXPECT_EQ(write(p[1], big, sizeof big), (long)sizeof big);
    EXPECT_OK(fcntl(p[1], F_SETFL, O_ASYNC | O_NONBLOCK));
    EXPECT_EQ(read(p[0], big, sizeof big), (long)sizeof big);
    EXPECT_EQ(next(set, &info, 5000), SIGRTMIN + 1);
    EXPECT_EQ(info.si_code, POLL_OUT_);
    EXPECT_EQ(info.si_fd, p[1]);
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    close(p[1]);
    EXPECT_EQ(next(set, &info, 5000), SIGRTMIN + 1);
    EXPECT_EQ(info.si_fd, p[0]);
}

TEST(sigio_comes_for_sockets_and_by_ioctl)
{
    int s[2], on = 1, off = 0;
    siginfo_t info;
    sigset_t set = blocked(SIGIO);
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_OK(fcntl(s[0], F_SETOWN, getpid()));
    EXPECT_OK(ioctl(s[0], FIOASYNC, &on));
    EXPECT_EQ(fcntl(s[0], F_GETFL) & O_ASYNC, O_ASYNC);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 5000), SIGIO);
    EXPECT_OK(ioctl(s[0], FIOASYNC, &off));
    EXPECT_EQ(fcntl(s[0], F_GETFL) & O_ASYNC, 0);
}

TEST(sigio_reaches_every_process_of_a_group)
{
    int p[2];
    sigset_t set = blocked(SIGIO);
    siginfo_t info;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(next(set, &info, 5000), SIGIO);
        nt_done();
    }
    EXPECT_OK(fcntl(p[0], F_SETOWN, -getpgrp()));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 5000), SIGIO);
    EXPECT_EXIT(pid, 0);
}

TEST(sigio_without_an_owner_goes_to_nobody)
{
    int p[2];
    siginfo_t info;
    sigset_t set = blocked(SIGIO);
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 50), -1);
}

TEST(async_is_ignored_or_refused_where_there_are_no_signals)
{
    int on = 1, off = 0, fd = ASSERT_OK(eventfd(0, 0)), null = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_OK(fcntl(fd, F_SETFL, O_ASYNC));
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_ASYNC, 0);
    EXPECT_OK(fcntl(null, F_SETFL, O_ASYNC));
    EXPECT_EQ(fcntl(null, F_GETFL) & O_ASYNC, 0);
    EXPECT_ERRNO(ioctl(fd, FIOASYNC, &on), ENOTTY);
    EXPECT_OK(ioctl(fd, FIOASYNC, &off));
}

TEST(async_ends_with_the_open_file)
{
    int p[2];
    siginfo_t info;
    sigset_t set = blocked(SIGIO);
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    int copy = ASSERT_OK(dup(p[0]));
    close(p[0]);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(next(set, &info, 5000), SIGIO);
    close(copy);
    signal(SIGPIPE, SIG_IGN);
    EXPECT_ERRNO(write(p[1], "x", 1), EPIPE);
    EXPECT_EQ(next(set, &info, 50), -1);
}
