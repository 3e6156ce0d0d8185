/* The line discipline on a pseudo-terminal: cooked editing, raw timing, echo, output post-processing. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void pty(void)
{
    char name[32];
    int number = -1, unlock = 0;
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(master, TIOCSPTLCK, &unlock));
    ASSERT_OK(ioctl(master, TIOCGPTN, &number));
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    slave = ASSERT_OK(open(name, O_RDWR | O_NOCTTY));
}

static void type(const char *keys)
{
    ASSERT_EQ(write(master, keys, strlen(keys)), (long)strlen(keys));
}

static void change(tcflag_t iflag, tcflag_t oflag, tcflag_t lflag)
{
    struct termios t;
    ASSERT_OK(tcgetattr(slave, &t));
    t.c_iflag = iflag;
    t.c_oflag = oflag;
    t.c_lflag = lflag;
    ASSERT_OK(tcsetattr(slave, TCSANOW, &t));
}

static const char *line(void)
{
    static char buf[256];
    ssize_t n = read(slave, buf, sizeof buf - 1);
    buf[n > 0 ? n : 0] = 0;
    return n < 0 ? "(error)" : buf;
}

static int waiting(int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    return poll(&p, 1, 100) == 1 && (p.revents & POLLIN);
}

/* What the master gets within a short while. */
static const char *shown(void)
{
    static char buf[256];
    size_t n = 0;
    while (n < sizeof buf - 1 && waiting(master)) {
        ssize_t got = read(master, buf + n, sizeof buf - 1 - n);
        if (got <= 0)
            break;
        n += got;
    }
    buf[n] = 0;
    return buf;
}

TEST(pty_defaults_are_linux_defaults)
{
    struct termios t;
    pty();
    ASSERT_OK(tcgetattr(slave, &t));
    EXPECT_EQ(t.c_iflag, ICRNL | IXON);
    EXPECT_EQ(t.c_oflag, OPOST | ONLCR);
    EXPECT_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    EXPECT_EQ(t.c_cflag & (CSIZE | CREAD), CS8 | CREAD);
    EXPECT_EQ(t.c_cc[VINTR], 3);
    EXPECT_EQ(t.c_cc[VERASE], 127);
    EXPECT_EQ(t.c_cc[VEOF], 4);
    EXPECT_EQ(t.c_cc[VMIN], 1);
    EXPECT_EQ(cfgetospeed(&t), B38400);
}

TEST(slave_cannot_be_opened_while_locked)
{
    char name[32];
    int number = -1, locked = 0;
    int m = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    EXPECT_OK(ioctl(m, TIOCGPTN, &number));
    EXPECT_OK(ioctl(m, TIOCGPTLCK, &locked));
    EXPECT_EQ(locked, 1);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    EXPECT_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
    locked = 0;
    EXPECT_OK(ioctl(m, TIOCSPTLCK, &locked));
    EXPECT_OK(open(name, O_RDWR | O_NOCTTY));
}

TEST(slave_node_vanishes_with_the_master)
{
    char name[32];
    int number = -1;
    struct stat st;
    pty();
    ASSERT_OK(ioctl(master, TIOCGPTN, &number));
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    EXPECT_OK(stat(name, &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    close(slave);
    close(master);
    EXPECT_ERRNO(stat(name, &st), ENOENT);
}

TEST(isatty_knows_terminals)
{
    pty();
    EXPECT_TRUE(isatty(slave));
    EXPECT_TRUE(isatty(master));
    int null = ASSERT_OK(open("/dev/null", O_RDWR));
    EXPECT_TRUE(isatty(null) == 0 && errno == ENOTTY);
}

TEST(cooked_read_waits_for_the_whole_line)
{
    pty();
    type("abc");
    EXPECT_EQ(waiting(slave), 0);
    type("\n");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_STREQ(line(), "abc\n");
}

TEST(cooked_read_returns_one_line_at_a_time_and_short_reads_keep_the_rest)
{
    char buf[3] = "";
    pty();
    type("one\ntwo\n");
    EXPECT_EQ(read(slave, buf, 2), 2);
    EXPECT_STREQ(buf, "on");
    EXPECT_STREQ(line(), "e\n");
    EXPECT_STREQ(line(), "two\n");
}

TEST(erase_kill_and_word_erase_edit_the_line)
{
    pty();
    type("abx\177c\n");
    EXPECT_STREQ(line(), "abc\n");
    type("junk\025good\n");
    EXPECT_STREQ(line(), "good\n");
    type("one two\027three\n");
    EXPECT_STREQ(line(), "one three\n");
    type("\177\177x\n");
    EXPECT_STREQ(line(), "x\n");
}

TEST(eof_key_ends_a_read_and_alone_reads_zero)
{
    char c;
    pty();
    type("abc\004");
    EXPECT_STREQ(line(), "abc");
    type("\004");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_EQ(read(slave, &c, 1), 0);
    type("\n");
    EXPECT_STREQ(line(), "\n");
}

TEST(literal_next_takes_the_key_as_it_is)
{
    pty();
    type("a\026\177b\026\004\n");
    EXPECT_STREQ(line(), "a\177b\004\n");
}

TEST(carriage_return_becomes_newline_by_icrnl)
{
    pty();
    type("cr\r");
    EXPECT_STREQ(line(), "cr\n");
    change(INLCR, OPOST | ONLCR, ICANON);
    type("x\rnl\n\004");
    EXPECT_STREQ(line(), "x\rnl\r");
    change(IGNCR, 0, ICANON);
    type("a\rb\n");
    EXPECT_STREQ(line(), "ab\n");
}

TEST(echo_shows_keys_controls_and_erasing)
{
    pty();
    type("ab");
    EXPECT_STREQ(shown(), "ab");
    type("\177");
    EXPECT_STREQ(shown(), "\b \b");
    type("\001");
    EXPECT_STREQ(shown(), "^A");
    type("\n");
    EXPECT_STREQ(shown(), "\r\n");
}

TEST(echo_off_is_silent_but_echonl)
{
    pty();
    change(ICRNL, OPOST | ONLCR, ICANON);
    type("pw\n");
    EXPECT_STREQ(shown(), "");
    EXPECT_STREQ(line(), "pw\n");
    change(ICRNL, OPOST | ONLCR, ICANON | ECHONL);
    type("pw\n");
    EXPECT_STREQ(shown(), "\r\n");
}

TEST(output_newline_becomes_carriage_return_newline)
{
    pty();
    EXPECT_EQ(write(slave, "a\nb", 3), 3);
    EXPECT_STREQ(shown(), "a\r\nb");
    change(ICRNL, 0, 0);
    EXPECT_EQ(write(slave, "a\nb", 3), 3);
    EXPECT_STREQ(shown(), "a\nb");
    change(ICRNL, OPOST | OCRNL, 0);
    EXPECT_EQ(write(slave, "\r", 1), 1);
    EXPECT_STREQ(shown(), "\n");
}

TEST(raw_read_returns_each_byte)
{
    pty();
    change(0, 0, 0);
    type("\003a\r");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_STREQ(line(), "\003a\r");
}

static void timing(int min, int time)
{
    struct termios t;
    ASSERT_OK(tcgetattr(slave, &t));
    cfmakeraw(&t);
    t.c_cc[VMIN] = min;
    t.c_cc[VTIME] = time;
    ASSERT_OK(tcsetattr(slave, TCSANOW, &t));
}

TEST(raw_min_zero_time_zero_never_waits)
{
    char c;
    pty();
    timing(0, 0);
    EXPECT_EQ(read(slave, &c, 1), 0);
    type("x");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_EQ(read(slave, &c, 1), 1);
}

TEST(raw_min_zero_with_time_waits_that_long)
{
    char c;
    struct timespec before, after;
    pty();
    timing(0, 1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    EXPECT_EQ(read(slave, &c, 1), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    EXPECT_TRUE((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 80);
}

TEST(raw_min_three_waits_for_three)
{
    char buf[8];
    pty();
    timing(3, 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(read(slave, buf, 8), 3);
        nt_done();
    }
    type("a");
    type("b");
    nt_await_state(pid, 'S');
    type("c");
    EXPECT_EXIT(pid, 0);
}

TEST(nonblocking_read_without_a_line_is_eagain)
{
    char buf[8];
    pty();
    ASSERT_OK(fcntl(slave, F_SETFL, O_NONBLOCK));
    EXPECT_ERRNO(read(slave, buf, 8), EAGAIN);
    type("half");
    EXPECT_ERRNO(read(slave, buf, 8), EAGAIN);
    ASSERT_OK(fcntl(master, F_SETFL, O_NONBLOCK));
    shown();
    EXPECT_ERRNO(read(master, buf, 8), EAGAIN);
}

TEST(fionread_counts_what_a_read_would_give)
{
    int n = -1;
    pty();
    type("ab\ncd");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_OK(ioctl(slave, FIONREAD, &n));
    EXPECT_EQ(n, 3);
}

TEST(tcflush_drops_unread_input)
{
    pty();
    type("gone\n");
    EXPECT_EQ(waiting(slave), 1);
    EXPECT_OK(tcflush(slave, TCIFLUSH));
    EXPECT_EQ(waiting(slave), 0);
    EXPECT_ERRNO(ioctl(slave, TCFLSH, 99), EINVAL);
}

TEST(tcsetattr_with_flush_drops_input)
{
    struct termios t;
    pty();
    type("gone\n");
    EXPECT_EQ(waiting(slave), 1);
    ASSERT_OK(tcgetattr(slave, &t));
    EXPECT_OK(tcsetattr(slave, TCSAFLUSH, &t));
    EXPECT_EQ(waiting(slave), 0);
    EXPECT_ERRNO(ioctl(slave, TCSETS, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(slave, TCGETS, NT_BAD), EFAULT);
}

TEST(stop_and_start_keys_hold_output)
{
    pty();
    change(ICRNL | IXON, OPOST | ONLCR, ICANON | ISIG);
    type("\023\n");
    EXPECT_EQ(waiting(slave), 1); /* so the stop key before it has been taken */
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(write(slave, "held", 4), 4);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_STREQ(shown(), "");
    type("\021");
    EXPECT_STREQ(shown(), "held");
    EXPECT_EXIT(pid, 0);
}

TEST(window_size_is_kept_for_both_sides)
{
    struct winsize w = { 0, 0, 0, 0 };
    pty();
    EXPECT_OK(ioctl(slave, TIOCGWINSZ, &w));
    EXPECT_EQ(w.ws_row, 0);
    w.ws_row = 24;
    w.ws_col = 80;
    EXPECT_OK(ioctl(master, TIOCSWINSZ, &w));
    memset(&w, 0, sizeof w);
    EXPECT_OK(ioctl(slave, TIOCGWINSZ, &w));
    EXPECT_EQ(w.ws_row, 24);
    EXPECT_EQ(w.ws_col, 80);
    EXPECT_ERRNO(ioctl(slave, TIOCGWINSZ, NT_BAD), EFAULT);
}

TEST(terminal_unknown_ioctl_is_enotty)
{
    pty();
    EXPECT_ERRNO(ioctl(slave, 0x12345678, 0), ENOTTY);
}

TEST(master_reads_eio_after_the_slave_is_closed)
{
    char buf[8];
    pty();
    EXPECT_EQ(write(slave, "bye", 3), 3);
    close(slave);
    EXPECT_EQ(read(master, buf, 8), 3);
    EXPECT_ERRNO(read(master, buf, 8), EIO);
    struct pollfd p = { master, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_TRUE(p.revents & POLLHUP);
}

TEST(slave_reads_end_of_file_and_writes_eio_after_the_master_closes)
{
    char c;
    pty();
    signal(SIGHUP, SIG_IGN);
    close(master);
    EXPECT_EQ(read(slave, &c, 1), 0);
    EXPECT_ERRNO(write(slave, "x", 1), EIO);
}

TEST(packet_mode_prefixes_data_and_tells_flushes)
{
    int on = 1;
    char buf[16];
    pty();
    EXPECT_OK(ioctl(master, TIOCPKT, &on));
    EXPECT_EQ(write(slave, "hi", 2), 2);
    EXPECT_EQ(read(master, buf, sizeof buf), 3);
    EXPECT_MEMEQ(buf, "\0hi", 3);
    EXPECT_OK(tcflush(slave, TCIFLUSH));
    EXPECT_EQ(read(master, buf, sizeof buf), 1);
    EXPECT_EQ(buf[0], TIOCPKT_FLUSHREAD);
}

TEST(line_of_more_than_4095_bytes_is_cut)
{
    char chunk[1001], buf[5000];
    pty();
    change(ICRNL, 0, ICANON);
    memset(chunk, 'k', 1000);
    chunk[1000] = 0;
    for (int i = 0; i < 5; i++)
        type(chunk);
    type("\n");
    EXPECT_EQ(read(slave, buf, sizeof buf), 4096);
    EXPECT_EQ(buf[4095], '\n');
}

TEST(tiocsti_puts_a_byte_as_if_typed_or_is_refused)
{
    pty();
    if (ioctl(slave, TIOCSTI, "q") == -1) {
        EXPECT_TRUE(errno == EIO);
        return;
    }
    type("\n");
    EXPECT_STREQ(line(), "q\n");
}
