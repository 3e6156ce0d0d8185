/* Limits of what one user may have, and what sets them below /proc/sys. */
#include "nacre_test.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>

static char text[4096];

static long long setting(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    ASSERT_TRUE(nt_get(path, text, sizeof text) > 0);
    return strtoll(text, NULL, 10);
}

static int set(const char *name, long long value)
{
    char path[128], number[32];
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    int n = snprintf(number, sizeof number, "%lld", value), fd = open(path, O_WRONLY);
    int done = fd >= 0 && write(fd, number, n) == n;
    close(fd);
    return done ? 0 : -1;
}

/* Runs `what` as a user of nobody else's while a setting has this value. */
static void with(const char *name, long long value, uid_t uid, void (*what)(void))
{
    long long before = setting(name);
    EXPECT_OK(set(name, value));
    EXPECT_EQ(setting(name), value);
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setresuid(uid, uid, uid));
        what();
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    EXPECT_OK(set(name, before));
}

static int watch(int epoll, int operation, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };
    return epoll_ctl(epoll, operation, fd, &event);
}

static void watch_four(void)
{
    int one = ASSERT_OK(epoll_create1(0)), two = ASSERT_OK(epoll_create1(0)), fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = ASSERT_OK(eventfd(0, 0));
    EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[0]));
    EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[1]));
    EXPECT_OK(watch(two, EPOLL_CTL_ADD, fds[0]));
    EXPECT_OK(watch(two, EPOLL_CTL_ADD, fds[2]));
    EXPECT_ERRNO(watch(one, EPOLL_CTL_ADD, fds[3]), ENOSPC);
    EXPECT_ERRNO(watch(two, EPOLL_CTL_ADD, fds[3]), ENOSPC);
    EXPECT_ERRNO(watch(one, EPOLL_CTL_ADD, fds[0]), EEXIST);
    EXPECT_OK(watch(one, EPOLL_CTL_MOD, fds[0]));
    EXPECT_OK(watch(two, EPOLL_CTL_DEL, fds[0]));
    EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[3]));
    EXPECT_ERRNO(watch(one, EPOLL_CTL_ADD, fds[4]), ENOSPC);
    /* A file that is closed is watched no longer. */
    close(fds[1]);
    EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[4]));
    EXPECT_ERRNO(watch(two, EPOLL_CTL_ADD, fds[0]), ENOSPC);
    close(two);
    EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[2]));
    int more = ASSERT_OK(eventfd(0, 0));
    EXPECT_ERRNO(watch(one, EPOLL_CTL_ADD, more), ENOSPC);
}

TEST(epoll_watches_are_limited_by_user)
{
    EXPECT_TRUE(setting("fs/epoll/max_user_watches") > 1000);
    with("fs/epoll/max_user_watches", 4, 4001, watch_four);
}

static void watch_none(void)
{
    int epoll = ASSERT_OK(epoll_create1(0)), fd = ASSERT_OK(eventfd(0, 0));
    EXPECT_ERRNO(watch(epoll, EPOLL_CTL_ADD, fd), ENOSPC);
}

/* What was closed counts no more once a wait has met it. */
static void close_two_and_wait(void)
{
    int one = ASSERT_OK(epoll_create1(0)), two = ASSERT_OK(epoll_create1(0)), fds[5];
    struct epoll_event e;
    for (int i = 0; i < 2; i++) {
        fds[i] = ASSERT_OK(eventfd(1, 0));
        EXPECT_OK(watch(one, EPOLL_CTL_ADD, fds[i]));
    }
    close(fds[0]);
    close(fds[1]);
    EXPECT_EQ(epoll_wait(one, &e, 1, 0), 0);
    for (int i = 0; i < 5; i++)
        fds[i] = ASSERT_OK(eventfd(0, 0));
    for (int i = 0; i < 4; i++)
        EXPECT_OK(watch(two, EPOLL_CTL_ADD, fds[i]));
    EXPECT_ERRNO(watch(two, EPOLL_CTL_ADD, fds[4]), ENOSPC);
    close(one);
    EXPECT_ERRNO(watch(two, EPOLL_CTL_ADD, fds[4]), ENOSPC);
}

TEST(epoll_watches_of_closed_files_do_not_count)
{
    with("fs/epoll/max_user_watches", 4, 4009, close_two_and_wait);
}

TEST(epoll_watches_may_be_none)
{
    with("fs/epoll/max_user_watches", 0, 4002, watch_none);
    EXPECT_ERRNO(set("fs/epoll/max_user_watches", -1), EINVAL);
}

static void small_pipes(void)
{
    int p[2], q[2];
    ASSERT_OK(pipe(p));
    ASSERT_OK(pipe(q));
    EXPECT_EQ(fcntl(q[0], F_GETPIPE_SZ), 65536);
    close(q[0]);
    close(q[1]);
    /* 16 pages are taken: a third pipe may have these two and no more. */
    EXPECT_EQ(fcntl(p[0], F_SETPIPE_SZ, 131072), 131072);
    ASSERT_OK(pipe(q));
    EXPECT_EQ(fcntl(q[0], F_GETPIPE_SZ), 8192);
    EXPECT_ERRNO(fcntl(q[0], F_SETPIPE_SZ, 65536), EPERM);
    EXPECT_EQ(fcntl(q[0], F_SETPIPE_SZ, 4096), 4096);
    EXPECT_ERRNO(fcntl(p[0], F_SETPIPE_SZ, 262144), EPERM);
    EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 131072);
    EXPECT_EQ(fcntl(p[0], F_SETPIPE_SZ, 4096), 4096);
    EXPECT_EQ(fcntl(q[0], F_SETPIPE_SZ, 65536), 65536);
}

TEST(pipes_past_the_soft_limit_are_small)
{
    with("fs/pipe-user-pages-soft", 32, 4003, small_pipes);
}

static void no_more_pipes(void)
{
    int p[2], q[2];
    ASSERT_OK(pipe(p));
    ASSERT_OK(pipe(q));
    EXPECT_ERRNO(pipe((int[2]){ 0 }), ENFILE);
    close(q[0]);
    EXPECT_ERRNO(pipe((int[2]){ 0 }), ENFILE);
    close(q[1]);
    EXPECT_OK(pipe(q));
}

TEST(pipes_past_the_hard_limit_are_refused)
{
    with("fs/pipe-user-pages-hard", 32, 4004, no_more_pipes);
}

static void pipes_of_root(void)
{
    int p[2];
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(pipe(p));
        EXPECT_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
    }
}

TEST(limits_of_pipes_are_not_for_who_administrates)
{
    with("fs/pipe-user-pages-hard", 16, 0, pipes_of_root);
    with("fs/pipe-user-pages-soft", 16, 0, pipes_of_root);
}

static void map_some(void)
{
    /* Neighbours differ in what may be done, so that none is joined with another. */
    int made = 0, error = 0;
    for (int i = 0; i < 200; i++) {
        int prot = i & 1 ? PROT_READ : PROT_NONE;
        if (mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            made++;
        else
            error = errno;
    }
    EXPECT_EQ(error, ENOMEM);
    EXPECT_TRUE(made > 50 && made < 110);
}

TEST(mappings_are_limited_by_count)
{
    with("vm/max_map_count", 100, 4005, map_some);
}

static void map_too_much(void)
{
    EXPECT_TRUE(mmap(NULL, 1UL << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

TEST(what_can_never_be_there_is_promised_when_all_is)
{
    EXPECT_ERRNO((long)mmap(NULL, 1UL << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    with("vm/overcommit_memory", 1, 4006, map_too_much);
}

static void few_instances(void)
{
    ASSERT_OK(inotify_init1(0));
    EXPECT_ERRNO(inotify_init1(0), EMFILE);
}

TEST(inotify_has_its_limits_under_two_names)
{
    with("user/max_inotify_instances", 1, 4007, few_instances);
    with("fs/inotify/max_user_instances", 1, 4008, few_instances);
    EXPECT_EQ(setting("user/max_inotify_watches"), setting("fs/inotify/max_user_watches"));
}

/* Mounts file systems on `d` until there are enough; how many went. */
static int mount_all(void)
{
    int made = 0;
    while (made < 64 && mount("none", "d", "tmpfs", 0, NULL) == 0)
        made++;
    EXPECT_ERRNO(mount("none", "d", "tmpfs", 0, NULL), ENOSPC);
    return made;
}

static int mounts(void)
{
    static char all[65536];
    int lines = 0;
    ASSERT_TRUE(nt_get("/proc/self/mountinfo", all, sizeof all) > 0);
    for (char *at = all; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

TEST(mounts_are_limited_by_namespace)
{
    long long before = setting("fs/mount-max");
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("e", 0755));
    EXPECT_ERRNO(set("fs/mount-max", 0), EINVAL);
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        int most = mounts() + 8;
        EXPECT_OK(set("fs/mount-max", most));
        int made = mount_all();
        EXPECT_TRUE(made > 2 && made <= 8);
        EXPECT_ERRNO(mount("d", "e", NULL, MS_BIND, NULL), ENOSPC);
        /* One goes, one may come; what only moves is there already. */
        EXPECT_OK(umount("d"));
        EXPECT_OK(mount("d", "e", NULL, MS_BIND, NULL));
        EXPECT_ERRNO(mount("none", "d", "tmpfs", 0, NULL), ENOSPC);
        EXPECT_OK(umount("e"));
        EXPECT_OK(mount("d", "e", NULL, MS_MOVE, NULL));
        /* Where others hear of it, each of theirs counts. */
        EXPECT_OK(umount("e"));
        EXPECT_OK(mount("none", "e", "tmpfs", 0, NULL));
        EXPECT_OK(mount(NULL, "e", NULL, MS_SHARED, NULL));
        EXPECT_OK(mkdir("e/below", 0755));
        EXPECT_OK(umount("d"));
        EXPECT_OK(mount("e", "d", NULL, MS_BIND, NULL));
        EXPECT_ERRNO(mount("none", "e/below", "tmpfs", 0, NULL), ENOSPC);
        EXPECT_OK(set("fs/mount-max", most + 1));
        EXPECT_OK(mount("none", "e/below", "tmpfs", 0, NULL));
        nt_done();
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_OK(set("fs/mount-max", before));
}
