/* devpts, which names the slaves (man 4 pts). */
#include "nacre_test.h"
#include "pty_test.h"

static void own_devpts(const char *options)
{
    nt_dir();
    ASSERT_OK(mkdir("pts", 0755));
    ASSERT_OK(mount("devpts", "pts", "devpts", 0, options));
}

TEST(each_devpts_counts_from_zero)
{
    struct stat st;
    int n = -1;
    own_devpts("newinstance,gid=5,mode=620,ptmxmode=666");
    ASSERT_OK(stat("pts/ptmx", &st));
    EXPECT_EQ(st.st_mode & 07777, 0666);
    EXPECT_EQ(st.st_rdev, makedev(5, 2));
    master = ASSERT_OK(open("pts/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(master, TIOCGPTN, &n));
    EXPECT_EQ(n, 0);
    ASSERT_OK(stat("pts/0", &st));
    EXPECT_EQ(st.st_gid, 5);
    EXPECT_EQ(st.st_mode & 07777, 0620);
    EXPECT_ERRNO(access("pts/1", F_OK), ENOENT);
    EXPECT_OK(close(master));
    EXPECT_ERRNO(access("pts/0", F_OK), ENOENT);
    EXPECT_OK(umount("pts"));
}

TEST(ptmx_elsewhere_belongs_to_the_devpts_beside_it)
{
    int n = -1;
    own_devpts("max=1");
    ASSERT_OK(mknod("ptmx", S_IFCHR | 0666, makedev(5, 2)));
    master = ASSERT_OK(open("ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(master, TIOCGPTN, &n));
    EXPECT_EQ(n, 0);
    EXPECT_OK(access("pts/0", F_OK));
    EXPECT_ERRNO(open("ptmx", O_RDWR | O_NOCTTY), ENOSPC);
    close(master);
    ASSERT_OK(mkdir("bare", 0755));
    ASSERT_OK(mknod("bare/ptmx", S_IFCHR | 0666, makedev(5, 2)));
    EXPECT_ERRNO(open("bare/ptmx", O_RDWR | O_NOCTTY), ENOENT);
    ASSERT_OK(mkdir("bare/pts", 0755));
    EXPECT_ERRNO(open("bare/ptmx", O_RDWR | O_NOCTTY), ENODEV);
    EXPECT_OK(umount("pts"));
}

TEST(devpts_directory_is_the_kernels_own)
{
    struct statfs fs;
    own_devpts(NULL);
    struct stat st;
    ASSERT_OK(stat("pts/ptmx", &st));
    EXPECT_EQ(st.st_mode & 07777, 0);
    EXPECT_ERRNO(mkdir("pts/dir", 0755), EPERM);
    EXPECT_ERRNO(unlink("pts/ptmx"), EPERM);
    EXPECT_ERRNO(access("pts/00", F_OK), ENOENT);
    ASSERT_OK(statfs("pts", &fs));
    EXPECT_EQ(fs.f_type, 0x1cd1);
    EXPECT_ERRNO(mount("devpts", "pts", "devpts", 0, "colour=red"), EINVAL);
    EXPECT_OK(umount("pts"));
}

TEST(slave_by_a_stray_node_is_eio)
{
    pair();
    nt_dir();
    ASSERT_OK(mknod("stray", S_IFCHR | 0666, makedev(136, number)));
    EXPECT_ERRNO(open("stray", O_RDWR | O_NOCTTY), EIO);
}
