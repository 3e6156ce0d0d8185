/* execve of scripts: the `#!` line, its interpreter, what it is given (man 2 execve). */
#include "nacre_test.h"

ROLE(script)
{
    /* interpreter, "@script", script path, "a", "b" */
    return argc == 5 && strcmp(argv[2], "./script") == 0 && strcmp(argv[3], "a") == 0 && strcmp(argv[4], "b") == 0 ? 21
                                                                                                                   : 22;
}

TEST(exec_script_runs_its_interpreter)
{
    char line[600];
    nt_dir();
    snprintf(line, sizeof line, "#! %s  @script  \nrest\n", nt_self);
    nt_put("script", line);
    chmod("script", 0755);
    pid_t pid = nt_fork();
    if (pid == 0) {
        execl("./script", "dropped", "a", "b", NULL);
        _exit(99);
    }
    EXPECT_EXIT(pid, 21);
}

TEST(exec_script_with_missing_or_no_interpreter)
{
    char *args[] = { "x", NULL };
    nt_dir();
    nt_put("missing", "#!/no/such/thing\n");
    nt_put("none", "#!\n");
    chmod("missing", 0755);
    chmod("none", 0755);
    EXPECT_ERRNO(execve("./missing", args, nt_envp), ENOENT);
    EXPECT_ERRNO(execve("./none", args, nt_envp), ENOEXEC);
}

/* What came of a script of these bytes: the error, or 0 when @counted ran, whose arguments are then in `args`. */
static int run_script(const void *bytes, size_t size, char *args, size_t room)
{
    int refused[2];
    ASSERT_OK(pipe2(refused, O_CLOEXEC));
    int fd = ASSERT_OK(open("line", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    ASSERT_EQ(write(fd, bytes, size), (long)size);
    ASSERT_OK(close(fd));
    unlink("args");
    pid_t pid = nt_fork();
    if (pid == 0) {
        setenv("COUNTED", "1", 1);
        execl("./line", "dropped", "a", NULL);
        int why = errno;
        ASSERT_EQ(write(refused[1], &why, sizeof why), (long)sizeof why);
        _exit(0);
    }
    ASSERT_OK(close(refused[1]));
    int error = 0;
    EXPECT_TRUE(read(refused[0], &error, sizeof error) >= 0);
    ASSERT_OK(close(refused[0]));
    EXPECT_EXIT(pid, 0);
    args[0] = 0;
    nt_get("args", args, room);
    return error;
}

/* Writes down its arguments when a script has it run; musl gives constructors none. */
__attribute__((constructor)) static void counted(void)
{
    char text[1024];
    if (!getenv("COUNTED"))
        return;
    ssize_t size = nt_get("/proc/self/cmdline", text, sizeof text);
    FILE *out = fopen("args", "w");
    for (ssize_t at = strlen(text) + 1; at < size; at += strlen(text + at) + 1)
        fprintf(out, "[%s]", text + at);
    fclose(out);
    _exit(0);
}

TEST(exec_script_lines_of_odd_shape)
{
    static const struct {
        const char *line;
        size_t size;
        int error;
        const char *args;
    } lines[] = {
#define LINE(line, error, args) { line, sizeof line - 1, error, args }
        LINE("#!", EACCES, ""),
        LINE("#! ", EACCES, ""),
        LINE("#!\n", ENOEXEC, ""),
        LINE("#!  \t \n", ENOEXEC, ""),
        LINE("#!   \n./self\n", ENOEXEC, ""),
        LINE("#!./self", 0, "[./line][a]"),
        LINE("#!./self  b c \t d  \n", 0, "[b c \t d][./line][a]"),
        LINE("#!./self\t-x\n", 0, "[-x][./line][a]"),
        LINE("#!./self b\0c\n", 0, "[b][./line][a]"),
        LINE("#!./self\0 b\n", 0, "[./line][a]"),
        LINE("#!./self  ", 0, "[][./line][a]"),
        LINE("#!\0./self\n", EACCES, ""),
        LINE("#!./self\r\n", ENOENT, ""),
        LINE("#!.\n", EACCES, ""),
        LINE(" #!./self\n", ENOEXEC, ""),
    };
    char args[512];
    nt_dir();
    ASSERT_OK(symlink(nt_self, "self"));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int error = run_script(lines[i].line, lines[i].size, args, sizeof args);
        if (error != lines[i].error || strcmp(args, lines[i].args) != 0)
            nt_say("# line %d\n", (int)i);
        EXPECT_EQ(error, lines[i].error);
        EXPECT_STREQ(args, lines[i].args);
    }
}

TEST(exec_script_lines_around_what_is_read_of_them)
{
    char line[300], args[512];
    nt_dir();
    ASSERT_OK(symlink(nt_self, "self"));
    for (size_t size = 250; size < 262; size++) {
        /* A path that may go on, one that is whole, and a name behind blanks. */
        memset(line, 'x', sizeof line);
        memcpy(line, "#!./", 4);
        line[size - 1] = '\n';
        EXPECT_EQ(run_script(line, size, args, sizeof args), size > 256 ? ENOEXEC : ENOENT);
        memset(line, ' ', sizeof line);
        memcpy(line, "#!./self", 8);
        line[size - 1] = '\n';
        EXPECT_EQ(run_script(line, size, args, sizeof args), 0);
        EXPECT_STREQ(args, "[./line][a]");
        memset(line, 'x', sizeof line);
        memcpy(line, "#!./self ", 9);
        line[size - 1] = '\n';
        EXPECT_EQ(run_script(line, size, args, sizeof args), 0);
        EXPECT_EQ(strlen(args), strlen("[][./line][a]") + (size > 256 ? 255 : size - 1) - 9);
    }
}

TEST(exec_script_interpreted_by_itself_is_eloop)
{
    char *args[] = { "x", NULL }, line[100], here[64];
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here));
    snprintf(line, sizeof line, "#!%s/self\n", here);
    nt_put("self", line);
    chmod("self", 0755);
    EXPECT_ERRNO(execve("./self", args, nt_envp), ELOOP);
}
