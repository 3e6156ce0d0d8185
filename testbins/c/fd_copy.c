/* Bytes moved inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice. */
#include "nacre_test.h"
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static int source(const char *text)
{
    nt_dir();
    nt_put("in", text);
    return ASSERT_OK(open("in", O_RDWR));
}

static int sink(void)
{
    return ASSERT_OK(open("out", O_RDWR | O_CREAT, 0600));
}

TEST(sendfile_copies_from_the_source_offset)
{
    char text[16];
    int in = source("0123456789"), out = sink();
    EXPECT_EQ(lseek(in, 3, SEEK_SET), 3);
    EXPECT_EQ(sendfile(out, in, NULL, 4), 4);
    EXPECT_EQ(lseek(in, 0, SEEK_CUR), 7);
    nt_get("out", text, sizeof text);
    EXPECT_STREQ(text, "3456");
}

TEST(sendfile_with_an_offset_updates_it_and_not_the_file)
{
    off_t at = 5;
    int in = source("0123456789"), out = sink();
    EXPECT_EQ(sendfile(out, in, &at, 100), 5);
    EXPECT_EQ(at, 10);
    EXPECT_EQ(lseek(in, 0, SEEK_CUR), 0);
    EXPECT_EQ(sendfile(out, in, &at, 100), 0);
}

TEST(sendfile_feeds_a_pipe)
{
    int p[2], in = source("hello");
    char buf[8];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(sendfile(p[1], in, NULL, 5), 5);
    EXPECT_EQ(read(p[0], buf, 8), 5);
    EXPECT_MEMEQ(buf, "hello", 5);
}

TEST(sendfile_from_a_pipe_is_einval_without_splice_on_output)
{
    int p[2], in = source("hello");
    ASSERT_OK(pipe(p));
    int append = ASSERT_OK(open("out", O_WRONLY | O_APPEND | O_CREAT, 0600));
    EXPECT_ERRNO(sendfile(append, in, NULL, 5), EINVAL);
    EXPECT_ERRNO(sendfile(p[0], in, NULL, 5), EBADF);
    EXPECT_ERRNO(sendfile(p[1], 999, NULL, 5), EBADF);
    EXPECT_ERRNO(syscall(SYS_sendfile, p[1], in, NT_BAD, 5), EFAULT);
}

TEST(copy_file_range_copies_between_offsets)
{
    char text[16];
    loff_t from = 2, to = 1;
    int in = source("0123456789"), out = sink();
    EXPECT_EQ(syscall(SYS_copy_file_range, in, &from, out, &to, 3, 0), 3);
    EXPECT_EQ(from, 5);
    EXPECT_EQ(to, 4);
    EXPECT_EQ(nt_get("out", text, sizeof text), 4);
    EXPECT_MEMEQ(text, "\0" "234", 4);
    EXPECT_EQ(lseek(in, 0, SEEK_CUR) + lseek(out, 0, SEEK_CUR), 0);
}

TEST(copy_file_range_stops_at_the_end_of_the_source)
{
    int in = source("abc"), out = sink();
    EXPECT_EQ(syscall(SYS_copy_file_range, in, NULL, out, NULL, 100, 0), 3);
    EXPECT_EQ(syscall(SYS_copy_file_range, in, NULL, out, NULL, 100, 0), 0);
}

TEST(copy_file_range_refuses_overlap_flags_and_pipes)
{
    int p[2];
    loff_t from = 0, to = 2;
    int in = source("0123456789"), out = sink();
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(syscall(SYS_copy_file_range, in, &from, in, &to, 5, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_copy_file_range, in, NULL, out, NULL, 5, 1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_copy_file_range, in, NULL, p[1], NULL, 5, 0), EINVAL);
    int dir = ASSERT_OK(open(".", O_RDONLY));
    EXPECT_ERRNO(syscall(SYS_copy_file_range, dir, NULL, out, NULL, 5, 0), EISDIR);
    int reader = ASSERT_OK(open("out", O_RDONLY));
    EXPECT_ERRNO(syscall(SYS_copy_file_range, in, NULL, reader, NULL, 5, 0), EBADF);
}

TEST(splice_moves_file_to_pipe_and_back)
{
    int p[2];
    char text[16];
    loff_t from = 1;
    int in = source("0123456789"), out = sink();
    ASSERT_OK(pipe(p));
    EXPECT_EQ(splice(in, &from, p[1], NULL, 5, 0), 5);
    EXPECT_EQ(from, 6);
    EXPECT_EQ(splice(p[0], NULL, out, NULL, 100, 0), 5);
    nt_get("out", text, sizeof text);
    EXPECT_STREQ(text, "12345");
}

TEST(splice_between_two_pipes)
{
    int a[2], b[2];
    char buf[8];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    EXPECT_EQ(write(a[1], "abcdef", 6), 6);
    EXPECT_EQ(splice(a[0], NULL, b[1], NULL, 4, 0), 4);
    EXPECT_EQ(read(b[0], buf, 8), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
    EXPECT_EQ(read(a[0], buf, 8), 2);
}

TEST(splice_needs_a_pipe_and_no_offset_for_it)
{
    int p[2];
    loff_t at = 0;
    int in = source("abc"), out = sink();
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(splice(in, NULL, out, NULL, 3, 0), EINVAL);
    EXPECT_ERRNO(splice(in, NULL, p[1], &at, 3, 0), ESPIPE);
    EXPECT_ERRNO(splice(in, NULL, p[0], NULL, 3, 0), EBADF);
    EXPECT_ERRNO(splice(in, NULL, p[1], NULL, 3, 0x100), EINVAL);
    EXPECT_EQ(splice(in, NULL, p[1], NULL, 0, 0), 0);
}

TEST(splice_from_an_empty_pipe_nonblocking_is_eagain)
{
    int a[2], b[2];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    EXPECT_ERRNO(splice(a[0], NULL, b[1], NULL, 4, SPLICE_F_NONBLOCK), EAGAIN);
    close(a[1]);
    EXPECT_EQ(splice(a[0], NULL, b[1], NULL, 4, SPLICE_F_NONBLOCK), 0);
}

TEST(splice_into_a_pipe_without_readers_is_epipe)
{
    int p[2], in = source("abc");
    ASSERT_OK(pipe(p));
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    EXPECT_ERRNO(splice(in, NULL, p[1], NULL, 3, 0), EPIPE);
}

TEST(tee_copies_without_consuming)
{
    int a[2], b[2];
    char buf[8];
    ASSERT_OK(pipe(a));
    ASSERT_OK(pipe(b));
    EXPECT_EQ(write(a[1], "abc", 3), 3);
    EXPECT_EQ(tee(a[0], b[1], 2, 0), 2);
    EXPECT_EQ(read(b[0], buf, 8), 2);
    EXPECT_EQ(read(a[0], buf, 8), 3);
    EXPECT_MEMEQ(buf, "abc", 3);
}

TEST(tee_wants_two_different_pipes)
{
    int a[2], in = source("abc");
    ASSERT_OK(pipe(a));
    EXPECT_ERRNO(tee(a[0], a[1], 2, 0), EINVAL);
    EXPECT_ERRNO(tee(in, a[1], 2, 0), EINVAL);
    EXPECT_ERRNO(tee(999, a[1], 2, 0), EBADF);
}

TEST(vmsplice_puts_memory_into_a_pipe)
{
    int p[2];
    char buf[8];
    struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } };
    ASSERT_OK(pipe(p));
    EXPECT_EQ(vmsplice(p[1], out, 2, 0), 5);
    EXPECT_EQ(read(p[0], buf, 8), 5);
    EXPECT_MEMEQ(buf, "abcde", 5);
    EXPECT_ERRNO(vmsplice(999, out, 1, 0), EBADF);
    int in = source("abc");
    EXPECT_ERRNO(vmsplice(in, out, 1, 0), EBADF);
}

TEST(sendfile_of_a_large_file_arrives_whole)
{
    enum { SIZE = 300000 };
    int in = source(""), out = sink();
    unsigned *words = malloc(SIZE), *back = malloc(SIZE);
    for (unsigned i = 0; i < SIZE / 4; i++)
        words[i] = i * 2654435761u;
    ASSERT_EQ(write(in, words, SIZE), SIZE);
    off_t at = 0;
    while (at < SIZE)
        ASSERT_TRUE(sendfile(out, in, &at, SIZE - at) > 0);
    ASSERT_EQ(pread(out, back, SIZE, 0), SIZE);
    EXPECT_MEMEQ(back, words, SIZE);
}

TEST(copy_file_range_carries_holes_as_zeros)
{
    enum { SIZE = 150000 };
    static char data[SIZE], back[SIZE];
    int in = source(""), out = sink();
    ASSERT_OK(ftruncate(in, SIZE));
    for (int at = 5000; at < SIZE; at += 40000) {
        memset(data + at, at / 5000, 3000);
        ASSERT_EQ(pwrite(in, data + at, 3000, at), 3000);
    }
    loff_t from = 0, to = 0;
    while (from < SIZE)
        ASSERT_TRUE(syscall(SYS_copy_file_range, in, &from, out, &to, SIZE - from, 0) > 0);
    ASSERT_EQ(pread(out, back, SIZE, 0), SIZE);
    EXPECT_MEMEQ(back, data, SIZE);
}

TEST(copy_file_range_within_one_page_of_one_file)
{
    char text[2048];
    int in = source("");
    for (int i = 0; i < 600; i++)
        text[i] = (char)('a' + i % 26);
    ASSERT_EQ(write(in, text, 600), 600);
    loff_t from = 0, to = 1000;
    EXPECT_EQ(syscall(SYS_copy_file_range, in, &from, in, &to, 600, 0), 600);
    ASSERT_EQ(pread(in, text + 1000, 600, 1000), 600);
    EXPECT_MEMEQ(text + 1000, text, 600);
}
