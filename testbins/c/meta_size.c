/* Sizes and listings: truncate, fallocate, getdents64. */
#include "nacre_test.h"

static int file(const char *text)
{
    nt_dir();
    nt_put("f", text);
    return ASSERT_OK(open("f", O_RDWR));
}

static off_t size_of(const char *path)
{
    struct stat st = { 0 };
    EXPECT_OK(stat(path, &st));
    return st.st_size;
}

TEST(truncate_cuts_and_extends_with_zeros)
{
    char buf[8];
    int fd = file("abcdef");
    EXPECT_OK(truncate("f", 3));
    EXPECT_EQ(size_of("f"), 3);
    EXPECT_OK(ftruncate(fd, 6));
    EXPECT_EQ(pread(fd, buf, 8, 0), 6);
    EXPECT_MEMEQ(buf, "abc\0\0\0", 6);
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(truncate_refusals)
{
    int p[2], fd = file("abc");
    int reader = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(truncate("f", -1), EINVAL);
    EXPECT_ERRNO(ftruncate(fd, -1), EINVAL);
    EXPECT_ERRNO(ftruncate(reader, 1), EINVAL);
    EXPECT_ERRNO(ftruncate(p[1], 1), EINVAL);
    EXPECT_ERRNO(ftruncate(999, 1), EBADF);
    EXPECT_ERRNO(truncate("missing", 1), ENOENT);
    EXPECT_ERRNO(truncate(".", 1), EISDIR);
    EXPECT_ERRNO(truncate("f/x", 1), ENOTDIR);
    EXPECT_ERRNO(truncate("/dev/null", 1), EINVAL);
}

TEST(truncate_below_the_offset_leaves_a_hole_at_the_next_write)
{
    char buf[8];
    int fd = file("abcdef");
    EXPECT_EQ(lseek(fd, 5, SEEK_SET), 5);
    EXPECT_OK(ftruncate(fd, 2));
    EXPECT_EQ(write(fd, "Z", 1), 1);
    EXPECT_EQ(pread(fd, buf, 8, 0), 6);
    EXPECT_MEMEQ(buf, "ab\0\0\0Z", 6);
}

TEST(truncate_gives_blocks_back)
{
    struct stat st;
    static char page[65536];
    int fd = file("");
    EXPECT_EQ(write(fd, page, sizeof page), (long)sizeof page);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 128);
    EXPECT_OK(ftruncate(fd, 4096));
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 8);
}

TEST(fallocate_extends_or_keeps_the_size)
{
    struct stat st;
    int fd = file("abc");
    EXPECT_OK(fallocate(fd, 0, 0, 10000));
    EXPECT_EQ(size_of("f"), 10000);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 24);
    EXPECT_OK(fallocate(fd, 1 /* KEEP_SIZE */, 0, 100000));
    EXPECT_EQ(size_of("f"), 10000);
}

TEST(fallocate_punch_hole_zeroes_the_middle)
{
    struct stat st;
    char buf[3];
    static char data[16384];
    int fd = file("");
    memset(data, 'd', sizeof data);
    EXPECT_EQ(write(fd, data, sizeof data), (long)sizeof data);
    EXPECT_OK(fallocate(fd, 3 /* PUNCH_HOLE | KEEP_SIZE */, 4095, 4098));
    EXPECT_EQ(pread(fd, buf, 3, 4094), 3);
    EXPECT_MEMEQ(buf, "d\0\0", 3);
    EXPECT_EQ(pread(fd, buf, 3, 8191), 3);
    EXPECT_MEMEQ(buf, "\0\0d", 3);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_blocks, 24);
    EXPECT_EQ(st.st_size, 16384);
    EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 4096);
}

TEST(fallocate_refusals)
{
    int p[2], fd = file("abc");
    int reader = ASSERT_OK(open("f", O_RDONLY)), dir = ASSERT_OK(open(".", O_RDONLY));
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(fallocate(fd, 0, -1, 10), EINVAL);
    EXPECT_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
    EXPECT_ERRNO(fallocate(fd, 0x1000, 0, 10), EOPNOTSUPP);
    EXPECT_ERRNO(fallocate(fd, 2, 0, 10), EOPNOTSUPP);
    EXPECT_ERRNO(fallocate(reader, 0, 0, 10), EBADF);
    EXPECT_ERRNO(fallocate(dir, 0, 0, 10), EBADF);
    EXPECT_ERRNO(fallocate(p[1], 0, 0, 10), ESPIPE);
    EXPECT_ERRNO(fallocate(999, 0, 0, 10), EBADF);
}

struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

/* Names joined by commas, sorted as they come, and how many there are. */
static int list(int fd, size_t room, unsigned *types)
{
    char buf[4096] __attribute__((aligned(8)));
    int entries = 0;
    for (long n; (n = syscall(SYS_getdents64, fd, buf, room)) > 0;)
        for (long at = 0; at < n;) {
            struct entry *e = (struct entry *)(buf + at);
            EXPECT_EQ(e->reclen % 8, 0);
            EXPECT_TRUE(e->ino != 0);
            if (types)
                *types |= 1u << e->type;
            entries++;
            at += e->reclen;
        }
    return entries;
}

TEST(getdents64_lists_everything_once_with_types)
{
    unsigned types = 0;
    nt_dir();
    nt_put("file", "x");
    ASSERT_OK(mkdir("dir", 0755));
    ASSERT_OK(symlink("x", "link"));
    ASSERT_OK(mkfifo("fifo", 0600));
    int dir = ASSERT_OK(open(".", O_RDONLY));
    EXPECT_EQ(list(dir, 4096, &types), 6);
    EXPECT_EQ(types, 1u << DT_REG | 1u << DT_DIR | 1u << DT_LNK | 1u << DT_FIFO);
    EXPECT_EQ(list(dir, 4096, NULL), 0);
    EXPECT_EQ(lseek(dir, 0, SEEK_SET), 0);
    EXPECT_EQ(list(dir, 4096, NULL), 6);
}

TEST(getdents64_works_with_small_buffers_and_many_entries)
{
    char name[16];
    nt_dir();
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "n%d", i);
        nt_put(name, "");
    }
    int dir = ASSERT_OK(open(".", O_RDONLY));
    EXPECT_EQ(list(dir, 64, NULL), 302);
}

TEST(getdents64_refusals)
{
    char buf[256];
    int fd = file("x"), dir = ASSERT_OK(open(".", O_RDONLY));
    EXPECT_ERRNO(syscall(SYS_getdents64, fd, buf, 256), ENOTDIR);
    EXPECT_ERRNO(syscall(SYS_getdents64, 999, buf, 256), EBADF);
    EXPECT_ERRNO(syscall(SYS_getdents64, dir, buf, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_getdents64, dir, NT_BAD, 256), EFAULT);
}

TEST(removing_while_listing_skips_nothing_else)
{
    char name[16];
    int seen = 0;
    nt_dir();
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "n%d", i);
        nt_put(name, "");
    }
    DIR *dir = opendir(".");
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] == 'n') {
            EXPECT_OK(unlink(e->d_name));
            seen++;
        }
    EXPECT_EQ(seen, 50);
}

TEST(getdents64_of_a_removed_directory_is_enoent)
{
    char buf[256];
    nt_dir();
    ASSERT_OK(mkdir("d", 0755));
    int dir = ASSERT_OK(open("d", O_RDONLY));
    ASSERT_OK(rmdir("d"));
    EXPECT_ERRNO(syscall(SYS_getdents64, dir, buf, 256), ENOENT);
}
