/* statx beyond what stat tells, statfs flags, and the numbers that must agree. */
#include "nacre_test.h"
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
enum { BASIC = 0x7ff, BTIME = 0x800, MNT_ID = 0x1000, MNT_ID_UNIQUE = 0x4000, ATTR_MOUNT_ROOT = 0x2000 };

struct statx_raw {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad1;
    uint64_t ino, size, blocks, attributes_mask;
    struct {
        int64_t sec;
        uint32_t nsec;
        int32_t pad;
    } atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mnt_id, spare[13];
};

static struct statx_raw look(const char *path, unsigned mask)
{
    struct statx_raw x;
    memset(&x, 0xff, sizeof x);
    EXPECT_OK(syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mask, &x));
    return x;
}

TEST(statx_always_gives_the_basics_and_a_mount_number)
{
    nt_dir();
    nt_put("f", "abc");
    struct statx_raw x = look("f", 0);
    EXPECT_EQ(x.mask & BASIC, BASIC);
    EXPECT_TRUE(x.mask & MNT_ID);
    EXPECT_TRUE(!(x.mask & MNT_ID_UNIQUE));
    EXPECT_EQ(x.size, 3);
    EXPECT_EQ(x.pad1, 0);
    EXPECT_EQ(x.spare[12], 0);
    EXPECT_EQ(x.blocks, 8);
    EXPECT_EQ(x.blksize, 4096);
}

TEST(statx_gives_the_birth_time_when_asked)
{
    struct timespec old[2] = { { 1000, 5 }, { 2000, 6 } };
    nt_dir();
    nt_put("f", "abc");
    struct statx_raw made = look("f", BASIC | BTIME);
    EXPECT_TRUE(made.mask & BTIME);
    nt_sleep_ms(20);
    ASSERT_OK(utimensat(AT_FDCWD, "f", old, 0));
    struct statx_raw x = look("f", BASIC | BTIME);
    EXPECT_EQ(x.btime.sec, made.btime.sec);
    EXPECT_EQ(x.btime.nsec, made.btime.nsec);
    EXPECT_EQ(x.atime.sec, 1000);
    EXPECT_EQ(x.atime.nsec, 5);
    EXPECT_EQ(x.mtime.sec, 2000);
    EXPECT_TRUE(x.ctime.sec > 2000);
    EXPECT_TRUE(!(look("f", BASIC).mask & BTIME));
}

TEST(statx_knows_roots_of_mounts_and_tells_mounts_apart)
{
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    struct statx_raw below = look("m", 0);
    EXPECT_TRUE(below.attributes_mask & ATTR_MOUNT_ROOT);
    EXPECT_TRUE(!(below.attributes & ATTR_MOUNT_ROOT));
    ASSERT_OK(mount("none", "m", "tmpfs", 0, NULL));
    struct statx_raw above = look("m", 0);
    EXPECT_TRUE(above.attributes & ATTR_MOUNT_ROOT);
    EXPECT_TRUE(above.mnt_id != below.mnt_id);
    EXPECT_TRUE(makedev(above.dev_major, above.dev_minor) != makedev(below.dev_major, below.dev_minor));
    struct statx_raw unique = look("m", MNT_ID_UNIQUE);
    EXPECT_TRUE(unique.mask & MNT_ID_UNIQUE);
    EXPECT_TRUE(!(unique.mask & MNT_ID));
    EXPECT_TRUE(unique.mnt_id > 0xffffffff || unique.mnt_id != above.mnt_id);
    ASSERT_OK(umount("m"));
}

TEST(statx_agrees_with_stat_for_every_kind)
{
    const char *paths[] = { "f", "d", "l", "p", "/dev/null", "/proc/self", "/" };
    struct stat st;
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(mkdir("d", 0700));
    ASSERT_OK(symlink("f", "l"));
    ASSERT_OK(mknod("p", S_IFIFO | 0600, 0));
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct statx_raw x = look(paths[i], BASIC);
        ASSERT_OK(lstat(paths[i], &st));
        EXPECT_EQ(x.ino, st.st_ino);
        EXPECT_EQ(x.mode, st.st_mode);
        EXPECT_EQ(x.nlink, st.st_nlink);
        EXPECT_EQ(x.size, st.st_size);
        EXPECT_EQ(makedev(x.dev_major, x.dev_minor), st.st_dev);
        EXPECT_EQ(makedev(x.rdev_major, x.rdev_minor), st.st_rdev);
        EXPECT_EQ(x.mtime.sec, st.st_mtim.tv_sec);
    }
}

TEST(statx_of_pipes_and_sockets_has_their_type)
{
    struct statx_raw x;
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_OK(syscall(SYS_statx, p[0], "", AT_EMPTY_PATH, BASIC, &x));
    EXPECT_TRUE(S_ISFIFO(x.mode));
    EXPECT_EQ(x.nlink, 1);
    EXPECT_EQ(x.size, 0);
    EXPECT_ERRNO(syscall(SYS_statx, p[0], "", AT_EMPTY_PATH, BASIC, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_statx, 999, "", AT_EMPTY_PATH, BASIC, &x), EBADF);
}

TEST(statfs_flags_are_the_mounts)
{
    struct statfs s;
    nt_dir();
    ASSERT_OK(mkdir("m", 0755));
    ASSERT_OK(mount("none", "m", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    EXPECT_OK(statfs("m", &s));
    EXPECT_EQ(s.f_flags, 0x20 | 2 | 4 | 8 | 0x1000); /* valid, nosuid, nodev, noexec, relatime */
    EXPECT_EQ(s.f_frsize, 4096);
    ASSERT_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOATIME, NULL));
    EXPECT_OK(statfs("m", &s));
    EXPECT_EQ(s.f_flags, 0x20 | 1 | 0x400);
    EXPECT_OK(umount("m"));
}

TEST(statfs_of_a_pipe_names_pipefs)
{
    struct statfs s;
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_OK(fstatfs(p[0], &s));
    EXPECT_EQ(s.f_type, 0x50495045);
    EXPECT_EQ(s.f_namelen, 255);
    EXPECT_EQ(s.f_bsize, 4096);
}
