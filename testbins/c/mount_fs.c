/* mount and umount: tmpfs, proc, bind mounts, flags and refusals. */
#include "nacre_test.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static void tmpfs_on(const char *path, const char *options)
{
    ASSERT_OK(mkdir(path, 0755));
    ASSERT_OK(mount("none", path, "tmpfs", 0, options));
}

static dev_t device(const char *path)
{
    struct stat st = { 0 };
    EXPECT_OK(stat(path, &st));
    return st.st_dev;
}

TEST(mount_covers_the_directory_and_umount_uncovers_it)
{
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    nt_put("m/below", "x");
    ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
    EXPECT_ERRNO(access("m/below", F_OK), ENOENT);
    nt_put("m/above", "x");
    EXPECT_TRUE(device("m") != device("."));
    EXPECT_OK(umount("m"));
    EXPECT_OK(access("m/below", F_OK));
    EXPECT_ERRNO(access("m/above", F_OK), ENOENT);
}

TEST(mount_refusals)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("m", 0755));
    EXPECT_ERRNO(mount("none", "m", "nosuchfs", 0, NULL), ENODEV);
    EXPECT_ERRNO(mount("none", "missing", "tmpfs", 0, NULL), ENOENT);
    EXPECT_ERRNO(mount("none", "f", "tmpfs", 0, NULL), ENOTDIR);
    EXPECT_ERRNO(mount("none", "m", NULL, 0, NULL), EINVAL);
    EXPECT_ERRNO(mount("none", "m", "tmpfs", 0, "nonsense=1"), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mount, "none", NT_BAD, "tmpfs", 0, NULL), EFAULT);
    EXPECT_ERRNO(syscall(SYS_mount, "none", "m", NT_BAD, 0, NULL), EFAULT);
}

TEST(umount_refusals)
{
    nt_dir();
    EXPECT_ERRNO(umount("."), EINVAL);
    EXPECT_ERRNO(umount("missing"), ENOENT);
    tmpfs_on("m", NULL);
    int fd = ASSERT_OK(open("m/f", O_CREAT | O_RDWR, 0600));
    EXPECT_ERRNO(umount("m"), EBUSY);
    EXPECT_ERRNO(umount2("m", 0x100), EINVAL);
    close(fd);
    EXPECT_OK(umount("m"));
    EXPECT_ERRNO(umount("m"), EINVAL);
}

TEST(lazy_umount_detaches_now_and_serves_open_files)
{
    nt_dir();
    tmpfs_on("m", NULL);
    int fd = ASSERT_OK(open("m/f", O_CREAT | O_RDWR, 0600));
    EXPECT_OK(umount2("m", MNT_DETACH));
    EXPECT_ERRNO(access("m/f", F_OK), ENOENT);
    EXPECT_EQ(write(fd, "x", 1), 1);
}

TEST(mounts_stack_and_come_off_from_the_top)
{
    nt_dir();
    tmpfs_on("m", NULL);
    nt_put("m/one", "x");
    ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
    nt_put("m/two", "x");
    EXPECT_ERRNO(access("m/one", F_OK), ENOENT);
    EXPECT_OK(umount("m"));
    EXPECT_OK(access("m/one", F_OK));
    EXPECT_OK(umount("m"));
}

TEST(bind_mount_shows_the_same_tree_twice)
{
    struct stat a, b;
    nt_dir();
    ASSERT_OK(mkdir("src", 0755));
    ASSERT_OK(mkdir("dst", 0755));
    nt_put("src/f", "x");
    EXPECT_OK(mount("src", "dst", NULL, MS_BIND, NULL));
    EXPECT_OK(stat("src/f", &a));
    EXPECT_OK(stat("dst/f", &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_ERRNO(rename("src/f", "dst/g"), EXDEV);
    EXPECT_ERRNO(link("src/f", "dst/g"), EXDEV);
    EXPECT_OK(umount("dst"));
}

TEST(bind_mount_of_a_file_onto_a_file)
{
    char text[8];
    nt_dir();
    nt_put("a", "from");
    nt_put("b", "to");
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_OK(mount("a", "b", NULL, MS_BIND, NULL));
    nt_get("b", text, sizeof text);
    EXPECT_STREQ(text, "from");
    EXPECT_ERRNO(unlink("b"), EBUSY);
    EXPECT_ERRNO(mount("a", "d", NULL, MS_BIND, NULL), ENOTDIR);
    EXPECT_ERRNO(mount("d", "a", NULL, MS_BIND, NULL), ENOTDIR);
    EXPECT_OK(umount("b"));
}

TEST(bind_without_rec_leaves_submounts_out)
{
    nt_dir();
    ASSERT_OK(mkdir("src", 0755));
    tmpfs_on("src/m", NULL);
    nt_put("src/m/f", "x");
    ASSERT_OK(mkdir("dst", 0755));
    EXPECT_OK(mount("src", "dst", NULL, MS_BIND, NULL));
    EXPECT_ERRNO(access("dst/m/f", F_OK), ENOENT);
    EXPECT_OK(umount("dst"));
    EXPECT_OK(mount("src", "dst", NULL, MS_BIND | MS_REC, NULL));
    EXPECT_OK(access("dst/m/f", F_OK));
    EXPECT_OK(umount2("dst", MNT_DETACH));
    EXPECT_OK(umount("src/m"));
}

TEST(mount_move_takes_the_tree_elsewhere)
{
    nt_dir();
    tmpfs_on("a", NULL);
    ASSERT_OK(mkdir("b", 0755));
    nt_put("a/f", "x");
    EXPECT_OK(mount("a", "b", NULL, MS_MOVE, NULL));
    EXPECT_OK(access("b/f", F_OK));
    EXPECT_ERRNO(access("a/f", F_OK), ENOENT);
    EXPECT_ERRNO(mount("a", "b", NULL, MS_MOVE, NULL), EINVAL);
    EXPECT_OK(umount("b"));
}

TEST(read_only_mount_refuses_writes)
{
    nt_dir();
    tmpfs_on("m", NULL);
    nt_put("m/f", "x");
    EXPECT_OK(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    EXPECT_ERRNO(open("m/f", O_WRONLY), EROFS);
    EXPECT_ERRNO(open("m/new", O_CREAT | O_RDWR, 0600), EROFS);
    EXPECT_ERRNO(mkdir("m/d", 0755), EROFS);
    EXPECT_ERRNO(unlink("m/f"), EROFS);
    EXPECT_ERRNO(chmod("m/f", 0600), EROFS);
    EXPECT_ERRNO(truncate("m/f", 0), EROFS);
    EXPECT_ERRNO(access("m/f", W_OK), EROFS);
    EXPECT_OK(open("m/f", O_RDONLY));
    EXPECT_OK(mount("none", "m", NULL, MS_REMOUNT, NULL));
    EXPECT_OK(open("m/f", O_WRONLY));
    EXPECT_OK(umount2("m", MNT_DETACH));
}

TEST(remount_read_only_with_a_writer_is_ebusy)
{
    nt_dir();
    tmpfs_on("m", NULL);
    int fd = ASSERT_OK(open("m/f", O_CREAT | O_RDWR, 0600));
    EXPECT_ERRNO(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
    close(fd);
    EXPECT_OK(umount("m"));
}

TEST(noexec_and_nodev_mounts_refuse_to_run_and_open)
{
    char *args[] = { "x", NULL };
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    ASSERT_OK(mount("none", "m", "tmpfs", MS_NOEXEC | MS_NODEV, NULL));
    nt_put("m/script", "#!/x\n");
    ASSERT_OK(chmod("m/script", 0755));
    EXPECT_ERRNO(execve("m/script", args, nt_envp), EACCES);
    int fd = ASSERT_OK(open("m/script", O_RDONLY));
    EXPECT_ERRNO(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EPERM);
    close(fd);
    ASSERT_OK(mknod("m/null", S_IFCHR | 0666, 0x103));
    EXPECT_ERRNO(open("m/null", O_RDWR), EACCES);
    EXPECT_OK(umount("m"));
}

TEST(tmpfs_size_limit_is_enospc_and_space_comes_back)
{
    static char chunk[65536];
    struct statfs s;
    nt_dir();
    tmpfs_on("m", "size=1m,mode=0700");
    EXPECT_OK(statfs("m", &s));
    EXPECT_EQ(s.f_blocks, 256);
    int fd = ASSERT_OK(open("m/f", O_CREAT | O_RDWR, 0600));
    long total = 0, n;
    while ((n = write(fd, chunk, sizeof chunk)) > 0)
        total += n;
    EXPECT_TRUE(errno == ENOSPC);
    EXPECT_TRUE(total >= 900000 && total <= 1 << 20);
    EXPECT_OK(ftruncate(fd, 0));
    EXPECT_EQ(pwrite(fd, chunk, sizeof chunk, 0), (long)sizeof chunk);
    close(fd);
    EXPECT_OK(umount("m"));
}

TEST(tmpfs_inode_limit_is_enospc)
{
    char name[32];
    nt_dir();
    tmpfs_on("m", "nr_inodes=5");
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "m/f%d", i);
        EXPECT_OK(mknod(name, S_IFREG | 0600, 0));
    }
    EXPECT_ERRNO(mknod("m/g", S_IFREG | 0600, 0), ENOSPC);
    EXPECT_OK(unlink("m/f0"));
    EXPECT_OK(mknod("m/g", S_IFREG | 0600, 0));
    EXPECT_OK(umount("m"));
}

TEST(proc_mounts_lists_the_mount)
{
    static char text[16384];
    char here[64], want[128];
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here));
    ASSERT_OK(mkdir("m", 0755));
    ASSERT_OK(mount("label", "m", "tmpfs", MS_NOSUID, NULL));
    snprintf(want, sizeof want, "label %s/m tmpfs rw,nosuid,relatime", here);
    EXPECT_TRUE(nt_get("/proc/self/mounts", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, want) != NULL);
    EXPECT_TRUE(nt_get("/proc/self/mountinfo", text, sizeof text) > 0);
    snprintf(want, sizeof want, " / %s/m rw,nosuid,relatime", here);
    EXPECT_TRUE(strstr(text, want) != NULL);
    EXPECT_OK(umount("m"));
}

TEST(pivot_root_wants_mount_points)
{
    nt_dir();
    ASSERT_OK(mkdir("a", 0755));
    EXPECT_ERRNO(syscall(SYS_pivot_root, "missing", "a"), ENOENT);
    EXPECT_ERRNO(syscall(SYS_pivot_root, "a", "a"), EINVAL);
}

TEST(umount_nofollow_refuses_a_symlink)
{
    nt_dir();
    tmpfs_on("m", NULL);
    ASSERT_OK(symlink("m", "l"));
    EXPECT_ERRNO(umount2("l", UMOUNT_NOFOLLOW), EINVAL);
    EXPECT_OK(umount2("l", 0));
}
