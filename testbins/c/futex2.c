/* The later futex calls: futex_waitv(2), futex_wake, futex_wait, futex_requeue. */
#include "nacre_test.h"
#include <pthread.h>

enum { NR_WAITV = 449, NR_WAKE = 454, NR_WAIT = 455, NR_REQUEUE = 456, U32 = 2, PRIVATE = 128 };

struct waitv {
    uint64_t value, word;
    uint32_t flags, reserved;
};

static uint32_t *shared_words(void)
{
    uint32_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

static void list(struct waitv *v, uint32_t *words, int n)
{
    for (int i = 0; i < n; i++)
        v[i] = (struct waitv){ words[i], (uintptr_t)&words[i], U32, 0 };
}

static struct timespec in_ms(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

TEST(waitv_tells_which_word_was_woken)
{
    struct waitv v[5];
    uint32_t *words = shared_words();
    for (int which = 0; which < 5; which += 2) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            list(v, words, 5);
            _exit(10 + syscall(NR_WAITV, v, 5, 0, NULL, 0));
        }
        nt_await_state(pid, 'S');
        EXPECT_EQ(syscall(SYS_futex, &words[which], 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0), 1);
        EXPECT_EXIT(pid, 10 + which);
        for (int i = 0; i < 5; i++)
            EXPECT_EQ(syscall(SYS_futex, &words[i], 1, 1, NULL, NULL, 0), 0);
    }
}

TEST(waitv_with_another_value_in_one_is_eagain)
{
    struct waitv v[3];
    uint32_t *words = shared_words();
    list(v, words, 3);
    words[2] = 1;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EAGAIN);
    EXPECT_EQ(syscall(SYS_futex, &words[0], 1, 1, NULL, NULL, 0), 0);
}

TEST(waitv_times_out_at_a_moment_of_either_clock)
{
    struct waitv v[2];
    uint32_t *words = shared_words();
    struct timespec t = in_ms(20);
    list(v, words, 2);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, &t, CLOCK_MONOTONIC), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &t);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, &t, CLOCK_REALTIME), ETIMEDOUT);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, &t, CLOCK_BOOTTIME), EINVAL);
    t.tv_nsec = -1;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, &t, CLOCK_REALTIME), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, NT_BAD, CLOCK_REALTIME), EFAULT);
    EXPECT_EQ(syscall(SYS_futex, &words[1], 1, 1, NULL, NULL, 0), 0);
}

static volatile sig_atomic_t hits;
static void count(NT_UNUSED int signo)
{
    hits++;
}

TEST(waitv_is_interrupted_and_restarted_by_the_flag)
{
    struct waitv v[1];
    uint32_t *words = shared_words();
    struct sigaction restart = { .sa_handler = count, .sa_flags = SA_RESTART };
    struct itimerval soon = { { 0, 0 }, { 0, 20000 } }, often = { { 0, 20000 }, { 0, 20000 } };
    struct timespec t;
    list(v, words, 1);
    signal(SIGALRM, SIG_DFL);
    sigaction(SIGALRM, &restart, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    t = in_ms(100);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 1, 0, &t, CLOCK_MONOTONIC), ETIMEDOUT);
    while (hits == 0)
        nt_sleep_ms(1);
    EXPECT_EQ(hits, 1);
    restart.sa_flags = 0;
    sigaction(SIGALRM, &restart, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 1, 0, NULL, 0), EINTR);
    EXPECT_EQ(syscall(SYS_futex, &words[0], 1, 1, NULL, NULL, 0), 0);
}

TEST(waitv_refusals)
{
    struct waitv v[130];
    uint32_t *words = shared_words();
    list(v, words, 130);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 0, 0, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 129, 0, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAITV, v, 1, 1, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAITV, NULL, 1, 0, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAITV, NT_BAD, 1, 0, NULL, 0), EFAULT);
    v[1].reserved = 1;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 2, 0, NULL, 0), EINVAL);
    list(v, words, 3);
    v[1].flags = 3;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EINVAL);
    v[1].flags = U32 | 0x100;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EINVAL);
    list(v, words, 3);
    v[1].value = 1ULL << 32;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EINVAL);
    list(v, words, 3);
    v[1].word += 2;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EINVAL);
    v[1].word = (uintptr_t)NT_BAD;
    EXPECT_ERRNO(syscall(NR_WAITV, v, 3, 0, NULL, 0), EFAULT);
}

static void *wait_for_private(void *word)
{
    struct timespec t = in_ms(10000);
    return (void *)syscall(NR_WAIT, word, 0UL, 2UL, U32 | PRIVATE, &t, CLOCK_MONOTONIC);
}

TEST(wait_and_wake_by_bits)
{
    uint32_t word = 0;
    void *result = (void *)5L;
    pthread_t t;
    pthread_create(&t, NULL, wait_for_private, &word);
    for (int i = 0; i < 9000 && syscall(NR_WAKE, &word, 2UL, 1, U32 | PRIVATE) != 1; i++) {
        EXPECT_EQ(syscall(NR_WAKE, &word, 4UL, 1, U32 | PRIVATE), 0);
        EXPECT_EQ(syscall(NR_WAKE, &word, 2UL, 0, U32 | PRIVATE), 0);
        EXPECT_EQ(syscall(NR_WAKE, &word, 2UL, 1, U32), 0);
        nt_sleep_ms(1);
    }
    pthread_join(t, &result);
    EXPECT_EQ((long)result, 0);
}

TEST(wait_and_wake_refusals)
{
    uint32_t word = 0;
    struct timespec t = { 0, 0 };
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 1UL, ~0U, U32, NULL, 0), EAGAIN);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 0UL, 0UL, U32, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 1UL << 32, 1UL, U32, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 0UL, 1UL << 32, U32, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 0UL, 1UL, 0, NULL, 0), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 0UL, 1UL, U32, &t, 99), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAIT, &word, 0UL, 1UL, U32, &t, CLOCK_REALTIME), ETIMEDOUT);
    EXPECT_ERRNO(syscall(NR_WAKE, &word, 0UL, 1, U32), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAKE, &word, 1UL, 1, 1), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAKE, (char *)&word + 1, 1UL, 0, U32), EINVAL);
    EXPECT_ERRNO(syscall(NR_WAKE, NT_BAD, 1UL, 1, U32), EFAULT);
}

TEST(requeue_moves_between_words_if_the_first_has_its_value)
{
    struct waitv v[2];
    uint32_t *words = shared_words();
    pid_t pid[2];
    for (int i = 0; i < 2; i++) {
        pid[i] = nt_fork();
        if (pid[i] == 0)
            _exit(syscall(NR_WAIT, words, 0UL, ~0U, U32, NULL, 0) == 0 ? 9 : 8);
        nt_await_state(pid[i], 'S');
    }
    list(v, words, 2);
    v[0].value = 5;
    EXPECT_ERRNO(syscall(NR_REQUEUE, v, 0, 1, 1), EAGAIN);
    v[0].value = 0;
    EXPECT_ERRNO(syscall(NR_REQUEUE, v, 1, 1, 1), EINVAL);
    EXPECT_ERRNO(syscall(NR_REQUEUE, v, 0, -1, 1), EINVAL);
    EXPECT_EQ(syscall(NR_REQUEUE, v, 0, 1, 1), 2);
    EXPECT_EXIT(pid[0], 9);
    EXPECT_EQ(syscall(NR_WAKE, words, 1UL, 9, U32), 0);
    EXPECT_EQ(syscall(NR_WAKE, &words[1], 1UL, 9, U32), 1);
    EXPECT_EXIT(pid[1], 9);
}
