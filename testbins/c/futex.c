/* futex(2) by hand: waiting, waking, requeueing, word operations, timeouts, keys, robust lists. */
#include "nacre_test.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

struct robust_node {
    struct robust_node *next;
};
struct robust_head {
    struct robust_node list;
    long offset;
    struct robust_node *pending;
};

static long futex(void *word, int op, unsigned value, const void *time_or_count, void *second, unsigned third)
{
    return syscall(SYS_futex, word, op, value, time_or_count, second, third);
}

static uint32_t *shared_words(void)
{
    uint32_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    return at;
}

/* Children that wait on the word and then count themselves in words[10]. */
static void waiters(uint32_t *words, int n, int op, unsigned bits)
{
    for (int i = 0; i < n; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            while (futex(words, op, 0, NULL, NULL, bits) == -1 && errno == EINTR)
                ;
            __atomic_add_fetch(&words[10], 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
        nt_await_state(pid, 'S');
    }
}

static void reap(int n)
{
    while (n-- > 0)
        EXPECT_TRUE(wait(NULL) > 0);
}

TEST(futex_wait_with_another_value_is_eagain)
{
    uint32_t word = 1;
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0), EAGAIN);
}

TEST(futex_wake_without_waiters_is_zero)
{
    uint32_t word = 0;
    EXPECT_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    EXPECT_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 0);
}

TEST(futex_wait_times_out)
{
    uint32_t word = 0;
    struct timespec t = { 0, 20000000 }, bad = { 0, -1 };
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 0, &t, NULL, 0), ETIMEDOUT);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT, 0, NT_BAD, NULL, 0), EFAULT);
}

TEST(futex_checks_alignment_addresses_and_commands)
{
    uint32_t words[2] = { 0, 0 };
    EXPECT_ERRNO(futex((char *)words + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
    EXPECT_ERRNO(futex((char *)words + 1, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    EXPECT_ERRNO(futex(NT_BAD, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    EXPECT_ERRNO(futex(NT_BAD, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    EXPECT_ERRNO(futex(NT_KERNEL, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    EXPECT_ERRNO(futex(words, 77, 0, NULL, NULL, 0), ENOSYS);
}

TEST(futex_wakes_as_many_as_asked_across_processes)
{
    uint32_t *words = shared_words();
    waiters(words, 3, FUTEX_WAIT, 0);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    reap(1);
    EXPECT_EQ(words[10], 1);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
    reap(2);
    EXPECT_EQ(words[10], 3);
}

TEST(futex_shared_key_is_the_file_not_the_address)
{
    nt_dir();
    int fd = ASSERT_OK(open("f", O_RDWR | O_CREAT, 0600));
    ASSERT_OK(ftruncate(fd, 8192));
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    waiters(words, 1, FUTEX_WAIT, 0);
    uint32_t *other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(other != words);
    EXPECT_EQ(futex(other + 1, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
    EXPECT_EQ(futex(other, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    reap(1);
}

static uint32_t private_word;
TEST(futex_private_words_of_two_processes_are_two)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct timespec t = { 0, 200000000 };
        EXPECT_ERRNO(futex(&private_word, FUTEX_WAIT, 0, &t, NULL, 0), ETIMEDOUT);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_EQ(futex(&private_word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    EXPECT_EXIT(pid, 0);
}

static atomic_int waiter_tid;
static void *wait_private(void *word)
{
    waiter_tid = gettid();
    long result = futex(word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return (void *)result;
}

TEST(futex_private_waiter_is_woken_after_a_fork_copied_the_page)
{
    void *result = (void *)5L;
    pthread_t t;
    pthread_create(&t, NULL, wait_private, &private_word);
    while (waiter_tid == 0)
        sched_yield();
    nt_await_state(waiter_tid, 'S');
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(0);
    private_word = 1; /* the page is ours again, a new frame perhaps */
    EXPECT_EQ(futex(&private_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
    pthread_join(t, &result);
    EXPECT_EQ((long)result, 0);
    EXPECT_EXIT(pid, 0);
}

TEST(futex_requeue_moves_waiters_to_the_second_word)
{
    uint32_t *words = shared_words();
    waiters(words, 3, FUTEX_WAIT, 0);
    EXPECT_EQ(futex(words, FUTEX_REQUEUE, 1, (void *)10L, &words[1], 0), 3);
    reap(1);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
    EXPECT_EQ(futex(&words[1], FUTEX_WAKE, 10, NULL, NULL, 0), 2);
    reap(2);
}

TEST(futex_cmp_requeue_checks_the_value)
{
    uint32_t *words = shared_words();
    waiters(words, 2, FUTEX_WAIT, 0);
    EXPECT_ERRNO(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)10L, &words[1], 5), EAGAIN);
    EXPECT_EQ(futex(words, FUTEX_CMP_REQUEUE, 0, (void *)1L, &words[1], 0), 1);
    EXPECT_EQ(futex(&words[1], FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    reap(2);
    EXPECT_ERRNO(futex(words, FUTEX_REQUEUE, -1, (void *)1L, &words[1], 0), EINVAL);
}

TEST(futex_requeued_waiter_still_times_out)
{
    uint32_t *words = shared_words();
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct timespec t = { 1, 500000000 };
        EXPECT_ERRNO(futex(words, FUTEX_WAIT, 0, &t, NULL, 0), ETIMEDOUT);
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_EQ(futex(words, FUTEX_REQUEUE, 0, (void *)1L, &words[1], 0), 1);
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(futex(&words[1], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST(futex_bitset_wakes_only_matching_waiters)
{
    uint32_t *words = shared_words();
    waiters(words, 1, FUTEX_WAIT_BITSET, 1);
    waiters(words, 1, FUTEX_WAIT_BITSET, 2);
    EXPECT_EQ(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
    EXPECT_EQ(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2), 1);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
    reap(2);
    EXPECT_ERRNO(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
    EXPECT_ERRNO(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
}

TEST(futex_wait_bitset_takes_an_absolute_time_of_either_clock)
{
    uint32_t word = 0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0U), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 10000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, ~0U), ETIMEDOUT);
}

TEST(futex_wake_op_changes_the_second_word_and_wakes_both)
{
    uint32_t *words = shared_words();
    words[1] = 5;
    waiters(words, 1, FUTEX_WAIT, 0);
    /* words[1] += 3; the second queue is woken when the old value was greater than 4 */
    EXPECT_EQ(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 4)), 1);
    EXPECT_EQ(words[1], 8);
    reap(1);
    EXPECT_EQ(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_EQ, 8)), 0);
    EXPECT_EQ(words[1], 0);
    EXPECT_EQ(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(FUTEX_OP_SET, 6, FUTEX_OP_CMP_LT, 0)), 0);
    EXPECT_EQ(words[1], 6);
}

TEST(set_robust_list_reads_back_and_checks_its_length)
{
    struct robust_head head = { { &head.list }, 0, NULL }, *got = NULL;
    size_t size = 0;
    EXPECT_OK(syscall(SYS_set_robust_list, &head, sizeof head));
    EXPECT_OK(syscall(SYS_get_robust_list, 0, &got, &size));
    EXPECT_TRUE(got == &head);
    EXPECT_EQ(size, sizeof head);
    EXPECT_ERRNO(syscall(SYS_set_robust_list, &head, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_get_robust_list, 0x3ffffff, &got, &size), ESRCH);
    EXPECT_ERRNO(syscall(SYS_get_robust_list, 0, NT_BAD, &size), EFAULT);
}

TEST(robust_list_marks_the_word_of_a_dead_owner_and_wakes)
{
    struct shared {
        struct robust_head head;
        struct robust_node node;
        uint32_t word;
    } *s = (struct shared *)shared_words();
    pid_t pid = nt_fork();
    if (pid == 0) {
        s->head.list.next = &s->node;
        s->node.next = &s->head.list;
        s->head.offset = offsetof(struct shared, word) - offsetof(struct shared, node);
        s->head.pending = NULL;
        s->word = syscall(SYS_gettid) | FUTEX_WAITERS;
        syscall(SYS_set_robust_list, &s->head, sizeof s->head);
        nt_sleep_ms(50);
        _exit(0);
    }
    uint32_t now;
    while (((now = __atomic_load_n(&s->word, __ATOMIC_SEQ_CST)) & FUTEX_OWNER_DIED) == 0)
        if (now)
            futex(&s->word, FUTEX_WAIT, now, NULL, NULL, 0);
        else
            nt_sleep_ms(1);
    EXPECT_EQ(now, FUTEX_WAITERS | FUTEX_OWNER_DIED);
    EXPECT_EXIT(pid, 0);
}

TEST(robust_mutex_of_a_dead_process_is_eownerdead)
{
    pthread_mutex_t *m = (pthread_mutex_t *)shared_words();
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    ASSERT_EQ(pthread_mutex_init(m, &attr), 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        pthread_mutex_lock(m);
        _exit(0);
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(pthread_mutex_lock(m), EOWNERDEAD);
    EXPECT_EQ(pthread_mutex_consistent(m), 0);
    EXPECT_EQ(pthread_mutex_unlock(m), 0);
}

static char child_stack[16384] __attribute__((aligned(16)));
static int sleep_a_little(void)
{
    nt_sleep_ms(50);
    return 0;
}

/* clone(2) itself: musl's wrapper refuses CLONE_CHILD_CLEARTID. */
static pid_t clone_onto_stack(long flags, void *parent_tid, void *child_tid, int (*run)(void))
{
    register long x0 __asm__("x0") = flags;
    register void *x1 __asm__("x1") = child_stack + sizeof child_stack;
    register void *x2 __asm__("x2") = parent_tid;
    register long x3 __asm__("x3") = 0, x8 __asm__("x8") = SYS_clone;
    register void *x4 __asm__("x4") = child_tid;
    register int (*x19)(void) __asm__("x19") = run;
    __asm__ volatile("svc #0\n cbnz x0, 1f\n blr x19\n mov x8, #93\n svc #0\n 1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8), "r"(x19)
                     : "memory", "x30");
    return x0;
}

TEST(cleartid_word_is_zeroed_and_woken_when_a_sharer_of_memory_exits)
{
    static uint32_t word;
    long flags = CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | SIGCHLD;
    pid_t pid = clone_onto_stack(flags, &word, &word, sleep_a_little);
    ASSERT_TRUE(pid > 0);
    struct timespec t = { 20, 0 };
    EXPECT_TRUE(futex(&word, FUTEX_WAIT, pid, &t, NULL, 0) == 0 || errno == EAGAIN);
    EXPECT_EQ(__atomic_load_n(&word, __ATOMIC_SEQ_CST), 0);
    EXPECT_EXIT(pid, 0);
}

TEST(set_tid_address_returns_the_tid)
{
    int word;
    EXPECT_EQ(syscall(SYS_set_tid_address, &word), syscall(SYS_gettid));
}

TEST(futex_on_read_only_and_unmapped_memory)
{
    uint32_t *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERRNO(futex(at, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
    munmap(at, 4096);
    EXPECT_ERRNO(futex(at, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EFAULT);
    EXPECT_EQ(futex(at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}

TEST(futex_waking_none_wakes_one)
{
    uint32_t *words = shared_words();
    waiters(words, 2, FUTEX_WAIT, 0);
    EXPECT_EQ(futex(words, FUTEX_WAKE, 0, NULL, NULL, 0), 1);
    EXPECT_EQ(futex(words, FUTEX_WAKE, -1, NULL, NULL, 0), 1);
    reap(2);
}

static uint32_t two_queues;
TEST(futex_private_and_shared_waiters_of_one_word_are_two_queues)
{
    void *result = (void *)5L;
    pthread_t t;
    pthread_create(&t, NULL, wait_private, &two_queues);
    for (int i = 0; i < 10; i++) {
        nt_sleep_ms(10);
        EXPECT_EQ(futex(&two_queues, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    }
    two_queues = 1;
    futex(&two_queues, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(t, &result);
}

TEST(futex_shared_on_memory_that_cannot_change_is_efault)
{
    uint32_t *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERRNO(futex(at, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    EXPECT_ERRNO(futex(at, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    uint32_t *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERRNO(futex(shared, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    EXPECT_EQ(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST(futex_clock_flag_goes_with_absolute_waits_only)
{
    uint32_t word = 0;
    struct timespec t = { 0, 1 };
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &t, NULL, 0), ENOSYS);
    EXPECT_ERRNO(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
    EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, 0), EINVAL);
}

TEST(futex_wait_to_a_wall_clock_moment_ends_when_the_clock_is_set_past_it)
{
    uint32_t word = 0;
    struct timespec until, t;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until, NULL, ~0U), ETIMEDOUT);
        nt_done();
    }
    nt_await_state(pid, 'S');
    until.tv_sec++;
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &until));
    EXPECT_EXIT(pid, 0);
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec -= 1001;
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &t));
}

TEST(futex_wake_op_knows_its_operations)
{
    uint32_t words[2] = { 0, 5 };
    EXPECT_ERRNO(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(7, 1, FUTEX_OP_CMP_EQ, 0)), ENOSYS);
    EXPECT_EQ(words[1], 5);
    EXPECT_ERRNO(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(FUTEX_OP_ADD, 1, 9, 0)), ENOSYS);
    EXPECT_EQ(words[1], 6);
    enum { OR_BIT = FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT };
    EXPECT_OK(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP((unsigned)OR_BIT, 4, 0, 0)));
    EXPECT_EQ(words[1], 6 | 1 << 4);
    EXPECT_OK(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, &words[1], FUTEX_OP(FUTEX_OP_XOR, 0xfff, 0, 0)));
    EXPECT_EQ(words[1], ~(6U | 1 << 4));
    EXPECT_ERRNO(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, (char *)&words[1] + 2, 0), EINVAL);
    EXPECT_ERRNO(futex(words, FUTEX_WAKE_OP, 1, (void *)1L, NT_BAD, 0), EFAULT);
}

TEST(robust_list_lets_go_of_a_lock_being_taken)
{
    struct shared {
        struct robust_head head;
        struct robust_node node;
        uint32_t word;
    } *s = (struct shared *)shared_words();
    pid_t pid = nt_fork();
    if (pid == 0) {
        s->head.list.next = &s->head.list;
        s->head.offset = offsetof(struct shared, word) - offsetof(struct shared, node);
        s->head.pending = &s->node;
        s->word = syscall(SYS_gettid);
        syscall(SYS_set_robust_list, &s->head, sizeof s->head);
        _exit(0);
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(s->word, FUTEX_OWNER_DIED);
}

TEST(robust_list_that_never_ends_does_not_keep_the_thread)
{
    struct shared {
        struct robust_head head;
        struct robust_node a, b;
    } *s = (struct shared *)shared_words();
    pid_t pid = nt_fork();
    if (pid == 0) {
        s->head.list.next = &s->a;
        s->a.next = &s->b;
        s->b.next = &s->a;
        s->head.offset = 64;
        syscall(SYS_set_robust_list, &s->head, sizeof s->head);
        _exit(7);
    }
    EXPECT_EXIT(pid, 7);
}

TEST(cleartid_word_stays_when_nobody_shares_the_memory)
{
    uint32_t *words = shared_words();
    pid_t pid = nt_fork();
    if (pid == 0) {
        words[0] = 5;
        syscall(SYS_set_tid_address, words);
        _exit(0);
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(words[0], 5);
}
