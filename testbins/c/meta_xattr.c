/* Extended attributes: name spaces and who may use them, lists, links, descriptors. */
#include "nacre_test.h"
#include <sys/eventfd.h>
#include <sys/xattr.h>

#ifndef O_PATH
#define O_PATH 010000000
#endif

static void tree(void)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(symlink("f", "l"));
    ASSERT_OK(mknod("p", S_IFIFO | 0666, 0));
}

TEST(xattr_values_keep_every_byte_and_may_be_empty)
{
    char value[300], got[300];
    tree();
    for (unsigned i = 0; i < sizeof value; i++)
        value[i] = i;
    EXPECT_OK(setxattr("f", "user.bytes", value, sizeof value, 0));
    EXPECT_EQ(getxattr("f", "user.bytes", got, sizeof got), sizeof got);
    EXPECT_MEMEQ(got, value, sizeof got);
    EXPECT_OK(setxattr("f", "user.bytes", NULL, 0, 0));
    EXPECT_EQ(getxattr("f", "user.bytes", got, sizeof got), 0);
    EXPECT_EQ(getxattr("f", "user.bytes", NULL, 0), 0);
    EXPECT_ERRNO(setxattr("f", "user.bytes", NULL, 1, 0), EFAULT);
}

TEST(xattr_names_must_belong_to_a_space)
{
    char name[300], value[4];
    tree();
    EXPECT_ERRNO(setxattr("f", "user.", "v", 1, 0), EINVAL);
    EXPECT_ERRNO(getxattr("f", "user.", value, 1), EINVAL);
    EXPECT_ERRNO(setxattr("f", "user", "v", 1, 0), EOPNOTSUPP);
    EXPECT_ERRNO(setxattr("f", "system.nothing", "v", 1, 0), EOPNOTSUPP);
    EXPECT_ERRNO(getxattr("f", "nonsense.x", value, 1), EOPNOTSUPP);
    EXPECT_ERRNO(removexattr("f", "nonsense.x"), EOPNOTSUPP);
    memset(name, 'n', sizeof name);
    memcpy(name, "user.", 5);
    name[255] = 0;
    EXPECT_OK(setxattr("f", name, "v", 1, 0));
    EXPECT_EQ(getxattr("f", name, value, 4), 1);
    name[255] = 'n';
    name[256] = 0;
    EXPECT_ERRNO(setxattr("f", name, "v", 1, 0), ERANGE);
    EXPECT_ERRNO(getxattr("f", name, value, 1), ERANGE);
    EXPECT_ERRNO(removexattr("f", ""), ERANGE);
    EXPECT_ERRNO(getxattr("f", NT_BAD, value, 1), EFAULT);
}

TEST(xattr_refusals_come_in_linuxs_order)
{
    char value[4];
    tree();
    EXPECT_ERRNO(syscall(SYS_setxattr, "missing", NT_BAD, "v", 1, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_setxattr, "missing", "user.a", "v", 1, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_setxattr, NT_BAD, "user.a", "v", 70000, 0), E2BIG);
    EXPECT_ERRNO(syscall(SYS_setxattr, "missing", "user.a", "v", 1, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_getxattr, "missing", NT_BAD, value, 1), ENOENT);
    EXPECT_ERRNO(syscall(SYS_removexattr, "missing", NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_removexattr, NT_BAD, ""), ERANGE);
    EXPECT_ERRNO(syscall(SYS_fremovexattr, 999, ""), EBADF);
    EXPECT_ERRNO(syscall(SYS_fgetxattr, 999, "", value, 1), EBADF);
    EXPECT_ERRNO(syscall(SYS_fsetxattr, 999, "user.a", "v", 1, 8), EBADF);
    EXPECT_ERRNO(syscall(SYS_listxattr, NT_BAD, value, 1), EFAULT);
}

TEST(xattr_of_a_descriptor_wants_more_than_a_place)
{
    char value[8];
    tree();
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_OK(fsetxattr(fd, "user.a", "v", 1, 0));
    EXPECT_EQ(fgetxattr(fd, "user.a", value, sizeof value), 1);
    EXPECT_EQ(flistxattr(fd, value, sizeof value), 7);
    EXPECT_STREQ(value, "user.a");
    EXPECT_OK(fremovexattr(fd, "user.a"));
    int place = ASSERT_OK(open("f", O_PATH));
    EXPECT_ERRNO(fsetxattr(place, "user.a", "v", 1, 0), EBADF);
    EXPECT_ERRNO(fgetxattr(place, "user.a", value, 1), EBADF);
    EXPECT_ERRNO(flistxattr(place, value, 1), EBADF);
    EXPECT_ERRNO(fremovexattr(place, "user.a"), EBADF);
}

TEST(xattr_user_space_is_for_files_and_directories)
{
    char value[8];
    tree();
    EXPECT_OK(setxattr("d", "user.a", "v", 1, 0));
    EXPECT_ERRNO(setxattr("p", "user.a", "v", 1, 0), EPERM);
    EXPECT_ERRNO(getxattr("p", "user.a", value, 1), ENODATA);
    EXPECT_ERRNO(removexattr("p", "user.a"), EPERM);
    EXPECT_ERRNO(lgetxattr("l", "user.a", value, 1), ENODATA);
    EXPECT_OK(lsetxattr("l", "trusted.a", "v", 1, 0));
    EXPECT_EQ(lgetxattr("l", "trusted.a", value, 8), 1);
    EXPECT_ERRNO(getxattr("l", "trusted.a", value, 8), ENODATA);
    EXPECT_EQ(llistxattr("l", NULL, 0), 10);
    EXPECT_OK(lremovexattr("l", "trusted.a"));
    EXPECT_OK(setxattr("p", "trusted.a", "v", 1, 0));
}

TEST(xattr_trusted_space_is_roots_and_hidden)
{
    char names[64], value[4];
    tree();
    ASSERT_OK(chmod("f", 0666));
    ASSERT_OK(setxattr("f", "trusted.t", "v", 1, 0));
    ASSERT_OK(setxattr("f", "user.u", "v", 1, 0));
    EXPECT_EQ(listxattr("f", names, sizeof names), 17);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_EQ(listxattr("f", names, sizeof names), 7);
        EXPECT_STREQ(names, "user.u");
        EXPECT_ERRNO(getxattr("f", "trusted.t", value, 4), ENODATA);
        EXPECT_ERRNO(setxattr("f", "trusted.t", "v", 1, 0), EPERM);
        EXPECT_ERRNO(removexattr("f", "trusted.t"), EPERM);
        EXPECT_ERRNO(setxattr("f", "security.s", "v", 1, 0), EPERM);
        EXPECT_OK(setxattr("f", "user.u", "w", 1, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(xattr_user_space_follows_the_files_permissions)
{
    char value[4];
    tree();
    ASSERT_OK(setxattr("f", "user.u", "v", 1, 0));
    ASSERT_OK(mkdir("sticky", 01777));
    ASSERT_OK(chmod("sticky", 01777));
    ASSERT_OK(chmod("d", 0777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(1000));
        ASSERT_OK(setuid(1000));
        EXPECT_EQ(getxattr("f", "user.u", value, 4), 1);
        EXPECT_ERRNO(setxattr("f", "user.u", "v", 1, 0), EACCES);
        EXPECT_ERRNO(removexattr("f", "user.u"), EACCES);
        EXPECT_OK(setxattr("d", "user.u", "v", 1, 0));
        EXPECT_ERRNO(setxattr("sticky", "user.u", "v", 1, 0), EPERM);
        nt_done();
    }
    ASSERT_OK(waitpid(pid, NULL, 0) == pid ? 0 : -1);
    ASSERT_OK(chmod("f", 0600));
    pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(getxattr("f", "user.u", value, 4), EACCES);
        EXPECT_OK(listxattr("f", NULL, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(xattr_lists_tell_their_length_or_erange)
{
    char names[16];
    tree();
    EXPECT_EQ(listxattr("f", NULL, 0), 0);
    ASSERT_OK(setxattr("f", "user.a", "v", 1, 0));
    EXPECT_EQ(listxattr("f", NULL, 0), 7);
    EXPECT_ERRNO(listxattr("f", names, 6), ERANGE);
    EXPECT_EQ(listxattr("f", names, 7), 7);
    EXPECT_ERRNO(listxattr("f", NT_BAD, 7), EFAULT);
    EXPECT_EQ(listxattr("/proc/self/status", names, sizeof names), 0);
    EXPECT_ERRNO(getxattr("/proc/self/status", "user.a", names, 8), EOPNOTSUPP);
}

TEST(xattr_changes_move_the_change_time_only)
{
    struct stat before, after;
    tree();
    ASSERT_OK(stat("f", &before));
    nt_sleep_ms(20);
    ASSERT_OK(setxattr("f", "user.a", "v", 1, 0));
    ASSERT_OK(stat("f", &after));
    EXPECT_TRUE(after.st_ctim.tv_sec > before.st_ctim.tv_sec || after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
    EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST(xattr_belongs_to_the_inode_and_survives_a_rename)
{
    char value[4];
    tree();
    ASSERT_OK(setxattr("f", "user.a", "v", 1, 0));
    ASSERT_OK(link("f", "g"));
    EXPECT_EQ(getxattr("g", "user.a", value, 4), 1);
    ASSERT_OK(rename("f", "h"));
    EXPECT_EQ(getxattr("h", "user.a", value, 4), 1);
}

TEST(xattr_of_what_has_no_type_or_keeps_none)
{
    char value[4];
    int fd = ASSERT_OK(eventfd(0, 0));
    EXPECT_ERRNO(fsetxattr(fd, "user.a", "v", 1, 0), EPERM);
    EXPECT_ERRNO(fgetxattr(fd, "user.a", value, sizeof value), ENODATA);
    EXPECT_ERRNO(fremovexattr(fd, "user.a"), EPERM);
    EXPECT_ERRNO(getxattr("/proc/version", "user.", value, sizeof value), EOPNOTSUPP);
    EXPECT_ERRNO(removexattr("/proc/version", "user."), EOPNOTSUPP);
    tree();
    EXPECT_ERRNO(removexattr("f", "user."), EINVAL);
}
