/* proves A3.5: fences of atomic mode setting: a descriptor that says when a flip is over (OUT_FENCE_PTR), one that a
   flip waits for (IN_FENCE_FD), and what can be asked of either (linux/sync_file.h). */
#include "nacre_test.h"
#include "drm_stage.h"
#include <fcntl.h>
#include <linux/sync_file.h>
#include <sys/resource.h>
#include <time.h>

static const int32_t UNTOUCHED = 4242;

/* A descriptor of the end of a flip to `fb`. */
static int fenced(struct stage *s, uint32_t fb, uint32_t flags)
{
    int32_t fence = UNTOUCHED;
    ASSERT_OK(COMMIT(s, flags, { PLANE(s), "FB_ID", fb }, { CRTC(s), "OUT_FENCE_PTR", (uintptr_t)&fence }));
    ASSERT_TRUE(fence >= 0 && fence != UNTOUCHED);
    return fence;
}

static void wait_for(int fence)
{
    struct pollfd p = { fence, POLLIN | POLLRDNORM | POLLOUT, 0 };
    ASSERT_EQ(poll(&p, 1, 600000), 1);
    EXPECT_EQ(p.revents, POLLIN);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct sync_fence_info one_fence(int fence)
{
    struct sync_fence_info info = { 0 };
    struct sync_file_info file = { .num_fences = 1, .sync_fence_info = (uintptr_t)&info };
    ASSERT_OK(ioctl(fence, SYNC_IOC_FILE_INFO, &file));
    EXPECT_EQ(file.num_fences, 1);
    EXPECT_EQ(file.status, info.status);
    return info;
}

TEST(a_flip_gives_a_fence)
{
    struct stage s = set_up();
    int64_t before = now();
    int fence = fenced(&s, s.b.fb, 0);
    wait_for(fence);
    int64_t after = now();
    EXPECT_EQ(fcntl(fence, F_GETFD), FD_CLOEXEC);
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fence);
    ASSERT_TRUE(readlink(path, name, sizeof name - 1) > 0);
    EXPECT_STREQ(name, "anon_inode:sync_file");
    struct sync_fence_info info = one_fence(fence);
    EXPECT_EQ(info.status, 1);
    EXPECT_TRUE((int64_t)info.timestamp_ns >= before && (int64_t)info.timestamp_ns <= after);
    EXPECT_STREQ(info.driver_name, "virtio_gpu");
    char timeline[32];
    snprintf(timeline, sizeof timeline, "CRTC:%u-crtc-0", s.ids.crtc);
    EXPECT_STREQ(info.obj_name, timeline);
    struct sync_file_info file = { 0 };
    ASSERT_OK(ioctl(fence, SYNC_IOC_FILE_INFO, &file));
    EXPECT_EQ(file.num_fences, 1);
    EXPECT_TRUE(strncmp(file.name, "virtio_gpu-CRTC:", 16) == 0);
}

TEST(fences_come_in_their_order)
{
    struct stage s = set_up();
    int first = fenced(&s, s.b.fb, NONBLOCK);
    wait_for(first);
    int second = fenced(&s, s.a.fb, 0);
    wait_for(second);
    EXPECT_TRUE(one_fence(first).timestamp_ns <= one_fence(second).timestamp_ns);
    struct sync_file_info a = { 0 }, b = { 0 };
    ASSERT_OK(ioctl(first, SYNC_IOC_FILE_INFO, &a));
    ASSERT_OK(ioctl(second, SYNC_IOC_FILE_INFO, &b));
    EXPECT_TRUE(strcmp(a.name, b.name) != 0);
}

TEST(an_event_may_come_as_well)
{
    struct stage s = set_up();
    int fence = fenced(&s, s.b.fb, NONBLOCK | EVENT);
    expect_event(&s);
    wait_for(fence);
    /* The fence outlives the client. */
    int last = fenced(&s, s.a.fb, NONBLOCK);
    close(s.fd);
    wait_for(last);
}

TEST(what_fails_leaves_no_fence)
{
    struct stage s = set_up();
    int lowest = dup(0);
    close(lowest);
    int32_t fence = UNTOUCHED;
    uint64_t at = (uintptr_t)&fence;
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { CRTC(&s), "OUT_FENCE_PTR", at }));
    EXPECT_EQ(fence, -1);
    fence = UNTOUCHED;
    EXPECT_ERRNO(COMMIT(&s, 0, { CRTC(&s), "OUT_FENCE_PTR", at }, { CRTC(&s), "ACTIVE", 0 }), EINVAL);
    EXPECT_EQ(fence, -1);
    EXPECT_ERRNO(COMMIT(&s, 0, { CRTC(&s), "OUT_FENCE_PTR", (uintptr_t)NT_BAD }), EFAULT);
    /* The object has no such property: it is not written to. */
    fence = UNTOUCHED;
    uint32_t out = property(s.fd, s.ids.crtc, DRM_MODE_OBJECT_CRTC, "OUT_FENCE_PTR", NULL);
    EXPECT_ERRNO(COMMIT(&s, 0, { s.primary, out, NULL, at }), ENOENT);
    EXPECT_EQ(fence, UNTOUCHED);
    EXPECT_EQ(value(&s, CRTC(&s), "OUT_FENCE_PTR"), 0);
    EXPECT_EQ(value(&s, PLANE(&s), "IN_FENCE_FD"), ~0ULL);
    struct rlimit few, all;
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &all));
    few = all;
    few.rlim_cur = lowest;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
    fence = UNTOUCHED;
    EXPECT_ERRNO(COMMIT(&s, 0, { CRTC(&s), "OUT_FENCE_PTR", at }), EMFILE);
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &all));
    EXPECT_EQ(fence, -1);
    int again = dup(0);
    EXPECT_EQ(again, lowest);
}

TEST(a_flip_may_wait_for_a_fence)
{
    struct stage s = set_up();
    int first = fenced(&s, s.b.fb, NONBLOCK);
    int32_t second = UNTOUCHED;
    ASSERT_OK(COMMIT(&s, 0, { PLANE(&s), "FB_ID", s.a.fb }, { PLANE(&s), "IN_FENCE_FD", first },
                     { CRTC(&s), "OUT_FENCE_PTR", (uintptr_t)&second }));
    wait_for(first);
    wait_for(second);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", first }, { PLANE(&s), "IN_FENCE_FD", first }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", s.fd }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", 0x80000000 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", ~1ULL }), EINVAL);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", first }));
    close(first);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", first }), EINVAL);
}

TEST(fences_are_merged)
{
    struct stage s = set_up();
    int first = fenced(&s, s.b.fb, 0);
    int second = fenced(&s, s.a.fb, 0);
    struct sync_merge_data merge = { .name = "both", .fd2 = second };
    ASSERT_OK(ioctl(first, SYNC_IOC_MERGE, &merge));
    ASSERT_TRUE(merge.fence >= 0);
    EXPECT_EQ(fcntl(merge.fence, F_GETFD), FD_CLOEXEC);
    wait_for(merge.fence);
    struct sync_file_info file = { 0 };
    ASSERT_OK(ioctl(merge.fence, SYNC_IOC_FILE_INFO, &file));
    EXPECT_STREQ(file.name, "both");
    EXPECT_EQ(file.num_fences, 1);
    EXPECT_EQ(one_fence(merge.fence).status, 1);
    struct sync_merge_data odd = { .fd2 = second, .flags = 1 };
    EXPECT_ERRNO(ioctl(first, SYNC_IOC_MERGE, &odd), EINVAL);
    odd = (struct sync_merge_data){ .fd2 = second, .pad = 1 };
    EXPECT_ERRNO(ioctl(first, SYNC_IOC_MERGE, &odd), EINVAL);
    odd = (struct sync_merge_data){ .fd2 = s.fd };
    EXPECT_ERRNO(ioctl(first, SYNC_IOC_MERGE, &odd), ENOENT);
    odd = (struct sync_merge_data){ .fd2 = -1 };
    EXPECT_ERRNO(ioctl(first, SYNC_IOC_MERGE, &odd), ENOENT);
    EXPECT_ERRNO(ioctl(first, SYNC_IOC_MERGE, NT_BAD), EFAULT);
}

TEST(other_questions_are_refused)
{
    struct stage s = set_up();
    int fence = fenced(&s, s.b.fb, 0);
    char byte;
    EXPECT_ERRNO(read(fence, &byte, 1), EINVAL);
    EXPECT_ERRNO(write(fence, "", 1), EBADF);
    EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fence, 0) == MAP_FAILED && errno == ENODEV);
    EXPECT_ERRNO(ioctl(fence, SYNC_IOC_MAGIC << 8 | 77, 0), ENOTTY);
    struct sync_file_info info = { .flags = 1 };
    EXPECT_ERRNO(ioctl(fence, SYNC_IOC_FILE_INFO, &info), EINVAL);
    info = (struct sync_file_info){ .pad = 1 };
    EXPECT_ERRNO(ioctl(fence, SYNC_IOC_FILE_INFO, &info), EINVAL);
    info = (struct sync_file_info){ .num_fences = 1, .sync_fence_info = (uintptr_t)NT_BAD };
    EXPECT_ERRNO(ioctl(fence, SYNC_IOC_FILE_INFO, &info), EFAULT);
    uint64_t deadline[2] = { 1, 0 };
    EXPECT_OK(ioctl(fence, _IOW(SYNC_IOC_MAGIC, 5, uint64_t[2]), deadline));
    deadline[1] = 1;
    EXPECT_ERRNO(ioctl(fence, _IOW(SYNC_IOC_MAGIC, 5, uint64_t[2]), deadline), EINVAL);
}
