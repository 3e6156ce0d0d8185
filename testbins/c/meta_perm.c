/* Permission checks as somebody else than root. */
#include "nacre_test.h"
#include <grp.h>

enum { ALICE = 1000, BOB = 1001, TEAM = 2000 };

/* Runs the rest in a child that is this user with one extra group. */
static pid_t as(uid_t uid, gid_t gid, gid_t extra)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgroups(extra ? 1 : 0, &extra));
        ASSERT_OK(setgid(gid));
        ASSERT_OK(setuid(uid));
    }
    return pid;
}

static void owned(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
    ASSERT_OK(chown(path, uid, gid));
    ASSERT_OK(chmod(path, mode));
}

TEST(owner_group_and_other_bits_are_taken_in_that_order)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, TEAM, 0067); /* the owner gets nothing even though others may */
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_ERRNO(open("f", O_RDONLY), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = as(BOB, BOB, TEAM);
    if (pid == 0) {
        EXPECT_OK(open("f", O_RDWR));
        EXPECT_ERRNO(access("f", X_OK), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = as(BOB, BOB, 0);
    if (pid == 0) {
        EXPECT_OK(access("f", R_OK | W_OK | X_OK));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(root_reads_and_writes_all_but_needs_one_x_bit)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0000);
    EXPECT_OK(open("f", O_RDWR));
    EXPECT_ERRNO(access("f", X_OK), EACCES);
    ASSERT_OK(chmod("f", 0001));
    EXPECT_OK(access("f", X_OK));
}

TEST(search_permission_is_needed_on_every_directory)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    owned("d", 0, 0, 0744);
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        struct stat st;
        EXPECT_ERRNO(stat("d/f", &st), EACCES);
        EXPECT_ERRNO(chdir("d"), EACCES);
        EXPECT_ERRNO(access("d/missing", F_OK), EACCES);
        EXPECT_OK(open("d", O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(reading_a_directory_needs_r_and_using_it_needs_x)
{
    nt_dir();
    ASSERT_OK(mkdir("d", 0711));
    nt_put("d/f", "x");
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_ERRNO(open("d", O_RDONLY), EACCES);
        EXPECT_OK(open("d/f", O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(creating_and_removing_needs_write_on_the_directory)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0666);
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_ERRNO(open("new", O_CREAT | O_RDWR, 0600), EACCES);
        EXPECT_ERRNO(mkdir("d", 0700), EACCES);
        EXPECT_ERRNO(unlink("f"), EACCES);
        EXPECT_ERRNO(rename("f", "g"), EACCES);
        EXPECT_ERRNO(symlink("x", "l"), EACCES);
        EXPECT_OK(open("f", O_CREAT | O_RDWR, 0600));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(sticky_directory_lets_only_the_owners_remove)
{
    nt_dir();
    owned(".", 0, 0, 01777);
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0666);
    pid_t pid = as(BOB, BOB, 0);
    if (pid == 0) {
        EXPECT_ERRNO(unlink("f"), EPERM);
        EXPECT_ERRNO(rename("f", "g"), EPERM);
        nt_put("mine", "x");
        EXPECT_ERRNO(rename("mine", "f"), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_OK(unlink("f"));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setgid_directory_gives_its_group_to_what_is_made_in_it)
{
    struct stat st;
    nt_dir();
    owned(".", ALICE, TEAM, 02777);
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        nt_put("f", "x");
        EXPECT_OK(mkdir("d", 0755));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(stat("f", &st));
    EXPECT_EQ(st.st_gid, TEAM);
    EXPECT_OK(stat("d", &st));
    EXPECT_EQ(st.st_gid, TEAM);
    EXPECT_EQ(st.st_mode & 07777, 02755);
}

TEST(new_files_belong_to_the_effective_ids)
{
    struct stat st;
    nt_dir();
    owned(".", 0, 0, 0777);
    pid_t pid = as(ALICE, TEAM, 0);
    if (pid == 0) {
        nt_put("f", "x");
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(stat("f", &st));
    EXPECT_EQ(st.st_uid, ALICE);
    EXPECT_EQ(st.st_gid, TEAM);
}

TEST(only_the_owner_may_chmod)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0666);
    pid_t pid = as(BOB, BOB, 0);
    if (pid == 0) {
        EXPECT_ERRNO(chmod("f", 0777), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_OK(chmod("f", 0600));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(chmod_drops_setgid_for_a_group_one_is_not_in)
{
    struct stat st;
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, TEAM, 0666);
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_OK(chmod("f", 02755));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_OK(stat("f", &st));
    EXPECT_EQ(st.st_mode & 07777, 0755);
}

TEST(user_may_give_a_file_to_his_groups_only)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0666);
    pid_t pid = as(ALICE, ALICE, TEAM);
    if (pid == 0) {
        EXPECT_OK(chown("f", -1, TEAM));
        EXPECT_ERRNO(chown("f", -1, 3000), EPERM);
        EXPECT_ERRNO(chown("f", BOB, -1), EPERM);
        EXPECT_OK(chown("f", ALICE, -1));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(utimensat_now_needs_write_and_exact_times_need_ownership)
{
    struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0666);
    nt_put("g", "x");
    owned("g", ALICE, ALICE, 0644);
    pid_t pid = as(BOB, BOB, 0);
    if (pid == 0) {
        EXPECT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
        EXPECT_ERRNO(utimensat(AT_FDCWD, "f", t, 0), EPERM);
        EXPECT_ERRNO(utimensat(AT_FDCWD, "g", NULL, 0), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(access_uses_real_ids_and_faccessat2_can_use_effective_ones)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0600);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setresuid(BOB, ALICE, 0));
        EXPECT_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "f", R_OK), EACCES);
        EXPECT_OK(syscall(439, AT_FDCWD, "f", R_OK, 0x200 /* AT_EACCESS */));
        EXPECT_OK(open("f", O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(syscall(439, AT_FDCWD, "f", R_OK, 0x1), EINVAL);
    EXPECT_ERRNO(syscall(439, AT_FDCWD, "f", 010, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "f", -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_faccessat, AT_FDCWD, "missing", F_OK), ENOENT);
    EXPECT_ERRNO(syscall(SYS_faccessat, 999, "f", F_OK), EBADF);
}

TEST(file_system_ids_decide_file_access)
{
    nt_dir();
    nt_put("f", "x");
    owned("f", ALICE, ALICE, 0600);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(syscall(SYS_setfsuid, BOB), 0);
        EXPECT_EQ(syscall(SYS_setfsuid, -1), BOB);
        EXPECT_ERRNO(open("f", O_RDONLY), EACCES);
        EXPECT_EQ(syscall(SYS_setfsuid, ALICE), BOB);
        EXPECT_OK(open("f", O_RDONLY));
        EXPECT_EQ(syscall(SYS_setfsgid, ALICE), 0);
        EXPECT_EQ(syscall(SYS_setfsgid, -1), ALICE);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

ROLE(who)
{
    return (getuid() == ALICE && geteuid() == (uid_t)atoi(argv[2])) ? 0 : 1;
}

static void setuid_copy(const char *path, const char *extra_mode)
{
    char buf[8192];
    int in = ASSERT_OK(open(nt_self, O_RDONLY)), out = ASSERT_OK(open(path, O_WRONLY | O_CREAT, 0755));
    for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
        ASSERT_EQ(write(out, buf, n), n);
    close(out);
    close(in);
    owned(path, BOB, BOB, strtol(extra_mode, NULL, 8));
}

TEST(setuid_program_runs_as_its_owner)
{
    nt_dir();
    owned(".", 0, 0, 0755);
    setuid_copy("prog", "04755");
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        execl("./prog", "prog", "@who", "1001", NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
    pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        ASSERT_OK(syscall(SYS_prctl, 38 /* NO_NEW_PRIVS */, 1, 0, 0, 0));
        execl("./prog", "prog", "@who", "1000", NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(execute_permission_is_checked_for_users)
{
    char *args[] = { "x", NULL };
    nt_dir();
    setuid_copy("prog", "0744");
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_ERRNO(execve("./prog", args, nt_envp), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(chroot_and_mount_need_privilege)
{
    nt_dir();
    pid_t pid = as(ALICE, ALICE, 0);
    if (pid == 0) {
        EXPECT_ERRNO(chroot("/"), EPERM);
        EXPECT_ERRNO(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL), EPERM);
        EXPECT_ERRNO(syscall(SYS_umount2, "/tmp", 0), EPERM);
        EXPECT_ERRNO(syscall(SYS_sethostname, "x", 1), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
