/* memfd_create and its seals. */
#include "nacre_test.h"

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#define F_SEAL_WRITE 8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

static int memfd(unsigned flags)
{
    return ASSERT_OK(syscall(SYS_memfd_create, "name", flags));
}

// proves A14
TEST(memfd_is_an_unlinked_file)
{
    struct stat st;
    char path[64], target[64] = "";
    int fd = memfd(0);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, 0);
    EXPECT_EQ(st.st_nlink, 0);
    EXPECT_EQ(st.st_mode, S_IFREG | 0777);
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_OK(readlink(path, target, sizeof target - 1));
    EXPECT_STREQ(target, "/memfd:name (deleted)");
}

// proves A14
TEST(memfd_pages_are_shared_by_mapping_and_write)
{
    char c;
    int fd = memfd(0);
    ASSERT_OK(ftruncate(fd, 4096));
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    pid_t pid = nt_fork();
    if (pid == 0) {
        at[9] = 'c';
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(pread(fd, &c, 1, 9), 1);
    EXPECT_EQ(c, 'c');
}

TEST(memfd_create_checks_flags_name_and_cloexec)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[249] = 0;
    EXPECT_OK(syscall(SYS_memfd_create, name, 0));
    name[249] = 'n';
    name[250] = 0;
    EXPECT_ERRNO(syscall(SYS_memfd_create, name, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_memfd_create, "x", 0x1000), EINVAL);
    EXPECT_ERRNO(syscall(SYS_memfd_create, NT_BAD, 0), EFAULT);
    EXPECT_EQ(fcntl(memfd(1 /* MFD_CLOEXEC */), F_GETFD), FD_CLOEXEC);
}

// proves A14
TEST(memfd_without_allow_sealing_is_sealed_against_seals)
{
    int fd = memfd(0);
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
}

// proves A14
TEST(seal_shrink_and_grow_bind_the_size)
{
    int fd = memfd(2 /* MFD_ALLOW_SEALING */);
    ASSERT_OK(ftruncate(fd, 100));
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), 0);
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    EXPECT_ERRNO(ftruncate(fd, 50), EPERM);
    EXPECT_OK(ftruncate(fd, 200));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    EXPECT_ERRNO(ftruncate(fd, 300), EPERM);
    EXPECT_ERRNO(fallocate(fd, 0, 0, 300), EPERM);
    EXPECT_EQ(pwrite(fd, "x", 1, 10), 1);
    EXPECT_ERRNO(pwrite(fd, "x", 1, 5000), EPERM);
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
}

// proves A14
TEST(seal_write_refuses_write_mappings_and_punches)
{
    int fd = memfd(2);
    ASSERT_OK(ftruncate(fd, 4096));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    EXPECT_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
    EXPECT_ERRNO(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    EXPECT_ERRNO(fallocate(fd, 3 /* punch, keep size */, 0, 4096), EPERM);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}

// proves A14
TEST(seal_write_is_busy_while_a_writable_mapping_exists)
{
    int fd = memfd(2);
    ASSERT_OK(ftruncate(fd, 4096));
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(at != MAP_FAILED);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    at[0] = 'w';
    EXPECT_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
    ASSERT_OK(munmap(at, 4096));
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

TEST(seal_seal_ends_sealing)
{
    int fd = memfd(2);
    EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    EXPECT_ERRNO(fcntl(memfd(2), F_ADD_SEALS, 0x100), EINVAL);
}

TEST(seals_want_a_memfd)
{
    int p[2];
    ASSERT_OK(pipe(p));
    EXPECT_ERRNO(fcntl(p[0], F_GET_SEALS), EINVAL);
    char path[64];
    int fd = memfd(2);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reader = ASSERT_OK(open(path, O_RDONLY));
    EXPECT_ERRNO(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

TEST(memfd_keeps_a_hole_sparse)
{
    struct stat st;
    int fd = memfd(0);
    ASSERT_OK(ftruncate(fd, 1 << 30));
    EXPECT_EQ(pwrite(fd, "x", 1, 1 << 29), 1);
    EXPECT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, 1 << 30);
    EXPECT_TRUE(st.st_blocks <= 4096);
}
