/* Sockets as files: position, inode, flags, O_ASYNC, splice and sendfile, exec and close (man 7 socket, man 2 fcntl). */
#include "nacre_test.h"
#include "unix_test.h"

#include <sys/sendfile.h>

/* proves A4 */
TEST(a_socket_has_no_position)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(lseek(s[0], 0, SEEK_SET), ESPIPE);
    EXPECT_ERRNO(pread(s[0], &c, 1, 0), ESPIPE);
    EXPECT_ERRNO(pwrite(s[0], &c, 1, 0), ESPIPE);
    EXPECT_ERRNO(ftruncate(s[0], 0), EINVAL);
    EXPECT_ERRNO(fsync(s[0]), EINVAL);
    EXPECT_ERRNO(fallocate(s[0], 0, 0, 1), ENODEV);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s[0], 0) == MAP_FAILED && errno == ENODEV);
    EXPECT_EQ(posix_fadvise(s[0], 0, 0, 0), 0);
}

/* proves A4 */
TEST(fstat_tells_a_socket)
{
    int s[2];
    struct stat a, b;
    pair(SOCK_STREAM, s);
    ASSERT_OK(fstat(s[0], &a));
    ASSERT_OK(fstat(s[1], &b));
    EXPECT_EQ(a.st_mode, S_IFSOCK | 0777);
    EXPECT_EQ(a.st_nlink, 1);
    EXPECT_EQ(a.st_size, 0);
    EXPECT_EQ(a.st_dev, b.st_dev);
    EXPECT_TRUE(a.st_ino != b.st_ino);
    EXPECT_EQ(a.st_uid, getuid());
}

/* proves A4 */
TEST(proc_shows_the_socket_by_inode)
{
    int s[2];
    char path[64], link[64] = "", want[64];
    struct stat st;
    pair(SOCK_STREAM, s);
    fstat(s[0], &st);
    snprintf(path, sizeof path, "/proc/self/fd/%d", s[0]);
    snprintf(want, sizeof want, "socket:[%lu]", (unsigned long)st.st_ino);
    EXPECT_TRUE(readlink(path, link, sizeof link - 1) > 0);
    EXPECT_STREQ(link, want);
    EXPECT_ERRNO(open(path, O_RDWR), ENXIO);
    struct stat other;
    EXPECT_OK(stat(path, &other));
    EXPECT_EQ(other.st_ino, st.st_ino);
}

TEST(fchmod_and_fchown_change_the_sockets_inode)
{
    int s[2];
    struct stat st;
    pair(SOCK_STREAM, s);
    EXPECT_OK(fchmod(s[0], 0600));
    EXPECT_OK(fchown(s[0], 12, 34));
    fstat(s[0], &st);
    EXPECT_EQ(st.st_mode, S_IFSOCK | 0600);
    EXPECT_EQ(st.st_uid, 12);
    EXPECT_EQ(st.st_gid, 34);
}

TEST(fionbio_and_fcntl_agree)
{
    int s[2], on = 1;
    char c;
    pair(SOCK_STREAM, s);
    EXPECT_OK(ioctl(s[0], FIONBIO, &on));
    EXPECT_EQ(fcntl(s[0], F_GETFL), O_RDWR | O_NONBLOCK);
    EXPECT_ERRNO(read(s[0], &c, 1), EAGAIN);
    on = 0;
    EXPECT_OK(ioctl(s[0], FIONBIO, &on));
    EXPECT_EQ(fcntl(s[0], F_GETFL), O_RDWR);
}

static volatile sig_atomic_t signals, last_fd, last_band;
static void on_io(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    signals++;
    last_fd = info->si_fd;
    last_band = info->si_band;
}

static void own(int fd, int signo)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = on_io;
    sa.sa_flags = SA_SIGINFO | SA_RESTART;
    ASSERT_OK(sigaction(signo ? signo : SIGIO, &sa, NULL));
    ASSERT_OK(fcntl(fd, F_SETOWN, getpid()));
    if (signo)
        ASSERT_OK(fcntl(fd, F_SETSIG, signo));
    ASSERT_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

TEST(o_async_tells_of_bytes)
{
    int s[2];
    pair(SOCK_STREAM, s);
    own(s[0], SIGRTMIN);
    EXPECT_EQ(fcntl(s[0], F_GETOWN), getpid());
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(signals, 1);
    EXPECT_EQ(last_fd, s[0]);
    EXPECT_EQ(last_band & POLLIN, POLLIN);
}

TEST(o_async_tells_of_a_datagram_and_of_a_connection)
{
    int s[2];
    pair(SOCK_DGRAM, s);
    own(s[0], 0);
    EXPECT_EQ(write(s[1], "x", 1), 1);
    EXPECT_EQ(signals, 1);
    nt_dir();
    int l = listener(SOCK_STREAM, "sock", 1);
    own(l, 0);
    client(SOCK_STREAM, "sock");
    EXPECT_EQ(signals, 2);
}

TEST(o_async_tells_of_the_end)
{
    int s[2];
    pair(SOCK_STREAM, s);
    own(s[0], 0);
    close(s[1]);
    EXPECT_TRUE(signals >= 1);
}

TEST(siocgpgrp_tells_the_owner)
{
    int s[2], pid = getpid(), told = 0;
    pair(SOCK_STREAM, s);
    EXPECT_OK(ioctl(s[0], 0x8902, &pid));
    EXPECT_OK(ioctl(s[0], 0x8904, &told));
    EXPECT_EQ(told, getpid());
    EXPECT_OK(ioctl(s[0], 0x8903, &told));
    EXPECT_EQ(told, getpid());
    pid = 0;
    EXPECT_OK(ioctl(s[0], 0x8901, &pid));
    EXPECT_EQ(fcntl(s[0], F_GETOWN), 0);
}

TEST(unknown_ioctls_are_enotty)
{
    int s[2], n;
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(ioctl(s[0], 0x1234, &n), ENOTTY);
    EXPECT_ERRNO(ioctl(s[0], 0x5401, &n), ENOTTY);
    EXPECT_ERRNO(ioctl(s[0], FIONREAD, NT_BAD), EFAULT);
}

/* proves D14 */
TEST(sendfile_writes_a_file_to_a_stream)
{
    int s[2];
    char buf[16] = "";
    off_t at = 2;
    nt_dir();
    nt_put("f", "0123456789");
    int f = ASSERT_OK(open("f", O_RDONLY));
    pair(SOCK_STREAM, s);
    EXPECT_EQ(sendfile(s[0], f, &at, 5), 5);
    EXPECT_EQ(at, 7);
    EXPECT_EQ(read(s[1], buf, 16), 5);
    EXPECT_STREQ(buf, "23456");
    EXPECT_EQ(sendfile(s[0], f, NULL, 100), 10);
    EXPECT_EQ(sendfile(s[0], f, NULL, 100), 0);
}

TEST(splice_moves_between_pipe_and_stream)
{
    int s[2], p[2];
    char buf[16] = "";
    pair(SOCK_STREAM, s);
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "through", 7), 7);
    EXPECT_EQ(splice(p[0], NULL, s[0], NULL, 100, 0), 7);
    EXPECT_EQ(splice(s[1], NULL, p[1], NULL, 100, 0), 7);
    EXPECT_EQ(read(p[0], buf, 16), 7);
    EXPECT_STREQ(buf, "through");
    EXPECT_ERRNO(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    close(s[0]);
    EXPECT_EQ(splice(s[1], NULL, p[1], NULL, 100, 0), 0);
}

TEST(splice_between_sockets_is_einval)
{
    int s[2];
    off_t at = 0;
    pair(SOCK_STREAM, s);
    EXPECT_ERRNO(splice(s[0], NULL, s[1], NULL, 1, 0), EINVAL);
    EXPECT_ERRNO(tee(s[0], s[1], 1, 0), EINVAL);
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(splice(p[0], NULL, s[1], &at, 1, 0), EINVAL);
}

TEST(sendfile_from_a_socket_is_einval)
{
    int s[2], t[2];
    pair(SOCK_STREAM, s);
    pair(SOCK_STREAM, t);
    EXPECT_EQ(write(s[0], "x", 1), 1);
    EXPECT_ERRNO(sendfile(t[0], s[1], NULL, 1), EINVAL);
}

ROLE(says)
{
    return argc == 3 && write(atoi(argv[2]), "hi", 2) == 2 ? 0 : 1;
}

/* proves B6 */
TEST(sockets_live_through_exec_without_cloexec)
{
    int s[2];
    pair(SOCK_STREAM, s);
    pid_t pid = nt_fork();
    if (pid == 0) {
        char number[12];
        snprintf(number, sizeof number, "%d", s[1]);
        close(s[0]);
        execl(nt_self, nt_self, "@says", number, NULL);
        _exit(9);
    }
    close(s[1]);
    char buf[8] = "";
    EXPECT_EQ(read(s[0], buf, 8), 2);
    EXPECT_STREQ(buf, "hi");
    EXPECT_EQ(read(s[0], buf, 8), 0);
    EXPECT_EXIT(pid, 0);
}

/* proves B7 */
TEST(a_shared_socket_closes_with_its_last_descriptor)
{
    int s[2];
    char c;
    pair(SOCK_STREAM, s);
    int d = ASSERT_OK(dup(s[0]));
    close(s[0]);
    EXPECT_EQ(ready(s[1]), POLLOUT);
    EXPECT_EQ(write(d, "x", 1), 1);
    close(d);
    EXPECT_EQ(read(s[1], &c, 1), 1);
    EXPECT_EQ(read(s[1], &c, 1), 0);
}
