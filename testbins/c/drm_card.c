/* proves A14: a dumb buffer is one memory, mapped or shown. What /dev/dri/card0 says of itself, who may set modes. */
#include "nacre_test.h"
#include "drm_test.h"

TEST(the_driver_names_itself)
{
    int fd = open_card();
    char name[32] = "", desc[64] = "", date[32] = "";
    struct drm_version v = { 0 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_VERSION, &v));
    EXPECT_EQ(v.name_len, strlen("virtio_gpu"));
    v.name = name;
    v.desc = desc;
    v.date = date;
    v.name_len = 6;
    v.desc_len = sizeof desc;
    v.date_len = sizeof date;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_VERSION, &v));
    EXPECT_STREQ(name, "virtio");
    EXPECT_STREQ(desc, "virtio GPU");
    EXPECT_EQ(v.name_len, 10);
    EXPECT_EQ(v.version_major, 0);
    EXPECT_EQ(v.version_minor, 1);
}

TEST(the_node_is_character_device_226_0)
{
    struct stat st;
    int fd = open_card();
    ASSERT_OK(fstat(fd, &st));
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(st.st_rdev, 226 << 8);
}

static uint64_t cap(int fd, uint64_t which)
{
    struct drm_get_cap c = { .capability = which, .value = 77 };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_GET_CAP, &c));
    return c.value;
}

TEST(capabilities)
{
    int fd = open_card();
    struct drm_get_cap unknown = { .capability = 0x1234 };
    EXPECT_EQ(cap(fd, DRM_CAP_DUMB_BUFFER), 1);
    EXPECT_EQ(cap(fd, DRM_CAP_TIMESTAMP_MONOTONIC), 1);
    EXPECT_EQ(cap(fd, DRM_CAP_CRTC_IN_VBLANK_EVENT), 1);
    EXPECT_EQ(cap(fd, DRM_CAP_ASYNC_PAGE_FLIP), 0);
    EXPECT_EQ(cap(fd, DRM_CAP_CURSOR_WIDTH), 64);
    EXPECT_EQ(cap(fd, DRM_CAP_CURSOR_HEIGHT), 64);
    EXPECT_EQ(cap(fd, DRM_CAP_ADDFB2_MODIFIERS), 0);
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_GET_CAP, &unknown), EINVAL);
}

TEST(client_capabilities)
{
    int fd = open_card();
    struct drm_set_client_cap planes = { .capability = DRM_CLIENT_CAP_UNIVERSAL_PLANES, .value = 1 };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &planes));
    planes.value = 2;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &planes), EINVAL);
    struct drm_set_client_cap unknown = { .capability = 99, .value = 1 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &unknown), EINVAL);
}

TEST(unknown_commands_are_refused)
{
    int fd = open_card();
    uint32_t word = 0;
    EXPECT_ERRNO(ioctl(fd, DRM_IOWR(0xf0, uint32_t), &word), EINVAL);
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_VERSION, NT_BAD), EFAULT);
    char byte;
    EXPECT_ERRNO(write(fd, "x", 1), EINVAL);
    int flags = fcntl(fd, F_GETFL);
    EXPECT_OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    EXPECT_ERRNO(read(fd, &byte, 1), EAGAIN);
}

TEST(there_is_one_master)
{
    int first = open_card(), second = open_card();
    uint32_t magic = 0;
    struct drm_auth auth = { 0 };
    /* Somebody else may be master already. */
    if (ioctl(first, DRM_IOCTL_SET_MASTER, 0) == -1)
        SKIP("the card has a master");
    EXPECT_ERRNO(ioctl(second, DRM_IOCTL_SET_MASTER, 0), EBUSY);
    EXPECT_ERRNO(ioctl(second, DRM_IOCTL_DROP_MASTER, 0), EINVAL);
    struct drm_mode_crtc off = { 0 };
    EXPECT_ERRNO(ioctl(second, DRM_IOCTL_MODE_SETCRTC, &off), EACCES);
    EXPECT_OK(ioctl(second, DRM_IOCTL_GET_MAGIC, &auth));
    magic = auth.magic;
    EXPECT_TRUE(magic != 0);
    EXPECT_OK(ioctl(second, DRM_IOCTL_GET_MAGIC, &auth));
    EXPECT_EQ(auth.magic, magic);
    EXPECT_ERRNO(ioctl(second, DRM_IOCTL_AUTH_MAGIC, &auth), EACCES);
    EXPECT_OK(ioctl(first, DRM_IOCTL_AUTH_MAGIC, &auth));
    auth.magic = 12345;
    EXPECT_ERRNO(ioctl(first, DRM_IOCTL_AUTH_MAGIC, &auth), EINVAL);
    EXPECT_OK(ioctl(first, DRM_IOCTL_DROP_MASTER, 0));
    EXPECT_OK(ioctl(second, DRM_IOCTL_SET_MASTER, 0));
    EXPECT_ERRNO(ioctl(first, DRM_IOCTL_MODE_SETCRTC, &off), EACCES);
    close(second);
    EXPECT_OK(ioctl(first, DRM_IOCTL_SET_MASTER, 0));
}

TEST(an_ordinary_user_is_no_master_again)
{
    int fd = open_card();
    EXPECT_OK(ioctl(fd, DRM_IOCTL_DROP_MASTER, 0));
    pid_t pid = nt_fork();
    if (pid == 0) {
        ASSERT_OK(setresuid(1000, 1000, 1000));
        EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_SET_MASTER, 0), EACCES);
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
}

TEST(dumb_buffers_are_zeroed_shared_memory)
{
    int fd = open_card();
    struct drm_mode_create_dumb create = { .width = 100, .height = 50, .bpp = 32 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
    EXPECT_EQ(create.pitch, 400);
    EXPECT_EQ(create.size, 20480);
    EXPECT_TRUE(create.handle != 0);
    struct drm_mode_map_dumb map = { .handle = create.handle };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map));
    EXPECT_EQ(map.offset % 4096, 0);
    unsigned char *one = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.offset);
    unsigned char *two = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.offset);
    ASSERT_TRUE(one != MAP_FAILED && two != MAP_FAILED);
    EXPECT_EQ(one[0] | one[create.size - 1], 0);
    pid_t pid = nt_fork();
    if (pid == 0) {
        one[5] = 42;
        nt_done();
    }
    EXPECT_EXIT(pid, 0);
    EXPECT_EQ(two[5], 42);
    EXPECT_TRUE(mmap(NULL, create.size + 4096, PROT_READ, MAP_SHARED, fd, map.offset) == MAP_FAILED && errno == EINVAL);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, map.offset + 4096) == MAP_FAILED && errno == EINVAL);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, map.offset) == MAP_FAILED && errno == EINVAL);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
    /* The mapping outlives the handle. */
    struct drm_mode_destroy_dumb destroy = { create.handle };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy));
    EXPECT_EQ(one[5], 42);
    one[6] = 43;
    EXPECT_EQ(two[6], 43);
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy), EINVAL);
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map), ENOENT);
}

TEST(senseless_buffers_are_refused)
{
    int fd = open_card();
    struct drm_mode_create_dumb none = { .width = 0, .height = 50, .bpp = 32 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &none), EINVAL);
    struct drm_mode_create_dumb huge = { .width = 0x10000, .height = 0x10000, .bpp = 32 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &huge), EINVAL);
    struct drm_mode_create_dumb depth = { .width = 64, .height = 64, .bpp = 16 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &depth), EINVAL);
    struct drm_gem_close close = { .handle = 4321 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_GEM_CLOSE, &close), EINVAL);
}

TEST(handles_are_a_clients_own)
{
    int one = open_card(), two = open_card();
    struct drm_mode_create_dumb create = { .width = 64, .height = 64, .bpp = 32 };
    ASSERT_OK(ioctl(one, DRM_IOCTL_MODE_CREATE_DUMB, &create));
    struct drm_mode_map_dumb map = { .handle = create.handle };
    EXPECT_ERRNO(ioctl(two, DRM_IOCTL_MODE_MAP_DUMB, &map), ENOENT);
    ASSERT_OK(ioctl(one, DRM_IOCTL_MODE_MAP_DUMB, &map));
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, two, map.offset) == MAP_FAILED && errno == EACCES);
}


static uint64_t available(void)
{
    char text[4096] = "";
    int fd = open("/proc/meminfo", O_RDONLY);
    ASSERT_TRUE(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    const char *line = strstr(text, "MemAvailable:");
    return line ? strtoull(line + 13, NULL, 10) : 0;
}

/* Making them until there are no more leaves a machine that works, and all of it comes back. */
TEST(buffers_do_not_take_all_memory)
{
    int fd = open_card();
    uint64_t before = available();
    struct drm_mode_create_dumb create = { 0 };
    int made = 0, refused = 0;
    for (; made < 4096 && !refused; made++) {
        create = (struct drm_mode_create_dumb){ .width = 1024, .height = 1024, .bpp = 32 };
        if (ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create) == -1)
            refused = errno;
    }
    EXPECT_EQ(refused, ENOMEM);
    EXPECT_TRUE(made > 1);
    pid_t pid = nt_fork();
    if (pid == 0)
        nt_done();
    EXPECT_EXIT(pid, 0);
    close(fd);
    /* Linux gives it back when the device has answered. */
    while (available() + 16384 < before)
        usleep(10000);
    fd = open_card();
    create = (struct drm_mode_create_dumb){ .width = 1024, .height = 1024, .bpp = 32 };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
}

TEST(blobs_do_not_take_all_memory)
{
    int fd = open_card();
    static char bytes[65536];
    struct drm_mode_create_blob make = { .data = (uintptr_t)bytes, .length = sizeof bytes };
    for (int made = 0; made < 8; made++)
        ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATEPROPBLOB, &make));
    struct drm_mode_destroy_blob destroy = { make.blob_id };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_DESTROYPROPBLOB, &destroy));
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DESTROYPROPBLOB, &destroy), ENOENT);
}
