/* Namespaces of mounts (man 7 mount_namespaces, man 2 unshare, man 2 setns): whose mounts are seen by whom, and how
 * long they stand. */
#include "nacre_test.h"
#include "mount_test.h"
#include <sched.h>
#include <sys/vfs.h>

static void end(void)
{
    ASSERT_OK(chdir("/"));
    EXPECT_OK(umount2(here, MNT_DETACH));
}

/* Whether a tmpfs is mounted on the place, by its device. */
static int mounted(const char *place)
{
    char above[128];
    struct stat in, out;
    snprintf(above, sizeof above, "%s/..", place);
    ASSERT_OK(stat(place, &in));
    ASSERT_OK(stat(above, &out));
    return in.st_dev != out.st_dev;
}

static ino_t namespace_of(pid_t pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    ASSERT_OK(stat(path, &st));
    return st.st_ino;
}

static int open_namespace(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    return ASSERT_OK(open(path, O_RDONLY | O_CLOEXEC));
}

/* Whether the table of mounts of a process names the place. */
static int listed(pid_t pid, const char *place)
{
    static char text[16384];
    char path[64], point[128];
    snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
    ASSERT_TRUE(nt_get(path, text, sizeof text) > 0);
    snprintf(point, sizeof point, " %s/%s ", here, place);
    return strstr(text, point) != NULL;
}

/* A child that says when it has come so far, and waits until it is told to go on. */
struct partner {
    pid_t pid;
    int said[2], told[2];
};

static int partner_fork(struct partner *p)
{
    ASSERT_OK(pipe(p->said));
    ASSERT_OK(pipe(p->told));
    p->pid = nt_fork();
    return p->pid == 0;
}

static void partner_wait(struct partner *p)
{
    char c;
    ASSERT_EQ(write(p->said[1], "x", 1), 1);
    ASSERT_EQ(read(p->told[0], &c, 1), 1);
}

static void await_partner(struct partner *p)
{
    char c;
    close(p->said[1]);
    ASSERT_EQ(read(p->said[0], &c, 1), 1);
}

static void let_go(struct partner *p)
{
    ASSERT_EQ(write(p->told[1], "x", 1), 1);
}

TEST(unshare_makes_one_of_its_own_number)
{
    own_tree();
    ino_t old = namespace_of(getpid());
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        EXPECT_TRUE(namespace_of(getpid()) != old);
        partner_wait(&p);
        nt_done();
    }
    await_partner(&p);
    EXPECT_TRUE(namespace_of(p.pid) != old);
    EXPECT_EQ(namespace_of(getpid()), old);
    char text[64] = "", want[64];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", p.pid);
    EXPECT_TRUE(readlink(path, text, sizeof text - 1) > 0);
    snprintf(want, sizeof want, "mnt:[%lu]", (unsigned long)namespace_of(p.pid));
    EXPECT_STREQ(text, want);
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    end();
}

TEST(what_is_mounted_in_one_is_not_seen_in_the_other)
{
    own_tree();
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
        EXPECT_TRUE(mounted("a"));
        partner_wait(&p);
        EXPECT_TRUE(!mounted("b"));
        EXPECT_TRUE(listed(getpid(), "a"));
        EXPECT_TRUE(!listed(getpid(), "b"));
        nt_done();
    }
    await_partner(&p);
    EXPECT_TRUE(!mounted("a"));
    EXPECT_TRUE(!listed(getpid(), "a"));
    EXPECT_TRUE(listed(p.pid, "a"));
    ASSERT_OK(mount("n", "b", "tmpfs", 0, NULL));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    EXPECT_OK(umount("b"));
    end();
}

TEST(who_goes_stands_on_the_copy)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
    ASSERT_OK(mkdir("a/x", 0755));
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(chdir("a"));
        ASSERT_OK(unshare(CLONE_NEWNS));
        partner_wait(&p);
        char text[128], want[128];
        EXPECT_TRUE(getcwd(text, sizeof text) != NULL);
        snprintf(want, sizeof want, "%s/a", here);
        EXPECT_STREQ(text, want);
        EXPECT_EQ(access("x", F_OK), 0);
        EXPECT_ERRNO(umount(want), EBUSY);
        ASSERT_OK(chdir("/"));
        EXPECT_OK(umount(want));
        nt_done();
    }
    await_partner(&p);
    /* The child's working directory is on a mount of its own: this one is free. */
    EXPECT_OK(umount("a"));
    EXPECT_TRUE(!mounted("a"));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    end();
}

TEST(peers_hear_of_each_other_across)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
    ASSERT_OK(mkdir("a/x", 0755));
    ASSERT_OK(mkdir("a/y", 0755));
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
        partner_wait(&p);
        EXPECT_TRUE(mounted("a/y"));
        EXPECT_OK(umount("a/x"));
        EXPECT_OK(umount("a/y"));
        nt_done();
    }
    await_partner(&p);
    EXPECT_TRUE(mounted("a/x"));
    ASSERT_OK(mount("n", "a/y", "tmpfs", 0, NULL));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    EXPECT_TRUE(!mounted("a/x"));
    EXPECT_TRUE(!mounted("a/y"));
    end();
}

TEST(a_slave_in_another_hears_and_is_not_heard)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
    ASSERT_OK(mkdir("a/x", 0755));
    ASSERT_OK(mkdir("a/y", 0755));
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
        ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
        partner_wait(&p);
        EXPECT_TRUE(mounted("a/y"));
        nt_done();
    }
    await_partner(&p);
    EXPECT_TRUE(!mounted("a/x"));
    ASSERT_OK(mount("n", "a/y", "tmpfs", 0, NULL));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    EXPECT_TRUE(mounted("a/y"));
    EXPECT_OK(umount("a/y"));
    end();
}

/* The groups of the mount on a, as mountinfo shows them. */
static void groups(char *text)
{
    static char all[16384];
    char point[128];
    ASSERT_TRUE(nt_get("/proc/self/mountinfo", all, sizeof all) > 0);
    snprintf(point, sizeof point, " %s/a rw,relatime ", here);
    char *at = strstr(all, point);
    ASSERT_TRUE(at != NULL);
    at += strlen(point);
    char *stop = strstr(at, "- ");
    ASSERT_TRUE(stop != NULL);
    memcpy(text, at, stop - at);
    text[stop - at] = 0;
}

TEST(it_goes_with_the_last_process_in_it)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
    struct partner p;
    char text[128];
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        partner_wait(&p);
        nt_done();
    }
    await_partner(&p);
    /* One that has peers becomes their slave. */
    ASSERT_OK(mount(NULL, "a", NULL, MS_SLAVE, NULL));
    groups(text);
    EXPECT_TRUE(strncmp(text, "master:", 7) == 0);
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    /* And hears from nobody when they are gone. */
    groups(text);
    EXPECT_STREQ(text, "");
    end();
}

TEST(a_file_keeps_it_and_setns_goes_into_it)
{
    own_tree();
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
        ASSERT_OK(mkdir("a/x", 0755));
        partner_wait(&p);
        nt_done();
    }
    await_partner(&p);
    int own = open_namespace(getpid()), fd = open_namespace(p.pid);
    ino_t number = namespace_of(p.pid);
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    char path[128];
    snprintf(path, sizeof path, "%s/a/x", here);
    EXPECT_ERRNO(access(path, F_OK), ENOENT);
    ASSERT_OK(setns(fd, CLONE_NEWNS));
    EXPECT_EQ(namespace_of(getpid()), number);
    char text[128] = "";
    EXPECT_TRUE(getcwd(text, sizeof text) != NULL);
    EXPECT_STREQ(text, "/");
    EXPECT_OK(access(path, F_OK));
    close(fd);
    ASSERT_OK(setns(own, 0));
    EXPECT_ERRNO(access(path, F_OK), ENOENT);
    close(own);
    end();
}

TEST(setns_goes_where_a_process_is)
{
    own_tree();
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
        partner_wait(&p);
        nt_done();
    }
    await_partner(&p);
    int own = open_namespace(getpid());
    int pidfd = ASSERT_OK(syscall(SYS_pidfd_open, p.pid, 0));
    ASSERT_OK(setns(pidfd, CLONE_NEWNS));
    ASSERT_OK(chdir(here));
    EXPECT_TRUE(mounted("a"));
    ASSERT_OK(setns(own, CLONE_NEWNS));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    ASSERT_OK(chdir(here));
    end();
}

static int hold(void *arg)
{
    char c;
    read(*(int *)arg, &c, 1);
    return 0;
}

TEST(setns_refuses_whose_places_are_shared)
{
    static char stack[16384] __attribute__((aligned(16)));
    int pipefd[2];
    ASSERT_OK(pipe(pipefd));
    int fd = open_namespace(getpid());
    pid_t pid = ASSERT_OK(clone(hold, stack + sizeof stack, CLONE_FS | SIGCHLD, &pipefd[0]));
    EXPECT_ERRNO(setns(fd, CLONE_NEWNS), EINVAL);
    /* unshare gives places of its own first. */
    EXPECT_OK(unshare(CLONE_NEWNS));
    EXPECT_OK(setns(fd, CLONE_NEWNS));
    ASSERT_EQ(write(pipefd[1], "x", 1), 1);
    EXPECT_EXIT(pid, 0);
}

static int compare(void *arg)
{
    return namespace_of(getpid()) == *(ino_t *)arg;
}

TEST(clone_gives_the_child_its_own)
{
    static char stack[65536] __attribute__((aligned(16)));
    ino_t own = namespace_of(getpid());
    pid_t pid = ASSERT_OK(clone(compare, stack + sizeof stack, CLONE_NEWNS | SIGCHLD, &own));
    EXPECT_EXIT(pid, 0);
    pid = ASSERT_OK(clone(compare, stack + sizeof stack, SIGCHLD, &own));
    EXPECT_EXIT(pid, 1);
    EXPECT_ERRNO(clone(compare, stack + sizeof stack, CLONE_NEWNS | CLONE_FS | SIGCHLD, &own), EINVAL);
}

TEST(only_the_administrator_makes_one)
{
    static char stack[65536] __attribute__((aligned(16)));
    ino_t own = namespace_of(getpid());
    int fd = open_namespace(getpid());
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(unshare(CLONE_NEWNS), EPERM);
    EXPECT_ERRNO(clone(compare, stack + sizeof stack, CLONE_NEWNS | SIGCHLD, &own), EPERM);
    EXPECT_ERRNO(clone(compare, stack + sizeof stack, CLONE_NEWNS | CLONE_FS | SIGCHLD, &own), EINVAL);
    EXPECT_ERRNO(setns(fd, CLONE_NEWNS), EPERM);
}

TEST(what_is_mounted_elsewhere_does_not_hold_a_name)
{
    own_tree();
    ASSERT_OK(close(ASSERT_OK(open("f", O_CREAT | O_RDWR, 0644))));
    struct partner p;
    if (partner_fork(&p)) {
        ASSERT_OK(unshare(CLONE_NEWNS));
        ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
        ASSERT_OK(mount("n", "b", "tmpfs", 0, NULL));
        ASSERT_OK(mount("/proc/version", "f", NULL, MS_BIND, NULL));
        EXPECT_ERRNO(rmdir("a"), EBUSY);
        EXPECT_ERRNO(unlink("f"), EBUSY);
        EXPECT_ERRNO(rename("b", "c"), EBUSY);
        partner_wait(&p);
        EXPECT_TRUE(!listed(getpid(), "a"));
        EXPECT_TRUE(!listed(getpid(), "f"));
        EXPECT_TRUE(listed(getpid(), "c"));
        nt_done();
    }
    await_partner(&p);
    EXPECT_OK(rmdir("a"));
    EXPECT_OK(unlink("f"));
    EXPECT_OK(rename("b", "c"));
    let_go(&p);
    EXPECT_EXIT(p.pid, 0);
    end();
}

TEST(mounts_of_another_are_not_changed)
{
    own_tree();
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    int fd = ASSERT_OK(open("a", O_RDONLY | O_DIRECTORY));
    char place[64];
    snprintf(place, sizeof place, "/proc/self/fd/%d", fd);
    int own = open_namespace(getpid());
    ASSERT_OK(unshare(CLONE_NEWNS));
    EXPECT_ERRNO(umount2(place, MNT_DETACH), EINVAL);
    EXPECT_ERRNO(mount("n", place, "tmpfs", 0, NULL), EINVAL);
    EXPECT_ERRNO(mount(place, "b", NULL, MS_BIND, NULL), EINVAL);
    EXPECT_ERRNO(mount(place, "b", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EINVAL);
    EXPECT_OK(umount("a"));
    /* What was mounted at the beginning is still there. */
    ASSERT_OK(setns(own, CLONE_NEWNS));
    end();
}
