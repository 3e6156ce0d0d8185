/* Moving bytes through descriptors: offsets, vectors, and what happens when user memory is partly bad. */
#include "nacre_test.h"
#include <limits.h>
#include <sys/uio.h>

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif

/* Two pages of which only the first is there; returns the address of the hole. */
static char *page_then_hole(void)
{
    char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    ASSERT_OK(munmap(at + 4096, 4096));
    memset(at, 'm', 4096);
    return at + 4096;
}

static int file_with(const char *text)
{
    nt_dir();
    nt_put("f", text);
    return ASSERT_OK(open("f", O_RDWR));
}

TEST(lseek_sets_moves_and_finds_the_end)
{
    int fd = file_with("0123456789");
    EXPECT_EQ(lseek(fd, 4, SEEK_SET), 4);
    EXPECT_EQ(lseek(fd, 3, SEEK_CUR), 7);
    EXPECT_EQ(lseek(fd, -2, SEEK_END), 8);
    EXPECT_EQ(lseek(fd, 100, SEEK_END), 110);
    char c;
    EXPECT_EQ(read(fd, &c, 1), 0);
}

TEST(lseek_refuses_bad_whence_and_negative_results)
{
    int fd = file_with("0123456789");
    EXPECT_ERRNO(lseek(fd, 0, 77), EINVAL);
    EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    EXPECT_ERRNO(lseek(fd, -11, SEEK_END), EINVAL);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_ERRNO(lseek(999, 0, SEEK_SET), EBADF);
}

TEST(lseek_on_a_pipe_is_espipe)
{
    int p[2];
    char c = 0;
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(lseek(p[0], 0, SEEK_CUR), ESPIPE);
    EXPECT_ERRNO(pread(p[0], &c, 1, 0), ESPIPE);
    EXPECT_ERRNO(pwrite(p[1], &c, 1, 0), ESPIPE);
}

TEST(lseek_data_and_hole_walk_a_sparse_file)
{
    int fd = file_with("");
    EXPECT_EQ(pwrite(fd, "x", 1, 1 << 20), 1);
    off_t data = EXPECT_OK(lseek(fd, 0, SEEK_DATA));
    EXPECT_TRUE(data > 0 && data <= 1 << 20);
    EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    EXPECT_EQ(lseek(fd, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
    EXPECT_ERRNO(lseek(fd, (1 << 20) + 1, SEEK_DATA), ENXIO);
}

TEST(writing_past_the_end_leaves_zeros_between)
{
    char buf[8];
    int fd = file_with("ab");
    EXPECT_EQ(pwrite(fd, "z", 1, 5), 1);
    EXPECT_EQ(pread(fd, buf, 8, 0), 6);
    EXPECT_MEMEQ(buf, "ab\0\0\0z", 6);
}

TEST(pread_and_pwrite_leave_the_offset_alone)
{
    char buf[4];
    int fd = file_with("abcdef");
    EXPECT_EQ(pread(fd, buf, 3, 2), 3);
    EXPECT_MEMEQ(buf, "cde", 3);
    EXPECT_EQ(pwrite(fd, "X", 1, 0), 1);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(pread_negative_offset_is_einval)
{
    char c = 0;
    int fd = file_with("abc");
    EXPECT_ERRNO(pread(fd, &c, 1, -1), EINVAL);
    EXPECT_ERRNO(pwrite(fd, &c, 1, -1), EINVAL);
}

TEST(read_at_the_end_is_zero_and_short_before_it)
{
    char buf[8];
    int fd = file_with("abc");
    EXPECT_EQ(read(fd, buf, 8), 3);
    EXPECT_EQ(read(fd, buf, 8), 0);
    EXPECT_EQ(pread(fd, buf, 8, 1000), 0);
}

TEST(read_of_length_zero_checks_the_descriptor_only)
{
    int fd = file_with("abc");
    EXPECT_EQ(read(fd, NULL, 0), 0);
    EXPECT_EQ(write(fd, NULL, 0), 0);
    EXPECT_ERRNO(read(999, NULL, 0), EBADF);
}

TEST(readv_and_writev_scatter_and_gather_in_order)
{
    char a[3], b[3];
    int fd = file_with("");
    struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
    EXPECT_EQ(writev(fd, out, 3), 6);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    struct iovec in[2] = { { a, 3 }, { b, 3 } };
    EXPECT_EQ(readv(fd, in, 2), 6);
    EXPECT_MEMEQ(a, "abc", 3);
    EXPECT_MEMEQ(b, "def", 3);
}

TEST(preadv_and_pwritev_use_their_offset)
{
    char a[2], b[2];
    int fd = file_with("0123456789");
    struct iovec out[2] = { { "A", 1 }, { "B", 1 } };
    EXPECT_EQ(pwritev(fd, out, 2, 4), 2);
    struct iovec in[2] = { { a, 2 }, { b, 2 } };
    EXPECT_EQ(preadv(fd, in, 2, 3), 4);
    EXPECT_MEMEQ(a, "3A", 2);
    EXPECT_MEMEQ(b, "B6", 2);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(pwritev2_append_flag_writes_at_the_end)
{
    char text[8];
    int fd = file_with("abc");
    struct iovec out = { "Z", 1 };
    EXPECT_EQ(syscall(SYS_pwritev2, fd, &out, 1, 0L, 0L, RWF_APPEND), 1);
    nt_get("f", text, sizeof text);
    EXPECT_STREQ(text, "abcZ");
    EXPECT_ERRNO(syscall(SYS_pwritev2, fd, &out, 1, 0L, 0L, 0x8000), EOPNOTSUPP);
}

TEST(preadv2_with_offset_minus_one_moves_the_file_offset)
{
    char c;
    int fd = file_with("abc");
    struct iovec in = { &c, 1 };
    EXPECT_EQ(syscall(SYS_preadv2, fd, &in, 1, -1L, -1L, 0), 1);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 1);
}

TEST(vector_counts_and_lengths_are_checked)
{
    char c;
    int fd = file_with("abc");
    struct iovec one = { &c, 1 }, minus = { &c, (size_t)-1 };
    EXPECT_ERRNO(readv(fd, &one, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_readv, fd, &one, 1025), EINVAL);
    EXPECT_ERRNO(readv(fd, &minus, 1), EINVAL);
    EXPECT_EQ(readv(fd, &one, 0), 0);
    EXPECT_ERRNO(syscall(SYS_readv, fd, NULL, 1), EFAULT);
}

TEST(writev_stops_at_a_bad_vector_and_reports_what_moved)
{
    char text[16];
    int fd = file_with("");
    struct iovec out[2] = { { "good", 4 }, { NT_BAD, 4 } };
    EXPECT_EQ(writev(fd, out, 2), 4);
    nt_get("f", text, sizeof text);
    EXPECT_STREQ(text, "good");
    struct iovec bad[2] = { { NT_BAD, 4 }, { "good", 4 } };
    EXPECT_ERRNO(writev(fd, bad, 2), EFAULT);
}

TEST(read_into_a_half_bad_buffer_returns_the_bytes_that_moved)
{
    char *hole = page_then_hole();
    int zero = ASSERT_OK(open("/dev/zero", O_RDONLY));
    long got = EXPECT_OK(read(zero, hole - 100, 200));
    EXPECT_TRUE(got > 0 && got <= 100);
    EXPECT_EQ(hole[-100], 0);
    EXPECT_EQ(hole[-101], 'm');
}

TEST(read_file_into_a_half_bad_buffer_returns_the_bytes_that_moved)
{
    char *hole = page_then_hole();
    int fd = file_with("0123456789");
    EXPECT_EQ(read(fd, hole - 4, 10), 4);
    EXPECT_MEMEQ(hole - 4, "0123", 4);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
    EXPECT_ERRNO(read(fd, hole, 4), EFAULT);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

TEST(write_file_from_a_half_bad_buffer_writes_the_good_half)
{
    char text[16];
    char *hole = page_then_hole();
    int fd = file_with("");
    EXPECT_EQ(write(fd, hole - 4, 10), 4);
    EXPECT_EQ(nt_get("f", text, sizeof text), 4);
    EXPECT_STREQ(text, "mmmm");
}

TEST(pipe_write_from_a_half_bad_buffer_is_efault_or_the_good_half)
{
    int p[2];
    char *hole = page_then_hole(), buf[16];
    ASSERT_OK(pipe2(p, O_NONBLOCK));
    long got = write(p[1], hole - 4, 10);
    EXPECT_TRUE(got == 4 || (got == -1 && errno == EFAULT));
    long there = read(p[0], buf, 16);
    EXPECT_EQ(there, got == 4 ? 4 : -1);
}

TEST(pipe_read_into_a_bad_buffer_keeps_the_bytes)
{
    int p[2];
    char buf[4];
    ASSERT_OK(pipe(p));
    EXPECT_EQ(write(p[1], "abcd", 4), 4);
    EXPECT_ERRNO(read(p[0], NT_BAD, 4), EFAULT);
    EXPECT_EQ(read(p[0], buf, 4), 4);
    EXPECT_MEMEQ(buf, "abcd", 4);
}

TEST(read_and_write_with_kernel_addresses_are_efault)
{
    int fd = file_with("abc");
    EXPECT_ERRNO(read(fd, NT_KERNEL, 3), EFAULT);
    EXPECT_ERRNO(write(fd, NT_KERNEL, 3), EFAULT);
    EXPECT_ERRNO(write(fd, NT_WILD, 3), EFAULT);
    EXPECT_ERRNO(read(fd, (void *)-1L, 3), EFAULT);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(read_only_page_as_read_target_is_efault)
{
    int fd = file_with("abc");
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(page != MAP_FAILED);
    EXPECT_ERRNO(read(fd, page, 3), EFAULT);
}

TEST(read_faults_in_a_lazy_and_a_copy_on_write_page)
{
    int fd = file_with("abc");
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_TRUE(page != MAP_FAILED);
    EXPECT_EQ(pread(fd, page + 4094, 3, 0), 3);
    EXPECT_MEMEQ(page + 4094, "abc", 3);
    pid_t pid = nt_fork();
    if (pid == 0) {
        EXPECT_EQ(pread(fd, page + 4095, 3, 0), 3);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_MEMEQ(page + 4094, "abc", 3);
}

TEST(huge_read_length_is_capped_not_refused)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = file_with("abc");
    EXPECT_EQ(syscall(SYS_read, fd, page, 0x7fffffffUL), 3);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    long got = syscall(SYS_read, fd, page, (size_t)SSIZE_MAX + 1);
    EXPECT_TRUE(got == -1 && (errno == EINVAL || errno == EFAULT));
}

TEST(fsync_family_accepts_files_and_refuses_pipes)
{
    int p[2], fd = file_with("abc");
    ASSERT_OK(pipe(p));
    EXPECT_OK(fsync(fd));
    EXPECT_OK(fdatasync(fd));
    EXPECT_OK(syscall(SYS_sync));
    EXPECT_OK(syscall(SYS_syncfs, fd));
    EXPECT_ERRNO(fsync(p[0]), EINVAL);
    EXPECT_ERRNO(fsync(999), EBADF);
    EXPECT_ERRNO(syscall(SYS_syncfs, 999), EBADF);
}

TEST(fadvise_and_readahead_check_their_arguments)
{
    int p[2], fd = file_with("abc");
    ASSERT_OK(pipe(p));
    EXPECT_EQ(syscall(SYS_fadvise64, fd, 0L, 0L, 3), 0);
    EXPECT_ERRNO(syscall(SYS_fadvise64, fd, 0L, 0L, 99), EINVAL);
    EXPECT_ERRNO(syscall(SYS_fadvise64, p[0], 0L, 0L, 0), ESPIPE);
    EXPECT_ERRNO(syscall(SYS_fadvise64, 999, 0L, 0L, 0), EBADF);
    EXPECT_ERRNO(syscall(SYS_readahead, 999, 0L, 1), EBADF);
}

TEST(sync_file_range_checks_flags_and_range)
{
    int fd = file_with("abc");
    EXPECT_OK(syscall(SYS_sync_file_range, fd, 0L, 0L, 7));
    EXPECT_ERRNO(syscall(SYS_sync_file_range, fd, 0L, 0L, 0x100), EINVAL);
    EXPECT_ERRNO(syscall(SYS_sync_file_range, fd, -1L, 1L, 7), EINVAL);
}

TEST(ioctl_wrong_for_the_file_is_enotty)
{
    int fd = file_with("abc");
    EXPECT_ERRNO(syscall(SYS_ioctl, fd, 0x5401 /* TCGETS */, NT_BAD), ENOTTY);
    EXPECT_ERRNO(syscall(SYS_ioctl, 999, 0x5401, NT_BAD), EBADF);
}

TEST(ioctl_fionbio_and_fioclex_set_flags)
{
    int p[2], on = 1, off = 0;
    ASSERT_OK(pipe(p));
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x5421 /* FIONBIO */, &on));
    EXPECT_TRUE(fcntl(p[0], F_GETFL) & O_NONBLOCK);
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x5421, &off));
    EXPECT_EQ(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0);
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x5451 /* FIOCLEX */));
    EXPECT_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    EXPECT_OK(syscall(SYS_ioctl, p[0], 0x5450 /* FIONCLEX */));
    EXPECT_EQ(fcntl(p[0], F_GETFD), 0);
    EXPECT_ERRNO(syscall(SYS_ioctl, p[0], 0x5421, NT_BAD), EFAULT);
}

TEST(ioctl_fionread_on_a_file_counts_to_the_end)
{
    int left = -1, fd = file_with("abcdef");
    EXPECT_EQ(lseek(fd, 2, SEEK_SET), 2);
    EXPECT_OK(syscall(SYS_ioctl, fd, 0x541b /* FIONREAD */, &left));
    EXPECT_EQ(left, 4);
}
