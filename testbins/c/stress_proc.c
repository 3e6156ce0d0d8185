/* Readers walk all of /proc while processes and threads come, change and go. */
#include "nacre_test.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static const char *const names[] = { "stat",   "status",    "statm",  "cmdline",   "environ", "maps", "limits", "mounts",
                                     "comm",   "mountinfo", "auxv",   "oom_score", "fd",      "task", "fdinfo", "exe",
                                     "cwd",    "root",      "wchan" };

static void read_all(int dir, const char *name)
{
    char text[4096];
    int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (fd == -1) {
        (void)!readlinkat(dir, name, text, sizeof text);
        return;
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        DIR *entries = fdopendir(fd);
        if (!entries) {
            close(fd);
            return;
        }
        for (struct dirent *e; (e = readdir(entries));)
            (void)!readlinkat(dirfd(entries), e->d_name, text, sizeof text);
        closedir(entries);
        return;
    }
    while (read(fd, text, sizeof text) > 0)
        ;
    close(fd);
}

/* Looks at every process there is, `rounds` times. */
static void look_round(int rounds)
{
    while (rounds--) {
        DIR *proc = opendir("/proc");
        ASSERT_TRUE(proc != NULL);
        for (struct dirent *e; (e = readdir(proc));) {
            if (e->d_name[0] < '2' || e->d_name[0] > '9')
                continue;
            int dir = openat(dirfd(proc), e->d_name, O_RDONLY | O_DIRECTORY);
            if (dir == -1)
                continue;
            for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                read_all(dir, names[i]);
            close(dir);
        }
        closedir(proc);
    }
}

static void *short_life(NT_UNUSED void *unused)
{
    prctl(PR_SET_NAME, "short");
    close(open("/proc/self/comm", O_RDONLY));
    return NULL;
}

/* Makes children and threads, maps, opens and renames, for as long as it is let. */
static void come_and_go(int rounds)
{
    char *args[] = { "change", "@change", NULL }, *env[] = { NULL };
    while (rounds--) {
        pthread_t thread[2];
        for (int i = 0; i < 2; i++)
            if (pthread_create(&thread[i], NULL, short_life, NULL))
                thread[i] = 0;
        pid_t pid = fork();
        if (pid == 0) {
            char *at = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (at != MAP_FAILED)
                at[0] = 1;
            if (rounds % 2)
                execve(nt_self, args, env);
            _exit(0);
        }
        for (int i = 0; i < 2; i++)
            if (thread[i])
                pthread_join(thread[i], NULL);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
}

ROLE(change)
{
    close(open("/", O_RDONLY));
    return 0;
}

TEST_LIMIT(proc_is_read_while_processes_come_and_go, 60)
{
    pid_t pids[6];
    for (int i = 0; i < 6; i++) {
        pids[i] = nt_fork();
        if (pids[i] == 0) {
            if (i < 3)
                look_round(12);
            else
                come_and_go(60);
            nt_done();
        }
    }
    for (int i = 0; i < 6; i++)
        EXPECT_EXIT(pids[i], 0);
}

static void *look_forever(NT_UNUSED void *unused)
{
    for (;;)
        look_round(1);
    return NULL;
}

TEST_LIMIT(proc_is_read_by_threads_that_are_killed, 60)
{
    for (int i = 0; i < 8; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            pthread_t thread;
            for (int j = 0; j < 3; j++)
                ASSERT_EQ(pthread_create(&thread, NULL, look_forever, NULL), 0);
            look_forever(NULL);
        }
        nt_sleep_ms(30 + 10 * i);
        kill(pid, SIGKILL);
        EXPECT_KILLED(pid, SIGKILL);
    }
}
