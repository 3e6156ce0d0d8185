/* What every kind of open file answers to the calls on descriptors: positions, flags of one call, generic ioctls. */
#include "nacre_test.h"
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY (1024 + 4)
#endif
#define CALL_NOWAIT 8
#define CALL_APPEND 0x10
#define CALL_NOAPPEND 0x20
#define FIOQSIZE_ 0x5460
#define FIGETBSZ_ 2
#define FICLONE_ 0x40049409

static int file_with(const char *text)
{
    nt_dir();
    nt_put("f", text);
    return ASSERT_OK(open("f", O_RDWR));
}

/* One of each object that is a descriptor and nothing else. */
static int objects(int fds[5])
{
    sigset_t set;
    sigemptyset(&set);
    fds[0] = ASSERT_OK(eventfd(0, EFD_NONBLOCK));
    fds[1] = ASSERT_OK(epoll_create1(0));
    fds[2] = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    fds[3] = ASSERT_OK(signalfd(-1, &set, SFD_NONBLOCK));
    fds[4] = ASSERT_OK(inotify_init1(IN_NONBLOCK));
    return 5;
}

TEST(lseek_of_an_object_without_a_type_does_nothing)
{
    int fds[5];
    char buf[8];
    for (int i = 0, n = objects(fds); i < n; i++) {
        EXPECT_EQ(lseek(fds[i], 0, SEEK_CUR), 0);
        EXPECT_EQ(lseek(fds[i], 100, SEEK_SET), 0);
        EXPECT_ERRNO(lseek(fds[i], 0, 99), EINVAL);
        EXPECT_ERRNO(pread(fds[i], buf, 8, 0), ESPIPE);
    }
}

TEST(lseek_of_a_place_is_ebadf)
{
    file_with("abc");
    int place = ASSERT_OK(open("f", O_PATH));
    char c = 0;
    EXPECT_ERRNO(lseek(place, 0, SEEK_SET), EBADF);
    EXPECT_ERRNO(read(place, &c, 1), EBADF);
    EXPECT_ERRNO(pread(place, &c, 1, 0), EBADF);
    EXPECT_ERRNO(write(place, &c, 1), EBADF);
    EXPECT_ERRNO(ioctl(place, FIOCLEX), EBADF);
    EXPECT_ERRNO(fsync(place), EBADF);
    EXPECT_ERRNO(ftruncate(place, 1), EBADF);
    EXPECT_ERRNO(fallocate(place, 0, 0, 1), EBADF);
    EXPECT_ERRNO(syscall(SYS_fadvise64, place, 0L, 0L, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_syncfs, place), EBADF);
    EXPECT_ERRNO(syscall(SYS_getdents64, place, &c, 1), EBADF);
}

TEST(fcntl_of_a_place_asks_the_descriptor_only)
{
    file_with("abc");
    int place = ASSERT_OK(open("f", O_PATH));
    EXPECT_EQ(fcntl(place, F_GETFL), O_PATH);
    EXPECT_OK(fcntl(place, F_SETFD, FD_CLOEXEC));
    EXPECT_EQ(fcntl(place, F_GETFD), FD_CLOEXEC);
    EXPECT_OK(fcntl(place, F_DUPFD, 0));
    EXPECT_ERRNO(fcntl(place, F_SETFL, O_NONBLOCK), EBADF);
    EXPECT_ERRNO(fcntl(place, F_SETOWN, getpid()), EBADF);
    EXPECT_ERRNO(fcntl(place, F_GETLEASE), EBADF);
}

TEST(arguments_are_checked_in_linuxs_order)
{
    int p[2];
    char c = 0;
    struct iovec bad = { NT_BAD, 4 };
    file_with("abc");
    int writer = ASSERT_OK(open("f", O_WRONLY));
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(pread(999, &c, 1, -1), EINVAL);
    EXPECT_ERRNO(pread(p[0], &c, 1, -1), EINVAL);
    EXPECT_ERRNO(pread(p[1], &c, 1, 0), ESPIPE);
    EXPECT_ERRNO(read(writer, (void *)-1L, 4), EBADF);
    EXPECT_ERRNO(syscall(SYS_readv, writer, NT_BAD, 1), EBADF);
    EXPECT_ERRNO(syscall(SYS_readv, writer, &bad, 2000), EBADF);
    EXPECT_ERRNO(syscall(SYS_readv, 999, &bad, 2000), EBADF);
}

TEST(positions_past_the_greatest_are_einval)
{
    char buf[10] = "";
    int fd = file_with("abc");
    EXPECT_ERRNO(pread(fd, buf, 10, 0x7ffffffffffffffaL), EINVAL);
    EXPECT_ERRNO(pwrite(fd, buf, 10, 0x7ffffffffffffffaL), EINVAL);
    EXPECT_ERRNO(pwrite(fd, buf, 1, 0x7fffffffffffffffL), EINVAL);
    EXPECT_EQ(pread(fd, buf, 10, 0x7fffffffffffff00L), 0);
    EXPECT_ERRNO(lseek(fd, 0x7fffffffffffffffL, SEEK_END), EINVAL);
    EXPECT_EQ(lseek(fd, 0x7fffffffffffffffL, SEEK_SET), 0x7fffffffffffffffL);
    EXPECT_ERRNO(read(fd, buf, 1), EINVAL);
}

TEST(call_flags_append_or_not_for_one_write)
{
    char text[16];
    struct iovec out = { "Z", 1 };
    file_with("abc");
    int fd = ASSERT_OK(open("f", O_RDWR | O_APPEND));
    EXPECT_EQ(syscall(SYS_pwritev2, fd, &out, 1, 0L, 0L, CALL_NOAPPEND), 1);
    nt_get("f", text, sizeof text);
    EXPECT_STREQ(text, "Zbc");
    EXPECT_EQ(pwrite(fd, "y", 1, 0), 1);
    nt_get("f", text, sizeof text);
    EXPECT_STREQ(text, "Zbcy");
    EXPECT_ERRNO(syscall(SYS_pwritev2, fd, &out, 1, 0L, 0L, CALL_APPEND | CALL_NOAPPEND), EINVAL);
    EXPECT_EQ(syscall(SYS_pwritev2, fd, &out, 0, 0L, 0L, 0x8000), 0);
}

TEST(appending_moves_the_offset_to_the_end)
{
    int plain = file_with("abcdef");
    int fd = ASSERT_OK(open("f", O_RDWR | O_APPEND));
    struct iovec out = { "12", 2 };
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_EQ(write(fd, "12", 2), 2);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 8);
    EXPECT_EQ(syscall(SYS_pwritev2, plain, &out, 1, -1L, -1L, CALL_APPEND), 2);
    EXPECT_EQ(lseek(plain, 0, SEEK_CUR), 10);
}

TEST(call_flag_nowait_is_eagain_on_a_pipe_and_not_for_files)
{
    int p[2], fd = file_with("abc");
    char c;
    struct iovec in = { &c, 1 };
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(syscall(SYS_preadv2, p[0], &in, 1, -1L, -1L, CALL_NOWAIT), EAGAIN);
    EXPECT_ERRNO(syscall(SYS_preadv2, fd, &in, 1, 0L, 0L, CALL_NOWAIT), EOPNOTSUPP);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(syscall(SYS_preadv2, p[0], &in, 1, -1L, -1L, CALL_NOWAIT), 1);
}

TEST(ioctl_sizes_of_files_and_file_systems)
{
    int p[2], block = 0, fd = file_with("abcdef");
    long long size = 0;
    ASSERT_OK(pipe(p));
    EXPECT_OK(ioctl(fd, FIGETBSZ_, &block));
    EXPECT_EQ(block, 4096);
    EXPECT_OK(ioctl(p[0], FIGETBSZ_, &block));
    EXPECT_OK(ioctl(fd, FIOQSIZE_, &size));
    EXPECT_TRUE(size == 6 || size == 4096);
    EXPECT_ERRNO(ioctl(p[0], FIOQSIZE_, &size), ENOTTY);
    EXPECT_ERRNO(ioctl(fd, FIOQSIZE_, NT_BAD), EFAULT);
}

TEST(ioctl_clone_finds_nothing_to_share)
{
    int p[2], fd = file_with("abc");
    int other = ASSERT_OK(open("g", O_RDWR | O_CREAT, 0600)), dir = ASSERT_OK(open(".", O_RDONLY));
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(ioctl(other, FICLONE_, fd), EOPNOTSUPP);
    EXPECT_ERRNO(ioctl(p[1], FICLONE_, fd), EXDEV);
    EXPECT_ERRNO(ioctl(dir, FICLONE_, fd), EISDIR);
    EXPECT_ERRNO(ioctl(other, FICLONE_, 999), EBADF);
}

TEST(setfl_direct_is_for_files_and_pipes)
{
    int p[2], fds[5], fd = file_with("abc"), null = ASSERT_OK(open("/dev/null", O_RDWR));
    ASSERT_OK(pipe(p));
    EXPECT_OK(fcntl(fd, F_SETFL, O_DIRECT));
    EXPECT_TRUE(fcntl(fd, F_GETFL) & O_DIRECT);
    EXPECT_OK(fcntl(p[1], F_SETFL, O_DIRECT));
    EXPECT_ERRNO(fcntl(null, F_SETFL, O_DIRECT), EINVAL);
    for (int i = 0, n = objects(fds); i < n; i++)
        EXPECT_ERRNO(fcntl(fds[i], F_SETFL, O_DIRECT), EINVAL);
}

TEST(fcntl_created_query_tells_who_made_the_file)
{
    nt_dir();
    int made = ASSERT_OK(open("new", O_RDWR | O_CREAT, 0600));
    int found = ASSERT_OK(open("new", O_RDWR | O_CREAT, 0600));
    EXPECT_EQ(fcntl(made, F_CREATED_QUERY), 1);
    EXPECT_EQ(fcntl(ASSERT_OK(dup(made)), F_CREATED_QUERY), 1);
    EXPECT_EQ(fcntl(found, F_CREATED_QUERY), 0);
}

TEST(fcntl_leases_are_not_there_to_give_up)
{
    int p[2], fd = file_with("abc");
    ASSERT_OK(pipe(p));
    EXPECT_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    EXPECT_ERRNO(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
    EXPECT_ERRNO(fcntl(p[0], F_SETLEASE, F_RDLCK), EINVAL);
}

TEST(seals_are_for_files_in_memory)
{
    int p[2], fd = file_with("abc");
    int reader = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(pipe(p));
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, 0), EPERM);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
    EXPECT_ERRNO(fcntl(reader, F_ADD_SEALS, 0), EPERM);
    EXPECT_ERRNO(fcntl(p[1], F_GET_SEALS), EINVAL);
    EXPECT_ERRNO(fcntl(p[1], F_ADD_SEALS, 0), EINVAL);
}

TEST(close_range_unshare_leaves_the_other_table_alone)
{
    int fd = ASSERT_OK(open("/dev/null", O_RDONLY));
    ASSERT_EQ(dup2(fd, 50), 50);
    /* A process that shares the table, as threads do. */
    pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        int gone = syscall(SYS_close_range, 50, ~0U, 2 /* CLOSE_RANGE_UNSHARE */) == 0 && fcntl(50, F_GETFD) == -1;
        _exit(!(gone && fcntl(fd, F_GETFD) == 0));
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(fcntl(50, F_GETFD), 0);
    pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(close(50) != 0);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(fcntl(50, F_GETFD), EBADF);
}

TEST(writes_of_two_processes_at_one_offset_do_not_mix)
{
    enum { PIECE = 3000, ROUNDS = 100 };
    static char buf[PIECE];
    int fd = file_with("");
    pid_t pid = nt_fork();
    memset(buf, pid ? 'p' : 'c', PIECE);
    for (int i = 0; i < ROUNDS; i++)
        EXPECT_EQ(write(fd, buf, PIECE), PIECE);
    if (pid == 0)
        nt_done();
    EXPECT_EXIT(pid, 0);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        ASSERT_EQ(pread(fd, buf, PIECE, (off_t)i * PIECE), PIECE);
        for (int j = 1; j < PIECE; j++)
            ASSERT_EQ(buf[j], buf[0]);
    }
}

TEST(getdents64_goes_on_from_an_entrys_offset)
{
    char buf[4096] = "", name[16], first[16] = "", again[16] = "";
    nt_dir();
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "n%d", i);
        nt_put(name, "");
    }
    int dir = ASSERT_OK(open(".", O_RDONLY));
    long n = ASSERT_OK(syscall(SYS_getdents64, dir, buf, sizeof buf));
    int64_t after = 0;
    for (long at = 0, i = 0; at < n; i++) {
        if (i == 5)
            snprintf(first, sizeof first, "%.15s", buf + at + 19);
        if (i == 4)
            memcpy(&after, buf + at + 8, 8);
        unsigned short length;
        memcpy(&length, buf + at + 16, 2);
        at += length;
    }
    EXPECT_EQ(lseek(dir, after, SEEK_SET), after);
    ASSERT_TRUE(syscall(SYS_getdents64, dir, buf, sizeof buf) > 0);
    snprintf(again, sizeof again, "%.15s", buf + 19);
    EXPECT_STREQ(again, first);
}
