/* /proc/<pid>/fd and fdinfo: what the links show, and where they lead. */
#include "nacre_test.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>

static const char *link_of(int fd)
{
    static char path[4][48];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, 48, "/proc/self/fd/%d", fd);
    return out;
}

static const char *target_of(int fd)
{
    static char target[512];
    memset(target, 0, sizeof target);
    EXPECT_OK(readlink(link_of(fd), target, sizeof target - 1));
    return target;
}

TEST(links_name_what_has_no_path)
{
    struct stat st;
    char want[64];
    int p[2], s[2];
    ASSERT_OK(pipe(p));
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    fstat(p[0], &st);
    snprintf(want, sizeof want, "pipe:[%lu]", (unsigned long)st.st_ino);
    EXPECT_STREQ(target_of(p[0]), want);
    EXPECT_STREQ(target_of(p[1]), want);
    fstat(s[1], &st);
    snprintf(want, sizeof want, "socket:[%lu]", (unsigned long)st.st_ino);
    EXPECT_STREQ(target_of(s[1]), want);
    EXPECT_STREQ(target_of(ASSERT_OK(eventfd(0, 0))), "anon_inode:[eventfd]");
    EXPECT_STREQ(target_of(ASSERT_OK(epoll_create1(0))), "anon_inode:[eventpoll]");
    EXPECT_STREQ(target_of(ASSERT_OK(memfd_create("pearl", 0))), "/memfd:pearl (deleted)");
}

TEST(links_have_the_mode_of_their_file)
{
    struct stat st;
    nt_dir();
    nt_put("f", "x");
    int r = ASSERT_OK(open("f", O_RDONLY)), w = ASSERT_OK(open("f", O_WRONLY)), b = ASSERT_OK(open("f", O_RDWR)),
        p = ASSERT_OK(open("f", O_PATH));
    EXPECT_OK(lstat(link_of(r), &st));
    EXPECT_EQ(st.st_mode, S_IFLNK | 0500);
    EXPECT_EQ(st.st_size, 64);
    EXPECT_OK(lstat(link_of(w), &st));
    EXPECT_EQ(st.st_mode, S_IFLNK | 0300);
    EXPECT_OK(lstat(link_of(b), &st));
    EXPECT_EQ(st.st_mode, S_IFLNK | 0700);
    EXPECT_OK(lstat(link_of(p), &st));
    EXPECT_EQ(st.st_mode, S_IFLNK);
    EXPECT_OK(stat(link_of(p), &st));
    EXPECT_EQ(st.st_mode & S_IFMT, S_IFREG);
}

TEST(links_lead_to_files_without_a_name)
{
    char c = 0;
    nt_dir();
    nt_put("f", "data");
    int fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(unlink("f"));
    int again = ASSERT_OK(open(link_of(fd), O_RDWR));
    EXPECT_EQ(pwrite(again, "D", 1, 0), 1);
    EXPECT_EQ(read(fd, &c, 1), 1);
    EXPECT_EQ(c, 'D');
    fd = ASSERT_OK(memfd_create("m", 0));
    EXPECT_EQ(write(fd, "abc", 3), 3);
    again = ASSERT_OK(open(link_of(fd), O_RDONLY));
    EXPECT_EQ(read(again, &c, 1), 1);
    EXPECT_EQ(c, 'a');
}

TEST(links_reopen_pipes_and_no_sockets)
{
    int p[2], s[2];
    char c = 0;
    ASSERT_OK(pipe(p));
    int w = ASSERT_OK(open(link_of(p[0]), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    EXPECT_EQ(write(w, "z", 1), 1);
    EXPECT_EQ(read(p[0], &c, 1), 1);
    EXPECT_EQ(c, 'z');
    close(p[1]);
    close(w);
    EXPECT_EQ(read(p[0], &c, 1), 0);
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    EXPECT_ERRNO(open(link_of(s[0]), O_RDWR), ENXIO);
    EXPECT_ERRNO(open(link_of(ASSERT_OK(eventfd(0, 0))), O_RDWR), ENXIO);
    EXPECT_ERRNO(open(link_of(p[0]), O_RDONLY | O_NOFOLLOW), ELOOP);
    EXPECT_ERRNO(open(link_of(p[0]), O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    EXPECT_ERRNO(open("/proc/self/fd/12345", O_WRONLY | O_CREAT, 0600), ENOENT);
}

TEST(links_are_places_to_go)
{
    char here[256], there[256];
    nt_dir();
    ASSERT_TRUE(getcwd(here, sizeof here) != NULL);
    ASSERT_OK(mkdir("d", 0755));
    nt_put("d/f", "x");
    int fd = ASSERT_OK(open("d", O_RDONLY | O_DIRECTORY));
    char path[96];
    snprintf(path, sizeof path, "%s/f", link_of(fd));
    EXPECT_OK(access(path, R_OK));
    snprintf(path, sizeof path, "%s/../d/f", link_of(fd));
    EXPECT_OK(access(path, R_OK));
    EXPECT_OK(chdir(link_of(fd)));
    ASSERT_TRUE(getcwd(there, sizeof there) != NULL);
    snprintf(path, sizeof path, "/d");
    EXPECT_STREQ(there + strlen(here), "/d");
}

TEST(a_file_made_without_a_name_gets_one_by_its_link)
{
    char c = 0;
    nt_dir();
    int fd = ASSERT_OK(open(".", O_TMPFILE | O_RDWR, 0600));
    EXPECT_EQ(write(fd, "q", 1), 1);
    EXPECT_OK(linkat(AT_FDCWD, link_of(fd), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    fd = ASSERT_OK(open("named", O_RDONLY));
    EXPECT_EQ(read(fd, &c, 1), 1);
    EXPECT_EQ(c, 'q');
}

TEST(the_directory_lists_and_counts_what_is_open)
{
    struct stat st;
    int seen[32] = { 0 }, count = 0;
    DIR *dir = opendir("/proc/self/fd");
    ASSERT_TRUE(dir != NULL);
    int high = ASSERT_OK(fcntl(0, F_DUPFD, 20));
    for (struct dirent *e; (e = readdir(dir));) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] == '.')
            continue;
        EXPECT_EQ(e->d_type, DT_LNK);
        EXPECT_OK(fcntl(fd, F_GETFD));
        if (fd < 32)
            seen[fd]++;
        count++;
    }
    EXPECT_TRUE(seen[0] == 1 && seen[1] == 1 && seen[2] == 1 && seen[dirfd(dir)] == 1 && seen[high] == 1);
    EXPECT_OK(stat("/proc/self/fd", &st));
    EXPECT_EQ(st.st_size, count);
    close(high);
    EXPECT_OK(stat("/proc/self/fd", &st));
    EXPECT_EQ(st.st_size, count - 1);
    EXPECT_ERRNO(readlink("/proc/self/fd/00", (char *)seen, 4), ENOENT);
}

TEST(inode_numbers_of_listings_are_those_of_stat)
{
    static const char *const dirs[] = { "/proc/self/fd", "/proc/self/task", "/proc/self/fdinfo", "/proc/sys/kernel" };
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        DIR *dir = opendir(dirs[i]);
        ASSERT_TRUE(dir != NULL);
        for (struct dirent *e; (e = readdir(dir));) {
            struct stat st;
            if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(dir))
                continue;
            if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                EXPECT_EQ(st.st_ino, e->d_ino);
        }
        closedir(dir);
    }
}

static char info[4096];

static const char *info_of(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    EXPECT_TRUE(nt_get(path, info, sizeof info) > 0);
    return info;
}

TEST(fdinfo_tells_of_the_object)
{
    struct stat st;
    char want[64];
    int fd = ASSERT_OK(eventfd(42, EFD_NONBLOCK));
    EXPECT_TRUE(strstr(info_of(fd), "eventfd-count:               2a\n") != NULL);
    EXPECT_TRUE(strstr(info, "flags:\t04002\n") != NULL);
    /* A number tells it from others. */
    char *id = strstr(info, "\neventfd-id: ");
    ASSERT_TRUE(id != NULL);
    int first = atoi(id + 13);
    id = strstr(info_of(ASSERT_OK(eventfd(0, 0))), "\neventfd-id: ");
    ASSERT_TRUE(id != NULL);
    EXPECT_TRUE(atoi(id + 13) != first);
    int ep = ASSERT_OK(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x1234 };
    ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
    snprintf(want, sizeof want, "tfd: %8d events: %8x data: %16llx ", fd, EPOLLIN | EPOLLERR | EPOLLHUP, 0x1234ULL);
    EXPECT_TRUE(strstr(info_of(ep), want) != NULL);
    EXPECT_TRUE(strstr(info, "flags:\t02000002\n") != NULL);
    nt_dir();
    nt_put("f", "x");
    fd = ASSERT_OK(open("f", O_RDONLY));
    ASSERT_OK(fstat(fd, &st));
    snprintf(want, sizeof want, "ino:\t%lu\n", (unsigned long)st.st_ino);
    EXPECT_TRUE(strstr(info_of(fd), want) != NULL);
    EXPECT_TRUE(strstr(info, "mnt_id:\t") != NULL);
}

TEST(fdinfo_of_a_master_has_the_number_of_its_slave)
{
    char want[32];
    int number = -1, fd = ASSERT_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_OK(ioctl(fd, TIOCGPTN, &number));
    snprintf(want, sizeof want, "\ntty-index:\t%d\n", number);
    EXPECT_TRUE(strstr(info_of(fd), want) != NULL);
}

TEST(fdinfo_lists_watches_newest_first)
{
    nt_dir();
    nt_put("f", "x");
    int fd = ASSERT_OK(inotify_init1(0));
    ASSERT_OK(inotify_add_watch(fd, "f", IN_MODIFY));
    ASSERT_OK(inotify_add_watch(fd, ".", IN_CREATE));
    char *two = strstr(info_of(fd), "\ninotify wd:2 "), *one = strstr(info, "\ninotify wd:1 ");
    EXPECT_TRUE(one != NULL && two != NULL && two < one);
}

TEST(fdinfo_shows_locks)
{
    nt_dir();
    nt_put("f", "0123456789");
    int fd = ASSERT_OK(open("f", O_RDWR));
    ASSERT_OK(flock(fd, LOCK_EX));
    EXPECT_TRUE(strstr(info_of(fd), "lock:\t1: FLOCK  ADVISORY  WRITE ") != NULL);
    ASSERT_OK(flock(fd, LOCK_UN));
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3 };
    ASSERT_OK(fcntl(fd, F_SETLK, &lock));
    EXPECT_TRUE(strstr(info_of(fd), "lock:\t1: POSIX  ADVISORY  READ ") != NULL);
    EXPECT_TRUE(strstr(info, " 2 4\n") != NULL);
}

TEST(fdinfo_position_of_the_file_being_read)
{
    char path[64];
    int fd = ASSERT_OK(open("/dev/null", O_RDONLY));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int self = ASSERT_OK(open(path, O_RDONLY));
    ASSERT_OK(dup2(self, fd));
    memset(info, 0, sizeof info);
    EXPECT_TRUE(read(fd, info, sizeof info - 1) > 0);
    EXPECT_TRUE(strncmp(info, "pos:\t0\n", 7) == 0);
}
