/* What the display families share: opening the card, finding its pipe, making buffers. */
#ifndef DRM_TEST_H
#define DRM_TEST_H

#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <poll.h>
#include <sys/ioctl.h>

#define CARD "/dev/dri/card0"

NT_UNUSED static int open_card(void)
{
    int fd = open(CARD, O_RDWR | O_CLOEXEC);
    if (fd == -1 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
        SKIP("no display device");
    ASSERT_TRUE(fd >= 0);
    return fd;
}

struct pipe_ids {
    uint32_t crtc, connector, encoder;
    struct drm_mode_modeinfo mode;
};

/* The first connected display with its first mode. */
NT_UNUSED static struct pipe_ids first_pipe(int fd)
{
    struct pipe_ids ids = { 0 };
    struct drm_mode_card_res res = { 0 };
    uint32_t crtcs[16], connectors[16], encoders[16];
    res.crtc_id_ptr = (uintptr_t)crtcs;
    res.connector_id_ptr = (uintptr_t)connectors;
    res.encoder_id_ptr = (uintptr_t)encoders;
    res.count_crtcs = res.count_connectors = res.count_encoders = 16;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETRESOURCES, &res));
    ASSERT_TRUE(res.count_crtcs >= 1 && res.count_connectors >= 1 && res.count_encoders >= 1);
    ids.crtc = crtcs[0];
    ids.connector = connectors[0];
    struct drm_mode_get_connector conn = { .connector_id = ids.connector };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCONNECTOR, &conn));
    if (conn.connection != 1)
        SKIP("no display is connected");
    struct drm_mode_modeinfo modes[128];
    struct drm_mode_get_connector again = { .connector_id = ids.connector };
    again.modes_ptr = (uintptr_t)modes;
    again.count_modes = conn.count_modes;
    ASSERT_TRUE(conn.count_modes >= 1 && conn.count_modes <= 128);
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCONNECTOR, &again));
    ids.encoder = encoders[0];
    ids.mode = modes[0];
    return ids;
}

struct picture {
    uint32_t handle, fb, pitch, width, height;
    uint64_t size;
    uint32_t *pixels;
};

NT_UNUSED static struct picture make_picture(int fd, uint32_t width, uint32_t height)
{
    struct picture p = { .width = width, .height = height };
    struct drm_mode_create_dumb create = { .width = width, .height = height, .bpp = 32 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
    p.handle = create.handle;
    p.pitch = create.pitch;
    p.size = create.size;
    struct drm_mode_map_dumb map = { .handle = p.handle };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map));
    p.pixels = mmap(NULL, p.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map.offset);
    ASSERT_TRUE(p.pixels != MAP_FAILED);
    struct drm_mode_fb_cmd add = { .width = width, .height = height, .pitch = p.pitch, .bpp = 32, .depth = 24 };
    add.handle = p.handle;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_ADDFB, &add));
    p.fb = add.fb_id;
    return p;
}

NT_UNUSED static void fill(struct picture *p, uint32_t color)
{
    for (uint64_t i = 0; i < (uint64_t)p->pitch / 4 * p->height; i++)
        p->pixels[i] = color;
}

NT_UNUSED static int set_mode(int fd, struct pipe_ids *ids, uint32_t fb)
{
    struct drm_mode_crtc set = { .crtc_id = ids->crtc, .fb_id = fb, .mode_valid = 1, .mode = ids->mode };
    set.set_connectors_ptr = (uintptr_t)&ids->connector;
    set.count_connectors = 1;
    return ioctl(fd, DRM_IOCTL_MODE_SETCRTC, &set);
}

NT_UNUSED static int flip(int fd, struct pipe_ids *ids, uint32_t fb, uint32_t flags, uint64_t user_data)
{
    struct drm_mode_crtc_page_flip flip = { .crtc_id = ids->crtc, .fb_id = fb, .flags = flags, .user_data = user_data };
    return ioctl(fd, DRM_IOCTL_MODE_PAGE_FLIP, &flip);
}

NT_UNUSED static uint64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

#endif
