/* The descriptor table: lowest free number, dup and its kin, fcntl, close_range, what fork and exec keep. */
#include "nacre_test.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY (1024 + 3)
#endif

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

// proves B6
TEST(dup_takes_the_lowest_free_number)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY));
    int b = ASSERT_OK(dup(a));
    int c = ASSERT_OK(dup(a));
    EXPECT_TRUE(a < b && b < c);
    ASSERT_OK(close(b));
    EXPECT_EQ(dup(a), b);
    ASSERT_OK(close(a));
    EXPECT_EQ(open("/dev/null", O_RDONLY), a);
}

// proves B6
TEST(standard_descriptors_are_open_at_start)
{
    EXPECT_TRUE(is_open(0));
    EXPECT_TRUE(is_open(1));
    EXPECT_TRUE(is_open(2));
}

TEST(dup_shares_the_offset_and_status_flags)
{
    nt_dir();
    nt_put("f", "abcdef");
    int a = ASSERT_OK(open("f", O_RDONLY)), b = ASSERT_OK(dup(a));
    char c;
    EXPECT_EQ(read(a, &c, 1), 1);
    EXPECT_EQ(read(b, &c, 1), 1);
    EXPECT_EQ(c, 'b');
    EXPECT_OK(fcntl(a, F_SETFL, O_NONBLOCK));
    EXPECT_TRUE(fcntl(b, F_GETFL) & O_NONBLOCK);
}

TEST(two_opens_have_their_own_offsets)
{
    nt_dir();
    nt_put("f", "abcdef");
    int a = ASSERT_OK(open("f", O_RDONLY)), b = ASSERT_OK(open("f", O_RDONLY));
    char c;
    EXPECT_EQ(read(a, &c, 1), 1);
    EXPECT_EQ(read(b, &c, 1), 1);
    EXPECT_EQ(c, 'a');
}

TEST(dup_of_a_closed_number_is_ebadf)
{
    EXPECT_ERRNO(dup(-1), EBADF);
    EXPECT_ERRNO(dup(999), EBADF);
    EXPECT_ERRNO(dup2(999, 5), EBADF);
    EXPECT_ERRNO(close(999), EBADF);
    EXPECT_ERRNO(close(-1), EBADF);
}

TEST(dup3_replaces_and_closes_the_old_file)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    int null = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_EQ(dup3(null, p[1], O_CLOEXEC), p[1]);
    EXPECT_EQ(fcntl(p[1], F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(read(p[0], &c, 1), 0);
}

TEST(dup2_to_itself_returns_the_number)
{
    EXPECT_EQ(dup2(1, 1), 1);
    EXPECT_ERRNO(syscall(SYS_dup3, 1, 1, 0), EINVAL);
    EXPECT_ERRNO(dup2(999, 999), EBADF);
}

TEST(dup3_refuses_unknown_flags_and_numbers_past_the_limit)
{
    EXPECT_ERRNO(syscall(SYS_dup3, 1, 20, O_NONBLOCK), EINVAL);
    EXPECT_ERRNO(syscall(SYS_dup3, 1, -1, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_dup3, 1, 1 << 30, 0), EBADF);
}

TEST(dup_does_not_copy_cloexec)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
    int b = ASSERT_OK(dup(a));
    EXPECT_EQ(fcntl(b, F_GETFD), 0);
}

TEST(fcntl_dupfd_starts_at_the_minimum)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY));
    EXPECT_EQ(fcntl(a, F_DUPFD, 100), 100);
    EXPECT_EQ(fcntl(a, F_DUPFD, 100), 101);
    EXPECT_EQ(fcntl(a, F_DUPFD_CLOEXEC, 100), 102);
    EXPECT_EQ(fcntl(102, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(101, F_GETFD), 0);
    EXPECT_ERRNO(fcntl(a, F_DUPFD, 1 << 30), EINVAL);
    EXPECT_ERRNO(fcntl(a, F_DUPFD, -1), EINVAL);
}

TEST(fcntl_setfl_changes_only_status_flags)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDONLY | O_CREAT, 0600));
    EXPECT_OK(fcntl(fd, F_SETFL, O_RDWR | O_APPEND | O_NONBLOCK));
    int flags = EXPECT_OK(fcntl(fd, F_GETFL));
    EXPECT_EQ(flags & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(flags & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
    EXPECT_EQ(flags & O_CREAT, 0);
    EXPECT_OK(fcntl(fd, F_SETFL, 0));
    EXPECT_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), 0);
}

TEST(fcntl_getfl_reports_large_file_on_arm64)
{
    int fd = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_EQ(fcntl(fd, F_GETFL), O_RDWR | 0400000);
}

TEST(fcntl_unknown_command_is_einval)
{
    EXPECT_ERRNO(fcntl(1, 9999), EINVAL);
    EXPECT_ERRNO(fcntl(999, F_GETFD), EBADF);
    EXPECT_ERRNO(fcntl(999, 9999), EBADF);
}

TEST(fcntl_setfd_knows_only_cloexec)
{
    int fd = ASSERT_OK(open("/dev/null", O_RDONLY));
    EXPECT_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_OK(fcntl(fd, F_SETFD, 2));
    EXPECT_EQ(fcntl(fd, F_GETFD), 0);
}

TEST(fcntl_dupfd_query_knows_the_same_open_file)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY)), b = ASSERT_OK(dup(a));
    int other = ASSERT_OK(open("/dev/null", O_RDONLY));
    EXPECT_EQ(fcntl(a, F_DUPFD_QUERY, b), 1);
    EXPECT_EQ(fcntl(a, F_DUPFD_QUERY, other), 0);
    EXPECT_ERRNO(fcntl(a, F_DUPFD_QUERY, 999), EBADF);
}

TEST(fcntl_owner_is_kept_for_sigio)
{
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(fcntl(p[0], F_GETOWN), 0);
    EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
    EXPECT_EQ(fcntl(p[0], F_GETOWN), getpid());
    EXPECT_OK(fcntl(p[0], F_SETSIG, SIGUSR1));
    EXPECT_EQ(fcntl(p[0], F_GETSIG), SIGUSR1);
    EXPECT_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
}

TEST(close_range_closes_just_the_range)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY));
    for (int i = 50; i < 60; i++)
        ASSERT_EQ(dup2(a, i), i);
    EXPECT_OK(syscall(SYS_close_range, 52, 57, 0));
    for (int i = 50; i < 60; i++)
        EXPECT_EQ(is_open(i), i < 52 || i > 57);
    EXPECT_OK(syscall(SYS_close_range, 50, ~0U, 0));
    EXPECT_TRUE(!is_open(50) && !is_open(59));
}

TEST(close_range_cloexec_only_marks)
{
    int a = ASSERT_OK(open("/dev/null", O_RDONLY));
    ASSERT_EQ(dup2(a, 50), 50);
    EXPECT_OK(syscall(SYS_close_range, 50, 60, 4 /* CLOSE_RANGE_CLOEXEC */));
    EXPECT_EQ(fcntl(50, F_GETFD), FD_CLOEXEC);
}

TEST(close_range_refuses_a_backward_range_and_unknown_flags)
{
    EXPECT_ERRNO(syscall(SYS_close_range, 60, 50, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_close_range, 50, 60, 0x100), EINVAL);
}

// proves B6
TEST(fork_copies_the_table_and_shares_the_offset)
{
    char c;
    nt_dir();
    nt_put("f", "abcdef");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(read(fd, &c, 1), 1);
        EXPECT_OK(close(fd));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(read(fd, &c, 1), 1);
    EXPECT_EQ(c, 'b');
}

ROLE(open_or_not)
{
    int kept = atoi(argv[2]), gone = atoi(argv[3]);
    return is_open(kept) && !is_open(gone) && is_open(0) ? 0 : 1;
}

// proves B6
TEST(exec_keeps_descriptors_but_cloexec_ones)
{
    char kept[16], gone[16];
    snprintf(kept, sizeof kept, "%d", ASSERT_OK(open("/dev/null", O_RDONLY)) ? dup(1) : 0);
    snprintf(gone, sizeof gone, "%ld", ASSERT_OK(open("/dev/null", O_RDONLY | O_CLOEXEC)));
    pid_t pid = nt_fork();
    if (pid == 0) {
        execl(nt_self, nt_self, "@open_or_not", kept, gone, NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(table_grows_past_a_thousand_descriptors)
{
    int fd = ASSERT_OK(open("/dev/null", O_RDONLY));
    EXPECT_EQ(dup2(fd, 1023), 1023);
    for (int i = 0; i < 900; i++)
        ASSERT_TRUE(dup(fd) != -1);
    EXPECT_OK(syscall(SYS_close_range, 3, 1023, 0));
    EXPECT_EQ(open("/dev/null", O_RDONLY), 3);
}

TEST(proc_self_fd_lists_the_table)
{
    char path[64], target[64] = "";
    int fd = ASSERT_OK(open("/dev/null", O_RDONLY));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_EQ(readlink(path, target, sizeof target), 9);
    EXPECT_STREQ(target, "/dev/null");
    ASSERT_OK(close(fd));
    EXPECT_ERRNO(readlink(path, target, sizeof target), ENOENT);
}
