// A Wayland client that does what people do with a pointer: opens a menu, drags and drops, pulls at its window. It says
// on standard output what it is told.
//
//   desk menu|drag|drop|resize|move [--size WxH] [--colour RRGGBB]
//
// menu: a press opens a popup, which grabs the pointer. drag: a press starts a drag of text. drop: takes text that is
// dropped. resize, move: a press on the window pulls its lower right corner, or takes it along.
// proves A1, A13, A14
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

#define MIME "text/plain"
#define UNUSED __attribute__((unused))

struct surface {
	struct wl_surface *surface;
	struct xdg_surface *xdg;
	int width, height;
	uint32_t colour;
	int shown;
};

static struct wl_display *display;
static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct xdg_wm_base *wm;
static struct wl_seat *seat;
static struct wl_data_device_manager *manager;
static struct wl_data_device *device;
static struct wl_data_offer *offer;
static struct xdg_toplevel *top;
static struct surface window = { .width = 200, .height = 150, .colour = 0xc03030 };
static struct surface menu = { .width = 80, .height = 60, .colour = 0x3030c0 };
static struct xdg_popup *popup;
static const char *what = "";
static int pointer_x, pointer_y;
static uint32_t dropped;

static void die(const char *why)
{
	fprintf(stderr, "desk: %s: %s\n", why, strerror(errno));
	exit(1);
}

// ---- drawing ----

static void frame_done(UNUSED void *data, struct wl_callback *callback, UNUSED uint32_t time)
{
	wl_callback_destroy(callback);
	printf("shown\n");
}

static const struct wl_callback_listener frame_listener = { .done = frame_done };

static void draw(struct surface *it)
{
	int stride = it->width * 4, size = stride * it->height, fd = memfd_create("desk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) < 0)
		die("a pool");
	uint32_t *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED)
		die("mapping the pool");
	for (int i = 0; i < it->width * it->height; i++)
		pixels[i] = 0xff000000 | it->colour;
	munmap(pixels, size);
	struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, size);
	struct wl_buffer *buffer = wl_shm_pool_create_buffer(pool, 0, it->width, it->height, stride,
							     WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
	close(fd);
	wl_surface_attach(it->surface, buffer, 0, 0);
	wl_surface_damage(it->surface, 0, 0, it->width, it->height);
	if (!it->shown)
		wl_callback_add_listener(wl_surface_frame(it->surface), &frame_listener, NULL);
	it->shown = 1;
	wl_surface_commit(it->surface);
}

static void surface_configure(void *data, struct xdg_surface *xdg, uint32_t serial)
{
	xdg_surface_ack_configure(xdg, serial);
	draw(data);
}

static const struct xdg_surface_listener surface_listener = { .configure = surface_configure };

static void make_surface(struct surface *it)
{
	it->surface = wl_compositor_create_surface(compositor);
	it->xdg = xdg_wm_base_get_xdg_surface(wm, it->surface);
	xdg_surface_add_listener(it->xdg, &surface_listener, it);
}

static void top_configure(UNUSED void *data, UNUSED struct xdg_toplevel *its, int32_t width, int32_t height,
			  UNUSED struct wl_array *states)
{
	if (width > 0 && height > 0) {
		window.width = width;
		window.height = height;
		printf("size %d %d\n", width, height);
	}
}

static void top_close(UNUSED void *data, UNUSED struct xdg_toplevel *its)
{
	exit(0);
}

static const struct xdg_toplevel_listener top_listener = { .configure = top_configure, .close = top_close };

// ---- the menu ----

static void popup_configure(UNUSED void *data, UNUSED struct xdg_popup *its, int32_t x, int32_t y, int32_t width,
			    int32_t height)
{
	printf("menu at %d %d size %d %d\n", x, y, width, height);
}

static void popup_done(UNUSED void *data, struct xdg_popup *its)
{
	printf("menu done\n");
	xdg_popup_destroy(its);
	xdg_surface_destroy(menu.xdg);
	wl_surface_destroy(menu.surface);
	menu.shown = 0;
	popup = NULL;
}

static const struct xdg_popup_listener popup_listener = { .configure = popup_configure, .popup_done = popup_done };

static void open_menu(uint32_t serial)
{
	struct xdg_positioner *place = xdg_wm_base_create_positioner(wm);

	make_surface(&menu);
	xdg_positioner_set_size(place, menu.width, menu.height);
	xdg_positioner_set_anchor_rect(place, pointer_x, pointer_y, 1, 1);
	xdg_positioner_set_anchor(place, XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT);
	xdg_positioner_set_gravity(place, XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
	popup = xdg_surface_get_popup(menu.xdg, window.xdg, place);
	xdg_popup_add_listener(popup, &popup_listener, NULL);
	xdg_popup_grab(popup, seat, serial);
	xdg_positioner_destroy(place);
	wl_surface_commit(menu.surface);
}

// ---- drag and drop ----

static void source_target(UNUSED void *data, UNUSED struct wl_data_source *source, const char *mime)
{
	printf("target %s\n", mime ? mime : "none");
}

static void source_send(UNUSED void *data, UNUSED struct wl_data_source *source, const char *mime, int32_t fd)
{
	printf("send %s\n", mime);
	if (write(fd, "dragged", 7) != 7)
		die("sending");
	close(fd);
}

static void source_cancelled(UNUSED void *data, struct wl_data_source *source)
{
	printf("cancelled\n");
	wl_data_source_destroy(source);
}

static void source_dropped(UNUSED void *data, UNUSED struct wl_data_source *source)
{
	printf("drop performed\n");
}

static void source_finished(UNUSED void *data, struct wl_data_source *source)
{
	printf("finished\n");
	wl_data_source_destroy(source);
}

static void source_action(UNUSED void *data, UNUSED struct wl_data_source *source, uint32_t action)
{
	printf("source action %u\n", action);
}

static const struct wl_data_source_listener source_listener = {
	.target = source_target,
	.send = source_send,
	.cancelled = source_cancelled,
	.dnd_drop_performed = source_dropped,
	.dnd_finished = source_finished,
	.action = source_action,
};

static void start_drag(uint32_t serial)
{
	struct wl_data_source *source = wl_data_device_manager_create_data_source(manager);

	wl_data_source_add_listener(source, &source_listener, NULL);
	wl_data_source_offer(source, MIME);
	wl_data_source_set_actions(source, WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY);
	wl_data_device_start_drag(device, source, window.surface, NULL, serial);
	printf("dragging\n");
}

static void offer_mime(UNUSED void *data, UNUSED struct wl_data_offer *its, const char *mime)
{
	printf("offer %s\n", mime);
}

static void offer_source_actions(UNUSED void *data, UNUSED struct wl_data_offer *its, UNUSED uint32_t actions) {}

static void offer_action(UNUSED void *data, UNUSED struct wl_data_offer *its, UNUSED uint32_t action) {}

static const struct wl_data_offer_listener offer_listener = {
	.offer = offer_mime,
	.source_actions = offer_source_actions,
	.action = offer_action,
};

static void device_offer(UNUSED void *data, UNUSED struct wl_data_device *its, struct wl_data_offer *fresh)
{
	wl_data_offer_add_listener(fresh, &offer_listener, NULL);
}

static void device_enter(UNUSED void *data, UNUSED struct wl_data_device *its, uint32_t serial,
			 UNUSED struct wl_surface *surface, UNUSED wl_fixed_t x, UNUSED wl_fixed_t y,
			 struct wl_data_offer *fresh)
{
	offer = fresh;
	printf("drag enter\n");
	if (!offer)
		return;
	if (strcmp(what, "drop") != 0) {
		wl_data_offer_accept(offer, serial, NULL);
		return;
	}
	wl_data_offer_accept(offer, serial, MIME);
	wl_data_offer_set_actions(offer, WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY,
				  WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY);
}

static void device_leave(UNUSED void *data, UNUSED struct wl_data_device *its)
{
	printf("drag leave\n");
	if (offer && !dropped)
		wl_data_offer_destroy(offer);
	offer = NULL;
}

static void device_motion(UNUSED void *data, UNUSED struct wl_data_device *its, UNUSED uint32_t time,
			  UNUSED wl_fixed_t x, UNUSED wl_fixed_t y) {}

static void device_drop(UNUSED void *data, UNUSED struct wl_data_device *its)
{
	char text[64] = "";
	size_t done = 0;
	int ends[2];
	struct wl_data_offer *taken = offer;

	printf("drop\n");
	dropped = 1;
	if (!taken || pipe(ends) < 0)
		die("receiving");
	wl_data_offer_receive(taken, MIME, ends[1]);
	close(ends[1]);
	wl_display_flush(display);
	for (ssize_t got; done < sizeof text - 1 && (got = read(ends[0], text + done, sizeof text - 1 - done)) > 0;)
		done += got;
	close(ends[0]);
	printf("got %s\n", text);
	wl_data_offer_finish(taken);
	wl_data_offer_destroy(taken);
	offer = NULL;
	dropped = 0;
}

static void device_selection(UNUSED void *data, UNUSED struct wl_data_device *its, UNUSED struct wl_data_offer *of) {}

static const struct wl_data_device_listener device_listener = {
	.data_offer = device_offer,
	.enter = device_enter,
	.leave = device_leave,
	.motion = device_motion,
	.drop = device_drop,
	.selection = device_selection,
};

// ---- the pointer and the keyboard ----

static void pointer_at(wl_fixed_t x, wl_fixed_t y)
{
	pointer_x = wl_fixed_to_int(x);
	pointer_y = wl_fixed_to_int(y);
}

static void pointer_enter(UNUSED void *data, UNUSED struct wl_pointer *pointer, UNUSED uint32_t serial,
			  struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y)
{
	pointer_at(x, y);
	printf("over %s %d %d\n", surface == window.surface ? "window" : "menu", pointer_x, pointer_y);
}

static void pointer_leave(UNUSED void *data, UNUSED struct wl_pointer *pointer, UNUSED uint32_t serial,
			  UNUSED struct wl_surface *surface)
{
	printf("away\n");
}

static void pointer_motion(UNUSED void *data, UNUSED struct wl_pointer *pointer, UNUSED uint32_t time, wl_fixed_t x,
			   wl_fixed_t y)
{
	pointer_at(x, y);
}

static void pointer_button(UNUSED void *data, UNUSED struct wl_pointer *pointer, uint32_t serial, UNUSED uint32_t time,
			   UNUSED uint32_t button, uint32_t state)
{
	printf("button %s\n", state ? "down" : "up");
	if (!state)
		return;
	if (strcmp(what, "menu") == 0 && !popup)
		open_menu(serial);
	else if (strcmp(what, "drag") == 0)
		start_drag(serial);
	else if (strcmp(what, "resize") == 0)
		xdg_toplevel_resize(top, seat, serial, XDG_TOPLEVEL_RESIZE_EDGE_BOTTOM_RIGHT);
	else if (strcmp(what, "move") == 0)
		xdg_toplevel_move(top, seat, serial);
}

static void pointer_axis(UNUSED void *data, UNUSED struct wl_pointer *pointer, UNUSED uint32_t time,
			 UNUSED uint32_t axis, UNUSED wl_fixed_t value) {}

static const struct wl_pointer_listener pointer_listener = {
	.enter = pointer_enter,
	.leave = pointer_leave,
	.motion = pointer_motion,
	.button = pointer_button,
	.axis = pointer_axis,
};

static void seat_capabilities(UNUSED void *data, UNUSED struct wl_seat *its, UNUSED uint32_t capabilities) {}

static const struct wl_seat_listener seat_listener = { .capabilities = seat_capabilities };

// ---- the connection ----

static void wm_ping(UNUSED void *data, struct xdg_wm_base *its, uint32_t serial)
{
	xdg_wm_base_pong(its, serial);
}

static const struct xdg_wm_base_listener wm_listener = { .ping = wm_ping };

static void registry_global(UNUSED void *data, struct wl_registry *registry, uint32_t name, const char *interface,
			    UNUSED uint32_t version)
{
	if (strcmp(interface, "wl_compositor") == 0)
		compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 1);
	else if (strcmp(interface, "wl_shm") == 0)
		shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	else if (strcmp(interface, "xdg_wm_base") == 0)
		wm = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
	else if (strcmp(interface, "wl_seat") == 0)
		seat = wl_registry_bind(registry, name, &wl_seat_interface, 1);
	else if (strcmp(interface, "wl_data_device_manager") == 0)
		manager = wl_registry_bind(registry, name, &wl_data_device_manager_interface, 3);
}

static void registry_gone(UNUSED void *data, UNUSED struct wl_registry *registry, UNUSED uint32_t name) {}

static const struct wl_registry_listener registry_listener = {
	.global = registry_global,
	.global_remove = registry_gone,
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	what = argv[1];
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--size") == 0)
			sscanf(argv[i + 1], "%dx%d", &window.width, &window.height);
		else if (strcmp(argv[i], "--colour") == 0)
			window.colour = (uint32_t)strtoul(argv[i + 1], NULL, 16);
	}
	display = wl_display_connect(NULL);
	if (!display)
		die("connecting");
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, NULL);
	if (wl_display_roundtrip(display) < 0 || !compositor || !shm || !wm || !seat || !manager) {
		fprintf(stderr, "desk: the compositor lacks something\n");
		return 1;
	}
	wl_seat_add_listener(seat, &seat_listener, NULL);
	wl_pointer_add_listener(wl_seat_get_pointer(seat), &pointer_listener, NULL);
	device = wl_data_device_manager_get_data_device(manager, seat);
	wl_data_device_add_listener(device, &device_listener, NULL);
	xdg_wm_base_add_listener(wm, &wm_listener, NULL);
	make_surface(&window);
	top = xdg_surface_get_toplevel(window.xdg);
	xdg_toplevel_add_listener(top, &top_listener, NULL);
	xdg_toplevel_set_title(top, what);
	wl_surface_commit(window.surface);
	while (wl_display_dispatch(display) >= 0)
		;
	printf("ended %d\n", wl_display_get_error(display));
	return 3;
}
