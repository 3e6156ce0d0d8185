/* Storms on address spaces: races of map and unmap, copy-on-write under load, exhaustion within a limit. */
#include "nacre_test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static volatile int stop, wrong;

static void *map_and_unmap(void *seed)
{
    unsigned n = (unsigned)(long)seed;
    while (!stop) {
        size_t length = (n++ % 16 + 1) * PAGE;
        char *at = mmap(NULL, length, RW, ANON, -1, 0);
        if (at == MAP_FAILED) {
            wrong++;
            break;
        }
        memset(at, n, length);
        wrong += at[length - 1] != (char)n;
        mprotect(at, PAGE, PROT_READ);
        munmap(at, length);
    }
    return NULL;
}

TEST_LIMIT(eight_threads_map_and_unmap, 120)
{
    pthread_t t[8];
    for (long i = 0; i < 8; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, map_and_unmap, (void *)i), 0);
    nt_sleep_ms(1500);
    stop = 1;
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(wrong, 0);
}

static char *volatile contested;
static void *write_contested(NT_UNUSED void *unused)
{
    while (!stop)
        for (int i = 0; i < 64 && !stop; i++)
            contested[i * PAGE] = 1;
    return NULL;
}

TEST_LIMIT(pages_dropped_while_another_thread_writes, 120)
{
    pthread_t t;
    contested = mmap(NULL, 64 * PAGE, RW, ANON, -1, 0);
    ASSERT_EQ(pthread_create(&t, NULL, write_contested, NULL), 0);
    for (int i = 0; i < 500; i++)
        ASSERT_OK(madvise(contested, 64 * PAGE, MADV_DONTNEED));
    stop = 1;
    pthread_join(t, NULL);
    EXPECT_OK(madvise(contested, 64 * PAGE, MADV_DONTNEED));
    for (int i = 0; i < 64; i++)
        EXPECT_EQ(contested[i * PAGE], 0);
}

static void *count_up(void *word)
{
    while (!stop)
        ++*(volatile long *)word;
    return NULL;
}

TEST_LIMIT(stale_translations_never_let_a_write_through, 120)
{
    pthread_t t;
    pid_t pid = nt_fork();
    if (pid == 0) {
        /* The thread writes a page while this one takes the right away: the write must fault at once. */
        long *word = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pthread_create(&t, NULL, count_up, word);
        while (*(volatile long *)word < 1000)
            sched_yield();
        mprotect(word, PAGE, PROT_READ);
        long then = *(volatile long *)word;
        /* The thread's processor may stand still for a while. */
        for (int i = 0; i < 30000; i++)
            nt_sleep_ms(1);
        _exit(*(volatile long *)word == then ? 1 : 2);
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

TEST_LIMIT(freed_pages_never_show_in_another_process, 120)
{
    /* One process fills and frees pages with a mark; another looks for it in fresh zero pages. */
    pid_t writer = nt_fork();
    if (writer == 0)
        for (;;) {
            char *at = mmap(NULL, 64 * PAGE, RW, ANON, -1, 0);
            memset(at, 0xa5, 64 * PAGE);
            munmap(at, 64 * PAGE);
        }
    for (int round = 0; round < 200; round++) {
        unsigned long *at = mmap(NULL, 64 * PAGE, RW, ANON, -1, 0);
        ASSERT_TRUE(at != MAP_FAILED);
        for (int i = 0; i < 64 * PAGE / 8; i++)
            ASSERT_EQ(at[i], 0);
        ASSERT_OK(munmap(at, 64 * PAGE));
    }
    kill(writer, SIGKILL);
    EXPECT_KILLED(writer, SIGKILL);
}

TEST_LIMIT(copy_on_write_chain_of_fifty_generations, 120)
{
    unsigned char *at = mmap(NULL, 32 * PAGE, RW, ANON, -1, 0);
    int generation;
    for (generation = 0; generation < 50; generation++) {
        for (int i = 0; i < 32; i++)
            if (i % 4 == generation % 4)
                at[i * PAGE] = generation;
        pid_t pid = nt_fork();
        if (pid) {
            int status;
            waitpid(pid, &status, 0);
            for (int i = 0; i < 32; i++)
                if (i % 4 == generation % 4 && at[i * PAGE] != generation)
                    nt_failures++;
            if (generation)
                _exit(status || nt_failures ? 1 : 0);
            EXPECT_EQ(status, 0);
            return;
        }
    }
    _exit(0);
}

static void *fork_now_and_then(NT_UNUSED void *unused)
{
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
    stop = 1;
    return NULL;
}

TEST_LIMIT(fork_while_a_thread_writes_keeps_every_write, 120)
{
    pthread_t t;
    volatile long *words = mmap(NULL, 16 * PAGE, RW, ANON, -1, 0);
    long n = 0;
    ASSERT_EQ(pthread_create(&t, NULL, fork_now_and_then, NULL), 0);
    while (!stop) {
        for (int i = 0; i < 16; i++)
            words[i * 512]++;
        n++;
    }
    pthread_join(t, NULL);
    for (int i = 0; i < 16; i++)
        EXPECT_EQ(words[i * 512], n);
}

TEST_LIMIT(exhausting_the_address_limit_fails_and_recovers, 120)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct rlimit r = { 96 << 20, 96 << 20 };
        ASSERT_OK(setrlimit(RLIMIT_AS, &r));
        for (int round = 0; round < 3; round++) {
            char *blocks[200];
            int n = 0;
            while (n < 200 && (blocks[n] = mmap(NULL, 1 << 20, RW, ANON, -1, 0)) != MAP_FAILED)
                blocks[n++][0] = 1;
            EXPECT_TRUE(n > 50 && n < 97);
            EXPECT_ERRNO(mmap(NULL, 1 << 20, RW, ANON, -1, 0), ENOMEM);
            while (n > 0)
                ASSERT_OK(munmap(blocks[--n], 1 << 20));
        }
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

static long free_kib(void)
{
    char text[4096];
    nt_get("/proc/meminfo", text, sizeof text);
    const char *at = strstr(text, "MemFree:");
    return at ? strtol(at + 8, NULL, 10) : 0;
}

TEST_LIMIT(memory_comes_back_after_processes_die, 120)
{
    long before = free_kib();
    for (int round = 0; round < 20; round++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            char *at = mmap(NULL, 8 << 20, RW, ANON, -1, 0);
            memset(at, 1, 8 << 20);
            _exit(0);
        }
        EXPECT_EXIT(pid, 0);
    }
    /* twenty times 8 MiB would be 160 MiB gone */
    for (int i = 0; i < 6000 && free_kib() < before - (40 << 10); i++)
        nt_sleep_ms(10);
    EXPECT_TRUE(free_kib() > before - (40 << 10));
}

TEST_LIMIT(memory_hog_is_killed_and_the_others_live, 120)
{
    char text[64];
    pid_t hog = nt_fork();
    if (hog == 0) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY);
        if (fd == -1 || write(fd, "1000", 4) != 4)
            _exit(78);
        for (;;) {
            char *at = mmap(NULL, 4 << 20, RW, ANON, -1, 0);
            if (at == MAP_FAILED)
                _exit(77);
            memset(at, 1, 4 << 20);
        }
    }
    int status;
    EXPECT_EQ(waitpid(hog, &status, 0), hog);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_TRUE(nt_get("/proc/uptime", text, sizeof text) > 0);
    char *at = mmap(NULL, 8 << 20, RW, ANON, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    memset(at, 1, 8 << 20);
}

TEST_LIMIT(many_small_mappings_hit_the_map_count, 120)
{
    /* Every second page another protection: neighbours cannot merge. Linux stops at 65530. */
    enum { N = 70000 };
    char *at = mmap(NULL, (size_t)N * PAGE, PROT_READ, ANON, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    long done = 0;
    while (done < N && mprotect(at + done * PAGE, PAGE, PROT_NONE) == 0)
        done += 2;
    EXPECT_TRUE(done < N && errno == ENOMEM);
    EXPECT_TRUE(done > 60000 && done < 66000);
    EXPECT_OK(munmap(at, (size_t)N * PAGE));
}
