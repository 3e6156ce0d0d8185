/* Storms of processes: bounded, and leaving the machine as it was. */
#include "nacre_test.h"
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

static unsigned short processes(void)
{
    struct sysinfo s;
    ASSERT_OK(sysinfo(&s));
    return s.procs;
}

/* Waits until as many processes are left as before the storm. */
static void expect_calm(unsigned before)
{
    for (int i = 0; i < 2000 && processes() > before; i++)
        nt_sleep_ms(5);
    EXPECT_TRUE(processes() <= before);
}

static int reap_all(void)
{
    int reaped = 0, status;
    for (pid_t pid; (pid = wait(&status)) > 0 || errno == EINTR;)
        reaped += pid > 0;
    return reaped;
}

TEST_LIMIT(thousand_forks_in_a_row, 120)
{
    for (int i = 0; i < 1000; i++) {
        pid_t pid = nt_fork();
        if (pid == 0)
            _exit(i & 0x7f);
        int status;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_EQ(WEXITSTATUS(status), i & 0x7f);
    }
}

TEST_LIMIT(three_hundred_processes_at_once, 120)
{
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    for (int i = 0; i < 300; i++)
        if (nt_fork() == 0) {
            close(p[1]);
            _exit(read(p[0], &c, 1) == 0 ? 0 : 1);
        }
    close(p[1]);
    EXPECT_EQ(reap_all(), 300);
}

TEST_LIMIT(fork_tree_reports_every_leaf, 120)
{
    int p[2], leaves = 0;
    char c;
    ASSERT_OK(pipe(p));
    if (nt_fork() == 0) {
        int depth = 0;
        while (depth < 7) {
            depth++;
            if (fork() == -1)
                _exit(1);
        }
        write(p[1], "l", 1);
        while (wait(NULL) > 0)
            ;
        _exit(0);
    }
    close(p[1]);
    while (read(p[0], &c, 1) == 1)
        leaves++;
    EXPECT_EQ(leaves, 128);
    EXPECT_EQ(reap_all(), 1);
}

TEST_LIMIT(fork_bomb_under_nproc_ends_and_is_cleaned_up, 120)
{
    unsigned before = processes();
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit r = { 60, 60 };
        setpgid(0, 0);
        ASSERT_OK(setrlimit(RLIMIT_NPROC, &r));
        ASSERT_OK(setuid(31337));
        alarm(10);
        for (;;)
            if (fork() == -1)
                sched_yield();
    }
    setpgid(pid, pid);
    nt_sleep_ms(1000);
    EXPECT_TRUE(processes() <= before + 61);
    for (int i = 0; i < 50; i++)
        kill(-pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    expect_calm(before);
}

ROLE(nothing)
{
    return 17;
}

TEST_LIMIT(two_hundred_execs_by_four_parents, 120)
{
    for (int i = 0; i < 4; i++)
        if (nt_fork() == 0) {
            for (int k = 0; k < 50; k++) {
                pid_t pid = fork();
                if (pid == 0) {
                    execl(nt_self, nt_self, "@nothing", NULL);
                    _exit(1);
                }
                int status;
                if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 17)
                    _exit(1);
            }
            _exit(0);
        }
    int status, good = 0;
    while (wait(&status) > 0)
        good += status == 0;
    EXPECT_EQ(good, 4);
}

TEST_LIMIT(vfork_storm, 120)
{
    for (int i = 0; i < 300; i++) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit(3);
        int status;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_EQ(WEXITSTATUS(status), 3);
    }
}

TEST_LIMIT(orphans_by_the_hundred_are_reaped_by_init, 120)
{
    unsigned before = processes();
    for (int i = 0; i < 100; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            if (fork() == 0) {
                nt_sleep_ms(1);
                _exit(0);
            }
            _exit(0);
        }
        EXPECT_EXIT(pid, 0);
    }
    expect_calm(before);
}

TEST_LIMIT(killing_children_at_random_moments, 120)
{
    for (int i = 0; i < 100; i++) {
        pid_t pid = nt_fork();
        if (pid == 0)
            for (;;) {
                pid_t inner = fork();
                if (inner == 0)
                    _exit(0);
                if (inner > 0)
                    waitpid(inner, NULL, 0);
            }
        struct timespec t = { 0, i * 50000 };
        nanosleep(&t, NULL);
        kill(pid, SIGKILL);
        int status;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_EQ(WTERMSIG(status), SIGKILL);
    }
}
