/* mount's flags: propagation, remounts, binds, moves, expiry, access times, and who may. */
#include "nacre_test.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static void tmpfs_on(const char *path)
{
    ASSERT_OK(mkdir(path, 0755));
    ASSERT_OK(mount("none", path, "tmpfs", 0, NULL));
}

TEST(mount_private_and_slave_want_a_mount_point)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(mount(NULL, "d", NULL, MS_PRIVATE, NULL), EINVAL);
    tmpfs_on("m");
    EXPECT_OK(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
    EXPECT_OK(mount(NULL, "m", NULL, MS_PRIVATE | MS_REC, NULL));
    EXPECT_OK(mount(NULL, "m", NULL, MS_SLAVE, NULL));
    EXPECT_ERRNO(mount(NULL, "m", NULL, MS_PRIVATE | MS_SLAVE, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "m", NULL, MS_PRIVATE | MS_NOSUID, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "missing", NULL, MS_PRIVATE, NULL), ENOENT);
}

TEST(mount_unbindable_cannot_be_bound)
{
    nt_dir();
    tmpfs_on("m");
    ASSERT_OK(mkdir("b", 0755));
    EXPECT_OK(mount(NULL, "m", NULL, MS_UNBINDABLE, NULL));
    EXPECT_ERRNO(mount("m", "b", NULL, MS_BIND, NULL), EINVAL);
    EXPECT_OK(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
    EXPECT_OK(mount("m", "b", NULL, MS_BIND, NULL));
    EXPECT_OK(umount("b"));
}

TEST(mount_bind_wants_a_source_of_the_same_kind)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(mount("f", "d", NULL, MS_BIND, NULL), ENOTDIR);
    EXPECT_ERRNO(mount("d", "f", NULL, MS_BIND, NULL), ENOTDIR);
    EXPECT_ERRNO(mount(NULL, "d", NULL, MS_BIND, NULL), EINVAL);
    EXPECT_ERRNO(mount("", "d", NULL, MS_BIND, NULL), EINVAL);
    EXPECT_ERRNO(mount("missing", "d", NULL, MS_BIND, NULL), ENOENT);
}

TEST(mount_bind_ignores_other_flags_until_remounted)
{
    struct statfs s;
    nt_dir();
    ASSERT_OK(mkdir("src", 0755));
    ASSERT_OK(mkdir("b", 0755));
    ASSERT_OK(mount("src", "b", NULL, MS_BIND | MS_RDONLY, NULL));
    EXPECT_OK(mkdir("b/x", 0755));
    ASSERT_OK(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    EXPECT_ERRNO(mkdir("b/y", 0755), EROFS);
    EXPECT_OK(mkdir("src/y", 0755));
    EXPECT_OK(statfs("b", &s));
    EXPECT_EQ(s.f_flags & 1, 1);
    EXPECT_OK(umount("b"));
}

TEST(mount_bind_recursive_takes_submounts_along)
{
    nt_dir();
    ASSERT_OK(mkdir("src", 0755));
    tmpfs_on("src/m");
    nt_put("src/m/f", "x");
    ASSERT_OK(mkdir("b", 0755));
    ASSERT_OK(mount("src", "b", NULL, MS_BIND | MS_REC, NULL));
    EXPECT_OK(access("b/m/f", F_OK));
    EXPECT_ERRNO(umount("b"), EBUSY);
    EXPECT_OK(umount("b/m"));
    EXPECT_OK(umount("b"));
    EXPECT_OK(access("src/m/f", F_OK));
    EXPECT_OK(umount("src/m"));
}

TEST(mount_move_refuses_what_is_no_mount_and_its_own_inside)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("to", 0755));
    EXPECT_ERRNO(mount("d", "to", NULL, MS_MOVE, NULL), EINVAL);
    tmpfs_on("m");
    ASSERT_OK(mkdir("m/in", 0755));
    EXPECT_ERRNO(mount("m", "m/in", NULL, MS_MOVE, NULL), ELOOP);
    nt_put("f", "x");
    EXPECT_ERRNO(mount("m", "f", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "to", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_OK(mount("m", "to", NULL, MS_MOVE, NULL));
    EXPECT_OK(access("to/in", F_OK));
    EXPECT_ERRNO(access("m/in", F_OK), ENOENT);
    EXPECT_OK(umount("to"));
}

TEST(remount_wants_a_mount_point_and_known_options)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(mount(NULL, "d", NULL, MS_REMOUNT, NULL), EINVAL);
    EXPECT_ERRNO(mount(NULL, "d", NULL, MS_REMOUNT | MS_BIND, NULL), EINVAL);
    tmpfs_on("m");
    EXPECT_OK(mount(NULL, "m", NULL, MS_REMOUNT, "size=64k"));
    EXPECT_ERRNO(mount(NULL, "m", NULL, MS_REMOUNT, "nonsense=1"), EINVAL);
    EXPECT_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    EXPECT_ERRNO(mkdir("m/x", 0755), EROFS);
    EXPECT_OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
    EXPECT_OK(mkdir("m/x", 0755));
}

TEST(read_only_mounts_say_erofs_before_and_after_the_names)
{
    struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
    nt_dir();
    tmpfs_on("m");
    nt_put("m/f", "x");
    ASSERT_OK(mkdir("m/d", 0755));
    ASSERT_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    EXPECT_ERRNO(open("m/f", O_WRONLY), EROFS);
    EXPECT_ERRNO(open("m/new", O_CREAT | O_WRONLY, 0600), EROFS);
    EXPECT_OK(open("m/f", O_CREAT | O_RDONLY, 0600));
    EXPECT_ERRNO(open("m/f", O_RDONLY | O_TRUNC), EROFS);
    EXPECT_ERRNO(open("m", O_TMPFILE | O_RDWR, 0600), EROFS);
    EXPECT_ERRNO(mkdir("m/d", 0755), EEXIST);
    EXPECT_ERRNO(mkdir("m/new", 0755), EROFS);
    EXPECT_ERRNO(symlink("x", "m/f"), EEXIST);
    EXPECT_ERRNO(unlink("m/f"), EROFS);
    EXPECT_ERRNO(unlink("m/missing"), EROFS);
    EXPECT_ERRNO(rmdir("m/d"), EROFS);
    EXPECT_ERRNO(rename("m/f", "m/g"), EROFS);
    EXPECT_ERRNO(link("m/f", "m/g"), EROFS);
    EXPECT_ERRNO(chmod("m/f", 0600), EROFS);
    EXPECT_ERRNO(chown("m/f", 1, 1), EROFS);
    EXPECT_ERRNO(truncate("m/f", 0), EROFS);
    EXPECT_ERRNO(utimensat(AT_FDCWD, "m/f", t, 0), EROFS);
    EXPECT_ERRNO(access("m/f", W_OK), EROFS);
    EXPECT_OK(access("m/f", R_OK));
}

TEST(noatime_leaves_access_times_alone_and_strictatime_moves_them)
{
    struct timespec t[2] = { { 5, 0 }, { 1, 0 } };
    struct stat st;
    char text[8];
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    ASSERT_OK(mount("none", "m", "tmpfs", MS_NOATIME, NULL));
    nt_put("m/f", "x");
    ASSERT_OK(utimensat(AT_FDCWD, "m/f", t, 0));
    nt_get("m/f", text, sizeof text);
    ASSERT_OK(stat("m/f", &st));
    EXPECT_EQ(st.st_atim.tv_sec, 5);
    ASSERT_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL));
    nt_get("m/f", text, sizeof text);
    ASSERT_OK(stat("m/f", &st));
    EXPECT_TRUE(st.st_atim.tv_sec > 5);
}

TEST(nosymfollow_mounts_follow_no_links)
{
    char text[8];
    nt_dir();
    tmpfs_on("m");
    nt_put("m/f", "x");
    ASSERT_OK(symlink("f", "m/l"));
    ASSERT_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | 256, NULL));
    EXPECT_ERRNO(open("m/l", O_RDONLY), ELOOP);
    EXPECT_EQ(readlink("m/l", text, sizeof text), 1);
}

TEST(umount_expire_marks_first_and_takes_away_then)
{
    nt_dir();
    tmpfs_on("m");
    EXPECT_ERRNO(umount2("m", MNT_EXPIRE | MNT_DETACH), EINVAL);
    EXPECT_ERRNO(umount2("m", MNT_EXPIRE), EAGAIN);
    EXPECT_ERRNO(access("m/x", F_OK), ENOENT); /* used: no longer marked */
    EXPECT_ERRNO(umount2("m", MNT_EXPIRE), EAGAIN);
    EXPECT_OK(umount2("m", MNT_EXPIRE));
    EXPECT_ERRNO(umount2("m", MNT_EXPIRE), EINVAL);
}

TEST(working_directory_keeps_a_mount_busy)
{
    nt_dir();
    tmpfs_on("m");
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(chdir("m"));
        EXPECT_ERRNO(umount("../m"), EBUSY);
        ASSERT_OK(chdir(".."));
        EXPECT_OK(umount("m"));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(mount_refuses_kernel_flags_long_words_and_users)
{
    static char word[5000];
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    memset(word, 'w', sizeof word - 1);
    EXPECT_ERRNO(mount("none", "m", "tmpfs", 1UL << 31, NULL), EINVAL);
    EXPECT_ERRNO(mount("none", "m", word, 0, NULL), EINVAL);
    EXPECT_ERRNO(mount(word, "m", "tmpfs", 0, NULL), EINVAL);
    EXPECT_ERRNO(mount("none", word, "tmpfs", 0, NULL), ENAMETOOLONG);
    EXPECT_ERRNO(mount("none", "m", "tmpfs", 0, NT_BAD), EFAULT);
    EXPECT_OK(mount("none", "m", "tmpfs", 0xc0ed0000, NULL));
    EXPECT_OK(umount("m"));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mount("none", "m", "tmpfs", 0, NULL), EPERM);
        EXPECT_ERRNO(mount("none", "m", "nonsense", 0, NULL), EPERM);
        EXPECT_ERRNO(mount("none", "missing", "tmpfs", 0, NULL), ENOENT);
        EXPECT_ERRNO(umount("m"), EPERM);
        EXPECT_ERRNO(umount("missing"), ENOENT);
        EXPECT_ERRNO(syscall(SYS_pivot_root, NT_BAD, NT_BAD), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(names_cannot_leave_a_place_a_mount_stands_on)
{
    nt_dir();
    tmpfs_on("m");
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(rmdir("m"), EBUSY);
    EXPECT_ERRNO(rename("m", "n"), EBUSY);
    EXPECT_ERRNO(rename("d", "m"), EBUSY);
    nt_put("f", "x");
    nt_put("g", "y");
    ASSERT_OK(mount("g", "f", NULL, MS_BIND, NULL));
    EXPECT_ERRNO(unlink("f"), EBUSY);
    EXPECT_ERRNO(link("f", "h"), EXDEV);
    EXPECT_OK(umount("f"));
}

TEST(pivot_root_exchanges_the_roots_of_a_chroot)
{
    char text[64];
    nt_dir();
    tmpfs_on("a");
    nt_put("a/in_a", "x");
    tmpfs_on("a/b");
    nt_put("a/b/in_b", "x");
    ASSERT_OK(mkdir("a/b/old", 0755));
    ASSERT_OK(mkdir("a/plain", 0755));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(chroot("a"));
        ASSERT_OK(chdir("/"));
        EXPECT_ERRNO(syscall(SYS_pivot_root, "plain", "plain"), EBUSY);
        EXPECT_ERRNO(syscall(SYS_pivot_root, "b", "plain"), EBUSY);
        EXPECT_ERRNO(syscall(SYS_pivot_root, "b", "b/in_b"), ENOTDIR);
        EXPECT_ERRNO(syscall(SYS_pivot_root, "missing", "b/old"), ENOENT);
        EXPECT_OK(syscall(SYS_pivot_root, "b", "b/old"));
        EXPECT_OK(access("/in_b", F_OK));
        EXPECT_OK(access("/old/in_a", F_OK));
        EXPECT_TRUE(syscall(SYS_getcwd, text, sizeof text) == 2 && text[0] == '/');
        EXPECT_OK(access("in_b", F_OK));
        EXPECT_OK(umount2("/old", MNT_DETACH));
        EXPECT_ERRNO(access("/old/in_a", F_OK), ENOENT);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(access("a/in_b", F_OK));
    EXPECT_OK(umount("a"));
    EXPECT_ERRNO(access("a/in_b", F_OK), ENOENT);
}
