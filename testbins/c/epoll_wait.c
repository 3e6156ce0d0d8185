/* epoll: the program's buffer, threads that wait together, what closing does, the order of checks. */
#include "nacre_test.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static int ep;

static void start(void)
{
    ep = ASSERT_OK(epoll_create1(0));
}

static int add(int in, int fd, uint32_t events)
{
    struct epoll_event e = { events, { .fd = fd } };
    return epoll_ctl(in, EPOLL_CTL_ADD, fd, &e);
}

static void *pages(int count)
{
    return mmap(NULL, count * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST(epoll_fills_memory_never_touched_in_one_call)
{
    enum { N = 600 };
    struct epoll_event *e = pages(3);
    start();
    for (int i = 0; i < N; i++)
        ASSERT_OK(add(ep, ASSERT_OK(eventfd(1, 0)), EPOLLIN));
    EXPECT_EQ(epoll_wait(ep, e, N, 0), N);
}

TEST(epoll_stops_where_the_memory_ends_and_keeps_the_rest)
{
    char *memory = pages(2);
    int seen = 0;
    ASSERT_OK(munmap(memory + 4096, 4096));
    struct epoll_event *e = (struct epoll_event *)(memory + 4096) - 4, more[10];
    start();
    for (int i = 0; i < 10; i++)
        ASSERT_OK(add(ep, ASSERT_OK(eventfd(1, 0)), EPOLLIN | EPOLLET));
    EXPECT_EQ(epoll_wait(ep, e, 10, 0), 4);
    EXPECT_EQ(epoll_wait(ep, more, 10, 0), 6);
    for (int i = 0; i < 4; i++)
        seen |= 1 << e[i].data.fd;
    for (int i = 0; i < 6; i++)
        seen |= 1 << more[i].data.fd;
    EXPECT_EQ(__builtin_popcount(seen), 10);
    EXPECT_EQ(epoll_wait(ep, more, 10, 0), 0);
}

enum { WAITERS = 4, EVENTS = 400 };
static int taken[WAITERS], source, stop;

static void *wait_and_take(void *argument)
{
    int *count = argument;
    for (;;) {
        struct epoll_event e;
        uint64_t v;
        if (epoll_wait(ep, &e, 1, -1) != 1)
            return "epoll_wait";
        if (e.data.fd == stop)
            return NULL;
        if (read(source, &v, 8) == 8)
            *count += v;
    }
}

static void many_wait(uint32_t events)
{
    pthread_t t[WAITERS];
    int sum = 0;
    start();
    source = ASSERT_OK(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
    stop = ASSERT_OK(eventfd(0, 0));
    ASSERT_OK(add(ep, source, events));
    ASSERT_OK(add(ep, stop, EPOLLIN));
    for (int i = 0; i < WAITERS; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, wait_and_take, &taken[i]), 0);
    for (int i = 0; i < EVENTS; i++) {
        uint64_t one = 1;
        EXPECT_EQ(write(source, &one, 8), 8);
        if (i % 16 == 0)
            nt_sleep_ms(1);
    }
    for (int i = 0; i < 12000; i++) {
        struct pollfd p = { source, POLLIN, 0 };
        if (poll(&p, 1, 0) == 0)
            break;
        nt_sleep_ms(5);
    }
    uint64_t one = 1;
    EXPECT_EQ(write(stop, &one, 8), 8);
    for (int i = 0; i < WAITERS; i++) {
        void *what;
        pthread_join(t[i], &what);
        EXPECT_TRUE(what == NULL);
        sum += taken[i];
    }
    EXPECT_EQ(sum, EVENTS);
}

TEST(epoll_threads_share_the_work_level_triggered)
{
    many_wait(EPOLLIN);
}

TEST(epoll_threads_share_the_work_exclusively)
{
    many_wait(EPOLLIN | EPOLLEXCLUSIVE);
}

static void *wait_in(void *argument)
{
    struct epoll_event e;
    int fd = *(int *)argument;
    return (void *)(long)epoll_wait(fd, &e, 1, 10000);
}

TEST(epoll_one_instance_at_least_hears_an_exclusive_event)
{
    pthread_t t[3];
    int each[3], heard = 0, fd = ASSERT_OK(eventfd(0, 0));
    for (int i = 0; i < 3; i++) {
        each[i] = ASSERT_OK(epoll_create1(0));
        ASSERT_OK(add(each[i], fd, EPOLLIN | EPOLLEXCLUSIVE));
        ASSERT_EQ(pthread_create(&t[i], NULL, wait_in, &each[i]), 0);
    }
    nt_sleep_ms(100);
    for (int i = 0; i < 3; i++) {
        uint64_t one = 1;
        EXPECT_EQ(write(fd, &one, 8), 8);
        nt_sleep_ms(20);
    }
    for (int i = 0; i < 3; i++) {
        void *got;
        pthread_join(t[i], &got);
        heard += (long)got == 1;
    }
    EXPECT_EQ(heard, 3);
}

TEST(epoll_goes_on_waiting_when_its_descriptor_is_closed)
{
    struct epoll_event e;
    int fd = ASSERT_OK(eventfd(0, 0));
    pthread_t t;
    void *got;
    start();
    ASSERT_OK(add(ep, fd, EPOLLIN));
    int copy = ep;
    ASSERT_EQ(pthread_create(&t, NULL, wait_in, &copy), 0);
    nt_await_other_thread_sleeps();
    ASSERT_OK(close(ep));
    EXPECT_ERRNO(epoll_wait(ep, &e, 1, 0), EBADF);
    uint64_t one = 1;
    EXPECT_EQ(write(fd, &one, 8), 8);
    pthread_join(t, &got);
    EXPECT_EQ((long)got, 1);
}

TEST(epoll_an_instance_that_is_gone_leaves_its_files_alone)
{
    int fd = ASSERT_OK(eventfd(0, 0));
    for (int i = 0; i < 2000; i++) {
        int one = ASSERT_OK(epoll_create1(0));
        ASSERT_OK(add(one, fd, EPOLLIN));
        ASSERT_OK(close(one));
    }
    uint64_t v = 1;
    EXPECT_EQ(write(fd, &v, 8), 8);
    start();
    EXPECT_OK(add(ep, fd, EPOLLIN));
}

TEST(epoll_hears_events_of_its_instances_edge_triggered)
{
    struct epoll_event e;
    int outer = ASSERT_OK(epoll_create1(0)), fd = ASSERT_OK(eventfd(0, 0));
    uint64_t one = 1;
    start();
    ASSERT_OK(add(ep, fd, EPOLLIN));
    ASSERT_OK(add(outer, ep, EPOLLIN | EPOLLET));
    EXPECT_EQ(write(fd, &one, 8), 8);
    EXPECT_EQ(epoll_wait(outer, &e, 1, 0), 1);
    EXPECT_EQ(epoll_wait(outer, &e, 1, 0), 0);
    EXPECT_EQ(write(fd, &one, 8), 8);
    EXPECT_EQ(epoll_wait(outer, &e, 1, 0), 1);
    EXPECT_EQ(epoll_wait(ep, &e, 1, 0), 1);
}

TEST(epoll_towers_are_four_levels_high)
{
    int top = ASSERT_OK(epoll_create1(0)), last = top;
    for (int i = 0; i < 4; i++) {
        int next = ASSERT_OK(epoll_create1(0));
        EXPECT_OK(add(last, next, EPOLLIN));
        last = next;
    }
    EXPECT_ERRNO(add(last, ASSERT_OK(epoll_create1(0)), EPOLLIN), ELOOP);
    EXPECT_ERRNO(add(ASSERT_OK(epoll_create1(0)), top, EPOLLIN), ELOOP);
    EXPECT_OK(add(last, ASSERT_OK(eventfd(0, 0)), EPOLLIN));
}

TEST(epoll_ctl_checks_in_order)
{
    struct epoll_event e = { EPOLLIN, { 0 } };
    int fd = ASSERT_OK(eventfd(0, 0)), place = ASSERT_OK(open("/", O_PATH)), file = ASSERT_OK(open("/", O_RDONLY));
    start();
    EXPECT_ERRNO(syscall(SYS_epoll_ctl, 999, 99, 999, NT_BAD), EFAULT);
    EXPECT_ERRNO(syscall(SYS_epoll_ctl, 999, EPOLL_CTL_DEL, 999, NT_BAD), EBADF);
    EXPECT_ERRNO(epoll_ctl(file, EPOLL_CTL_ADD, 999, &e), EBADF);
    EXPECT_ERRNO(epoll_ctl(fd, EPOLL_CTL_ADD, file, &e), EPERM);
    EXPECT_ERRNO(epoll_ctl(fd, EPOLL_CTL_ADD, fd, &e), EINVAL);
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, ep, &e), EINVAL);
    EXPECT_ERRNO(epoll_ctl(ep, 99, fd, &e), EINVAL);
    EXPECT_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, place, &e), EBADF);
    EXPECT_ERRNO(epoll_ctl(place, EPOLL_CTL_ADD, fd, &e), EBADF);
    EXPECT_ERRNO(epoll_wait(place, &e, 1, 0), EBADF);
    EXPECT_EQ(lseek(ep, 9, SEEK_SET), 0);
    EXPECT_ERRNO(read(ep, &e, 8), EINVAL);
    EXPECT_ERRNO(write(ep, &e, 8), EINVAL);
}

TEST(epoll_wait_checks_in_order)
{
    struct epoll_event e;
    struct timespec bad = { 0, 1000000000 };
    start();
    EXPECT_ERRNO(epoll_wait(999, &e, 0, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(999, &e, 0x7fffffff / 16 + 1, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_epoll_pwait, 999, NT_KERNEL, 1, 0, NULL, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_epoll_pwait, 999, &e, 1, 0, NT_BAD, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_epoll_pwait, 999, &e, 0, 0, &e, 7), EINVAL);
    EXPECT_ERRNO(syscall(441, 999, &e, 0, NT_BAD, NULL, 0), EFAULT);
    EXPECT_ERRNO(syscall(441, 999, &e, 1, &bad, NULL, 0), EINVAL);
    /* Nothing is copied, so nothing faults. */
    EXPECT_EQ(syscall(SYS_epoll_pwait, ep, NT_BAD, 1, 0, NULL, 0), 0);
}

TEST(epoll_wakeup_is_taken_and_dropped_without_the_right)
{
    struct epoll_event e = { EPOLLIN | EPOLLWAKEUP, { 0 } };
    int fd = ASSERT_OK(eventfd(1, 0));
    start();
    ASSERT_OK(setuid(1000));
    EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    EXPECT_EQ(epoll_wait(ep, &e, 1, 0), 1);
    EXPECT_EQ(e.events, EPOLLIN);
}

TEST(epoll_shows_its_interests_in_fdinfo)
{
    char path[64], text[1024];
    int fd = ASSERT_OK(eventfd(0, 0));
    struct epoll_event e = { EPOLLIN | EPOLLET, { .u64 = 0xabcdef } };
    start();
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", ep);
    ASSERT_TRUE(nt_get(path, text, sizeof text) > 0);
    snprintf(path, sizeof path, "tfd: %8d events: 80000019 data:           abcdef ", fd);
    EXPECT_TRUE(strstr(text, path) != NULL);
}
