/* proves A13: events of a keyboard and a pointer reach every open file, in whole packets. The device's own answers. */
#include "nacre_test.h"
#include <linux/input.h>
#include <poll.h>
#include <sys/ioctl.h>

/* The first event device of which `wanted` holds: a key, or an axis. */
static int find(int kind, int code, int flags)
{
    int any = 0;
    for (int i = 0; i < 32; i++) {
        char path[64];
        unsigned long bits[KEY_CNT / 64 + 1] = { 0 };
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int fd = open(path, O_RDWR | O_CLOEXEC | flags);
        if (fd == -1)
            continue;
        any = 1;
        if (ioctl(fd, EVIOCGBIT(kind, sizeof bits), bits) > 0 && bits[code / 64] >> code % 64 & 1)
            return fd;
        close(fd);
    }
    SKIP(any ? "no such device" : "no input device");
    return -1;
}
#define KEYBOARD(flags) find(EV_KEY, KEY_A, flags)
#define POINTER(flags) find(EV_ABS, ABS_X, flags)

static void inject(int fd, int kind, int code, int value)
{
    struct input_event e[2] = { 0 };
    e[0].type = kind;
    e[0].code = code;
    e[0].value = value;
    ASSERT_EQ(write(fd, e, sizeof e), sizeof e);
}

static int ready(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
    EXPECT_TRUE(poll(&p, 1, 0) >= 0);
    return p.revents;
}

TEST(a_device_describes_itself)
{
    int fd = KEYBOARD(0);
    int version = 0;
    struct input_id id = { 0 };
    char name[64] = "", phys[64] = "";
    EXPECT_OK(ioctl(fd, EVIOCGVERSION, &version));
    EXPECT_EQ(version, 0x10001);
    EXPECT_OK(ioctl(fd, EVIOCGID, &id));
    EXPECT_EQ(id.bustype, BUS_VIRTUAL);
    EXPECT_EQ(ioctl(fd, EVIOCGNAME(sizeof name), name), strlen("QEMU Virtio Keyboard") + 1);
    EXPECT_STREQ(name, "QEMU Virtio Keyboard");
    memset(name, '!', sizeof name);
    EXPECT_EQ(ioctl(fd, EVIOCGNAME(4), name), 4);
    EXPECT_MEMEQ(name, "QEMU!", 5);
    EXPECT_TRUE(ioctl(fd, EVIOCGPHYS(sizeof phys), phys) > 8);
    EXPECT_MEMEQ(phys, "virtio", 6);
    unsigned char props[8];
    EXPECT_EQ(ioctl(fd, EVIOCGPROP(sizeof props), props), 8);
    struct stat st;
    ASSERT_OK(fstat(fd, &st));
    EXPECT_EQ(st.st_rdev >> 8, 13);
    EXPECT_TRUE((st.st_rdev & 255) >= 64);
}

TEST(bits_are_told_in_whole_words)
{
    int fd = KEYBOARD(0);
    unsigned char bits[128];
    memset(bits, 0xaa, sizeof bits);
    EXPECT_EQ(ioctl(fd, EVIOCGBIT(0, sizeof bits), bits), 8);
    EXPECT_TRUE(bits[0] & 1 << EV_KEY);
    EXPECT_TRUE(bits[EV_REP / 8] >> EV_REP % 8 & 1);
    EXPECT_EQ(bits[8], 0xaa);
    EXPECT_EQ(ioctl(fd, EVIOCGBIT(EV_KEY, sizeof bits), bits), 96);
    EXPECT_EQ(ioctl(fd, EVIOCGBIT(EV_KEY, 10), bits), 10);
    EXPECT_EQ(ioctl(fd, EVIOCGBIT(EV_REL, sizeof bits), bits), 8);
    EXPECT_EQ(ioctl(fd, EVIOCGBIT(EV_FF, sizeof bits), bits), 16);
    EXPECT_ERRNO(ioctl(fd, EVIOCGBIT(0x1f, sizeof bits), bits), EINVAL);
    EXPECT_ERRNO(ioctl(fd, _IOR('E', 0x7f00 >> 8, int), bits), EINVAL);
    EXPECT_ERRNO(ioctl(fd, EVIOCGVERSION, NT_BAD), EFAULT);
    EXPECT_ERRNO(ioctl(fd, EVIOCGABS(0), bits), EINVAL);
}

TEST(a_tablet_has_axes)
{
    int fd = POINTER(0);
    struct input_absinfo x = { 0 }, none = { 0 };
    EXPECT_OK(ioctl(fd, EVIOCGABS(ABS_X), &x));
    EXPECT_EQ(x.minimum, 0);
    EXPECT_EQ(x.maximum, 32767);
    memset(&none, 0xff, sizeof none);
    EXPECT_OK(ioctl(fd, EVIOCGABS(ABS_MISC), &none));
    EXPECT_EQ(none.maximum, 0);
    EXPECT_ERRNO(ioctl(fd, EVIOCGREP, &none), ENOSYS);
}

TEST(what_is_written_comes_to_all_readers)
{
    int one = KEYBOARD(O_NONBLOCK), two = KEYBOARD(O_NONBLOCK);
    struct input_event e[8];
    struct timespec now;
    EXPECT_ERRNO(read(one, e, sizeof e), EAGAIN);
    EXPECT_EQ(ready(one), POLLOUT);
    inject(one, EV_KEY, KEY_A, 1);
    EXPECT_EQ(ready(two), POLLIN | POLLOUT);
    ASSERT_EQ(read(two, e, sizeof e), 2 * sizeof *e);
    EXPECT_EQ(e[0].type, EV_KEY);
    EXPECT_EQ(e[0].code, KEY_A);
    EXPECT_EQ(e[0].value, 1);
    EXPECT_EQ(e[1].type, EV_SYN);
    EXPECT_EQ(e[1].code, SYN_REPORT);
    clock_gettime(CLOCK_REALTIME, &now);
    EXPECT_TRUE(labs(now.tv_sec - e[0].input_event_sec) <= 2);
    ASSERT_EQ(read(one, e, 24), 24);
    EXPECT_EQ(e[0].code, KEY_A);
    ASSERT_EQ(read(one, e, sizeof e), 24);
    /* Down already: no news, and no empty report. */
    inject(one, EV_KEY, KEY_A, 1);
    EXPECT_ERRNO(read(two, e, sizeof e), EAGAIN);
    unsigned char keys[96];
    EXPECT_EQ(ioctl(one, EVIOCGKEY(sizeof keys), keys), 96);
    EXPECT_TRUE(keys[KEY_A / 8] >> KEY_A % 8 & 1);
    inject(one, EV_KEY, KEY_A, 0);
    EXPECT_EQ(ioctl(one, EVIOCGKEY(sizeof keys), keys), 96);
    EXPECT_TRUE(!(keys[KEY_A / 8] >> KEY_A % 8 & 1));
    /* Reading the state took the event of it away, not the report that was first then; the other one still has it. */
    EXPECT_EQ(read(one, e, sizeof e), 24);
    EXPECT_EQ(e[0].type, EV_SYN);
    EXPECT_EQ(read(two, e, sizeof e), 48);
}

TEST(sizes_are_whole_events)
{
    int fd = KEYBOARD(O_NONBLOCK);
    struct input_event e[2] = { 0 };
    EXPECT_ERRNO(read(fd, e, 23), EINVAL);
    EXPECT_ERRNO(write(fd, e, 23), EINVAL);
    EXPECT_EQ(write(fd, e, 30), 24);
    EXPECT_EQ(write(fd, e, 0), 0);
    EXPECT_ERRNO(read(fd, e, 0), EAGAIN);
    EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
}

TEST(an_overflow_is_told)
{
    int fd = KEYBOARD(O_NONBLOCK), other = KEYBOARD(0);
    struct input_event e[256];
    for (int i = 0; i < 200; i++)
        inject(other, EV_KEY, KEY_B, i % 2 ? 0 : 1);
    ssize_t n = read(fd, e, sizeof e);
    ASSERT_TRUE(n >= 48 && n % 24 == 0);
    EXPECT_EQ(e[0].type, EV_SYN);
    EXPECT_EQ(e[0].code, SYN_DROPPED);
    EXPECT_EQ(e[n / 24 - 1].code, SYN_REPORT);
}

TEST(a_grab_is_exclusive)
{
    int one = KEYBOARD(O_NONBLOCK), two = KEYBOARD(O_NONBLOCK);
    struct input_event e[4];
    EXPECT_ERRNO(ioctl(one, EVIOCGRAB, (void *)0), EINVAL);
    EXPECT_OK(ioctl(one, EVIOCGRAB, (void *)1));
    EXPECT_ERRNO(ioctl(one, EVIOCGRAB, (void *)1), EBUSY);
    EXPECT_ERRNO(ioctl(two, EVIOCGRAB, (void *)1), EBUSY);
    inject(one, EV_KEY, KEY_C, 1);
    inject(one, EV_KEY, KEY_C, 0);
    EXPECT_ERRNO(read(two, e, sizeof e), EAGAIN);
    EXPECT_EQ(read(one, e, sizeof e), 96);
    close(one);
    EXPECT_OK(ioctl(two, EVIOCGRAB, (void *)1));
    EXPECT_OK(ioctl(two, EVIOCGRAB, (void *)0));
}

TEST(a_revoked_file_is_dead)
{
    int one = KEYBOARD(O_NONBLOCK), two = KEYBOARD(O_NONBLOCK);
    struct input_event e[4];
    int version;
    EXPECT_ERRNO(ioctl(one, EVIOCREVOKE, (void *)1), EINVAL);
    EXPECT_OK(ioctl(one, EVIOCREVOKE, (void *)0));
    EXPECT_EQ(ready(one) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
    EXPECT_ERRNO(read(one, e, sizeof e), ENODEV);
    EXPECT_ERRNO(write(one, e, sizeof e), ENODEV);
    EXPECT_ERRNO(ioctl(one, EVIOCGVERSION, &version), ENODEV);
    inject(two, EV_KEY, KEY_D, 1);
    inject(two, EV_KEY, KEY_D, 0);
    EXPECT_EQ(read(two, e, sizeof e), 96);
}

TEST(clocks_are_chosen)
{
    int fd = KEYBOARD(O_NONBLOCK);
    int clock = CLOCK_MONOTONIC, wrong = CLOCK_PROCESS_CPUTIME_ID;
    struct input_event e[4];
    struct timespec now;
    EXPECT_ERRNO(ioctl(fd, EVIOCSCLOCKID, &wrong), EINVAL);
    inject(fd, EV_KEY, KEY_E, 1);
    EXPECT_OK(ioctl(fd, EVIOCSCLOCKID, &clock));
    /* The word of it comes with the next packet. */
    EXPECT_ERRNO(read(fd, e, sizeof e), EAGAIN);
    inject(fd, EV_KEY, KEY_E, 0);
    ASSERT_EQ(read(fd, e, sizeof e), 72);
    EXPECT_EQ(e[0].code, SYN_DROPPED);
    clock_gettime(CLOCK_MONOTONIC, &now);
    EXPECT_TRUE(labs(now.tv_sec - e[1].input_event_sec) <= 2);
}

TEST(a_held_key_repeats)
{
    int fd = KEYBOARD(0);
    unsigned int rep[2] = { 0 }, fast[2] = { 50, 20 };
    struct input_event e[64];
    ASSERT_OK(ioctl(fd, EVIOCGREP, rep));
    EXPECT_EQ(rep[0], 250);
    EXPECT_EQ(rep[1], 33);
    ASSERT_OK(ioctl(fd, EVIOCSREP, fast));
    inject(fd, EV_KEY, KEY_F, 1);
    for (int repeats = 0; repeats < 2;) {
        ssize_t n = ASSERT_OK(read(fd, e, sizeof e));
        for (int i = 0; i < n / 24; i++)
            repeats += e[i].type == EV_KEY && e[i].value == 2;
    }
    inject(fd, EV_KEY, KEY_F, 0);
    EXPECT_OK(ioctl(fd, EVIOCSREP, rep));
    /* A report, lest the news of it wait for somebody else's. */
    inject(fd, EV_KEY, KEY_F, 0);
}

TEST(lights_are_switched_by_writing)
{
    int fd = KEYBOARD(O_NONBLOCK);
    unsigned char leds[8] = { 0 };
    struct input_event e[4];
    /* Linux's console has a mind of its own about lights; it is kept out. */
    ASSERT_OK(ioctl(fd, EVIOCGRAB, (void *)1));
    EXPECT_EQ(ioctl(fd, EVIOCGLED(sizeof leds), leds), 8);
    int on = leds[0] >> LED_NUML & 1;
    inject(fd, EV_LED, LED_NUML, !on);
    ASSERT_TRUE(read(fd, e, sizeof e) >= 48);
    EXPECT_EQ(e[0].type, EV_LED);
    EXPECT_EQ(e[0].code, LED_NUML);
    EXPECT_EQ(e[0].value, !on);
    inject(fd, EV_LED, LED_NUML, on);
    EXPECT_EQ(ioctl(fd, EVIOCGLED(sizeof leds), leds), 8);
    EXPECT_EQ(leds[0] >> LED_NUML & 1, on);
}

TEST(masks_filter)
{
    int fd = KEYBOARD(O_NONBLOCK);
    unsigned char codes[96] = { 0 }, got[100];
    struct input_mask mask = { .type = EV_KEY, .codes_size = sizeof codes, .codes_ptr = (uintptr_t)codes };
    struct input_event e[4];
    struct input_mask lights = { .type = EV_LED, .codes_size = 8, .codes_ptr = (uintptr_t)codes };
    ASSERT_OK(ioctl(fd, EVIOCSMASK, &lights));
    codes[KEY_H / 8] |= 1 << KEY_H % 8;
    ASSERT_OK(ioctl(fd, EVIOCSMASK, &mask));
    inject(fd, EV_KEY, KEY_G, 1);
    inject(fd, EV_KEY, KEY_G, 0);
    EXPECT_ERRNO(read(fd, e, sizeof e), EAGAIN);
    inject(fd, EV_KEY, KEY_H, 1);
    inject(fd, EV_KEY, KEY_H, 0);
    EXPECT_EQ(read(fd, e, sizeof e), 96);
    mask.codes_size = 9;
    EXPECT_ERRNO(ioctl(fd, EVIOCSMASK, &mask), EINVAL);
    memset(got, 0xaa, sizeof got);
    mask.codes_ptr = (uintptr_t)got;
    mask.codes_size = sizeof got;
    ASSERT_OK(ioctl(fd, EVIOCGMASK, &mask));
    EXPECT_MEMEQ(got, codes, 96);
    EXPECT_EQ(got[99], 0);
}

static volatile sig_atomic_t told;
static void on_io(NT_UNUSED int signo)
{
    told++;
}

TEST(sigio_is_sent)
{
    int fd = KEYBOARD(O_NONBLOCK);
    signal(SIGIO, on_io);
    ASSERT_OK(fcntl(fd, F_SETOWN, getpid()));
    ASSERT_OK(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC));
    inject(fd, EV_KEY, KEY_I, 1);
    inject(fd, EV_KEY, KEY_I, 0);
    while (told == 0)
        nt_sleep_ms(1);
}

TEST(a_reader_waits_for_a_packet)
{
    int fd = KEYBOARD(0), other = KEYBOARD(0);
    struct input_event e[4];
    pid_t pid = nt_fork();
    if (pid == 0) {
        nt_await_state(getppid(), 'S');
        inject(other, EV_KEY, KEY_J, 1);
        inject(other, EV_KEY, KEY_J, 0);
        nt_done();
    }
    EXPECT_EQ(read(fd, e, 24), 24);
    EXPECT_EQ(e[0].code, KEY_J);
    EXPECT_EXIT(pid, 0);
}
