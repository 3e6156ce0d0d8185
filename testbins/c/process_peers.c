/* Looking at what processes share (kcmp), and advice about another's memory (process_madvise). */
#include "nacre_test.h"
#include <sched.h>
#include <sys/uio.h>

enum { FILE_, VM, FILES, FS, SIGHAND, IO, SYSVSEM };

static long compare(pid_t one, pid_t other, int kind, long first, long second)
{
    return syscall(SYS_kcmp, one, other, kind, first, second);
}

TEST(kcmp_tells_the_same_open_file_from_another)
{
    int p[2];
    ASSERT_OK(pipe(p));
    int twin = ASSERT_OK(dup(p[0]));
    pid_t me = getpid();
    EXPECT_EQ(compare(me, me, FILE_, p[0], twin), 0);
    long order = compare(me, me, FILE_, p[0], p[1]); /* any order, but one */
    EXPECT_TRUE(order == 1 || order == 2);
    EXPECT_EQ(compare(me, me, FILE_, p[1], p[0]), 3 - order);
    EXPECT_ERRNO(compare(me, me, FILE_, p[0], 999), EBADF);
}

TEST(kcmp_sees_what_a_child_shares)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t child = fork(), me = getpid();
    if (child == 0) {
        close(p[1]);
        _exit(read(p[0], &c, 1) == 0 ? 0 : 1);
    }
    EXPECT_EQ(compare(me, child, FILE_, p[0], p[0]), 0);
    EXPECT_TRUE(compare(me, child, VM, 0, 0) > 0);
    EXPECT_TRUE(compare(me, child, FILES, 0, 0) > 0);
    EXPECT_TRUE(compare(me, child, FS, 0, 0) > 0);
    EXPECT_TRUE(compare(me, child, SIGHAND, 0, 0) > 0);
    for (int kind = VM; kind <= SYSVSEM; kind++)
        EXPECT_EQ(compare(me, me, kind, 0, 0), 0);
    close(p[1]);
    EXPECT_EXIT(child, 0);
}

TEST(kcmp_errors)
{
    pid_t me = getpid();
    EXPECT_ERRNO(compare(me, me, 8, 0, 0), EINVAL);
    EXPECT_ERRNO(compare(me, me, -1, 0, 0), EINVAL);
    EXPECT_ERRNO(compare(me, 0x3ffffff, VM, 0, 0), ESRCH);
    EXPECT_ERRNO(compare(me, -1, VM, 0, 0), ESRCH);
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(compare(1, me, VM, 0, 0), EPERM);
}

static long advise(int pidfd, struct iovec *v, long n, int advice, int flags)
{
    return syscall(SYS_process_madvise, pidfd, v, n, advice, flags);
}

TEST(process_madvise_takes_harmless_advice_and_counts_bytes)
{
    int self = ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0));
    char *at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec v[2] = { { at, 4096 }, { at + 4096, 4096 } };
    at[0] = 'a';
    EXPECT_EQ(advise(self, v, 2, 20 /* COLD */, 0), 8192);
    EXPECT_EQ(advise(self, v, 1, 21 /* PAGEOUT */, 0), 4096);
    EXPECT_EQ(advise(self, v, 1, MADV_WILLNEED, 0), 4096);
    EXPECT_EQ(at[0], 'a');
    v[1].iov_base = NT_BAD;
    EXPECT_EQ(advise(self, v, 2, 20, 0), 4096);
    EXPECT_ERRNO(advise(self, v + 1, 1, 20, 0), ENOMEM);
}

TEST(process_madvise_errors)
{
    int self = ASSERT_OK(syscall(SYS_pidfd_open, getpid(), 0));
    struct iovec v = { 0, 0 };
    EXPECT_ERRNO(advise(self, &v, 1, MADV_DONTNEED, 0), EINVAL);
    EXPECT_ERRNO(advise(self, &v, 1, 20, 1), EINVAL);
    EXPECT_ERRNO(advise(self, &v, 1025, 20, 0), EINVAL);
    EXPECT_ERRNO(advise(self, NT_BAD, 1, 20, 0), EFAULT);
    EXPECT_ERRNO(advise(-1, &v, 1, 20, 0), EBADF);
    EXPECT_ERRNO(advise(0, &v, 1, 20, 0), EBADF);
}
