/* proves A14: /dev/fb0 is the display as memory, written or mapped. */
#include "nacre_test.h"
#include <linux/fb.h>
#include <sys/ioctl.h>

static int open_fb(void)
{
    int fd = open("/dev/fb0", O_RDWR | O_CLOEXEC);
    if (fd == -1 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
        SKIP("no display device");
    ASSERT_TRUE(fd >= 0);
    return fd;
}

TEST(the_screen_is_described)
{
    int fd = open_fb();
    struct fb_var_screeninfo var;
    struct fb_fix_screeninfo fix;
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_rdev, 29 << 8);
    ASSERT_OK(ioctl(fd, FBIOGET_VSCREENINFO, &var));
    ASSERT_OK(ioctl(fd, FBIOGET_FSCREENINFO, &fix));
    EXPECT_TRUE(var.xres >= 320 && var.yres >= 200);
    EXPECT_EQ(var.bits_per_pixel, 32);
    EXPECT_EQ(var.red.offset, 16);
    EXPECT_EQ(var.green.offset, 8);
    EXPECT_EQ(var.blue.offset, 0);
    EXPECT_EQ(var.red.length, 8);
    EXPECT_STREQ(fix.id, "virtio_gpudrmfb");
    EXPECT_EQ(fix.visual, FB_VISUAL_TRUECOLOR);
    EXPECT_EQ(fix.type, FB_TYPE_PACKED_PIXELS);
    EXPECT_EQ(fix.line_length, var.xres * 4);
    EXPECT_TRUE(fix.smem_len >= fix.line_length * var.yres);
    EXPECT_ERRNO(ioctl(fd, FBIOGET_VSCREENINFO, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(fd, 0x46f0, &var), ENOTTY);
    EXPECT_OK(ioctl(fd, FBIOPUT_VSCREENINFO, &var));
    var.xres = var.xres_virtual = 20000;
    EXPECT_ERRNO(ioctl(fd, FBIOPUT_VSCREENINFO, &var), EINVAL);
    ASSERT_OK(ioctl(fd, FBIOGET_VSCREENINFO, &var));
    EXPECT_OK(ioctl(fd, FBIOPAN_DISPLAY, &var));
    var.yoffset = var.yres_virtual;
    EXPECT_ERRNO(ioctl(fd, FBIOPAN_DISPLAY, &var), EINVAL);
}

TEST(writing_and_mapping_are_one_memory)
{
    int fd = open_fb();
    struct fb_fix_screeninfo fix;
    ASSERT_OK(ioctl(fd, FBIOGET_FSCREENINFO, &fix));
    unsigned char *screen = mmap(NULL, fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ASSERT_TRUE(screen != MAP_FAILED);
    EXPECT_EQ(pwrite(fd, "\1\2\3\4", 4, 4096), 4);
    EXPECT_EQ(screen[4097], 2);
    screen[4098] = 77;
    unsigned char got[4] = { 0 };
    EXPECT_EQ(pread(fd, got, 4, 4096), 4);
    EXPECT_EQ(got[2], 77);
    nt_sleep_ms(120);
    EXPECT_EQ(pread(fd, got, 4, fix.smem_len), 0);
    EXPECT_ERRNO(pwrite(fd, got, 4, fix.smem_len), ENOSPC);
    EXPECT_ERRNO(pwrite(fd, got, 4, fix.smem_len + 1), EFBIG);
    EXPECT_EQ(pwrite(fd, got, 4, fix.smem_len - 2), 2);
}
