/* Mounts by descriptor, and file systems made step by step (man 2 open_tree, man 2 fsopen, man 2 mount_setattr). */
#include "nacre_test.h"
#include "mount_test.h"
#include <sys/statfs.h>

enum { OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 442 };
#define CLONE 1
#define RECURSIVE 0x8000
#define FROM_EMPTY 4

struct attr {
    uint64_t set, clear, propagation, userns;
};

static void start(void)
{
    own_tree();
    nt_put("f", "");
    ASSERT_OK(mount("n", "a", "tmpfs", 0, NULL));
    nt_put("a/q", "");
    ASSERT_OK(mkdir("a/x", 0755));
    ASSERT_OK(mount("n", "a/x", "tmpfs", 0, NULL));
    nt_put("a/x/deep", "");
}

static void end(void)
{
    ASSERT_OK(chdir("/"));
    EXPECT_OK(umount2(here, MNT_DETACH));
}

static int cut(const char *path, unsigned flags)
{
    return syscall(OPEN_TREE, AT_FDCWD, path, flags);
}

static int put(int tree, const char *to)
{
    return syscall(MOVE_MOUNT, tree, "", AT_FDCWD, to, FROM_EMPTY);
}

static int change(const char *path, struct attr attr, unsigned flags)
{
    return syscall(MOUNT_SETATTR, AT_FDCWD, path, flags, &attr, sizeof attr);
}

static long flags_of(const char *path)
{
    struct statfs fs;
    ASSERT_OK(statfs(path, &fs));
    return fs.f_flags & ~0x20L;
}

TEST(a_tree_is_cut_out_and_put_elsewhere)
{
    start();
    int tree = ASSERT_OK(cut("a", CLONE | O_CLOEXEC));
    EXPECT_EQ(fcntl(tree, F_GETFD), FD_CLOEXEC);
    EXPECT_TRUE(fcntl(tree, F_GETFL) & O_PATH);
    EXPECT_OK(faccessat(tree, "q", F_OK, 0));
    EXPECT_ERRNO(faccessat(tree, "x/deep", F_OK, 0), ENOENT);
    EXPECT_OK(put(tree, "b"));
    EXPECT_OK(access("b/q", F_OK));
    close(tree);
    EXPECT_OK(access("b/q", F_OK));
    EXPECT_OK(umount("b"));
    tree = ASSERT_OK(cut("a", CLONE | RECURSIVE));
    EXPECT_OK(faccessat(tree, "x/deep", F_OK, 0));
    EXPECT_OK(put(tree, "b"));
    EXPECT_OK(access("b/x/deep", F_OK));
    end();
}

TEST(a_tree_nobody_put_anywhere_goes_with_its_descriptor)
{
    start();
    int tree = ASSERT_OK(cut("a", CLONE | RECURSIVE));
    EXPECT_ERRNO(umount("a"), EBUSY);
    close(tree);
    EXPECT_OK(umount("a/x"));
    EXPECT_OK(umount("a"));
    end();
}

TEST(a_mount_is_moved_by_descriptor)
{
    start();
    int tree = ASSERT_OK(cut("a", 0));
    EXPECT_OK(put(tree, "b"));
    EXPECT_ERRNO(access("a/q", F_OK), ENOENT);
    EXPECT_OK(access("b/x/deep", F_OK));
    close(tree);
    EXPECT_OK(syscall(MOVE_MOUNT, AT_FDCWD, "b", AT_FDCWD, "a", 0));
    EXPECT_OK(access("a/x/deep", F_OK));
    end();
}

TEST(tree_errors)
{
    start();
    EXPECT_ERRNO(cut("a", 0x100000), EINVAL);
    EXPECT_ERRNO(cut("a", RECURSIVE), EINVAL);
    EXPECT_ERRNO(cut("none", CLONE), ENOENT);
    EXPECT_ERRNO(syscall(OPEN_TREE, -1, "x", CLONE), EBADF);
    EXPECT_ERRNO(syscall(OPEN_TREE, AT_FDCWD, NT_BAD, CLONE), EFAULT);
    int tree = ASSERT_OK(cut("a", CLONE));
    EXPECT_ERRNO(syscall(MOVE_MOUNT, tree, "", AT_FDCWD, "b", 0), ENOENT);
    EXPECT_ERRNO(syscall(MOVE_MOUNT, AT_FDCWD, "f", AT_FDCWD, "b", 0), EINVAL);
    EXPECT_ERRNO(syscall(MOVE_MOUNT, AT_FDCWD, "none", AT_FDCWD, "b", 0), ENOENT);
    EXPECT_ERRNO(syscall(MOVE_MOUNT, AT_FDCWD, "a", AT_FDCWD, "a/x", 0), ELOOP);
    EXPECT_ERRNO(syscall(MOVE_MOUNT, AT_FDCWD, "a", AT_FDCWD, "f", 0), EINVAL);
    EXPECT_ERRNO(syscall(MOVE_MOUNT, AT_FDCWD, "a", AT_FDCWD, "b", 0x1000), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(cut("a", CLONE), EPERM);
        EXPECT_OK(cut("a", 0));
        EXPECT_ERRNO(put(tree, "b"), EPERM);
        EXPECT_ERRNO(syscall(FSOPEN, "tmpfs", 0), EPERM);
        EXPECT_ERRNO(syscall(FSPICK, AT_FDCWD, "a", 0), EPERM);
        EXPECT_ERRNO(change("a", (struct attr){ .set = 1 }, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    close(tree);
    end();
}

TEST(attributes_of_a_mount_change)
{
    start();
    EXPECT_OK(change("a", (struct attr){ .set = 1 }, 0));
    EXPECT_ERRNO(open("a/new", O_CREAT | O_WRONLY, 0644), EROFS);
    EXPECT_OK(close(open("a/x/new", O_CREAT | O_WRONLY, 0644)));
    EXPECT_OK(change("a", (struct attr){ .set = 2 | 4 | 8, .clear = 1 }, 0));
    EXPECT_EQ(flags_of("a"), 2 | 4 | 8 | 0x1000);
    EXPECT_OK(change("a", (struct attr){ .set = 0x10, .clear = 0x70 }, 0));
    EXPECT_EQ(flags_of("a"), 2 | 4 | 8 | 0x400);
    EXPECT_OK(change("a", (struct attr){ .set = 0x20 | 0x200000, .clear = 0x70 | 0xe }, 0));
    EXPECT_EQ(flags_of("a"), 0x2000);
    EXPECT_OK(change("a", (struct attr){ .set = 1 }, RECURSIVE));
    EXPECT_ERRNO(open("a/x/new", O_WRONLY), EROFS);
    end();
}

TEST(attribute_errors)
{
    start();
    struct attr one = { .set = 1 };
    EXPECT_ERRNO(syscall(MOUNT_SETATTR, AT_FDCWD, "a", 0, &one, 31), EINVAL);
    EXPECT_ERRNO(syscall(MOUNT_SETATTR, AT_FDCWD, "a", 0, &one, 5000), E2BIG);
    EXPECT_ERRNO(syscall(MOUNT_SETATTR, AT_FDCWD, "a", 0, NT_BAD, 32), EFAULT);
    EXPECT_ERRNO(change("a", one, 0x10), EINVAL);
    EXPECT_ERRNO(change("none", one, 0), ENOENT);
    EXPECT_ERRNO(change("f", one, 0), EINVAL);
    EXPECT_OK(change("none", (struct attr){ 0 }, 0));
    EXPECT_ERRNO(change("a", (struct attr){ .set = 0x10 }, 0), EINVAL);
    EXPECT_ERRNO(change("a", (struct attr){ .set = 0x10, .clear = 0x10 }, 0), EINVAL);
    EXPECT_ERRNO(change("a", (struct attr){ .set = 0x30, .clear = 0x70 }, 0), EINVAL);
    EXPECT_ERRNO(change("a", (struct attr){ .set = 0x400 }, 0), EINVAL);
    EXPECT_ERRNO(change("a", (struct attr){ .propagation = MS_SHARED | MS_PRIVATE }, 0), EINVAL);
    EXPECT_ERRNO(change("a", (struct attr){ .propagation = 1 }, 0), EINVAL);
    int fd = ASSERT_OK(open("a/w", O_CREAT | O_WRONLY, 0644));
    EXPECT_ERRNO(change("a", one, 0), EBUSY);
    close(fd);
    EXPECT_OK(change("a", one, 0));
    end();
}

TEST(a_file_system_is_made_step_by_step)
{
    start();
    int fs = ASSERT_OK(syscall(FSOPEN, "tmpfs", 1));
    char message[16];
    EXPECT_EQ(fcntl(fs, F_GETFD), FD_CLOEXEC);
    EXPECT_ERRNO(read(fs, message, sizeof message), ENODATA);
    EXPECT_OK(syscall(FSCONFIG, fs, 1, "size", "64k", 0));
    EXPECT_OK(syscall(FSCONFIG, fs, 1, "source", "here", 0));
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 1, "source", "there", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 1, "nothing", "x", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSMOUNT, fs, 0, 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 7, NULL, NULL, 0), EBUSY);
    EXPECT_OK(syscall(FSCONFIG, fs, 6, NULL, NULL, 0));
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 6, NULL, NULL, 0), EBUSY);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 1, "size", "64k", 0), EBUSY);
    int tree = ASSERT_OK(syscall(FSMOUNT, fs, 1, 2));
    EXPECT_ERRNO(syscall(FSMOUNT, fs, 0, 0), EBUSY);
    int fd = EXPECT_OK(openat(tree, "new", O_CREAT | O_WRONLY, 0644));
    close(fd);
    EXPECT_OK(put(tree, "b"));
    EXPECT_OK(access("b/new", F_OK));
    EXPECT_EQ(flags_of("b"), 2 | 0x1000);
    struct statfs st;
    ASSERT_OK(statfs("b", &st));
    EXPECT_EQ(st.f_blocks, 16);
    close(tree);
    int again = ASSERT_OK(syscall(FSPICK, AT_FDCWD, "b", 1));
    EXPECT_OK(syscall(FSCONFIG, again, 0, "ro", NULL, 0));
    EXPECT_ERRNO(syscall(FSCONFIG, again, 6, NULL, NULL, 0), EBUSY);
    EXPECT_OK(syscall(FSCONFIG, again, 7, NULL, NULL, 0));
    EXPECT_ERRNO(open("b/other", O_CREAT | O_WRONLY, 0644), EROFS);
    EXPECT_ERRNO(syscall(FSMOUNT, again, 0, 0), EBUSY);
    end();
}

TEST(making_errors)
{
    start();
    EXPECT_ERRNO(syscall(FSOPEN, "nofs", 0), ENODEV);
    EXPECT_ERRNO(syscall(FSOPEN, "tmpfs", 2), EINVAL);
    EXPECT_ERRNO(syscall(FSOPEN, NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(syscall(FSPICK, AT_FDCWD, "a", 0x10), EINVAL);
    EXPECT_ERRNO(syscall(FSPICK, AT_FDCWD, "none", 0), ENOENT);
    EXPECT_ERRNO(syscall(FSPICK, AT_FDCWD, "f", 0), EINVAL);
    int fs = ASSERT_OK(syscall(FSOPEN, "tmpfs", 0));
    EXPECT_ERRNO(syscall(FSCONFIG, -1, 1, "a", "b", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, 100, 1, "a", "b", 0), EBADF);
    EXPECT_ERRNO(syscall(FSCONFIG, 1, 1, "a", "b", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 0, NULL, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 0, "rw", "x", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 1, "size", NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 2, "size", "x", 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 5, "size", NULL, -1), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 6, "x", NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 9, NULL, NULL, 0), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(FSCONFIG, fs, 1, NT_BAD, "x", 0), EFAULT);
    EXPECT_ERRNO(syscall(FSMOUNT, fs, 2, 0), EINVAL);
    EXPECT_ERRNO(syscall(FSMOUNT, fs, 0, 0x400), EINVAL);
    EXPECT_ERRNO(syscall(FSMOUNT, -1, 0, 0), EBADF);
    EXPECT_ERRNO(syscall(FSMOUNT, 1, 0, 0), EINVAL);
    end();
}
