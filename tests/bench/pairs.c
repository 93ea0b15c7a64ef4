/*
 * The load of signaling: pairs of WebSockets over TLS, whose ends send each
 * other one message to and fro. It knows no protocol: what to ask for, what to
 * say first and what to send are given to it, so that two servers meet the
 * very same client; and it is cheap, so that it is the servers that are
 * measured.
 *
 *   pairs PORT MARK <script
 *
 * The script has two lines per pair, one for each end, of three fields with
 * tabs between: the request's head without its last empty line ("\n" stands
 * for a line's end), the first message, the message of the rounds. Then:
 *
 *   open      opens all sockets that are not open yet
 *   go N P    N round trips in each of the first P pairs, all at once
 *
 * each answered by one line of JSON. Only messages that contain MARK count.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INPUT_BYTES 65536
#define ENDS_MAX    16384
#define PER_ADDRESS 100 /* sockets from one address of 127/8 */
#define ROUND_NS    (30LL * 1000000000)
#define WS_TEXT	    1
#define WS_CLOSE    8
#define WS_PING	    9
#define WS_PONG	    10

struct end {
	int fd;
	SSL *ssl;
	char *head, *first;
	uint8_t *frame; /* of the rounds, ready to send */
	size_t frame_n;
	uint8_t *in;
	size_t in_n;
	int64_t sent_ns;
};

static struct end ends[ENDS_MAX];
static size_t ends_n;
static const char *mark;
static SSL_CTX *tls;
static int port, poller;

static int64_t *trips; /* what each took, ns */
static size_t trips_n, wanted_each, left[ENDS_MAX / 2];

static void
fail(const char *what)
{
	fprintf(stderr, "pairs: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void *
must(void *p)
{
	if (p == NULL)
		fail("memory");
	return p;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A masked frame; a mask of nulls leaves the text as it is. */
static uint8_t *
frame_make(int op, const void *text, size_t n, size_t *frame_n)
{
	size_t head = n < 126 ? 6 : 8;
	uint8_t *f = must(calloc(1, head + n));

	if (n > 65535)
		fail("message too long");
	f[0] = (uint8_t)(0x80 | op);
	if (n < 126) {
		f[1] = (uint8_t)(0x80 | n);
	} else {
		f[1] = 0x80 | 126;
		f[2] = (uint8_t)(n >> 8);
		f[3] = (uint8_t)n;
	}
	if (n > 0)
		memcpy(f + head, text, n);
	*frame_n = head + n;
	return f;
}

static void
end_send(struct end *e, const void *data, size_t n)
{
	if (SSL_write(e->ssl, data, (int)n) != (int)n)
		fail("send");
}

static void
end_frame(struct end *e, int op, const void *text, size_t n)
{
	size_t frame_n;
	uint8_t *f = frame_make(op, text, n, &frame_n);

	end_send(e, f, frame_n);
	free(f);
}

/* Opening */

/* Many people have many addresses. */
static int
dial(size_t who)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(
		    INADDR_LOOPBACK + (uint32_t)(who / PER_ADDRESS)) };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		fail("connect");
	return fd;
}

/* Reads the answer to the handshake; frames that follow it stay in `in`. */
static void
upgrade_read(struct end *e)
{
	uint8_t *stop;
	int n;

	for (;;) {
		n = SSL_read(
		    e->ssl, e->in + e->in_n, (int)(INPUT_BYTES - e->in_n));
		if (n <= 0)
			fail("upgrade");
		e->in_n += (size_t)n;
		if ((stop = memmem(e->in, e->in_n, "\r\n\r\n", 4)) != NULL)
			break;
	}
	if (memcmp(e->in, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "%.*s\n", (int)e->in_n, (char *)e->in);
		fail("no upgrade");
	}
	stop += 4;
	e->in_n -= (size_t)(stop - e->in);
	memmove(e->in, stop, e->in_n);
}

static void
end_open(struct end *e)
{
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = e };

	if (e->ssl != NULL)
		return;
	e->fd = dial((size_t)(e - ends));
	e->in = must(malloc(INPUT_BYTES));
	e->ssl = must(SSL_new(tls));
	if (SSL_set_fd(e->ssl, e->fd) != 1 || SSL_connect(e->ssl) != 1)
		fail("handshake");
	end_send(e, e->head, strlen(e->head));
	upgrade_read(e);
	if (*e->first != '\0')
		end_frame(e, WS_TEXT, e->first, strlen(e->first));
	if (fcntl(e->fd, F_SETFL, O_NONBLOCK) == -1 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, e->fd, &want) == -1)
		fail("epoll");
}

/* Rounds */

static void
ball_send(struct end *e)
{
	e->sent_ns = now_ns();
	end_send(e, e->frame, e->frame_n);
}

/* Even ends begin a trip and end it; odd ones send the ball back. */
static void
ball_took(struct end *e)
{
	size_t i = (size_t)(e - ends);

	if (i % 2 == 1) {
		ball_send(e);
		return;
	}
	trips[trips_n++] = now_ns() - e->sent_ns;
	if (--left[i / 2] > 0)
		ball_send(e);
}

static void
frame_took(struct end *e, int op, const uint8_t *text, size_t n)
{
	if (op == WS_CLOSE) {
		if (wanted_each > 0)
			fail("the server closed a socket");
		exit(0); /* it is being stopped */
	}
	if (op == WS_PING)
		end_frame(e, WS_PONG, text, n);
	if (op == WS_TEXT && memmem(text, n, mark, strlen(mark)) != NULL &&
	    wanted_each > 0)
		ball_took(e);
}

/* The bytes of the first frame in `in`, 0 when it is not all there. */
static size_t
frame_whole(const struct end *e, size_t *head, size_t *n)
{
	if (e->in_n < 2)
		return 0;
	*head = e->in[1] == 126 ? 4 : 2;
	if (e->in_n < *head)
		return 0;
	*n = e->in[1] == 126 ? (size_t)(e->in[2] << 8 | e->in[3]) : e->in[1];
	if (e->in[1] > 126)
		fail("frame of a kind not sent here");
	return e->in_n >= *head + *n ? *head + *n : 0;
}

static void
frames_take(struct end *e)
{
	size_t all, head, n;

	while ((all = frame_whole(e, &head, &n)) > 0) {
		frame_took(e, e->in[0] & 15, e->in + head, n);
		e->in_n -= all;
		memmove(e->in, e->in + all, e->in_n);
	}
}

static void
end_read(struct end *e)
{
	int n;

	for (;;) {
		n = SSL_read(
		    e->ssl, e->in + e->in_n, (int)(INPUT_BYTES - e->in_n));
		if (n <= 0)
			break;
		e->in_n += (size_t)n;
		frames_take(e);
	}
	if (SSL_get_error(e->ssl, n) != SSL_ERROR_WANT_READ)
		fail("receive");
}

static void
turn(int wait_ms)
{
	struct epoll_event got[256];
	int i, n = epoll_wait(poller, got, 256, wait_ms);

	if (n == -1 && errno != EINTR)
		fail("epoll_wait");
	for (i = 0; i < n; i++)
		end_read(got[i].data.ptr);
}

static int
smaller(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
go(size_t each, size_t pairs)
{
	int64_t began;
	size_t i, all = each * pairs;

	trips = must(malloc(all * sizeof(*trips)));
	trips_n = 0;
	wanted_each = each;
	began = now_ns();
	for (i = 0; i < pairs; i++) {
		left[i] = each;
		ball_send(&ends[2 * i]);
	}
	while (trips_n < all) {
		turn(1000);
		if (now_ns() - began > ROUND_NS)
			fail("the round does not end");
	}
	printf("{\"trips\":%zu,\"seconds\":%.6f,", all,
	    (double)(now_ns() - began) / 1e9);
	qsort(trips, all, sizeof(*trips), smaller);
	printf("\"p50_us\":%lld,\"p99_us\":%lld}\n",
	    (long long)trips[all / 2] / 1000,
	    (long long)trips[all * 99 / 100] / 1000);
	wanted_each = 0;
	free(trips);
}

/* The script */

static char *
head_read(const char *field)
{
	char *head = must(calloc(1, strlen(field) * 2 + 5)), *to = head;

	for (; *field != '\0'; field++) {
		if (field[0] == '\\' && field[1] == 'n') {
			*to++ = '\r';
			*to++ = '\n';
			field++;
		} else
			*to++ = *field;
	}
	memcpy(to, "\r\n\r\n", 5);
	return head;
}

static void
end_add(char *line)
{
	struct end *e = &ends[ends_n++];
	char *head = strsep(&line, "\t"), *first = strsep(&line, "\t");

	if (ends_n == ENDS_MAX || first == NULL || line == NULL)
		fail("script");
	e->head = head_read(head);
	e->first = must(strdup(first));
	e->frame = frame_make(WS_TEXT, line, strlen(line), &e->frame_n);
}

/* Those that are open are served meanwhile, or they would pass for dead. */
static void
open_all(void)
{
	int64_t began = now_ns();
	size_t i;

	for (i = 0; i < ends_n; i++) {
		end_open(&ends[i]);
		turn(0);
	}
	printf("{\"open\":%zu,\"seconds\":%.6f}\n", ends_n,
	    (double)(now_ns() - began) / 1e9);
}

static void
descriptors_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == -1)
		fail("getrlimit");
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) == -1)
		fail("setrlimit");
}

static void
command(char *line)
{
	size_t each, pairs;

	if (strcmp(line, "open") == 0) {
		open_all();
	} else if (sscanf(line, "go %zu %zu", &each, &pairs) == 2 &&
	    pairs * 2 <= ends_n && each > 0) {
		go(each, pairs);
	} else
		end_add(line);
}

/* Lines come whole from a pipe; between them the sockets are served. */
static void
script_run(void)
{
	static char line[65536];
	size_t n = 0;
	ssize_t got;
	char *stop;

	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) == -1)
		fail("stdin");
	for (;;) {
		got = read(STDIN_FILENO, line + n, sizeof(line) - n);
		if (got == 0)
			return;
		if (got == -1 && errno != EAGAIN)
			fail("script");
		n += got > 0 ? (size_t)got : 0;
		while ((stop = memchr(line, '\n', n)) != NULL) {
			*stop++ = '\0';
			command(line);
			n -= (size_t)(stop - line);
			memmove(line, stop, n);
		}
		turn(10);
	}
}

int
main(int argc, char *argv[])
{
	if (argc != 3) {
		fprintf(stderr, "usage: pairs PORT MARK <script\n");
		return 2;
	}
	port = (int)strtol(argv[1], NULL, 10);
	mark = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	descriptors_raise();
	tls = must(SSL_CTX_new(TLS_client_method()));
	poller = epoll_create1(0);
	script_run();
	return 0;
}
