/* Calls that take paths: which error comes first, what an empty or missing path means, the corners of openat2. */
#include "nacre_test.h"
#include <sys/resource.h>
#include <sys/sysmacros.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef O_PATH
#define O_PATH 010000000
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
enum { NO_XDEV = 1, NO_MAGICLINKS = 2, NO_SYMLINKS = 4, BENEATH = 8, IN_ROOT = 16, CACHED = 32, FCHMODAT2 = 452 };

struct how {
    uint64_t flags, mode, resolve;
};

static long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct how how = { flags, mode, resolve };
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

TEST(empty_path_is_enoent_before_the_descriptor_is_looked_at)
{
    struct stat st;
    nt_dir();
    EXPECT_ERRNO(syscall(SYS_openat, 999, "", O_RDONLY, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_newfstatat, 999, "", &st, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_newfstatat, 999, "", &st, AT_EMPTY_PATH), EBADF);
    EXPECT_ERRNO(syscall(SYS_mkdirat, 999, "", 0700), ENOENT);
    EXPECT_ERRNO(syscall(SYS_unlinkat, 999, "", 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_faccessat, 999, "", 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_readlinkat, 999, "", &st, 8), EBADF);
    EXPECT_ERRNO(syscall(SYS_symlinkat, "", 999, "x"), ENOENT);
}

TEST(unknown_flags_are_einval_before_the_path_is_read)
{
    EXPECT_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, NT_BAD, NT_BAD, 0x40000000), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, NT_BAD, 0x40000000, 0, NT_BAD), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, NT_BAD, 0, 1u << 31, NT_BAD), EINVAL);
    EXPECT_ERRNO(syscall(SYS_unlinkat, AT_FDCWD, NT_BAD, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_linkat, AT_FDCWD, NT_BAD, AT_FDCWD, NT_BAD, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, NT_BAD, AT_FDCWD, NT_BAD, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, NT_BAD, AT_FDCWD, NT_BAD, 3), EINVAL);
    EXPECT_ERRNO(syscall(SYS_fchownat, AT_FDCWD, NT_BAD, 0, 0, 1), EINVAL);
    EXPECT_ERRNO(syscall(FCHMODAT2, AT_FDCWD, NT_BAD, 0, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, NT_BAD, 0, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_faccessat, AT_FDCWD, NT_BAD, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_readlinkat, AT_FDCWD, NT_BAD, NT_BAD, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_readlinkat, AT_FDCWD, NT_BAD, NT_BAD, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_truncate, NT_BAD, -1L), EINVAL);
    EXPECT_ERRNO(syscall(SYS_umount2, NT_BAD, 16), EINVAL);
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, NT_BAD, O_CREAT | O_DIRECTORY, 0600), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mknodat, AT_FDCWD, NT_BAD, 0070000, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_mknodat, AT_FDCWD, NT_BAD, S_IFDIR, 0), EPERM);
}

TEST(second_path_is_judged_after_the_first_was_walked)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(syscall(SYS_linkat, AT_FDCWD, "missing", AT_FDCWD, NT_BAD, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_linkat, AT_FDCWD, "f", AT_FDCWD, NT_BAD, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_linkat, 999, "f", AT_FDCWD, "", 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_renameat, AT_FDCWD, "missing", AT_FDCWD, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_renameat, AT_FDCWD, NT_BAD, AT_FDCWD, ""), EFAULT);
    EXPECT_ERRNO(syscall(SYS_renameat, AT_FDCWD, "no/f", 999, "g"), ENOENT);
    EXPECT_ERRNO(syscall(SYS_renameat, 999, "f", AT_FDCWD, "no/g"), EBADF);
}

TEST(open_without_a_free_descriptor_makes_no_file)
{
    nt_dir();
    struct rlimit limit = { 3, 3 };
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    EXPECT_ERRNO(open("made", O_CREAT | O_RDWR, 0600), EMFILE);
    EXPECT_ERRNO(open("missing", O_RDONLY), EMFILE);
    EXPECT_ERRNO(open("", O_RDONLY), ENOENT);
    EXPECT_ERRNO(access("made", F_OK), ENOENT);
}

TEST(stat_and_statx_take_no_path_for_the_descriptor)
{
    struct stat st;
    char buf[256];
    nt_dir();
    nt_put("f", "abc");
    int fd = ASSERT_OK(open("f", O_PATH));
    EXPECT_OK(syscall(SYS_newfstatat, fd, NULL, &st, AT_EMPTY_PATH));
    EXPECT_EQ(st.st_size, 3);
    EXPECT_OK(syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, 0x7ff, buf));
    EXPECT_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, NULL, &st, AT_EMPTY_PATH), EFAULT);
    EXPECT_ERRNO(syscall(SYS_newfstatat, fd, NULL, &st, 0), EFAULT);
    EXPECT_OK(syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH));
    EXPECT_TRUE(S_ISDIR(st.st_mode));
    EXPECT_OK(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH | 0x800));
    EXPECT_EQ(st.st_size, 3);
}

TEST(readlinkat_of_an_empty_path_reads_the_descriptors_link)
{
    char text[8] = "";
    nt_dir();
    ASSERT_OK(symlink("goal", "l"));
    int fd = ASSERT_OK(open("l", O_PATH | O_NOFOLLOW));
    EXPECT_EQ(readlinkat(fd, "", text, sizeof text), 4);
    EXPECT_MEMEQ(text, "goal", 4);
    nt_put("f", "x");
    fd = ASSERT_OK(open("f", O_PATH));
    EXPECT_ERRNO(readlinkat(fd, "", text, sizeof text), ENOENT);
    EXPECT_ERRNO(readlinkat(AT_FDCWD, "f", text, sizeof text), EINVAL);
    EXPECT_ERRNO(readlinkat(AT_FDCWD, "l", NT_BAD, sizeof text), EFAULT);
}

TEST(linkat_of_an_empty_path_links_the_descriptors_file)
{
    struct stat a, b;
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_OK(linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH));
    EXPECT_OK(stat("f", &a));
    EXPECT_OK(stat("g", &b));
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(a.st_nlink, 2);
    EXPECT_ERRNO(linkat(fd, "", AT_FDCWD, "h", 0), ENOENT);
    EXPECT_ERRNO(linkat(AT_FDCWD, "", AT_FDCWD, "h", AT_EMPTY_PATH), EPERM);
    EXPECT_OK(unlink("f"));
    EXPECT_OK(unlink("g"));
    EXPECT_ERRNO(linkat(fd, "", AT_FDCWD, "h", AT_EMPTY_PATH), ENOENT);
}

TEST(linkat_of_an_empty_path_wants_the_openers_rights)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(chmod(".", 0777));
    ASSERT_OK(chmod("f", 0666));
    int handed = ASSERT_OK(open("f", O_RDONLY));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(1000));
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(linkat(handed, "", AT_FDCWD, "g", AT_EMPTY_PATH), ENOENT);
        int own = ASSERT_OK(open("f", O_RDONLY));
        EXPECT_OK(linkat(own, "", AT_FDCWD, "g", AT_EMPTY_PATH));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(tmpfile_is_linked_by_its_descriptor_unless_exclusive)
{
    struct stat st;
    nt_dir();
    int fd = ASSERT_OK(open(".", O_TMPFILE | O_RDWR, 0640));
    EXPECT_OK(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
    EXPECT_OK(stat("named", &st));
    EXPECT_EQ(st.st_nlink, 1);
    EXPECT_EQ(st.st_mode, S_IFREG | 0640);
    EXPECT_OK(unlink("named"));
    EXPECT_ERRNO(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH), ENOENT);
    fd = ASSERT_OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    EXPECT_ERRNO(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), ENOENT);
}

TEST(chmod_chown_and_access_take_an_empty_path)
{
    struct stat st;
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_PATH));
    EXPECT_OK(syscall(SYS_fchownat, fd, "", 7, 8, AT_EMPTY_PATH));
    EXPECT_OK(syscall(FCHMODAT2, fd, "", 0604, AT_EMPTY_PATH));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_uid, 7);
    EXPECT_EQ(st.st_gid, 8);
    EXPECT_EQ(st.st_mode & 07777, 0604);
    EXPECT_OK(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
    EXPECT_ERRNO(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH), EACCES);
    EXPECT_ERRNO(syscall(SYS_fchmod, fd, 0600), EBADF);
    EXPECT_ERRNO(syscall(SYS_fchown, fd, 0, 0), EBADF);
}

TEST(utimensat_without_a_path_sets_the_descriptors_times)
{
    struct stat st;
    struct timespec t[2] = { { 11, 0 }, { 22, 0 } };
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_OK(syscall(SYS_utimensat, fd, NULL, t, 0));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_mtim.tv_sec, 22);
    EXPECT_ERRNO(syscall(SYS_utimensat, fd, NULL, t, AT_SYMLINK_NOFOLLOW), EINVAL);
    EXPECT_ERRNO(syscall(SYS_utimensat, AT_FDCWD, NULL, t, 0), EFAULT);
    int place = ASSERT_OK(open("f", O_PATH));
    EXPECT_ERRNO(syscall(SYS_utimensat, place, NULL, t, 0), EBADF);
    t[0].tv_sec = 33;
    EXPECT_OK(syscall(SYS_utimensat, place, "", t, AT_EMPTY_PATH));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_atim.tv_sec, 33);
    t[0].tv_nsec = t[1].tv_nsec = 0x3ffffffe; /* UTIME_OMIT twice: nothing is looked at */
    EXPECT_OK(syscall(SYS_utimensat, 999, NT_BAD, t, 0x40000000));
}

TEST(getcwd_counts_the_terminator_and_wants_room_for_it)
{
    char text[64], want[64];
    nt_dir();
    snprintf(want, sizeof want, "/tmp/nt-%d", (int)getpid());
    long size = strlen(want) + 1;
    EXPECT_EQ(syscall(SYS_getcwd, text, size), size);
    EXPECT_STREQ(text, want);
    EXPECT_ERRNO(syscall(SYS_getcwd, text, size - 1), ERANGE);
    EXPECT_ERRNO(syscall(SYS_getcwd, text, 0L), ERANGE);
    EXPECT_ERRNO(syscall(SYS_getcwd, NT_BAD, size), EFAULT);
}

TEST(mknod_numbers_modes_and_the_plain_kinds)
{
    struct stat st;
    nt_dir();
    EXPECT_OK(mknod("plain", 0640, 0));
    EXPECT_OK(lstat("plain", &st));
    EXPECT_EQ(st.st_mode, S_IFREG | 0640);
    EXPECT_OK(syscall(SYS_mknodat, AT_FDCWD, "c", S_IFCHR | 06777, 0x12345678u));
    EXPECT_OK(lstat("c", &st));
    EXPECT_EQ(st.st_mode, S_IFCHR | 06755);
    EXPECT_EQ(st.st_rdev, 0x12345678);
    EXPECT_OK(mkdir("d", 07777));
    EXPECT_OK(lstat("d", &st));
    EXPECT_EQ(st.st_mode, S_IFDIR | 01755);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(chmod(".", 0777));
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(mknod("dev", S_IFCHR | 0600, makedev(1, 3)), EPERM);
        EXPECT_OK(mknod("whiteout", S_IFCHR | 0600, 0));
        EXPECT_OK(mknod("pipe", S_IFIFO | 0600, 0));
        EXPECT_OK(mknod("sock", S_IFSOCK | 0600, 0));
        EXPECT_ERRNO(open("sock", O_RDWR), ENXIO);
        EXPECT_ERRNO(open("whiteout", O_RDWR), ENXIO);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(openat2_scopes_absolute_paths_and_checks_the_descriptor)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    int d = ASSERT_OK(open("d", O_PATH));
    EXPECT_OK(open2(d, "/f", O_RDONLY, 0, IN_ROOT));
    EXPECT_OK(open2(d, "/../../f", O_RDONLY, 0, IN_ROOT));
    EXPECT_ERRNO(open2(d, "/f", O_RDONLY, 0, BENEATH), EXDEV);
    EXPECT_ERRNO(open2(999, "/f", O_RDONLY, 0, IN_ROOT), EBADF);
    EXPECT_ERRNO(open2(999, "/tmp", O_RDONLY, 0, BENEATH), EXDEV);
    EXPECT_OK(open2(999, "/tmp", O_RDONLY, 0, 0));
    EXPECT_ERRNO(open2(d, "f", O_RDONLY, 0, BENEATH | IN_ROOT), EINVAL);
}

TEST(openat2_makes_files_inside_the_scope_only)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(symlink("../out", "d/far"));
    ASSERT_OK(symlink("/in", "d/abs"));
    int d = ASSERT_OK(open("d", O_RDONLY | O_DIRECTORY));
    EXPECT_OK(open2(d, "new", O_CREAT | O_RDWR, 0600, BENEATH));
    EXPECT_ERRNO(open2(d, "far", O_CREAT | O_RDWR, 0600, BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "../out", O_CREAT | O_RDWR, 0600, BENEATH), EXDEV);
    EXPECT_ERRNO(access("out", F_OK), ENOENT);
    EXPECT_OK(open2(d, "abs", O_CREAT | O_RDWR, 0600, IN_ROOT));
    EXPECT_OK(access("d/in", F_OK));
    EXPECT_ERRNO(open2(d, "far", O_CREAT | O_RDWR, 0600, NO_SYMLINKS), ELOOP);
}

TEST(openat2_cached_refuses_what_would_change_something)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_OK(open2(AT_FDCWD, "f", O_RDONLY, 0, CACHED));
    EXPECT_ERRNO(open2(AT_FDCWD, "f", O_RDWR | O_CREAT, 0600, CACHED), EAGAIN);
    EXPECT_ERRNO(open2(AT_FDCWD, "f", O_RDWR | O_TRUNC, 0, CACHED), EAGAIN);
    EXPECT_ERRNO(open2(AT_FDCWD, ".", O_RDWR | O_TMPFILE, 0600, CACHED), EAGAIN);
}

TEST(openat2_judges_flags_and_sizes_strictly)
{
    nt_dir();
    nt_put("f", "x");
    char page[8192] = "";
    EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", page, 4097L), E2BIG);
    EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", page, 23L), EINVAL);
    int fd = EXPECT_OK(syscall(SYS_openat2, AT_FDCWD, "f", page, 4096L));
    EXPECT_EQ(fcntl(fd, F_GETFL), 0400000); /* O_LARGEFILE */
    page[4000] = 1;
    EXPECT_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", page, 4096L), E2BIG);
    EXPECT_ERRNO(open2(AT_FDCWD, "f", O_PATH | O_RDWR, 0, 0), EINVAL);
    EXPECT_ERRNO(open2(AT_FDCWD, "f", O_PATH | O_TRUNC, 0, 0), EINVAL);
    EXPECT_OK(open2(AT_FDCWD, "f", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0));
    EXPECT_ERRNO(open2(AT_FDCWD, "g", O_CREAT | O_RDWR, 010600, 0), EINVAL);
    EXPECT_ERRNO(open2(AT_FDCWD, ".", O_CREAT | O_DIRECTORY, 0600, 0), EINVAL);
    EXPECT_ERRNO(open2(AT_FDCWD, ".", 020000000 | O_RDWR, 0600, 0), EINVAL); /* __O_TMPFILE alone */
    EXPECT_ERRNO(open2(AT_FDCWD, "f", 1UL << 31, 0, 0), EINVAL);
}

TEST(open_flags_read_back_as_given)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_SYNC | O_CLOEXEC | O_NOCTTY, 0600));
    EXPECT_EQ(fcntl(fd, F_GETFL), O_RDWR | O_APPEND | O_SYNC | 0400000);
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    fd = ASSERT_OK(syscall(SYS_openat, AT_FDCWD, "f", 04000000, 0)); /* __O_SYNC alone means O_SYNC */
    EXPECT_EQ(fcntl(fd, F_GETFL), O_SYNC | 0400000);
    fd = ASSERT_OK(open("f", O_PATH | O_RDWR | O_APPEND));
    EXPECT_EQ(fcntl(fd, F_GETFL), O_PATH);
    fd = ASSERT_OK(syscall(SYS_openat, AT_FDCWD, "f", 3, 0)); /* neither to read nor to write */
    EXPECT_EQ(fcntl(fd, F_GETFL), 3 | 0400000);
    char c;
    EXPECT_ERRNO(read(fd, &c, 1), EBADF);
    EXPECT_ERRNO(write(fd, "x", 1), EBADF);
}

TEST(truncate_past_the_size_limit_signals_and_is_efbig)
{
    nt_dir();
    nt_put("f", "0123456789");
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit limit = { 4, 4 };
        struct stat st;
        ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
        signal(SIGXFSZ, SIG_IGN);
        EXPECT_ERRNO(truncate("f", 11), EFBIG);
        EXPECT_OK(truncate("f", 8));
        EXPECT_OK(stat("f", &st));
        EXPECT_EQ(st.st_size, 8);
        signal(SIGXFSZ, SIG_DFL);
        truncate("f", 100);
        nt_done();
    }
    EXPECT_KILLED(pid, SIGXFSZ);
}

/* Debian's fs.protected_hardlinks and fs.protected_symlinks are on from the start. */
TEST(hard_links_of_others_files_want_read_and_write_permission)
{
    nt_dir();
    ASSERT_OK(chmod(".", 0777));
    nt_put("readable", "x");
    nt_put("writable", "x");
    nt_put("setuid", "x");
    nt_put("own", "x");
    ASSERT_OK(mknod("pipe", S_IFIFO | 0600, 0));
    ASSERT_OK(chmod("writable", 0666));
    ASSERT_OK(chmod("pipe", 0666));
    ASSERT_OK(chmod("setuid", 04777));
    ASSERT_OK(chown("own", 1000, 1000));
    ASSERT_OK(chmod("own", 0400));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(1000));
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(link("readable", "r"), EPERM);
        EXPECT_OK(link("writable", "w"));
        EXPECT_ERRNO(link("setuid", "s"), EPERM);
        EXPECT_ERRNO(link("pipe", "p"), EPERM);
        EXPECT_OK(link("own", "o"));
        EXPECT_ERRNO(link("readable", "own"), EEXIST);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(last_link_in_a_sticky_directory_must_be_ones_own_or_its_owners)
{
    struct stat st;
    nt_dir();
    ASSERT_OK(mkdir("open", 0777));
    ASSERT_OK(mkdir("d", 0755));
    nt_put("f", "x");
    nt_put("d/f", "x");
    ASSERT_OK(symlink("../f", "open/mine"));
    ASSERT_OK(symlink("../f", "open/others"));
    ASSERT_OK(symlink("../d", "open/dir"));
    ASSERT_OK(symlink("open/others", "through"));
    ASSERT_OK(lchown("open/others", 1001, 1001));
    ASSERT_OK(lchown("open/dir", 1001, 1001));
    EXPECT_OK(stat("open/others", &st));
    ASSERT_OK(chmod("open", 01777));
    EXPECT_OK(stat("open/mine", &st));
    EXPECT_ERRNO(stat("open/others", &st), EACCES);
    EXPECT_ERRNO(open("open/others", O_RDONLY), EACCES);
    EXPECT_ERRNO(open("open/others", O_RDWR | O_CREAT, 0600), EACCES);
    EXPECT_ERRNO(stat("through", &st), EACCES);
    EXPECT_ERRNO(stat("open/dir/", &st), EACCES);
    EXPECT_OK(stat("open/dir/f", &st));
    EXPECT_OK(lstat("open/others", &st));
    EXPECT_OK(unlink("open/others"));
    ASSERT_OK(chmod("open", 01775));
    EXPECT_OK(stat("open/dir", &st));
}
