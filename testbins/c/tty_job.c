/* Controlling terminals: who may read and write, the keys that signal, hang-ups. */
#include "nacre_test.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static char name[32];

static void pty(void)
{
    int number = -1, unlock = 0;
    master = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(master, TIOCSPTLCK, &unlock));
    ASSERT_OK(ioctl(master, TIOCGPTN, &number));
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    slave = ASSERT_OK(open(name, O_RDWR | O_NOCTTY));
}

/* A child leading a session of its own on a new terminal; 0 in the child. */
static pid_t session(void)
{
    pty();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setsid());
        ASSERT_OK(ioctl(slave, TIOCSCTTY, 0));
    }
    return pid;
}

static void type(const char *keys)
{
    ASSERT_EQ(write(master, keys, strlen(keys)), (long)strlen(keys));
}

static int handled;
static void note(int signo)
{
    handled = signo;
}

TEST(session_leader_gets_its_terminal_by_ioctl)
{
    pid_t pid = session();
    if (pid == 0) {
        EXPECT_EQ(tcgetpgrp(slave), getpgrp());
        EXPECT_EQ(tcgetsid(slave), getpid());
        EXPECT_OK(open("/dev/tty", O_RDWR));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(session_leader_gets_its_terminal_by_opening_it)
{
    pty();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setsid());
        EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        EXPECT_OK(open(name, O_RDWR));
        EXPECT_OK(open("/dev/tty", O_RDWR));
        EXPECT_EQ(tcgetsid(slave), getpid());
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(terminal_opened_with_noctty_stays_a_stranger)
{
    pty();
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setsid());
        EXPECT_OK(open(name, O_RDWR | O_NOCTTY));
        EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        EXPECT_ERRNO(tcgetpgrp(slave), ENOTTY);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(tiocsctty_wants_a_leader_without_a_terminal)
{
    pty();
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(ioctl(slave, TIOCSCTTY, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(terminal_of_one_session_is_not_given_to_another)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t pid = session();
    if (pid == 0) {
        write(p[1], "r", 1);
        for (;;)
            pause();
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    pid_t other = nt_fork();
    if (other == 0) {
        ASSERT_OK(setsid());
        EXPECT_ERRNO(ioctl(slave, TIOCSCTTY, 0), EPERM);
        EXPECT_ERRNO(tcgetpgrp(slave), ENOTTY);
        nt_done();
    }
    EXPECT_EXIT(other, 0);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(interrupt_quit_and_suspend_keys_signal_the_foreground)
{
    static const struct {
        const char *key;
        int signo;
    } keys[] = { { "\003", SIGINT }, { "\034", SIGQUIT }, { "\032", SIGTSTP } };
    for (int i = 0; i < 3; i++) {
        pid_t pid = session();
        if (pid == 0) {
            sigset_t set;
            sigfillset(&set);
            sigprocmask(SIG_BLOCK, &set, NULL);
            write(slave, "r", 1);
            siginfo_t info;
            EXPECT_EQ(sigwaitinfo(&set, &info), keys[i].signo);
            EXPECT_EQ(info.si_code, SI_KERNEL);
            nt_done();
        }
        char c;
        EXPECT_EQ(read(master, &c, 1), 1);
        type(keys[i].key);
        EXPECT_EXIT(pid, 0);
        close(master);
        close(slave);
    }
}

TEST(interrupt_key_discards_the_line_typed_so_far)
{
    pid_t pid = session();
    if (pid == 0) {
        char buf[16] = "";
        signal(SIGINT, SIG_IGN);
        write(slave, "r", 1);
        EXPECT_EQ(read(slave, buf, sizeof buf), 3);
        EXPECT_STREQ(buf, "ok\n");
        nt_done();
    }
    char c;
    EXPECT_EQ(read(master, &c, 1), 1);
    type("junk\003ok\n");
    EXPECT_EXIT(pid, 0);
}

TEST(interrupt_key_is_a_byte_without_isig)
{
    struct termios t;
    pid_t pid = session();
    if (pid == 0) {
        char c = 0;
        EXPECT_OK(tcgetattr(slave, &t));
        t.c_lflag &= ~(ISIG | ICANON);
        EXPECT_OK(tcsetattr(slave, TCSANOW, &t));
        write(slave, "r", 1);
        EXPECT_EQ(read(slave, &c, 1), 1);
        EXPECT_EQ(c, 3);
        nt_done();
    }
    char c;
    EXPECT_EQ(read(master, &c, 1), 1);
    type("\003");
    EXPECT_EXIT(pid, 0);
}

/* In a session: a background child runs the check; its end is the session's. */
static void in_background(void (*check)(void), int want_stop)
{
    int status;
    pid_t pid = nt_fork();
    if (pid == 0) {
        setpgid(0, 0);
        check();
        nt_done();
    }
    setpgid(pid, pid);
    EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    if (want_stop) {
        EXPECT_TRUE(WIFSTOPPED(status));
        EXPECT_EQ(WSTOPSIG(status), want_stop);
        kill(pid, SIGKILL);
        EXPECT_KILLED(pid, SIGKILL);
    } else
        EXPECT_EQ(status, 0);
}

static void read_slave(void)
{
    char c;
    read(slave, &c, 1);
}

static void read_slave_ignoring(void)
{
    char c;
    signal(SIGTTIN, SIG_IGN);
    EXPECT_ERRNO(read(slave, &c, 1), EIO);
}

TEST(background_read_stops_with_sigttin)
{
    pid_t pid = session();
    if (pid == 0) {
        in_background(read_slave, SIGTTIN);
        in_background(read_slave_ignoring, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static void write_slave(void)
{
    EXPECT_EQ(write(slave, "b", 1), 1);
}

static void write_slave_ignoring(void)
{
    signal(SIGTTOU, SIG_IGN);
    EXPECT_EQ(write(slave, "b", 1), 1);
}

TEST(background_write_stops_only_under_tostop)
{
    pid_t pid = session();
    if (pid == 0) {
        struct termios t;
        in_background(write_slave, 0);
        EXPECT_OK(tcgetattr(slave, &t));
        t.c_lflag |= TOSTOP;
        EXPECT_OK(tcsetattr(slave, TCSANOW, &t));
        in_background(write_slave, SIGTTOU);
        in_background(write_slave_ignoring, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static void set_attributes(void)
{
    struct termios t;
    tcgetattr(slave, &t);
    tcsetattr(slave, TCSANOW, &t);
}

TEST(background_tcsetattr_stops_with_sigttou)
{
    pid_t pid = session();
    if (pid == 0) {
        in_background(set_attributes, SIGTTOU);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static void take_foreground(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, NULL);
    EXPECT_OK(tcsetpgrp(slave, getpgrp()));
    EXPECT_EQ(tcgetpgrp(slave), getpgrp());
}

TEST(foreground_can_be_taken_with_sigttou_blocked)
{
    pid_t pid = session();
    if (pid == 0) {
        in_background(take_foreground, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(tcsetpgrp_checks_group_and_session)
{
    pid_t pid = session();
    if (pid == 0) {
        EXPECT_ERRNO(tcsetpgrp(slave, 0x3ffffff), ESRCH);
        EXPECT_ERRNO(tcsetpgrp(slave, getppid()), EPERM);
        EXPECT_ERRNO(tcsetpgrp(slave, -1), EINVAL);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(shell_like_stop_foreground_continue)
{
    pid_t pid = session();
    if (pid == 0) {
        int status;
        signal(SIGTTOU, SIG_IGN);
        pid_t job = nt_fork();
        if (job == 0) {
            char c;
            setpgid(0, 0);
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(slave, getpid());
            write(slave, "r", 1);
            _exit(read(slave, &c, 1) == 1 && c == 'x' ? 7 : 8);
        }
        setpgid(job, job);
        EXPECT_EQ(waitpid(job, &status, WUNTRACED), job);
        EXPECT_EQ(WSTOPSIG(status), SIGTSTP);
        EXPECT_OK(tcsetpgrp(slave, getpgrp()));
        write(slave, "s", 1);
        EXPECT_OK(tcsetpgrp(slave, job));
        EXPECT_OK(kill(-job, SIGCONT));
        EXPECT_EXIT(job, 7);
        nt_done();
    }
    char c;
    EXPECT_EQ(read(master, &c, 1), 1);
    type("\032");
    do
        EXPECT_EQ(read(master, &c, 1), 1);
    while (c != 's');
    type("x\n");
    EXPECT_EXIT(pid, 0);
}

TEST(window_change_signals_the_foreground)
{
    pid_t pid = session();
    if (pid == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGWINCH);
        sigprocmask(SIG_BLOCK, &set, NULL);
        write(slave, "r", 1);
        EXPECT_EQ(sigwaitinfo(&set, NULL), SIGWINCH);
        nt_done();
    }
    char c;
    struct winsize w = { 30, 100, 0, 0 };
    EXPECT_EQ(read(master, &c, 1), 1);
    EXPECT_OK(ioctl(master, TIOCSWINSZ, &w));
    EXPECT_EXIT(pid, 0);
}

TEST(closing_the_master_hangs_up_the_session)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t pid = session();
    if (pid == 0) {
        close(master);
        write(p[1], "r", 1);
        for (;;)
            pause();
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    close(master);
    EXPECT_KILLED(pid, SIGHUP);
}

TEST(leader_exit_sends_hup_to_the_foreground_group)
{
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = session();
    if (pid == 0) {
        if (nt_fork() == 0) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGHUP);
            sigprocmask(SIG_BLOCK, &set, NULL);
            int got = 0;
            write(p[1], &got, sizeof got);
            got = sigwaitinfo(&set, NULL);
            for (int i = 0, fd; i < 12000 && (fd = open("/dev/tty", O_RDWR)) != -1; i++) {
                close(fd); /* the signal may come a moment before the terminal goes */
                nt_sleep_ms(5);
            }
            if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO)
                got = -1;
            write(p[1], &got, sizeof got);
            _exit(0);
        }
        int ready;
        read(p[0], &ready, sizeof ready);
        _exit(0);
    }
    int got = 0;
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(read(p[0], &got, sizeof got), (long)sizeof got);
    EXPECT_EQ(got, SIGHUP);
}

TEST(tiocnotty_gives_the_terminal_up)
{
    pid_t pid = session();
    if (pid == 0) {
        signal(SIGHUP, note);
        signal(SIGCONT, SIG_IGN);
        EXPECT_OK(ioctl(slave, TIOCNOTTY));
        EXPECT_EQ(handled, SIGHUP);
        EXPECT_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
