/* What the families of atomic mode setting share: a client with two pictures, one of them shown, and its commits. */
#ifndef DRM_STAGE_H
#define DRM_STAGE_H

#include "drm_test.h"

/* A property of an object, or of a number if it has no name; then a value. */
struct set {
    uint32_t object, kind;
    const char *name;
    uint64_t value;
};

struct stage {
    int fd;
    struct pipe_ids ids;
    uint32_t primary, cursor, mode;
    struct picture a, b;
};

NT_UNUSED static uint32_t property(int fd, uint32_t object, uint32_t kind, const char *name, uint64_t *value)
{
    uint32_t ids[64];
    uint64_t values[64];
    struct drm_mode_obj_get_properties get = { .obj_id = object, .obj_type = kind, .count_props = 64 };
    get.props_ptr = (uintptr_t)ids;
    get.prop_values_ptr = (uintptr_t)values;
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &get));
    for (uint32_t i = 0; i < get.count_props; i++) {
        struct drm_mode_get_property p = { .prop_id = ids[i] };
        ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_GETPROPERTY, &p));
        if (strcmp(p.name, name) == 0) {
            if (value)
                *value = values[i];
            return ids[i];
        }
    }
    return 0;
}

NT_UNUSED static int commit(int fd, uint32_t flags, const struct set *sets, int count)
{
    uint32_t objects[32], counts[32], props[32];
    uint64_t values[32];
    int last = -1;
    for (int i = 0; i < count; i++) {
        if (last < 0 || objects[last] != sets[i].object) {
            objects[++last] = sets[i].object;
            counts[last] = 0;
        }
        counts[last]++;
        props[i] = sets[i].name ? property(fd, sets[i].object, sets[i].kind, sets[i].name, NULL) : sets[i].kind;
        values[i] = sets[i].value;
    }
    struct drm_mode_atomic change = { .flags = flags, .count_objs = last + 1, .user_data = 0x1234567890 };
    change.objs_ptr = (uintptr_t)objects;
    change.count_props_ptr = (uintptr_t)counts;
    change.props_ptr = (uintptr_t)props;
    change.prop_values_ptr = (uintptr_t)values;
    return ioctl(fd, DRM_IOCTL_MODE_ATOMIC, &change);
}

#define COMMIT(stage, flags, ...)                                            \
    ({                                                                       \
        const struct set sets_[] = { __VA_ARGS__ };                          \
        commit((stage)->fd, flags, sets_, sizeof sets_ / sizeof *sets_);     \
    })
#define PLANE(stage) (stage)->primary, DRM_MODE_OBJECT_PLANE
#define CURSOR(stage) (stage)->cursor, DRM_MODE_OBJECT_PLANE
#define CRTC(stage) (stage)->ids.crtc, DRM_MODE_OBJECT_CRTC
#define CONNECTOR(stage) (stage)->ids.connector, DRM_MODE_OBJECT_CONNECTOR
#define TEST_ONLY DRM_MODE_ATOMIC_TEST_ONLY
#define NONBLOCK DRM_MODE_ATOMIC_NONBLOCK
#define MODESET DRM_MODE_ATOMIC_ALLOW_MODESET
#define EVENT DRM_MODE_PAGE_FLIP_EVENT

NT_UNUSED static int client_cap(int fd, uint64_t which, uint64_t value)
{
    struct drm_set_client_cap cap = { which, value };
    return ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &cap);
}

NT_UNUSED static uint32_t blob(int fd, const void *bytes, uint32_t length)
{
    struct drm_mode_create_blob make = { .data = (uintptr_t)bytes, .length = length };
    ASSERT_OK(ioctl(fd, DRM_IOCTL_MODE_CREATEPROPBLOB, &make));
    return make.blob_id;
}

/* An atomic client with two pictures, one of which is on the screen. */
NT_UNUSED static struct stage set_up(void)
{
    struct stage s = { .fd = open_card() };
    ASSERT_OK(client_cap(s.fd, DRM_CLIENT_CAP_ATOMIC, 1));
    EXPECT_OK(client_cap(s.fd, 6, 1));
    s.ids = first_pipe(s.fd);
    uint32_t planes[16];
    struct drm_mode_get_plane_res res = { .plane_id_ptr = (uintptr_t)planes, .count_planes = 16 };
    ASSERT_OK(ioctl(s.fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &res));
    ASSERT_TRUE(res.count_planes >= 2);
    s.primary = planes[0];
    s.cursor = planes[1];
    uint32_t width = s.ids.mode.hdisplay, height = s.ids.mode.vdisplay;
    s.a = make_picture(s.fd, width, height);
    s.b = make_picture(s.fd, width, height);
    s.mode = blob(s.fd, &s.ids.mode, sizeof s.ids.mode);
    ASSERT_OK(COMMIT(&s, MODESET, { PLANE(&s), "FB_ID", s.a.fb }, { PLANE(&s), "CRTC_ID", s.ids.crtc },
                     { PLANE(&s), "SRC_X", 0 }, { PLANE(&s), "SRC_Y", 0 },
                     { PLANE(&s), "SRC_W", (uint64_t)width << 16 }, { PLANE(&s), "SRC_H", (uint64_t)height << 16 },
                     { PLANE(&s), "CRTC_X", 0 }, { PLANE(&s), "CRTC_Y", 0 }, { PLANE(&s), "CRTC_W", width },
                     { PLANE(&s), "CRTC_H", height }, { CRTC(&s), "MODE_ID", s.mode }, { CRTC(&s), "ACTIVE", 1 },
                     { CONNECTOR(&s), "CRTC_ID", s.ids.crtc }));
    return s;
}

NT_UNUSED static uint64_t value(struct stage *s, uint32_t object, uint32_t kind, const char *name)
{
    uint64_t value = ~0ULL;
    EXPECT_TRUE(property(s->fd, object, kind, name, &value) != 0);
    return value;
}

NT_UNUSED static void expect_event(struct stage *s)
{
    struct pollfd p = { s->fd, POLLIN, 0 };
    struct drm_event_vblank event[2];
    ASSERT_EQ(poll(&p, 1, 600000), 1);
    ASSERT_EQ(read(s->fd, event, sizeof event), sizeof event[0]);
    EXPECT_EQ(event[0].base.type, DRM_EVENT_FLIP_COMPLETE);
    EXPECT_EQ(event[0].user_data, 0x1234567890);
    EXPECT_EQ(event[0].crtc_id, s->ids.crtc);
    /* The device counts no blanks. */
    EXPECT_EQ(event[0].sequence, 0);
}

#endif
