/* inotify: which events come, in which order, with which names. */
#include "nacre_test.h"
#include "inotify_test.h"
#include <poll.h>

static void expect(int wd, uint32_t mask, const char *name)
{
    struct inotify_event *e = next();
    EXPECT_EQ(e->wd, wd);
    EXPECT_EQ(e->mask, mask);
    EXPECT_STREQ(e->len ? e->name : "", name);
    EXPECT_EQ(e->len % 16, 0);
}

// proves E20
TEST(inotify_tells_the_life_of_a_file_in_a_directory)
{
    start();
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_ALL_EVENTS));
    int fd = ASSERT_OK(open("f", O_CREAT | O_WRONLY, 0600));
    write(fd, "x", 1);
    close(fd);
    chmod("f", 0644);
    unlink("f");
    expect(wd, IN_CREATE, "f");
    expect(wd, IN_OPEN, "f");
    expect(wd, IN_MODIFY, "f");
    expect(wd, IN_CLOSE_WRITE, "f");
    expect(wd, IN_ATTRIB, "f");
    expect(wd, IN_DELETE, "f");
    EXPECT_EQ(next()->wd, -99);
}

TEST(inotify_directories_carry_the_isdir_bit)
{
    start();
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE | IN_DELETE));
    mkdir("d", 0755);
    rmdir("d");
    expect(wd, IN_CREATE | IN_ISDIR, "d");
    expect(wd, IN_DELETE | IN_ISDIR, "d");
}

TEST(inotify_rename_gives_two_events_with_one_cookie)
{
    start();
    nt_put("a", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_MOVE));
    rename("a", "b");
    struct inotify_event *from = next();
    EXPECT_EQ(from->mask, IN_MOVED_FROM);
    EXPECT_STREQ(from->name, "a");
    uint32_t cookie = from->cookie;
    struct inotify_event *to = next();
    EXPECT_EQ(to->mask, IN_MOVED_TO);
    EXPECT_STREQ(to->name, "b");
    EXPECT_EQ(to->cookie, cookie);
    EXPECT_TRUE(cookie != 0);
    EXPECT_EQ(to->wd, wd);
}

TEST(inotify_watch_on_a_file_has_no_name)
{
    start();
    nt_put("f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB | IN_MOVE_SELF));
    nt_put("f", "y");
    rename("f", "g");
    unlink("g");
    expect(wd, IN_MODIFY, ""); /* the truncation; the write is the same event again and is merged */
    struct inotify_event *e = next();
    if (e->mask == IN_MODIFY)
        e = next();
    EXPECT_EQ(e->mask, IN_MOVE_SELF);
    expect(wd, IN_ATTRIB, ""); /* the link count */
    expect(wd, IN_DELETE_SELF, "");
    expect(wd, IN_IGNORED, "");
}

TEST(inotify_access_and_open_are_told_for_readers)
{
    char c;
    start();
    nt_put("f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE));
    int fd = ASSERT_OK(open("f", O_RDONLY));
    read(fd, &c, 1);
    close(fd);
    expect(wd, IN_OPEN, "");
    expect(wd, IN_ACCESS, "");
    expect(wd, IN_CLOSE_NOWRITE, "");
}

TEST(inotify_equal_events_in_a_row_are_merged)
{
    start();
    nt_put("f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_MODIFY));
    int fd = ASSERT_OK(open("f", O_WRONLY));
    write(fd, "1", 1);
    write(fd, "2", 1);
    write(fd, "3", 1);
    expect(wd, IN_MODIFY, "");
    EXPECT_EQ(next()->wd, -99);
}

TEST(inotify_same_inode_gives_the_same_watch_and_replaces_or_adds)
{
    start();
    nt_put("f", "x");
    ASSERT_OK(link("f", "g"));
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_MODIFY));
    EXPECT_EQ(inotify_add_watch(in, "g", IN_ATTRIB), wd);
    nt_put("f", "y");
    EXPECT_EQ(next()->wd, -99);
    EXPECT_EQ(inotify_add_watch(in, "g", IN_MODIFY | IN_MASK_ADD), wd);
    chmod("f", 0600);
    expect(wd, IN_ATTRIB, "");
    EXPECT_ERRNO(inotify_add_watch(in, "g", IN_MODIFY | IN_MASK_CREATE), EEXIST);
}

TEST(inotify_rm_watch_sends_ignored)
{
    start();
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
    EXPECT_OK(inotify_rm_watch(in, wd));
    expect(wd, IN_IGNORED, "");
    nt_put("f", "x");
    EXPECT_EQ(next()->wd, -99);
    EXPECT_ERRNO(inotify_rm_watch(in, wd), EINVAL);
}

TEST(inotify_oneshot_watches_once)
{
    start();
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT));
    mkdir("a", 0755);
    mkdir("b", 0755);
    expect(wd, IN_CREATE | IN_ISDIR, "a");
    expect(wd, IN_IGNORED, "");
    EXPECT_EQ(next()->wd, -99);
}

TEST(inotify_small_buffer_is_einval_and_partial_reads_are_whole_events)
{
    char small[16];
    int n = -1;
    start();
    ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
    mkdir("a", 0755);
    mkdir("b", 0755);
    EXPECT_ERRNO(read(in, small, sizeof small), EINVAL);
    EXPECT_OK(syscall(SYS_ioctl, in, 0x541b /* FIONREAD */, &n));
    EXPECT_EQ(n, 64);
    EXPECT_EQ(read(in, buffer, 40), 32);
    EXPECT_EQ(read(in, buffer, 40), 32);
    EXPECT_ERRNO(read(in, buffer, 40), EAGAIN);
}

TEST(inotify_poll_follows_the_queue)
{
    start();
    ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
    struct pollfd p = { in, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 0);
    mkdir("a", 0755);
    EXPECT_EQ(poll(&p, 1, -1), 1);
    EXPECT_EQ(p.revents, POLLIN);
}

TEST(inotify_refusals)
{
    start();
    nt_put("f", "x");
    EXPECT_ERRNO(inotify_add_watch(in, "missing", IN_CREATE), ENOENT);
    EXPECT_ERRNO(inotify_add_watch(in, "f", IN_CREATE | IN_ONLYDIR), ENOTDIR);
    EXPECT_ERRNO(inotify_add_watch(in, ".", 0), EINVAL);
    EXPECT_ERRNO(inotify_add_watch(0x3ff, ".", IN_CREATE), EBADF);
    EXPECT_ERRNO(inotify_add_watch(ASSERT_OK(open(".", O_RDONLY)), ".", IN_CREATE), EINVAL);
    EXPECT_ERRNO(syscall(SYS_inotify_add_watch, in, NT_BAD, IN_CREATE), EFAULT);
    EXPECT_ERRNO(syscall(SYS_inotify_init1, 0x1), EINVAL);
    EXPECT_ERRNO(inotify_rm_watch(1, 1), EINVAL);
}

TEST(inotify_dont_follow_watches_the_link)
{
    start();
    nt_put("f", "x");
    ASSERT_OK(symlink("f", "l"));
    int wd = ASSERT_OK(inotify_add_watch(in, "l", IN_DELETE_SELF | IN_MODIFY | IN_DONT_FOLLOW));
    nt_put("f", "y");
    unlink("l");
    expect(wd, IN_DELETE_SELF, "");
}
