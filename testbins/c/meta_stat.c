/* What stat tells and what chmod, chown and utimensat change; extended attributes; statfs. */
#include "nacre_test.h"
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef UTIME_NOW
#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#endif

/* statx as the kernel lays it out. */
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

static int file(const char *text)
{
    nt_dir();
    nt_put("f", text);
    return ASSERT_OK(open("f", O_RDWR));
}

static struct stat look(const char *path)
{
    struct stat st;
    memset(&st, 0, sizeof st);
    EXPECT_OK(lstat(path, &st));
    return st;
}

// proves T16
TEST(stat_is_128_bytes_on_arm64)
{
    char raw[160];
    int fd = file("abc");
    memset(raw, 0x7e, sizeof raw);
    EXPECT_OK(syscall(SYS_fstat, fd, raw));
    EXPECT_EQ(raw[128], 0x7e);
    EXPECT_TRUE(raw[127] != 0x7e);
    EXPECT_EQ(*(uint32_t *)(raw + 16), S_IFREG | 0644);
    EXPECT_EQ(*(uint32_t *)(raw + 20), 1);
    EXPECT_EQ(*(uint64_t *)(raw + 48), 3);
}

TEST(stat_lstat_and_fstat_agree)
{
    int fd = file("hello");
    struct stat a = look("f"), b, c;
    EXPECT_OK(fstat(fd, &b));
    EXPECT_OK(stat("f", &c));
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(a.st_dev, c.st_dev);
    EXPECT_EQ(a.st_size, 5);
    EXPECT_EQ(a.st_uid, 0);
    EXPECT_TRUE(a.st_blksize >= 512);
}

TEST(fstatat_empty_path_and_nofollow)
{
    int fd = file("x");
    struct stat st;
    ASSERT_OK(symlink("f", "l"));
    EXPECT_OK(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH));
    EXPECT_EQ(st.st_size, 1);
    EXPECT_ERRNO(syscall(SYS_newfstatat, fd, "", &st, 0), ENOENT);
    EXPECT_OK(syscall(SYS_newfstatat, AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
    EXPECT_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, 0x40000000), EINVAL);
    EXPECT_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "f", NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_newfstatat, 999, "f", &st, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_fstat, 999, &st), EBADF);
}

TEST(stat_counts_blocks_in_512_bytes)
{
    int fd = file("");
    struct stat st;
    EXPECT_EQ(look("f").st_blocks, 0);
    EXPECT_EQ(write(fd, "x", 1), 1);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 8);
}

TEST(stat_of_devices_has_their_numbers)
{
    struct stat st = look("/dev/null");
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(major(st.st_rdev), 1);
    EXPECT_EQ(minor(st.st_rdev), 3);
    st = look("/dev/zero");
    EXPECT_EQ(minor(st.st_rdev), 5);
    st = look("/dev/tty");
    EXPECT_EQ(major(st.st_rdev), 5);
}

TEST(statx_gives_the_basics_and_the_mask)
{
    struct statx_raw x;
    int fd = file("hello");
    memset(&x, 0xff, sizeof x);
    EXPECT_OK(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, &x));
    EXPECT_EQ(x.mask & 0x7ff, 0x7ff);
    EXPECT_EQ(x.size, 5);
    EXPECT_EQ(x.mode, S_IFREG | 0644);
    EXPECT_EQ(x.nlink, 1);
    EXPECT_EQ(x.ino, look("f").st_ino);
    EXPECT_OK(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x7ff, &x));
    EXPECT_EQ(makedev(x.dev_major, x.dev_minor), look("f").st_dev);
}

TEST(statx_refusals)
{
    struct statx_raw x;
    file("x");
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0x7ff, &x), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000, &x), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, "missing", 0, 0x7ff, &x), ENOENT);
}

TEST(chmod_changes_permission_and_special_bits)
{
    int fd = file("x");
    EXPECT_OK(chmod("f", 07741));
    EXPECT_EQ(look("f").st_mode, S_IFREG | 07741);
    EXPECT_OK(syscall(SYS_fchmod, fd, 0600));
    EXPECT_EQ(look("f").st_mode, S_IFREG | 0600);
    EXPECT_OK(syscall(SYS_fchmodat, AT_FDCWD, "f", 0644));
    EXPECT_EQ(look("f").st_mode & 07777, 0644);
    EXPECT_ERRNO(chmod("missing", 0600), ENOENT);
    EXPECT_ERRNO(syscall(SYS_fchmod, 999, 0600), EBADF);
}

TEST(chmod_follows_symlinks_and_fchmodat2_can_refuse_to)
{
    file("x");
    ASSERT_OK(symlink("f", "l"));
    EXPECT_OK(chmod("l", 0600));
    EXPECT_EQ(look("f").st_mode & 0777, 0600);
    EXPECT_ERRNO(syscall(452, AT_FDCWD, "l", 0644, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    EXPECT_OK(syscall(452, AT_FDCWD, "f", 0644, AT_SYMLINK_NOFOLLOW));
    EXPECT_ERRNO(syscall(452, AT_FDCWD, "f", 0644, 0x1), EINVAL);
}

TEST(chown_changes_ids_and_keeps_minus_one)
{
    int fd = file("x");
    EXPECT_OK(chown("f", 100, 200));
    EXPECT_EQ(look("f").st_uid, 100);
    EXPECT_EQ(look("f").st_gid, 200);
    EXPECT_OK(fchown(fd, -1, 300));
    EXPECT_EQ(look("f").st_uid, 100);
    EXPECT_EQ(look("f").st_gid, 300);
    EXPECT_ERRNO(fchown(999, 1, 1), EBADF);
    EXPECT_ERRNO(fchownat(AT_FDCWD, "f", 1, 1, 0x1), EINVAL);
}

TEST(chown_clears_setuid_and_setgid_of_a_program)
{
    file("x");
    ASSERT_OK(chmod("f", 06755));
    EXPECT_OK(chown("f", 100, 100));
    EXPECT_EQ(look("f").st_mode & 07777, 0755);
    ASSERT_OK(chmod("f", 02644));
    EXPECT_OK(chown("f", 101, 101));
    EXPECT_EQ(look("f").st_mode & 07777, 02644);
}

TEST(lchown_changes_the_link_itself)
{
    file("x");
    ASSERT_OK(symlink("f", "l"));
    EXPECT_OK(lchown("l", 7, 8));
    EXPECT_EQ(look("l").st_uid, 7);
    EXPECT_EQ(look("f").st_uid, 0);
}

TEST(write_by_a_user_clears_setuid)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(chown("f", 1000, 1000));
    ASSERT_OK(chmod("f", 06777));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(1001));
        ASSERT_OK(setuid(1001));
        int fd = ASSERT_OK(open("f", O_WRONLY));
        EXPECT_EQ(write(fd, "y", 1), 1);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(look("f").st_mode & 07777, 0777);
}

TEST(utimensat_sets_times_to_the_nanosecond)
{
    int fd = file("x");
    struct timespec t[2] = { { 1000, 1 }, { 2000, 999999999 } };
    EXPECT_OK(utimensat(AT_FDCWD, "f", t, 0));
    struct stat st = look("f");
    EXPECT_EQ(st.st_atim.tv_sec, 1000);
    EXPECT_EQ(st.st_atim.tv_nsec, 1);
    EXPECT_EQ(st.st_mtim.tv_sec, 2000);
    EXPECT_EQ(st.st_mtim.tv_nsec, 999999999);
    t[0].tv_nsec = UTIME_OMIT;
    t[1] = (struct timespec){ 3000, 0 };
    EXPECT_OK(futimens(fd, t));
    st = look("f");
    EXPECT_EQ(st.st_atim.tv_sec, 1000);
    EXPECT_EQ(st.st_mtim.tv_sec, 3000);
}

TEST(utimensat_now_and_null_take_the_present)
{
    struct timespec now, t[2] = { { 0, UTIME_NOW }, { 5, 0 } };
    file("x");
    clock_gettime(CLOCK_REALTIME, &now);
    EXPECT_OK(utimensat(AT_FDCWD, "f", t, 0));
    EXPECT_TRUE(look("f").st_atim.tv_sec >= now.tv_sec - 1);
    EXPECT_EQ(look("f").st_mtim.tv_sec, 5);
    EXPECT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
    EXPECT_TRUE(look("f").st_mtim.tv_sec >= now.tv_sec - 1);
}

TEST(utimensat_refusals)
{
    struct timespec t[2] = { { 0, 1000000000 }, { 0, 0 } };
    file("x");
    EXPECT_ERRNO(utimensat(AT_FDCWD, "f", t, 0), EINVAL);
    t[0].tv_nsec = 0;
    EXPECT_ERRNO(utimensat(AT_FDCWD, "f", t, 0x1), EINVAL);
    EXPECT_ERRNO(utimensat(AT_FDCWD, "missing", t, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_utimensat, AT_FDCWD, "f", NT_BAD, 0), EFAULT);
    ASSERT_OK(symlink("f", "l"));
    t[1].tv_sec = 77;
    EXPECT_OK(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
    EXPECT_EQ(look("l").st_mtim.tv_sec, 77);
    EXPECT_TRUE(look("f").st_mtim.tv_sec != 77);
}

static int later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

TEST(times_move_with_writing_and_changing)
{
    int fd = file("x");
    struct stat before = look("f");
    nt_sleep_ms(20);
    EXPECT_EQ(write(fd, "y", 1), 1);
    struct stat written = look("f");
    EXPECT_TRUE(later(written.st_mtim, before.st_mtim) && later(written.st_ctim, before.st_ctim));
    nt_sleep_ms(20);
    EXPECT_OK(chmod("f", 0600));
    struct stat changed = look("f");
    EXPECT_TRUE(later(changed.st_ctim, written.st_ctim) && !later(changed.st_mtim, written.st_mtim));
    struct stat dir = look(".");
    nt_sleep_ms(20);
    nt_put("g", "x");
    EXPECT_TRUE(later(look(".").st_mtim, dir.st_mtim));
}

TEST(umask_returns_the_old_one_and_keeps_nine_bits)
{
    EXPECT_EQ(umask(07777), 022);
    EXPECT_EQ(umask(022), 0777);
}

TEST(user_xattrs_come_and_go)
{
    char value[16] = "", names[64];
    int fd = file("x");
    EXPECT_OK(setxattr("f", "user.a", "one", 3, 0));
    EXPECT_EQ(getxattr("f", "user.a", value, sizeof value), 3);
    EXPECT_MEMEQ(value, "one", 3);
    EXPECT_EQ(fgetxattr(fd, "user.a", NULL, 0), 3);
    EXPECT_ERRNO(getxattr("f", "user.a", value, 2), ERANGE);
    EXPECT_ERRNO(getxattr("f", "user.b", value, 2), ENODATA);
    EXPECT_OK(setxattr("f", "user.b", "", 0, 0));
    EXPECT_EQ(listxattr("f", names, sizeof names), 14);
    EXPECT_OK(removexattr("f", "user.a"));
    EXPECT_ERRNO(removexattr("f", "user.a"), ENODATA);
}

TEST(xattr_create_replace_and_name_rules)
{
    file("x");
    EXPECT_ERRNO(setxattr("f", "user.a", "v", 1, XATTR_REPLACE), ENODATA);
    EXPECT_OK(setxattr("f", "user.a", "v", 1, XATTR_CREATE));
    EXPECT_ERRNO(setxattr("f", "user.a", "v", 1, XATTR_CREATE), EEXIST);
    EXPECT_ERRNO(setxattr("f", "nonsense", "v", 1, 0), EOPNOTSUPP);
    EXPECT_ERRNO(setxattr("f", "user.a", "v", 1, 8), EINVAL);
    EXPECT_ERRNO(setxattr("f", "", "v", 1, 0), ERANGE);
    EXPECT_ERRNO(setxattr("f", "user.big", "v", 70000, 0), E2BIG);
    EXPECT_ERRNO(syscall(SYS_setxattr, "f", "user.a", NT_BAD, 3, 0), EFAULT);
    EXPECT_OK(setxattr("f", "trusted.t", "v", 1, 0));
    ASSERT_OK(symlink("f", "l"));
    EXPECT_ERRNO(lsetxattr("l", "user.a", "v", 1, 0), EPERM);
}

TEST(statfs_names_the_file_system)
{
    struct statfs s;
    int fd = file("x");
    EXPECT_OK(statfs("/tmp", &s));
    EXPECT_EQ(s.f_type, 0x01021994);
    EXPECT_EQ(s.f_bsize, 4096);
    EXPECT_EQ(s.f_namelen, 255);
    EXPECT_TRUE(s.f_blocks >= s.f_bfree && s.f_bfree > 0);
    EXPECT_OK(statfs("/proc", &s));
    EXPECT_EQ(s.f_type, 0x9fa0);
    EXPECT_OK(fstatfs(fd, &s));
    EXPECT_EQ(s.f_type, 0x01021994);
    EXPECT_ERRNO(statfs("/tmp/missing", &s), ENOENT);
    EXPECT_ERRNO(fstatfs(999, &s), EBADF);
    EXPECT_ERRNO(syscall(SYS_statfs, "/tmp", NT_BAD), EFAULT);
}
