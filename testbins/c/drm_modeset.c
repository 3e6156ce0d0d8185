/* proves A14: what a program draws into a mapped buffer is what the display shows. Modes, framebuffers, flips. */
#include "nacre_test.h"
#include "drm_test.h"

static int open_master(void)
{
    int fd = open_card();
    ASSERT_OK(ioctl(fd, DRM_IOCTL_SET_MASTER, 0));
    return fd;
}

TEST(a_display_has_modes_and_properties)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    EXPECT_TRUE(ids.mode.hdisplay >= 320 && ids.mode.vdisplay >= 200);
    EXPECT_TRUE(ids.mode.type & DRM_MODE_TYPE_PREFERRED);
    EXPECT_TRUE(ids.mode.vrefresh >= 20);
    char name[32];
    snprintf(name, sizeof name, "%dx%d", ids.mode.hdisplay, ids.mode.vdisplay);
    EXPECT_STREQ(ids.mode.name, name);
    uint32_t props[32];
    uint64_t values[32];
    struct drm_mode_obj_get_properties get = { .obj_id = ids.connector, .obj_type = DRM_MODE_OBJECT_CONNECTOR };
    get.props_ptr = (uintptr_t)props;
    get.prop_values_ptr = (uintptr_t)values;
    get.count_props = 32;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &get));
    ASSERT_TRUE(get.count_props >= 2 && get.count_props <= 32);
    int seen = 0;
    for (uint32_t i = 0; i < get.count_props; i++) {
        struct drm_mode_get_property p = { .prop_id = props[i] };
        ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPROPERTY, &p));
        if (strcmp(p.name, "DPMS") == 0) {
            seen++;
            EXPECT_TRUE(p.flags & DRM_MODE_PROP_ENUM);
            EXPECT_EQ(p.count_enum_blobs, 4);
        }
        if (strcmp(p.name, "EDID") == 0 && values[i] != 0) {
            unsigned char edid[4096];
            struct drm_mode_get_blob blob = { .blob_id = values[i] };
            seen++;
            ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPROPBLOB, &blob));
            ASSERT_TRUE(blob.length >= 128 && blob.length % 128 == 0 && blob.length <= sizeof edid);
            blob.data = (uintptr_t)edid;
            ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPROPBLOB, &blob));
            EXPECT_MEMEQ(edid, "\0\377\377\377\377\377\377\0", 8);
        }
    }
    EXPECT_TRUE(seen >= 1);
    struct drm_mode_get_property none = { .prop_id = 54321 };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_GETPROPERTY, &none), ENOENT);
    struct drm_mode_obj_get_properties wrong = { .obj_id = 54321, .obj_type = DRM_MODE_OBJECT_CONNECTOR };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &wrong), ENOENT);
}

TEST(planes_are_seen_by_who_asks_for_all)
{
    int fd = open_master();
    uint32_t ids[16] = { 0 };
    struct drm_mode_get_plane_res res = { 0 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res));
    EXPECT_EQ(res.count_planes, 0);
    struct drm_set_client_cap cap = { .capability = DRM_CLIENT_CAP_UNIVERSAL_PLANES, .value = 1 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &cap));
    res.plane_id_ptr = (uintptr_t)ids;
    res.count_planes = 16;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res));
    ASSERT_TRUE(res.count_planes >= 2 && res.count_planes <= 16);
    uint32_t formats[16] = { 0 };
    struct drm_mode_get_plane plane = { .plane_id = ids[0], .count_format_types = 16 };
    plane.format_type_ptr = (uintptr_t)formats;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPLANE, &plane));
    EXPECT_EQ(plane.count_format_types, 1);
    EXPECT_EQ(formats[0], DRM_FORMAT_XRGB8888);
    EXPECT_TRUE(plane.possible_crtcs & 1);
}

TEST(a_mode_is_set_and_read_back)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture p = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    fill(&p, 0x00204060);
    ASSERT_OK(set_mode(fd, &ids, p.fb));
    struct drm_mode_crtc got = { .crtc_id = ids.crtc };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCRTC, &got));
    EXPECT_EQ(got.fb_id, p.fb);
    EXPECT_EQ(got.mode_valid, 1);
    EXPECT_EQ(got.mode.hdisplay, ids.mode.hdisplay);
    EXPECT_EQ(got.mode.clock, ids.mode.clock);
    struct drm_mode_get_encoder enc = { .encoder_id = ids.encoder };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETENCODER, &enc));
    EXPECT_EQ(enc.crtc_id, ids.crtc);
    EXPECT_EQ(enc.encoder_type, DRM_MODE_ENCODER_VIRTUAL);
    EXPECT_TRUE(enc.possible_crtcs & 1);
    /* Off again. */
    struct drm_mode_crtc off = { .crtc_id = ids.crtc };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_SETCRTC, &off));
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCRTC, &got));
    EXPECT_EQ(got.mode_valid, 0);
    EXPECT_EQ(got.fb_id, 0);
    EXPECT_ERRNO(flip(fd, &ids, p.fb, 0, 0), EBUSY);
}

TEST(senseless_modes_are_refused)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture p = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    struct picture small = make_picture(fd, 64, 64);
    EXPECT_ERRNO(set_mode(fd, &ids, small.fb), ENOSPC);
    EXPECT_ERRNO(set_mode(fd, &ids, 54321), ENOENT);
    struct pipe_ids wrong = ids;
    wrong.crtc = 54321;
    EXPECT_ERRNO(set_mode(fd, &wrong, p.fb), ENOENT);
    wrong = ids;
    wrong.connector = 54321;
    EXPECT_ERRNO(set_mode(fd, &wrong, p.fb), ENOENT);
    wrong = ids;
    wrong.mode.hsync_start = wrong.mode.hdisplay - 1;
    EXPECT_ERRNO(set_mode(fd, &wrong, p.fb), EINVAL);
    struct drm_mode_crtc none = { .crtc_id = ids.crtc, .fb_id = p.fb, .mode_valid = 1, .mode = ids.mode };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_SETCRTC, &none), EINVAL);
    none.x = 0x10000;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_SETCRTC, &none), ERANGE);
}

TEST(framebuffers_are_checked_and_a_clients_own)
{
    int fd = open_master(), other = open_card();
    struct picture p = make_picture(fd, 64, 64);
    struct drm_mode_fb_cmd add = { .width = 64, .height = 64, .pitch = 128, .bpp = 32, .depth = 24, .handle = p.handle };
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB, &add), EINVAL);
    add.pitch = 256;
    add.depth = 7;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB, &add), EINVAL);
    add.depth = 24;
    add.width = 16;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB, &add), EINVAL);
    add.width = 64;
    add.handle = 4321;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB, &add), EINVAL);
    struct drm_mode_fb_cmd2 add2 = { .width = 64, .height = 64, .pixel_format = DRM_FORMAT_ARGB8888 };
    add2.handles[0] = p.handle;
    add2.pitches[0] = 256;
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_ADDFB2, &add2));
    add2.pixel_format = DRM_FORMAT_RGB565;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB2, &add2), ENOENT);
    add2.pixel_format = 0x12345678;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_ADDFB2, &add2), EINVAL);
    uint32_t id = p.fb;
    EXPECT_ERRNO(ioctl(other, DRM_IOCTL_MODE_RMFB, &id), ENOENT);
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_RMFB, &id));
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_RMFB, &id), ENOENT);
}

TEST(a_flip_gives_an_event)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    struct picture b = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    ASSERT_OK(set_mode(fd, &ids, a.fb));
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t before = monotonic_us();
        ASSERT_OK(flip(fd, &ids, i % 2 ? a.fb : b.fb, DRM_MODE_PAGE_FLIP_EVENT, 1000 + i));
        struct pollfd p = { fd, POLLIN, 0 };
        ASSERT_EQ(poll(&p, 1, 600000), 1);
        struct drm_event_vblank e[4];
        memset(e, 0, sizeof e);
        ASSERT_EQ(read(fd, e, sizeof e), sizeof e[0]);
        EXPECT_EQ(e[0].base.type, DRM_EVENT_FLIP_COMPLETE);
        EXPECT_EQ(e[0].base.length, 32);
        EXPECT_EQ(e[0].user_data, 1000 + i);
        EXPECT_EQ(e[0].crtc_id, ids.crtc);
        uint64_t at = e[0].tv_sec * 1000000ULL + e[0].tv_usec;
        EXPECT_TRUE(at + 1 >= before && at <= monotonic_us() && at >= last);
        last = at;
    }
    struct drm_mode_crtc got = { .crtc_id = ids.crtc };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCRTC, &got));
    EXPECT_EQ(got.fb_id, a.fb);
}

TEST(senseless_flips_are_refused)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    struct picture small = make_picture(fd, 64, 64);
    ASSERT_OK(set_mode(fd, &ids, a.fb));
    EXPECT_ERRNO(flip(fd, &ids, a.fb, 0x80, 0), EINVAL);
    EXPECT_ERRNO(flip(fd, &ids, a.fb, DRM_MODE_PAGE_FLIP_ASYNC, 0), EINVAL);
    EXPECT_ERRNO(flip(fd, &ids, a.fb, DRM_MODE_PAGE_FLIP_TARGET_RELATIVE, 0), EINVAL);
    EXPECT_ERRNO(flip(fd, &ids, 54321, 0, 0), ENOENT);
    EXPECT_ERRNO(flip(fd, &ids, small.fb, 0, 0), ENOSPC);
    ids.crtc = 54321;
    EXPECT_ERRNO(flip(fd, &ids, a.fb, 0, 0), ENOENT);
}

TEST(a_read_without_room_leaves_the_event)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    ASSERT_OK(set_mode(fd, &ids, a.fb));
    ASSERT_OK(flip(fd, &ids, a.fb, DRM_MODE_PAGE_FLIP_EVENT, 5));
    char bytes[64];
    EXPECT_EQ(read(fd, bytes, 31), 0);
    EXPECT_EQ(read(fd, bytes, sizeof bytes), 32);
    EXPECT_OK(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
    EXPECT_ERRNO(read(fd, bytes, sizeof bytes), EAGAIN);
}

TEST(damage_is_taken_in_rectangles)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    ASSERT_OK(set_mode(fd, &ids, a.fb));
    struct drm_clip_rect clips[2] = { { 0, 0, 10, 10 }, { 100, 100, 200, 150 } };
    struct drm_mode_fb_dirty_cmd dirty = { .fb_id = a.fb };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty));
    dirty.num_clips = 2;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty), EINVAL);
    dirty.clips_ptr = (uintptr_t)clips;
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty));
    dirty.clips_ptr = (uintptr_t)NT_BAD;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty), EFAULT);
    dirty.clips_ptr = (uintptr_t)clips;
    dirty.num_clips = 257;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty), EINVAL);
    dirty.num_clips = 1;
    dirty.fb_id = 54321;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty), ENOENT);
}

TEST(a_removed_framebuffer_is_not_shown)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    ASSERT_OK(set_mode(fd, &ids, a.fb));
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_RMFB, &a.fb));
    struct drm_mode_crtc got = { .crtc_id = ids.crtc };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETCRTC, &got));
    EXPECT_EQ(got.fb_id, 0);
}

TEST(the_cursor_is_set_and_moved)
{
    int fd = open_master();
    struct pipe_ids ids = first_pipe(fd);
    struct picture screen = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
    ASSERT_OK(set_mode(fd, &ids, screen.fb));
    struct drm_mode_create_dumb create = { .width = 64, .height = 64, .bpp = 32 };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create));
    struct drm_mode_cursor2 c = { .flags = DRM_MODE_CURSOR_BO, .crtc_id = ids.crtc, .width = 64, .height = 64 };
    c.handle = create.handle;
    c.hot_x = 3;
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_CURSOR2, &c));
    struct drm_mode_cursor move = { .flags = DRM_MODE_CURSOR_MOVE, .crtc_id = ids.crtc, .x = 10, .y = -5 };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_CURSOR, &move));
    move.flags = 0;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CURSOR, &move), EINVAL);
    move.flags = DRM_MODE_CURSOR_MOVE;
    move.crtc_id = 54321;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CURSOR, &move), ENOENT);
    c.handle = 4321;
    EXPECT_ERRNO(ioctl(fd, DRM_IOCTL_MODE_CURSOR2, &c), EINVAL);
    c.handle = 0;
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_CURSOR2, &c));
}

TEST(who_dies_leaves_a_dark_screen_and_no_memory)
{
    for (int i = 0; i < 30; i++) {
        pid_t pid = nt_fork();
        if (pid == 0) {
            int fd = open_master();
            struct pipe_ids ids = first_pipe(fd);
            struct picture a = make_picture(fd, ids.mode.hdisplay, ids.mode.vdisplay);
            ASSERT_OK(set_mode(fd, &ids, a.fb));
            ASSERT_OK(flip(fd, &ids, a.fb, DRM_MODE_PAGE_FLIP_EVENT, 5));
            raise(SIGKILL);
        }
        int status;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NT_SKIP)
            SKIP("no display device");
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    /* Nobody is master now. */
    int fd = open_card();
    struct drm_mode_crtc off = { .crtc_id = first_pipe(fd).crtc };
    EXPECT_OK(ioctl(fd, DRM_IOCTL_MODE_SETCRTC, &off));
}
