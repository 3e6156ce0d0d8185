/* Descriptors under load: many threads on one table, bytes through chains of pipes, locks that change hands. */
#include "nacre_test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

enum { THREADS = 4, ROUNDS = 1500 };

static unsigned roll(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static int open_count(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* Any call may fail, for others close what it works on; none may hang or bring the machine down. */
static void *shuffle(void *arg)
{
    unsigned seed = (unsigned)(long)arg;
    char buf[256] = "";
    for (int i = 0; i < ROUNDS; i++) {
        int a = 20 + roll(&seed) % 20, b = 20 + roll(&seed) % 20, p[2];
        struct flock lock = { .l_type = roll(&seed) % 3, .l_start = roll(&seed) % 8, .l_len = 1 };
        switch (roll(&seed) % 12) {
        case 0:
            if (pipe2(p, O_NONBLOCK) == 0) {
                dup2(p[0], a);
                dup2(p[1], b);
                close(p[0]);
                close(p[1]);
            }
            break;
        case 1:
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0) {
                dup2(p[0], a);
                dup2(p[1], b);
                close(p[0]);
                close(p[1]);
            }
            break;
        case 2:
            p[0] = open("f", O_RDWR | O_CREAT | O_NONBLOCK, 0600);
            if (p[0] != -1) {
                dup2(p[0], a);
                close(p[0]);
            }
            break;
        case 3:
            p[0] = eventfd(1, EFD_NONBLOCK);
            if (p[0] != -1) {
                dup3(p[0], a, O_CLOEXEC);
                close(p[0]);
            }
            break;
        case 4:
            close(a);
            break;
        case 5:
            dup2(a, b);
            break;
        case 6:
            read(a, buf, 1 + roll(&seed) % sizeof buf);
            break;
        case 7:
            write(a, buf, 1 + roll(&seed) % sizeof buf);
            break;
        case 8:
            splice(a, NULL, b, NULL, 1 + roll(&seed) % 300, SPLICE_F_NONBLOCK);
            break;
        case 9:
            tee(a, b, 100, SPLICE_F_NONBLOCK);
            lseek(a, 0, SEEK_SET);
            break;
        case 10:
            fcntl(a, F_SETLK, &lock);
            break;
        default:
            sendfile(b, a, NULL, roll(&seed) % 300);
            ftruncate(a, 1000);
        }
    }
    return NULL;
}

TEST_LIMIT(threads_shuffle_one_table, 120)
{
    pthread_t threads[THREADS];
    nt_dir();
    signal(SIGPIPE, SIG_IGN);
    int before = open_count();
    for (long i = 0; i < THREADS; i++)
        ASSERT_EQ(pthread_create(&threads[i], NULL, shuffle, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ASSERT_OK(syscall(SYS_close_range, 20, 39, 0));
    EXPECT_EQ(open_count(), before);
}

enum { TOTAL = 1 << 20 };

static unsigned char byte_at(long at)
{
    return (unsigned char)(at * 7 ^ at >> 8 ^ at >> 13);
}

TEST_LIMIT(bytes_keep_their_order_through_a_chain, 120)
{
    int a[2], b[2], s[2];
    static unsigned char buf[5000];
    unsigned seed = 7;
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t writer = nt_fork();
    if (writer == 0) {
        for (long at = 0; at < TOTAL;) {
            long want = 1 + roll(&seed) % sizeof buf;
            want = want < TOTAL - at ? want : TOTAL - at;
            for (long i = 0; i < want; i++)
                buf[i] = byte_at(at + i);
            ASSERT_EQ(write(a[1], buf, want), want);
            at += want;
        }
        nt_done();
    }
    pid_t mover = nt_fork();
    if (mover == 0) {
        close(a[1]);
        for (long n; (n = splice(a[0], NULL, b[1], NULL, 1 + roll(&seed) % 9000, 0)) != 0;)
            ASSERT_TRUE(n > 0);
        nt_done();
    }
    pid_t sender = nt_fork();
    if (sender == 0) {
        close(a[1]);
        close(b[1]);
        for (long n; (n = splice(b[0], NULL, s[0], NULL, 1 + roll(&seed) % 9000, 0)) != 0;)
            ASSERT_TRUE(n > 0);
        nt_done();
    }
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
    for (long at = 0; at < TOTAL;) {
        long n = read(s[1], buf, 1 + roll(&seed) % sizeof buf);
        ASSERT_TRUE(n > 0);
        for (long i = 0; i < n; i++)
            ASSERT_EQ(buf[i], byte_at(at + i));
        at += n;
    }
    EXPECT_EXIT(writer, 0);
    EXPECT_EXIT(mover, 0);
    EXPECT_EXIT(sender, 0);
}

TEST_LIMIT(locks_keep_others_out_while_they_change_hands, 120)
{
    enum { EACH = 300 };
    nt_dir();
    nt_put("f", "");
    int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[THREADS];
    ASSERT_TRUE(count != MAP_FAILED);
    for (int p = 0; p < THREADS; p++) {
        pids[p] = nt_fork();
        if (pids[p])
            continue;
        int fd = ASSERT_OK(open("f", O_RDWR));
        for (int i = 0; i < EACH; i++) {
            struct flock lock = { .l_type = F_WRLCK };
            if (p % 2)
                ASSERT_OK(flock(fd, LOCK_EX));
            ASSERT_OK(fcntl(fd, F_SETLKW, &lock));
            int seen = *(volatile int *)count;
            if (i % 16 == 0)
                sched_yield();
            *(volatile int *)count = seen + 1;
            lock.l_type = F_UNLCK;
            ASSERT_OK(fcntl(fd, F_SETLK, &lock));
            if (p % 2)
                ASSERT_OK(flock(fd, LOCK_UN));
        }
        nt_done();
    }
    for (int p = 0; p < THREADS; p++)
        EXPECT_EXIT(pids[p], 0);
    EXPECT_EQ(*count, THREADS * EACH);
}
