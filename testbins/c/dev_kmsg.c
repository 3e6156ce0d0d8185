/* /dev/kmsg: the kernel's log, a record a read. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/klog.h>

struct record {
    unsigned priority;
    unsigned long long sequence, microseconds;
    char text[1200];
};

/* The next record; 0 when there is none. */
static int next(int fd, struct record *r)
{
    char buf[8192];
    ssize_t n;
    do
        n = read(fd, buf, sizeof buf - 1);
    while (n == -1 && errno == EPIPE);
    if (n == -1 && errno == EAGAIN)
        return 0;
    ASSERT_TRUE(n > 0);
    buf[n] = 0;
    char *text = strchr(buf, ';');
    ASSERT_TRUE(text != NULL);
    char *end = strchr(text, '\n');
    ASSERT_TRUE(end != NULL);
    *end = 0;
    ASSERT_EQ(sscanf(buf, "%u,%llu,%llu,", &r->priority, &r->sequence, &r->microseconds), 3);
    snprintf(r->text, sizeof r->text, "%s", text + 1);
    return 1;
}

/* The record with this text, from here on. */
static int find(int fd, const char *text, struct record *r)
{
    while (next(fd, r))
        if (!strcmp(r->text, text))
            return 1;
    return 0;
}

static int reader_at_end(void)
{
    int fd = ASSERT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
    ASSERT_EQ(lseek(fd, 0, SEEK_END), 0);
    return fd;
}

static void say(const char *text)
{
    int fd = ASSERT_OK(open("/dev/kmsg", O_WRONLY));
    ASSERT_EQ(write(fd, text, strlen(text)), (long)strlen(text));
    close(fd);
}

TEST(records_have_numbers_and_times_that_rise)
{
    struct record r, before = { 0 };
    int count = 0, fd = ASSERT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
    while (next(fd, &r)) {
        if (count++) {
            EXPECT_TRUE(r.sequence > before.sequence);
        }
        before = r;
    }
    EXPECT_TRUE(count > 3);
}

TEST(what_is_written_comes_back_with_its_priority)
{
    struct record r;
    int fd = reader_at_end();
    say("<30>nt: with a priority\n");
    ASSERT_TRUE(find(fd, "nt: with a priority", &r));
    EXPECT_EQ(r.priority, 30);
    say("nt: without one\n");
    ASSERT_TRUE(find(fd, "nt: without one", &r));
    EXPECT_EQ(r.priority, 12);
    say("<5>nt: not the kernel\n");
    ASSERT_TRUE(find(fd, "nt: not the kernel", &r));
    EXPECT_EQ(r.priority, 13);
    say("<x>nt: no number\n");
    ASSERT_TRUE(find(fd, "<x>nt: no number", &r));
    EXPECT_EQ(r.priority, 12);
}

TEST(odd_bytes_are_escaped)
{
    struct record r;
    int fd = reader_at_end();
    say("nt: \x01 back\\slash \xff\n");
    EXPECT_TRUE(find(fd, "nt: \\x01 back\\x5cslash \\xff", &r));
}

TEST(read_takes_one_whole_record_and_passes_it_when_it_does_not_fit)
{
    char small[8];
    struct record r;
    int fd = reader_at_end();
    say("nt: first of two\n");
    say("nt: second of two\n");
    EXPECT_ERRNO(read(fd, small, sizeof small), EINVAL);
    ASSERT_TRUE(next(fd, &r));
    EXPECT_STREQ(r.text, "nt: second of two");
}

TEST(end_of_the_log_waits_or_is_eagain)
{
    char buf[1024];
    struct record r;
    int fd = reader_at_end();
    EXPECT_ERRNO(read(fd, buf, sizeof buf), EAGAIN);
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 0);
    pid_t child = nt_fork();
    if (!child) {
        nt_sleep_ms(100);
        say("nt: news\n");
        nt_done();
    }
    EXPECT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLIN);
    EXPECT_TRUE(find(fd, "nt: news", &r));
    EXPECT_EXIT(child, 0);
}

TEST(seek_knows_start_end_and_the_last_clearing)
{
    struct record r;
    int fd = reader_at_end();
    say("nt: before clearing\n");
    ASSERT_OK(klogctl(5, NULL, 0));
    say("nt: after clearing\n");
    EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 0);
    ASSERT_TRUE(next(fd, &r));
    EXPECT_STREQ(r.text, "nt: after clearing");
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_TRUE(find(fd, "nt: before clearing", &r));
    EXPECT_ERRNO(lseek(fd, 0, SEEK_CUR), EINVAL);
    EXPECT_ERRNO(lseek(fd, 1, SEEK_SET), ESPIPE);
}

TEST(write_is_bounded)
{
    static char text[1200];
    memset(text, 'a', sizeof text);
    int fd = ASSERT_OK(open("/dev/kmsg", O_WRONLY));
    EXPECT_ERRNO(write(fd, text, sizeof text), EINVAL);
    EXPECT_ERRNO(write(fd, NT_BAD, 10), EFAULT);
    EXPECT_ERRNO(read(fd, text, sizeof text), EBADF);
}

TEST(flood_of_one_writer_is_cut_silently)
{
    struct record r;
    char text[32];
    int count = 0, fd = reader_at_end();
    int out = ASSERT_OK(open("/dev/kmsg", O_WRONLY));
    for (int i = 0; i < 40; i++) {
        int n = snprintf(text, sizeof text, "<7>nt: flood %d\n", i);
        EXPECT_EQ(write(out, text, n), n);
    }
    while (next(fd, &r))
        count += !strncmp(r.text, "nt: flood", 9);
    EXPECT_EQ(count, 10);
}

TEST(what_the_log_shows_syslog_shows_too)
{
    static char all[1 << 20];
    say("<6>nt: for both\n");
    int n = ASSERT_OK(klogctl(3, all, sizeof all - 1));
    all[n] = 0;
    EXPECT_TRUE(strstr(all, "nt: for both\n") != NULL);
}
