/* Files that lack an operation: which errno says so, and before which other (man 2 read, man 2 preadv2, man 2 splice). */
#include "nacre_test.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

static char text[16] = "ab";
static struct iovec two = { text, 2 };

static long rwf(int write, int fd, int flags)
{
    return syscall(write ? SYS_pwritev2 : SYS_preadv2, fd, &two, 1, 0L, 0L, flags);
}

TEST(files_that_cannot_be_written_say_so_before_they_look)
{
    int fds[] = { timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll_create1(0),
                  (int)syscall(SYS_pidfd_open, getpid(), 0), open("/proc/self/stat", O_RDWR) };
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERRNO(write(signalfd(-1, &none, SFD_NONBLOCK), NT_KERNEL, 2), EINVAL);
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++) {
        struct iovec empty = { 0, 0 };
        EXPECT_ERRNO(write(fds[i], NT_KERNEL, 2), EINVAL);
        EXPECT_ERRNO(writev(fds[i], &empty, 1), EINVAL);
        EXPECT_ERRNO(writev(fds[i], NULL, 0), EINVAL);
    }
    EXPECT_ERRNO(read(fds[1], NT_KERNEL, 2), EINVAL);
    EXPECT_ERRNO(readv(fds[2], NULL, 0), EINVAL);
    EXPECT_ERRNO(pread(fds[2], text, 2, 0), EINVAL);
}

TEST(texts_of_proc_cannot_be_written_at_a_place)
{
    const char *names[] = { "/proc/self/stat", "/proc/self/comm", "/proc/self/mounts", "/proc/uptime" };
    for (unsigned i = 0; i < 4; i++) {
        int fd = ASSERT_OK(open(names[i], O_RDWR));
        EXPECT_ERRNO(pwrite(fd, text, 2, 0), ESPIPE);
        EXPECT_ERRNO(pwrite(fd, text, 0, 0), ESPIPE);
        EXPECT_EQ(pread(fd, text, 2, 0), 2);
    }
    int adjust = ASSERT_OK(open("/proc/self/oom_score_adj", O_RDWR));
    EXPECT_EQ(pwrite(adjust, "0", 1, 0), 1);
}

TEST(flags_of_one_call_need_the_newer_operation)
{
    int stat = ASSERT_OK(open("/proc/self/stat", O_RDONLY));
    EXPECT_EQ(rwf(0, stat, 1), 2);
    for (int flag = 2; flag <= 32; flag *= 2)
        EXPECT_ERRNO(rwf(0, stat, flag), EOPNOTSUPP);
    int version = ASSERT_OK(open("/proc/version", O_RDONLY));
    EXPECT_EQ(rwf(0, version, 2), 2);
    EXPECT_ERRNO(rwf(0, version, 8), EOPNOTSUPP);
    int full = ASSERT_OK(open("/dev/full", O_RDWR));
    EXPECT_ERRNO(rwf(1, full, 1), ENOSPC);
    EXPECT_ERRNO(rwf(1, full, 2), EOPNOTSUPP);
    EXPECT_ERRNO(rwf(0, full, 8), EOPNOTSUPP);
    EXPECT_EQ(rwf(0, ASSERT_OK(open("/dev/zero", O_RDONLY)), 8), 2);
    int dir = ASSERT_OK(open("/", O_RDONLY));
    EXPECT_ERRNO(rwf(0, dir, 0), EISDIR);
    EXPECT_ERRNO(rwf(0, dir, 2), EOPNOTSUPP);
}

TEST(the_kernel_moves_no_bytes_without_an_operation_for_it)
{
    int pipes[2];
    ASSERT_OK(pipe2(pipes, O_NONBLOCK));
    int out = ASSERT_OK(memfd_create("out", 0));
    const char *from[] = { "/dev/null", "/proc/self/stat", "/proc/self/comm" };
    for (unsigned i = 0; i < 3; i++) {
        int fd = ASSERT_OK(open(from[i], O_RDWR));
        EXPECT_ERRNO(splice(fd, NULL, pipes[1], NULL, 4, 0), EINVAL);
        EXPECT_ERRNO(sendfile(out, fd, NULL, 4), EINVAL);
    }
    EXPECT_EQ(splice(ASSERT_OK(open("/proc/version", O_RDONLY)), NULL, pipes[1], NULL, 4, 0), 4);
    const char *into[] = { "/dev/full", "/proc/self/comm", "/proc/version" };
    for (unsigned i = 0; i < 3; i++)
        EXPECT_ERRNO(splice(pipes[0], NULL, ASSERT_OK(open(into[i], O_RDWR)), NULL, 4, 0), EINVAL);
    EXPECT_EQ(splice(pipes[0], NULL, ASSERT_OK(open("/dev/null", O_WRONLY)), NULL, 4, 0), 4);
}

TEST(what_of_proc_can_be_watched_mapped_and_allocated)
{
    int epoll = ASSERT_OK(epoll_create1(0));
    struct epoll_event event = { .events = EPOLLIN };
    int version = ASSERT_OK(open("/proc/version", O_RDONLY));
    int setting = ASSERT_OK(open("/proc/sys/kernel/hostname", O_RDWR));
    int stat = ASSERT_OK(open("/proc/self/stat", O_RDWR));
    EXPECT_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, version, &event));
    EXPECT_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, setting, &event));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, stat, &event), EPERM);
    EXPECT_EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, version, 0) == MAP_FAILED && errno == EIO);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, stat, 0) == MAP_FAILED && errno == ENODEV);
    EXPECT_ERRNO(fallocate(stat, 0, 0, 10), EOPNOTSUPP);
    EXPECT_ERRNO(fallocate(setting, 0, 0, 10), EOPNOTSUPP);
}

TEST(a_memfd_does_not_go_past_the_cache)
{
    int fd = ASSERT_OK(memfd_create("x", 0));
    EXPECT_ERRNO(fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_DIRECT, 0);
    nt_dir();
    int file = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0600));
    EXPECT_OK(fcntl(file, F_SETFL, O_DIRECT));
}
