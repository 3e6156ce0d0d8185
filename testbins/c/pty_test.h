/* What the families of pseudo-terminal tests share: one pair, and what poll says of it. */
#ifndef PTY_TEST_H
#define PTY_TEST_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef TIOCGPKT
#define TIOCGPKT _IOR('T', 0x38, int)
#endif
#ifndef TIOCGPTLCK
#define TIOCGPTLCK _IOR('T', 0x39, int)
#endif

NT_UNUSED static int master, slave, number;

NT_UNUSED static void unlock(int fd)
{
    int off = 0;
    ASSERT_OK(ioctl(fd, TIOCSPTLCK, &off));
}

NT_UNUSED static void pair(void)
{
    char name[32];
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    unlock(master);
    ASSERT_OK(ioctl(master, TIOCGPTN, &number));
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    slave = ASSERT_OK(open(name, O_RDWR | O_NOCTTY));
}

NT_UNUSED static void raw(void)
{
    struct termios t;
    ASSERT_OK(tcgetattr(slave, &t));
    cfmakeraw(&t);
    ASSERT_OK(tcsetattr(slave, TCSANOW, &t));
}

NT_UNUSED static void nonblocking(int fd)
{
    ASSERT_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

NT_UNUSED static int events(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI, 0 };
    ASSERT_TRUE(poll(&p, 1, 0) >= 0);
    return p.revents;
}

/* poll, once news had the time to come */
NT_UNUSED static int settled(int fd)
{
    nt_sleep_ms(50);
    return events(fd);
}

#endif
