/* open and openat: what each flag does, and what is refused. */
#include "nacre_test.h"

TEST(open_creates_with_mode_under_umask)
{
    struct stat st;
    nt_dir();
    umask(027);
    int fd = ASSERT_OK(open("f", O_CREAT | O_WRONLY, 0666));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_mode & 07777, 0640);
    EXPECT_EQ(st.st_size, 0);
    EXPECT_EQ(st.st_nlink, 1);
}

// proves T1
TEST(openat_takes_four_arguments_and_no_length)
{
    nt_dir();
    long fd = ASSERT_OK(syscall(56, AT_FDCWD, "f", O_CREAT | O_RDWR, 0600));
    EXPECT_EQ(syscall(64, fd, "ab", 2), 2);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    char text[4];
    EXPECT_EQ(syscall(63, fd, text, 4), 2);
}

TEST(open_missing_without_creat_is_enoent)
{
    nt_dir();
    EXPECT_ERRNO(open("missing", O_RDONLY), ENOENT);
    EXPECT_ERRNO(open("missing/inner", O_RDONLY | O_CREAT, 0600), ENOENT);
    EXPECT_ERRNO(open("", O_RDONLY), ENOENT);
}

TEST(open_excl_refuses_an_existing_name)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(open("f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    EXPECT_ERRNO(open(".", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    EXPECT_OK(open("g", O_CREAT | O_EXCL | O_RDWR, 0600));
}

TEST(open_excl_does_not_follow_a_dangling_symlink)
{
    nt_dir();
    ASSERT_OK(symlink("target", "link"));
    EXPECT_ERRNO(open("link", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    EXPECT_ERRNO(access("target", F_OK), ENOENT);
}

TEST(open_creat_follows_a_dangling_symlink)
{
    nt_dir();
    ASSERT_OK(symlink("target", "link"));
    EXPECT_OK(open("link", O_CREAT | O_RDWR, 0600));
    EXPECT_OK(access("target", F_OK));
}

TEST(open_trunc_empties_the_file)
{
    struct stat st;
    nt_dir();
    nt_put("f", "some text");
    int fd = ASSERT_OK(open("f", O_RDWR | O_TRUNC));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, 0);
}

TEST(open_append_writes_at_the_end_whatever_the_offset)
{
    char text[16];
    nt_dir();
    nt_put("f", "abc");
    int fd = ASSERT_OK(open("f", O_RDWR | O_APPEND));
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_EQ(write(fd, "d", 1), 1);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
    EXPECT_EQ(nt_get("f", text, sizeof text), 4);
    EXPECT_STREQ(text, "abcd");
}

TEST(pwrite_on_append_file_still_appends)
{
    char text[16];
    nt_dir();
    nt_put("f", "abc");
    int fd = ASSERT_OK(open("f", O_RDWR | O_APPEND));
    EXPECT_EQ(pwrite(fd, "Z", 1, 0), 1);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    nt_get("f", text, sizeof text);
    EXPECT_STREQ(text, "abcZ");
}

TEST(open_directory_for_writing_is_eisdir)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    EXPECT_ERRNO(open("d", O_WRONLY), EISDIR);
    EXPECT_ERRNO(open("d", O_RDWR), EISDIR);
    EXPECT_ERRNO(open("d", O_CREAT | O_RDONLY, 0600), EISDIR);
    EXPECT_OK(open("d", O_RDONLY));
}

TEST(open_o_directory_refuses_what_is_none)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_OK(open(".", O_RDONLY | O_DIRECTORY));
    EXPECT_ERRNO(open("new", O_RDONLY | O_DIRECTORY | O_CREAT, 0600), EINVAL);
    EXPECT_ERRNO(access("new", F_OK), ENOENT);
}

TEST(open_nofollow_on_a_symlink_is_eloop)
{
    nt_dir();
    nt_put("f", "x");
    ASSERT_OK(symlink("f", "link"));
    EXPECT_ERRNO(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    EXPECT_ERRNO(open("link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    EXPECT_OK(open("f", O_RDONLY | O_NOFOLLOW));
}

TEST(open_nofollow_still_follows_earlier_components)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    ASSERT_OK(symlink("d", "link"));
    EXPECT_OK(open("link/f", O_RDONLY | O_NOFOLLOW));
}

TEST(open_path_descriptor_only_names_the_file)
{
    char c;
    struct stat st;
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_PATH));
    EXPECT_ERRNO(read(fd, &c, 1), EBADF);
    EXPECT_ERRNO(write(fd, "y", 1), EBADF);
    EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), EBADF);
    EXPECT_ERRNO(syscall(SYS_fchmod, fd, 0600), EBADF);
    EXPECT_ERRNO(syscall(SYS_ftruncate, fd, 0), EBADF);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    EXPECT_OK(dup(fd));
}

TEST(open_path_nofollow_opens_the_symlink_itself)
{
    struct stat st;
    char target[16];
    nt_dir();
    ASSERT_OK(symlink("nowhere", "link"));
    int fd = ASSERT_OK(open("link", O_PATH | O_NOFOLLOW));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
    EXPECT_EQ(readlinkat(fd, "", target, sizeof target), 7);
    EXPECT_ERRNO(open("link", O_PATH), ENOENT);
}

TEST(open_path_directory_serves_as_a_base)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    int dir = ASSERT_OK(open("d", O_PATH | O_DIRECTORY));
    EXPECT_OK(openat(dir, "f", O_RDONLY));
    EXPECT_OK(fchdir(dir));
    EXPECT_OK(access("f", F_OK));
}

TEST(open_path_reopens_through_proc_self_fd)
{
    char path[64], c = 0;
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_PATH));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = ASSERT_OK(open(path, O_RDONLY));
    EXPECT_EQ(read(again, &c, 1), 1);
    EXPECT_EQ(c, 'x');
}

TEST(open_tmpfile_has_no_name_until_linked)
{
    struct stat st;
    char path[64], text[8];
    nt_dir();
    int fd = ASSERT_OK(open(".", O_TMPFILE | O_RDWR, 0600));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_nlink, 0);
    EXPECT_EQ(write(fd, "hid", 3), 3);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_OK(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW));
    EXPECT_EQ(nt_get("shown", text, sizeof text), 3);
    EXPECT_STREQ(text, "hid");
}

TEST(open_tmpfile_with_excl_can_never_be_linked)
{
    char path[64];
    nt_dir();
    int fd = ASSERT_OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW), ENOENT);
}

TEST(open_tmpfile_needs_write_access_and_a_directory)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    EXPECT_ERRNO(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
}

TEST(open_file_as_directory_is_enotdir)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_ERRNO(open("f/inner", O_RDONLY), ENOTDIR);
    EXPECT_ERRNO(open("f/", O_RDONLY), ENOTDIR);
    EXPECT_ERRNO(open("f/.", O_RDONLY), ENOTDIR);
}

TEST(open_bad_path_pointer_is_efault)
{
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, NT_BAD, O_RDONLY, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, NT_KERNEL, O_RDONLY, 0), EFAULT);
}

TEST(openat_dirfd_must_be_an_open_directory)
{
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_ERRNO(openat(fd, "inner", O_RDONLY), ENOTDIR);
    EXPECT_ERRNO(openat(-1, "inner", O_RDONLY), EBADF);
    EXPECT_ERRNO(openat(9999, "inner", O_RDONLY), EBADF);
}

TEST(openat_ignores_dirfd_for_an_absolute_path)
{
    EXPECT_OK(openat(-1, "/tmp", O_RDONLY | O_DIRECTORY));
}

TEST(open_write_only_descriptor_cannot_read)
{
    char c;
    nt_dir();
    int w = ASSERT_OK(open("f", O_CREAT | O_WRONLY, 0600));
    int r = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_ERRNO(read(w, &c, 1), EBADF);
    EXPECT_ERRNO(write(r, "x", 1), EBADF);
}

TEST(open_read_only_mode_bits_do_not_bind_the_creator)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_CREAT | O_RDWR, 0400));
    EXPECT_EQ(write(fd, "x", 1), 1);
}

TEST(open_directory_read_is_eisdir)
{
    char c;
    int fd = ASSERT_OK(open("/tmp", O_RDONLY));
    EXPECT_ERRNO(read(fd, &c, 1), EISDIR);
    EXPECT_ERRNO(pread(fd, &c, 1, 0), EISDIR);
    EXPECT_ERRNO(write(fd, &c, 1), EBADF);
}

TEST(open_unlinked_file_lives_until_the_last_close)
{
    struct stat st;
    char text[4] = "";
    nt_dir();
    nt_put("f", "abc");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(unlink("f"));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_nlink, 0);
    EXPECT_EQ(read(fd, text, 3), 3);
    EXPECT_STREQ(text, "abc");
}

TEST(open_device_nodes_answer_as_devices)
{
    char buf[16];
    memset(buf, 1, sizeof buf);
    int null = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_EQ(read(null, buf, 16), 0);
    EXPECT_EQ(write(null, buf, 16), 16);
    int zero = ASSERT_OK(open("/dev/zero", O_RDWR));
    EXPECT_EQ(read(zero, buf, 16), 16);
    EXPECT_EQ(buf[0] | buf[15], 0);
    int full = ASSERT_OK(open("/dev/full", O_RDWR));
    EXPECT_EQ(read(full, buf, 16), 16);
    EXPECT_ERRNO(write(full, buf, 16), ENOSPC);
}

TEST(creat_flags_are_write_create_truncate)
{
    nt_dir();
    nt_put("f", "old");
    int fd = ASSERT_OK(creat("f", 0600));
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    EXPECT_EQ(lseek(fd, 0, SEEK_END), 0);
}

TEST(open_ignores_unknown_flag_bits)
{
    nt_dir();
    nt_put("f", "x");
    EXPECT_OK(syscall(SYS_openat, AT_FDCWD, "f", O_RDONLY | 0x40000000, 0));
}
