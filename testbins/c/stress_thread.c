/* Storms of threads, futexes and descriptors shared between them. */
#include "nacre_test.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { MANY = 1000 };

static pthread_attr_t small;
static void small_stacks(void)
{
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
}

static void *return_argument(void *value)
{
    return value;
}

TEST_LIMIT(two_thousand_threads_one_after_another, 120)
{
    for (long i = 0; i < 2000; i++) {
        pthread_t t;
        void *value;
        ASSERT_EQ(pthread_create(&t, NULL, return_argument, (void *)i), 0);
        ASSERT_EQ(pthread_join(t, &value), 0);
        ASSERT_EQ((long)value, i);
    }
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int arrived;
static void *pass_the_gate(NT_UNUSED void *unused)
{
    pthread_mutex_lock(&gate);
    arrived++;
    pthread_mutex_unlock(&gate);
    return NULL;
}

TEST_LIMIT(thousand_threads_alive_at_once, 120)
{
    static pthread_t t[MANY];
    small_stacks();
    pthread_mutex_lock(&gate);
    for (int i = 0; i < MANY; i++)
        ASSERT_EQ(pthread_create(&t[i], &small, pass_the_gate, NULL), 0);
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < MANY; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(arrived, MANY);
}

TEST_LIMIT(exit_group_under_a_hundred_running_threads, 120)
{
    for (int round = 0; round < 10; round++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            pthread_t t;
            small_stacks();
            pthread_mutex_lock(&gate);
            for (int i = 0; i < 100; i++)
                pthread_create(&t, &small, pass_the_gate, NULL);
            pthread_mutex_unlock(&gate);
            _exit(9);
        }
        EXPECT_EXIT(pid, 9);
    }
}

static pthread_barrier_t barrier;
static long rounds_done;
static void *meet(NT_UNUSED void *unused)
{
    for (int i = 0; i < 300; i++)
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            rounds_done++;
    return NULL;
}

TEST_LIMIT(barrier_of_eight_threads_three_hundred_times, 120)
{
    pthread_t t[8];
    pthread_barrier_init(&barrier, NULL, 8);
    for (int i = 0; i < 8; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, meet, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(rounds_done, 300);
}

static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[16], head, count;
static long sum;
static void *produce(NT_UNUSED void *unused)
{
    for (int i = 1; i <= 2000; i++) {
        pthread_mutex_lock(&gate);
        while (count == 16)
            pthread_cond_wait(&not_full, &gate);
        queue[(head + count++) % 16] = i;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&gate);
    }
    return NULL;
}
static void *consume(NT_UNUSED void *unused)
{
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&gate);
        while (count == 0)
            pthread_cond_wait(&not_empty, &gate);
        sum += queue[head];
        head = (head + 1) % 16;
        count--;
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&gate);
    }
    return NULL;
}

TEST_LIMIT(producers_and_consumers_lose_nothing, 120)
{
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, i & 1 ? produce : consume, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(sum, 4 * 2001000L);
}

static volatile int stop;
static void *open_and_close(NT_UNUSED void *unused)
{
    while (!stop) {
        int p[2];
        if (pipe(p) == 0) {
            write(p[1], "x", 1);
            close(p[0]);
            close(p[1]);
        }
        int fd = open("/dev/null", O_RDONLY);
        int copy = dup(fd);
        close(fd);
        close(copy);
    }
    return NULL;
}

// proves B7
TEST_LIMIT(descriptor_table_under_eight_threads, 120)
{
    pthread_t t[8];
    signal(SIGPIPE, SIG_IGN);
    int before = dup(1);
    close(before);
    for (int i = 0; i < 8; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, open_and_close, NULL), 0);
    nt_sleep_ms(1000);
    stop = 1;
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(dup(1), before);
}

static int shared_event, shared_epoll;
static void *poke(NT_UNUSED void *unused)
{
    uint64_t one = 1;
    for (int i = 0; i < 2000; i++)
        write(shared_event, &one, 8);
    return NULL;
}

TEST_LIMIT(eventfd_and_epoll_lose_no_wake_up, 120)
{
    pthread_t t[4];
    uint64_t total = 0, v;
    struct epoll_event e = { EPOLLIN | EPOLLET, { 0 } };
    shared_event = ASSERT_OK(eventfd(0, EFD_NONBLOCK));
    shared_epoll = ASSERT_OK(epoll_create1(0));
    ASSERT_OK(epoll_ctl(shared_epoll, EPOLL_CTL_ADD, shared_event, &e));
    for (int i = 0; i < 4; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, poke, NULL), 0);
    while (total < 8000) {
        ASSERT_EQ(epoll_wait(shared_epoll, &e, 1, 20000), 1);
        while (read(shared_event, &v, 8) == 8)
            total += v;
    }
    EXPECT_EQ(total, 8000);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static void *add_remove_interest(void *fd)
{
    struct epoll_event e = { EPOLLIN, { 0 } };
    for (int i = 0; i < 1000; i++) {
        epoll_ctl(shared_epoll, EPOLL_CTL_ADD, (int)(long)fd, &e);
        epoll_ctl(shared_epoll, EPOLL_CTL_MOD, (int)(long)fd, &e);
        epoll_ctl(shared_epoll, EPOLL_CTL_DEL, (int)(long)fd, NULL);
    }
    return NULL;
}

TEST_LIMIT(epoll_interests_change_while_others_wait, 120)
{
    pthread_t t[4];
    struct epoll_event e[4];
    shared_epoll = ASSERT_OK(epoll_create1(0));
    for (int i = 0; i < 4; i++) {
        int fd = ASSERT_OK(eventfd(1, 0));
        ASSERT_EQ(pthread_create(&t[i], NULL, add_remove_interest, (void *)(long)fd), 0);
    }
    for (int i = 0; i < 500; i++)
        ASSERT_TRUE(epoll_wait(shared_epoll, e, 4, 1) >= 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(epoll_wait(shared_epoll, e, 4, 0), 0);
}

static void *ring(void *ends)
{
    int *p = ends;
    char c;
    while (read(p[0], &c, 1) == 1 && c) {
        c--;
        write(p[1], &c, 1);
    }
    c = 0;
    write(p[1], &c, 1);
    return NULL;
}

TEST_LIMIT(token_goes_round_a_ring_of_pipes, 120)
{
    enum { N = 16 };
    int pipes[N][2], ends[N][2];
    pthread_t t[N];
    for (int i = 0; i < N; i++)
        ASSERT_OK(pipe(pipes[i]));
    for (int i = 0; i < N; i++) {
        ends[i][0] = pipes[i][0];
        ends[i][1] = pipes[(i + 1) % N][1];
        ASSERT_EQ(pthread_create(&t[i], NULL, ring, ends[i]), 0);
    }
    for (int i = 0; i < 50; i++)
        EXPECT_EQ(write(pipes[i % N][1], "\100", 1), 1);
    for (int i = 0; i < N; i++)
        pthread_join(t[i], NULL);
}
