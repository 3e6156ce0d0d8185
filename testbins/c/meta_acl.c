/* Access lists: what may be set, who may then do what, and how they go with mode, chmod, umask and new files. */
#include "nacre_test.h"
#include <grp.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
enum { OWNER = 1, USER = 2, GROUP = 4, NAMED = 8, MASK = 16, OTHER = 32 };

struct entry {
    uint16_t tag, perm;
    uint32_t id;
};

static struct {
    uint32_t version;
    struct entry entries[16];
} value;

/* A list of entries; how many bytes it has. */
static size_t make(const struct entry *entries, size_t count)
{
    value.version = 2;
    memcpy(value.entries, entries, count * sizeof *entries);
    return 4 + count * 8;
}

#define LIST(...) make((struct entry[]){ __VA_ARGS__ }, sizeof((struct entry[]){ __VA_ARGS__ }) / 8)
#define SET(path, name, ...) setxattr(path, name, &value, LIST(__VA_ARGS__), 0)

static void expect_list(const char *file, int line, const char *path, const char *name, size_t size)
{
    char got[256];
    ssize_t n = getxattr(path, name, got, sizeof got);
    nt_check_eq(file, line, "size", n, size, 0);
    if (n == (ssize_t)size)
        nt_check_mem(file, line, name, got, &value, size);
}
#define EXPECT_LIST(path, name, ...) expect_list(__FILE__, __LINE__, path, name, LIST(__VA_ARGS__))

static int mode_of(const char *path)
{
    struct stat st;
    return ASSERT_OK(stat(path, &st)) ? 0 : (int)(st.st_mode & 07777);
}

/* What a user with a group and one more may do to the file, as bits of access(2). */
static int may_do(const char *path, uid_t uid, gid_t gid, gid_t more)
{
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setgroups(1, &more));
        ASSERT_OK(setresgid(gid, gid, gid));
        ASSERT_OK(setresuid(uid, uid, uid));
        int may = 0;
        for (int bit = 1; bit <= 4; bit *= 2)
            may |= access(path, bit) == 0 ? bit : 0;
        /* Opening is not judged otherwise. */
        if ((open(path, O_RDONLY) >= 0) != !!(may & R_OK) || (open(path, O_WRONLY) >= 0) != !!(may & W_OK))
            may = 99;
        _exit(may);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void place(void)
{
    nt_dir();
    chmod(".", 0755);
    nt_put("f", "x");
    ASSERT_OK(chmod("f", 0640));
    ASSERT_OK(chown("f", 100, 200));
}

TEST(a_list_comes_back_and_the_mode_shows_its_mask)
{
    place();
    EXPECT_ERRNO(getxattr("f", ACCESS, NULL, 0), ENODATA);
    EXPECT_OK(SET("f", ACCESS, { OWNER, 6, 5 }, { USER, 7, 1000 }, { GROUP, 4, 7 }, { MASK, 5, 0 }, { OTHER, 1, 0 }));
    EXPECT_LIST("f", ACCESS, { OWNER, 6, -1 }, { USER, 7, 1000 }, { GROUP, 4, -1 }, { MASK, 5, -1 }, { OTHER, 1, -1 });
    EXPECT_EQ(mode_of("f"), 0651);
    EXPECT_EQ(getxattr("f", ACCESS, NULL, 0), 44);
    char few[8], names[64] = "";
    EXPECT_ERRNO(getxattr("f", ACCESS, few, 8), ERANGE);
    ASSERT_OK(setxattr("f", "user.a", "b", 1, 0));
    EXPECT_EQ(listxattr("f", names, sizeof names), sizeof ACCESS + sizeof "user.a");
    EXPECT_MEMEQ(names, ACCESS "\0user.a", sizeof ACCESS + sizeof "user.a");
    EXPECT_OK(removexattr("f", ACCESS));
    EXPECT_ERRNO(getxattr("f", ACCESS, NULL, 0), ENODATA);
    EXPECT_EQ(mode_of("f"), 0651);
    EXPECT_OK(removexattr("f", ACCESS));
}

TEST(a_list_that_is_a_mode_becomes_one)
{
    place();
    EXPECT_OK(SET("f", ACCESS, { OWNER, 7, -1 }, { GROUP, 5, -1 }, { OTHER, 4, -1 }));
    EXPECT_EQ(mode_of("f"), 0754);
    EXPECT_ERRNO(getxattr("f", ACCESS, NULL, 0), ENODATA);
    EXPECT_OK(setxattr("f", ACCESS, NULL, 0, 0));
    EXPECT_OK(setxattr("f", ACCESS, &value, 4, XATTR_REPLACE));
    EXPECT_EQ(mode_of("f"), 0754);
    /* A mask alone says more. */
    EXPECT_OK(SET("f", ACCESS, { OWNER, 7, -1 }, { GROUP, 5, -1 }, { MASK, 1, -1 }, { OTHER, 4, -1 }));
    EXPECT_EQ(mode_of("f"), 0714);
    EXPECT_EQ(getxattr("f", ACCESS, NULL, 0), 36);
}

TEST(what_is_no_list_is_refused)
{
    place();
    LIST({ OWNER, 6, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 });
    EXPECT_ERRNO(setxattr("f", ACCESS, &value, 3, 0), EINVAL);
    EXPECT_ERRNO(setxattr("f", ACCESS, &value, 27, 0), EINVAL);
    value.version = 1;
    EXPECT_ERRNO(setxattr("f", ACCESS, &value, 28, 0), EOPNOTSUPP);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { GROUP, 4, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { OTHER, 4, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { GROUP, 6, -1 }, { OWNER, 4, -1 }, { OTHER, 0, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { OWNER, 6, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 8, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { 64, 4, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), EINVAL);
    /* Who is named needs a mask, and a number. */
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { USER, 4, 7 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), EINVAL);
    EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 6, -1 }, { USER, 4, -1 }, { GROUP, 4, -1 }, { MASK, 7, -1 }, { OTHER, 0, -1 }),
                 EINVAL);
    EXPECT_EQ(mode_of("f"), 0640);
    EXPECT_ERRNO(SET("f", DEFAULT, { OWNER, 6, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), EACCES);
    EXPECT_OK(removexattr("f", DEFAULT));
    EXPECT_ERRNO(getxattr("f", DEFAULT, NULL, 0), ENODATA);
    ASSERT_OK(symlink("f", "l"));
    EXPECT_ERRNO(lsetxattr("l", ACCESS, &value, LIST({ OWNER, 6, -1 }, { GROUP, 4, -1 }, { OTHER, 0, -1 }), 0), EOPNOTSUPP);
    EXPECT_ERRNO(lgetxattr("l", ACCESS, NULL, 0), EOPNOTSUPP);
    EXPECT_ERRNO(getxattr("/proc/self/comm", ACCESS, NULL, 0), EOPNOTSUPP);
}

TEST(only_the_owner_sets_one_and_everybody_sees_it)
{
    place();
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_ERRNO(SET("f", ACCESS, { OWNER, 7, -1 }, { GROUP, 7, -1 }, { OTHER, 7, -1 }), EPERM);
        EXPECT_ERRNO(removexattr("f", ACCESS), EPERM);
        EXPECT_ERRNO(getxattr("f", ACCESS, NULL, 0), ENODATA);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    /* Who is not in the file's group loses its set-group-ID bit. */
    ASSERT_OK(chmod("f", 02755));
    child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setgroups(0, NULL));
        ASSERT_OK(setresgid(1, 1, 1));
        ASSERT_OK(setresuid(100, 100, 100));
        EXPECT_OK(SET("f", ACCESS, { OWNER, 7, -1 }, { GROUP, 5, -1 }, { OTHER, 5, -1 }));
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    EXPECT_EQ(mode_of("f"), 0755);
}

TEST(the_first_entry_that_fits_decides)
{
    place();
    ASSERT_OK(SET("f", ACCESS, { OWNER, 2, -1 }, { USER, 6, 1000 }, { USER, 0, 1001 }, { GROUP, 4, -1 },
                  { NAMED, 2, 300 }, { NAMED, 1, 301 }, { MASK, 5, -1 }, { OTHER, 2, -1 }));
    EXPECT_EQ(may_do("f", 100, 200, 300), 2);  /* the owner, whatever else he is */
    EXPECT_EQ(may_do("f", 1000, 9, 9), 4);     /* named, and masked */
    EXPECT_EQ(may_do("f", 1001, 200, 300), 0); /* named with nothing, though his groups have some */
    EXPECT_EQ(may_do("f", 2000, 200, 9), 4);   /* the group */
    EXPECT_EQ(may_do("f", 2000, 300, 9), 0);   /* a named group, all of it masked */
    EXPECT_EQ(may_do("f", 2000, 301, 9), 1);   /* another */
    EXPECT_EQ(may_do("f", 2000, 200, 301), 5); /* each of his groups may give something */
    EXPECT_EQ(may_do("f", 2000, 9, 9), 2);     /* others are not masked */
}

TEST(a_mode_without_the_group_hides_the_list)
{
    place();
    ASSERT_OK(SET("f", ACCESS, { OWNER, 6, -1 }, { USER, 6, 1000 }, { GROUP, 4, -1 }, { MASK, 0, -1 }, { OTHER, 4, -1 }));
    EXPECT_EQ(mode_of("f"), 0604);
    EXPECT_EQ(may_do("f", 1000, 9, 9), 4);
    EXPECT_EQ(may_do("f", 1000, 200, 9), 0);
}

TEST(root_does_what_it_likes)
{
    place();
    ASSERT_OK(SET("f", ACCESS, { OWNER, 0, -1 }, { USER, 0, 0 }, { GROUP, 0, -1 }, { MASK, 4, -1 }, { OTHER, 0, -1 }));
    EXPECT_OK(access("f", R_OK | W_OK));
    EXPECT_ERRNO(access("f", X_OK), EACCES);
}

TEST(chmod_changes_owner_mask_and_others)
{
    place();
    ASSERT_OK(SET("f", ACCESS, { OWNER, 6, -1 }, { USER, 7, 1000 }, { GROUP, 5, -1 }, { MASK, 7, -1 }, { OTHER, 0, -1 }));
    ASSERT_OK(chmod("f", 04541));
    EXPECT_EQ(mode_of("f"), 04541);
    EXPECT_LIST("f", ACCESS, { OWNER, 5, -1 }, { USER, 7, 1000 }, { GROUP, 5, -1 }, { MASK, 4, -1 }, { OTHER, 1, -1 });
}

TEST(what_is_made_in_a_directory_gets_its_list)
{
    place();
    umask(077);
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_OK(SET("d", DEFAULT, { OWNER, 7, -1 }, { USER, 6, 1000 }, { GROUP, 5, -1 }, { MASK, 7, -1 }, { OTHER, 4, -1 }));
    EXPECT_EQ(mode_of("d"), 0700);
    /* The list stands in for the umask. */
    ASSERT_OK(close(ASSERT_OK(open("d/f", O_CREAT | O_WRONLY, 0640))));
    EXPECT_EQ(mode_of("d/f"), 0640);
    EXPECT_LIST("d/f", ACCESS, { OWNER, 6, -1 }, { USER, 6, 1000 }, { GROUP, 5, -1 }, { MASK, 4, -1 }, { OTHER, 0, -1 });
    EXPECT_ERRNO(getxattr("d/f", DEFAULT, NULL, 0), ENODATA);
    ASSERT_OK(mkdir("d/e", 0777));
    EXPECT_EQ(mode_of("d/e"), 0774);
    EXPECT_LIST("d/e", ACCESS, { OWNER, 7, -1 }, { USER, 6, 1000 }, { GROUP, 5, -1 }, { MASK, 7, -1 }, { OTHER, 4, -1 });
    EXPECT_LIST("d/e", DEFAULT, { OWNER, 7, -1 }, { USER, 6, 1000 }, { GROUP, 5, -1 }, { MASK, 7, -1 }, { OTHER, 4, -1 });
    ASSERT_OK(mkfifo("d/p", 0606));
    EXPECT_EQ(mode_of("d/p"), 0604);
    ASSERT_OK(symlink("f", "d/l"));
    EXPECT_ERRNO(lgetxattr("d/l", ACCESS, NULL, 0), EOPNOTSUPP);
    int fd = ASSERT_OK(open("d", O_TMPFILE | O_RDWR, 0666));
    struct stat st;
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_mode & 07777, 0664);
    /* Nothing named: no list, but its modes still. */
    ASSERT_OK(SET("d", DEFAULT, { OWNER, 7, -1 }, { GROUP, 5, -1 }, { OTHER, 1, -1 }));
    ASSERT_OK(close(ASSERT_OK(open("d/g", O_CREAT | O_WRONLY, 0666))));
    EXPECT_EQ(mode_of("d/g"), 0640);
    EXPECT_ERRNO(getxattr("d/g", ACCESS, NULL, 0), ENODATA);
    ASSERT_OK(removexattr("d", DEFAULT));
    ASSERT_OK(close(ASSERT_OK(open("d/h", O_CREAT | O_WRONLY, 0666))));
    EXPECT_EQ(mode_of("d/h"), 0600);
}
