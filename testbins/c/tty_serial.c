/* The serial port as a device: its number, its settings, modem lines, break. */
#include "nacre_test.h"
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

static int port(void)
{
    int fd = open("/dev/ttyAMA0", O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (fd == -1 && errno == ENOENT)
        SKIP("no such port here");
    return ASSERT_OK(fd);
}

TEST(port_has_linux_number_and_settings)
{
    struct stat st;
    struct termios t;
    int fd = port();
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_rdev, makedev(204, 64));
    EXPECT_EQ(st.st_mode, S_IFCHR | 0600);
    ASSERT_OK(tcgetattr(fd, &t));
    EXPECT_EQ(t.c_cflag & (CSIZE | CREAD | CLOCAL | PARENB), CS8 | CREAD | CLOCAL);
    EXPECT_TRUE(isatty(fd));
    EXPECT_ERRNO(lseek(fd, 0, SEEK_CUR), ESPIPE);
}

TEST(modem_lines_are_raised_and_lowered)
{
    int value = 0, fd = port();
    EXPECT_OK(ioctl(fd, TIOCMGET, &value));
    EXPECT_EQ(value & (TIOCM_DTR | TIOCM_RTS), TIOCM_DTR | TIOCM_RTS);
    value = TIOCM_RTS;
    EXPECT_OK(ioctl(fd, TIOCMBIC, &value));
    EXPECT_OK(ioctl(fd, TIOCMGET, &value));
    EXPECT_EQ(value & (TIOCM_DTR | TIOCM_RTS), TIOCM_DTR);
    value |= TIOCM_RTS;
    EXPECT_OK(ioctl(fd, TIOCMSET, &value));
    EXPECT_OK(ioctl(fd, TIOCMGET, &value));
    EXPECT_EQ(value & (TIOCM_DTR | TIOCM_RTS), TIOCM_DTR | TIOCM_RTS);
    EXPECT_ERRNO(ioctl(fd, TIOCMBIS, NT_BAD), EFAULT);
}

TEST(break_and_drain_succeed)
{
    int fd = port();
    EXPECT_OK(ioctl(fd, TIOCSBRK, 0));
    EXPECT_OK(ioctl(fd, TIOCCBRK, 0));
    EXPECT_OK(tcsendbreak(fd, 0));
    EXPECT_OK(tcdrain(fd));
}

TEST(pseudo_terminal_has_no_modem_and_no_break)
{
    int value, fd = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    EXPECT_ERRNO(ioctl(fd, TIOCMGET, &value), ENOTTY);
    EXPECT_ERRNO(ioctl(fd, TIOCMSET, NT_BAD), ENOTTY);
    EXPECT_OK(ioctl(fd, TIOCSBRK, 0));
    EXPECT_OK(tcsendbreak(fd, 0));
}
