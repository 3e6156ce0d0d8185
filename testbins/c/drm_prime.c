/* proves A14: a display buffer's pages are seen by whoever is passed its descriptor (A3.4). dma-bufs, and what /sys shows. */
#include "nacre_test.h"
#include "drm_test.h"
#include <linux/dma-buf.h>
#include <sys/socket.h>

static int export(int card, uint32_t handle, uint32_t flags)
{
    struct drm_prime_handle p = { .handle = handle, .flags = flags, .fd = -1 };
    ASSERT_OK(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &p));
    ASSERT_TRUE(p.fd >= 0);
    return p.fd;
}

static struct drm_mode_create_dumb create(int card)
{
    struct drm_mode_create_dumb c = { .width = 64, .height = 64, .bpp = 32 };
    ASSERT_OK(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &c));
    return c;
}

TEST(an_exported_buffer_is_the_same_memory)
{
    int card = open_card();
    struct drm_mode_create_dumb c = create(card);
    struct drm_mode_map_dumb map = { .handle = c.handle };
    ASSERT_OK(ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map));
    unsigned char *mine = mmap(NULL, c.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
    int fd = export(card, c.handle, DRM_CLOEXEC | DRM_RDWR);
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(lseek(fd, 0, SEEK_END), (off_t)c.size);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    EXPECT_ERRNO(lseek(fd, 1, SEEK_SET), EINVAL);
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_size, (off_t)c.size);
    unsigned char *other = mmap(NULL, c.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(mine != MAP_FAILED && other != MAP_FAILED);
    other[4097] = 17;
    EXPECT_EQ(mine[4097], 17);
    EXPECT_TRUE(mmap(NULL, c.size + 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, c.size) == MAP_FAILED && errno == EINVAL);
    char byte, link[64] = "", path[64];
    EXPECT_ERRNO(read(fd, &byte, 1), EINVAL);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    EXPECT_TRUE(readlink(path, link, sizeof link - 1) > 0);
    EXPECT_STREQ(link, "/dmabuf:");
}

TEST(a_read_only_export_is_not_written)
{
    int card = open_card();
    struct drm_mode_create_dumb c = create(card);
    int fd = export(card, c.handle, 0);
    EXPECT_EQ(fcntl(fd, F_GETFD), 0);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    struct drm_prime_handle wrong = { .handle = c.handle, .flags = 0x10 };
    EXPECT_ERRNO(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &wrong), EINVAL);
    wrong.flags = 0;
    wrong.handle = 4321;
    EXPECT_ERRNO(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &wrong), ENOENT);
}

TEST(access_is_announced)
{
    int card = open_card();
    struct drm_mode_create_dumb c = create(card);
    int fd = export(card, c.handle, DRM_RDWR);
    struct dma_buf_sync sync = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
    EXPECT_OK(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync));
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE;
    EXPECT_OK(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync));
    sync.flags = DMA_BUF_SYNC_END;
    EXPECT_ERRNO(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), EINVAL);
    sync.flags = 0x100;
    EXPECT_ERRNO(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), EINVAL);
    EXPECT_ERRNO(ioctl(fd, 0x6299, &sync), ENOTTY);
}

TEST(an_import_gives_the_handle_there_is)
{
    int card = open_card();
    struct drm_mode_create_dumb c = create(card);
    int fd = export(card, c.handle, DRM_RDWR), pipes[2];
    struct drm_prime_handle p = { .fd = fd };
    ASSERT_OK(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p));
    EXPECT_EQ(p.handle, c.handle);
    ASSERT_OK(pipe(pipes));
    p.fd = pipes[0];
    EXPECT_ERRNO(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p), EINVAL);
    p.fd = 999;
    EXPECT_ERRNO(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &p), EBADF);
}

TEST(a_passed_buffer_outlives_who_made_it)
{
    int s[2];
    ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    int card = open_card();
    pid_t pid = nt_fork();
    if (pid == 0) {
        int own = open_card();
        struct drm_mode_create_dumb c = create(own);
        int fd = export(own, c.handle, DRM_RDWR | DRM_CLOEXEC);
        unsigned char *p = mmap(NULL, c.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ASSERT_TRUE(p != MAP_FAILED);
        p[9] = 99;
        char control[CMSG_SPACE(sizeof fd)] = { 0 };
        struct iovec iov = { "x", 1 };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
        ASSERT_EQ(sendmsg(s[1], &m, 0), 1);
        nt_done();
    }
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { &byte, 1 };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    ASSERT_EQ(recvmsg(s[0], &m, 0), 1);
    EXPECT_EXIT(pid, 0);
    int fd;
    ASSERT_TRUE(CMSG_FIRSTHDR(&m) != NULL);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    unsigned char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_TRUE(p != MAP_FAILED);
    EXPECT_EQ(p[9], 99);
    /* Another client imports it and makes a picture of it. */
    struct drm_prime_handle in = { .fd = fd };
    ASSERT_OK(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &in));
    struct drm_mode_fb_cmd add = { .width = 64, .height = 64, .pitch = 256, .bpp = 32, .depth = 24, .handle = in.handle };
    EXPECT_OK(ioctl(card, DRM_IOCTL_MODE_ADDFB, &add));
}

static void expect_text(const char *path, const char *want)
{
    char text[256];
    if (nt_get(path, text, sizeof text) <= 0)
        text[0] = 0;
    if (strcmp(text, want) != 0)
        nt_say("# %s\n", path);
    EXPECT_STREQ(text, want);
}

TEST(sysfs_shows_the_card_and_its_display)
{
    char text[4096], link[256] = "";
    close(open_card());
    mkdir("/sys", 0755);
    if (access("/sys/class", F_OK) == -1)
        SKIP("no /sys");
    expect_text("/sys/class/drm/card0/dev", "226:0\n");
    expect_text("/sys/class/drm/card0-Virtual-1/status", "connected\n");
    ASSERT_TRUE(nt_get("/sys/class/drm/card0/uevent", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "DEVNAME=dri/card0\n") && strstr(text, "DEVTYPE=drm_minor\n") && strstr(text, "MAJOR=226\n"));
    ASSERT_TRUE(nt_get("/sys/class/drm/card0-Virtual-1/modes", text, sizeof text) > 0);
    EXPECT_TRUE(strchr(text, 'x') && strchr(text, '\n'));
    EXPECT_TRUE(nt_get("/sys/class/drm/card0-Virtual-1/edid", text, sizeof text) % 128 == 0);
    EXPECT_TRUE(readlink("/sys/dev/char/226:0", link, sizeof link - 1) > 0);
    EXPECT_TRUE(strstr(link, "/drm/card0"));
    memset(link, 0, sizeof link);
    EXPECT_TRUE(readlink("/sys/class/drm/card0/subsystem", link, sizeof link - 1) > 0);
    EXPECT_TRUE(strstr(link, "class/drm"));
    EXPECT_OK(access("/sys/class/drm/card0/device", F_OK));
}

TEST(sysfs_shows_input_devices)
{
    char text[4096];
    if (access("/dev/input/event0", F_OK) == -1)
        SKIP("no input device");
    if (access("/sys/class", F_OK) == -1)
        SKIP("no /sys");
    expect_text("/sys/class/input/event0/dev", "13:64\n");
    ASSERT_TRUE(nt_get("/sys/class/input/event0/uevent", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "DEVNAME=input/event0\n"));
    ASSERT_TRUE(nt_get("/sys/class/input/event0/device/name", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "QEMU Virtio"));
    ASSERT_TRUE(nt_get("/sys/class/input/event0/device/uevent", text, sizeof text) > 0);
    EXPECT_TRUE(strstr(text, "PRODUCT=6/627/") && strstr(text, "NAME=\"QEMU Virtio") && strstr(text, "EV="));
    expect_text("/sys/class/input/event0/device/id/bustype", "0006\n");
    ASSERT_TRUE(nt_get("/sys/class/input/event0/device/capabilities/ev", text, sizeof text) > 0);
}
