/* Who may look at whom in /proc. */
#include "nacre_test.h"
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

static char text[65536];

/* A process of user `uid` that waits; its memory is dumpable as after exec. */
static pid_t waiting(uid_t uid)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(uid));
        ASSERT_OK(setuid(uid));
        ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
        for (;;)
            pause();
    }
    nt_await_state(pid, 'S');
    return pid;
}

static const char *of(pid_t pid, const char *name)
{
    static char path[8][64];
    static int turn;
    char *out = path[turn++ % 8];
    snprintf(out, 64, "/proc/%d/%s", (int)pid, name);
    return out;
}

static void become(uid_t uid)
{
    ASSERT_OK(setgid(uid));
    ASSERT_OK(setuid(uid));
    ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

TEST(others_see_what_is_public)
{
    pid_t other = waiting(1001), pid = nt_fork();
    if (pid == 0) {
        static const char *const open_to_all[] = { "stat", "status", "statm", "cmdline", "comm", "limits", "mounts",
                                                   "mountinfo", "oom_score", "oom_score_adj" };
        become(1000);
        for (size_t i = 0; i < sizeof open_to_all / sizeof *open_to_all; i++)
            EXPECT_TRUE(nt_get(of(other, open_to_all[i]), text, sizeof text) >= 0);
        EXPECT_TRUE(opendir(of(other, "task")) != NULL);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    kill(other, SIGKILL);
}

TEST(others_do_not_see_what_is_private)
{
    pid_t other = waiting(1001), pid = nt_fork();
    if (pid == 0) {
        char target[64];
        become(1000);
        EXPECT_ERRNO(open(of(other, "environ"), O_RDONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "auxv"), O_RDONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "mem"), O_RDONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "maps"), O_RDONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "personality"), O_RDONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "fd"), O_RDONLY | O_DIRECTORY), EACCES);
        EXPECT_ERRNO(readlink(of(other, "exe"), target, sizeof target), EACCES);
        EXPECT_ERRNO(readlink(of(other, "cwd"), target, sizeof target), EACCES);
        EXPECT_ERRNO(readlink(of(other, "root"), target, sizeof target), EACCES);
        EXPECT_ERRNO(chdir(of(other, "cwd")), EACCES);
        EXPECT_ERRNO(readlink(of(other, "fd/0"), target, sizeof target), EACCES);
        EXPECT_ERRNO(open(of(other, "comm"), O_WRONLY), EACCES);
        EXPECT_ERRNO(open(of(other, "oom_score_adj"), O_WRONLY), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    kill(other, SIGKILL);
}

TEST(a_user_sees_all_of_the_own_processes)
{
    pid_t other = waiting(1000), pid = nt_fork();
    if (pid == 0) {
        char target[256];
        become(1000);
        EXPECT_OK(open(of(other, "environ"), O_RDONLY));
        EXPECT_OK(open(of(other, "auxv"), O_RDONLY));
        EXPECT_OK(open(of(other, "maps"), O_RDONLY));
        EXPECT_OK(open(of(other, "fd"), O_RDONLY | O_DIRECTORY));
        EXPECT_OK(readlink(of(other, "exe"), target, sizeof target));
        EXPECT_OK(readlink(of(other, "cwd"), target, sizeof target));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    kill(other, SIGKILL);
}

TEST(addresses_in_stat_are_hidden_from_others)
{
    pid_t other = waiting(1001), pid = nt_fork();
    if (pid == 0) {
        unsigned long code[3] = { 9, 9, 9 };
        become(1000);
        ASSERT_TRUE(nt_get(of(other, "stat"), text, sizeof text) > 0);
        char *at = strrchr(text, ')') + 2;
        for (int field = 3; field < 26; field++)
            at = strchr(at, ' ') + 1;
        EXPECT_EQ(sscanf(at, "%lu %lu %lu", &code[0], &code[1], &code[2]), 3);
        EXPECT_EQ(code[0], 1);
        EXPECT_EQ(code[1], 1);
        EXPECT_EQ(code[2], 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    kill(other, SIGKILL);
}

TEST(files_of_who_may_not_be_dumped_are_roots)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct stat st;
        ASSERT_OK(setgid(1000));
        ASSERT_OK(setuid(1000));
        EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
        EXPECT_OK(stat("/proc/self", &st));
        EXPECT_EQ(st.st_uid, 1000);
        EXPECT_OK(stat("/proc/self/task", &st));
        EXPECT_EQ(st.st_uid, 1000);
        EXPECT_OK(stat("/proc/self/stat", &st));
        EXPECT_EQ(st.st_uid, 0);
        EXPECT_EQ(st.st_gid, 0);
        EXPECT_OK(stat("/proc/self/fd", &st));
        EXPECT_EQ(st.st_uid, 0);
        EXPECT_ERRNO(open("/proc/self/environ", O_RDONLY), EACCES);
        /* Its own descriptors it sees all the same. */
        EXPECT_OK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
        EXPECT_OK(prctl(PR_SET_DUMPABLE, 1));
        EXPECT_OK(stat("/proc/self/stat", &st));
        EXPECT_EQ(st.st_uid, 1000);
        EXPECT_EQ(st.st_gid, 1000);
        EXPECT_OK(open("/proc/self/environ", O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(modes_of_process_files_cannot_be_changed)
{
    EXPECT_ERRNO(chmod("/proc/self/stat", 0600), EPERM);
    EXPECT_ERRNO(chmod("/proc/self", 0700), EPERM);
    EXPECT_ERRNO(unlink("/proc/self/stat"), EPERM);
    EXPECT_ERRNO(open("/proc/self/new", O_CREAT | O_WRONLY, 0600), ENOENT);
}

TEST(zombies_have_little_to_show)
{
    char target[64];
    int count = 0;
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(3);
    nt_await_state(pid, 'Z');
    EXPECT_EQ(nt_get(of(pid, "statm"), text, sizeof text), 14);
    EXPECT_STREQ(text, "0 0 0 0 0 0 0\n");
    EXPECT_EQ(nt_get(of(pid, "maps"), text, sizeof text), 0);
    EXPECT_ERRNO(open(of(pid, "environ"), O_RDONLY), ESRCH);
    EXPECT_ERRNO(open(of(pid, "auxv"), O_RDONLY), ESRCH);
    EXPECT_ERRNO(open(of(pid, "mem"), O_RDONLY), ESRCH);
    EXPECT_ERRNO(readlink(of(pid, "exe"), target, sizeof target), ENOENT);
    EXPECT_ERRNO(readlink(of(pid, "cwd"), target, sizeof target), ENOENT);
    EXPECT_ERRNO(open(of(pid, "mounts"), O_RDONLY), EINVAL);
    EXPECT_ERRNO(open(of(pid, "fd/0"), O_RDONLY), ENOENT);
    DIR *dir = opendir(of(pid, "fd"));
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.';
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(nt_get(of(pid, "status"), text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "\nVmSize:") == NULL);
    EXPECT_TRUE(strncmp(text, "Name:\tprocfs_access\n", 17) == 0);
    EXPECT_TRUE(nt_get(of(pid, "comm"), text, sizeof text) > 0);
    EXPECT_EXIT(pid, 3);
}

TEST(a_directory_outlives_its_process_empty)
{
    pid_t pid = waiting(0);
    char c[256];
    int dir = ASSERT_OK(open(of(pid, ""), O_RDONLY | O_DIRECTORY));
    int tasks = ASSERT_OK(open(of(pid, "task"), O_RDONLY | O_DIRECTORY));
    int comm = ASSERT_OK(open(of(pid, "comm"), O_RDWR));
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_ERRNO(openat(dir, "stat", O_RDONLY), ESRCH);
    EXPECT_ERRNO(syscall(SYS_getdents64, dir, c, sizeof c), ENOENT);
    EXPECT_ERRNO(syscall(SYS_getdents64, tasks, c, sizeof c), ENOENT);
    EXPECT_ERRNO(read(comm, c, 1), ESRCH);
    EXPECT_ERRNO(write(comm, "x", 1), ESRCH);
}

TEST(comm_is_written_by_the_own_process_only)
{
    pid_t pid = waiting(0);
    int fd = ASSERT_OK(open(of(pid, "comm"), O_WRONLY));
    EXPECT_ERRNO(write(fd, "x", 1), EINVAL);
    kill(pid, SIGKILL);
    fd = ASSERT_OK(open("/proc/self/comm", O_WRONLY));
    EXPECT_EQ(write(fd, "a name of twenty by", 19), 19);
    EXPECT_TRUE(nt_get("/proc/self/comm", text, sizeof text) > 0);
    EXPECT_STREQ(text, "a name of twent\n");
}

static ssize_t adjust(const char *what)
{
    int fd = ASSERT_OK(open("/proc/self/oom_score_adj", O_WRONLY));
    ssize_t n = write(fd, what, strlen(what));
    int error = errno;
    close(fd);
    errno = error;
    return n;
}

TEST(oom_score_adj_goes_up_for_all_and_down_for_few)
{
    EXPECT_ERRNO(adjust("1001"), EINVAL);
    EXPECT_ERRNO(adjust("-1001"), EINVAL);
    EXPECT_ERRNO(adjust("much"), EINVAL);
    EXPECT_EQ(adjust("100\n"), 4);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_TRUE(nt_get("/proc/self/oom_score_adj", text, sizeof text) > 0);
        EXPECT_STREQ(text, "100\n");
        become(1000);
        EXPECT_EQ(adjust("500"), 3);
        EXPECT_EQ(adjust("200"), 3);
        EXPECT_EQ(adjust("100"), 3);
        EXPECT_ERRNO(adjust("99"), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(adjust("0"), 1);
}

/* The names in a directory that are numbers, and whether `pid` is among them. */
static int lists(const char *path, pid_t pid)
{
    DIR *dir = opendir(path);
    int found = 0;
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        found |= atoi(e->d_name) == pid;
    closedir(dir);
    return found;
}

static void with_hidepid(const char *option, int lists_others, int error)
{
    struct statfs st;
    char path[32];
    nt_dir();
    ASSERT_OK(chmod(".", 0755));
    ASSERT_OK(mkdir("proc", 0755));
    ASSERT_OK(mount("proc", "proc", "proc", 0, option));
    EXPECT_OK(statfs("proc", &st));
    EXPECT_EQ(st.f_type, 0x9fa0);
    pid_t other = waiting(1001), pid = nt_fork();
    if (pid == 0) {
        become(1000);
        EXPECT_EQ(lists("proc", other), lists_others);
        EXPECT_TRUE(lists("proc", getpid()));
        snprintf(path, sizeof path, "proc/%d/stat", (int)other);
        EXPECT_ERRNO(open(path, O_RDONLY), error);
        snprintf(path, sizeof path, "proc/%d/stat", (int)getpid());
        EXPECT_OK(open(path, O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_TRUE(lists("proc", other));
    kill(other, SIGKILL);
    EXPECT_OK(umount2("proc", MNT_DETACH));
}

TEST(hidepid_1_hides_what_is_in_directories)
{
    with_hidepid("hidepid=1", 1, EPERM);
}

TEST(hidepid_2_hides_the_directories)
{
    with_hidepid("hidepid=invisible", 0, ENOENT);
}

TEST(hidepid_4_hides_what_cannot_be_traced)
{
    with_hidepid("hidepid=4,gid=1000", 0, ENOENT);
}

TEST(proc_refuses_options_it_does_not_know)
{
    nt_dir();
    ASSERT_OK(mkdir("proc", 0755));
    EXPECT_ERRNO(mount("proc", "proc", "proc", 0, "nothing"), EINVAL);
    EXPECT_ERRNO(mount("proc", "proc", "proc", 0, "hidepid=9"), EINVAL);
    ASSERT_OK(mount("proc", "proc", "proc", MS_NOSUID, "hidepid=2,gid=7"));
    EXPECT_TRUE(nt_get("/proc/self/mounts", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "/proc proc rw,nosuid,relatime,gid=7,hidepid=invisible 0 0\n") != NULL);
    EXPECT_OK(umount("proc"));
}

TEST(files_of_the_machine_can_be_covered)
{
    char before[256];
    ASSERT_TRUE(nt_get("/proc/version", before, sizeof before) > 0);
    nt_dir();
    nt_put("f", "covered");
    ASSERT_OK(mount("f", "/proc/version", NULL, MS_BIND, NULL));
    EXPECT_TRUE(nt_get("/proc/version", text, sizeof text) > 0);
    EXPECT_STREQ(text, "covered");
    ASSERT_OK(mount("none", "/proc/sys/kernel", "tmpfs", 0, NULL));
    EXPECT_ERRNO(access("/proc/sys/kernel/hostname", F_OK), ENOENT);
    EXPECT_OK(access("/proc/sys/kernel/../fs/nr_open", F_OK));
    EXPECT_OK(umount("/proc/sys/kernel"));
    EXPECT_OK(umount("/proc/version"));
    EXPECT_OK(access("/proc/sys/kernel/hostname", F_OK));
    EXPECT_TRUE(nt_get("/proc/version", text, sizeof text) > 0);
    EXPECT_STREQ(text, before);
    EXPECT_ERRNO(mount("f", "/proc/self/fdinfo/0", NULL, MS_BIND, NULL), ENOENT);
}

TEST(sysrq_trigger_is_roots_to_write)
{
    struct stat st;
    char c;
    ASSERT_OK(stat("/proc/sysrq-trigger", &st));
    EXPECT_EQ(st.st_mode & 07777, 0200);
    int fd = ASSERT_OK(open("/proc/sysrq-trigger", O_RDWR));
    EXPECT_ERRNO(read(fd, &c, 1), EIO);
    /* A letter without a meaning gets help in the log. */
    EXPECT_EQ(write(fd, "hello", 5), 5);
    EXPECT_EQ(write(fd, "s", 1), 1);
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_ERRNO(open("/proc/sysrq-trigger", O_WRONLY), EACCES);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}
