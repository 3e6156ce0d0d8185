/* /proc as programs read it. */
#include "nacre_test.h"
#include <pthread.h>
#include <sys/sysinfo.h>

static char text[65536];

static const char *get(const char *path)
{
    EXPECT_TRUE(nt_get(path, text, sizeof text) > 0);
    return text;
}

/* The number after a label, or -1. */
static long field(const char *path, const char *label)
{
    const char *at = strstr(get(path), label);
    return at ? strtol(at + strlen(label), NULL, 10) : -1;
}

TEST(proc_self_is_a_link_to_the_own_pid)
{
    char target[32] = "", want[32];
    snprintf(want, sizeof want, "%d", getpid());
    EXPECT_OK(readlink("/proc/self", target, sizeof target - 1));
    EXPECT_STREQ(target, want);
    pid_t pid = nt_fork();
    if (pid == 0) {
        char mine[32] = "";
        EXPECT_OK(readlink("/proc/self", mine, sizeof mine - 1));
        EXPECT_TRUE(atoi(mine) == getpid());
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(proc_thread_self_names_the_task)
{
    char target[64] = "", want[64];
    snprintf(want, sizeof want, "%d/task/%d", getpid(), getpid());
    EXPECT_OK(readlink("/proc/thread-self", target, sizeof target - 1));
    EXPECT_STREQ(target, want);
}

TEST(proc_stat_has_52_fields_in_linux_order)
{
    char state;
    int pid, ppid, pgrp, session;
    const char *line = get("/proc/self/stat");
    const char *paren = strrchr(line, ')');
    ASSERT_TRUE(paren != NULL);
    EXPECT_EQ(atoi(line), getpid());
    EXPECT_EQ(sscanf(paren + 2, "%c %d %d %d", &state, &ppid, &pgrp, &session), 4);
    EXPECT_EQ(state, 'R');
    EXPECT_EQ(ppid, getppid());
    EXPECT_EQ(pgrp, getpgrp());
    EXPECT_EQ(session, getsid(0));
    int spaces = 0;
    for (const char *c = paren; *c; c++)
        spaces += *c == ' ';
    EXPECT_EQ(spaces, 50);
    EXPECT_EQ(sscanf(line, "%d", &pid), 1);
    EXPECT_EQ(line[strlen(line) - 1], '\n');
}

TEST(proc_status_has_the_usual_lines)
{
    get("/proc/self/status");
    EXPECT_TRUE(strstr(text, "Name:\t") == text);
    static const char *const labels[] = { "\nUmask:\t0022\n", "\nState:\tR (running)\n", "\nTgid:\t", "\nPid:\t", "\nPPid:\t",
                                          "\nTracerPid:\t0\n", "\nUid:\t0\t0\t0\t0\n", "\nGid:\t0\t0\t0\t0\n", "\nFDSize:\t",
                                          "\nGroups:\t", "\nVmSize:\t", "\nVmRSS:\t", "\nVmData:\t", "\nVmStk:\t",
                                          "\nThreads:\t1\n", "\nSigQ:\t", "\nSigPnd:\t0000000000000000\n", "\nSigBlk:\t",
                                          "\nSigIgn:\t", "\nSigCgt:\t", "\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t",
                                          "\nCpus_allowed:\t", "\nvoluntary_ctxt_switches:\t" };
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (!strstr(text, labels[i])) {
            nt_say("# no %s", labels[i] + 1);
            nt_failures++;
        }
    EXPECT_EQ(field("/proc/self/status", "\nPid:\t"), getpid());
    EXPECT_EQ(field("/proc/self/status", "\nPPid:\t"), getppid());
}

TEST(proc_status_shows_signal_sets)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR2, SIG_IGN);
    raise(SIGUSR1);
    get("/proc/self/status");
    EXPECT_TRUE(strstr(text, "\nSigBlk:\t0000000000000200\n") != NULL);
    EXPECT_TRUE(strstr(text, "\nSigPnd:\t0000000000000200\n") != NULL);
    EXPECT_TRUE(strstr(text, "\nSigIgn:\t0000000000000800\n") != NULL);
}

TEST(proc_cmdline_and_environ_are_nul_separated)
{
    int p[2];
    char path[64], c;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *args[] = { "zero", "@hold", "two words", NULL }, *env[] = { "K=V", "W=X", NULL };
        dup2(p[1], 100);
        execve(nt_self, args, env);
        _exit(99);
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    EXPECT_EQ(nt_get(path, text, sizeof text), 21);
    EXPECT_MEMEQ(text, "zero\0@hold\0two words", 21);
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    EXPECT_EQ(nt_get(path, text, sizeof text), 8);
    EXPECT_MEMEQ(text, "K=V\0W=X", 8);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    char target[256] = "";
    EXPECT_OK(readlink(path, target, sizeof target - 1));
    EXPECT_STREQ(target, nt_self);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

ROLE(hold)
{
    write(100, "r", 1);
    while (pause() == -1)
        ;
    return 0;
}

TEST(proc_zombie_has_an_empty_cmdline_and_state_z)
{
    char path[64];
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(0);
    nt_await_state(pid, 'Z');
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    EXPECT_EQ(nt_get(path, text, sizeof text), 0);
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    EXPECT_TRUE(strstr(get(path), "State:\tZ (zombie)") != NULL);
    EXPECT_EXIT(pid, 0);
    EXPECT_ERRNO(open(path, O_RDONLY), ENOENT);
}

TEST(proc_open_file_of_a_dead_process_reads_esrch)
{
    char path[64], c;
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = ASSERT_OK(open(path, O_RDONLY));
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_ERRNO(read(fd, &c, 1), ESRCH);
}

TEST(proc_cwd_root_and_exe_are_links)
{
    char target[256] = "", here[256];
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here));
    EXPECT_OK(readlink("/proc/self/cwd", target, sizeof target - 1));
    EXPECT_STREQ(target, here);
    memset(target, 0, sizeof target);
    EXPECT_EQ(readlink("/proc/self/root", target, sizeof target - 1), 1);
    EXPECT_STREQ(target, "/");
    nt_put("f", "x");
    EXPECT_OK(access("/proc/self/cwd/f", F_OK));
    int fd = ASSERT_OK(open("f", O_RDONLY));
    unlink("f");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(target, 0, sizeof target);
    EXPECT_OK(readlink(path, target, sizeof target - 1));
    EXPECT_TRUE(strstr(target, "/f (deleted)") != NULL);
}

TEST(proc_fd_reopen_gives_a_new_offset)
{
    char path[64], a = 0, b = 0;
    nt_dir();
    nt_put("f", "ab");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_EQ(read(fd, &a, 1), 1);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    if (access("/dev/fd", F_OK) == -1)
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = ASSERT_OK(open(path, O_RDONLY));
    EXPECT_EQ(read(again, &b, 1), 1);
    EXPECT_EQ(a, b);
}

TEST(proc_fdinfo_shows_position_and_flags)
{
    char path[64];
    nt_dir();
    nt_put("f", "abcdef");
    int fd = ASSERT_OK(open("f", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(lseek(fd, 4, SEEK_SET), 4);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    get(path);
    EXPECT_TRUE(strstr(text, "pos:\t4\n") == text);
    EXPECT_TRUE(strstr(text, "flags:\t02400000\n") != NULL);
}

TEST(proc_meminfo_adds_up)
{
    long total = field("/proc/meminfo", "MemTotal:"), free = field("/proc/meminfo", "MemFree:");
    long available = field("/proc/meminfo", "MemAvailable:");
    EXPECT_TRUE(total > 4096 && free > 0 && free <= total);
    EXPECT_TRUE(available > 0 && available <= total);
    EXPECT_EQ(field("/proc/meminfo", "SwapTotal:"), 0);
    struct sysinfo s;
    EXPECT_OK(sysinfo(&s));
    EXPECT_EQ(s.totalram * s.mem_unit / 1024, total);
}

TEST(proc_uptime_loadavg_and_stat_read)
{
    double up, idle;
    EXPECT_EQ(sscanf(get("/proc/uptime"), "%lf %lf", &up, &idle), 2);
    EXPECT_TRUE(up > 0);
    double a, b, c;
    int running, total, last;
    EXPECT_EQ(sscanf(get("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &total, &last), 6);
    EXPECT_TRUE(running >= 1 && total >= running && last >= getpid());
    EXPECT_TRUE(strncmp(get("/proc/stat"), "cpu  ", 5) == 0);
    EXPECT_TRUE(strstr(text, "\ncpu0 ") != NULL);
    EXPECT_TRUE(strstr(text, "\nctxt ") != NULL);
    EXPECT_TRUE(field("/proc/stat", "\nbtime ") > 1577836800);
    EXPECT_TRUE(field("/proc/stat", "\nprocesses ") > 1);
}

TEST(proc_version_and_sys_kernel_agree_with_uname)
{
    EXPECT_TRUE(strncmp(get("/proc/version"), "Linux version 6.12.", 19) == 0);
    EXPECT_STREQ(get("/proc/sys/kernel/ostype"), "Linux\n");
    EXPECT_TRUE(strncmp(get("/proc/sys/kernel/osrelease"), "6.12.", 5) == 0);
    EXPECT_TRUE(atoi(get("/proc/sys/kernel/pid_max")) >= 1024);
}

TEST(proc_filesystems_and_mounts_name_the_basics)
{
    get("/proc/filesystems");
    EXPECT_TRUE(strstr(text, "nodev\ttmpfs\n") && strstr(text, "nodev\tproc\n") && strstr(text, "nodev\tdevpts\n"));
    get("/proc/mounts");
    EXPECT_TRUE(strstr(text, " /proc proc ") && strstr(text, " /tmp tmpfs ") && strstr(text, " /dev/pts devpts "));
}

TEST(proc_cpuinfo_has_a_block_for_each_cpu)
{
    int processors = 0;
    for (const char *at = get("/proc/cpuinfo"); (at = strstr(at, "processor\t: ")); at++)
        processors++;
    EXPECT_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
    EXPECT_TRUE(strstr(text, "CPU implementer\t: 0x") != NULL);
}

TEST(proc_lists_processes_by_number)
{
    int found_me = 0, found_init = 0;
    DIR *dir = opendir("/proc");
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));) {
        found_me |= atoi(e->d_name) == getpid();
        found_init |= strcmp(e->d_name, "1") == 0;
    }
    EXPECT_TRUE(found_me && found_init);
    EXPECT_ERRNO(open("/proc/3999999/stat", O_RDONLY), ENOENT);
    EXPECT_ERRNO(open("/proc/0", O_RDONLY), ENOENT);
    EXPECT_ERRNO(open("/proc/01", O_RDONLY), ENOENT);
}

TEST(proc_refuses_creation_and_removal)
{
    EXPECT_ERRNO(open("/proc/new", O_CREAT | O_RDWR, 0600), ENOENT);
    EXPECT_ERRNO(mkdir("/proc/new", 0755), ENOENT);
    EXPECT_ERRNO(unlink("/proc/version"), EPERM);
    EXPECT_ERRNO(rmdir("/proc/self/fd"), EPERM);
}

TEST(proc_reads_continue_where_they_stopped)
{
    char whole[256], parts[256];
    ssize_t n = nt_get("/proc/version", whole, sizeof whole), at = 0;
    int fd = ASSERT_OK(open("/proc/version", O_RDONLY));
    while (at < (ssize_t)sizeof parts && read(fd, parts + at, 1) == 1)
        at++;
    EXPECT_EQ(at, n);
    EXPECT_MEMEQ(parts, whole, n);
    char c;
    EXPECT_EQ(pread(fd, &c, 1, 3), 1);
    EXPECT_EQ(c, whole[3]);
}

TEST(proc_maps_lines_are_sorted_and_complete)
{
    unsigned long from, to, last = 0;
    char rights[8];
    int lines = 0;
    for (char *line = strtok((char *)get("/proc/self/maps"), "\n"); line; line = strtok(NULL, "\n")) {
        EXPECT_EQ(sscanf(line, "%lx-%lx %4s", &from, &to, rights), 3);
        EXPECT_TRUE(from >= last && to > from);
        EXPECT_TRUE(strlen(rights) == 4 && (rights[3] == 'p' || rights[3] == 's'));
        last = to;
        lines++;
    }
    EXPECT_TRUE(lines >= 5);
}

TEST(proc_statm_and_mem_of_self)
{
    long size, rss;
    char word[8] = "memory!", copy[8];
    EXPECT_EQ(sscanf(get("/proc/self/statm"), "%ld %ld", &size, &rss), 2);
    EXPECT_TRUE(size >= rss && rss > 0);
    int fd = ASSERT_OK(open("/proc/self/mem", O_RDWR));
    EXPECT_EQ(pread(fd, copy, 8, (off_t)(uintptr_t)word), 8);
    EXPECT_STREQ(copy, "memory!");
    EXPECT_EQ(pwrite(fd, "M", 1, (off_t)(uintptr_t)word), 1);
    EXPECT_STREQ(word, "Memory!");
    EXPECT_ERRNO(pread(fd, copy, 8, (off_t)(uintptr_t)NT_BAD), EIO);
}

static void *stay(NT_UNUSED void *unused)
{
    while (pause() == -1)
        ;
    return NULL;
}

TEST(proc_threads_are_counted)
{
    pthread_t t;
    ASSERT_EQ(pthread_create(&t, NULL, stay, NULL), 0);
    EXPECT_EQ(field("/proc/self/status", "\nThreads:\t"), 2);
}

TEST(proc_comm_can_be_written)
{
    EXPECT_STREQ(get("/proc/self/comm"), "procfs\n");
    int fd = ASSERT_OK(open("/proc/self/comm", O_WRONLY));
    EXPECT_EQ(write(fd, "other", 5), 5);
    EXPECT_STREQ(get("/proc/self/comm"), "other\n");
}
