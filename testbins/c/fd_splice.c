/* Bytes moved inside the kernel, where it waits, stops half-way or refuses. */
#include "nacre_test.h"
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int source(const char *text)
{
    nt_dir();
    nt_put("in", text);
    return ASSERT_OK(open("in", O_RDWR));
}

static void on_signal(NT_UNUSED int signo)
{
}

TEST(splice_waits_for_bytes_and_for_room)
{
    int a[2], b[2];
    char c;
    static char big[65536];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(splice(a[0], NULL, b[1], NULL, 10, 0), 1);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_EQ(write(a[1], "x", 1), 1);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(read(b[0], &c, 1), 1);
    EXPECT_EQ(write(b[1], big, sizeof big), (long)sizeof big);
    EXPECT_EQ(write(a[1], "y", 1), 1);
    EXPECT_ERRNO(splice(a[0], NULL, b[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(splice(a[0], NULL, b[1], NULL, 1, 0), 1);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_EQ(read(b[0], big, sizeof big), (long)sizeof big);
    EXPECT_EXIT(pid, 0);
}

TEST(splice_wait_is_interrupted)
{
    int a[2], b[2];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct sigaction action = { .sa_handler = on_signal };
        ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
        EXPECT_ERRNO(splice(a[0], NULL, b[1], NULL, 10, 0), EINTR);
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    EXPECT_EXIT(pid, 0);
}

TEST(splice_obeys_the_pipes_own_nonblock)
{
    int a[2], b[2], in = source("abc");
    static char big[65536];
    ASSERT_OK(pipe2(a, O_NONBLOCK));
    ASSERT_OK(pipe(b));
    EXPECT_ERRNO(splice(a[0], NULL, b[1], NULL, 1, 0), EAGAIN);
    EXPECT_EQ(write(a[1], big, sizeof big), (long)sizeof big);
    EXPECT_ERRNO(splice(in, NULL, a[1], NULL, 1, 0), EAGAIN);
    EXPECT_ERRNO(sendfile(a[1], in, NULL, 1), EAGAIN);
}

TEST(splice_raises_sigpipe)
{
    int p[2], in = source("abc");
    ASSERT_OK(pipe(p));
    close(p[0]);
    pid_t pid = nt_fork();
    if (pid == 0) {
        splice(in, NULL, p[1], NULL, 3, 0);
        nt_done();
    }
    EXPECT_KILLED(pid, SIGPIPE);
}

TEST(splice_takes_a_whole_pipe_from_a_large_file)
{
    enum { SIZE = 200000 };
    static char data[SIZE], back[SIZE];
    int p[2], in = source("");
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 >> 3);
    ASSERT_EQ(write(in, data, SIZE), SIZE);
    ASSERT_OK(pipe(p));
    loff_t at = 100;
    EXPECT_EQ(splice(in, &at, p[1], NULL, SIZE, 0), 65536 - 100);
    EXPECT_EQ(at, 65536);
    EXPECT_EQ(read(p[0], back, SIZE), 65536 - 100);
    EXPECT_MEMEQ(back, data + 100, 65536 - 100);
}

TEST(splice_of_a_hole_gives_zeros_and_keeps_it)
{
    struct stat st;
    char buf[16];
    int p[2], in = source("");
    ASSERT_OK(ftruncate(in, 100000));
    ASSERT_OK(pipe(p));
    EXPECT_EQ(splice(in, NULL, p[1], NULL, 16, 0), 16);
    EXPECT_EQ(read(p[0], buf, 16), 16);
    EXPECT_MEMEQ(buf, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    EXPECT_OK(fstat(in, &st));
    EXPECT_EQ(st.st_blocks, 0);
}

TEST(splice_to_and_from_sockets)
{
    int p[2], s[2];
    char buf[8];
    ASSERT_OK(pipe(p));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_EQ(write(p[1], "hello", 5), 5);
    EXPECT_EQ(splice(p[0], NULL, s[0], NULL, 100, 0), 5);
    EXPECT_EQ(splice(s[1], NULL, p[1], NULL, 3, 0), 3);
    EXPECT_EQ(read(p[0], buf, 8), 3);
    EXPECT_MEMEQ(buf, "hel", 3);
    EXPECT_EQ(read(s[1], buf, 8), 2);
    EXPECT_ERRNO(splice(s[1], NULL, p[1], NULL, 3, SPLICE_F_NONBLOCK), EAGAIN);
}

TEST(splice_into_a_place_of_a_file)
{
    int p[2], fd = source("0123456789");
    char text[16];
    loff_t at = 4;
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "ab", 2), 2);
    EXPECT_EQ(splice(p[0], NULL, fd, &at, 2, 0), 2);
    EXPECT_EQ(at, 6);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    nt_get("in", text, sizeof text);
    EXPECT_STREQ(text, "0123ab6789");
}

TEST(splice_refuses_what_has_no_bytes_to_splice)
{
    int p[2], s[2], event = ASSERT_OK(eventfd(1, 0));
    loff_t at = 0;
    source("abc");
    int append = ASSERT_OK(open("in", O_WRONLY | O_APPEND)), dir = ASSERT_OK(open(".", O_RDONLY));
    ASSERT_OK(pipe(p));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_ERRNO(splice(event, NULL, p[1], NULL, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(dir, NULL, p[1], NULL, 8, 0), EINVAL);
    EXPECT_EQ(write(p[1], "12345678", 8), 8);
    EXPECT_ERRNO(splice(p[0], NULL, event, NULL, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(p[0], NULL, append, NULL, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(p[0], NULL, p[1], NULL, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(p[0], &at, s[0], NULL, 8, 0), ESPIPE);
    EXPECT_ERRNO(splice(p[0], NULL, s[0], &at, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(s[0], &at, p[1], NULL, 8, 0), EINVAL);
    EXPECT_ERRNO(splice(999, NULL, p[1], NULL, 8, 0), EBADF);
}

TEST(tee_then_splice_carry_the_same_bytes)
{
    int a[2], b[2];
    char buf[8];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    EXPECT_EQ(write(a[1], "abcdef", 6), 6);
    EXPECT_EQ(tee(a[0], b[1], 4, 0), 4);
    EXPECT_EQ(write(a[1], "gh", 2), 2);
    EXPECT_EQ(write(b[1], "XY", 2), 2);
    EXPECT_EQ(read(a[0], buf, 8), 8);
    EXPECT_MEMEQ(buf, "abcdefgh", 8);
    EXPECT_EQ(read(b[0], buf, 8), 6);
    EXPECT_MEMEQ(buf, "abcdXY", 6);
}

TEST(vmsplice_reads_too_and_stops_when_full)
{
    int p[2];
    static char big[100000];
    char a[3], b[3];
    struct iovec all = { big, sizeof big }, in[2] = { { a, 3 }, { b, 3 } }, bad = { NT_BAD, 4 }, none = { a, 0 };
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "abcdef", 6), 6);
    EXPECT_EQ(vmsplice(p[0], in, 2, 0), 6);
    EXPECT_MEMEQ(a, "abc", 3);
    EXPECT_MEMEQ(b, "def", 3);
    EXPECT_EQ(vmsplice(p[1], &none, 1, 0), 0);
    EXPECT_ERRNO(vmsplice(p[1], &bad, 1, 0), EFAULT);
    memset(big, 1, sizeof big);
    long put = EXPECT_OK(vmsplice(p[1], &all, 1, 0));
    EXPECT_TRUE(put >= 61440 && put <= 65536);
    EXPECT_ERRNO(vmsplice(p[1], &all, 1, SPLICE_F_NONBLOCK), EAGAIN);
    EXPECT_ERRNO(vmsplice(p[1], &all, 1, 0x100), EINVAL);
}

TEST(sendfile_to_a_socket_sends_what_fits)
{
    enum { SIZE = 1 << 20 };
    static char data[SIZE], back[65536];
    int s[2], in = source("");
    memset(data, 'd', SIZE);
    ASSERT_EQ(write(in, data, SIZE), SIZE);
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    ASSERT_OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
    off_t at = 0;
    long sent = EXPECT_OK(sendfile(s[0], in, &at, SIZE));
    EXPECT_TRUE(sent > 0 && sent < SIZE);
    EXPECT_EQ(at, sent);
    EXPECT_ERRNO(sendfile(s[0], in, &at, SIZE), EAGAIN);
    EXPECT_EQ(at, sent);
    ASSERT_OK(fcntl(s[0], F_SETFL, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(sendfile(s[0], in, &at, SIZE), SIZE - sent);
        nt_done();
    }
    long got = 0;
    while (got < SIZE) {
        long n = read(s[1], back, sizeof back);
        ASSERT_TRUE(n > 0);
        got += n;
    }
    EXPECT_EXIT(pid, 0);
}

TEST(sendfile_refuses_streams_as_source)
{
    int p[2], s[2], in = source("abc");
    off_t at = 0, minus = -1;
    int zero = ASSERT_OK(open("/dev/zero", O_RDONLY)), out = ASSERT_OK(open("out", O_RDWR | O_CREAT, 0600));
    ASSERT_OK(pipe(p));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_ERRNO(sendfile(out, p[0], NULL, 1), EINVAL);
    EXPECT_ERRNO(sendfile(out, p[0], &at, 1), ESPIPE);
    EXPECT_ERRNO(sendfile(out, s[0], NULL, 1), EINVAL);
    EXPECT_ERRNO(sendfile(out, in, &minus, 1), EINVAL);
    EXPECT_EQ(sendfile(out, zero, NULL, 5000), 5000);
    EXPECT_EQ(lseek(out, 0, SEEK_CUR), 5000);
}

TEST(copy_file_range_stays_in_its_file_system)
{
    int in = source("abc");
    ASSERT_OK(mkdir("other", 0755));
    if (mount("none", "other", "tmpfs", 0, "") == -1)
        SKIP("no mount: %s", strerror(errno));
    int out = ASSERT_OK(open("other/f", O_RDWR | O_CREAT, 0600));
    EXPECT_ERRNO(syscall(SYS_copy_file_range, in, NULL, out, NULL, 3, 0), EXDEV);
    close(out);
    EXPECT_OK(umount("other"));
}

TEST(copy_file_range_moves_the_offsets_it_used)
{
    char text[16];
    loff_t to = 0;
    int fd = source("0123456789"), out = ASSERT_OK(open("out", O_RDWR | O_CREAT, 0600));
    EXPECT_EQ(lseek(fd, 4, SEEK_SET), 4);
    EXPECT_EQ(syscall(SYS_copy_file_range, fd, NULL, out, &to, 3, 0), 3);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 7);
    EXPECT_EQ(to, 3);
    EXPECT_EQ(lseek(out, 0, SEEK_CUR), 0);
    nt_get("out", text, sizeof text);
    EXPECT_STREQ(text, "456");
    loff_t low = 0, high = 5;
    EXPECT_EQ(syscall(SYS_copy_file_range, fd, &low, fd, &high, 5, 0), 5);
    nt_get("in", text, sizeof text);
    EXPECT_STREQ(text, "0123401234");
    int append = ASSERT_OK(open("out", O_WRONLY | O_APPEND));
    EXPECT_ERRNO(syscall(SYS_copy_file_range, fd, NULL, append, NULL, 1, 0), EBADF);
}
