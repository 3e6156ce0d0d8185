/* Pipes: order, atomicity, blocking, end of file, SIGPIPE, sizes, readiness. */
#include "nacre_test.h"
#include <limits.h>
#include <poll.h>

#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif

static short events_of(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_OK(poll(&p, 1, 0));
    return p.revents;
}

TEST(pipe_carries_bytes_in_order)
{
    int p[2];
    char buf[8];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "abc", 3), 3);
    EXPECT_EQ(write(p[1], "def", 3), 3);
    EXPECT_EQ(read(p[0], buf, 4), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
    EXPECT_EQ(read(p[0], buf, 8), 2);
}

TEST(pipe_ends_have_one_direction)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(read(p[1], &c, 1), EBADF);
    EXPECT_ERRNO(write(p[0], "x", 1), EBADF);
    EXPECT_EQ(fcntl(p[0], F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(fcntl(p[1], F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST(pipe2_sets_flags_and_refuses_unknown_ones)
{
    int p[2];
    EXPECT_OK(pipe2(p, O_CLOEXEC | O_NONBLOCK));
    EXPECT_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(p[1], F_GETFD), FD_CLOEXEC);
    EXPECT_TRUE(fcntl(p[0], F_GETFL) & O_NONBLOCK);
    EXPECT_ERRNO(syscall(SYS_pipe2, p, O_APPEND), EINVAL);
}

TEST(pipe2_bad_pointer_is_efault_and_leaves_no_descriptors)
{
    int before = ASSERT_OK(dup(1));
    close(before);
    EXPECT_ERRNO(syscall(SYS_pipe2, NT_BAD, 0), EFAULT);
    EXPECT_EQ(dup(1), before);
}

TEST(pipe_reader_sees_end_of_file_when_all_writers_close)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    int other = ASSERT_OK(dup(p[1]));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    close(p[1]);
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
    EXPECT_ERRNO(read(p[0], &c, 1), EAGAIN);
    close(other);
    EXPECT_EQ(read(p[0], &c, 1), 0);
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

TEST(pipe_write_to_closed_reader_raises_sigpipe)
{
    int p[2];
    ASSERT_OK(pipe(p));
    close(p[0]);
    pid_t pid = nt_fork();
    if (pid == 0) {
        if (write(p[1], "x", 1) == -1)
            _exit(3);
        _exit(4);
    }
    EXPECT_KILLED(pid, SIGPIPE);
}

TEST(pipe_write_to_closed_reader_is_epipe_when_sigpipe_is_ignored)
{
    int p[2];
    ASSERT_OK(pipe(p));
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    EXPECT_ERRNO(write(p[1], "x", 1), EPIPE);
}

TEST(pipe_blocked_writer_gets_epipe_when_the_reader_goes)
{
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        static char big[1 << 18];
        signal(SIGPIPE, SIG_IGN);
        close(p[0]);
        long n = write(p[1], big, sizeof big);
        EXPECT_EQ(n, 65536);
        EXPECT_ERRNO(write(p[1], big, 1), EPIPE);
        nt_done();
    }
    nt_await_state(pid, 'S');
    close(p[0]);
    EXPECT_EXIT(pid, 0);
}

TEST(pipe_nonblocking_empty_read_is_eagain)
{
    int p[2];
    char c;
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    EXPECT_ERRNO(read(p[0], &c, 1), EAGAIN);
}

TEST(pipe_holds_64_kib_by_default)
{
    static char page[4096];
    int p[2], n = 0;
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
    while (write(p[1], page, sizeof page) == sizeof page)
        n++;
    EXPECT_EQ(n, 16);
    EXPECT_ERRNO(write(p[1], page, 1), EAGAIN);
}

TEST(pipe_nonblocking_write_up_to_pipe_buf_is_all_or_nothing)
{
    static char page[PIPE_BUF * 2];
    int p[2];
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    for (int i = 0; i < 15; i++)
        ASSERT_EQ(write(p[1], page, 4096), 4096);
    EXPECT_EQ(write(p[1], page, 100), 100);
    EXPECT_ERRNO(write(p[1], page, PIPE_BUF), EAGAIN);
    EXPECT_EQ(read(p[0], page, 4096), 4096);
    EXPECT_EQ(write(p[1], page, PIPE_BUF * 2), PIPE_BUF);
}

TEST_LIMIT(pipe_writes_up_to_pipe_buf_are_never_interleaved, 60)
{
    int p[2];
    static char record[512];
    ASSERT_OK(pipe(p));
    for (int w = 0; w < 4; w++) {
        if (nt_fork() == 0) {
            memset(record, 'a' + w, sizeof record);
            for (int i = 0; i < 200; i++)
                if (write(p[1], record, sizeof record) != sizeof record)
                    _exit(1);
            _exit(0);
        }
    }
    close(p[1]);
    size_t have = 0;
    int whole = 0;
    for (ssize_t n; (n = read(p[0], record + have, sizeof record - have)) > 0;) {
        have += n;
        if (have < sizeof record)
            continue;
        for (size_t i = 1; i < sizeof record; i++)
            ASSERT_EQ(record[i], record[0]);
        whole++;
        have = 0;
    }
    EXPECT_EQ(whole, 800);
}

TEST(pipe_blocking_write_larger_than_the_pipe_completes)
{
    enum { SIZE = 300000 };
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *data = malloc(SIZE);
        for (int i = 0; i < SIZE; i++)
            data[i] = i * 7;
        EXPECT_EQ(write(p[1], data, SIZE), SIZE);
        nt_done();
    }
    close(p[1]);
    unsigned char buf[777];
    long at = 0, wrong = 0;
    for (ssize_t n; (n = read(p[0], buf, sizeof buf)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            wrong += buf[i] != (unsigned char)((at + i) * 7);
    EXPECT_EQ(at, SIZE);
    EXPECT_EQ(wrong, 0);
    EXPECT_EXIT(pid, 0);
}

TEST(pipe_read_waits_for_a_byte)
{
    int p[2];
    char c = 0;
    ASSERT_OK(pipe(p));
    pid_t reader = nt_fork();
    if (reader == 0) {
        close(p[1]);
        EXPECT_EQ(read(p[0], &c, 1), 1);
        EXPECT_EQ(c, 'w');
        nt_done();
    }
    nt_await_state(reader, 'S');
    EXPECT_EQ(write(p[1], "w", 1), 1);
    EXPECT_EXIT(reader, 0);
}

TEST(pipe_fionread_counts_waiting_bytes)
{
    int p[2], n = -1;
    char c;
    ASSERT_OK(pipe(p));
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x541b, &n));
    EXPECT_EQ(n, 0);
    EXPECT_EQ(write(p[1], "abcde", 5), 5);
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x541b, &n));
    EXPECT_EQ(n, 4);
    EXPECT_OK(syscall(SYS_ioctl, p[1], 0x541b, &n));
    EXPECT_EQ(n, 4);
}

TEST(pipe_size_rounds_up_to_a_power_of_two_pages)
{
    int p[2];
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    EXPECT_EQ(fcntl(p[1], F_SETPIPE_SZ, 5000), 8192);
    EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 8192);
    EXPECT_EQ(fcntl(p[1], F_SETPIPE_SZ, 1), 4096);
    static char page[8192];
    EXPECT_EQ(write(p[1], page, 8192), 4096);
}

TEST(pipe_size_never_drops_below_what_it_holds)
{
    int p[2];
    static char page[8192];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], page, 8192), 8192);
    EXPECT_ERRNO(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    nt_dir();
    EXPECT_ERRNO(fcntl(ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600)), F_GETPIPE_SZ), EBADF);
}

TEST(pipe_size_past_the_maximum_is_eperm_without_privilege)
{
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(fcntl(p[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        int q[2];
        ASSERT_OK(pipe(q));
        EXPECT_ERRNO(fcntl(q[1], F_SETPIPE_SZ, 1 << 21), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(pipe_poll_bits_follow_the_state)
{
    int p[2];
    static char page[4096];
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    EXPECT_EQ(events_of(p[0]), 0);
    EXPECT_EQ(events_of(p[1]), POLLOUT);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(events_of(p[0]), POLLIN);
    while (write(p[1], page, sizeof page) > 0)
        ;
    EXPECT_EQ(events_of(p[1]), 0);
}

TEST(pipe_poll_tells_hangup_to_the_reader_and_error_to_the_writer)
{
    int p[2], q[2];
    ASSERT_OK(pipe(p));
    ASSERT_OK(pipe(q));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    close(p[1]);
    EXPECT_EQ(events_of(p[0]), POLLIN | POLLHUP);
    char c;
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_EQ(events_of(p[0]), POLLHUP);
    close(q[0]);
    EXPECT_EQ(events_of(q[1]), POLLOUT | POLLERR);
}

TEST(pipe_packet_mode_keeps_record_boundaries)
{
    int p[2];
    char buf[16];
    ASSERT_OK(pipe2(p, O_DIRECT));
    EXPECT_EQ(write(p[1], "abcdef", 6), 6);
    EXPECT_EQ(write(p[1], "gh", 2), 2);
    EXPECT_EQ(read(p[0], buf, 4), 4);
    EXPECT_EQ(read(p[0], buf, sizeof buf), 2);
    EXPECT_MEMEQ(buf, "gh", 2);
}

TEST(pipe_stat_is_a_fifo_without_a_name)
{
    int p[2];
    struct stat st;
    char path[64], target[64] = "", want[64];
    ASSERT_OK(pipe(p));
    EXPECT_OK(fstat(p[0], &st));
    EXPECT_TRUE(S_ISFIFO(st.st_mode));
    EXPECT_EQ(st.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
    EXPECT_OK(readlink(path, target, sizeof target - 1));
    snprintf(want, sizeof want, "pipe:[%lu]", (unsigned long)st.st_ino);
    EXPECT_STREQ(target, want);
}

TEST(pipe_signal_during_a_partial_write_returns_the_count)
{
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        static char big[1 << 18];
        struct sigaction act = { 0 };
        act.sa_handler = nt_on_alarm;
        sigaction(SIGUSR1, &act, NULL);
        EXPECT_EQ(write(p[1], big, sizeof big), 65536);
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    EXPECT_EXIT(pid, 0);
}

TEST(pipe_sigio_is_sent_to_the_owner)
{
    int p[2];
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
    EXPECT_EQ(write(p[1], "x", 1), 1);
    struct timespec t = { 100, 0 };
    EXPECT_EQ(sigtimedwait(&set, &info, &t), SIGIO);
}
