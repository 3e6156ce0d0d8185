/* execve: arguments, environment, refusals, what survives, the auxiliary vector. */
#include "nacre_test.h"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef SYS_execveat
#define SYS_execveat 281
#endif

/* Runs the role with these two words and gives its exit status. */
static int run_role(const char *role, const char *a, const char *b)
{
    int status = -1;
    pid_t pid = nt_fork();
    if (pid == 0) {
        execl(nt_self, nt_self, role, a, b, NULL);
        _exit(126);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void copy_self_to(const char *path)
{
    char buf[8192];
    int in = ASSERT_OK(open(nt_self, O_RDONLY)), out = ASSERT_OK(open(path, O_WRONLY | O_CREAT, 0755));
    for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
        ASSERT_EQ(write(out, buf, n), n);
    close(in);
    close(out);
}

ROLE(args)
{
    return argc == 4 && strcmp(argv[2], "one two") == 0 && strcmp(argv[3], "") == 0 && !argv[4] ? 0 : 1;
}

TEST(exec_passes_arguments_untouched)
{
    EXPECT_EQ(run_role("@args", "one two", ""), 0);
}

ROLE(environment)
{
    return envp[0] && strcmp(envp[0], "A=1") == 0 && envp[1] && strcmp(envp[1], "B") == 0 && !envp[2] ? 0 : 1;
}

TEST(exec_passes_the_environment_untouched)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *args[] = { "any name", "@environment", NULL }, *env[] = { "A=1", "B", NULL };
        execve(nt_self, args, env);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

ROLE(many)
{
    if (argc != 2002)
        return 2;
    for (int i = 2; i < argc; i++)
        if (strlen(argv[i]) != 50)
            return 3;
    return 0;
}

TEST(exec_takes_two_thousand_arguments)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char *args[2003] = { nt_self, "@many" };
        for (int i = 2; i < 2002; i++)
            args[i] = "01234567890123456789012345678901234567890123456789";
        execve(nt_self, args, nt_envp);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(exec_argument_of_131072_bytes_is_e2big)
{
    char *word = malloc(140000), *args[] = { nt_self, "@args", word, NULL };
    memset(word, 'x', 140000);
    word[131072] = 0;
    EXPECT_ERRNO(execve(nt_self, args, nt_envp), E2BIG);
}

TEST(exec_total_beyond_a_quarter_of_the_stack_limit_is_e2big)
{
    static char *args[70];
    char *word = malloc(100001);
    memset(word, 'x', 100000);
    word[100000] = 0;
    for (int i = 0; i < 69; i++)
        args[i] = word;
    EXPECT_ERRNO(execve(nt_self, args, nt_envp), E2BIG);
}

TEST(exec_missing_is_enoent_and_directory_is_eacces)
{
    char *args[] = { "x", NULL };
    nt_dir();
    EXPECT_ERRNO(execve("missing", args, nt_envp), ENOENT);
    EXPECT_ERRNO(execve(".", args, nt_envp), EACCES);
    EXPECT_ERRNO(execve("", args, nt_envp), ENOENT);
}

TEST(exec_without_the_x_bit_is_eacces_even_for_root)
{
    char *args[] = { "x", NULL };
    nt_dir();
    copy_self_to("prog");
    ASSERT_OK(chmod("prog", 0644));
    EXPECT_ERRNO(execve("prog", args, nt_envp), EACCES);
    EXPECT_ERRNO(execve("prog/x", args, nt_envp), ENOTDIR);
}

TEST(exec_of_text_without_a_format_is_enoexec)
{
    char *args[] = { "x", NULL };
    nt_dir();
    nt_put("text", "echo hello\n");
    nt_put("empty", "");
    chmod("text", 0755);
    chmod("empty", 0755);
    EXPECT_ERRNO(execve("text", args, nt_envp), ENOEXEC);
    EXPECT_ERRNO(execve("empty", args, nt_envp), ENOEXEC);
}

TEST(exec_of_a_broken_elf_is_enoexec)
{
    char *args[] = { "x", NULL }, head[64];
    nt_dir();
    int in = ASSERT_OK(open(nt_self, O_RDONLY));
    ASSERT_EQ(read(in, head, 64), 64);
    head[18] = 62; /* another machine */
    int out = ASSERT_OK(open("elf", O_WRONLY | O_CREAT, 0755));
    EXPECT_EQ(write(out, head, 64), 64);
    close(out);
    EXPECT_ERRNO(execve("elf", args, nt_envp), ENOEXEC);
    ASSERT_OK(truncate("elf", 20));
    EXPECT_ERRNO(execve("elf", args, nt_envp), ENOEXEC);
}

TEST(exec_bad_pointers_are_efault)
{
    char *args[] = { "x", NULL };
    EXPECT_ERRNO(syscall(SYS_execve, NT_BAD, args, nt_envp), EFAULT);
    EXPECT_ERRNO(syscall(SYS_execve, nt_self, NT_BAD, nt_envp), EFAULT);
    EXPECT_ERRNO(syscall(SYS_execve, nt_self, args, NT_BAD), EFAULT);
    char *bad[] = { "x", NT_BAD, NULL };
    EXPECT_ERRNO(syscall(SYS_execve, nt_self, bad, nt_envp), EFAULT);
}

ROLE(count)
{
    return argc;
}

TEST(exec_with_null_argv_gets_one_empty_argument)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char out[64] = "";
        int p[2];
        pipe(p);
        dup2(p[1], 1);
        pid_t inner = fork();
        if (inner == 0) {
            char *env[] = { NULL };
            syscall(SYS_execve, nt_self, NULL, env);
            _exit(99);
        }
        close(p[1]);
        close(1);
        read(p[0], out, 3);
        kill(inner, SIGKILL);
        _exit(strncmp(out, "1..", 3) == 0 ? 0 : 1);
    }
    EXPECT_EXIT(pid, 0);
}

ROLE(signals)
{
    struct sigaction act;
    sigset_t set;
    sigaction(SIGUSR1, NULL, &act);
    int handler_reset = act.sa_handler == SIG_DFL;
    sigaction(SIGUSR2, NULL, &act);
    int ignored_kept = act.sa_handler == SIG_IGN;
    sigprocmask(SIG_BLOCK, NULL, &set);
    int mask_kept = sigismember(&set, SIGTERM);
    sigpending(&set);
    int pending_kept = sigismember(&set, SIGTERM);
    return handler_reset && ignored_kept && mask_kept && pending_kept ? 0 : 1;
}

TEST(exec_resets_handlers_and_keeps_ignores_mask_and_pending)
{
    sigset_t set;
    signal(SIGUSR1, nt_on_alarm);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGTERM);
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGTERM);
        execl(nt_self, nt_self, "@signals", NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

ROLE(identity)
{
    char name[16] = "", here[64] = "";
    prctl(PR_GET_NAME, name);
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    if (getpid() != atoi(argv[2]))
        return 2;
    if (!getcwd(here, sizeof here) || strcmp(here, "/dev") != 0)
        return 3;
    if (umask(0) != 011 || r.rlim_cur != 333)
        return 4;
    return strncmp(name, argv[3], 15) == 0 ? 0 : 5;
}

TEST(exec_keeps_pid_cwd_umask_limits_and_renames_the_thread)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        char number[16];
        struct rlimit r = { 333, 333 };
        snprintf(number, sizeof number, "%d", getpid());
        chdir("/dev");
        umask(011);
        setrlimit(RLIMIT_NOFILE, &r);
        prctl(PR_SET_NAME, "before");
        execl(nt_self, nt_self, "@identity", number, nt_base(nt_self), NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 0);
}

TEST(exec_fd_by_execveat_empty_path)
{
    int fd = ASSERT_OK(open(nt_self, O_PATH | O_CLOEXEC));
    char *args[] = { nt_self, "@count", "x", NULL };
    pid_t pid = nt_fork();
    if (pid == 0) {
        syscall(SYS_execveat, fd, "", args, nt_envp, AT_EMPTY_PATH);
        _exit(99);
    }
    EXPECT_EXIT(pid, 3);
    EXPECT_ERRNO(syscall(SYS_execveat, fd, "", args, nt_envp, 0), ENOENT);
    EXPECT_ERRNO(syscall(SYS_execveat, 999, "x", args, nt_envp, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_execveat, fd, "", args, nt_envp, AT_EMPTY_PATH | 0x40), EINVAL);
}

TEST(execveat_relative_to_a_directory_and_nofollow)
{
    nt_dir();
    ASSERT_OK(symlink(nt_self, "link"));
    int dir = ASSERT_OK(open(".", O_RDONLY));
    char *args[] = { nt_self, "@count", NULL };
    pid_t pid = nt_fork();
    if (pid == 0) {
        syscall(SYS_execveat, dir, "link", args, nt_envp, 0);
        _exit(99);
    }
    EXPECT_EXIT(pid, 2);
    EXPECT_ERRNO(syscall(SYS_execveat, dir, "link", args, nt_envp, AT_SYMLINK_NOFOLLOW), ELOOP);
}

TEST(exec_file_open_for_writing_is_etxtbsy)
{
    char *args[] = { "x", "@count", NULL };
    nt_dir();
    copy_self_to("prog");
    int fd = ASSERT_OK(open("prog", O_WRONLY));
    EXPECT_ERRNO(execve("./prog", args, nt_envp), ETXTBSY);
    close(fd);
    pid_t pid = nt_fork();
    if (pid == 0) {
        execve("./prog", args, nt_envp);
        _exit(99);
    }
    EXPECT_EXIT(pid, 2);
}

TEST(running_program_cannot_be_opened_for_writing)
{
    EXPECT_ERRNO(open(nt_self, O_WRONLY), ETXTBSY);
    EXPECT_ERRNO(open("/proc/self/exe", O_RDWR), ETXTBSY);
    EXPECT_OK(open("/proc/self/exe", O_RDONLY));
}

static void *exec_from_thread(void *unused)
{
    execl(nt_self, nt_self, "@still", (char *)unused, NULL);
    return NULL;
}
ROLE(still)
{
    return getpid() == atoi(argv[2]) && syscall(SYS_gettid) == getpid() ? 31 : 32;
}

TEST(exec_from_a_thread_takes_the_leaders_pid)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        pthread_t t;
        char number[16];
        snprintf(number, sizeof number, "%d", getpid());
        pthread_create(&t, NULL, exec_from_thread, number);
        for (;;)
            pause();
    }
    EXPECT_EXIT(pid, 31);
}

ROLE(auxv)
{
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    if (getauxval(AT_PAGESZ) != 4096 || getauxval(AT_CLKTCK) != 100 || !random)
        return 2;
    if (getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid() || getauxval(AT_SECURE))
        return 3;
    const char *file = (const char *)getauxval(AT_EXECFN);
    if (!file || strcmp(file, argv[2]) != 0)
        return 4;
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    if (!platform || strcmp(platform, "aarch64") != 0)
        return 5;
    const unsigned char *vdso = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
    if (!vdso || memcmp(vdso, "\177ELF", 4) != 0)
        return 6;
    if (!getauxval(AT_PHDR) || getauxval(AT_PHENT) != 56 || !getauxval(AT_PHNUM) || !getauxval(AT_ENTRY))
        return 7;
    return (getauxval(AT_HWCAP) & 3) == 3 ? 0 : 8; /* FP and ASIMD */
}

TEST(exec_auxiliary_vector_is_complete)
{
    EXPECT_EQ(run_role("@auxv", nt_self, NULL), 0);
}

ROLE(random)
{
    int fd = atoi(argv[2]);
    return write(fd, (void *)getauxval(AT_RANDOM), 16) == 16 ? 0 : 1;
}

TEST(exec_at_random_differs_every_time)
{
    int p[2];
    char number[16], a[16], b[16];
    ASSERT_OK(pipe(p));
    snprintf(number, sizeof number, "%d", p[1]);
    EXPECT_EQ(run_role("@random", number, NULL), 0);
    EXPECT_EQ(run_role("@random", number, NULL), 0);
    EXPECT_EQ(read(p[0], a, 16), 16);
    EXPECT_EQ(read(p[0], b, 16), 16);
    EXPECT_TRUE(memcmp(a, b, 16) != 0);
}

ROLE(stack)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    return sp % 16 == 0 && (uintptr_t)argv > sp && (uintptr_t)envp > (uintptr_t)argv ? 0 : 1;
}

TEST(exec_stack_is_aligned_and_holds_the_vectors)
{
    EXPECT_EQ(run_role("@stack", NULL, NULL), 0);
}
