/* Sealed mappings, and programs that refuse to make what they can write executable (man 2 mseal, man 2 prctl). */
#include "nacre_test.h"
#include <sys/prctl.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
enum { SET_MDWE = 65, GET_MDWE = 66 };
#define PAGE 4096UL

static char *map(size_t len, int prot)
{
    char *at = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

static long seal(void *at, size_t len, unsigned long flags)
{
    return syscall(SYS_mseal, at, len, flags);
}

static int failed(void *at)
{
    return at == MAP_FAILED ? -1 : 0;
}

TEST(seal_errors)
{
    char *at = map(4 * PAGE, PROT_READ | PROT_WRITE);
    EXPECT_ERRNO(seal(at, PAGE, 1), EINVAL);
    EXPECT_ERRNO(seal(at + 1, PAGE, 0), EINVAL);
    EXPECT_OK(seal(at, 0, 0));
    EXPECT_ERRNO(seal(NT_BAD, PAGE, 0), ENOMEM);
    ASSERT_OK(munmap(at + 2 * PAGE, PAGE));
    EXPECT_ERRNO(seal(at, 4 * PAGE, 0), ENOMEM);
    EXPECT_OK(munmap(at, PAGE));
}

TEST(sealed_mappings_stay_as_they_are)
{
    char *at = map(4 * PAGE, PROT_READ | PROT_WRITE);
    ASSERT_OK(seal(at + PAGE, PAGE, 0));
    EXPECT_OK(seal(at + PAGE, PAGE, 0));
    at[PAGE] = 1;
    EXPECT_ERRNO(munmap(at + PAGE, PAGE), EPERM);
    EXPECT_ERRNO(munmap(at, 4 * PAGE), EPERM);
    at[0] = 1;
    EXPECT_ERRNO(mprotect(at + PAGE, PAGE, PROT_READ), EPERM);
    EXPECT_ERRNO(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE), EPERM);
    EXPECT_ERRNO(failed(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)), EPERM);
    EXPECT_ERRNO(failed(mremap(at + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE)), EPERM);
    EXPECT_ERRNO(failed(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE)), EPERM);
    EXPECT_OK(madvise(at + PAGE, PAGE, MADV_DONTNEED));
    EXPECT_OK(mlock(at + PAGE, PAGE));
    EXPECT_OK(munlock(at + PAGE, PAGE));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(munmap(at + PAGE, PAGE), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(munmap(at + 2 * PAGE, 2 * PAGE));
}

TEST(sealed_pages_that_cannot_be_written_are_not_thrown_away)
{
    char *at = map(2 * PAGE, PROT_READ);
    ASSERT_OK(seal(at, 2 * PAGE, 0));
    EXPECT_ERRNO(madvise(at, PAGE, MADV_DONTNEED), EPERM);
    EXPECT_ERRNO(madvise(at, PAGE, MADV_FREE), EPERM);
    EXPECT_OK(madvise(at, PAGE, MADV_WILLNEED));
}

TEST(what_can_be_written_never_becomes_executable)
{
    char *data = map(PAGE, PROT_READ | PROT_WRITE);
    char *code = map(PAGE, PROT_READ | PROT_EXEC);
    EXPECT_EQ(prctl(GET_MDWE, 0, 0, 0, 0), 0);
    EXPECT_ERRNO(prctl(SET_MDWE, 2, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(SET_MDWE, 1, 1, 0, 0), EINVAL);
    EXPECT_OK(prctl(SET_MDWE, 1, 0, 0, 0));
    EXPECT_EQ(prctl(GET_MDWE, 0, 0, 0, 0), 1);
    EXPECT_ERRNO(prctl(SET_MDWE, 0, 0, 0, 0), EPERM);
    EXPECT_ERRNO(prctl(SET_MDWE, 3, 0, 0, 0), EPERM);
    EXPECT_ERRNO(failed(mmap(NULL, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), EACCES);
    EXPECT_ERRNO(mprotect(data, PAGE, PROT_READ | PROT_EXEC), EACCES);
    EXPECT_OK(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
    EXPECT_OK(mprotect(code, PAGE, PROT_READ));
    EXPECT_ERRNO(mprotect(code, PAGE, PROT_READ | PROT_EXEC), EACCES);
    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(GET_MDWE, 0, 0, 0, 0));
    EXPECT_EXIT(pid, 1);
}

TEST(a_refusal_that_is_not_inherited)
{
    EXPECT_OK(prctl(SET_MDWE, 3, 0, 0, 0));
    EXPECT_EQ(prctl(GET_MDWE, 0, 0, 0, 0), 3);
    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(GET_MDWE, 0, 0, 0, 0));
    EXPECT_EXIT(pid, 0);
}

TEST(huge_pages_can_be_done_without)
{
    EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    EXPECT_OK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
    EXPECT_ERRNO(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0), EINVAL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    EXPECT_EXIT(pid, 1);
}

TEST(where_arguments_lie_can_be_said)
{
    char *at = map(PAGE, PROT_READ | PROT_WRITE), shown[32];
    strcpy(at, "another name");
    EXPECT_ERRNO(prctl(PR_SET_MM, PR_SET_MM_ARG_END, 8, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 8, 0), EINVAL);
    /* The end goes first: a start beyond the end is refused. */
    EXPECT_ERRNO(prctl(PR_SET_MM, PR_SET_MM_ARG_END, at + 13, 0, 0) == 0 ? 0 : -1, EINVAL);
    EXPECT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 0, 0));
    EXPECT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, at + 13, 0, 0));
    EXPECT_EQ(nt_get("/proc/self/cmdline", shown, sizeof shown), 13);
    EXPECT_STREQ(shown, "another name");
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 0, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(options_that_ask_for_what_is_so_anyway)
{
    int word = 0;
    EXPECT_OK(prctl(25, &word, 0, 0, 0));
    EXPECT_EQ(word, 1);
    EXPECT_ERRNO(prctl(25, NT_BAD, 0, 0, 0), EFAULT);
    EXPECT_OK(prctl(26, 1, 0, 0, 0));
    EXPECT_ERRNO(prctl(26, 0, 0, 0, 0), EINVAL);
    EXPECT_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), 2);
    EXPECT_OK(prctl(PR_MCE_KILL, 1, 1, 0, 0));
    EXPECT_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), 1);
    EXPECT_ERRNO(prctl(PR_MCE_KILL, 1, 3, 0, 0), EINVAL);
    EXPECT_OK(prctl(PR_MCE_KILL, 0, 0, 0, 0));
    EXPECT_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), 2);
    EXPECT_ERRNO(prctl(52, 1, 0, 0, 0), ENODEV);
    EXPECT_ERRNO(prctl(53, 0, 1, 0, 0), ERANGE);
    EXPECT_ERRNO(prctl(53, 1, 2, 0, 0), ENODEV);
    EXPECT_OK(prctl(57, 1, 0, 0, 0));
    EXPECT_EQ(prctl(58, 0, 0, 0, 0), 1);
    EXPECT_ERRNO(prctl(57, 2, 0, 0, 0), EINVAL);
    EXPECT_OK(prctl(57, 0, 0, 0, 0));
    EXPECT_OK(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
    EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 50000);
}
