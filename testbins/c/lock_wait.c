/* Record locks that wait, overlap and belong to open files. */
#include "nacre_test.h"
#include "lock_test.h"
#include <pthread.h>

static void on_signal(NT_UNUSED int signo)
{
}

static void handle(int signo, int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    ASSERT_OK(sigaction(signo, &action, NULL));
}

TEST(wait_without_restart_is_eintr)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        handle(SIGUSR1, 0);
        EXPECT_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 0, 0), EINTR);
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    EXPECT_EXIT(pid, 0);
}

TEST(wait_with_restart_goes_on)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        handle(SIGUSR1, SA_RESTART);
        EXPECT_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    nt_sleep_ms(20);
    nt_await_state(pid, 'S');
    EXPECT_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    EXPECT_EXIT(pid, 0);
}

TEST(wait_ends_when_the_holder_closes_or_dies)
{
    int fd = file(), to[2];
    char c;
    ASSERT_OK(pipe(to));
    pid_t holder = nt_fork();
    if (holder == 0) {
        EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
        EXPECT_EQ(write(to[1], "x", 1), 1);
        pause();
    }
    EXPECT_EQ(read(to[0], &c, 1), 1);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(holder, SIGKILL);
    EXPECT_KILLED(holder, SIGKILL);
    EXPECT_EXIT(pid, 0);
}

TEST(dup3_over_a_descriptor_gives_its_locks_up)
{
    int fd = file(), null = ASSERT_OK(open("/dev/null", O_RDWR)), keep = ASSERT_OK(dup(fd));
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    EXPECT_EQ(dup3(null, fd, 0), fd);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(keep, F_SETLK, F_WRLCK, 0, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(a_read_lock_may_become_a_write_lock_when_alone)
{
    int fd = file(), to[2];
    char c;
    ASSERT_OK(pipe(to));
    EXPECT_OK(lock(fd, F_SETLK, F_RDLCK, 0, 10));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(fd, F_SETLK, F_RDLCK, 5, 10));
        EXPECT_EQ(write(to[1], "x", 1), 1);
        pause();
    }
    EXPECT_EQ(read(to[0], &c, 1), 1);
    EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 0, 10), EAGAIN);
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 5));
    kill(pid, SIGKILL);
    EXPECT_KILLED(pid, SIGKILL);
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
}

TEST(ranges_count_from_the_offset_and_the_end)
{
    int fd = file();
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -2, .l_len = 1 };
    EXPECT_OK(fcntl(fd, F_SETLK, &l));
    EXPECT_EQ(lseek(fd, 3, SEEK_SET), 3);
    l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 1, .l_len = 1 };
    EXPECT_OK(fcntl(fd, F_SETLK, &l));
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct flock got = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5 };
        EXPECT_OK(fcntl(fd, F_GETLK, &got));
        EXPECT_EQ(got.l_start, 8);
        EXPECT_EQ(got.l_len, 1);
        got = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5 };
        EXPECT_OK(fcntl(fd, F_GETLK, &got));
        EXPECT_EQ(got.l_start, 4);
        EXPECT_EQ(got.l_whence, SEEK_SET);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(ranges_past_the_greatest_offset_are_eoverflow)
{
    int fd = file();
    EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 0x7fffffffffffffffL, 2), EOVERFLOW);
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0x7fffffffffffffffL, 1));
    EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 3, -4), EINVAL);
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0x7fffffffffffffffL, .l_len = 1 };
    EXPECT_ERRNO(fcntl(fd, F_SETLK, &l), EOVERFLOW);
}

TEST(ofd_wait_is_served_on_unlock_and_never_a_deadlock)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 1));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(b, F_OFD_SETLKW, F_WRLCK, 0, 1));
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(lock(a, F_OFD_SETLK, F_UNLCK, 0, 1));
    EXPECT_EXIT(pid, 0);
}

TEST(ofd_commands_want_no_process)
{
    int fd = file();
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 1 };
    EXPECT_ERRNO(fcntl(fd, F_OFD_SETLK, &l), EINVAL);
    EXPECT_ERRNO(fcntl(fd, F_OFD_GETLK, &l), EINVAL);
    EXPECT_OK(fcntl(fd, F_SETLK, &l));
}

TEST(ofd_holder_is_told_as_process_minus_one)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(lock(a, F_OFD_SETLK, F_RDLCK, 2, 3));
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    EXPECT_OK(fcntl(b, F_OFD_GETLK, &l));
    EXPECT_EQ(l.l_type, F_RDLCK);
    EXPECT_EQ(l.l_pid, -1);
    EXPECT_EQ(l.l_start, 2);
    l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
    EXPECT_OK(fcntl(a, F_OFD_GETLK, &l));
    EXPECT_EQ(l.l_type, F_RDLCK);
    EXPECT_EQ(l.l_len, 3);
    l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
    EXPECT_ERRNO(fcntl(a, F_GETLK, &l), EINVAL);
}

static void *locker(void *arg)
{
    int fd = *(int *)arg;
    return (void *)(long)lock(fd, F_SETLK, F_WRLCK, 0, 0);
}

TEST(threads_share_their_process_locks)
{
    int fd = file();
    void *result = (void *)1;
    pthread_t thread;
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    ASSERT_EQ(pthread_create(&thread, NULL, locker, &fd), 0);
    pthread_join(thread, &result);
    EXPECT_EQ((long)result, 0);
}

TEST(locks_hang_on_anything_that_is_open)
{
    int p[2], null = ASSERT_OK(open("/dev/null", O_RDWR));
    ASSERT_OK(pipe(p));
    EXPECT_OK(flock(p[0], LOCK_SH | LOCK_NB));
    EXPECT_OK(flock(p[0], LOCK_UN));
    EXPECT_OK(flock(null, LOCK_SH | LOCK_NB));
    EXPECT_OK(lock(null, F_SETLK, F_RDLCK, 0, 1));
    EXPECT_OK(flock(p[0], 32 | LOCK_SH));
}
