/* The flags chattr sets, hints of life time, and the ioctls every file answers (man 2 ioctl_iflags, man 2 fcntl). */
#include "nacre_test.h"
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

enum { ATTR_IMMUTABLE = 0x10, ATTR_APPEND = 0x20, ATTR_NODUMP = 0x40 };
#define HINT_GET 1035
#define HINT_SET 1036

static int get(int fd)
{
    unsigned flags = 0;
    EXPECT_OK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    return flags;
}

static int set(int fd, unsigned flags)
{
    return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int as_user(void)
{
    return setgid(1000) == 0 && setuid(1000) == 0;
}

TEST(flags_of_a_file_are_kept)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    EXPECT_EQ(get(fd), 0);
    EXPECT_OK(set(fd, FS_NODUMP_FL | FS_NOATIME_FL));
    EXPECT_EQ(get(fd), FS_NODUMP_FL | FS_NOATIME_FL);
    struct fsxattr x;
    EXPECT_OK(ioctl(fd, FS_IOC_FSGETXATTR, &x));
    EXPECT_EQ(x.fsx_xflags, FS_XFLAG_NODUMP | FS_XFLAG_NOATIME);
    memset(&x, 0, sizeof x);
    EXPECT_OK(ioctl(fd, FS_IOC_FSSETXATTR, &x));
    EXPECT_EQ(get(fd), 0);
}

TEST(flags_a_file_system_of_memory_does_not_keep_are_refused)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    EXPECT_ERRNO(set(fd, FS_SYNC_FL), EOPNOTSUPP);
    EXPECT_ERRNO(set(fd, FS_COMPR_FL | FS_NODUMP_FL), EOPNOTSUPP);
    EXPECT_EQ(get(fd), 0);
    struct fsxattr x = { .fsx_projid = 5 };
    EXPECT_ERRNO(ioctl(fd, FS_IOC_FSSETXATTR, &x), EOPNOTSUPP);
    x = (struct fsxattr){ .fsx_xflags = FS_XFLAG_EXTSZINHERIT };
    EXPECT_ERRNO(ioctl(fd, FS_IOC_FSSETXATTR, &x), EINVAL);
    EXPECT_ERRNO(ioctl(fd, FS_IOC_GETFLAGS, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(fd, FS_IOC_SETFLAGS, NT_BAD), EFAULT);
    int null = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_ERRNO(ioctl(null, FS_IOC_GETFLAGS, &x), ENOTTY);
    EXPECT_ERRNO(set(null, 0), ENOTTY);
    EXPECT_ERRNO(set(null, FS_NODUMP_FL), ENOTTY);
}

TEST(immutable_files_do_not_change)
{
    nt_dir();
    nt_put("f", "text");
    int fd = ASSERT_OK(open("f", O_RDWR));
    ASSERT_OK(set(fd, FS_IMMUTABLE_FL));
    EXPECT_ERRNO(open("f", O_WRONLY), EPERM);
    EXPECT_OK(close(open("f", O_RDONLY)));
    EXPECT_ERRNO(truncate("f", 0), EPERM);
    EXPECT_OK(ftruncate(fd, 0));
    EXPECT_ERRNO(chmod("f", 0600), EPERM);
    EXPECT_ERRNO(chown("f", 1, 1), EPERM);
    EXPECT_ERRNO(utimensat(AT_FDCWD, "f", NULL, 0), EPERM);
    EXPECT_ERRNO(unlink("f"), EPERM);
    EXPECT_ERRNO(rename("f", "g"), EPERM);
    EXPECT_ERRNO(link("f", "g"), EPERM);
    EXPECT_ERRNO(setxattr("f", "user.a", "b", 1, 0), EPERM);
    EXPECT_ERRNO(access("f", W_OK), EPERM);
    EXPECT_ERRNO(fallocate(fd, 0, 0, 100), EPERM);
    EXPECT_OK(set(fd, 0));
    EXPECT_OK(unlink("f"));
}

TEST(files_that_only_grow_do_only_that)
{
    nt_dir();
    nt_put("f", "text");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(set(fd, FS_APPEND_FL));
    EXPECT_ERRNO(open("f", O_WRONLY), EPERM);
    EXPECT_ERRNO(open("f", O_RDONLY | O_TRUNC), EPERM);
    int end = EXPECT_OK(open("f", O_WRONLY | O_APPEND));
    EXPECT_EQ(write(end, "more", 4), 4);
    EXPECT_ERRNO(fcntl(end, F_SETFL, 0), EPERM);
    EXPECT_ERRNO(truncate("f", 0), EPERM);
    EXPECT_ERRNO(ftruncate(end, 0), EPERM);
    EXPECT_ERRNO(unlink("f"), EPERM);
    EXPECT_ERRNO(link("f", "g"), EPERM);
    EXPECT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
    EXPECT_OK(set(fd, 0));
}

TEST(directories_that_only_grow_lose_no_names)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    int fd = ASSERT_OK(open("d", O_RDONLY));
    ASSERT_OK(set(fd, FS_APPEND_FL));
    nt_put("d/f", "");
    EXPECT_ERRNO(unlink("d/f"), EPERM);
    EXPECT_ERRNO(rename("d/f", "d/g"), EPERM);
    EXPECT_OK(set(fd, FS_IMMUTABLE_FL));
    EXPECT_ERRNO(open("d/h", O_CREAT | O_WRONLY, 0644), EPERM);
    EXPECT_ERRNO(mkdir("d/h", 0755), EPERM);
    EXPECT_OK(set(fd, 0));
    EXPECT_OK(unlink("d/f"));
}

TEST(statx_shows_flags)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    ASSERT_OK(set(fd, FS_APPEND_FL | FS_NODUMP_FL));
    struct statx x;
    ASSERT_OK(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
    EXPECT_EQ(x.stx_attributes & x.stx_attributes_mask, ATTR_APPEND | ATTR_NODUMP);
    EXPECT_TRUE(x.stx_attributes_mask & ATTR_IMMUTABLE);
    EXPECT_OK(set(fd, 0));
}

TEST(flags_are_the_owners_and_the_strong_ones_roots)
{
    nt_dir();
    ASSERT_OK(chmod(".", 0777));
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_TRUE(as_user());
        EXPECT_ERRNO(set(fd, FS_NODUMP_FL), EPERM);
        int own = ASSERT_OK(open("g", O_RDWR | O_CREAT, 0644));
        EXPECT_OK(set(own, FS_NODUMP_FL));
        EXPECT_ERRNO(set(own, FS_IMMUTABLE_FL), EPERM);
        EXPECT_ERRNO(set(own, FS_APPEND_FL), EPERM);
        EXPECT_ERRNO(ioctl(own, FIFREEZE, 0), EPERM);
        int block = 0;
        EXPECT_ERRNO(ioctl(own, FIBMAP, &block), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(noatime_leaves_the_access_time)
{
    nt_dir();
    nt_put("f", "text");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } };
    ASSERT_OK(set(fd, FS_NOATIME_FL));
    ASSERT_OK(futimens(fd, old));
    char c;
    EXPECT_EQ(read(fd, &c, 1), 1);
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_atime, 1000);
    ASSERT_OK(set(fd, 0));
    EXPECT_EQ(read(fd, &c, 1), 1);
    ASSERT_OK(fstat(fd, &st));
    EXPECT_TRUE(st.st_atime > 2000);
}

TEST(ioctls_every_file_answers)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    int block = 0;
    EXPECT_ERRNO(ioctl(fd, FIBMAP, &block), EINVAL);
    EXPECT_ERRNO(ioctl(fd, FIFREEZE, 0), EOPNOTSUPP);
    EXPECT_ERRNO(ioctl(fd, FITHAW, 0), EINVAL);
    EXPECT_ERRNO(ioctl(fd, _IOWR('f', 11, char[32]), NT_BAD), EOPNOTSUPP);
    struct file_clone_range range = { .src_fd = fd };
    EXPECT_ERRNO(ioctl(fd, FICLONERANGE, &range), EOPNOTSUPP);
    EXPECT_ERRNO(ioctl(fd, FICLONERANGE, NT_BAD), EFAULT);
    struct file_dedupe_range same = { 0 };
    EXPECT_ERRNO(ioctl(fd, FIDEDUPERANGE, &same), EOPNOTSUPP);
    unsigned char uuid[17] = { 0 };
    EXPECT_OK(ioctl(fd, _IOR(0x15, 0, char[17]), uuid));
    EXPECT_EQ(uuid[0], 16);
    int proc = ASSERT_OK(open("/proc/self/stat", O_RDONLY));
    EXPECT_ERRNO(ioctl(proc, _IOR(0x15, 0, char[17]), uuid), ENOTTY);
}

TEST(the_xfs_way_of_allocating)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    struct {
        short type, whence;
        long start, len;
        int sysid;
        unsigned pid;
        int pad[4];
    } range = { .len = 8192 };
    EXPECT_OK(ioctl(fd, _IOW('X', 42, char[48]), &range));
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, 0);
    EXPECT_EQ(st.st_blocks, 16);
    EXPECT_OK(ioctl(fd, _IOW('X', 43, char[48]), &range));
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 0);
    range.whence = 3;
    EXPECT_ERRNO(ioctl(fd, _IOW('X', 42, char[48]), &range), EINVAL);
    range.whence = 0;
    range.len = 0;
    EXPECT_ERRNO(ioctl(fd, _IOW('X', 40, char[48]), &range), EINVAL);
}

TEST(life_time_hints_belong_to_the_file)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0644));
    int other = ASSERT_OK(open("f", O_RDONLY));
    uint64_t hint = 9;
    EXPECT_OK(fcntl(fd, HINT_GET, &hint));
    EXPECT_EQ(hint, 0);
    for (uint64_t want = 0; want <= 5; want++) {
        EXPECT_OK(fcntl(fd, HINT_SET, &want));
        EXPECT_OK(fcntl(other, HINT_GET, &hint));
        EXPECT_EQ(hint, want);
    }
    hint = 6;
    EXPECT_ERRNO(fcntl(fd, HINT_SET, &hint), EINVAL);
    EXPECT_ERRNO(fcntl(fd, HINT_SET, NT_BAD), EFAULT);
    EXPECT_ERRNO(fcntl(fd, 1037, &hint), EINVAL);
}
