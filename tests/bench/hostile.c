/*
 * A client that means harm, to measure others beside it: threads that do one
 * thing over and over, from one address, until standard input ends.
 *
 *   hostile KIND ADDRESS PORT THREADS [HEAD [FIRST [MESSAGE]]]
 *
 *   requests   asks HEAD again as soon as it is answered
 *   headers    sends a request whose headers are too many, and is refused
 *   churn      shakes hands, asks nothing, hangs up
 *   messages   opens a WebSocket by HEAD, says FIRST, then MESSAGE as fast as
 *              it can until it is thrown out
 *
 * HEAD is without its last empty line, "\n" stands for a line's end. At the end
 * it prints one line of JSON: how often it was done, answers by class of status,
 * and the seconds.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define PAUSE_US    1000 /* after a refusal to connect */
#define HEADERS	    200

struct peer {
	int fd;
	SSL *ssl;
};

struct kind {
	const char *name;
	void (*run)(struct peer *);
};

static const char *address;
static char *head;
static uint8_t *first, *message;
static size_t first_n, message_n;
static int port;
static SSL_CTX *tls;
static atomic_int over;
static atomic_ulong done, answers[10], refused;

static void
fail(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
dial(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET },
			   to = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_sec = 2 };
	/* no wait for the peer's last words: it is ports that would run out */
	struct linger gone = { .l_onoff = 1, .l_linger = 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd == -1 || inet_pton(AF_INET, address, &from.sin_addr) != 1 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1)
		fail(address);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
peer_open(struct peer *p)
{
	if ((p->fd = dial()) == -1)
		return 0;
	if ((p->ssl = SSL_new(tls)) == NULL)
		fail("memory");
	if (SSL_set_fd(p->ssl, p->fd) == 1 && SSL_connect(p->ssl) == 1)
		return 1;
	SSL_free(p->ssl);
	close(p->fd);
	return 0;
}

static void
peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	close(p->fd);
}

static int
say(struct peer *p, const void *data, size_t n)
{
	return SSL_write(p->ssl, data, (int)n) == (int)n;
}

/* One answer, all of it, and its status; 0 when the peer is gone. */
static int
answer(struct peer *p)
{
	char in[16384], *stop, *length;
	size_t have = 0, whole = sizeof(in);
	int n, status;

	while (have < whole) {
		n = SSL_read(p->ssl, in + have, (int)(sizeof(in) - 1 - have));
		if (n <= 0)
			return 0;
		have += (size_t)n;
		in[have] = '\0';
		if ((stop = strstr(in, "\r\n\r\n")) == NULL)
			continue;
		length = strcasestr(in, "content-length:");
		whole = (size_t)(stop + 4 - in) +
		    (length == NULL || length > stop
			    ? 0
			    : strtoul(length + 15, NULL, 10));
	}
	status = (int)strtol(in + 9, NULL, 10);
	answers[status / 100 % 10]++;
	return status;
}

static void
run_requests(struct peer *p)
{
	while (!over && say(p, head, strlen(head)) && answer(p) != 0)
		done++;
}

static void
run_headers(struct peer *p)
{
	char line[128];
	int i;

	if (!say(p, "GET / HTTP/1.1\r\n", 16))
		return;
	for (i = 0; i < HEADERS && !over; i++) {
		snprintf(line, sizeof(line), "X-%d: %090d\r\n", i, i);
		if (!say(p, line, strlen(line)))
			break;
	}
	(void)answer(p);
	done++;
}

static void
run_churn(struct peer *p)
{
	(void)p;
	done++;
}

static void
run_messages(struct peer *p)
{
	if (!say(p, head, strlen(head)) || answer(p) != 101 ||
	    !say(p, first, first_n))
		return;
	while (!over && say(p, message, message_n))
		done++;
}

static const struct kind kinds[] = {
	{ "requests", run_requests },
	{ "headers", run_headers },
	{ "churn", run_churn },
	{ "messages", run_messages },
};

static void *
thread(void *arg)
{
	const struct kind *k = arg;
	struct peer p;

	while (!over) {
		if (!peer_open(&p)) {
			refused++;
			usleep(PAUSE_US);
			continue;
		}
		k->run(&p);
		peer_close(&p);
	}
	return NULL;
}

static char *
head_read(const char *field)
{
	char *text = calloc(1, strlen(field) * 2 + 5), *to = text;

	if (text == NULL)
		fail("memory");
	for (; *field != '\0'; field++) {
		if (field[0] == '\\' && field[1] == 'n') {
			*to++ = '\r';
			*to++ = '\n';
			field++;
		} else
			*to++ = *field;
	}
	memcpy(to, "\r\n\r\n", 5);
	return text;
}

/* A masked frame of text, the mask all nulls. */
static uint8_t *
frame(const char *text, size_t *n)
{
	size_t len = strlen(text), at = len < 126 ? 6 : 8;
	uint8_t *f = calloc(1, at + len + 1);

	if (f == NULL || len > 65535)
		fail("message");
	f[0] = 0x81;
	f[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		f[2] = (uint8_t)(len >> 8);
		f[3] = (uint8_t)len;
	}
	memcpy(f + at, text, len);
	*n = at + len;
	return f;
}

static const struct kind *
kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fail("no such kind");
	return NULL;
}

static void
report(double seconds)
{
	printf("{\"done\":%lu,\"unopened\":%lu,\"seconds\":%.3f,\"answers\":"
	       "[%lu,%lu,%lu,%lu,%lu]}\n",
	    done, refused, seconds, answers[1], answers[2], answers[3],
	    answers[4], answers[5]);
}

int
main(int argc, char *argv[])
{
	pthread_t threads[THREADS_MAX];
	struct timespec a, b;
	const struct kind *k;
	char byte;
	int i, n;

	if (argc < 5 || (n = atoi(argv[4])) < 1 || n > THREADS_MAX) {
		fprintf(stderr,
		    "usage: hostile KIND ADDRESS PORT THREADS "
		    "[HEAD [FIRST [MESSAGE]]]\n");
		return 2;
	}
	k = kind_find(argv[1]);
	address = argv[2];
	port = atoi(argv[3]);
	head = head_read(argc > 5 ? argv[5] : "");
	first = frame(argc > 6 ? argv[6] : "", &first_n);
	message = frame(argc > 7 ? argv[7] : "", &message_n);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((tls = SSL_CTX_new(TLS_client_method())) == NULL)
		fail("SSL_CTX_new");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < n; i++)
		if (pthread_create(
			&threads[i], NULL, thread, (void *)(uintptr_t)k) != 0)
			fail("pthread_create");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	over = 1;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	report((double)(b.tv_sec - a.tv_sec) +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}
