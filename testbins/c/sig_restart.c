/* A signal during a wait: which calls start again and which return EINTR, and what is left of their time. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>

static volatile sig_atomic_t ticks;
static int let_go = -1; /* at the third tick the handler writes a byte here */

static void tick(NT_UNUSED int signo)
{
    if (++ticks == 3 && let_go != -1)
        write(let_go, "g", 1);
}

/* SIGALRM every 20 ms, with or without SA_RESTART. */
static void ticking(int flags)
{
    struct sigaction act = { 0 };
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
    act.sa_handler = tick;
    act.sa_flags = flags;
    ASSERT_OK(sigaction(SIGALRM, &act, NULL));
    ASSERT_OK(setitimer(ITIMER_REAL, &every, NULL));
}

TEST(read_without_restart_is_eintr)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    ticking(0);
    EXPECT_ERRNO(read(p[0], &c, 1), EINTR);
}

TEST(read_with_restart_goes_on_with_its_arguments)
{
    int p[2];
    char buf[4] = "";
    ASSERT_OK(pipe(p));
    let_go = p[1];
    ticking(SA_RESTART);
    EXPECT_EQ(read(p[0], buf, 3), 1);
    EXPECT_STREQ(buf, "g");
    EXPECT_TRUE(ticks >= 3);
}

TEST(waitpid_follows_the_restart_flag)
{
    int status = 0, p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        close(p[1]);
        EXPECT_EQ(read(p[0], &c, 1), 0);
        nt_sleep_ms(100);
        _exit(8);
    }
    ticking(0);
    EXPECT_ERRNO(waitpid(pid, NULL, 0), EINTR);
    ticking(SA_RESTART);
    close(p[1]);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 8);
}

TEST(poll_select_and_epoll_are_never_restarted)
{
    int p[2];
    struct epoll_event e;
    ASSERT_OK(pipe(p));
    struct pollfd one = { p[0], POLLIN, 0 };
    int ep = ASSERT_OK(epoll_create1(0));
    ticking(SA_RESTART);
    EXPECT_ERRNO(poll(&one, 1, -1), EINTR);
    EXPECT_ERRNO(poll(&one, 1, 20000), EINTR);
    EXPECT_ERRNO(epoll_wait(ep, &e, 1, -1), EINTR);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    EXPECT_ERRNO(select(p[0] + 1, &set, NULL, NULL, NULL), EINTR);
}

TEST(nanosleep_is_eintr_with_the_time_left)
{
    struct timespec want = { 20, 0 }, left = { 0, 0 };
    ticking(SA_RESTART);
    EXPECT_ERRNO(nanosleep(&want, &left), EINTR);
    EXPECT_TRUE(left.tv_sec < 20 && left.tv_sec >= 15);
}

TEST(nanosleep_goes_on_after_stop_and_continue)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct timespec want = { 0, 200000000 };
        _exit(nanosleep(&want, NULL) == 0 ? 0 : 1);
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGSTOP);
    nt_await_state(pid, 'T');
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
}

TEST(poll_goes_on_after_stop_and_continue)
{
    int p[2];
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct pollfd one = { p[0], POLLIN, 0 };
        _exit(poll(&one, 1, -1) == 1 ? 0 : 1);
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGSTOP);
    nt_await_state(pid, 'T');
    kill(pid, SIGCONT);
    nt_await_state(pid, 'S');
    write(p[1], "x", 1);
    EXPECT_EXIT(pid, 0);
}

TEST(clock_nanosleep_absolute_leaves_no_remainder)
{
    struct timespec until, left = { 77, 77 };
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 20;
    ticking(SA_RESTART);
    EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left), EINTR);
    EXPECT_EQ(left.tv_sec, 77);
}

TEST(futex_wait_is_eintr_and_with_a_timeout_even_under_restart)
{
    static int word;
    ticking(0);
    EXPECT_ERRNO(syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0), EINTR);
    struct timespec t = { 100, 0 };
    ticks = 0;
    ticking(SA_RESTART);
    EXPECT_ERRNO(syscall(SYS_futex, &word, 0, 0, &t, NULL, 0), EINTR);
    EXPECT_TRUE(ticks > 0);
}

TEST(flock_wait_follows_the_restart_flag)
{
    nt_dir();
    int a = ASSERT_OK(open("f", O_CREAT | O_RDWR, 0600)), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(flock(a, LOCK_EX));
    ticking(0);
    EXPECT_ERRNO(flock(b, LOCK_EX), EINTR);
    struct flock lock = { .l_type = F_WRLCK };
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(fcntl(b, F_SETLK, &lock));
        raise(SIGSTOP);
        nt_done();
    }
    while (waitpid(pid, NULL, WUNTRACED) != pid)
        ;
    EXPECT_ERRNO(fcntl(a, F_SETLKW, &lock), EINTR);
    kill(pid, SIGKILL);
}

TEST(pause_returns_only_after_a_handler)
{
    ticking(SA_RESTART);
    EXPECT_ERRNO(pause(), EINTR);
    EXPECT_TRUE(ticks >= 1);
}

static volatile sig_atomic_t hits_of_usr1;
static void usr1(NT_UNUSED int signo)
{
    hits_of_usr1++;
}

TEST(ppoll_mask_lets_the_signal_in_atomically)
{
    sigset_t none, block;
    struct timespec t = { 20, 0 };
    signal(SIGUSR1, usr1);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGUSR1);
    sigemptyset(&none);
    EXPECT_ERRNO(ppoll(NULL, 0, &t, &none), EINTR);
    EXPECT_EQ(hits_of_usr1, 1);
    sigprocmask(SIG_BLOCK, NULL, &none);
    EXPECT_EQ(sigismember(&none, SIGUSR1), 1);
}

TEST(pselect_and_epoll_pwait_masks_work_alike)
{
    sigset_t none, block;
    struct timespec t = { 20, 0 };
    struct epoll_event e;
    signal(SIGUSR1, usr1);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    sigemptyset(&none);
    raise(SIGUSR1);
    EXPECT_ERRNO(pselect(0, NULL, NULL, NULL, &t, &none), EINTR);
    raise(SIGUSR1);
    int ep = ASSERT_OK(epoll_create1(0));
    EXPECT_ERRNO(epoll_pwait(ep, &e, 1, -1, &none), EINTR);
    EXPECT_EQ(hits_of_usr1, 2);
}

TEST(ready_poll_with_mask_keeps_the_signal_pending_for_later)
{
    int p[2];
    sigset_t none, block, pending;
    ASSERT_OK(pipe(p));
    write(p[1], "x", 1);
    signal(SIGUSR1, usr1);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGUSR1);
    sigemptyset(&none);
    struct pollfd one = { p[0], POLLIN, 0 };
    EXPECT_EQ(ppoll(&one, 1, NULL, &none), 1);
    EXPECT_EQ(hits_of_usr1, 0);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
}

TEST(write_to_a_full_pipe_restarts)
{
    int p[2], told[2];
    char c;
    static char page[4096];
    ASSERT_OK(pipe(p));
    ASSERT_OK(pipe(told));
    let_go = told[1];
    for (int i = 0; i < 16; i++)
        ASSERT_EQ(write(p[1], page, sizeof page), 4096);
    ticking(SA_RESTART);
    pid_t pid = nt_fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_IGN);
        EXPECT_EQ(read(told[0], &c, 1), 1);
        EXPECT_EQ(read(p[0], page, sizeof page), 4096);
        nt_done();
    }
    EXPECT_EQ(write(p[1], "abc", 3), 3);
    struct itimerval off = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &off, NULL);
    EXPECT_TRUE(ticks >= 1);
    EXPECT_EXIT(pid, 0);
}
