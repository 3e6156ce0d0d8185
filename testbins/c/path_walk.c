/* How a path is walked: symlinks, dots, slashes, lengths, and where each refusal comes from. */
#include "nacre_test.h"
#include <limits.h>

/* d/f, d/e/ and the symlinks to-d -> d, to-f -> d/f. */
static void tree(void)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(mkdir("d/e", 0755));
    nt_put("d/f", "file");
    ASSERT_OK(symlink("d", "to-d"));
    ASSERT_OK(symlink("d/f", "to-f"));
}

static ino_t inode_of(const char *path)
{
    struct stat st = { 0 };
    EXPECT_OK(stat(path, &st));
    return st.st_ino;
}

TEST(path_dot_and_repeated_slashes_change_nothing)
{
    tree();
    EXPECT_EQ(inode_of("d//f"), inode_of("d/f"));
    EXPECT_EQ(inode_of("./d/./f"), inode_of("d/f"));
    EXPECT_EQ(inode_of("d/"), inode_of("d"));
    EXPECT_EQ(inode_of("d/."), inode_of("d"));
}

TEST(path_dot_dot_goes_to_the_parent)
{
    tree();
    EXPECT_EQ(inode_of("d/e/../f"), inode_of("d/f"));
    EXPECT_EQ(inode_of("d/e/../.."), inode_of("."));
    EXPECT_ERRNO(access("d/f/../f", F_OK), ENOTDIR);
    EXPECT_ERRNO(access("d/missing/../f", F_OK), ENOENT);
}

TEST(path_dot_dot_at_the_root_stays)
{
    EXPECT_EQ(inode_of("/.."), inode_of("/"));
    EXPECT_EQ(inode_of("/../../tmp"), inode_of("/tmp"));
}

TEST(path_dot_dot_after_a_symlink_is_the_targets_parent)
{
    tree();
    ASSERT_OK(symlink("d/e", "to-e"));
    EXPECT_EQ(inode_of("to-e/../f"), inode_of("d/f"));
}

TEST(path_dot_dot_crosses_a_mount_point_upwards)
{
    EXPECT_EQ(inode_of("/tmp/.."), inode_of("/"));
    EXPECT_EQ(inode_of("/proc/.."), inode_of("/"));
    EXPECT_EQ(inode_of("/dev/pts/.."), inode_of("/dev"));
}

TEST(symlink_in_the_middle_and_at_the_end_is_followed)
{
    tree();
    EXPECT_EQ(inode_of("to-d/f"), inode_of("d/f"));
    EXPECT_EQ(inode_of("to-f"), inode_of("d/f"));
    EXPECT_ERRNO(access("to-f/inner", F_OK), ENOTDIR);
}

TEST(symlink_target_is_relative_to_its_directory)
{
    tree();
    ASSERT_OK(symlink("../f", "d/e/up"));
    EXPECT_EQ(inode_of("d/e/up"), inode_of("d/f"));
}

TEST(symlink_absolute_target_starts_at_the_root)
{
    char here[256], target[300];
    tree();
    ASSERT_TRUE(getcwd(here, sizeof here));
    snprintf(target, sizeof target, "%s/d", here);
    ASSERT_OK(symlink(target, "d/e/abs"));
    EXPECT_EQ(inode_of("d/e/abs/f"), inode_of("d/f"));
}

TEST(symlink_loop_is_eloop)
{
    nt_dir();
    ASSERT_OK(symlink("b", "a"));
    ASSERT_OK(symlink("a", "b"));
    EXPECT_ERRNO(open("a", O_RDONLY), ELOOP);
    EXPECT_ERRNO(access("a/x", F_OK), ELOOP);
    EXPECT_ERRNO(open("a", O_RDONLY | O_CREAT, 0600), ELOOP);
    ASSERT_OK(symlink("self", "self"));
    EXPECT_ERRNO(chdir("self"), ELOOP);
}

TEST(symlink_chain_of_forty_is_followed_and_forty_one_is_eloop)
{
    char from[16], to[16];
    nt_dir();
    nt_put("l0", "end");
    for (int i = 1; i <= 41; i++) {
        snprintf(to, sizeof to, "l%d", i - 1);
        snprintf(from, sizeof from, "l%d", i);
        ASSERT_OK(symlink(to, from));
    }
    EXPECT_OK(access("l40", F_OK));
    EXPECT_ERRNO(access("l41", F_OK), ELOOP);
}

TEST(symlink_trailing_slash_follows_it)
{
    struct stat st;
    tree();
    EXPECT_OK(lstat("to-d/", &st));
    EXPECT_TRUE(S_ISDIR(st.st_mode));
    EXPECT_OK(lstat("to-d", &st));
    EXPECT_TRUE(S_ISLNK(st.st_mode));
    EXPECT_ERRNO(lstat("to-f/", &st), ENOTDIR);
}

TEST(trailing_slash_on_a_file_is_enotdir)
{
    tree();
    EXPECT_ERRNO(access("d/f/", F_OK), ENOTDIR);
    EXPECT_ERRNO(unlink("d/f/"), ENOTDIR);
    EXPECT_ERRNO(open("new/", O_CREAT | O_RDWR, 0600), EISDIR);
    EXPECT_ERRNO(rename("d/f", "g/"), ENOTDIR);
}

TEST(trailing_slash_is_fine_for_directories)
{
    tree();
    EXPECT_OK(mkdir("new/", 0755));
    EXPECT_OK(rename("new/", "newer/"));
    EXPECT_OK(rmdir("newer/"));
}

TEST(component_of_255_bytes_works_and_256_is_enametoolong)
{
    char name[300];
    nt_dir();
    memset(name, 'n', sizeof name);
    name[255] = 0;
    EXPECT_OK(mkdir(name, 0755));
    EXPECT_OK(access(name, F_OK));
    name[255] = 'n';
    name[256] = 0;
    EXPECT_ERRNO(mkdir(name, 0755), ENAMETOOLONG);
    EXPECT_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
}

TEST(path_of_4095_bytes_works_and_4096_is_enametoolong)
{
    static char path[PATH_MAX + 16];
    nt_dir();
    memset(path, '/', sizeof path);
    memcpy(path, ".", 1);
    path[4095] = 0;
    EXPECT_OK(access(path, F_OK));
    path[4095] = '/';
    path[4096] = 0;
    EXPECT_ERRNO(access(path, F_OK), ENAMETOOLONG);
}

TEST(path_ending_at_an_unmapped_page_is_read_no_further)
{
    char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_OK(munmap(at + 4096, 4096));
    memcpy(at + 4096 - 5, "/tmp", 5);
    EXPECT_OK(access(at + 4096 - 5, F_OK));
    memcpy(at + 4096 - 4, "/tmp", 4);
    EXPECT_ERRNO(access(at + 4096 - 4, F_OK), EFAULT);
}

TEST(empty_path_is_enoent)
{
    struct stat st;
    EXPECT_ERRNO(stat("", &st), ENOENT);
    EXPECT_ERRNO(mkdir("", 0755), ENOENT);
    EXPECT_ERRNO(unlink(""), ENOENT);
    EXPECT_ERRNO(chdir(""), ENOENT);
    EXPECT_ERRNO(symlink("", "x"), ENOENT);
}

TEST(readlink_truncates_and_does_not_terminate)
{
    char target[8];
    tree();
    memset(target, '#', sizeof target);
    EXPECT_EQ(readlink("to-f", target, 2), 2);
    EXPECT_MEMEQ(target, "d/#", 3);
    EXPECT_EQ(readlink("to-f", target, sizeof target), 3);
    EXPECT_MEMEQ(target, "d/f#", 4);
}

TEST(readlink_refuses_what_is_no_symlink)
{
    char target[8];
    tree();
    EXPECT_ERRNO(readlink("d/f", target, sizeof target), EINVAL);
    EXPECT_ERRNO(readlink("d", target, sizeof target), EINVAL);
    EXPECT_ERRNO(readlink("missing", target, sizeof target), ENOENT);
    EXPECT_ERRNO(syscall(SYS_readlinkat, AT_FDCWD, "to-f", target, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_readlinkat, AT_FDCWD, "to-f", NT_BAD, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_readlinkat, 999, "to-f", target, 8), EBADF);
}

TEST(symlink_size_is_the_length_of_its_target)
{
    struct stat st;
    char target[4096];
    nt_dir();
    memset(target, 't', sizeof target);
    target[4095] = 0;
    EXPECT_OK(symlink(target, "long"));
    EXPECT_OK(lstat("long", &st));
    EXPECT_EQ(st.st_size, 4095);
    EXPECT_EQ(st.st_mode, S_IFLNK | 0777);
    EXPECT_ERRNO(access("long", F_OK), ENAMETOOLONG);
    EXPECT_ERRNO(symlink("x", "long"), EEXIST);
}

TEST(getcwd_names_the_directory_and_counts_the_terminator)
{
    char here[256];
    nt_dir();
    ASSERT_OK(mkdir("sub", 0755));
    ASSERT_OK(chdir("sub"));
    long n = EXPECT_OK(syscall(SYS_getcwd, here, sizeof here));
    EXPECT_EQ(n, (long)strlen(here) + 1);
    EXPECT_STREQ(strrchr(here, '/'), "/sub");
    EXPECT_ERRNO(syscall(SYS_getcwd, here, n - 1), ERANGE);
    EXPECT_OK(syscall(SYS_getcwd, here, n));
    EXPECT_ERRNO(syscall(SYS_getcwd, NT_BAD, 256), EFAULT);
}

TEST(getcwd_in_a_removed_directory_is_enoent)
{
    char here[256];
    nt_dir();
    ASSERT_OK(mkdir("sub", 0755));
    ASSERT_OK(chdir("sub"));
    ASSERT_OK(rmdir("../sub"));
    EXPECT_ERRNO(syscall(SYS_getcwd, here, sizeof here), ENOENT);
    EXPECT_ERRNO(open("new", O_CREAT | O_RDWR, 0600), ENOENT);
    EXPECT_OK(chdir(".."));
}

TEST(getcwd_follows_a_rename_of_the_directory)
{
    char here[256];
    nt_dir();
    ASSERT_OK(mkdir("old", 0755));
    ASSERT_OK(chdir("old"));
    ASSERT_OK(rename("../old", "../new"));
    EXPECT_OK(syscall(SYS_getcwd, here, sizeof here));
    EXPECT_STREQ(strrchr(here, '/'), "/new");
}

TEST(chdir_and_fchdir_want_directories)
{
    tree();
    int file = ASSERT_OK(open("d/f", O_RDONLY)), dir = ASSERT_OK(open("d", O_RDONLY));
    EXPECT_ERRNO(chdir("d/f"), ENOTDIR);
    EXPECT_ERRNO(chdir("missing"), ENOENT);
    EXPECT_ERRNO(fchdir(file), ENOTDIR);
    EXPECT_ERRNO(fchdir(999), EBADF);
    EXPECT_OK(fchdir(dir));
    EXPECT_OK(access("f", F_OK));
}

TEST(chroot_confines_absolute_paths_and_dot_dot)
{
    tree();
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(chroot("d"));
        EXPECT_OK(chdir("/"));
        EXPECT_OK(access("/f", F_OK));
        EXPECT_OK(access("/../../f", F_OK));
        EXPECT_ERRNO(access("/tmp", F_OK), ENOENT);
        char here[64];
        EXPECT_EQ(syscall(SYS_getcwd, here, sizeof here), 2);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(access("/tmp", F_OK));
    EXPECT_ERRNO(chroot("d/f"), ENOTDIR);
    EXPECT_ERRNO(chroot("missing"), ENOENT);
}

TEST(cwd_outside_the_root_reads_as_unreachable)
{
    char here[256];
    tree();
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(chroot("d"));
        EXPECT_OK(syscall(SYS_getcwd, here, sizeof here));
        EXPECT_TRUE(strncmp(here, "(unreachable)/", 14) == 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
