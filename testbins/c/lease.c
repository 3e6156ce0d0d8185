/* Leases, and signals about directories (man 2 fcntl, "Leases" and "File and directory change notification"). */
#include "nacre_test.h"
#include <poll.h>

static sigset_t blocked;

static void block(void)
{
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGIO);
    sigaddset(&blocked, SIGUSR1);
    ASSERT_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
}

/* The signal that is pending now, or 0. */
static int pending(siginfo_t *info)
{
    struct timespec none = { 0, 0 };
    int signo = sigtimedwait(&blocked, info, &none);
    return signo == -1 ? 0 : signo;
}

/* A file of one byte, opened, in a folder of its own; the signals that tell of it are blocked. */
static int leasable(int flags)
{
    nt_dir();
    nt_put("f", "x");
    block();
    return ASSERT_OK(open("f", flags));
}

TEST(lease_is_taken_changed_and_given_up)
{
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_WRLCK);
    EXPECT_EQ(fcntl(fd, F_GETOWN), getpid());
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    EXPECT_EQ(fcntl(fd, F_GETOWN), 0);
}

TEST(lease_errors)
{
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_RDWR)), dir = ASSERT_OK(open(".", O_RDONLY));
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, 3), EINVAL);
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, -1), EINVAL);
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EXPECT_OK(close(open("f", O_RDONLY)));
    int other = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
    close(other);
    EXPECT_ERRNO(fcntl(dir, F_SETLEASE, F_RDLCK), EINVAL);
    EXPECT_ERRNO(fcntl(open("f", O_PATH), F_SETLEASE, F_RDLCK), EBADF);
    EXPECT_OK(fchmod(fd, 0666));
    close(fd);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(fcntl(ASSERT_OK(open("f", O_RDONLY)), F_SETLEASE, F_RDLCK), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(lease_to_read_is_broken_by_a_writer)
{
    siginfo_t info;
    int fd = leasable(O_RDONLY);
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    EXPECT_OK(close(open("f", O_RDONLY)));
    EXPECT_EQ(pending(&info), 0);
    EXPECT_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EAGAIN);
    EXPECT_EQ(pending(&info), SIGIO);
    EXPECT_EQ(info.si_code, SI_KERNEL);
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    EXPECT_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EAGAIN);
    EXPECT_EQ(pending(&info), 0);
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EXPECT_OK(close(open("f", O_WRONLY | O_NONBLOCK)));
}

TEST(lease_to_write_becomes_one_to_read_for_a_reader)
{
    siginfo_t info;
    int fd = leasable(O_RDWR);
    ASSERT_OK(fcntl(fd, F_SETSIG, SIGUSR1));
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    EXPECT_ERRNO(open("f", O_RDONLY | O_NONBLOCK), EAGAIN);
    EXPECT_EQ(pending(&info), SIGUSR1);
    EXPECT_EQ(info.si_code, POLL_MSG);
    EXPECT_EQ(info.si_fd, fd);
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
    EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EXPECT_OK(close(open("f", O_RDONLY | O_NONBLOCK)));
}

TEST(lease_broken_by_one_who_waits)
{
    siginfo_t info;
    int fd = leasable(O_RDONLY);
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    for (int way = 0; way < 2; way++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            if (way == 0)
                EXPECT_OK(open("f", O_WRONLY));
            else
                EXPECT_OK(truncate("f", 0));
            nt_done();
        }
        EXPECT_EQ(sigwaitinfo(&blocked, &info), SIGIO);
        nt_await_state(pid, 'S');
        struct stat st;
        ASSERT_OK(fstat(fd, &st));
        EXPECT_EQ(st.st_size, 1);
        EXPECT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
        EXPECT_EXIT(pid, 0);
        ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    }
}

TEST(lease_ends_with_its_file)
{
    nt_dir();
    nt_put("f", "x");
    block();
    int fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    close(fd);
    EXPECT_OK(close(open("f", O_WRONLY | O_NONBLOCK)));
}

TEST(lease_wait_is_interrupted)
{
    siginfo_t info;
    int fd = leasable(O_RDONLY);
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(open("f", O_WRONLY));
        nt_done();
    }
    EXPECT_EQ(sigwaitinfo(&blocked, &info), SIGIO);
    nt_await_state(pid, 'S');
    kill(pid, SIGTERM);
    EXPECT_KILLED(pid, SIGTERM);
}

TEST(directory_tells_once_what_happens_in_it)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    block();
    siginfo_t info;
    int fd = ASSERT_OK(open("d", O_RDONLY));
    ASSERT_OK(fcntl(fd, F_SETSIG, SIGUSR1));
    ASSERT_OK(fcntl(fd, F_NOTIFY, DN_CREATE));
    nt_put("d/a", "x");
    EXPECT_EQ(pending(&info), SIGUSR1);
    EXPECT_EQ(info.si_fd, fd);
    EXPECT_EQ(info.si_code, POLL_MSG);
    nt_put("d/b", "x");
    EXPECT_EQ(pending(&info), 0);
}

TEST(directory_tells_many_times_of_what_was_asked_for)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    block();
    siginfo_t info;
    int fd = ASSERT_OK(open("d", O_RDONLY));
    ASSERT_OK(fcntl(fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT));
    nt_put("d/a", "x");
    EXPECT_EQ(pending(&info), 0);
    EXPECT_OK(unlink("d/a"));
    EXPECT_EQ(pending(&info), SIGIO);
    nt_put("d/a", "x");
    EXPECT_OK(unlink("d/a"));
    EXPECT_EQ(pending(&info), SIGIO);
    EXPECT_OK(fcntl(fd, F_NOTIFY, DN_MODIFY | DN_ATTRIB | DN_RENAME | DN_MULTISHOT));
    nt_put("d/a", "x");
    EXPECT_EQ(pending(&info), SIGIO);
    EXPECT_OK(chmod("d/a", 0600));
    EXPECT_EQ(pending(&info), SIGIO);
    EXPECT_OK(rename("d/a", "d/b"));
    EXPECT_EQ(pending(&info), SIGIO);
    EXPECT_OK(fcntl(fd, F_NOTIFY, 0));
    EXPECT_OK(unlink("d/b"));
    EXPECT_EQ(pending(&info), 0);
}

TEST(directory_signals_end_with_the_descriptor)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    block();
    siginfo_t info;
    int fd = ASSERT_OK(open("d", O_RDONLY));
    ASSERT_OK(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
    close(fd);
    nt_put("d/a", "x");
    EXPECT_EQ(pending(&info), 0);
    nt_put("f", "x");
    EXPECT_ERRNO(fcntl(ASSERT_OK(open("f", O_RDONLY)), F_NOTIFY, DN_CREATE), ENOTDIR);
}
