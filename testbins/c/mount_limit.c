/* How many mounts a namespace may have (man 5 proc_sys_fs, mount-max), and what is left of those that were too many. */
#include "nacre_test.h"
#include "mount_test.h"
#include "inotify_test.h"
#include <poll.h>
#include <sched.h>

#define MOST "/proc/sys/fs/mount-max"

static void set_most(long most)
{
    char text[32];
    snprintf(text, sizeof text, "%ld\n", most);
    int fd = ASSERT_OK(open(MOST, O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int mounts(void)
{
    static char text[1 << 20];
    int lines = 0;
    ASSERT_TRUE(nt_get("/proc/self/mountinfo", text, sizeof text) > 0);
    for (char *end = text; (end = strchr(end, '\n')); end++)
        lines++;
    return lines;
}

/* What a part does in a process of its own, in a namespace of its own; the limit is put back however it ends. */
static void with_a_limit(void (*part)(void))
{
    char text[32] = "";
    ASSERT_TRUE(nt_get(MOST, text, sizeof text) > 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        part();
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    set_most(atol(text));
}

static void grow(void)
{
    int before = mounts();
    own_tree();
    set_most(1500);
    ASSERT_OK(mount(NULL, here, NULL, MS_SHARED, NULL));
    int rounds = 0;
    while (rounds < 20 && mount(here, "b", NULL, MS_BIND | MS_REC, NULL) == 0)
        rounds++;
    EXPECT_TRUE(rounds > 3 && rounds < 20 && errno == ENOSPC);
    set_most(100000);
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(chdir("/"));
    /* What it heard of stands on its root as well. */
    while (umount2(here, MNT_DETACH) == 0)
        ;
    EXPECT_ERRNO(umount2(here, MNT_DETACH), EINVAL);
    EXPECT_EQ(mounts(), before);
}

TEST(a_tree_that_hears_of_itself_grows_to_the_limit_and_no_further)
{
    with_a_limit(grow);
}

/* The next event, which comes with the end of the file system. */
static void expect(int wd, unsigned mask)
{
    struct pollfd p = { .fd = in, .events = POLLIN };
    if (at >= have)
        EXPECT_EQ(poll(&p, 1, 10000), 1);
    struct inotify_event *e = next();
    EXPECT_EQ(e->wd, wd);
    EXPECT_EQ(e->mask, mask);
}

static void refuse(void)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    nt_put("a/f", "x");
    in = ASSERT_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    int wd = ASSERT_OK(inotify_add_watch(in, "a/f", IN_MODIFY));
    set_most(mounts());
    for (int i = 0; i < 20; i++) {
        EXPECT_ERRNO(mount(here, "b", NULL, MS_BIND | MS_REC, NULL), ENOSPC);
        EXPECT_ERRNO(mount("n", "b", "tmpfs", 0, NULL), ENOSPC);
    }
    set_most(mounts() + 2);
    EXPECT_OK(mount(here, "b", NULL, MS_BIND | MS_REC, NULL));
    EXPECT_OK(umount2("b", MNT_DETACH));
    EXPECT_EQ(next()->wd, -99);
    ASSERT_OK(umount("a"));
    /* Nothing of the copies that were refused holds the file system. */
    expect(wd, IN_UNMOUNT);
    expect(wd, IN_IGNORED);
    ASSERT_OK(chdir("/"));
    EXPECT_OK(umount(here));
}

TEST(a_tree_that_is_too_much_leaves_nothing_behind)
{
    with_a_limit(refuse);
}
