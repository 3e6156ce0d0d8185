/* inotify: removed files, links, renames, overflow, and who may watch. */
#include "nacre_test.h"
#include "inotify_test.h"
#include <sys/mount.h>

static void expect(int wd, uint32_t mask, const char *name)
{
    struct inotify_event *e = next();
    EXPECT_EQ(e->wd, wd);
    EXPECT_EQ(e->mask, mask);
    EXPECT_STREQ(e->len ? e->name : "", name);
}

static void expect_none(void)
{
    EXPECT_EQ(next()->wd, -99);
}

TEST(inotify_a_removed_file_is_gone_when_its_last_descriptor_is_closed)
{
    start();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_WRONLY));
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_ALL_EVENTS));
    ASSERT_OK(unlink("f"));
    expect(wd, IN_ATTRIB, "");
    expect_none();
    write(fd, "y", 1);
    expect(wd, IN_MODIFY, "");
    close(fd);
    expect(wd, IN_CLOSE_WRITE, "");
    expect(wd, IN_DELETE_SELF, "");
    expect(wd, IN_IGNORED, "");
    expect_none();
    EXPECT_ERRNO(inotify_rm_watch(in, wd), EINVAL);
}

TEST(inotify_a_file_with_another_link_is_not_gone)
{
    start();
    nt_put("f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_ALL_EVENTS));
    ASSERT_OK(link("f", "g"));
    expect(wd, IN_ATTRIB, "");
    ASSERT_OK(unlink("f"));
    expect(wd, IN_ATTRIB, "");
    expect_none();
    ASSERT_OK(unlink("g"));
    expect(wd, IN_ATTRIB, "");
    expect(wd, IN_DELETE_SELF, "");
    expect(wd, IN_IGNORED, "");
}

TEST(inotify_a_removed_directory_is_gone)
{
    start();
    ASSERT_OK(mkdir("d", 0755));
    int wd = ASSERT_OK(inotify_add_watch(in, "d", IN_ALL_EVENTS));
    ASSERT_OK(rmdir("d"));
    expect(wd, IN_DELETE_SELF, "");
    expect(wd, IN_IGNORED, "");
    expect_none();
}

TEST(inotify_a_directory_hears_of_files_removed_but_open)
{
    start();
    nt_put("f", "x");
    int fd = ASSERT_OK(open("f", O_WRONLY));
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_MODIFY | IN_DELETE));
    ASSERT_OK(unlink("f"));
    expect(wd, IN_DELETE, "f");
    write(fd, "y", 1);
    expect(wd, IN_MODIFY, "f");
    ASSERT_EQ(inotify_add_watch(in, ".", IN_MODIFY | IN_DELETE | IN_EXCL_UNLINK), wd);
    write(fd, "z", 1);
    expect_none();
}

TEST(inotify_rename_over_a_watched_file)
{
    start();
    nt_put("a", "x");
    nt_put("b", "y");
    int wa = ASSERT_OK(inotify_add_watch(in, "a", IN_ALL_EVENTS));
    int wb = ASSERT_OK(inotify_add_watch(in, "b", IN_ALL_EVENTS));
    ASSERT_OK(rename("a", "b"));
    expect(wb, IN_ATTRIB, "");
    expect(wa, IN_MOVE_SELF, "");
    expect(wb, IN_DELETE_SELF, "");
    expect(wb, IN_IGNORED, "");
    expect_none();
    close(ASSERT_OK(open("b", O_WRONLY | O_TRUNC)));
    expect(wa, IN_OPEN, "");
    expect(wa, IN_MODIFY, "");
    expect(wa, IN_CLOSE_WRITE, "");
}

TEST(inotify_names_of_every_kind_are_created)
{
    start();
    nt_put("f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, ".", IN_CREATE));
    ASSERT_OK(link("f", "hard"));
    ASSERT_OK(symlink("f", "soft"));
    ASSERT_OK(mkfifo("fifo", 0600));
    ASSERT_OK(mkdir("dir", 0700));
    expect(wd, IN_CREATE, "hard");
    expect(wd, IN_CREATE, "soft");
    expect(wd, IN_CREATE, "fifo");
    expect(wd, IN_CREATE | IN_ISDIR, "dir");
    expect_none();
}

TEST(inotify_attributes_and_sizes_changed_by_name)
{
    start();
    nt_put("f", "xyz");
    int wd = ASSERT_OK(inotify_add_watch(in, "f", IN_ATTRIB | IN_MODIFY));
    ASSERT_OK(truncate("f", 1));
    expect(wd, IN_MODIFY, "");
    ASSERT_OK(chmod("f", 0600));
    expect(wd, IN_ATTRIB, "");
    ASSERT_OK(chmod("f", 0600));
    expect(wd, IN_ATTRIB, "");
    ASSERT_OK(chown("f", 1, 1));
    ASSERT_OK(utimensat(AT_FDCWD, "f", NULL, 0));
    expect(wd, IN_ATTRIB, "");
    expect_none();
}

TEST(inotify_listing_a_directory_is_access)
{
    start();
    ASSERT_OK(mkdir("d", 0755));
    int wd = ASSERT_OK(inotify_add_watch(in, "d", IN_OPEN | IN_ACCESS | IN_CLOSE));
    DIR *d = opendir("d");
    ASSERT_TRUE(d != NULL);
    while (readdir(d))
        ;
    closedir(d);
    expect(wd, IN_OPEN | IN_ISDIR, "");
    expect(wd, IN_ACCESS | IN_ISDIR, "");
    expect(wd, IN_CLOSE_NOWRITE | IN_ISDIR, "");
}

TEST_LIMIT(inotify_overflow_is_told_once_at_the_end, 60)
{
    char text[32] = "";
    start();
    nt_get("/proc/sys/fs/inotify/max_queued_events", text, sizeof text);
    int most = atoi(text), count = 0;
    ASSERT_TRUE(most > 0 && most <= 100000);
    nt_put("a", "x");
    nt_put("b", "x");
    int a = ASSERT_OK(open("a", O_WRONLY)), b = ASSERT_OK(open("b", O_WRONLY));
    ASSERT_OK(inotify_add_watch(in, ".", IN_MODIFY));
    for (int i = 0; i < most / 2 + 10; i++) {
        write(a, "x", 1);
        write(b, "x", 1);
    }
    struct inotify_event *e;
    while ((e = next())->mask == IN_MODIFY)
        count++;
    EXPECT_EQ(count, most);
    EXPECT_EQ(e->mask, IN_Q_OVERFLOW);
    EXPECT_EQ(e->wd, -1);
    expect_none();
    write(a, "x", 1);
    EXPECT_EQ(next()->mask, IN_MODIFY);
}

TEST(inotify_masks_and_rights_are_checked_in_order)
{
    start();
    nt_put("f", "x");
    EXPECT_ERRNO(inotify_add_watch(999, "f", 0x00800000), EINVAL);
    EXPECT_ERRNO(inotify_add_watch(999, "f", 0), EINVAL);
    EXPECT_ERRNO(inotify_add_watch(999, "f", IN_MASK_ADD | IN_MASK_CREATE), EBADF);
    EXPECT_ERRNO(inotify_add_watch(in, "f", IN_MODIFY | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
    EXPECT_ERRNO(inotify_add_watch(in, "", IN_MODIFY), ENOENT);
    EXPECT_ERRNO(inotify_rm_watch(999, 1), EBADF);
    EXPECT_ERRNO(inotify_rm_watch(in, 0), EINVAL);
    EXPECT_EQ(lseek(in, 3, SEEK_SET), 0);
    char c;
    EXPECT_ERRNO(write(in, "x", 1), EBADF);
    EXPECT_ERRNO(pread(in, &c, 1, 0), ESPIPE);
    ASSERT_OK(chmod("f", 0200));
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(inotify_add_watch(in, "f", IN_MODIFY), EACCES);
}

TEST(inotify_watch_numbers_grow_and_begin_at_one)
{
    start();
    nt_put("f", "x");
    EXPECT_EQ(inotify_add_watch(in, "f", IN_MODIFY), 1);
    EXPECT_EQ(inotify_add_watch(in, ".", IN_MODIFY), 2);
    EXPECT_OK(inotify_rm_watch(in, 2));
    EXPECT_EQ(inotify_add_watch(in, ".", IN_MODIFY), 3);
}

TEST(inotify_an_unmounted_file_system_ends_its_watches)
{
    start();
    ASSERT_OK(mkdir("m", 0755));
    if (mount("none", "m", "tmpfs", 0, NULL) == -1)
        SKIP("no mount: %s", strerror(errno));
    nt_put("m/f", "x");
    int wd = ASSERT_OK(inotify_add_watch(in, "m/f", IN_MODIFY));
    EXPECT_OK(umount("m"));
    expect(wd, IN_UNMOUNT, "");
    expect(wd, IN_IGNORED, "");
    expect_none();
    EXPECT_ERRNO(inotify_rm_watch(in, wd), EINVAL);
}

TEST(inotify_a_blocked_reader_is_woken)
{
    char buf[64];
    nt_dir();
    int fd = ASSERT_OK(inotify_init1(0));
    ASSERT_OK(inotify_add_watch(fd, ".", IN_CREATE));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(read(fd, buf, sizeof buf), 32);
        nt_done();
    }
    nt_await_state(pid, 'S');
    nt_put("f", "x");
    EXPECT_EXIT(pid, 0);
}
