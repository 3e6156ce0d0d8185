/*
 * The whole test harness, in one header.
 *
 *   TEST(pipe_write_to_closed_reader_raises_sigpipe) { ... EXPECT_EQ(got, want); ... }
 *
 * Each TEST runs in a forked child, its own process group, with a time limit: a crash or a hang costs one case.
 * Output is TAP. No arguments: all cases; names: only these; -l: list them. A ROLE is what this program does when
 * a case executes it again with "@role" as its first argument.
 *
 * Needs fork, wait4, kill, setitimer and write to report; everything else is the case's own business.
 */
#ifndef NACRE_TEST_H
#define NACRE_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NT_UNUSED __attribute__((unused))
/* An address no program has: between the two halves of the address space. */
#define NT_WILD ((void *)0x00f0000000000000UL)
/* An address of the kernel's half. */
#define NT_KERNEL ((void *)0xffff800000000000UL)
/* The page at 1 MiB is never mapped in our statically linked programs. */
#define NT_BAD ((void *)0x100000UL)

/* Limits are for hangs: a machine may be so many times slower or busier than the one they were thought of for. */
enum { NT_PASS = 0, NT_FAIL = 1, NT_SKIP = 77, NT_MAX_CASES = 256, NT_SECONDS = 30, NT_PATIENCE = 5 };

struct nt_case {
    const char *name;
    void (*run)(void);
    int seconds;
};
struct nt_role {
    const char *name;
    int (*run)(int argc, char **argv, char **envp);
};

static struct nt_case nt_cases[NT_MAX_CASES];
static int nt_case_count;
static struct nt_role nt_roles[16];
static int nt_role_count;
static int nt_failures;
static char *nt_skip_reason;
static char nt_self[512];
static char **nt_envp;

#define TEST_LIMIT(id, limit)                                                                                          \
    static void id(void);                                                                                              \
    __attribute__((constructor)) static void nt_add_##id(void)                                                         \
    {                                                                                                                  \
        nt_cases[nt_case_count++] = (struct nt_case){ #id, id, limit };                                                \
    }                                                                                                                  \
    static void id(void)
#define TEST(id) TEST_LIMIT(id, NT_SECONDS)
#define ROLE(id)                                                                                                       \
    static int role_##id(int argc, char **argv, char **envp);                                                          \
    __attribute__((constructor)) static void nt_add_role_##id(void)                                                    \
    {                                                                                                                  \
        nt_roles[nt_role_count++] = (struct nt_role){ "@" #id, role_##id };                                            \
    }                                                                                                                  \
    static int role_##id(NT_UNUSED int argc, NT_UNUSED char **argv, NT_UNUSED char **envp)

/* One line to standard output, in one write, so that forked children never repeat a buffer. */
__attribute__((format(printf, 1, 2))) NT_UNUSED static void nt_say(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > (int)sizeof line - 1)
        n = sizeof line - 1;
    for (char *p = line; n > 0;) {
        ssize_t done = write(1, p, n);
        if (done <= 0)
            break;
        p += done;
        n -= done;
    }
}

static const char *nt_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

NT_UNUSED static void nt_after_failure(int fatal)
{
    nt_failures++;
    if (fatal)
        _exit(NT_FAIL);
}

NT_UNUSED static void nt_check_eq(const char *file, int line, const char *expr, long long got, long long want, int fatal)
{
    int e = errno;
    if (got == want)
        return;
    nt_say("# %s:%d: %s: expected %lld (0x%llx), got %lld (0x%llx), errno %d (%s)\n", nt_base(file), line, expr, want, want,
           got, got, e, strerror(e));
    nt_after_failure(fatal);
}

NT_UNUSED static void nt_check_true(const char *file, int line, const char *expr, int got, int fatal)
{
    int e = errno;
    if (got)
        return;
    nt_say("# %s:%d: expected %s, errno %d (%s)\n", nt_base(file), line, expr, e, strerror(e));
    nt_after_failure(fatal);
}

NT_UNUSED static long nt_check_ok(const char *file, int line, const char *expr, long got, int fatal)
{
    int e = errno;
    if (got != -1)
        return got;
    nt_say("# %s:%d: %s: expected success, got -1, errno %d (%s)\n", nt_base(file), line, expr, e, strerror(e));
    nt_after_failure(fatal);
    return got;
}

NT_UNUSED static void nt_check_errno(const char *file, int line, const char *expr, long got, int want, const char *name)
{
    int e = errno;
    if (got == -1 && e == want)
        return;
    nt_say("# %s:%d: %s: expected -1 with %s, got %ld with errno %d (%s)\n", nt_base(file), line, expr, name, got, e,
           strerror(e));
    nt_after_failure(0);
}

NT_UNUSED static void nt_check_str(const char *file, int line, const char *expr, const char *got, const char *want)
{
    if (got && want && strcmp(got, want) == 0)
        return;
    nt_say("# %s:%d: %s: expected \"%s\", got \"%s\"\n", nt_base(file), line, expr, want ? want : "(null)",
           got ? got : "(null)");
    nt_after_failure(0);
}

NT_UNUSED static void nt_check_mem(const char *file, int line, const char *expr, const void *got, const void *want, size_t n)
{
    const unsigned char *g = got, *w = want;
    for (size_t i = 0; i < n; i++)
        if (g[i] != w[i]) {
            nt_say("# %s:%d: %s: byte %zu: expected 0x%02x, got 0x%02x\n", nt_base(file), line, expr, i, w[i], g[i]);
            nt_after_failure(0);
            return;
        }
}

/* Reaps pid and checks how it ended: want is an exit status, or minus the signal that killed it. */
NT_UNUSED static void nt_check_end(const char *file, int line, pid_t pid, int want)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(pid, &status, 0);
    while (got == -1 && errno == EINTR);
    int end = WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? -WTERMSIG(status) : 1000;
    if (got == pid && pid > 0 && end == want)
        return;
    nt_say("# %s:%d: child: expected %s %d, got wait %d, status 0x%x (%s %d)\n", nt_base(file), line,
           want < 0 ? "signal" : "exit", abs(want), (int)got, status, end < 0 ? "signal" : "exit", abs(end));
    nt_after_failure(0);
}

#define EXPECT_EQ(got, want) (errno = 0, nt_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want), 0))
#define ASSERT_EQ(got, want) (errno = 0, nt_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want), 1))
#define EXPECT_TRUE(cond) nt_check_true(__FILE__, __LINE__, #cond, !!(cond), 0)
#define ASSERT_TRUE(cond) nt_check_true(__FILE__, __LINE__, #cond, !!(cond), 1)
/* Yields the call's value; ASSERT_OK ends the case when it is -1. */
#define EXPECT_OK(call) (errno = 0, nt_check_ok(__FILE__, __LINE__, #call, (long)(call), 0))
#define ASSERT_OK(call) (errno = 0, nt_check_ok(__FILE__, __LINE__, #call, (long)(call), 1))
#define EXPECT_ERRNO(call, e) (errno = 0, nt_check_errno(__FILE__, __LINE__, #call, (long)(call), e, #e))
#define EXPECT_STREQ(got, want) nt_check_str(__FILE__, __LINE__, #got, got, want)
#define EXPECT_MEMEQ(got, want, n) nt_check_mem(__FILE__, __LINE__, #got, got, want, n)
#define EXPECT_EXIT(pid, code) nt_check_end(__FILE__, __LINE__, pid, code)
#define EXPECT_KILLED(pid, sig) nt_check_end(__FILE__, __LINE__, pid, -(sig))

/* Ends the case as skipped, with the reason on its TAP line. Only in the case's own process. */
#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        if (nt_skip_reason)                                                                                            \
            snprintf(nt_skip_reason, 200, __VA_ARGS__);                                                                \
        _exit(NT_SKIP);                                                                                                \
    } while (0)

/* fork whose child counts its own failed checks; it ends in nt_done(), the parent in EXPECT_EXIT(pid, 0). */
NT_UNUSED static pid_t nt_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        nt_failures = 0;
    if (pid == -1) {
        nt_say("# fork: %s\n", strerror(errno));
        _exit(NT_FAIL);
    }
    return pid;
}
__attribute__((noreturn)) NT_UNUSED static void nt_done(void)
{
    _exit(nt_failures ? NT_FAIL : NT_PASS);
}

NT_UNUSED static void nt_sleep_ms(int ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
    while (nanosleep(&t, &t) == -1 && errno == EINTR)
        ;
}

/* Makes /tmp/nt-<pid> and goes there; the runner removes it after the case. */
NT_UNUSED static void nt_dir(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/nt-%d", (int)getpid());
    ASSERT_OK(mkdir(path, 0755));
    ASSERT_OK(chdir(path));
}

/* Makes or replaces a file with this text. */
NT_UNUSED static void nt_put(const char *path, const char *text)
{
    int fd = ASSERT_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    ASSERT_EQ(write(fd, text, strlen(text)), (long)strlen(text));
    close(fd);
}

/* The first `size - 1` bytes of a file, NUL-terminated; the length, or -1. */
NT_UNUSED static ssize_t nt_get(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    text[0] = 0;
    if (fd == -1)
        return -1;
    while (n < size - 1) {
        ssize_t got = read(fd, text + n, size - 1 - n);
        if (got <= 0)
            break;
        n += got;
    }
    text[n] = 0;
    close(fd);
    return n;
}

/* Waits until a file like /proc/<pid>/stat shows this state ('S' sleeping, 'T' stopped, 'Z' zombie). Who is dead already
 * comes to no other: what it came to is the case's to check. */
NT_UNUSED static void nt_await_state_in(const char *path, char state)
{
    char text[512];
    for (int i = 0; i < 60000; i++) {
        const char *paren = nt_get(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
        if (paren && (paren[2] == state || paren[2] == 'Z'))
            return;
        nt_sleep_ms(5);
    }
    nt_say("# %s never showed state %c: %s\n", path, state, text);
    nt_after_failure(0);
}

/* Waits until a process is in a state. */
NT_UNUSED static void nt_await_state(pid_t pid, char state)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    nt_await_state_in(path, state);
}

/* Waits until the calling process's other thread, of which there is one, sleeps. */
NT_UNUSED static void nt_await_other_thread_sleeps(void)
{
    char path[64];
    int other = 0;
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (atoi(e->d_name) && atoi(e->d_name) != getpid())
            other = atoi(e->d_name);
    closedir(dir);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", other);
    nt_await_state_in(path, 'S');
}

static void nt_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        for (struct dirent *e; (e = readdir(dir));) {
            char inner[1024];
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) >= (int)sizeof inner)
                continue;
            if (unlink(inner) == -1 && (errno == EISDIR || errno == EPERM))
                nt_remove(inner);
        }
        closedir(dir);
    }
    rmdir(path);
}

static volatile sig_atomic_t nt_expired;
static void nt_on_alarm(NT_UNUSED int signo)
{
    nt_expired = 1;
}

static void nt_run(int number, const struct nt_case *test)
{
    struct itimerval limit = { { 1, 0 }, { test->seconds * NT_PATIENCE, 0 } }, off = { { 0, 0 }, { 0, 0 } };
    struct sigaction on_alarm;
    int status = 0;
    memset(&on_alarm, 0, sizeof on_alarm);
    on_alarm.sa_handler = nt_on_alarm;
    sigaction(SIGALRM, &on_alarm, NULL);
    nt_expired = 0;
    if (nt_skip_reason)
        nt_skip_reason[0] = 0;

    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        setpgid(0, 0);
        umask(022);
        nt_failures = 0;
        test->run();
        nt_done();
    }
    if (pid == -1) {
        nt_say("# fork: %s\nnot ok %d - %s\n", strerror(errno), number, test->name);
        return;
    }
    setitimer(ITIMER_REAL, &limit, NULL);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        if (nt_expired) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
    setitimer(ITIMER_REAL, &off, NULL);
    kill(-pid, SIGKILL);

    char left[64];
    snprintf(left, sizeof left, "/tmp/nt-%d", (int)pid);
    nt_remove(left);

    if (WIFEXITED(status) && WEXITSTATUS(status) == NT_SKIP) {
        nt_say("ok %d - %s # SKIP %s\n", number, test->name, nt_skip_reason ? nt_skip_reason : "");
        return;
    }
    if (nt_expired)
        nt_say("# still running after %d s\n", test->seconds * NT_PATIENCE);
    else if (WIFSIGNALED(status))
        nt_say("# killed by signal %d\n", WTERMSIG(status));
    int passed = !nt_expired && WIFEXITED(status) && WEXITSTATUS(status) == NT_PASS;
    nt_failures += !passed;
    nt_say("%s %d - %s\n", passed ? "ok" : "not ok", number, test->name);
}

static int nt_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc < 2;
}

int main(int argc, char **argv, char **envp)
{
    int number = 0, total = 0;
    nt_envp = envp;
    ssize_t n = readlink("/proc/self/exe", nt_self, sizeof nt_self - 1);
    if (n <= 0)
        snprintf(nt_self, sizeof nt_self, "%s", argv[0] ? argv[0] : "");
    for (int i = 0; argc > 1 && i < nt_role_count; i++)
        if (strcmp(argv[1], nt_roles[i].name) == 0)
            return nt_roles[i].run(argc, argv, envp);
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        for (int i = 0; i < nt_case_count; i++)
            nt_say("%s\n", nt_cases[i].name);
        return 0;
    }
    nt_skip_reason = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (nt_skip_reason == MAP_FAILED)
        nt_skip_reason = NULL;
    for (int i = 0; i < nt_case_count; i++)
        total += nt_wanted(argc, argv, nt_cases[i].name);
    nt_say("1..%d\n", total);
    for (int i = 0; i < nt_case_count; i++)
        if (nt_wanted(argc, argv, nt_cases[i].name))
            nt_run(++number, &nt_cases[i]);
    return nt_failures ? 1 : 0;
}

#endif
