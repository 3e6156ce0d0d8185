/* flock, POSIX record locks and open-file-description locks; leases are not ours. */
#include "nacre_test.h"
#include "lock_test.h"

TEST(flock_exclusive_keeps_other_opens_out)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(flock(a, LOCK_EX));
    EXPECT_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EXPECT_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    EXPECT_OK(flock(a, LOCK_UN));
    EXPECT_OK(flock(b, LOCK_EX | LOCK_NB));
}

TEST(flock_shared_locks_coexist_and_convert)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(flock(a, LOCK_SH));
    EXPECT_OK(flock(b, LOCK_SH));
    EXPECT_ERRNO(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EXPECT_OK(flock(b, LOCK_UN));
    EXPECT_OK(flock(a, LOCK_EX | LOCK_NB));
}

TEST(flock_belongs_to_the_open_file_and_dies_with_its_last_descriptor)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR)), copy = ASSERT_OK(dup(a));
    EXPECT_OK(flock(a, LOCK_EX));
    EXPECT_OK(flock(copy, LOCK_EX | LOCK_NB));
    close(a);
    EXPECT_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    close(copy);
    EXPECT_OK(flock(b, LOCK_EX | LOCK_NB));
}

TEST(flock_wait_ends_when_the_holder_exits)
{
    int a = file();
    EXPECT_OK(flock(a, LOCK_EX));
    pid_t pid = nt_fork();
    if (pid == 0) {
        close(a);
        int b = ASSERT_OK(open("f", O_RDWR));
        EXPECT_OK(flock(b, LOCK_EX));
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(flock(a, LOCK_UN));
    EXPECT_EXIT(pid, 0);
}

TEST(flock_checks_operation_and_descriptor)
{
    int a = file();
    EXPECT_ERRNO(flock(a, 0), EINVAL);
    EXPECT_ERRNO(flock(999, LOCK_SH), EBADF);
    int path = ASSERT_OK(open("f", O_PATH));
    EXPECT_ERRNO(flock(path, LOCK_SH), EBADF);
}

TEST(record_lock_conflicts_between_processes_only)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 5));
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 5));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(lock(fd, F_SETLK, F_RDLCK, 4, 1), EAGAIN);
        EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 5, 5));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(record_getlk_tells_the_holder)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_RDLCK, 2, 3));
    pid_t parent = getpid(), pid = nt_fork();
    if (pid == 0) {
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        EXPECT_OK(fcntl(fd, F_GETLK, &l));
        EXPECT_EQ(l.l_type, F_RDLCK);
        EXPECT_EQ(l.l_start, 2);
        EXPECT_EQ(l.l_len, 3);
        EXPECT_EQ(l.l_pid, parent);
        l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET };
        EXPECT_OK(fcntl(fd, F_GETLK, &l));
        EXPECT_EQ(l.l_type, F_UNLCK);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(record_locks_split_and_merge)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
    EXPECT_OK(lock(fd, F_SETLK, F_UNLCK, 3, 4));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 3, 4));
        EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 2, 1), EAGAIN);
        EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 7, 1), EAGAIN);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(record_locks_vanish_when_any_descriptor_closes)
{
    int fd = file(), other = ASSERT_OK(open("f", O_RDONLY));
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    close(other);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(record_locks_are_not_inherited_by_fork)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_ERRNO(lock(fd, F_SETLK, F_WRLCK, 0, 0), EAGAIN);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(record_lock_wait_is_served_on_unlock)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
        nt_done();
    }
    nt_await_state(pid, 'S');
    EXPECT_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    EXPECT_EXIT(pid, 0);
}

TEST(record_lock_cycle_is_edeadlk)
{
    int fd = file();
    EXPECT_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(lock(fd, F_SETLK, F_WRLCK, 1, 1));
        raise(SIGSTOP);
        EXPECT_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
        nt_done();
    }
    EXPECT_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    kill(pid, SIGCONT);
    nt_await_state(pid, 'S');
    EXPECT_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    EXPECT_OK(lock(fd, F_SETLK, F_UNLCK, 0, 1));
    EXPECT_EXIT(pid, 0);
}

TEST(record_lock_checks_mode_type_and_range)
{
    file();
    int r = ASSERT_OK(open("f", O_RDONLY)), w = ASSERT_OK(open("f", O_WRONLY));
    EXPECT_ERRNO(lock(r, F_SETLK, F_WRLCK, 0, 1), EBADF);
    EXPECT_ERRNO(lock(w, F_SETLK, F_RDLCK, 0, 1), EBADF);
    EXPECT_ERRNO(lock(r, F_SETLK, 9, 0, 1), EINVAL);
    EXPECT_ERRNO(lock(r, F_SETLK, F_RDLCK, -5, 1), EINVAL);
    EXPECT_ERRNO(fcntl(r, F_SETLK, NT_BAD), EFAULT);
    struct flock l = { .l_type = F_RDLCK, .l_whence = 7 };
    EXPECT_ERRNO(fcntl(r, F_SETLK, &l), EINVAL);
    EXPECT_OK(lock(r, F_SETLK, F_RDLCK, 8, -3));
}

TEST(ofd_locks_belong_to_the_open_file)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
    EXPECT_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
    EXPECT_ERRNO(lock(b, F_SETLK, F_WRLCK, 0, 0), EAGAIN);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    struct flock l = { .l_type = F_WRLCK };
    EXPECT_OK(fcntl(b, F_OFD_GETLK, &l));
    EXPECT_EQ(l.l_type, F_WRLCK);
    EXPECT_EQ(l.l_pid, -1);
    l.l_pid = 1;
    EXPECT_ERRNO(fcntl(a, F_OFD_SETLK, &l), EINVAL);
    close(a);
    EXPECT_OK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0));
}

TEST(flock_and_record_locks_do_not_see_each_other)
{
    int a = file(), b = ASSERT_OK(open("f", O_RDWR));
    EXPECT_OK(flock(a, LOCK_EX));
    EXPECT_OK(lock(b, F_SETLK, F_WRLCK, 0, 0));
}
