/* proves A3.5: what a compositor may ask of /dev/dri/card0 by properties: many at once, tested first, flipped without
   waiting. */
#include "nacre_test.h"
#include "drm_stage.h"

static void expect_no_event(struct stage *s)
{
    struct pollfd p = { s->fd, POLLIN, 0 };
    EXPECT_EQ(poll(&p, 1, 0), 0);
}

TEST(atomic_is_for_who_asked_for_it)
{
    int fd = open_card();
    struct drm_mode_atomic nothing = { 0 };
    struct drm_mode_get_plane_res res = { 0 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ATOMIC, &nothing), EINVAL);
    EXPECT_ERRNO(client_cap(fd, 6, 1), EINVAL);
    EXPECT_ERRNO(client_cap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1), EINVAL);
    struct pipe_ids ids = first_pipe(fd);
    EXPECT_EQ(property(fd, ids.crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", NULL), 0);
    EXPECT_TRUE(property(fd, ids.crtc, DRM_MODE_OBJECT_CRTC, "VRR_ENABLED", NULL) != 0);
    EXPECT_ERRNO(client_cap(fd, DRM_CLIENT_CAP_ATOMIC, 3), EINVAL);
    EXPECT_OK(client_cap(fd, DRM_CLIENT_CAP_ATOMIC, 1));
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_ATOMIC, &nothing));
    EXPECT_TRUE(property(fd, ids.crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", NULL) != 0);
    /* A cursor is seen by who sets its hot spot. */
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res));
    EXPECT_EQ(res.count_planes, 1);
    res.count_planes = 0;
    EXPECT_OK(client_cap(fd, 6, 1));
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res));
    EXPECT_EQ(res.count_planes, 2);
    EXPECT_OK(client_cap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1));
}

TEST(senseless_commits_are_refused)
{
    struct stage s = set_up();
    struct drm_mode_atomic change = { .flags = 0x1000 };
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EINVAL);
    change.flags = DRM_MODE_PAGE_FLIP_ASYNC;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EINVAL);
    change.flags = TEST_ONLY | EVENT;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EINVAL);
    /* An event of nothing. */
    change.flags = EVENT;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EINVAL);
    change.flags = 0;
    change.reserved = 1;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EINVAL);
    change.reserved = 0;
    change.count_objs = 1;
    change.objs_ptr = (uintptr_t)NT_BAD;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_ATOMIC, &change), EFAULT);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { 54321, 1, NULL, 1 }), ENOENT);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { s.ids.encoder, 1, NULL, 1 }), ENOENT);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { s.a.fb, 1, NULL, 1 }), ENOENT);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { s.primary, 54321, NULL, 1 }), ENOENT);
    uint32_t active = property(s.fd, s.ids.crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", NULL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { s.primary, active, NULL, 1 }), ENOENT);
}

TEST(values_are_checked)
{
    struct stage s = set_up();
    uint32_t odd = blob(s.fd, &s.ids.mode, sizeof s.ids.mode - 1);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY | MODESET, { CRTC(&s), "MODE_ID", odd }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY | MODESET, { CRTC(&s), "MODE_ID", 54321 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CRTC(&s), "ACTIVE", 2 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CRTC(&s), "VRR_ENABLED", 2 }), EINVAL);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { CRTC(&s), "OUT_FENCE_PTR", 0 }));
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CONNECTOR(&s), "CRTC_ID", s.primary }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CONNECTOR(&s), "DPMS", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CONNECTOR(&s), "EDID", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CONNECTOR(&s), "link-status", 2 }), EINVAL);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { CONNECTOR(&s), "link-status", 0 }));
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "type", 1 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", 54321 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", s.ids.crtc }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_ID", s.primary }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_X", 0x80000000 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_W", 0x80000000 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "SRC_W", 1ULL << 32 }), EINVAL);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", ~0ULL }));
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "IN_FENCE_FD", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_DAMAGE_CLIPS", 54321 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_DAMAGE_CLIPS", odd }), EINVAL);
}

TEST(a_plane_covers_the_screen_with_pixels_there_are)
{
    struct stage s = set_up();
    uint64_t width = s.ids.mode.hdisplay, height = s.ids.mode.vdisplay;
    struct picture big = make_picture(s.fd, width + 64, height + 64);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", big.fb }));
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", big.fb }, { PLANE(&s), "SRC_X", 64 << 16 },
                     { PLANE(&s), "SRC_Y", 64 << 16 }));
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", big.fb }, { PLANE(&s), "SRC_X", 65 << 16 }), ENOSPC);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "SRC_X", 1 }), ENOSPC);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", big.fb }, { PLANE(&s), "SRC_W", (width + 64) << 16 }),
                 ERANGE);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "SRC_W", (width - 64) << 16 },
                        { PLANE(&s), "CRTC_W", width - 64 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_X", 10 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_X", 0x7fffffff }), ERANGE);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "CRTC_ID", 0 }), EINVAL);
    EXPECT_OK(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", 0 }, { PLANE(&s), "CRTC_ID", 0 }));
    /* Nothing of this has happened. */
    EXPECT_EQ(value(&s, PLANE(&s), "FB_ID"), s.a.fb);
    EXPECT_EQ(value(&s, PLANE(&s), "CRTC_W"), width);
}

TEST(flips_give_events_and_one_is_on_its_way)
{
    struct stage s = set_up();
    EXPECT_OK(COMMIT(&s, 0, { PLANE(&s), "FB_ID", s.b.fb }));
    expect_no_event(&s);
    EXPECT_OK(COMMIT(&s, EVENT, { PLANE(&s), "FB_ID", s.a.fb }));
    expect_event(&s);
    for (int i = 0; i < 20; i++) {
        EXPECT_OK(COMMIT(&s, EVENT | NONBLOCK, { PLANE(&s), "FB_ID", i % 2 ? s.a.fb : s.b.fb }));
        expect_event(&s);
    }
    EXPECT_EQ(value(&s, PLANE(&s), "FB_ID"), s.a.fb);
    /* What changes nothing is over at once. */
    EXPECT_OK(COMMIT(&s, EVENT, { CRTC(&s), "ACTIVE", 1 }));
    expect_event(&s);
    EXPECT_OK(COMMIT(&s, EVENT, { CONNECTOR(&s), "CRTC_ID", s.ids.crtc }));
    expect_event(&s);
    expect_no_event(&s);
}

TEST(damage_belongs_to_one_commit)
{
    struct stage s = set_up();
    struct drm_mode_rect good[2] = { { 0, 0, 10, 10 }, { 100, 100, 200, 150 } }, bad = { -5, -5, 20, 20 };
    uint32_t clips = blob(s.fd, good, sizeof good);
    EXPECT_OK(COMMIT(&s, 0, { PLANE(&s), "FB_ID", s.b.fb }, { PLANE(&s), "FB_DAMAGE_CLIPS", clips }));
    EXPECT_OK(COMMIT(&s, 0, { PLANE(&s), "FB_DAMAGE_CLIPS", clips }));
    EXPECT_EQ(value(&s, PLANE(&s), "FB_DAMAGE_CLIPS"), clips);
    EXPECT_OK(COMMIT(&s, 0, { PLANE(&s), "FB_ID", s.a.fb }));
    EXPECT_EQ(value(&s, PLANE(&s), "FB_DAMAGE_CLIPS"), 0);
    clips = blob(s.fd, &bad, sizeof bad);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_DAMAGE_CLIPS", clips }), EINVAL);
}

TEST(turning_off_and_on_sets_a_mode)
{
    struct stage s = set_up();
    EXPECT_ERRNO(COMMIT(&s, 0, { CRTC(&s), "ACTIVE", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, MODESET, { CRTC(&s), "MODE_ID", 0 }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, MODESET, { CONNECTOR(&s), "CRTC_ID", 0 }), EINVAL);
    EXPECT_OK(COMMIT(&s, MODESET | EVENT, { CRTC(&s), "ACTIVE", 0 }));
    expect_event(&s);
    EXPECT_EQ(value(&s, PLANE(&s), "FB_ID"), s.a.fb);
    EXPECT_EQ(value(&s, CONNECTOR(&s), "DPMS"), 3);
    EXPECT_ERRNO(COMMIT(&s, EVENT, { PLANE(&s), "FB_ID", s.b.fb }), EINVAL);
    EXPECT_ERRNO(flip(s.fd, &s.ids, s.b.fb, DRM_MODE_PAGE_FLIP_EVENT, 1), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, MODESET | EVENT, { CRTC(&s), "ACTIVE", 0 }), EINVAL);
    EXPECT_OK(COMMIT(&s, MODESET | EVENT, { CRTC(&s), "ACTIVE", 1 }));
    expect_event(&s);
    /* The old property is the same switch. */
    struct drm_mode_obj_set_property dpms = { .obj_id = s.ids.connector, .obj_type = DRM_MODE_OBJECT_CONNECTOR };
    dpms.prop_id = property(s.fd, CONNECTOR(&s), "DPMS", NULL);
    dpms.value = 3;
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_OBJ_SETPROPERTY, &dpms));
    EXPECT_EQ(value(&s, CRTC(&s), "ACTIVE"), 0);
    dpms.value = 0;
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_OBJ_SETPROPERTY, &dpms));
    EXPECT_EQ(value(&s, CRTC(&s), "ACTIVE"), 1);
    EXPECT_OK(COMMIT(&s, MODESET, { CRTC(&s), "MODE_ID", 0 }, { CRTC(&s), "ACTIVE", 0 },
                     { CONNECTOR(&s), "CRTC_ID", 0 }, { PLANE(&s), "FB_ID", 0 }, { PLANE(&s), "CRTC_ID", 0 }));
    EXPECT_ERRNO(flip(s.fd, &s.ids, s.b.fb, 0, 1), EBUSY);
}

TEST(a_mode_outlives_its_blob)
{
    struct stage s = set_up();
    struct drm_mode_modeinfo mode;
    struct drm_mode_get_blob get = { .blob_id = s.mode, .length = sizeof mode, .data = (uintptr_t)&mode };
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_DESTROYPROPBLOB, &s.mode));
    EXPECT_EQ(value(&s, CRTC(&s), "MODE_ID"), s.mode);
    ASSERT_OK(ioctl(s.fd, DRM_IOCTL_MODE_GETPROPBLOB, &get));
    EXPECT_MEMEQ(&mode, &s.ids.mode, sizeof mode);
    EXPECT_OK(COMMIT(&s, MODESET, { CRTC(&s), "MODE_ID", 0 }, { CRTC(&s), "ACTIVE", 0 },
                     { CONNECTOR(&s), "CRTC_ID", 0 }, { PLANE(&s), "FB_ID", 0 }, { PLANE(&s), "CRTC_ID", 0 }));
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_GETPROPBLOB, &get), ENOENT);
}

TEST(the_cursor_is_a_plane)
{
    struct stage s = set_up();
    struct drm_mode_create_dumb create = { .width = 64, .height = 64, .bpp = 32 };
    ASSERT_OK(ioctl(s.fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
    struct drm_mode_fb_cmd2 add = { .width = 64, .height = 64, .pixel_format = DRM_FORMAT_ARGB8888 };
    add.handles[0] = create.handle;
    add.pitches[0] = create.pitch;
    ASSERT_OK(ioctl(s.fd, DRM_IOCTL_MODE_ADDFB2, &add));
    EXPECT_OK(COMMIT(&s, 0, { CURSOR(&s), "FB_ID", add.fb_id }, { CURSOR(&s), "CRTC_ID", s.ids.crtc },
                     { CURSOR(&s), "SRC_W", 64 << 16 }, { CURSOR(&s), "SRC_H", 64 << 16 },
                     { CURSOR(&s), "CRTC_X", 5 }, { CURSOR(&s), "CRTC_Y", 5 }, { CURSOR(&s), "CRTC_W", 64 },
                     { CURSOR(&s), "CRTC_H", 64 }, { CURSOR(&s), "HOTSPOT_X", 3 }));
    EXPECT_OK(COMMIT(&s, 0, { CURSOR(&s), "CRTC_X", (uint64_t)-20 }));
    EXPECT_OK(COMMIT(&s, 0, { CURSOR(&s), "CRTC_X", 5000 }));
    EXPECT_EQ(value(&s, CURSOR(&s), "CRTC_X"), 5000);
    EXPECT_EQ(value(&s, CURSOR(&s), "HOTSPOT_X"), 3);
    EXPECT_OK(COMMIT(&s, EVENT | NONBLOCK, { CURSOR(&s), "CRTC_X", 8 }));
    expect_event(&s);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CURSOR(&s), "CRTC_W", 32 }), ERANGE);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { CURSOR(&s), "FB_ID", s.a.fb }), EINVAL);
    EXPECT_ERRNO(COMMIT(&s, TEST_ONLY, { PLANE(&s), "FB_ID", add.fb_id }), EINVAL);
    EXPECT_OK(COMMIT(&s, 0, { CURSOR(&s), "FB_ID", 0 }, { CURSOR(&s), "CRTC_ID", 0 }));
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_RMFB, &add.fb_id));
}

TEST(planes_are_set_the_old_way_too)
{
    struct stage s = set_up();
    uint32_t width = s.ids.mode.hdisplay, height = s.ids.mode.vdisplay;
    struct drm_mode_set_plane set = { .plane_id = s.primary, .crtc_id = s.ids.crtc, .fb_id = s.b.fb, .crtc_w = width };
    set.crtc_h = height;
    set.src_w = width << 16;
    set.src_h = height << 16;
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set));
    EXPECT_EQ(value(&s, PLANE(&s), "FB_ID"), s.b.fb);
    set.crtc_w = width / 2;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ERANGE);
    set.crtc_w = width;
    set.src_x = 1 << 16;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ENOSPC);
    set.src_x = 0;
    set.crtc_x = 0x7fffffff;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ERANGE);
    set.crtc_x = 0;
    set.fb_id = 54321;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ENOENT);
    set.fb_id = s.a.fb;
    set.crtc_id = 54321;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ENOENT);
    set.plane_id = 54321;
    EXPECT_ERRNO(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set), ENOENT);
    set.plane_id = s.primary;
    set.fb_id = 0;
    EXPECT_OK(ioctl(s.fd, DRM_IOCTL_MODE_SETPLANE, &set));
    EXPECT_EQ(value(&s, PLANE(&s), "CRTC_ID"), 0);
}

TEST(there_are_no_blanks_to_wait_for)
{
    int fd = open_card();
    union drm_wait_vblank wait = { .request = { .type = _DRM_VBLANK_RELATIVE, .sequence = 1 } };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_WAIT_VBLANK, &wait), EOPNOTSUPP);
    struct drm_crtc_get_sequence get = { .crtc_id = 54321 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_CRTC_GET_SEQUENCE, &get), EOPNOTSUPP);
    struct drm_crtc_queue_sequence queue = { .crtc_id = 54321 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_CRTC_QUEUE_SEQUENCE, &queue), EOPNOTSUPP);
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_WAIT_VBLANK, NT_BAD), EFAULT);
}
