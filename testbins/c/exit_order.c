/* What a parent sees of an ending child is one event: the zombie and its signal come together, and a child
 * whose end is ignored is never seen. The parent looks all the time, so that a gap between the two is met. */
#include "nacre_test.h"

enum { ROUNDS = 400 };

static void count(NT_UNUSED int signo)
{
}

/* Forks a child that ends at once, and asks for it until wait answers something other than "not yet". */
static pid_t look_until_it_ends(pid_t *child)
{
    *child = nt_fork();
    if (*child == 0)
        _exit(7);
    pid_t got;
    while ((got = waitpid(*child, NULL, WNOHANG)) == 0)
        ;
    return got;
}

TEST_LIMIT(ignored_children_are_never_found_by_who_looks_all_the_time, 120)
{
    pid_t child;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < ROUNDS && nt_failures == 0; i++)
        EXPECT_ERRNO(look_until_it_ends(&child), ECHILD);
}

TEST_LIMIT(nocldwait_children_are_never_found_by_who_looks_all_the_time, 120)
{
    pid_t child;
    struct sigaction act = { .sa_handler = count, .sa_flags = SA_NOCLDWAIT | SA_RESTART };
    ASSERT_OK(sigaction(SIGCHLD, &act, NULL));
    for (int i = 0; i < ROUNDS && nt_failures == 0; i++)
        EXPECT_ERRNO(look_until_it_ends(&child), ECHILD);
}

TEST_LIMIT(sigchld_is_pending_when_the_zombie_is_found, 120)
{
    pid_t child;
    sigset_t set, pending;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < ROUNDS && nt_failures == 0; i++) {
        ASSERT_EQ(look_until_it_ends(&child), child);
        ASSERT_OK(sigpending(&pending));
        ASSERT_TRUE(sigismember(&pending, SIGCHLD) == 1);
        ASSERT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
        ASSERT_EQ(info.si_pid, child);
    }
}

static volatile sig_atomic_t found;
static pid_t awaited;

static void take(NT_UNUSED int signo)
{
    found = waitpid(awaited, NULL, WNOHANG) == awaited;
}

TEST_LIMIT(the_handler_of_sigchld_finds_the_zombie, 120)
{
    sigset_t set, old;
    struct sigaction act = { .sa_handler = take };
    ASSERT_OK(sigaction(SIGCHLD, &act, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < ROUNDS && nt_failures == 0; i++) {
        found = 0;
        awaited = nt_fork();
        if (awaited == 0)
            _exit(0);
        EXPECT_ERRNO(sigsuspend(&old), EINTR);
        ASSERT_TRUE(found);
    }
}
