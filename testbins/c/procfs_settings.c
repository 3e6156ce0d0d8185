/* /proc/sys and other files of /proc that take writes. */
#include "nacre_test.h"
#include <sys/inotify.h>
#include <sys/utsname.h>

static char text[4096];

static const char *get(const char *path)
{
    EXPECT_TRUE(nt_get(path, text, sizeof text) > 0);
    return text;
}

/* Writes text into a file as one write; the result of the write. */
static ssize_t put(const char *path, const char *what)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    ssize_t n = write(fd, what, strlen(what));
    int error = errno;
    close(fd);
    errno = error;
    return n;
}

TEST(sys_hostname_is_the_nodename)
{
    struct utsname names;
    char old[128];
    ASSERT_TRUE(nt_get("/proc/sys/kernel/hostname", old, sizeof old) > 0);
    EXPECT_EQ(put("/proc/sys/kernel/hostname", "shell\nlost"), 10);
    EXPECT_OK(uname(&names));
    EXPECT_STREQ(names.nodename, "shell");
    EXPECT_STREQ(get("/proc/sys/kernel/hostname"), "shell\n");
    EXPECT_OK(sethostname("other", 5));
    EXPECT_STREQ(get("/proc/sys/kernel/hostname"), "other\n");
    EXPECT_EQ(put("/proc/sys/kernel/hostname", old), (ssize_t)strlen(old));
}

TEST(sys_hostname_is_cut_at_64_bytes)
{
    char old[128], name[81] = "";
    ASSERT_TRUE(nt_get("/proc/sys/kernel/hostname", old, sizeof old) > 0);
    memset(name, 'n', 80);
    EXPECT_EQ(put("/proc/sys/kernel/hostname", name), 80);
    EXPECT_EQ(strlen(get("/proc/sys/kernel/hostname")), 65);
    EXPECT_EQ(put("/proc/sys/kernel/hostname", old), (ssize_t)strlen(old));
}

TEST(sys_numbers_are_read_at_the_beginning_only)
{
    char c[2];
    int fd = ASSERT_OK(open("/proc/sys/kernel/pid_max", O_RDONLY));
    EXPECT_EQ(read(fd, c, 1), 1);
    EXPECT_EQ(read(fd, c, 1), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_EQ(read(fd, c, 2), 2);
    EXPECT_EQ(pread(fd, c, 1, 1), 0);
}

TEST(sys_numbers_are_checked)
{
    char old[32];
    const char *path = "/proc/sys/kernel/pid_max";
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    EXPECT_ERRNO(put(path, "many"), EINVAL);
    EXPECT_ERRNO(put(path, "12x"), EINVAL);
    EXPECT_ERRNO(put(path, " \n"), EINVAL);
    EXPECT_ERRNO(put(path, "-1"), EINVAL);
    EXPECT_ERRNO(put(path, "1"), EINVAL);
    EXPECT_ERRNO(put(path, "99999999"), EINVAL);
    EXPECT_EQ(put(path, ""), 0);
    EXPECT_STREQ(get(path), old);
    EXPECT_EQ(put(path, "  0x5000  \n"), 11);
    EXPECT_STREQ(get(path), "20480\n");
    EXPECT_EQ(put(path, "30000 5"), 6);
    EXPECT_STREQ(get(path), "30000\n");
    EXPECT_EQ(put(path, old), (ssize_t)strlen(old));
    EXPECT_STREQ(get(path), old);
}

TEST(sys_writes_past_the_beginning_change_nothing)
{
    char old[32];
    const char *path = "/proc/sys/kernel/pid_max";
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    int fd = ASSERT_OK(open(path, O_WRONLY));
    EXPECT_EQ(pwrite(fd, "20000", 5, 1), 5);
    EXPECT_STREQ(get(path), old);
}

TEST(sys_pid_max_is_obeyed)
{
    char old[32], word[32];
    const char *path = "/proc/sys/kernel/pid_max";
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    int max = getpid() + 5 > 305 ? getpid() + 5 : 305;
    snprintf(word, sizeof word, "%d", max);
    ASSERT_EQ(put(path, word), (ssize_t)strlen(word));
    for (int i = 0; i < 12; i++) {
        pid_t pid = nt_fork();
        if (pid == 0)
            _exit(0);
        EXPECT_TRUE(pid < max);
        EXPECT_EXIT(pid, 0);
    }
    EXPECT_EQ(put(path, old), (ssize_t)strlen(old));
}

TEST(sys_files_refuse_by_their_mode_even_root)
{
    EXPECT_ERRNO(open("/proc/sys/kernel/osrelease", O_WRONLY), EACCES);
    EXPECT_ERRNO(open("/proc/sys/kernel/random/uuid", O_RDWR), EACCES);
    EXPECT_ERRNO(chmod("/proc/sys/kernel/osrelease", 0644), EPERM);
    EXPECT_ERRNO(chown("/proc/sys/kernel/hostname", 1, 1), EPERM);
    EXPECT_ERRNO(access("/proc/sys/kernel/osrelease", W_OK), EACCES);
    EXPECT_OK(access("/proc/sys/kernel/hostname", R_OK | W_OK));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setgid(1000));
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(open("/proc/sys/kernel/hostname", O_WRONLY), EACCES);
        EXPECT_OK(open("/proc/sys/kernel/hostname", O_RDONLY));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(sys_makes_and_removes_nothing)
{
    EXPECT_ERRNO(open("/proc/sys/kernel/nothing", O_RDWR | O_CREAT, 0644), ENOENT);
    EXPECT_ERRNO(unlink("/proc/sys/kernel/hostname"), EACCES);
    EXPECT_ERRNO(mkdir("/proc/sys/new", 0755), ENOENT);
    EXPECT_ERRNO(rename("/proc/sys/kernel/hostname", "/proc/sys/kernel/name"), ENOENT);
    EXPECT_ERRNO(open("/proc/sys/kernel", O_RDWR), EISDIR);
    EXPECT_OK(close(open("/proc/sys/kernel/hostname", O_WRONLY | O_TRUNC | O_CREAT, 0644)));
}

TEST(sys_random_ids)
{
    char one[64], two[64];
    ASSERT_EQ(nt_get("/proc/sys/kernel/random/uuid", one, sizeof one), 37);
    ASSERT_EQ(nt_get("/proc/sys/kernel/random/uuid", two, sizeof two), 37);
    EXPECT_TRUE(strcmp(one, two) != 0);
    EXPECT_TRUE(one[8] == '-' && one[13] == '-' && one[14] == '4' && one[18] == '-' && one[23] == '-' && one[36] == '\n');
    EXPECT_TRUE(strchr("89ab", one[19]) != NULL);
    ASSERT_EQ(nt_get("/proc/sys/kernel/random/boot_id", one, sizeof one), 37);
    ASSERT_EQ(nt_get("/proc/sys/kernel/random/boot_id", two, sizeof two), 37);
    EXPECT_STREQ(one, two);
    EXPECT_STREQ(get("/proc/sys/kernel/random/entropy_avail"), "256\n");
}

TEST(sys_pipe_max_size_is_rounded_and_obeyed)
{
    char old[32];
    const char *path = "/proc/sys/fs/pipe-max-size";
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    EXPECT_EQ(put(path, "100000"), 6);
    EXPECT_STREQ(get(path), "131072\n");
    pid_t pid = nt_fork();
    if (pid == 0) {
        int p[2];
        ASSERT_OK(pipe(p));
        ASSERT_OK(setuid(1000));
        EXPECT_EQ(fcntl(p[0], F_SETPIPE_SZ, 131072), 131072);
        EXPECT_ERRNO(fcntl(p[0], F_SETPIPE_SZ, 262144), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(put(path, "0"), 1);
    EXPECT_STREQ(get(path), "4096\n");
    EXPECT_EQ(put(path, old), (ssize_t)strlen(old));
}

TEST(sys_inotify_limits_are_obeyed)
{
    char old[32];
    const char *path = "/proc/sys/fs/inotify/max_user_instances";
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    EXPECT_EQ(put(path, "2"), 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1234));
        EXPECT_OK(inotify_init1(0));
        EXPECT_OK(inotify_init1(0));
        EXPECT_ERRNO(inotify_init1(0), EMFILE);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(put(path, old), (ssize_t)strlen(old));
}

TEST(sys_printk_and_rows_of_numbers)
{
    char old[64];
    const char *path = "/proc/sys/kernel/printk";
    int a, b, c, d;
    ASSERT_TRUE(nt_get(path, old, sizeof old) > 0);
    EXPECT_EQ(sscanf(old, "%d\t%d\t%d\t%d\n", &a, &b, &c, &d), 4);
    EXPECT_EQ(put(path, "5"), 1);
    EXPECT_EQ(sscanf(get(path), "%d\t%d", &a, &b), 2);
    EXPECT_EQ(a, 5);
    EXPECT_EQ(put(path, old), (ssize_t)strlen(old));
    EXPECT_STREQ(get(path), old);
}

TEST(files_without_a_write_refuse_it)
{
    EXPECT_ERRNO(put("/proc/version", "x"), EIO);
    EXPECT_ERRNO(put("/proc/self/stat", "x"), EINVAL);
    EXPECT_ERRNO(put("/proc/self/maps", "x"), EINVAL);
    EXPECT_ERRNO(put("/proc/self/cmdline", "x"), EINVAL);
}

TEST(files_cannot_be_sought_from_the_end)
{
    int fd = ASSERT_OK(open("/proc/version", O_RDONLY));
    EXPECT_ERRNO(lseek(fd, 0, SEEK_END), EINVAL);
    EXPECT_EQ(lseek(fd, 6, SEEK_SET), 6);
    EXPECT_EQ(lseek(fd, 2, SEEK_CUR), 8);
    char word[8] = "";
    EXPECT_EQ(read(fd, word, 5), 5);
    EXPECT_STREQ(word, "rsion");
    EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    EXPECT_EQ(pread(fd, word, 5, 100000), 0);
    fd = ASSERT_OK(open("/proc/sys/kernel/ostype", O_RDONLY));
    EXPECT_EQ(lseek(fd, 0, SEEK_END), 0);
}

TEST(files_are_made_anew_at_the_beginning)
{
    char first[64] = "", second[64] = "";
    int fd = ASSERT_OK(open("/proc/self/comm", O_RDONLY));
    EXPECT_TRUE(read(fd, first, sizeof first - 1) > 0);
    EXPECT_EQ(read(fd, second, 1), 0);
    EXPECT_EQ(put("/proc/self/comm", "renamed"), 7);
    EXPECT_EQ(read(fd, second, 1), 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_TRUE(read(fd, second, sizeof second - 1) > 0);
    EXPECT_STREQ(second, "renamed\n");
}
