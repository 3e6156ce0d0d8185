/* Propagation of mounts (man 7 mount_namespaces, "Shared subtrees"): who hears of what. */
#include "nacre_test.h"
#include <sys/mount.h>

static char here[64];

/* A directory of our own on a private tmpfs, with places a, b, c and d to mount on. */
static void start(void)
{
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here) != NULL);
    ASSERT_OK(mount("n", here, "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, here, NULL, MS_PRIVATE, NULL));
    ASSERT_OK(chdir(here));
    for (const char *name = "a\0b\0c\0d\0"; *name; name += 2)
        ASSERT_OK(mkdir(name, 0755));
}

static void end(void)
{
    ASSERT_OK(chdir("/"));
    EXPECT_OK(umount2(here, MNT_DETACH));
}

/* A tmpfs on a, shared, with the directories x and y. */
static void shared_a(void)
{
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
    ASSERT_OK(mkdir("a/x", 0755));
    ASSERT_OK(mkdir("a/y", 0755));
}

/* Whether something is mounted on the place, by its device. */
static int mounted(const char *place)
{
    char above[128];
    struct stat in, out;
    snprintf(above, sizeof above, "%s/..", place);
    ASSERT_OK(stat(place, &in));
    ASSERT_OK(stat(above, &out));
    return in.st_dev != out.st_dev;
}

/* The optional fields of a mount in mountinfo. */
static const char *fields(const char *place)
{
    static char text[16384];
    char point[128];
    ASSERT_TRUE(nt_get("/proc/self/mountinfo", text, sizeof text) > 0);
    snprintf(point, sizeof point, " %s/%s ", here, place);
    char *at = strstr(text, point);
    if (!at)
        return "none";
    at = strchr(at + strlen(point), ' ') + 1;
    char *stop = strstr(at, "- ");
    ASSERT_TRUE(stop != NULL);
    *stop = 0;
    return at;
}

TEST(peers_hear_of_mounts_and_unmounts)
{
    start();
    shared_a();
    EXPECT_TRUE(strncmp(fields("a"), "shared:", 7) == 0);
    ASSERT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    char group[64];
    snprintf(group, sizeof group, "%s", fields("a"));
    EXPECT_STREQ(fields("b"), group);
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    EXPECT_TRUE(mounted("b/x"));
    nt_put("a/x/file", "");
    EXPECT_OK(access("b/x/file", F_OK));
    EXPECT_TRUE(strncmp(fields("a/x"), "shared:", 7) == 0);
    EXPECT_OK(umount("b/x"));
    EXPECT_TRUE(!mounted("a/x"));
    end();
}

TEST(slaves_hear_and_are_not_heard)
{
    start();
    shared_a();
    ASSERT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    ASSERT_OK(mount(NULL, "b", NULL, MS_SLAVE, NULL));
    EXPECT_TRUE(strncmp(fields("b"), "master:", 7) == 0);
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    EXPECT_TRUE(mounted("b/x"));
    ASSERT_OK(mount("n", "b/y", "tmpfs", 0, NULL));
    EXPECT_TRUE(!mounted("a/y"));
    EXPECT_OK(umount("b/x"));
    EXPECT_TRUE(mounted("a/x"));
    EXPECT_OK(umount("a/x"));
    end();
}

TEST(slaves_that_share_pass_on)
{
    start();
    shared_a();
    ASSERT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    ASSERT_OK(mount(NULL, "b", NULL, MS_SLAVE, NULL));
    ASSERT_OK(mount(NULL, "b", NULL, MS_SHARED, NULL));
    ASSERT_OK(mount("b", "c", NULL, MS_BIND, NULL));
    EXPECT_TRUE(strstr(fields("c"), "shared:") && strstr(fields("c"), "master:"));
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    EXPECT_TRUE(mounted("b/x") && mounted("c/x"));
    EXPECT_OK(umount("c/x"));
    EXPECT_TRUE(mounted("a/x") && !mounted("b/x"));
    EXPECT_OK(umount("a/x"));
    /* Without the master's group a slave is a slave no more. */
    ASSERT_OK(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
    EXPECT_TRUE(strstr(fields("b"), "master:") == NULL);
    end();
}

TEST(private_mounts_keep_to_themselves)
{
    start();
    shared_a();
    ASSERT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    ASSERT_OK(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
    EXPECT_STREQ(fields("b"), "");
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    EXPECT_TRUE(!mounted("b/x"));
    EXPECT_OK(umount("a/x"));
    /* Who is alone in a group has no master to become a slave of. */
    ASSERT_OK(mount(NULL, "a", NULL, MS_SLAVE, NULL));
    EXPECT_STREQ(fields("a"), "");
    end();
}

TEST(unmount_is_refused_while_a_copy_is_used)
{
    start();
    shared_a();
    ASSERT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    int fd = ASSERT_OK(open("b/x", O_RDONLY));
    EXPECT_ERRNO(umount("a/x"), EBUSY);
    close(fd);
    EXPECT_OK(umount("a/x"));
    end();
}

TEST(moves_and_propagation)
{
    start();
    shared_a();
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    EXPECT_ERRNO(mount("a/x", "c", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_OK(umount("a/x"));
    EXPECT_OK(mount("a", "c", NULL, MS_MOVE, NULL));
    EXPECT_TRUE(strncmp(fields("c"), "shared:", 7) == 0);
    ASSERT_OK(mount("n", "d", "tmpfs", 0, NULL));
    ASSERT_OK(mount(NULL, "d", NULL, MS_UNBINDABLE, NULL));
    EXPECT_STREQ(fields("d"), "unbindable ");
    EXPECT_ERRNO(mount("d", "c/x", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_ERRNO(mount("d", "b", NULL, MS_BIND, NULL), EINVAL);
    end();
}

TEST(propagation_errors)
{
    start();
    shared_a();
    EXPECT_ERRNO(mount(NULL, "a", NULL, MS_SHARED | MS_SLAVE, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "a", NULL, MS_SHARED | MS_NOSUID, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "a/x", NULL, MS_SHARED, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "none", NULL, MS_SHARED, NULL), ENOENT);
    EXPECT_OK(mount(NULL, "a", NULL, MS_PRIVATE | MS_REC | MS_SILENT, NULL));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mount(NULL, "a", NULL, MS_SHARED, NULL), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    end();
}
