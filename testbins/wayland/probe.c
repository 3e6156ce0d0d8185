// A Wayland client on libwayland that shows one colour and says on standard output what it hears: what a test needs to
// know that events reach a program, and what a program may do to its compositor.
//
//   probe [--size WxH] [--colour RRGGBB] [--title T] [--frames N] [--shrink] [--roundtrips N]
//
// --frames N: draw N frames, one each frame callback, and exit. --shrink: cut the pool's file short, then commit.
// --roundtrips N: ask and be answered N times, say what one took, and exit; there is no window.
// proves A1, A13, A14
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

struct probe {
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct xdg_wm_base *wm;
	struct wl_seat *seat;
	struct wl_surface *surface;
	struct wl_buffer *buffer;
	int fd, width, height, frames;
	uint32_t colour;
	int shrink, configured, running;
};

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

// ---- input ----

static void pointer_enter(void *data, struct wl_pointer *pointer, uint32_t serial, struct wl_surface *surface,
			  wl_fixed_t x, wl_fixed_t y)
{
	(void)data, (void)pointer, (void)serial, (void)surface;
	printf("enter %d %d\n", wl_fixed_to_int(x), wl_fixed_to_int(y));
}

static void pointer_leave(void *data, struct wl_pointer *pointer, uint32_t serial, struct wl_surface *surface)
{
	(void)data, (void)pointer, (void)serial, (void)surface;
	printf("leave\n");
}

static void pointer_motion(void *data, struct wl_pointer *pointer, uint32_t time, wl_fixed_t x, wl_fixed_t y)
{
	(void)data, (void)pointer, (void)time;
	printf("motion %d %d\n", wl_fixed_to_int(x), wl_fixed_to_int(y));
}

static void pointer_button(void *data, struct wl_pointer *pointer, uint32_t serial, uint32_t time, uint32_t button,
			   uint32_t state)
{
	(void)data, (void)pointer, (void)serial, (void)time;
	printf("button %u %s\n", button, state ? "down" : "up");
}

static void pointer_axis(void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis, wl_fixed_t value)
{
	(void)data, (void)pointer, (void)time;
	printf("axis %u %d\n", axis, wl_fixed_to_int(value));
}

static const struct wl_pointer_listener pointer_listener = {
	.enter = pointer_enter,
	.leave = pointer_leave,
	.motion = pointer_motion,
	.button = pointer_button,
	.axis = pointer_axis,
};

static void keyboard_keymap(void *data, struct wl_keyboard *keyboard, uint32_t format, int32_t fd, uint32_t size)
{
	(void)data, (void)keyboard;
	char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	int whole = text != MAP_FAILED && text[size - 1] == '\0' && strlen(text) == size - 1;
	printf("keymap %u %s\n", format, whole && strncmp(text, "xkb_keymap", 10) == 0 ? "whole" : "broken");
	if (text != MAP_FAILED)
		munmap(text, size);
	close(fd);
}

static void keyboard_enter(void *data, struct wl_keyboard *keyboard, uint32_t serial, struct wl_surface *surface,
			   struct wl_array *keys)
{
	(void)data, (void)keyboard, (void)serial, (void)surface;
	printf("focus %zu\n", keys->size / sizeof(uint32_t));
}

static void keyboard_leave(void *data, struct wl_keyboard *keyboard, uint32_t serial, struct wl_surface *surface)
{
	(void)data, (void)keyboard, (void)serial, (void)surface;
	printf("unfocus\n");
}

static void keyboard_key(void *data, struct wl_keyboard *keyboard, uint32_t serial, uint32_t time, uint32_t key,
			 uint32_t state)
{
	(void)data, (void)keyboard, (void)serial, (void)time;
	printf("key %u %s\n", key, state ? "down" : "up");
}

static void keyboard_modifiers(void *data, struct wl_keyboard *keyboard, uint32_t serial, uint32_t depressed,
			       uint32_t latched, uint32_t locked, uint32_t group)
{
	(void)data, (void)keyboard, (void)serial, (void)latched, (void)group;
	printf("modifiers %u %u\n", depressed, locked);
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = keyboard_keymap,
	.enter = keyboard_enter,
	.leave = keyboard_leave,
	.key = keyboard_key,
	.modifiers = keyboard_modifiers,
};

static void seat_capabilities(void *data, struct wl_seat *seat, uint32_t capabilities)
{
	(void)data;
	printf("seat %u\n", capabilities);
	wl_pointer_add_listener(wl_seat_get_pointer(seat), &pointer_listener, data);
	wl_keyboard_add_listener(wl_seat_get_keyboard(seat), &keyboard_listener, data);
}

static const struct wl_seat_listener seat_listener = { .capabilities = seat_capabilities };

// ---- drawing ----

static void make_buffer(struct probe *probe)
{
	int stride = probe->width * 4, size = stride * probe->height;

	probe->fd = memfd_create("probe", MFD_CLOEXEC);
	if (probe->fd < 0 || ftruncate(probe->fd, size) < 0)
		die("a pool");
	uint32_t *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, probe->fd, 0);
	if (pixels == MAP_FAILED)
		die("mapping the pool");
	for (int i = 0; i < probe->width * probe->height; i++)
		pixels[i] = 0xff000000 | probe->colour;
	munmap(pixels, size);
	struct wl_shm_pool *pool = wl_shm_create_pool(probe->shm, probe->fd, size);
	probe->buffer = wl_shm_pool_create_buffer(pool, 0, probe->width, probe->height, stride,
						  WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
}

static void draw(struct probe *probe);

static void frame_done(void *data, struct wl_callback *callback, uint32_t time)
{
	struct probe *probe = data;

	(void)time;
	wl_callback_destroy(callback);
	if (probe->frames > 0 && --probe->frames == 0)
		probe->running = 0;
	else if (probe->frames > 0)
		draw(probe);
}

static const struct wl_callback_listener frame_listener = { .done = frame_done };

static void draw(struct probe *probe)
{
	if (!probe->buffer)
		make_buffer(probe);
	wl_surface_attach(probe->surface, probe->buffer, 0, 0);
	wl_surface_damage(probe->surface, 0, 0, probe->width, probe->height);
	wl_callback_add_listener(wl_surface_frame(probe->surface), &frame_listener, probe);
	if (probe->shrink && ftruncate(probe->fd, 4096) < 0)
		die("cutting the pool short");
	wl_surface_commit(probe->surface);
}

static void surface_configure(void *data, struct xdg_surface *surface, uint32_t serial)
{
	struct probe *probe = data;

	xdg_surface_ack_configure(surface, serial);
	if (!probe->configured) {
		probe->configured = 1;
		draw(probe);
	}
}

static const struct xdg_surface_listener surface_listener = { .configure = surface_configure };

static void top_configure(void *data, struct xdg_toplevel *top, int32_t width, int32_t height, struct wl_array *states)
{
	(void)data, (void)top;
	printf("configure %d %d %zu\n", width, height, states->size / sizeof(uint32_t));
}

static void top_close(void *data, struct xdg_toplevel *top)
{
	struct probe *probe = data;

	(void)top;
	printf("close\n");
	probe->running = 0;
}

static const struct xdg_toplevel_listener top_listener = { .configure = top_configure, .close = top_close };

static void wm_ping(void *data, struct xdg_wm_base *wm, uint32_t serial)
{
	(void)data;
	xdg_wm_base_pong(wm, serial);
}

static const struct xdg_wm_base_listener wm_listener = { .ping = wm_ping };

// ---- the connection ----

static void registry_global(void *data, struct wl_registry *registry, uint32_t name, const char *interface,
			    uint32_t version)
{
	struct probe *probe = data;

	(void)version;
	if (strcmp(interface, "wl_compositor") == 0)
		probe->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 1);
	else if (strcmp(interface, "wl_shm") == 0)
		probe->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	else if (strcmp(interface, "xdg_wm_base") == 0)
		probe->wm = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
	else if (strcmp(interface, "wl_seat") == 0)
		probe->seat = wl_registry_bind(registry, name, &wl_seat_interface, 1);
}

static void registry_gone(void *data, struct wl_registry *registry, uint32_t name)
{
	(void)data, (void)registry, (void)name;
}

static const struct wl_registry_listener registry_listener = {
	.global = registry_global,
	.global_remove = registry_gone,
};

static int ended(struct probe *probe)
{
	const struct wl_interface *interface = NULL;
	uint32_t id = 0;

	if (wl_display_get_error(probe->display) == EPROTO) {
		uint32_t code = wl_display_get_protocol_error(probe->display, &interface, &id);
		printf("error %s %u\n", interface ? interface->name : "?", code);
		return 3;
	}
	if (wl_display_get_error(probe->display) != 0) {
		printf("disconnected\n");
		return 4;
	}
	return 0;
}

// What a round trip takes: a tenth first, for caches and buffers to be what they will be.
static int count_roundtrips(struct probe *probe, int count)
{
	struct timespec from, to;

	for (int i = 0; i < count / 10; i++)
		wl_display_roundtrip(probe->display);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < count; i++)
		if (wl_display_roundtrip(probe->display) < 0)
			return ended(probe);
	clock_gettime(CLOCK_MONOTONIC, &to);
	double ns = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
	printf("roundtrip %.1f ns\n", ns / count);
	return 0;
}

int main(int argc, char **argv)
{
	struct probe probe = { .width = 200, .height = 150, .colour = 0xc03030, .running = 1 };
	const char *title = "probe";
	int roundtrips = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--size") == 0 && sscanf(value, "%dx%d", &probe.width, &probe.height) == 2)
			i++;
		else if (strcmp(argv[i], "--colour") == 0)
			probe.colour = (uint32_t)strtoul(argv[++i], NULL, 16);
		else if (strcmp(argv[i], "--title") == 0)
			title = argv[++i];
		else if (strcmp(argv[i], "--frames") == 0)
			probe.frames = atoi(argv[++i]);
		else if (strcmp(argv[i], "--roundtrips") == 0)
			roundtrips = atoi(argv[++i]);
		else if (strcmp(argv[i], "--shrink") == 0)
			probe.shrink = 1;
		else {
			fprintf(stderr, "probe: %s?\n", argv[i]);
			return 2;
		}
	}
	probe.display = wl_display_connect(NULL);
	if (!probe.display)
		die("connecting");
	wl_registry_add_listener(wl_display_get_registry(probe.display), &registry_listener, &probe);
	if (wl_display_roundtrip(probe.display) < 0 || !probe.compositor || !probe.shm || !probe.wm || !probe.seat) {
		fprintf(stderr, "probe: the compositor lacks something\n");
		return 1;
	}
	if (roundtrips > 0)
		return count_roundtrips(&probe, roundtrips);
	wl_seat_add_listener(probe.seat, &seat_listener, &probe);
	xdg_wm_base_add_listener(probe.wm, &wm_listener, &probe);
	probe.surface = wl_compositor_create_surface(probe.compositor);
	struct xdg_surface *surface = xdg_wm_base_get_xdg_surface(probe.wm, probe.surface);
	xdg_surface_add_listener(surface, &surface_listener, &probe);
	struct xdg_toplevel *top = xdg_surface_get_toplevel(surface);
	xdg_toplevel_add_listener(top, &top_listener, &probe);
	xdg_toplevel_set_title(top, title);
	wl_surface_commit(probe.surface);
	while (probe.running && wl_display_dispatch(probe.display) >= 0)
		;
	return ended(&probe);
}
