/* What the kernel counts: bytes and calls of a process, interrupts of the machine. */
#include "nacre_test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static char text[65536];

struct io {
    long long rchar, wchar, syscr, syscw;
};

static struct io io_of(const char *path)
{
    struct io io = { 0 };
    long long disk[3] = { -1, -1, -1 };
    ASSERT_TRUE(nt_get(path, text, sizeof text) > 0);
    EXPECT_EQ(sscanf(text,
                     "rchar: %lld\nwchar: %lld\nsyscr: %lld\nsyscw: %lld\n"
                     "read_bytes: %lld\nwrite_bytes: %lld\ncancelled_write_bytes: %lld\n",
                     &io.rchar, &io.wchar, &io.syscr, &io.syscw, &disk[0], &disk[1], &disk[2]),
              7);
    EXPECT_TRUE(disk[0] >= 0 && disk[1] >= 0 && disk[2] >= 0);
    return io;
}

/* Reading the file counts itself: how much that is, two readings in a row say. */
static struct io cost_of(const char *path)
{
    struct io a = io_of(path), b = io_of(path);
    return (struct io){ b.rchar - a.rchar, b.wchar - a.wchar, b.syscr - a.syscr, b.syscw - a.syscw };
}

/* The numbers may have grown a digit: a few bytes and no more. */
static void expect_io(const char *path, struct io before, struct io more)
{
    struct io cost = cost_of(path), now = io_of(path);
    long long read = now.rchar - before.rchar - 3 * cost.rchar - more.rchar;
    EXPECT_TRUE(read >= -12 && read <= 12);
    EXPECT_EQ(now.wchar - before.wchar, more.wchar);
    EXPECT_EQ(now.syscr - before.syscr, more.syscr + 3 * cost.syscr);
    EXPECT_EQ(now.syscw - before.syscw, more.syscw);
}

TEST(io_counts_bytes_and_calls)
{
    const char *self = "/proc/self/io";
    static char page[4096];
    struct iovec two[2] = { { page, 100 }, { page + 100, 28 } };
    int p[2], s[2];
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0600));
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    struct io before = io_of(self);
    EXPECT_EQ(write(fd, page, 4000), 4000);
    EXPECT_EQ(pwritev(fd, two, 2, 0), 128);
    EXPECT_EQ(pread(fd, page, 1000, 0), 1000);
    expect_io(self, before, (struct io){ 1000, 4128, 1, 2 });
    /* A call that fails is a call. */
    before = io_of(self);
    EXPECT_ERRNO(read(p[0], page, 10), EAGAIN);
    EXPECT_EQ(writev(p[1], two, 2), 128);
    EXPECT_EQ(read(p[0], page, sizeof page), 128);
    expect_io(self, before, (struct io){ 128, 128, 2, 1 });
    /* What is sent and received is not counted, what is written and read is. */
    before = io_of(self);
    EXPECT_EQ(send(s[0], page, 50, 0), 50);
    EXPECT_EQ(recv(s[1], page, 50, 0), 50);
    EXPECT_EQ(write(s[0], page, 60), 60);
    EXPECT_EQ(read(s[1], page, 60), 60);
    expect_io(self, before, (struct io){ 60, 60, 1, 1 });
    before = io_of(self);
    off_t at = 0;
    EXPECT_EQ(sendfile(s[0], fd, &at, 500), 500);
    expect_io(self, before, (struct io){ 500, 500, 1, 1 });
}

static int go[2];

static void *write_some(NT_UNUSED void *arg)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/io", gettid());
    EXPECT_EQ(io_of(path).wchar, 0);
    EXPECT_EQ(write(go[1], "abc", 3), 3);
    EXPECT_EQ(io_of(path).wchar, 3);
    return NULL;
}

TEST(io_of_threads_that_ended_and_children_that_were_waited_for_stays)
{
    pthread_t thread;
    ASSERT_OK(pipe(go));
    struct io before = io_of("/proc/self/io");
    ASSERT_EQ(pthread_create(&thread, NULL, write_some, NULL), 0);
    ASSERT_EQ(pthread_join(thread, NULL), 0);
    struct io now = io_of("/proc/self/io");
    EXPECT_EQ(now.wchar - before.wchar, 3);
    pid_t child = nt_fork();
    if (child == 0)
        _exit(write(go[1], "defg", 4) != 4);
    EXPECT_EXIT(child, 0);
    now = io_of("/proc/self/io");
    EXPECT_EQ(now.wchar - before.wchar, 7);
    EXPECT_EQ(now.syscw - before.syscw, 2);
}

TEST(io_is_its_owners_alone)
{
    pid_t parent = getpid();
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/io", parent);
    pid_t child = nt_fork();
    if (child == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_ERRNO(open(path, O_RDONLY), EACCES);
        nt_done();
    }
    EXPECT_EXIT(child, 0);
}

/* The sum of the counts of the row of /proc/interrupts that ends with `name`, and how many there are. */
static long long interrupts(const char *name, int *processors)
{
    long long sum = -1;
    int shown = 0;
    ASSERT_TRUE(nt_get("/proc/interrupts", text, sizeof text) > 0);
    for (char *at = strstr(text, "CPU"); at && at < strchr(text, '\n'); at = strstr(at + 1, "CPU"))
        shown++;
    for (char *line = strtok(strchr(text, '\n') + 1, "\n"); line; line = strtok(NULL, "\n")) {
        size_t n = strlen(line), m = strlen(name);
        if (n < m || strcmp(line + n - m, name) != 0)
            continue;
        char *at = strchr(line, ':') + 1;
        sum = 0;
        for (int i = 0; i < shown; i++)
            sum += strtoll(at, &at, 10);
    }
    *processors = shown;
    return sum;
}

static long long all_interrupts(void)
{
    long long all = -1, sum = 0;
    ASSERT_TRUE(nt_get("/proc/stat", text, sizeof text) > 0);
    char *at = strstr(text, "\nintr ");
    ASSERT_TRUE(at != NULL);
    all = strtoll(at + 6, &at, 10);
    while (*at == ' ')
        sum += strtoll(at, &at, 10);
    EXPECT_EQ(*at, '\n');
    /* Linux adds up first and lists then. */
    EXPECT_TRUE(sum >= all);
    return all;
}

TEST(interrupts_count_the_timers)
{
    int processors = 0;
    long long before = interrupts(" arch_timer", &processors), all = all_interrupts();
    EXPECT_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
    EXPECT_TRUE(before > 0);
    EXPECT_TRUE(all >= before);
    /* Whoever sleeps is woken by a timer's interrupt. */
    for (int i = 0; i < 5; i++)
        nt_sleep_ms(2);
    EXPECT_TRUE(interrupts(" arch_timer", &processors) > before);
    EXPECT_TRUE(all_interrupts() > all);
}

TEST(interrupts_between_processors_are_counted)
{
    int processors = 0;
    EXPECT_TRUE(interrupts(" Rescheduling interrupts", &processors) >= 0);
    EXPECT_TRUE(interrupts(" Function call interrupts", &processors) >= 0);
}
