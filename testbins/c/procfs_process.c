/* /proc/<pid>: what a process is, in files. */
#include "nacre_test.h"
#include <elf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static char text[65536];

static const char *get(const char *path)
{
    EXPECT_TRUE(nt_get(path, text, sizeof text) > 0);
    return text;
}

/* Field `n` (from 1) of a stat line. */
static long long stat_field(const char *path, int n)
{
    char *at = strrchr(get(path), ')') + 2;
    for (int field = 3; field < n; field++)
        at = strchr(at, ' ') + 1;
    return strtoll(at, NULL, 10);
}

static int gate[2];

static void *stay(void *out)
{
    char c;
    *(pid_t *)out = gettid();
    prctl(PR_SET_NAME, "second");
    write(gate[1], "r", 1);
    while (pause() == -1 || read(gate[0], &c, 1))
        ;
    return NULL;
}

static pid_t second_thread(void)
{
    static pid_t tid;
    pthread_t thread;
    char c;
    ASSERT_OK(pipe(gate));
    ASSERT_EQ(pthread_create(&thread, NULL, stay, &tid), 0);
    ASSERT_EQ(read(gate[0], &c, 1), 1);
    return tid;
}

TEST(threads_have_directories_of_their_own)
{
    char path[64], word[32];
    pid_t tid = second_thread();
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    EXPECT_STREQ(get(path), "second\n");
    int fd = ASSERT_OK(open(path, O_WRONLY));
    EXPECT_EQ(write(fd, "third", 5), 5);
    EXPECT_STREQ(get(path), "third\n");
    EXPECT_STREQ(get("/proc/self/comm"), "procfs_process\n");
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    EXPECT_EQ(atoi(get(path)), tid);
    EXPECT_EQ(stat_field(path, 4), getppid());
    EXPECT_EQ(stat_field(path, 20), 2);
    EXPECT_EQ(stat_field(path, 38), -1);
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    snprintf(word, sizeof word, "\nTgid:\t%d\n", getpid());
    EXPECT_TRUE(strstr(get(path), word) != NULL);
    snprintf(word, sizeof word, "\nPid:\t%d\n", tid);
    EXPECT_TRUE(strstr(text, word) != NULL);
}

TEST(a_thread_is_found_by_number_and_not_listed)
{
    char path[64], word[16];
    int listed = 0, tasks = 0;
    pid_t tid = second_thread();
    snprintf(word, sizeof word, "%d", tid);
    DIR *dir = opendir("/proc");
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        listed += strcmp(e->d_name, word) == 0;
    EXPECT_EQ(listed, 0);
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    EXPECT_OK(access(path, R_OK));
    dir = opendir("/proc/self/task");
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        tasks += e->d_name[0] != '.';
    EXPECT_EQ(tasks, 2);
    struct stat st;
    EXPECT_OK(stat("/proc/self/task", &st));
    EXPECT_EQ(st.st_nlink, 4);
    EXPECT_ERRNO(access("/proc/self/task/1", F_OK), ENOENT);
    EXPECT_ERRNO(access("/proc/self/task/1/task", F_OK), ENOENT);
    snprintf(path, sizeof path, "/proc/self/task/%d/task", tid);
    EXPECT_ERRNO(access(path, F_OK), ENOENT);
}

TEST(limits_follow_setrlimit)
{
    struct rlimit limit = { 77, 99 };
    get("/proc/self/limits");
    EXPECT_TRUE(strstr(text, "Limit                     Soft Limit           Hard Limit           Units     \n") == text);
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    EXPECT_TRUE(strstr(get("/proc/self/limits"),
                       "Max open files            77                   99                   files     \n") != NULL);
    EXPECT_TRUE(strstr(text, "Max realtime timeout      unlimited            unlimited            us        \n") != NULL);
}

TEST(auxv_is_the_programs)
{
    Elf64_auxv_t words[64] = { 0 };
    ssize_t n = nt_get("/proc/self/auxv", text, sizeof text);
    EXPECT_TRUE(n > 0 && n % 16 == 0 && n <= (ssize_t)sizeof words);
    memcpy(words, text, n);
    long page = 0, entry = 0;
    for (int i = 0; i < n / 16; i++) {
        if (words[i].a_type == AT_PAGESZ)
            page = words[i].a_un.a_val;
        entry |= words[i].a_type == AT_ENTRY;
    }
    EXPECT_EQ(page, sysconf(_SC_PAGESIZE));
    EXPECT_TRUE(entry);
    EXPECT_EQ(words[n / 16 - 1].a_type, AT_NULL);
}

TEST(cmdline_follows_what_the_program_writes)
{
    int p[2];
    char path[64], c;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *args[] = { "name", "@rename", NULL }, *env[] = { "A=B", NULL };
        dup2(p[1], 100);
        execve(nt_self, args, env);
        _exit(99);
    }
    EXPECT_EQ(read(p[0], &c, 1), 1);
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    EXPECT_EQ(nt_get(path, text, sizeof text), 16);
    EXPECT_STREQ(text, "NAME.@rename.A=");
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
}

/* Makes one text of arguments and environment, as setproctitle does. */
ROLE(rename)
{
    /* Where the arguments begin, their stat line says. */
    unsigned long start = stat_field("/proc/self/stat", 48), end = stat_field("/proc/self/stat", 49);
    char *args = (char *)start;
    memcpy(args, "NAME", 4);
    args[4] = '.';
    args[end - start - 1] = '.';
    args[end - start + 2] = 0;
    args[end - start + 1] = '=';
    write(100, "r", 1);
    while (pause() == -1)
        ;
    return 0;
}

TEST(stat_numbers_move)
{
    EXPECT_EQ(stat_field("/proc/self/stat", 19), 0);
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 5));
    EXPECT_EQ(stat_field("/proc/self/stat", 19), 5);
    EXPECT_EQ(stat_field("/proc/self/stat", 18), 25);
    EXPECT_EQ(stat_field("/proc/self/stat", 38), SIGCHLD);
    EXPECT_TRUE(stat_field("/proc/self/stat", 22) > 0);
    long before = stat_field("/proc/self/stat", 23);
    char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(more != MAP_FAILED);
    EXPECT_EQ(stat_field("/proc/self/stat", 23) - before, 1 << 20);
    long resident = stat_field("/proc/self/stat", 24);
    memset(more, 1, 1 << 20);
    EXPECT_TRUE(stat_field("/proc/self/stat", 24) - resident >= 200);
    volatile unsigned long spin = 0;
    struct timespec now, start;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    do {
        for (int i = 0; i < 10000; i++)
            spin++;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 50);
    EXPECT_TRUE(stat_field("/proc/self/stat", 14) + stat_field("/proc/self/stat", 15) >= 4);
}

TEST(states_are_told)
{
    pid_t pid = nt_fork();
    if (pid == 0)
        for (;;)
            pause();
    nt_await_state(pid, 'S');
    kill(pid, SIGSTOP);
    nt_await_state(pid, 'T');
    kill(pid, SIGCONT);
    nt_await_state(pid, 'S');
    kill(pid, SIGKILL);
    nt_await_state(pid, 'Z');
    EXPECT_KILLED(pid, SIGKILL);
}

TEST(maps_tell_rights_offsets_and_names)
{
    char want[128], path[256];
    nt_dir();
    int fd = ASSERT_OK(open("a file", O_CREAT | O_RDWR, 0600));
    ASSERT_OK(ftruncate(fd, 3 * 4096));
    char *at = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096);
    ASSERT_TRUE(at != MAP_FAILED);
    ASSERT_TRUE(getcwd(path, sizeof path) != NULL);
    snprintf(want, sizeof want, "%lx-%lx r--s 00001000 ", (unsigned long)at, (unsigned long)at + 8192);
    char *line = strstr(get("/proc/self/maps"), want);
    ASSERT_TRUE(line != NULL);
    *strchr(line, '\n') = 0;
    char *name = strchr(line, '/');
    ASSERT_TRUE(name != NULL);
    EXPECT_EQ(name - line, 73);
    snprintf(want, sizeof want, "%.100s/a file", path);
    EXPECT_STREQ(name, want);
    ASSERT_OK(unlink("a file"));
    EXPECT_TRUE(strstr(get("/proc/self/maps"), "/a file (deleted)\n") != NULL);
    char *hidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    snprintf(want, sizeof want, "%lx-%lx ---p 00000000 00:00 0 \n", (unsigned long)hidden, (unsigned long)hidden + 4096);
    EXPECT_TRUE(strstr(get("/proc/self/maps"), want) != NULL);
    EXPECT_TRUE(strstr(text, "[stack]\n") && strstr(text, "[vdso]\n") && strstr(text, "[vvar]\n"));
}

TEST(mounts_follow_the_tree)
{
    char path[300], want[400];
    nt_dir();
    ASSERT_TRUE(getcwd(path, sizeof path) != NULL);
    ASSERT_OK(mkdir("with space", 0755));
    int fd = ASSERT_OK(open("/proc/self/mounts", O_RDONLY));
    struct pollfd poller = { .fd = fd, .events = POLLPRI };
    EXPECT_EQ(poll(&poller, 1, 0), 0);
    ASSERT_OK(mount("pearl", "with space", "tmpfs", MS_NOEXEC | MS_RDONLY, "mode=700"));
    EXPECT_EQ(poll(&poller, 1, 0), 1);
    EXPECT_EQ(poller.revents, POLLPRI | POLLERR);
    EXPECT_EQ(poll(&poller, 1, 0), 0);
    snprintf(want, sizeof want, "\npearl %s/with\\040space tmpfs ro,noexec,relatime,mode=700", path);
    EXPECT_TRUE(strstr(get("/proc/self/mounts"), want) != NULL);
    snprintf(want, sizeof want, " / %s/with\\040space ro,noexec,relatime - tmpfs pearl ro,mode=700", path);
    EXPECT_TRUE(strstr(get("/proc/self/mountinfo"), want) != NULL);
    EXPECT_OK(umount("with space"));
    EXPECT_TRUE(strstr(get("/proc/self/mounts"), "with\\040space") == NULL);
}

TEST(children_are_listed_by_thread)
{
    char path[64], want[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    EXPECT_EQ(nt_get(path, text, sizeof text), 0);
    pid_t one = nt_fork();
    if (one == 0)
        for (;;)
            pause();
    pid_t two = nt_fork();
    if (two == 0)
        _exit(0);
    snprintf(want, sizeof want, "%d %d ", one, two);
    EXPECT_STREQ(get(path), want);
    EXPECT_EXIT(two, 0);
    snprintf(want, sizeof want, "%d ", one);
    EXPECT_STREQ(get(path), want);
    kill(one, SIGKILL);
}

TEST(timerslack_is_shown_and_set)
{
    EXPECT_STREQ(get("/proc/self/timerslack_ns"), "50000\n");
    int fd = ASSERT_OK(open("/proc/self/timerslack_ns", O_RDWR));
    EXPECT_EQ(write(fd, "1000\n", 5), 5);
    EXPECT_EQ(prctl(PR_GET_TIMERSLACK), 1000);
}

TEST(links_follow_the_process)
{
    char target[300], path[300];
    nt_dir();
    ASSERT_TRUE(getcwd(path, sizeof path) != NULL);
    ASSERT_OK(mkdir("jail", 0755));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(chroot("jail"));
        ASSERT_OK(chdir("/"));
        for (;;)
            pause();
    }
    nt_await_state(pid, 'S');
    strcat(path, "/jail");
    snprintf(text, 64, "/proc/%d/root", pid);
    memset(target, 0, sizeof target);
    EXPECT_OK(readlink(text, target, sizeof target - 1));
    EXPECT_STREQ(target, path);
    snprintf(text, 64, "/proc/%d/cwd", pid);
    memset(target, 0, sizeof target);
    EXPECT_OK(readlink(text, target, sizeof target - 1));
    EXPECT_STREQ(target, path);
    ASSERT_OK(rmdir("jail"));
    memset(target, 0, sizeof target);
    EXPECT_OK(readlink(text, target, sizeof target - 1));
    strcat(path, " (deleted)");
    EXPECT_STREQ(target, path);
    kill(pid, SIGKILL);
}

/* The number after `label` in the entry of the mapping at `at` of smaps. */
static long smap(void *at, const char *label)
{
    char start[32];
    snprintf(start, sizeof start, "%lx-", (unsigned long)at);
    char *entry = strstr(get("/proc/self/smaps"), start);
    ASSERT_TRUE(entry != NULL);
    char *line = strstr(entry, label);
    ASSERT_TRUE(line != NULL);
    return strtol(line + strlen(label), NULL, 10);
}

TEST(smaps_tell_whose_pages_are_there)
{
    size_t size = 64 * 4096;
    char *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(own != MAP_FAILED && all != MAP_FAILED);
    madvise(own, size, MADV_NOHUGEPAGE);
    memset(own, 1, size / 2);
    memset(all, 1, size / 4);
    EXPECT_EQ(smap(own, "\nSize:"), 256);
    EXPECT_EQ(smap(own, "\nRss:"), 128);
    EXPECT_EQ(smap(own, "\nPss:"), 128);
    EXPECT_EQ(smap(own, "\nPrivate_Dirty:"), 128);
    EXPECT_EQ(smap(own, "\nShared_Dirty:"), 0);
    EXPECT_EQ(smap(own, "\nAnonymous:"), 128);
    EXPECT_EQ(smap(all, "\nRss:"), 64);
    EXPECT_EQ(smap(all, "\nPrivate_Dirty:"), 64);
    EXPECT_EQ(smap(all, "\nAnonymous:"), 0);
    ASSERT_OK(madvise(own, size, MADV_DONTFORK));
    EXPECT_TRUE(smap(own, "\nVmFlags: rd wr mr mw me") == 0);
    ASSERT_OK(madvise(own, size, MADV_DOFORK));
    int p[2];
    char c;
    ASSERT_OK(pipe(p));
    pid_t pid = nt_fork();
    if (pid == 0) {
        c = own[0] + all[0];
        (void)!write(p[1], &c, 1);
        for (;;)
            pause();
    }
    ASSERT_EQ(read(p[0], &c, 1), 1);
    EXPECT_EQ(smap(own, "\nRss:"), 128);
    EXPECT_EQ(smap(own, "\nShared_Dirty:"), 128);
    EXPECT_EQ(smap(own, "\nPss:"), 64);
    EXPECT_EQ(smap(all, "\nRss:"), 64);
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_EQ(smap(own, "\nPrivate_Dirty:"), 128);
    get("/proc/self/smaps_rollup");
    char *name = strstr(text, "[rollup]\n");
    ASSERT_TRUE(strstr(text, " ---p 00000000 00:00 0 ") && name);
    EXPECT_EQ(name - text, 73);
    char *rss = strstr(text, "\nRss:"), *anonymous = strstr(text, "\nAnonymous:");
    ASSERT_TRUE(rss && anonymous);
    EXPECT_TRUE(atol(rss + 5) >= 192);
    EXPECT_TRUE(atol(anonymous + 11) >= 128 && atol(anonymous + 11) <= atol(rss + 5));
}
