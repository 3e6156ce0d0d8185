/* User and group ids, supplementary groups, capabilities. */
#include "nacre_test.h"
#include <grp.h>
#include <sys/prctl.h>

struct cap_header {
    uint32_t version;
    int pid;
};
struct cap_data {
    uint32_t effective, permitted, inheritable;
};
enum { CAP_V3 = 0x20080522, CAP_KILL = 5, CAP_SETGID = 6, CAP_SETUID = 7, CAP_SYS_CHROOT = 18 };

static pid_t child(void)
{
    return nt_fork();
}

static void ids(uid_t want_real, uid_t want_effective, uid_t want_saved)
{
    uid_t r, e, s;
    EXPECT_OK(getresuid(&r, &e, &s));
    EXPECT_EQ(r, want_real);
    EXPECT_EQ(e, want_effective);
    EXPECT_EQ(s, want_saved);
}

TEST(setuid_by_root_sets_all_three_for_good)
{
    pid_t pid = child();
    if (pid == 0) {
        EXPECT_OK(setuid(1000));
        ids(1000, 1000, 1000);
        EXPECT_ERRNO(setuid(0), EPERM);
        EXPECT_OK(setuid(1000));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setuid_by_a_user_switches_between_real_and_saved)
{
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(setresuid(1000, 1001, 1002));
        EXPECT_OK(setuid(1002));
        ids(1000, 1002, 1002);
        EXPECT_OK(setuid(1000));
        ids(1000, 1000, 1002);
        EXPECT_ERRNO(setuid(1001), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setreuid_updates_the_saved_id_by_its_rule)
{
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(setreuid(-1, 1000));
        ids(0, 1000, 1000);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    pid = child();
    if (pid == 0) {
        ASSERT_OK(setresuid(1000, 1000, 2000));
        EXPECT_OK(setreuid(-1, 2000));
        ids(1000, 2000, 2000);
        EXPECT_ERRNO(setreuid(3000, -1), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(setresuid_takes_only_known_ids_from_a_user)
{
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(setresuid(10, 20, 30));
        EXPECT_OK(setresuid(30, 10, 20));
        ids(30, 10, 20);
        EXPECT_ERRNO(setresuid(-1, -1, 40), EPERM);
        EXPECT_OK(setresuid(-1, -1, -1));
        ids(30, 10, 20);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(group_ids_follow_the_same_rules)
{
    pid_t pid = child();
    if (pid == 0) {
        gid_t r, e, s;
        ASSERT_OK(setresgid(10, 20, 30));
        ASSERT_OK(setuid(1000));
        EXPECT_OK(setgid(30));
        EXPECT_OK(getresgid(&r, &e, &s));
        EXPECT_TRUE(r == 10 && e == 30 && s == 30);
        EXPECT_OK(setregid(30, 10));
        EXPECT_ERRNO(setgid(20), EPERM);
        EXPECT_ERRNO(setresgid(99, -1, -1), EPERM);
        EXPECT_EQ(getegid(), 10);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(supplementary_groups_are_set_listed_and_inherited)
{
    pid_t pid = child();
    if (pid == 0) {
        gid_t set[3] = { 7, 5, 9 }, got[8];
        EXPECT_OK(syscall(SYS_setgroups, 3, set));
        EXPECT_EQ(getgroups(0, NULL), 3);
        EXPECT_EQ(getgroups(8, got), 3);
        EXPECT_TRUE(got[0] + got[1] + got[2] == 21);
        EXPECT_ERRNO(getgroups(2, got), EINVAL);
        EXPECT_ERRNO(getgroups(-1, got), EINVAL);
        EXPECT_ERRNO(syscall(SYS_setgroups, 70000, set), EINVAL);
        EXPECT_ERRNO(syscall(SYS_setgroups, 3, NT_BAD), EFAULT);
        pid_t inner = child();
        if (inner == 0)
            _exit(getgroups(0, NULL));
        EXPECT_EXIT(inner, 3);
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_setgroups, 0, NULL), EPERM);
        EXPECT_EQ(getgroups(0, NULL), 3);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static long capget(struct cap_header *h, struct cap_data *d)
{
    return syscall(SYS_capget, h, d);
}

TEST(root_has_capabilities_and_loses_them_with_setuid)
{
    struct cap_header h = { CAP_V3, 0 };
    struct cap_data d[2];
    EXPECT_OK(capget(&h, d));
    EXPECT_TRUE(d[0].effective & (1u << CAP_SETUID));
    EXPECT_EQ(d[0].effective, d[0].permitted);
    EXPECT_EQ(d[0].inheritable, 0);
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_OK(capget(&h, d));
        EXPECT_EQ(d[0].effective | d[0].permitted | d[1].effective | d[1].permitted, 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(effective_capabilities_follow_the_effective_uid)
{
    struct cap_header h = { CAP_V3, 0 };
    struct cap_data d[2];
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(seteuid(1000));
        EXPECT_OK(capget(&h, d));
        EXPECT_EQ(d[0].effective, 0);
        EXPECT_TRUE(d[0].permitted != 0);
        ASSERT_OK(seteuid(0));
        EXPECT_OK(capget(&h, d));
        EXPECT_TRUE(d[0].effective != 0);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(keepcaps_keeps_permitted_capabilities_over_setuid)
{
    struct cap_header h = { CAP_V3, 0 };
    struct cap_data d[2];
    pid_t pid = child();
    if (pid == 0) {
        EXPECT_EQ(prctl(PR_GET_KEEPCAPS), 0);
        ASSERT_OK(prctl(PR_SET_KEEPCAPS, 1));
        ASSERT_OK(setuid(1000));
        EXPECT_OK(capget(&h, d));
        EXPECT_EQ(d[0].effective, 0);
        EXPECT_TRUE(d[0].permitted & (1u << CAP_KILL));
        d[0].effective = 1u << CAP_KILL;
        EXPECT_OK(syscall(SYS_capset, &h, d));
        EXPECT_OK(kill(1, 0));
        EXPECT_ERRNO(setuid(0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(capset_drops_a_capability_and_its_power)
{
    struct cap_header h = { CAP_V3, 0 };
    struct cap_data d[2];
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(capget(&h, d));
        d[0].effective &= ~(1u << CAP_SYS_CHROOT);
        EXPECT_OK(syscall(SYS_capset, &h, d));
        EXPECT_ERRNO(chroot("/"), EPERM);
        d[0].effective |= 1u << CAP_SYS_CHROOT;
        EXPECT_OK(syscall(SYS_capset, &h, d));
        EXPECT_OK(chroot("/"));
        d[0].permitted = d[0].effective = 0;
        EXPECT_OK(syscall(SYS_capset, &h, d));
        d[0].permitted = d[0].effective = 1u << CAP_KILL;
        EXPECT_ERRNO(syscall(SYS_capset, &h, d), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(capget_and_capset_refusals)
{
    struct cap_header h = { 0x1234, 0 };
    struct cap_data d[2];
    EXPECT_ERRNO(capget(&h, d), EINVAL);
    EXPECT_EQ(h.version, CAP_V3);
    h.version = 0x1234;
    EXPECT_OK(capget(&h, NULL));
    h = (struct cap_header){ CAP_V3, 0x3ffffff };
    EXPECT_ERRNO(capget(&h, d), ESRCH);
    h.pid = -1;
    EXPECT_ERRNO(capget(&h, d), EINVAL);
    h.pid = 0;
    EXPECT_ERRNO(capget(&h, NT_BAD), EFAULT);
    EXPECT_ERRNO(capget(NT_BAD, d), EFAULT);
    h.pid = 1;
    EXPECT_OK(capget(&h, d));
    EXPECT_ERRNO(syscall(SYS_capset, &h, d), EPERM);
}

TEST(bounding_set_can_only_shrink)
{
    EXPECT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 1);
    EXPECT_OK(prctl(PR_CAPBSET_DROP, CAP_KILL));
    EXPECT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 0);
    EXPECT_ERRNO(prctl(PR_CAPBSET_READ, 64), EINVAL);
    EXPECT_ERRNO(prctl(PR_CAPBSET_DROP, 64), EINVAL);
}

TEST(credentials_belong_to_the_thread_at_the_system_call)
{
    pid_t pid = child();
    if (pid == 0) {
        EXPECT_OK(syscall(SYS_setresuid, 5, 5, 5));
        EXPECT_EQ(getuid(), 5);
        EXPECT_EQ(geteuid(), 5);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(getuid(), 0);
    EXPECT_ERRNO(syscall(SYS_getresuid, NT_BAD, NT_BAD, NT_BAD), EFAULT);
}

TEST(proc_status_shows_the_ids)
{
    char text[4096];
    pid_t pid = child();
    if (pid == 0) {
        ASSERT_OK(setgroups(0, NULL));
        ASSERT_OK(setresuid(1, 2, 3));
        ASSERT_TRUE(nt_get("/proc/self/status", text, sizeof text) > 0);
        EXPECT_TRUE(strstr(text, "Uid:\t1\t2\t3\t2\n") != NULL);
        EXPECT_TRUE(strstr(text, "Gid:\t0\t0\t0\t0\n") != NULL);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}
