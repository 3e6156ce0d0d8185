/* /dev/rtc0: the clock chip. */
#include "nacre_test.h"
#include <sys/ioctl.h>

struct rtc {
    int sec, min, hour, mday, mon, year, wday, yday, isdst;
};
#define READ_TIME _IOR('p', 0x09, struct rtc)
#define SET_TIME _IOW('p', 0x0a, struct rtc)

static int open_clock(void)
{
    int fd = open("/dev/rtc0", O_RDONLY);
    if (fd == -1 && errno == ENOENT)
        SKIP("no clock chip here");
    return ASSERT_OK(fd);
}

static struct tm date(int fd)
{
    struct rtc t;
    ASSERT_OK(ioctl(fd, READ_TIME, &t));
    return (struct tm){ .tm_sec = t.sec, .tm_min = t.min, .tm_hour = t.hour, .tm_mday = t.mday,
                        .tm_mon = t.mon, .tm_year = t.year, .tm_wday = t.wday };
}

TEST(clock_shows_the_date)
{
    int fd = open_clock();
    struct tm tm = date(fd);
    int wday = tm.tm_wday;
    time_t now = time(NULL), then = timegm(&tm);
    EXPECT_EQ(wday, tm.tm_wday);
    EXPECT_TRUE(then >= now - 5 && then <= now + 5);
    EXPECT_ERRNO(ioctl(fd, READ_TIME, NT_BAD), EFAULT);
}

TEST(clock_is_set_and_counts_on)
{
    int fd = open_clock();
    struct tm before = date(fd);
    struct rtc leap = { .year = 128, .mon = 1, .mday = 29, .hour = 23, .min = 59, .sec = 59 };
    ASSERT_OK(ioctl(fd, SET_TIME, &leap));
    nt_sleep_ms(1500);
    struct tm after = date(fd);
    EXPECT_EQ(after.tm_mon, 2);
    EXPECT_EQ(after.tm_mday, 1);
    EXPECT_EQ(after.tm_year, 128);
    struct rtc back = { before.tm_sec, before.tm_min, before.tm_hour, before.tm_mday, before.tm_mon, before.tm_year, 0, 0, 0 };
    EXPECT_OK(ioctl(fd, SET_TIME, &back));
}

TEST(clock_refuses_what_is_no_date)
{
    int fd = open_clock();
    struct rtc t = { .year = 100, .mon = 1, .mday = 30 };
    EXPECT_ERRNO(ioctl(fd, SET_TIME, &t), EINVAL);
    t = (struct rtc){ .year = 69, .mday = 1 };
    EXPECT_ERRNO(ioctl(fd, SET_TIME, &t), EINVAL);
    EXPECT_ERRNO(ioctl(fd, _IO('p', 0x7f), 0), ENOTTY);
    pid_t child = nt_fork();
    if (!child) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(ioctl(fd, SET_TIME, &t), EACCES);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

TEST(clock_is_for_one_at_a_time)
{
    int fd = open_clock();
    EXPECT_ERRNO(open("/dev/rtc0", O_RDONLY), EBUSY);
    close(fd);
    EXPECT_OK(open("/dev/rtc0", O_RDONLY));
}
