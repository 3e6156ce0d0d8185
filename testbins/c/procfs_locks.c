/* /proc/locks and the lock rows of a descriptor's information: each kind of lock, and who waits for it. */
#include "nacre_test.h"
#include "lock_test.h"
#include <sys/sysmacros.h>

static char text[65536], want[256];

/* How many lines of the file at `path` end with `line`, whose number stands in front of it. */
static int lines(const char *path, const char *line)
{
    int found = 0;
    EXPECT_TRUE(nt_get(path, text, sizeof text) >= 0);
    for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n")) {
        char *after = strstr(at, ": ");
        found += after && strcmp(after + 2, line) == 0;
    }
    return found;
}

/* What a row says of a lock on `fd`. */
static const char *row(const char *class, const char *kind, pid_t pid, int fd, const char *range)
{
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    snprintf(want, sizeof want, "%s%s %d %02x:%02x:%lu %s", class, kind, pid, major(st.st_dev), minor(st.st_dev),
             (unsigned long)st.st_ino, range);
    return want;
}

static int in_all(const char *line)
{
    return lines("/proc/locks", line);
}

static int in_info(int fd, const char *line)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    return lines(path, line);
}

TEST(each_kind_of_lock_has_a_row)
{
    int fd = file();
    ASSERT_OK(flock(fd, LOCK_SH));
    ASSERT_OK(lock(fd, F_SETLK, F_WRLCK, 2, 3));
    ASSERT_OK(lock(fd, F_OFD_SETLK, F_RDLCK, 7, 0));
    row("FLOCK  ADVISORY  ", "READ", getpid(), fd, "0 EOF");
    EXPECT_EQ(in_all(want), 1);
    EXPECT_EQ(in_info(fd, want), 1);
    row("POSIX  ADVISORY  ", "WRITE", getpid(), fd, "2 4");
    EXPECT_EQ(in_all(want), 1);
    EXPECT_EQ(in_info(fd, want), 1);
    row("OFDLCK ADVISORY  ", "READ", -1, fd, "7 EOF");
    EXPECT_EQ(in_all(want), 1);
    EXPECT_EQ(in_info(fd, want), 1);
    ASSERT_OK(flock(fd, LOCK_UN));
    EXPECT_EQ(in_all(row("FLOCK  ADVISORY  ", "READ", getpid(), fd, "0 EOF")), 0);
    close(fd);
    fd = ASSERT_OK(open("f", O_RDWR));
    EXPECT_EQ(in_all(row("POSIX  ADVISORY  ", "WRITE", getpid(), fd, "2 4")), 0);
    EXPECT_EQ(in_all(row("OFDLCK ADVISORY  ", "READ", -1, fd, "7 EOF")), 0);
}

TEST(a_lease_has_a_row_until_it_is_given_up)
{
    int fd = file();
    close(fd);
    fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    row("LEASE  ACTIVE    ", "READ", getpid(), fd, "0 EOF");
    EXPECT_EQ(in_all(want), 1);
    EXPECT_EQ(in_info(fd, want), 1);
    signal(SIGIO, SIG_IGN);
    EXPECT_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EAGAIN);
    EXPECT_EQ(in_all(row("LEASE  BREAKING  ", "UNLCK", getpid(), fd, "0 EOF")), 1);
    ASSERT_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    EXPECT_EQ(in_all(row("LEASE  BREAKING  ", "UNLCK", getpid(), fd, "0 EOF")), 0);
}

TEST(a_lock_stays_listed_with_the_open_file_and_its_taker)
{
    int fd = file();
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(flock(fd, LOCK_EX));
        nt_done();
    }
    EXPECT_EXIT(child, 0);
    /* The child is gone; the open file, and with it the lock, is not. */
    EXPECT_EQ(in_info(fd, row("FLOCK  ADVISORY  ", "WRITE", child, fd, "0 EOF")), 1);
}

TEST(who_waits_is_listed_after_what_he_waits_for)
{
    int fd = file();
    ASSERT_OK(flock(fd, LOCK_EX));
    ASSERT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 5));
    pid_t one = nt_fork();
    if (one == 0) {
        int own = ASSERT_OK(open("f", O_RDWR));
        ASSERT_OK(flock(own, LOCK_SH));
        _exit(0);
    }
    pid_t two = nt_fork();
    if (two == 0) {
        ASSERT_OK(lock(fd, F_SETLKW, F_RDLCK, 4, 2));
        _exit(0);
    }
    nt_await_state(one, 'S');
    nt_await_state(two, 'S');
    EXPECT_EQ(in_all(row("-> FLOCK  ADVISORY  ", "READ", one, fd, "0 EOF")), 1);
    EXPECT_EQ(in_all(row("-> POSIX  ADVISORY  ", "READ", two, fd, "4 5")), 1);
    /* The same number as what he waits for, on the line before. */
    ASSERT_TRUE(nt_get("/proc/locks", text, sizeof text) > 0);
    char *waiting = strstr(text, want);
    ASSERT_TRUE(waiting != NULL);
    char *line = waiting, *before;
    while (line > text && line[-1] != '\n')
        line--;
    ASSERT_TRUE(line > text);
    for (before = line - 1; before > text && before[-1] != '\n';)
        before--;
    EXPECT_EQ(atoi(before), atoi(line));
    row("POSIX  ADVISORY  ", "WRITE", getpid(), fd, "0 4");
    EXPECT_MEMEQ(strstr(before, ": ") + 2, want, strlen(want));
    ASSERT_OK(flock(fd, LOCK_UN));
    ASSERT_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    EXPECT_EXIT(one, 0);
    EXPECT_EXIT(two, 0);
    EXPECT_EQ(in_all(row("-> FLOCK  ADVISORY  ", "READ", one, fd, "0 EOF")), 0);
}
