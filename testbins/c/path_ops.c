/* Changing directories: mkdir, rmdir, unlink, link, rename, mknod, and their refusals. */
#include "nacre_test.h"
#include <sys/sysmacros.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

static long rename2(const char *from, const char *to, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static struct stat look(const char *path)
{
    struct stat st;
    memset(&st, 0, sizeof st);
    EXPECT_OK(lstat(path, &st));
    return st;
}

static const char *content(const char *path)
{
    static char text[64];
    return nt_get(path, text, sizeof text) < 0 ? "(missing)" : text;
}

TEST(mkdir_makes_a_directory_with_two_links)
{
    nt_dir();
    EXPECT_OK(mkdir("d", 0777));
    struct stat st = look("d");
    EXPECT_EQ(st.st_mode, S_IFDIR | 0755);
    EXPECT_EQ(st.st_nlink, 2);
    EXPECT_OK(mkdir("d/sub", 0700));
    EXPECT_EQ(look("d").st_nlink, 3);
    EXPECT_EQ(look("d/..").st_ino, look(".").st_ino);
}

TEST(mkdir_refusals)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(mkdir("f", 0755), EEXIST);
    EXPECT_ERRNO(mkdir(".", 0755), EEXIST);
    EXPECT_ERRNO(mkdir("/", 0755), EEXIST);
    EXPECT_ERRNO(mkdir("a/b", 0755), ENOENT);
    EXPECT_ERRNO(mkdir("f/b", 0755), ENOTDIR);
    EXPECT_ERRNO(syscall(SYS_mkdirat, AT_FDCWD, NT_BAD, 0755), EFAULT);
    ASSERT_OK(symlink("nowhere", "dangling"));
    EXPECT_ERRNO(mkdir("dangling", 0755), EEXIST);
}

TEST(mkdirat_works_relative_to_a_descriptor)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    int dir = ASSERT_OK(open("d", O_RDONLY));
    EXPECT_OK(mkdirat(dir, "e", 0755));
    EXPECT_OK(access("d/e", F_OK));
    EXPECT_OK(unlinkat(dir, "e", AT_REMOVEDIR));
    EXPECT_ERRNO(mkdirat(999, "e", 0755), EBADF);
}

TEST(rmdir_refusals)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    EXPECT_ERRNO(rmdir("d"), ENOTEMPTY);
    EXPECT_ERRNO(rmdir("d/f"), ENOTDIR);
    EXPECT_ERRNO(rmdir("missing"), ENOENT);
    EXPECT_ERRNO(rmdir("d/."), EINVAL);
    EXPECT_ERRNO(rmdir("d/.."), ENOTEMPTY);
    EXPECT_ERRNO(rmdir("/tmp"), EBUSY);
    ASSERT_OK(symlink("d", "link"));
    EXPECT_ERRNO(rmdir("link"), ENOTDIR);
    ASSERT_OK(unlink("d/f"));
    EXPECT_OK(rmdir("d"));
}

TEST(rmdir_of_an_open_directory_leaves_it_empty_and_dead)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    int dir = ASSERT_OK(open("d", O_RDONLY));
    EXPECT_OK(rmdir("d"));
    EXPECT_ERRNO(openat(dir, "new", O_CREAT | O_RDWR, 0600), ENOENT);
    EXPECT_ERRNO(mkdirat(dir, "new", 0755), ENOENT);
    struct stat st;
    EXPECT_OK(fstat(dir, &st));
    EXPECT_EQ(st.st_nlink, 0);
}

TEST(unlink_refusals)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("f", "x");
    EXPECT_ERRNO(unlink("d"), EISDIR);
    EXPECT_ERRNO(unlink("missing"), ENOENT);
    EXPECT_ERRNO(unlink("f/x"), ENOTDIR);
    EXPECT_ERRNO(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
    EXPECT_ERRNO(unlinkat(AT_FDCWD, "f", 0x1000), EINVAL);
    EXPECT_ERRNO(unlinkat(999, "f", 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_unlinkat, AT_FDCWD, NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(unlink("."), EISDIR);
}

TEST(unlink_removes_the_symlink_not_its_target)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(symlink("f", "link"));
    EXPECT_OK(unlink("link"));
    EXPECT_STREQ(content("f"), "x");
}

TEST(link_adds_a_name_for_the_same_inode)
{
    nt_dir();
    nt_put("a", "one");
    EXPECT_OK(link("a", "b"));
    EXPECT_EQ(look("a").st_ino, look("b").st_ino);
    EXPECT_EQ(look("b").st_nlink, 2);
    nt_put("b", "two");
    EXPECT_STREQ(content("a"), "two");
    EXPECT_OK(unlink("a"));
    EXPECT_EQ(look("b").st_nlink, 1);
}

TEST(link_refusals)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(link("d", "d2"), EPERM);
    EXPECT_ERRNO(link("f", "d"), EEXIST);
    EXPECT_ERRNO(link("missing", "x"), ENOENT);
    EXPECT_ERRNO(link("f", "no/x"), ENOENT);
    EXPECT_ERRNO(link("f", "/dev/shm/x"), EXDEV);
    EXPECT_ERRNO(linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0x1), EINVAL);
}

TEST(linkat_follows_a_symlink_only_when_asked)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(symlink("f", "link"));
    EXPECT_OK(linkat(AT_FDCWD, "link", AT_FDCWD, "same", 0));
    EXPECT_TRUE(S_ISLNK(look("same").st_mode));
    EXPECT_OK(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    EXPECT_EQ(look("followed").st_ino, look("f").st_ino);
}

TEST(rename_replaces_a_file_atomically)
{
    nt_dir();
    nt_put("a", "new");
    nt_put("b", "old");
    int fd = ASSERT_OK(open("b", O_RDONLY));
    EXPECT_OK(rename("a", "b"));
    EXPECT_STREQ(content("b"), "new");
    EXPECT_ERRNO(access("a", F_OK), ENOENT);
    char text[4] = "";
    EXPECT_EQ(read(fd, text, 3), 3);
    EXPECT_STREQ(text, "old");
}

TEST(rename_between_links_of_one_inode_does_nothing)
{
    nt_dir();
    nt_put("a", "x");
    ASSERT_OK(link("a", "b"));
    EXPECT_OK(rename("a", "b"));
    EXPECT_OK(access("a", F_OK));
    EXPECT_EQ(look("b").st_nlink, 2);
    EXPECT_OK(rename("a", "a"));
}

TEST(rename_directory_moves_its_parent_link)
{
    nt_dir();
    ASSERT_OK(mkdir("from", 0755));
    ASSERT_OK(mkdir("to", 0755));
    ASSERT_OK(mkdir("from/d", 0755));
    nt_put("from/d/f", "x");
    EXPECT_OK(rename("from/d", "to/e"));
    EXPECT_STREQ(content("to/e/f"), "x");
    EXPECT_EQ(look("to/e/..").st_ino, look("to").st_ino);
    EXPECT_EQ(look("from").st_nlink, 2);
    EXPECT_EQ(look("to").st_nlink, 3);
}

TEST(rename_replaces_only_an_empty_directory)
{
    nt_dir();
    ASSERT_OK(mkdir("a", 0755));
    ASSERT_OK(mkdir("b", 0755));
    ASSERT_OK(mkdir("b/inner", 0755));
    EXPECT_ERRNO(rename("a", "b"), ENOTEMPTY);
    ASSERT_OK(rmdir("b/inner"));
    EXPECT_OK(rename("a", "b"));
    EXPECT_ERRNO(access("a", F_OK), ENOENT);
}

TEST(rename_refusals)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("d/e", 0755));
    EXPECT_ERRNO(rename("f", "d"), EISDIR);
    EXPECT_ERRNO(rename("d", "f"), ENOTDIR);
    EXPECT_ERRNO(rename("d", "d/e/x"), EINVAL);
    EXPECT_ERRNO(rename("d/e", "d"), ENOTEMPTY);
    EXPECT_ERRNO(rename("missing", "x"), ENOENT);
    EXPECT_ERRNO(rename("f", "no/x"), ENOENT);
    EXPECT_ERRNO(rename("d/.", "x"), EBUSY);
    EXPECT_ERRNO(rename("f", "/proc/x"), EXDEV);
    EXPECT_ERRNO(rename("/tmp", "/tmq"), EBUSY);
}

TEST(renameat2_noreplace_keeps_the_target)
{
    nt_dir();
    nt_put("a", "a");
    nt_put("b", "b");
    EXPECT_ERRNO(rename2("a", "b", RENAME_NOREPLACE), EEXIST);
    EXPECT_STREQ(content("b"), "b");
    EXPECT_OK(rename2("a", "c", RENAME_NOREPLACE));
    EXPECT_STREQ(content("c"), "a");
}

TEST(renameat2_exchange_swaps_names)
{
    nt_dir();
    nt_put("a", "a");
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("d/e", 0755));
    EXPECT_OK(rename2("a", "d/e", RENAME_EXCHANGE));
    EXPECT_STREQ(content("d/e"), "a");
    EXPECT_TRUE(S_ISDIR(look("a").st_mode));
    EXPECT_EQ(look("d").st_nlink, 2);
    EXPECT_ERRNO(rename2("a", "missing", RENAME_EXCHANGE), ENOENT);
    EXPECT_ERRNO(rename2("a", "d", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
    EXPECT_ERRNO(rename2("a", "d", 0x80), EINVAL);
}

TEST(rename_symlink_moves_the_link_itself)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(symlink("f", "link"));
    EXPECT_OK(rename("link", "moved"));
    EXPECT_TRUE(S_ISLNK(look("moved").st_mode));
    EXPECT_STREQ(content("f"), "x");
}

TEST(mknod_makes_every_kind)
{
    nt_dir();
    EXPECT_OK(mknod("file", S_IFREG | 0644, 0));
    EXPECT_TRUE(S_ISREG(look("file").st_mode));
    EXPECT_OK(mknod("plain", 0600, 0));
    EXPECT_TRUE(S_ISREG(look("plain").st_mode));
    EXPECT_OK(mknod("fifo", S_IFIFO | 0600, 0));
    EXPECT_OK(mknod("sock", S_IFSOCK | 0600, 0));
    EXPECT_TRUE(S_ISSOCK(look("sock").st_mode));
    EXPECT_ERRNO(open("sock", O_RDONLY), ENXIO);
    EXPECT_OK(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    EXPECT_EQ(look("null").st_rdev, makedev(1, 3));
    int fd = ASSERT_OK(open("null", O_RDWR));
    EXPECT_EQ(write(fd, "x", 1), 1);
    EXPECT_OK(mknod("nodev", S_IFCHR | 0666, makedev(60, 7)));
    EXPECT_ERRNO(open("nodev", O_RDWR), ENXIO);
}

TEST(mknod_refusals)
{
    nt_dir();
    EXPECT_ERRNO(mknod("d", S_IFDIR | 0755, 0), EPERM);
    EXPECT_ERRNO(mknod("l", S_IFLNK | 0755, 0), EINVAL);
    nt_put("f", "x");
    EXPECT_ERRNO(mknod("f", S_IFIFO | 0600, 0), EEXIST);
    EXPECT_ERRNO(syscall(SYS_mknodat, AT_FDCWD, "x", 0170000, 0), EINVAL);
    ASSERT_OK(chmod(".", 0777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mknod("c", S_IFCHR | 0600, makedev(1, 3)), EPERM);
        EXPECT_OK(mknod("p", S_IFIFO | 0600, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(names_hold_any_byte_but_slash_and_nul)
{
    nt_dir();
    nt_put("\001\377 \n", "odd");
    EXPECT_STREQ(content("\001\377 \n"), "odd");
    nt_put("...", "dots");
    EXPECT_STREQ(content("..."), "dots");
    nt_put(" ", "space");
    EXPECT_STREQ(content(" "), "space");
}

TEST(symlinkat_and_readlinkat_work_relative_to_a_descriptor)
{
    char target[16] = "";
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    int dir = ASSERT_OK(open("d", O_RDONLY));
    EXPECT_OK(symlinkat("t", dir, "l"));
    EXPECT_EQ(readlinkat(dir, "l", target, 16), 1);
    EXPECT_ERRNO(symlinkat("t", 999, "l"), EBADF);
    EXPECT_ERRNO(symlinkat("t", dir, "l"), EEXIST);
    EXPECT_ERRNO(syscall(SYS_symlinkat, NT_BAD, dir, "m"), EFAULT);
}
