/* Pipes, eventfds, epoll, AF_UNIX and loopback sockets. */
#ifndef LOCAL_H
#define LOCAL_H

#include "base.h"

/* ---- ping-pong and bandwidth over a pair of descriptors ---------------- */

static size_t msg_len = 1;

static void echo_loop(int in, int out)
{
	uint64_t msg = 1;
	while (read(in, &msg, msg_len) == (ssize_t)msg_len &&
	       write(out, &msg, msg_len) == (ssize_t)msg_len)
		;
	_exit(0);
}

static void source_loop(int out)
{
	while (write(out, block, BLOCK) > 0)
		;
	_exit(0);
}

/* Fork the far side (echo, or with `source` an endless writer). */
static void start_far(int near_in, int near_out, int far_in, int far_out,
		      int source)
{
	signal(SIGPIPE, SIG_IGN);
	touch_block();
	if (fork_partner() == 0) {
		close(near_in);
		if (near_out != near_in)
			close(near_out);
		if (source)
			source_loop(far_out);
		echo_loop(far_in, far_out);
	}
	close(far_in);
	if (far_out != far_in)
		close(far_out);
	rx = near_in;
	tx = near_out;
}

LOOP(b_pingpong, uint64_t msg = 1;,
	if (write(tx, &msg, msg_len) != (ssize_t)msg_len)
		fail("write");
	if (read(rx, &msg, msg_len) != (ssize_t)msg_len)
		fail("read");)

static uint64_t b_bandwidth(long n)
{
	uint64_t t0 = now_ns();
	int64_t left = (int64_t)n * BLOCK;
	while (left > 0) {
		ssize_t r = read(rx, block, left < BLOCK ? (size_t)left : BLOCK);
		if (r <= 0)
			fail("read");
		left -= r;
	}
	return now_ns() - t0;
}

static void pipes(int source)
{
	int there[2], back[2];
	ok(pipe(there), "pipe");
	ok(pipe(back), "pipe");
	start_far(back[0], there[1], there[0], back[1], source);
}

static void s_pipe(void) { pipes(0); }
static void s_pipe_bw(void) { pipes(1); }

static void pair(int type, int source)
{
	int s[2];
	ok(socketpair(AF_UNIX, type, 0, s), "socketpair");
	start_far(s[0], s[0], s[1], s[1], source);
}

static void s_unix(void) { pair(SOCK_STREAM, 0); }
static void s_unix_bw(void) { pair(SOCK_STREAM, 1); }
static void s_unix_dgram(void) { pair(SOCK_DGRAM, 0); }

static void s_eventfd(void)
{
	int there = (int)ok(eventfd(0, 0), "eventfd");
	int back = (int)ok(eventfd(0, 0), "eventfd");
	msg_len = 8;
	signal(SIGPIPE, SIG_IGN);
	if (fork_partner() == 0)
		echo_loop(there, back);
	rx = back;
	tx = there;
}

/* ---- epoll, descriptors, connections ----------------------------------- */

static void s_epoll(void)
{
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < NFDS + 50) {
		rl.rlim_cur = NFDS + 50;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	rx = (int)ok(epoll_create1(0), "epoll_create1");
	for (int i = 0; i < NFDS; i++) {
		int fd = (int)ok(eventfd(i == NFDS / 2, 0), "eventfd");
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
		ok(epoll_ctl(rx, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
	}
}

LOOP(b_epoll, struct epoll_event ev[8];,
	if (epoll_wait(rx, ev, 8, -1) != 1)
		fail("epoll_wait");)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int sock, int fd)
{
	char c = 'f';
	union control u;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = u.bytes,
			    .msg_controllen = sizeof u.bytes };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	memset(&u, 0, sizeof u);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	ok(sendmsg(sock, &m, 0), "sendmsg");
}

static int recv_fd(int sock)            /* -1 at end of file */
{
	char c;
	int fd = -1;
	union control u;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = u.bytes,
			    .msg_controllen = sizeof u.bytes };
	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static int passed_fd;

static void s_scm(void)
{
	int s[2], fd;
	passed_fd = (int)ok(open("/dev/null", O_RDWR), "/dev/null");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s), "socketpair");
	if (fork_partner() == 0) {
		close(s[0]);
		while ((fd = recv_fd(s[1])) >= 0) {
			send_fd(s[1], fd);
			close(fd);
		}
		_exit(0);
	}
	close(s[1]);
	tx = s[0];
}

LOOP(b_scm, ,
	send_fd(tx, passed_fd);
	int fd = recv_fd(tx);
	if (fd < 0)
		fail("no descriptor received");
	close(fd);)

LOOP(b_socketpair, ,
	int s[2];
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s), "socketpair");
	close(s[0]);
	close(s[1]);)

static union {
	struct sockaddr sa;
	struct sockaddr_un un;
	struct sockaddr_in in;
} addr;
static socklen_t addr_len;
static int listener;

static void listen_at(int family)
{
	listener = (int)ok(socket(family, SOCK_STREAM, 0), "socket");
	ok(bind(listener, &addr.sa, addr_len), "bind");
	ok(listen(listener, 128), "listen");
	ok(getsockname(listener, &addr.sa, &addr_len), "getsockname");
}

static void s_unix_connect(void)
{
	set_path();
	addr.un.sun_family = AF_UNIX;
	snprintf(addr.un.sun_path, sizeof addr.un.sun_path, "%.100s", path);
	addr_len = sizeof addr.un;
	listen_at(AF_UNIX);
}

static void loopback(void)              /* address, and interface up */
{
	struct ifreq ifr;
	int s = (int)ok(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	memset(&ifr, 0, sizeof ifr);
	strcpy(ifr.ifr_name, "lo");
	if (ioctl(s, SIOCGIFFLAGS, &ifr) == 0 && !(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		ioctl(s, SIOCSIFFLAGS, &ifr);           /* best effort */
	}
	close(s);
	memset(&addr, 0, sizeof addr);
	addr.in.sin_family = AF_INET;
	addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr_len = sizeof addr.in;
}

static void s_tcp_connect(void)
{
	loopback();
	listen_at(AF_INET);
}

static void connect_both(int *c, int *a)
{
	*c = (int)ok(socket(addr.sa.sa_family, SOCK_STREAM, 0), "socket");
	ok(connect(*c, &addr.sa, addr_len), "connect");
	*a = (int)ok(accept(listener, NULL, NULL), "accept");
}

LOOP(b_connect, ,
	int c, a;
	connect_both(&c, &a);
	close(c);
	close(a);)

static void tcp(int source)
{
	int c, a, one = 1;
	s_tcp_connect();
	connect_both(&c, &a);
	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	start_far(c, c, a, a, source);
}

static void s_tcp(void) { tcp(0); }
static void s_tcp_bw(void) { tcp(1); }

static void s_udp(void)
{
	int s[2];
	for (int i = 0; i < 2; i++) {
		loopback();
		s[i] = (int)ok(socket(AF_INET, SOCK_DGRAM, 0), "socket");
		ok(bind(s[i], &addr.sa, addr_len), "bind");
	}
	for (int i = 0; i < 2; i++) {
		addr_len = sizeof addr.in;
		ok(getsockname(s[i], &addr.sa, &addr_len), "getsockname");
		ok(connect(s[!i], &addr.sa, addr_len), "connect");
	}
	start_far(s[0], s[0], s[1], s[1], 0);
}

#endif
