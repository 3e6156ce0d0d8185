/* Corners of opening, seeking, renaming and copying files that programs rarely meet and suites look into. */
#include "nacre_test.h"
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static void put(const char *path, mode_t mode)
{
    int fd = ASSERT_OK(open(path, O_CREAT | O_WRONLY, 0600));
    ASSERT_OK(fchmod(fd, mode));
    close(fd);
}

TEST(o_direct_is_for_files_that_have_pages)
{
    ASSERT_OK(mkfifo("fifo", 0600));
    put("plain", 0600);
    EXPECT_OK(open("plain", O_RDWR | O_DIRECT));
    EXPECT_ERRNO(open(".", O_RDONLY | O_DIRECT), EINVAL);
    EXPECT_ERRNO(open("fifo", O_RDWR | O_DIRECT), EINVAL);
    EXPECT_ERRNO(open("/dev/null", O_RDONLY | O_DIRECT), EINVAL);
}

TEST(fifo_of_neither_access_is_einval)
{
    ASSERT_OK(mkfifo("neither", 0600));
    EXPECT_ERRNO(open("neither", 3 /* of neither access */ | O_NONBLOCK), EINVAL);
}

TEST(directory_positions_have_no_end_data_or_holes)
{
    int dir = ASSERT_OK(open(".", O_RDONLY | O_DIRECTORY));
    EXPECT_EQ(lseek(dir, 2, SEEK_SET), 2);
    EXPECT_EQ(lseek(dir, 1, SEEK_CUR), 3);
    EXPECT_ERRNO(lseek(dir, 0, SEEK_END), EINVAL);
    EXPECT_ERRNO(lseek(dir, 0, SEEK_DATA), EINVAL);
    EXPECT_ERRNO(lseek(dir, 0, SEEK_HOLE), EINVAL);
}

TEST(rename_leaves_a_whiteout_where_asked)
{
    struct stat st;
    put("old", 0600);
    EXPECT_OK(syscall(SYS_renameat2, AT_FDCWD, "old", AT_FDCWD, "new", 4 /* WHITEOUT */));
    EXPECT_OK(stat("new", &st));
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_OK(stat("old", &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "old", 6 /* EXCHANGE too */), EINVAL);
    EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "old", 5 /* NOREPLACE too */), EEXIST);
    EXPECT_OK(syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "other", 5));
}

TEST(sendfile_of_nothing_goes_anywhere)
{
    put("byte", 0600);
    ASSERT_OK(truncate("byte", 1));
    int in = ASSERT_OK(open("byte", O_RDONLY)), event = ASSERT_OK(eventfd(0, 0)), epoll = ASSERT_OK(epoll_create1(0));
    EXPECT_EQ(sendfile(event, in, 0, 0), 0);
    EXPECT_EQ(sendfile(epoll, in, 0, 0), 0);
    EXPECT_ERRNO(sendfile(event, in, 0, 1), EINVAL);
}

TEST(epoll_instances_refuse_foreign_commands_with_einval)
{
    int n, epoll = ASSERT_OK(epoll_create1(0));
    EXPECT_ERRNO(ioctl(epoll, FIONREAD, &n), EINVAL);
    EXPECT_ERRNO(ioctl(epoll, 0x1234, &n), EINVAL);
}

static void setting(const char *name, char value)
{
    char path[64], was;
    snprintf(path, sizeof path, "/proc/sys/fs/%s", name);
    int fd = ASSERT_OK(open(path, O_RDWR));
    ASSERT_EQ(pread(fd, &was, 1, 0), 1);
    ASSERT_EQ(pwrite(fd, &value, 1, 0), 1);
    close(fd);
}

/* In a directory like /tmp, with a file of another's, as user 1000. */
static int open_others(const char *name, int flags, mode_t dir_mode)
{
    static char dir[] = "stickyXXXXXX";
    ASSERT_TRUE(mkdtemp(dir) != 0);
    ASSERT_OK(chmod(".", 0755));
    ASSERT_OK(chdir(dir));
    put("plain", 0666);
    ASSERT_OK(mkfifo("fifo", 0666));
    ASSERT_OK(chmod("fifo", 0666));
    ASSERT_OK(chown("plain", 2000, 2000));
    ASSERT_OK(chown("fifo", 2000, 2000));
    ASSERT_OK(chown(".", 0, 1000));
    ASSERT_OK(chmod(".", dir_mode));
    pid_t child = fork();
    if (child == 0) {
        if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
            _exit(99);
        _exit(open(name, flags | O_NONBLOCK, 0600) >= 0 ? 0 : errno);
    }
    int status;
    ASSERT_OK(waitpid(child, &status, 0));
    return WEXITSTATUS(status);
}

TEST(protected_regular_is_off_at_first)
{
    setting("protected_regular", '0');
    EXPECT_EQ(open_others("plain", O_RDWR | O_CREAT, 01777), 0);
}

TEST(protected_regular_keeps_o_creat_from_others_files)
{
    setting("protected_regular", '1');
    EXPECT_EQ(open_others("plain", O_RDWR | O_CREAT, 01777), EACCES);
    setting("protected_regular", '0');
}

TEST(protected_regular_lets_others_files_be_opened_without_o_creat)
{
    setting("protected_regular", '1');
    EXPECT_EQ(open_others("plain", O_RDWR, 01777), 0);
    setting("protected_regular", '0');
}

TEST(protected_regular_counts_groups_at_level_two)
{
    setting("protected_regular", '1');
    EXPECT_EQ(open_others("plain", O_RDWR | O_CREAT, 01775), 0);
    setting("protected_regular", '0');
}

TEST(protected_regular_two_counts_groups)
{
    setting("protected_regular", '2');
    EXPECT_EQ(open_others("plain", O_RDWR | O_CREAT, 01775), EACCES);
    setting("protected_regular", '0');
}

TEST(protected_fifos_keeps_o_creat_from_others_fifos)
{
    setting("protected_fifos", '1');
    EXPECT_EQ(open_others("fifo", O_RDWR | O_CREAT, 01777), EACCES);
    setting("protected_fifos", '0');
}

TEST(protected_symlinks_can_be_put_off)
{
    ASSERT_OK(mkdir("open", 0700));
    ASSERT_OK(chmod("open", 01777));
    put("target", 0666);
    ASSERT_OK(chmod(".", 0755));
    ASSERT_OK(symlink("../target", "open/link"));
    ASSERT_OK(lchown("open/link", 2000, 2000));
    for (int on = 0; on < 2; on++) {
        setting("protected_symlinks", '0' + on);
        pid_t child = fork();
        if (child == 0) {
            if (setresuid(1000, 1000, 1000))
                _exit(99);
            _exit(open("open/link", O_RDONLY) >= 0 ? 0 : errno);
        }
        EXPECT_EXIT(child, on ? EACCES : 0);
    }
}

TEST(timerfd_ticks_can_be_set)
{
    uint64_t ticks = 0, got;
    int timer = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    EXPECT_ERRNO(ioctl(timer, 0x40085400 /* TFD_IOC_SET_TICKS */, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(timer, 0x40085400, &ticks), EINVAL);
    ticks = 5;
    EXPECT_OK(ioctl(timer, 0x40085400, &ticks));
    EXPECT_EQ(read(timer, &got, 8), 8);
    EXPECT_EQ(got, 5);
    EXPECT_ERRNO(ioctl(timer, FIONREAD, &ticks), ENOTTY);
}

TEST(copies_are_read_before_they_are_written)
{
    char buffer[4096];
    put("source", 0600);
    put("goal", 0600);
    ASSERT_OK(truncate("source", 10));
    int in = ASSERT_OK(open("source", O_RDONLY)), out = ASSERT_OK(open("goal", O_RDWR));
    int watch = ASSERT_OK(inotify_init1(IN_NONBLOCK));
    int first = ASSERT_OK(inotify_add_watch(watch, "source", IN_ACCESS));
    int second = ASSERT_OK(inotify_add_watch(watch, "goal", IN_MODIFY));
    EXPECT_EQ(sendfile(out, in, 0, 4), 4);
    EXPECT_EQ(read(watch, buffer, sizeof buffer), 2 * sizeof(struct inotify_event));
    struct inotify_event *event = (struct inotify_event *)buffer;
    EXPECT_EQ(event[0].wd, first);
    EXPECT_EQ(event[1].wd, second);
}
