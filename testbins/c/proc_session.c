/* Process groups, sessions, names and the other things prctl keeps. */
#include "nacre_test.h"
#include <sys/prctl.h>
#include <sys/ptrace.h>

TEST(setsid_makes_a_session_a_group_and_a_leader)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(setsid(), getpid());
        EXPECT_EQ(getsid(0), getpid());
        EXPECT_EQ(getpgid(0), getpid());
        EXPECT_ERRNO(setsid(), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setsid_by_a_group_leader_is_eperm)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setpgid(0, 0));
        EXPECT_ERRNO(setsid(), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setpgid_moves_a_child_before_it_execs)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    EXPECT_EQ(getpgid(pid), getpgrp());
    EXPECT_OK(setpgid(pid, pid));
    EXPECT_EQ(getpgid(pid), pid);
    EXPECT_OK(setpgid(pid, getpgrp()));
    EXPECT_EQ(getpgid(pid), getpgrp());
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

ROLE(wait_forever)
{
    write(atoi(argv[2]), "r", 1);
    while (pause() == -1)
        ;
    return 0;
}

TEST(setpgid_of_a_child_after_exec_is_eacces)
{
    int p[2];
    char number[16], c;
    ASSERT_OK(pipe(p));
    snprintf(number, sizeof number, "%d", p[1]);
    pid_t pid = nt_fork();
    if (pid == 0) {
        execl(nt_self, nt_self, "@wait_forever", number, NULL);
        _exit(99);
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_ERRNO(setpgid(pid, pid), EACCES);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(setpgid_refuses_strangers_sessions_and_negative_ids)
{
    EXPECT_ERRNO(setpgid(1, 1), ESRCH);
    EXPECT_ERRNO(setpgid(0, -1), EINVAL);
    EXPECT_ERRNO(setpgid(0, 1), EPERM);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setsid());
        EXPECT_ERRNO(setpgid(0, 0), EPERM);
        raise(SIGSTOP);
        nt_done();
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    EXPECT_ERRNO(setpgid(pid, 0), EPERM);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
}

TEST(getsid_and_getpgid_of_nobody_are_esrch)
{
    EXPECT_ERRNO(getsid(0x3ffffff), ESRCH);
    EXPECT_ERRNO(getpgid(0x3ffffff), ESRCH);
    EXPECT_EQ(getsid(getpid()), getsid(0));
    EXPECT_OK(getsid(1));
}

TEST(kill_minus_group_reaches_the_group_only)
{
    pid_t group = 0, member[3];
    for (int i = 0; i < 3; i++) {
        member[i] = nt_fork();
        if (member[i] == 0)
            for (;;)
                pause();
        if (i < 2) {
            ASSERT_OK(setpgid(member[i], group));
            group = member[0];
        }
    }
    EXPECT_OK(kill(-group, SIGTERM));
    EXPECT_KILLED(member[0], SIGTERM);
    EXPECT_KILLED(member[1], SIGTERM);
    EXPECT_EQ(waitpid(member[2], NULL, WNOHANG), 0);
    EXPECT_ERRNO(kill(-group, 0), ESRCH);
    kill(member[2], SIGKILL);
    EXPECT_KILLED(member[2], SIGKILL);
}

TEST(group_outlives_its_leader)
{
    pid_t leader = nt_fork();
    if (leader == 0)
        for (;;)
            pause();
    ASSERT_OK(setpgid(leader, leader));
    pid_t member = nt_fork();
    if (member == 0)
        for (;;)
            pause();
    ASSERT_OK(setpgid(member, leader));
    kill(leader, SIGKILL);
    EXPECT_KILLED(leader, SIGKILL);
    EXPECT_EQ(getpgid(member), leader);
    EXPECT_OK(kill(-leader, SIGUSR1));
    EXPECT_KILLED(member, SIGUSR1);
}

TEST(orphaned_stopped_group_gets_hup_and_cont)
{
    int p[2];
    char c = 0;
    ASSERT_OK(pipe(p));
    pid_t middle = nt_fork();
    if (middle == 0) {
        setsid();
        pid_t inner = fork();
        if (inner == 0) {
            setpgid(0, 0);
            raise(SIGSTOP);
            write(p[1], "c", 1);
            _exit(0);
        }
        waitpid(inner, NULL, WUNTRACED);
        _exit(0);
    }
    close(p[1]);
    EXPECT_EXIT(middle, 0);
    EXPECT_EQ(read(p[0], &c, 1), 0); /* SIGHUP killed it before it could write */
}

TEST(prctl_name_is_cut_at_fifteen_and_shown_in_proc)
{
    char name[16] = "", comm[32];
    EXPECT_OK(prctl(PR_SET_NAME, "a name longer than fifteen"));
    EXPECT_OK(prctl(PR_GET_NAME, name));
    EXPECT_STREQ(name, "a name longer t");
    nt_get("/proc/self/comm", comm, sizeof comm);
    EXPECT_STREQ(comm, "a name longer t\n");
    EXPECT_ERRNO(prctl(PR_SET_NAME, NT_BAD), EFAULT);
}

TEST(prctl_dumpable_is_readable_and_settable)
{
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1);
    EXPECT_OK(prctl(PR_SET_DUMPABLE, 0));
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
    EXPECT_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
}

TEST(prctl_no_new_privs_is_one_way_and_inherited)
{
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    EXPECT_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    EXPECT_EXIT(pid, 1);
}

TEST(prctl_unknown_option_is_einval)
{
    EXPECT_ERRNO(prctl(0x7fff, 0, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(prctl(-1, 0, 0, 0, 0), EINVAL);
}

TEST(personality_reads_back)
{
    long old = EXPECT_OK(syscall(SYS_personality, 0xffffffffUL));
    EXPECT_EQ(syscall(SYS_personality, old), old);
}

TEST(exit_group_ends_with_the_given_status)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        syscall(SYS_exit_group, 77);
    EXPECT_EXIT(pid, 77);
    pid = nt_fork();
    if (pid == 0)
        syscall(SYS_exit, 78);
    EXPECT_EXIT(pid, 78);
}
