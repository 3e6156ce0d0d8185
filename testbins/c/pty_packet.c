/* Packet mode: the master hears of flow control and flushes (man 2 ioctl_tty, TIOCPKT). */
#include "nacre_test.h"
#include "pty_test.h"

static void packets(void)
{
    int on = 1;
    pair();
    raw();
    ASSERT_OK(ioctl(master, TIOCPKT, &on));
    nonblocking(master);
}

static int status(void)
{
    unsigned char byte = 0xee;
    long n = read(master, &byte, 1);
    return n == 1 ? byte : -1;
}

TEST(packet_mode_is_readable_and_ends_with_the_slave)
{
    int value = -1;
    packets();
    EXPECT_OK(ioctl(master, TIOCGPKT, &value));
    EXPECT_EQ(value, 1);
    value = 0;
    EXPECT_OK(ioctl(master, TIOCPKT, &value));
    EXPECT_OK(ioctl(master, TIOCGPKT, &value));
    EXPECT_EQ(value, 0);
}

TEST(packet_mode_tells_of_flow_control)
{
    packets();
    EXPECT_OK(tcflow(slave, TCOOFF));
    EXPECT_EQ(settled(master) & (POLLIN | POLLPRI), POLLIN | POLLPRI);
    EXPECT_EQ(status(), TIOCPKT_STOP);
    EXPECT_EQ(events(master) & (POLLIN | POLLPRI), 0);
    EXPECT_OK(tcflow(slave, TCOON));
    EXPECT_EQ(status(), TIOCPKT_START);
    /* The two undo each other. */
    EXPECT_OK(tcflow(slave, TCOOFF));
    EXPECT_OK(tcflow(slave, TCOON));
    EXPECT_EQ(status(), TIOCPKT_START);
    EXPECT_EQ(status(), -1);
}

TEST(packet_mode_tells_whether_keys_stop_output)
{
    struct termios t;
    packets();
    ASSERT_OK(tcgetattr(slave, &t));
    t.c_iflag |= IXON;
    ASSERT_OK(tcsetattr(slave, TCSANOW, &t));
    EXPECT_EQ(status(), TIOCPKT_DOSTOP);
    t.c_cc[VSTOP] = 1;
    ASSERT_OK(tcsetattr(slave, TCSANOW, &t));
    EXPECT_EQ(status(), TIOCPKT_NOSTOP);
}

TEST(packet_mode_adds_up_flushes)
{
    packets();
    EXPECT_OK(tcflush(slave, TCIOFLUSH));
    EXPECT_EQ(status(), TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    EXPECT_EQ(status(), -1);
}

TEST(packet_of_one_byte_holds_no_data)
{
    char buf[8];
    packets();
    ASSERT_EQ(write(slave, "ab", 2), 2);
    EXPECT_EQ(settled(master) & (POLLIN | POLLPRI), POLLIN);
    EXPECT_EQ(status(), TIOCPKT_DATA);
    EXPECT_EQ(read(master, buf, sizeof buf), 3);
    EXPECT_MEMEQ(buf, "\0ab", 3);
    EXPECT_ERRNO(read(master, buf, sizeof buf), EAGAIN);
}
