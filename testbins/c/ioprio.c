/* Priorities of input and output: they are kept, inherited and judged, whether or not a device goes by them. */
#include "nacre_test.h"

enum { PROCESS = 1, GROUP, USER };
#define PRIO(class, level) ((class) << 13 | (level))
enum { NONE, RT, BE, IDLE };

static long get(int which, int who)
{
    return syscall(SYS_ioprio_get, which, who);
}

static long set(int which, int who, int prio)
{
    return syscall(SYS_ioprio_set, which, who, prio);
}

TEST(ioprio_is_none_until_set_and_then_kept)
{
    EXPECT_EQ(get(PROCESS, 0), 0);
    EXPECT_OK(set(PROCESS, 0, PRIO(BE, 7)));
    EXPECT_EQ(get(PROCESS, 0), PRIO(BE, 7));
    EXPECT_EQ(get(PROCESS, getpid()), PRIO(BE, 7));
    EXPECT_OK(set(PROCESS, 0, PRIO(IDLE, 0)));
    EXPECT_EQ(get(PROCESS, 0), PRIO(IDLE, 0));
    EXPECT_OK(set(PROCESS, 0, 0));
    EXPECT_EQ(get(PROCESS, 0), 0);
}

TEST(ioprio_of_a_group_is_the_best_and_follows_nice_when_none_is_set)
{
    EXPECT_OK(setpgid(0, 0));
    EXPECT_EQ(get(GROUP, 0), PRIO(BE, 4));
    EXPECT_OK(set(GROUP, 0, PRIO(BE, 6)));
    EXPECT_EQ(get(GROUP, 0), PRIO(BE, 6));
    EXPECT_EQ(get(PROCESS, 0), PRIO(BE, 6));
}

TEST(ioprio_is_inherited_by_children)
{
    EXPECT_OK(set(PROCESS, 0, PRIO(BE, 2)));
    pid_t child = fork();
    if (child == 0)
        _exit(get(PROCESS, 0) == PRIO(BE, 2) ? 5 : 6);
    EXPECT_EXIT(child, 5);
}

TEST(ioprio_errors)
{
    EXPECT_ERRNO(get(0, 0), EINVAL);
    EXPECT_ERRNO(get(4, 0), EINVAL);
    EXPECT_ERRNO(set(9, 0, 0), EINVAL);
    EXPECT_ERRNO(get(PROCESS, 0x3ffffff), ESRCH);
    EXPECT_ERRNO(set(PROCESS, 0x3ffffff, 0), ESRCH);
    EXPECT_ERRNO(get(USER, 54321), ESRCH);
    EXPECT_ERRNO(set(PROCESS, 0, PRIO(4, 0)), EINVAL);
    EXPECT_ERRNO(set(PROCESS, 0, PRIO(NONE, 1)), EINVAL);
}

TEST(ioprio_real_time_and_others_are_for_who_may)
{
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(set(PROCESS, 0, PRIO(RT, 4)), EPERM);
    EXPECT_OK(set(PROCESS, 0, PRIO(BE, 4)));
    EXPECT_ERRNO(set(PROCESS, 1, PRIO(BE, 4)), EPERM);
    EXPECT_OK(get(PROCESS, 1));
}
