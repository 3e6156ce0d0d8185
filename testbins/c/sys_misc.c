/* The rest: uname, sysinfo, random bytes, host names, the kernel log, reboot, what does not exist. */
#include "nacre_test.h"
#include <linux/reboot.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

TEST(uname_is_linux_6_12_on_aarch64)
{
    struct utsname u;
    EXPECT_OK(uname(&u));
    EXPECT_STREQ(u.sysname, "Linux");
    EXPECT_STREQ(u.machine, "aarch64");
    EXPECT_TRUE(strncmp(u.release, "6.12.", 5) == 0);
    EXPECT_TRUE(u.version[0] == '#');
    EXPECT_ERRNO(syscall(SYS_uname, NT_BAD), EFAULT);
}

TEST(hostname_and_domainname_are_set_for_all)
{
    struct utsname old, now;
    EXPECT_OK(uname(&old));
    EXPECT_OK(sethostname("pearl", 5));
    EXPECT_OK(setdomainname("sea", 3));
    EXPECT_OK(uname(&now));
    EXPECT_STREQ(now.nodename, "pearl");
    EXPECT_STREQ(now.domainname, "sea");
    EXPECT_OK(sethostname(old.nodename, strlen(old.nodename)));
    EXPECT_OK(setdomainname(old.domainname, strlen(old.domainname)));
    char name[65] = { 0 };
    EXPECT_ERRNO(sethostname(name, 65), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sethostname, name, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sethostname, NT_BAD, 5), EFAULT);
    EXPECT_ERRNO(syscall(SYS_setdomainname, NT_BAD, 5), EFAULT);
}

TEST(sysinfo_is_plausible)
{
    struct sysinfo s;
    memset(&s, 0, sizeof s);
    EXPECT_OK(sysinfo(&s));
    EXPECT_TRUE(s.uptime < 100000);
    EXPECT_TRUE(s.totalram >= s.freeram && s.freeram > 0 && s.mem_unit > 0);
    EXPECT_TRUE(s.procs >= 2);
    EXPECT_EQ(s.totalswap, 0);
    EXPECT_ERRNO(syscall(SYS_sysinfo, NT_BAD), EFAULT);
}

TEST(getrandom_fills_and_differs)
{
    unsigned char a[256], b[256];
    int different = 0, kinds[256] = { 0 };
    EXPECT_EQ(syscall(SYS_getrandom, a, sizeof a, 0), 256);
    EXPECT_EQ(syscall(SYS_getrandom, b, sizeof b, 1 /* GRND_NONBLOCK */), 256);
    EXPECT_TRUE(memcmp(a, b, sizeof a) != 0);
    for (int i = 0; i < 256; i++)
        different += kinds[a[i]]++ == 0;
    EXPECT_TRUE(different > 100);
    EXPECT_EQ(syscall(SYS_getrandom, a, 0, 0), 0);
}

TEST(getrandom_checks_flags_and_pointers)
{
    char c;
    EXPECT_ERRNO(syscall(SYS_getrandom, &c, 1, 0x100), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getrandom, &c, 1, 6 /* RANDOM | INSECURE */), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getrandom, NT_BAD, 16, 0), EFAULT);
}

TEST(random_devices_read_and_take_writes)
{
    char a[16], b[16];
    int u = ASSERT_OK(open("/dev/urandom", O_RDWR)), r = ASSERT_OK(open("/dev/random", O_RDONLY));
    EXPECT_EQ(read(u, a, 16), 16);
    EXPECT_EQ(read(r, b, 16), 16);
    EXPECT_TRUE(memcmp(a, b, 16) != 0);
    EXPECT_EQ(write(u, a, 16), 16);
}

TEST(syslog_reads_sizes_and_checks_privilege)
{
    static char text[8192];
    long size = EXPECT_OK(syscall(SYS_syslog, 10, NULL, 0));
    EXPECT_TRUE(size >= 4096);
    EXPECT_TRUE(syscall(SYS_syslog, 3, text, sizeof text) > 0);
    EXPECT_EQ(text[0], '<');
    EXPECT_ERRNO(syscall(SYS_syslog, 3, NULL, 10), EINVAL);
    EXPECT_ERRNO(syscall(SYS_syslog, 3, text, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_syslog, 99, text, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_syslog, 8, NULL, 99), EINVAL);
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_syslog, 5, NULL, 0), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(kmsg_carries_a_written_line)
{
    char record[1024];
    int w = ASSERT_OK(open("/dev/kmsg", O_WRONLY)), r = ASSERT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
    EXPECT_EQ(write(w, "<6>mother of pearl\n", 19), 19);
    int found = 0;
    for (ssize_t n; (n = read(r, record, sizeof record - 1)) > 0 || (n == -1 && errno == EPIPE);) {
        record[n > 0 ? n : 0] = 0;
        found |= strstr(record, ";mother of pearl\n") != NULL;
    }
    EXPECT_TRUE(errno == EAGAIN);
    EXPECT_EQ(found, 1);
}

TEST(reboot_checks_magic_command_and_privilege)
{
    EXPECT_ERRNO(syscall(SYS_reboot, 0x1234, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, 0x1234, LINUX_REBOOT_CMD_RESTART, NULL), EINVAL);
    EXPECT_ERRNO(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 0x55555555, NULL), EINVAL);
    EXPECT_OK(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, NULL));
    EXPECT_OK(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_CMD_CAD_OFF, NULL));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setuid(1000));
        EXPECT_ERRNO(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, NULL), EPERM);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

// proves B3
TEST(numbers_without_a_system_call_are_enosys)
{
    static const long gaps[] = { 244, 259, 295, 300, 350, 402, 410, 1000, 1 << 20, -1, -100 };
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        if (i != 5 && i != 6)
            EXPECT_ERRNO(syscall(gaps[i], 0, 0, 0, 0, 0, 0), ENOSYS);
    EXPECT_ERRNO(syscall(0x100000000L + 5000), ENOSYS);
}

TEST(membarrier_query_and_registration)
{
    long mask = EXPECT_OK(syscall(SYS_membarrier, 0, 0, 0));
    EXPECT_TRUE(mask & (1 << 3));
    EXPECT_ERRNO(syscall(SYS_membarrier, 1 << 3, 0, 0), EPERM);
    EXPECT_OK(syscall(SYS_membarrier, 1 << 4, 0, 0));
    EXPECT_OK(syscall(SYS_membarrier, 1 << 3, 0, 0));
    EXPECT_OK(syscall(SYS_membarrier, 1, 0, 0));
    EXPECT_ERRNO(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_membarrier, 0, 1, 0), EINVAL);
}

TEST(process_vm_readv_and_writev_reach_a_child)
{
    static char word[8] = "before";
    char copy[8] = "";
    pid_t pid = nt_fork();
    if (pid == 0) {
        strcpy(word, "child");
        raise(SIGSTOP);
        _exit(strcmp(word, "parent") == 0 ? 0 : 1);
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    struct { void *base; size_t length; } here = { copy, 8 }, there = { word, 8 }, bad = { NT_BAD, 8 };
    EXPECT_EQ(syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0), 8);
    EXPECT_STREQ(copy, "child");
    strcpy(copy, "parent");
    EXPECT_EQ(syscall(SYS_process_vm_writev, pid, &here, 1, &there, 1, 0), 8);
    EXPECT_ERRNO(syscall(SYS_process_vm_readv, pid, &here, 1, &bad, 1, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_process_vm_readv, 0x3ffffff, &here, 1, &there, 1, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 1), EINVAL);
    kill(pid, SIGCONT);
    EXPECT_EXIT(pid, 0);
}

static unsigned long cntvct(void)
{
    unsigned long v;
    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(v));
    return v;
}

TEST(program_may_read_counter_cache_type_and_zero_a_line)
{
    unsigned long frequency, ctr, dczid, before = cntvct();
    static char line[4096] __attribute__((aligned(4096)));
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
    __asm__ volatile("mrs %0, dczid_el0" : "=r"(dczid));
    EXPECT_TRUE(frequency >= 1000000);
    EXPECT_TRUE(ctr != 0);
    nt_sleep_ms(2);
    EXPECT_TRUE(cntvct() - before >= frequency / 500);
    EXPECT_EQ(dczid & 0x10, 0);
    memset(line, 1, sizeof line);
    __asm__ volatile("dc zva, %0" : : "r"(line) : "memory");
    EXPECT_EQ(line[0], 0);
    EXPECT_EQ(line[4UL << (dczid & 15)], 1);
}

TEST(cpu_feature_registers_are_emulated_for_programs)
{
    unsigned long midr, isar0;
    __asm__ volatile("mrs %0, midr_el1" : "=r"(midr));
    __asm__ volatile("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    EXPECT_TRUE(midr >> 24 != 0);
}

TEST(rseq_registers_once_and_checks_its_arguments)
{
    static struct {
        uint32_t cpu_id_start, cpu_id;
        uint64_t cs;
        uint32_t flags, node, mm_cid, pad;
    } area __attribute__((aligned(32)));
    EXPECT_ERRNO(syscall(SYS_rseq, (char *)&area + 4, 32, 0, 0x1234), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rseq, &area, 8, 0, 0x1234), EINVAL);
    EXPECT_OK(syscall(SYS_rseq, &area, 32, 0, 0x1234));
    EXPECT_ERRNO(syscall(SYS_rseq, &area, 32, 0, 0x1234), EBUSY);
    EXPECT_TRUE(area.cpu_id < 1024);
    EXPECT_OK(syscall(SYS_rseq, &area, 32, 1, 0x1234));
    EXPECT_ERRNO(syscall(SYS_rseq, &area, 32, 1, 0x1234), EINVAL);
}

TEST(restart_syscall_by_hand_is_eintr)
{
    EXPECT_ERRNO(syscall(SYS_restart_syscall), EINTR);
}
