#include "jobs/metrics.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"
#include "data/db.h"
#include "data/listen.h"
#include "gate/job.h"
#include "jobs/queue.h"
#include "jobs/seal.h"
#include "sql.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 4
#define REQUEST_MAX 2048
#define CLIENT_MS   5000

static struct loop_watch door = { .fd = -1 };
static unsigned clients;

static const char *
line(struct arena *a, const char *name, enum job_kind kind, int64_t n)
{
	return arena_format(a, "epione_jobs_%s{kind=\"%s\"} %lld\n", name,
	    job_kind_stored(kind), (long long)n);
}

static enum err
counts_read(struct arena *a, struct job_counts_row **rows, size_t *n)
{
	const char *kind[JOB_KINDS];
	const struct job_counts_in in = { { kind, JOB_KINDS } };
	struct tx *tx = tx_new(a, instant_monotonic() + CLIENT_MS);
	enum err r;
	unsigned k;

	for (k = 0; k < JOB_KINDS; k++)
		kind[k] = job_kind_stored((enum job_kind)k);
	if ((r = sql_job_counts(tx, &in, rows, n)) == ERR_OK)
		r = tx_commit(tx);
	tx_close(tx);
	return r;
}

struct page {
	char text[16384];
	size_t n;
};

static void
add(struct page *p, const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof(p->text) - p->n)
		return;
	memcpy(p->text + p->n, s, n);
	p->n += n;
}

/* Jobs of the whole installation, as the database has them. */
static void
add_waiting(struct arena *a, struct page *p)
{
	struct job_counts_row *rows;
	size_t i, n;

	if (counts_read(a, &rows, &n) != ERR_OK)
		return;
	for (i = 0; i < n && i < JOB_KINDS; i++) {
		add(p, line(a, "waiting", (enum job_kind)i, rows[i].waiting));
		add(p, line(a, "taken", (enum job_kind)i, rows[i].running));
		add(p, line(a, "dead", (enum job_kind)i, rows[i].dead));
		add(p,
		    line(a, "oldest_due_seconds", (enum job_kind)i,
			rows[i].oldest_s));
	}
}

static void
add_own(struct arena *a, struct page *p)
{
	struct queue_stats s;
	unsigned k;

	for (k = 0; k < JOB_KINDS; k++) {
		s = queue_stats((enum job_kind)k);
		add(p, line(a, "running", (enum job_kind)k, s.running));
		add(p,
		    line(a, "done_total", (enum job_kind)k, (int64_t)s.done));
		add(p,
		    line(a, "failed_total", (enum job_kind)k,
			(int64_t)s.failed));
		add(p,
		    line(a, "lost_total", (enum job_kind)k, (int64_t)s.lost));
	}
	add(p,
	    arena_format(a, "epione_audit_sealed_total %llu\n",
		(unsigned long long)seal_total()));
	add(p, arena_format(a, "epione_jobs_listening %d\n", listen_ready()));
	add(p, arena_format(a, "epione_jobs_database_ready %d\n", db_ready()));
}

/* Headers are read to their end and not looked at: only this machine asks. */
static bool
request_read(int fd, char *buf, size_t size, int64_t end)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1) {
		if (fiber_wait_fd(fd, POLLIN, end) != ERR_OK)
			return false;
		got = read(fd, buf + n, size - 1 - n);
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		if (strstr(buf, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

static void
reply_write(int fd, const char *s, size_t n, int64_t end)
{
	ssize_t put;

	while (n > 0) {
		if (fiber_wait_fd(fd, POLLOUT, end) != ERR_OK)
			return;
		put = write(fd, s, n);
		if (put == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (put <= 0)
			return;
		s += put;
		n -= (size_t)put;
	}
}

static void
answer(int fd, const char *request, int64_t end)
{
	struct arena *a = arena_new();
	struct page *p = arena_alloc(a, sizeof(*p));
	const char *status = "200 OK", *text;

	if (strncmp(request, "GET /metrics ", 13) == 0) {
		add_waiting(a, p);
		add_own(a, p);
	} else if (strncmp(request, "GET /healthz ", 13) == 0)
		add(p, "alive\n");
	else
		status = "404 Not Found";
	text = arena_format(a,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    status, p->n);
	reply_write(fd, text, strlen(text), end);
	reply_write(fd, p->text, p->n, end);
	arena_free(a);
}

static void
client(void *arg)
{
	int fd = (int)(intptr_t)arg;
	int64_t end = instant_monotonic() + CLIENT_MS;
	char request[REQUEST_MAX];

	if (request_read(fd, request, sizeof(request), end))
		answer(fd, request, end);
	close(fd);
	clients--;
}

static void
knock(void *arg, short revents)
{
	int fd;

	(void)arg;
	(void)revents;
	fd = accept4(door.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	clients++;
	if (clients > CLIENTS_MAX ||
	    fiber_start(client, (void *)(intptr_t)fd) != ERR_OK) {
		clients--;
		close(fd);
	}
}

enum err
metrics_start(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)conf()->job_metrics_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;

	if (conf()->job_metrics_port == 0)
		return ERR_OK;
	door.fd = socket(
	    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (door.fd == -1 ||
	    setsockopt(door.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(door.fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(door.fd, 8)) {
		log_error("metrics_port_taken",
		    LOG_NUM("port", conf()->job_metrics_port));
		return ERR_INTERNAL;
	}
	door.fn = knock;
	door.events = POLLIN;
	return loop_watch(&door);
}

void
metrics_stop(void)
{
	if (door.fd == -1)
		return;
	loop_unwatch(&door);
	close(door.fd);
	door.fd = -1;
}
