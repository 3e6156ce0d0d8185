/* The master's side of pseudo-terminals. */
#include "nacre_test.h"
#include "pty_test.h"

TEST(slave_belongs_to_who_opened_the_master)
{
    struct stat st;
    int fds[2];
    ASSERT_OK(pipe(fds));
    pid_t child = nt_fork();
    if (!child) {
        ASSERT_OK(setgid(1001));
        ASSERT_OK(setuid(1000));
        pair();
        ASSERT_OK(fstat(slave, &st));
        EXPECT_EQ(st.st_uid, 1000);
        EXPECT_EQ(major(st.st_rdev), 136);
        EXPECT_EQ(minor(st.st_rdev), number);
        EXPECT_TRUE(S_ISCHR(st.st_mode));
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

TEST(lock_is_readable)
{
    int value = -1;
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    EXPECT_OK(ioctl(master, TIOCGPTLCK, &value));
    EXPECT_EQ(value, 1);
    unlock(master);
    EXPECT_OK(ioctl(master, TIOCGPTLCK, &value));
    EXPECT_EQ(value, 0);
    EXPECT_ERRNO(ioctl(master, TIOCSPTLCK, NT_BAD), EFAULT);
}

TEST(numbers_are_reused_when_both_sides_are_gone)
{
    int again;
    pair();
    close(slave);
    close(master);
    int other = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(other, TIOCGPTN, &again));
    EXPECT_EQ(again, number);
}

TEST(peer_is_opened_without_its_name)
{
    struct stat st;
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(master, TIOCGPTN, &number));
    EXPECT_ERRNO(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
    unlock(master);
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(fcntl(slave, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(fcntl(slave, F_GETFL) & O_ACCMODE, O_RDWR);
    ASSERT_OK(fstat(slave, &st));
    EXPECT_EQ(minor(st.st_rdev), number);
    EXPECT_TRUE(isatty(slave));
    EXPECT_EQ(write(slave, "hi", 2), 2);
    char buf[8];
    EXPECT_EQ(read(master, buf, sizeof buf), 2);
    int reader = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDONLY | O_NOCTTY));
    EXPECT_ERRNO(write(reader, "x", 1), EBADF);
    EXPECT_EQ(fcntl(reader, F_GETFD), 0);
    EXPECT_ERRNO(ioctl(slave, TIOCGPTPEER, O_RDWR), EIO);
}

TEST(slave_knows_no_ioctls_of_the_master)
{
    int value = 0;
    pair();
    EXPECT_ERRNO(ioctl(slave, TIOCGPTN, &value), ENOTTY);
    EXPECT_ERRNO(ioctl(slave, TIOCSPTLCK, &value), ENOTTY);
    EXPECT_ERRNO(ioctl(slave, TIOCPKT, &value), ENOTTY);
    EXPECT_ERRNO(ioctl(master, TIOCNOTTY, 0), ENOTTY);
    EXPECT_ERRNO(lseek(master, 0, SEEK_CUR), ESPIPE);
    EXPECT_ERRNO(lseek(slave, 0, SEEK_CUR), ESPIPE);
}

TEST(master_is_ready_as_the_slave_writes_and_leaves)
{
    char buf[16];
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    EXPECT_EQ(events(master), POLLOUT);
    EXPECT_ERRNO(read(master, buf, sizeof buf), EAGAIN);
    unlock(master);
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EXPECT_EQ(events(master), POLLOUT);
    EXPECT_EQ(write(slave, "last words", 10), 10);
    EXPECT_EQ(settled(master), POLLIN | POLLOUT);
    close(slave);
    EXPECT_EQ(settled(master), POLLIN | POLLOUT | POLLHUP);
    EXPECT_EQ(read(master, buf, sizeof buf), 10);
    EXPECT_ERRNO(read(master, buf, sizeof buf), EIO);
    EXPECT_EQ(events(master), POLLOUT | POLLHUP);
    /* It comes to life again with a new slave. */
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EXPECT_EQ(events(master), POLLOUT);
    EXPECT_ERRNO(read(master, buf, sizeof buf), EAGAIN);
}

TEST(bytes_written_before_the_slave_opens_wait_for_it)
{
    char buf[16];
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    unlock(master);
    EXPECT_EQ(write(master, "early\n", 6), 6);
    nt_sleep_ms(50);
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EXPECT_EQ(read(slave, buf, sizeof buf), 6);
    EXPECT_MEMEQ(buf, "early\n", 6);
}

TEST(settings_stay_while_the_master_lives)
{
    struct termios t;
    pair();
    raw();
    close(slave);
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    ASSERT_OK(tcgetattr(slave, &t));
    EXPECT_EQ(t.c_lflag & ICANON, 0);
    ASSERT_OK(tcgetattr(master, &t));
    EXPECT_EQ(t.c_lflag & ICANON, 0);
}

TEST(slave_of_a_closed_master_is_dead)
{
    char buf[4];
    struct winsize size;
    pair();
    close(master);
    EXPECT_EQ(events(slave), POLLIN | POLLOUT | POLLERR | POLLHUP);
    EXPECT_EQ(read(slave, buf, 4), 0);
    EXPECT_ERRNO(write(slave, buf, 4), EIO);
    EXPECT_ERRNO(ioctl(slave, TIOCGWINSZ, &size), EIO);
    EXPECT_ERRNO(ioctl(slave, TIOCSPGRP, &number), ENOTTY);
}

TEST(blocked_sides_wake_when_the_other_leaves)
{
    char buf[4];
    pair();
    pid_t child = nt_fork();
    if (!child) {
        close(master);
        /* Who waited sees an error, who comes later the end. */
        EXPECT_ERRNO(read(slave, buf, 4), EIO);
        ssize_t n = -1;
        for (int i = 0; i < 6000 && (n = read(slave, buf, 4)) == -1 && errno == EIO; i++)
            nt_sleep_ms(5);
        EXPECT_EQ(n, 0);
        nt_done();
    }
    nt_await_state(child, 'S');
    close(master);
    EXPECT_EXIT(child, 0);
    close(slave);
    pair();
    child = nt_fork();
    if (!child) {
        close(slave);
        EXPECT_ERRNO(read(master, buf, 4), EIO);
        nt_done();
    }
    nt_await_state(child, 'S');
    close(slave);
    EXPECT_EXIT(child, 0);
}

TEST(slave_that_nobody_reads_fills_up_and_goes_on)
{
    static char block[65536];
    long sent = 0, got = 0, n;
    pair();
    raw();
    nonblocking(slave);
    while ((n = write(slave, block, sizeof block)) > 0)
        sent += n;
    EXPECT_ERRNO(write(slave, block, 1), EAGAIN);
    EXPECT_TRUE(sent >= 4096 && sent < 1 << 20);
    EXPECT_EQ(events(slave) & POLLOUT, 0);
    nonblocking(master);
    while (got < sent) {
        struct pollfd p = { master, POLLIN, 0 };
        ASSERT_EQ(poll(&p, 1, 600000), 1);
        n = ASSERT_OK(read(master, block, sizeof block));
        got += n;
    }
    EXPECT_EQ(got, sent);
    struct pollfd p = { slave, POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
}

TEST(master_that_nobody_reads_fills_up_and_goes_on)
{
    static char block[65536];
    long sent = 0, got = 0, n;
    pair();
    raw();
    nonblocking(master);
    nonblocking(slave);
    for (int quiet = 0; quiet < 3;) {
        n = write(master, block, sizeof block);
        if (n > 0) {
            sent += n;
            quiet = 0;
        } else {
            quiet++;
            nt_sleep_ms(20);
        }
    }
    EXPECT_TRUE(sent >= 4096 && sent < 1 << 20);
    while (got < sent) {
        struct pollfd p = { slave, POLLIN, 0 };
        ASSERT_EQ(poll(&p, 1, 600000), 1);
        n = ASSERT_OK(read(slave, block, sizeof block));
        got += n;
    }
    EXPECT_EQ(got, sent);
    struct pollfd p = { master, POLLOUT, 0 };
    EXPECT_EQ(poll(&p, 1, 600000), 1);
}

TEST(epoll_sees_both_sides)
{
    struct epoll_event e = { .events = EPOLLIN };
    pair();
    raw();
    int ep = ASSERT_OK(epoll_create1(0));
    e.data.fd = master;
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, master, &e));
    e.data.fd = slave;
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, slave, &e));
    EXPECT_EQ(epoll_wait(ep, &e, 1, 0), 0);
    ASSERT_EQ(write(slave, "x", 1), 1);
    ASSERT_EQ(epoll_wait(ep, &e, 1, 600000), 1);
    EXPECT_EQ(e.data.fd, master);
    char c;
    ASSERT_EQ(read(master, &c, 1), 1);
    ASSERT_EQ(write(master, "y", 1), 1);
    ASSERT_EQ(epoll_wait(ep, &e, 1, 600000), 1);
    EXPECT_EQ(e.data.fd, slave);
    ASSERT_EQ(read(slave, &c, 1), 1);
    close(slave);
    ASSERT_EQ(epoll_wait(ep, &e, 1, 600000), 1);
    EXPECT_EQ(e.data.fd, master);
    EXPECT_TRUE(e.events & EPOLLHUP);
}

/* Waits until so many bytes may be read. */
static void await(int fd, int count)
{
    int n = -1;
    for (int i = 0; i < 6000 && ioctl(fd, FIONREAD, &n) == 0 && n < count; i++)
        nt_sleep_ms(5);
    EXPECT_EQ(n, count);
}

TEST(flush_of_output_spares_what_has_arrived)
{
    char buf[8];
    pair();
    raw();
    nonblocking(master);
    ASSERT_EQ(write(slave, "here", 4), 4);
    await(master, 4);
    EXPECT_OK(tcflush(slave, TCOFLUSH));
    EXPECT_EQ(read(master, buf, sizeof buf), 4);
    ASSERT_EQ(write(slave, "lost", 4), 4);
    await(master, 4);
    EXPECT_OK(tcflush(master, TCIFLUSH));
    EXPECT_ERRNO(read(master, buf, sizeof buf), EAGAIN);
}

TEST(master_counts_what_it_may_read)
{
    int n = -1;
    pair();
    raw();
    ASSERT_EQ(write(slave, "12345", 5), 5);
    await(master, 5);
    EXPECT_OK(ioctl(master, FIONREAD, &n));
    EXPECT_EQ(n, 5);
    EXPECT_OK(ioctl(slave, TIOCOUTQ, &n));
    EXPECT_EQ(n, 0);
    EXPECT_OK(tcdrain(slave));
}

static volatile sig_atomic_t caught;
static void on_signal(int signo)
{
    caught = signo;
}

/* In a child that leads a session with the slave as its terminal. */
static void led(void (*run)(void))
{
    pair();
    pid_t child = nt_fork();
    if (!child) {
        ASSERT_OK(setsid());
        ASSERT_OK(ioctl(slave, TIOCSCTTY, 0));
        run();
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

static void signals_by_ioctl(void)
{
    signal(SIGINT, on_signal);
    signal(SIGQUIT, on_signal);
    EXPECT_OK(ioctl(master, _IOW('T', 0x36, int), SIGINT));
    EXPECT_EQ(caught, SIGINT);
    EXPECT_OK(ioctl(master, _IOW('T', 0x36, int), SIGQUIT));
    EXPECT_EQ(caught, SIGQUIT);
    EXPECT_ERRNO(ioctl(master, _IOW('T', 0x36, int), SIGTERM), EINVAL);
}

TEST(master_signals_the_foreground_by_ioctl)
{
    led(signals_by_ioctl);
}

static void session_and_foreground(void)
{
    pid_t group = -1;
    EXPECT_OK(ioctl(master, TIOCGPGRP, &group));
    EXPECT_EQ(group, getpid());
    EXPECT_OK(ioctl(master, TIOCGSID, &group));
    EXPECT_EQ(group, getpid());
}

TEST(master_shows_session_and_foreground_of_the_slave)
{
    pid_t group = -1;
    pair();
    EXPECT_OK(ioctl(master, TIOCGPGRP, &group));
    EXPECT_EQ(group, 0);
    EXPECT_ERRNO(ioctl(master, TIOCGSID, &group), ENOTTY);
    close(slave);
    close(master);
    led(session_and_foreground);
}

static void hangs_up(void)
{
    char buf[4];
    signal(SIGHUP, on_signal);
    EXPECT_OK(syscall(SYS_vhangup));
    EXPECT_EQ(caught, SIGHUP);
    EXPECT_EQ(read(slave, buf, 4), 0);
    EXPECT_ERRNO(write(slave, "x", 1), EIO);
    EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
    /* Without a terminal it does nothing. */
    EXPECT_OK(syscall(SYS_vhangup));
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(syscall(SYS_vhangup), EPERM);
}

TEST(vhangup_kills_open_files_of_the_terminal_but_not_the_master)
{
    char buf[4];
    led(hangs_up);
    EXPECT_EQ(events(slave), POLLIN | POLLOUT | POLLERR | POLLHUP);
    EXPECT_EQ(events(master), POLLOUT);
    /* The name is still there, and opens anew. */
    int old = slave;
    slave = ASSERT_OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EXPECT_EQ(write(slave, "x", 1), 1);
    EXPECT_EQ(read(master, buf, 4), 1);
    close(old);
    EXPECT_EQ(settled(master), POLLOUT);
    close(slave);
    EXPECT_EQ(settled(master), POLLOUT | POLLHUP);
}

TEST(terminal_for_one_alone)
{
    char name[32];
    int value = -1;
    pair();
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    EXPECT_OK(ioctl(slave, TIOCEXCL, 0));
    EXPECT_OK(ioctl(slave, _IOR('T', 0x40, int), &value));
    EXPECT_EQ(value, 1);
    EXPECT_OK(chmod(name, 0666));
    pid_t child = nt_fork();
    if (!child) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), EBUSY);
        EXPECT_OK(ioctl(slave, TIOCNXCL, 0));
        EXPECT_OK(open(name, O_RDWR | O_NOCTTY));
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}
