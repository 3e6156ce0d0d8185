/* Named pipes: opening waits for the other side; afterwards they are pipes. */
#include "nacre_test.h"
#include <poll.h>

static void fifo(void)
{
    nt_dir();
    ASSERT_OK(mkfifo("p", 0600));
}

TEST(fifo_shows_as_one_and_has_no_size)
{
    struct stat st;
    fifo();
    EXPECT_OK(stat("p", &st));
    EXPECT_TRUE(S_ISFIFO(st.st_mode));
    EXPECT_EQ(st.st_mode & 0777, 0600);
    EXPECT_EQ(st.st_size, 0);
    EXPECT_ERRNO(mkfifo("p", 0600), EEXIST);
}

TEST(fifo_nonblocking_writer_without_reader_is_enxio)
{
    fifo();
    EXPECT_ERRNO(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
}

TEST(fifo_nonblocking_reader_opens_at_once)
{
    char c;
    fifo();
    int r = ASSERT_OK(open("p", O_RDONLY | O_NONBLOCK));
    EXPECT_EQ(read(r, &c, 1), 0);
    int w = ASSERT_OK(open("p", O_WRONLY | O_NONBLOCK));
    EXPECT_ERRNO(read(r, &c, 1), EAGAIN);
    EXPECT_EQ(write(w, "x", 1), 1);
    EXPECT_EQ(read(r, &c, 1), 1);
    close(w);
    EXPECT_EQ(read(r, &c, 1), 0);
}

TEST(fifo_open_read_write_never_waits)
{
    char c;
    fifo();
    int fd = ASSERT_OK(open("p", O_RDWR));
    EXPECT_EQ(write(fd, "x", 1), 1);
    EXPECT_EQ(read(fd, &c, 1), 1);
}

TEST(fifo_open_blocks_until_the_other_side_comes)
{
    char c = 0;
    fifo();
    pid_t pid = nt_fork();
    if (pid == 0) {
        int w = ASSERT_OK(open("p", O_WRONLY));
        EXPECT_EQ(write(w, "q", 1), 1);
        nt_done();
    }
    nt_await_state(pid, 'S');
    int r = ASSERT_OK(open("p", O_RDONLY));
    EXPECT_EQ(read(r, &c, 1), 1);
    EXPECT_EQ(c, 'q');
    EXPECT_EQ(read(r, &c, 1), 0);
    EXPECT_EXIT(pid, 0);
}

TEST(fifo_open_is_interrupted_by_a_signal)
{
    fifo();
    pid_t pid = nt_fork();
    if (pid == 0) {
        struct sigaction act = { 0 };
        act.sa_handler = nt_on_alarm;
        sigaction(SIGUSR1, &act, NULL);
        EXPECT_ERRNO(open("p", O_RDONLY), EINTR);
        nt_done();
    }
    nt_await_state(pid, 'S');
    kill(pid, SIGUSR1);
    EXPECT_EXIT(pid, 0);
}

TEST(fifo_can_be_opened_again_after_both_sides_left)
{
    char c;
    fifo();
    int fd = ASSERT_OK(open("p", O_RDWR));
    EXPECT_EQ(write(fd, "old", 3), 3);
    close(fd);
    int r = ASSERT_OK(open("p", O_RDONLY | O_NONBLOCK));
    EXPECT_EQ(read(r, &c, 1), 0);
}

TEST(fifo_survives_unlink_while_open)
{
    char c;
    fifo();
    int fd = ASSERT_OK(open("p", O_RDWR));
    ASSERT_OK(unlink("p"));
    EXPECT_EQ(write(fd, "x", 1), 1);
    EXPECT_EQ(read(fd, &c, 1), 1);
}

TEST(fifo_poll_before_any_writer_has_no_hangup)
{
    fifo();
    int r = ASSERT_OK(open("p", O_RDONLY | O_NONBLOCK));
    struct pollfd p = { r, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 0);
    int w = ASSERT_OK(open("p", O_WRONLY));
    close(w);
    EXPECT_EQ(poll(&p, 1, 0), 1);
    EXPECT_EQ(p.revents, POLLHUP);
}

TEST(fifo_lseek_is_espipe)
{
    fifo();
    int fd = ASSERT_OK(open("p", O_RDWR));
    EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    EXPECT_ERRNO(ftruncate(fd, 0), EINVAL);
}
