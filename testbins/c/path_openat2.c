/* openat2: strict flags and the RESOLVE_ restrictions. */
#include "nacre_test.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
enum { NO_XDEV = 1, NO_MAGICLINKS = 2, NO_SYMLINKS = 4, BENEATH = 8, IN_ROOT = 16 };

struct how {
    uint64_t flags, mode, resolve;
};

static long open2(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct how how = { flags, 0, resolve };
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static int tree(void)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("d/e", 0755));
    nt_put("d/f", "x");
    nt_put("outside", "x");
    ASSERT_OK(symlink("f", "d/near"));
    ASSERT_OK(symlink("../outside", "d/far"));
    ASSERT_OK(symlink("/f", "d/abs"));
    return ASSERT_OK(open("d", O_RDONLY));
}

TEST(openat2_opens_like_openat)
{
    int d = tree();
    EXPECT_OK(open2(d, "f", O_RDONLY, 0));
    struct how how = { O_CREAT | O_RDWR, 0640, 0 };
    int fd = ASSERT_OK(syscall(SYS_openat2, d, "new", &how, sizeof how));
    struct stat st;
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_mode & 0777, 0640);
}

TEST(openat2_refuses_unknown_flags_modes_and_sizes)
{
    int d = tree();
    struct how how = { O_RDONLY | (1UL << 40), 0, 0 };
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", &how, sizeof how), EINVAL);
    how = (struct how){ O_RDONLY, 0600, 0 };
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", &how, sizeof how), EINVAL);
    how = (struct how){ O_RDONLY, 0, 1UL << 20 };
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", &how, sizeof how), EINVAL);
    how = (struct how){ O_RDONLY, 0, 0 };
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", &how, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", NT_BAD, sizeof how), EFAULT);
    struct { struct how how; uint64_t more; } bigger = { { O_RDONLY, 0, 0 }, 0 };
    EXPECT_OK(syscall(SYS_openat2, d, "f", &bigger, sizeof bigger));
    bigger.more = 1;
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", &bigger, sizeof bigger), E2BIG);
}

TEST(resolve_beneath_keeps_inside)
{
    int d = tree();
    EXPECT_OK(open2(d, "f", O_RDONLY, BENEATH));
    EXPECT_OK(open2(d, "e/../f", O_RDONLY, BENEATH));
    EXPECT_OK(open2(d, "near", O_RDONLY, BENEATH));
    EXPECT_ERRNO(open2(d, "../outside", O_RDONLY, BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "far", O_RDONLY, BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "/tmp", O_RDONLY, BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "abs", O_RDONLY, BENEATH), EXDEV);
}

TEST(resolve_in_root_takes_the_directory_for_the_root)
{
    int d = tree();
    EXPECT_OK(open2(d, "/f", O_RDONLY, IN_ROOT));
    EXPECT_OK(open2(d, "abs", O_RDONLY, IN_ROOT));
    EXPECT_OK(open2(d, "../../f", O_RDONLY, IN_ROOT));
    EXPECT_ERRNO(open2(d, "far", O_RDONLY, IN_ROOT), ENOENT);
    EXPECT_ERRNO(open2(d, "f", O_RDONLY, IN_ROOT | BENEATH), EINVAL);
}

TEST(resolve_no_symlinks_refuses_every_link)
{
    int d = tree();
    EXPECT_OK(open2(d, "f", O_RDONLY, NO_SYMLINKS));
    EXPECT_ERRNO(open2(d, "near", O_RDONLY, NO_SYMLINKS), ELOOP);
    EXPECT_OK(open2(d, "near", O_PATH | O_NOFOLLOW, NO_SYMLINKS));
}

TEST(resolve_no_magiclinks_refuses_proc_fd)
{
    char path[64];
    int d = tree();
    snprintf(path, sizeof path, "/proc/self/fd/%d", d);
    EXPECT_OK(open2(AT_FDCWD, path, O_RDONLY, 0));
    EXPECT_ERRNO(open2(AT_FDCWD, path, O_RDONLY, NO_MAGICLINKS), ELOOP);
    EXPECT_OK(open2(d, "near", O_RDONLY, NO_MAGICLINKS));
}

TEST(resolve_no_xdev_stays_on_the_mount)
{
    int d = tree();
    EXPECT_OK(open2(d, "../d/f", O_RDONLY, NO_XDEV));
    EXPECT_ERRNO(open2(AT_FDCWD, "/proc/self", O_RDONLY, NO_XDEV), EXDEV);
    int root = ASSERT_OK(open("/", O_RDONLY));
    EXPECT_ERRNO(open2(root, "proc/uptime", O_RDONLY, NO_XDEV), EXDEV);
    EXPECT_OK(open2(root, "proc", O_PATH | O_NOFOLLOW, 0));
}
