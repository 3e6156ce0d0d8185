/* Floods of signals, timers and file operations. */
#include "nacre_test.h"
#include <pthread.h>
#include <sys/timerfd.h>

static volatile sig_atomic_t hits, stop;
static void count(NT_UNUSED int signo)
{
    hits++;
}

static void handle(int signo, int flags)
{
    struct sigaction act = { 0 };
    act.sa_handler = count;
    act.sa_flags = flags;
    ASSERT_OK(sigaction(signo, &act, NULL));
}

TEST_LIMIT(ten_thousand_signals_to_self, 120)
{
    handle(SIGUSR1, 0);
    for (int i = 0; i < 10000; i++)
        raise(SIGUSR1);
    EXPECT_EQ(hits, 10000);
}

TEST_LIMIT(signals_between_processes_in_step, 120)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        for (int i = 0; i < 1000; i++) {
            sigwaitinfo(&set, NULL);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    for (int i = 0; i < 1000; i++) {
        ASSERT_OK(kill(pid, SIGUSR1));
        ASSERT_EQ(sigwaitinfo(&set, NULL), SIGUSR1);
    }
    EXPECT_EXIT(pid, 0);
}

TEST_LIMIT(queued_signals_all_arrive_from_many_senders, 120)
{
    siginfo_t info;
    sigset_t set;
    long sum = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid_t parent = getpid();
    for (int s = 0; s < 4; s++)
        if (nt_fork() == 0) {
            for (int i = 1; i <= 200; i++)
                while (sigqueue(parent, SIGRTMIN, (union sigval){ .sival_int = i }) == -1 && errno == EAGAIN)
                    nt_sleep_ms(1);
            _exit(0);
        }
    for (int i = 0; i < 800; i++) {
        ASSERT_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
        sum += info.si_value.sival_int;
    }
    EXPECT_EQ(sum, 4 * 20100);
    while (wait(NULL) > 0)
        ;
}

TEST_LIMIT(pipe_transfer_survives_a_signal_flood, 120)
{
    enum { SIZE = 2 << 20 };
    int p[2];
    handle(SIGUSR1, SA_RESTART);
    ASSERT_OK(pipe(p));
    pid_t parent = getpid(), flooder = nt_fork();
    if (flooder == 0) {
        close(p[1]); /* or the reader would never see the end */
        for (;;) {
            struct timespec t = { 0, 100000 };
            kill(parent, SIGUSR1);
            nanosleep(&t, NULL);
        }
    }
    pid_t writer = nt_fork();
    if (writer == 0) {
        unsigned char block[3000];
        long at = 0;
        close(p[0]);
        while (at < SIZE) {
            for (int i = 0; i < 3000; i++)
                block[i] = (at + i) * 13;
            ssize_t n = write(p[1], block, SIZE - at < 3000 ? SIZE - at : 3000);
            if (n < 0)
                _exit(1);
            at += n;
        }
        _exit(0);
    }
    close(p[1]);
    unsigned char buf[4096];
    long at = 0, wrong = 0;
    for (ssize_t n; (n = read(p[0], buf, sizeof buf)) != 0; at += n > 0 ? n : 0)
        for (ssize_t i = 0; i < n; i++)
            wrong += buf[i] != (unsigned char)((at + i) * 13);
    EXPECT_EQ(at, SIZE);
    EXPECT_EQ(wrong, 0);
    kill(flooder, SIGKILL);
    EXPECT_KILLED(flooder, SIGKILL);
    EXPECT_EXIT(writer, 0);
}

static void *hammer(void *target)
{
    while (!stop)
        pthread_kill(*(pthread_t *)target, SIGUSR1);
    return NULL;
}

TEST_LIMIT(registers_survive_a_flood_from_other_threads, 120)
{
    pthread_t me = pthread_self(), t[2];
    double x = 1.0;
    unsigned long a = 1, wrong = 0;
    handle(SIGUSR1, SA_RESTART);
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, hammer, &me), 0);
    /* With a processor of their own the senders leave it next to no time between two signals. */
    for (long i = 0; (i < 300000 && hits < 20000) || hits < 500; i++) {
        unsigned long before = a;
        double y = x;
        __asm__ volatile("" : "+r"(before), "+w"(y));
        a = a * 6364136223846793005UL + 1442695040888963407UL;
        x = y * 1.0000001;
        wrong += a != before * 6364136223846793005UL + 1442695040888963407UL || x <= y;
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(wrong, 0);
}

TEST_LIMIT(stop_and_continue_storm, 120)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            getppid();
    for (int i = 0; i < 300; i++) {
        int status;
        ASSERT_OK(kill(pid, SIGSTOP));
        ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
        ASSERT_TRUE(WIFSTOPPED(status));
        ASSERT_OK(kill(pid, SIGCONT));
    }
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST_LIMIT(hundred_timers_fire_each_once, 120)
{
    int fds[100];
    for (int i = 0; i < 100; i++) {
        struct itimerspec t = { { 0, 0 }, { 0, 1000000 + i * 500000 } };
        fds[i] = ASSERT_OK(timerfd_create(CLOCK_MONOTONIC, 0));
        ASSERT_OK(timerfd_settime(fds[i], 0, &t, NULL));
    }
    for (int i = 99; i >= 0; i--) {
        uint64_t n = 0;
        EXPECT_EQ(read(fds[i], &n, 8), 8);
        EXPECT_EQ(n, 1);
    }
}

TEST_LIMIT(file_tree_storm_leaves_an_empty_directory, 120)
{
    nt_dir();
    for (int w = 0; w < 4; w++)
        if (nt_fork() == 0) {
            char a[32], b[32];
            for (int i = 0; i < 300; i++) {
                snprintf(a, sizeof a, "n%d", i % 7); /* the four workers fight over seven names */
                snprintf(b, sizeof b, "n%d", (i + w) % 7);
                int fd = open(a, O_CREAT | O_RDWR, 0600);
                if (fd != -1) {
                    write(fd, "x", 1);
                    close(fd);
                }
                rename(a, b);
                link(b, a);
                unlink(a);
                mkdir(a, 0755);
                rmdir(a);
                unlink(b);
            }
            _exit(0);
        }
    for (int w = 0; w < 4; w++) {
        int status;
        EXPECT_TRUE(wait(&status) > 0);
        EXPECT_EQ(status, 0);
    }
    for (int i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d", i);
        unlink(name);
        rmdir(name);
    }
    struct stat st;
    EXPECT_OK(stat(".", &st));
    EXPECT_EQ(st.st_nlink, 2);
}

TEST_LIMIT(directory_renames_in_both_directions_do_not_deadlock, 120)
{
    nt_dir();
    ASSERT_OK(mkdir("a", 0755));
    ASSERT_OK(mkdir("b", 0755));
    ASSERT_OK(mkdir("a/x", 0755));
    ASSERT_OK(mkdir("b/y", 0755));
    for (int w = 0; w < 2; w++)
        if (nt_fork() == 0) {
            for (int i = 0; i < 500; i++) {
                rename(w ? "a/x" : "b/y", w ? "b/x" : "a/y");
                rename(w ? "b/x" : "a/y", w ? "a/x" : "b/y");
            }
            _exit(0);
        }
    int status;
    EXPECT_TRUE(wait(&status) > 0 && wait(&status) > 0);
    EXPECT_OK(access("a/x", F_OK));
    EXPECT_OK(access("b/y", F_OK));
}
