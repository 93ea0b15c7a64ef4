#include "kore_world.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define UPGRADE                                                                \
	"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"                \
	"Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"                 \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define HOUR_MS	     3600000
#define BIG	     9000 /* more than goes out at once */
#define SENDQ	     (1 << 20)
#define SENDQ_BROKEN 4096

static struct {
	struct listener *listener;
	struct connection *c; /* NULL once it is gone */
	struct story *story;
	struct http_request *sleeper;
	const uint8_t *in;
	size_t in_n;	 /* arrived and not read */
	bool ended;	 /* nothing more will arrive */
	bool hold;	 /* cut, stop and delay at random */
	bool full;	 /* the socket takes nothing more for now */
	bool deaf;	 /* and never will again */
	bool again;	 /* Kore asked for its events anew */
	bool moved;	 /* something happened in this round */
	uint32_t random; /* xorshift */
	int peer[2];	 /* what descriptors of connections are copies of */
	bool socket, socket_closed;
	size_t allocations; /* what Kore holds without any connection */
} w;

void __wrap_kore_platform_event_all(int, void *);
ssize_t __real_recv(int, void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
int world_handle(struct http_request *);
void world_opened(struct connection *);
void world_message(struct connection *, uint8_t, const void *, size_t);
void world_closed(struct connection *);

static uint32_t
dice(uint32_t n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 17;
	w.random ^= w.random << 5;
	return w.random % n;
}

void
tape_add(struct tape *t, const void *p, size_t n)
{
	must(n <= TAPE_MAX - t->n);
	if (n > 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
}

static void
tape_text(struct tape *t, const char *text)
{
	tape_add(t, text, strlen(text) + 1);
}

void
tape_heard(struct tape *t, uint8_t op, const void *p, size_t n)
{
	tape_add(t, &op, sizeof(op));
	tape_add(t, &n, sizeof(n));
	tape_add(t, p, n);
}

/*
 * Kore's own allocator rounds up and keeps what was freed, so that a step
 * beside it goes unseen. In its place: one allocation each, of that size
 * exactly, and counted.
 */
static size_t allocations;

static void *
counted(void *p)
{
	must(p != NULL);
	allocations++;
	return p;
}

void
kore_mem_init(void)
{
}

void
kore_mem_cleanup(void)
{
}

void *
kore_malloc(size_t n)
{
	return counted(malloc(n));
}

void *
kore_calloc(size_t count, size_t n)
{
	return counted(calloc(count, n));
}

void *
kore_realloc(void *old, size_t n)
{
	allocations -= old != NULL;
	return counted(realloc(old, n));
}

void
kore_free(void *p)
{
	allocations -= p != NULL;
	free(p);
}

char *
kore_strdup(const char *text)
{
	return counted(strdup(text));
}

void
kore_pool_init(struct kore_pool *pool, const char *name, size_t n, size_t count)
{
	(void)name;
	(void)count;
	pool->elen = n;
}

void
kore_pool_cleanup(struct kore_pool *pool)
{
	(void)pool;
}

void *
kore_pool_get(struct kore_pool *pool)
{
	return kore_malloc(pool->elen);
}

void
kore_pool_put(struct kore_pool *pool, void *p)
{
	(void)pool;
	kore_free(p);
}

/* The socket. */
static int
world_read(struct connection *c, size_t *n)
{
	size_t room = c->rnb->b_len - c->rnb->s_off;

	must(c->rnb->buf != NULL && room > 0);
	if (w.in_n == 0) {
		c->evt.flags &= ~KORE_EVENT_READ;
		return w.ended ? KORE_RESULT_ERROR : KORE_RESULT_OK;
	}
	*n = w.in_n < room ? w.in_n : room;
	if (w.hold && dice(4) == 0)
		*n = 1 + dice((uint32_t)*n);
	memcpy(c->rnb->buf + c->rnb->s_off, w.in, *n);
	w.in += *n;
	w.in_n -= *n;
	w.moved = true;
	return KORE_RESULT_OK;
}

static int
world_write(struct connection *c, size_t n, size_t *written)
{
	struct tape *said = &w.story->said;

	w.moved = true;
	if (w.full || w.deaf || (w.hold && dice(4) == 0)) {
		w.full = true;
		c->evt.flags &= ~KORE_EVENT_WRITE;
		c->snb->flags |= NETBUF_MUST_RESEND; /* as TLS would */
		return KORE_RESULT_OK;
	}
	*written = w.hold && dice(2) == 0 ? 1 + dice((uint32_t)n) : n;
	tape_add(said, c->snb->buf + c->snb->s_off, *written);
	return KORE_RESULT_OK;
}

/* What epoll has to say: once, with all that is ready. */
static void
event(int error)
{
	struct connection *c = w.c;

	if (c == NULL || c->state == CONN_STATE_DISCONNECTING)
		return;
	if (w.in_n > 0 || w.ended)
		c->evt.flags |= KORE_EVENT_READ;
	if (!w.full)
		c->evt.flags |= KORE_EVENT_WRITE;
	c->evt.handle(c, error);
}

/*
 * In the place of epoll: what is ready is said once more. Bytes that TLS holds
 * back are not, they wait until the socket can be written to.
 */
void
__wrap_kore_platform_event_all(int fd, void *c)
{
	must(c == w.c && fd == w.c->fd);
	w.again = true;
}

/* Before it makes a WebSocket of it Kore looks at the descriptor itself. */
ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	if (!(flags & MSG_PEEK) || w.in_n == 0)
		return __real_recv(fd, p, n, flags);
	must(fd == w.c->fd && n == 1);
	memcpy(p, w.in, n);
	return (ssize_t)n;
}

static void
prune(void)
{
	kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
	if (TAILQ_EMPTY(&connections))
		w.c = NULL;
}

static void
sleeper_wake(void)
{
	struct http_request *req = w.sleeper;

	w.sleeper = NULL;
	http_request_wakeup(req);
}

/* Once round a worker's loop. */
static void
turn(void)
{
	w.moved = false;
	if (w.sleeper != NULL && (!w.hold || dice(2) == 0))
		sleeper_wake();
	http_process();
	if (w.c != NULL && w.c->read != world_read) {
		w.c->read = world_read; /* it lingers, reading raw */
		if (w.in_n > 0)
			event(0);
	}
	if (w.again && (!w.full || !w.hold || dice(2) == 0)) {
		w.again = false;
		event(0);
	}
	if (w.full && !w.deaf && (!w.hold || dice(2) == 0)) {
		w.full = false;
		event(0);
	}
	prune();
}

/* Until nothing moves any more. */
static void
settle(void)
{
	unsigned turns = 0;

	do {
		must(turns++ < 100000);
		turn();
	} while (w.moved || (w.again && !w.full) || http_process_pending() ||
	    w.sleeper != NULL || (w.full && !w.deaf && w.c != NULL));
}

static void
arrive(const uint8_t *p, size_t n)
{
	size_t piece;

	for (; n > 0 && w.c != NULL; n -= piece) {
		piece = w.hold ? 1 + dice(dice(2) == 0 ? 8 : (uint32_t)n) : n;
		piece = piece < n ? piece : n;
		w.in = w.in_n == 0 ? p : w.in;
		w.in_n += piece;
		p += piece;
		event(0);
		if (!w.hold || dice(3) != 0)
			turn();
	}
}

/* All comes, and Kore takes all there was: it does not wait for an event that
 * will not come again. */
static void
arrive_all(const uint8_t *p, size_t n)
{
	arrive(p, n);
	settle();
	must(w.c == NULL || w.in_n == 0 || w.deaf);
}

static void
time_pass(int hours)
{
	http_process();
	prune();
	kore_connection_check_timeout(
	    kore_time_ms() + (u_int64_t)hours * HOUR_MS);
	http_process();
	prune();
}

/* Whatever happened, it ends, and Kore holds nothing of it. */
static void
leave(void)
{
	int i;

	w.deaf = w.deaf || (w.hold && dice(2) == 0);
	settle();
	for (i = 1; i <= 4; i++)
		time_pass(i);
	must(TAILQ_EMPTY(&connections) && TAILQ_EMPTY(&disconnected));
	must(http_request_count == 0 && worker_active_connections == 0);
	must(!w.socket || w.socket_closed);
	must(allocations == w.allocations);
}

/* kore_connection_accept() and the end of a TLS handshake. */
static struct connection *
accepted(void)
{
	struct connection *c = kore_connection_new(w.listener);

	c->fd = dup(w.peer[0]);
	must(c->fd != -1);
	c->family = AF_INET;
	memset(&c->addr, 0, sizeof(c->addr));
	c->handle = kore_connection_handle;
	TAILQ_INSERT_TAIL(&connections, c, list);
	c->state = CONN_STATE_ESTABLISHED;
	c->proto = CONN_PROTO_HTTP;
	c->write = world_write;
	c->read = world_read;
	c->idle_timer.length = http_keepalive_time * 1000;
	net_recv_queue(
	    c, http_header_max, NETBUF_CALL_CB_ALWAYS, http_header_recv);
	kore_connection_start_idletimer(c);
	worker_active_connections++;
	return c;
}

static void
begin(struct story *s, uint8_t seed, bool socket)
{
	w.story = s;
	w.random = 2654435769u * (seed + 1u);
	w.in_n = 0;
	w.ended = w.hold = w.full = w.deaf = w.again = w.socket =
	    w.socket_closed = false;
	s->handled = 0;
	s->upgraded = s->refused = false;
	kore_websocket_sendq_max = SENDQ;
	w.c = accepted();
	event(0);
	if (!socket)
		return;
	arrive_all((const uint8_t *)UPGRADE, strlen(UPGRADE));
	must(s->upgraded && s->said.n > 12 &&
	    memcmp(s->said.p, "HTTP/1.1 101", 12) == 0);
	s->heard.n = s->said.n = s->handled = 0;
}

/* When a 100 is sent depends on what came when, and may. */
static void
continues_cut(struct tape *t)
{
	const size_t n = strlen(CONTINUE);
	uint8_t *p = t->p, *end = t->p + t->n;

	while ((p = memmem(p, (size_t)(end - p), CONTINUE, n)) != NULL) {
		memmove(p, p + n, (size_t)(end - p) - n);
		end -= n;
	}
	t->n = (size_t)(end - t->p);
}

static const struct story *
tell(const uint8_t *p, size_t n, enum way way, bool socket)
{
	static struct story stories[2], farewell;
	struct story *s = &stories[way];

	s->heard.n = s->said.n = s->close_code = 0;
	if (n == 0)
		return s;
	begin(s, p[0], socket);
	w.hold = way == PIECES;
	arrive_all(p + 1, n - 1);
	if (socket && w.c != NULL && w.c->flags & CONN_WS_CLOSE_SENT)
		s->close_code = w.c->ws_close_code;
	if (!socket)
		continues_cut(&s->said);
	farewell.heard.n = farewell.said.n = 0;
	w.story = &farewell;
	leave();
	must(farewell.heard.n == 0);
	return s;
}

const struct story *
world_http(const uint8_t *p, size_t n, enum way way)
{
	return tell(p, n, way, false);
}

const struct story *
world_socket(const uint8_t *p, size_t n, enum way way)
{
	return tell(p, n, way, true);
}

static void
broken(const uint8_t *p, size_t n, bool socket)
{
	static struct story s;
	size_t before, with;

	if (n == 0)
		return;
	s.heard.n = s.said.n = 0;
	begin(&s, p[0], socket);
	kore_websocket_sendq_max = SENDQ_BROKEN;
	w.hold = true;
	w.deaf = dice(4) == 0;
	before = dice(2) == 0 ? n - 1 : dice((uint32_t)n);
	arrive(p + 1, before);
	with = w.in_n > 0 ? 0 : dice((uint32_t)(n - before));
	switch (dice(4)) {
	case 0: /* reset */
		w.ended = true;
		event(1);
		break;
	case 1: /* half closed, the last piece together with the FIN */
		w.in = with > 0 ? p + 1 + before : w.in;
		w.in_n += with;
		w.ended = true;
		event(KORE_EVENT_HALF_CLOSED);
		break;
	case 2: /* the server ends */
		kore_connection_prune(KORE_CONNECTION_PRUNE_ALL);
		w.c = NULL;
		break;
	default: /* silence */
		break;
	}
	leave();
}

void
world_http_broken(const uint8_t *p, size_t n)
{
	broken(p, n, false);
}

void
world_socket_broken(const uint8_t *p, size_t n)
{
	broken(p, n, true);
}

/* The application: what its path begins with says what a request is for; after
 * an s it is done later. */

/* No two readers may understand it in two ways. */
static void
request_check(const struct http_request *req)
{
	const struct http_header *h;
	unsigned lengths = 0;
	const char *p;

	for (p = req->path; *p != '\0'; p++)
		must(*p > ' ' && *p < 0x7f);
	for (p = req->host; *p != '\0'; p++)
		must(isalnum((unsigned char)*p) || strchr("-._~:[]", *p));
	must(p > req->host);
	TAILQ_FOREACH (h, &req->req_headers, list) {
		must(*h->header != '\0' &&
		    strpbrk(h->header, "\r\n \t:") == NULL &&
		    strpbrk(h->value, "\r\n") == NULL);
		must(strcasecmp(h->header, "transfer-encoding") != 0 &&
		    strcasecmp(h->header, "host") != 0);
		if (strcasecmp(h->header, "content-length") != 0)
			continue;
		must(lengths++ == 0 &&
		    strtoull(h->value, NULL, 10) == req->http_body_length);
	}
	must(lengths == 1 || req->http_body_length == 0);
	must(req->http_body_length == 0 || req->http_body != NULL);
}

static void
request_heard(struct http_request *req)
{
	struct tape *t = &w.story->heard;
	const struct http_header *h;

	request_check(req);
	tape_text(t, http_method_text(req->method));
	tape_text(t, req->path);
	tape_text(t, req->query_string == NULL ? "" : req->query_string);
	tape_text(t, req->host);
	TAILQ_FOREACH (h, &req->req_headers, list) {
		tape_text(t, h->header);
		tape_text(t, h->value);
	}
	tape_heard(t, 0, req->http_body == NULL ? NULL : req->http_body->data,
	    req->http_body_length);
}

static void
request_gone(struct http_request *req)
{
	if (w.sleeper == req)
		w.sleeper = NULL;
}

static void
upgrade(struct http_request *req)
{
	if (!kore_websocket_handshake(
		req, "world_opened", "world_message", "world_closed"))
		w.story->refused = true;
	else
		w.story->upgraded = w.socket = true;
}

int
world_handle(struct http_request *req)
{
	static char big[BIG];
	const char *p = req->path + (*req->path != '\0');
	bool first = req->hdlr_extra == NULL, sleeps = *p == 's';
	char what = sleeps ? p[1] : *p;

	w.moved = true;
	must(w.sleeper == NULL);
	if (first) {
		request_heard(req);
		req->hdlr_extra = &w;
		req->flags |= HTTP_REQUEST_RETAIN_EXTRA;
		req->onfree = request_gone;
	}
	if (first && sleeps) {
		http_request_sleep(req);
		w.sleeper = req;
		return KORE_RESULT_RETRY;
	}
	if (what == 'd')
		return KORE_RESULT_ERROR;
	http_response_header(req, "x-handled", "1");
	if (req->method == HTTP_METHOD_HEAD)
		http_response_header(req, "x-head", "1");
	w.story->handled++;
	if (what == 'w')
		upgrade(req);
	else if (what == 'e')
		http_response_error(req, 404);
	else if (what == 'n')
		http_response(req, 204, NULL, 0);
	else
		http_response(req, 200, memset(big, 'x', sizeof(big)),
		    what == 'b' ? sizeof(big) : 3);
	return KORE_RESULT_OK;
}

static void
refused(struct connection *c, int status, struct kore_buf *headers,
    struct kore_buf *body)
{
	must(c == w.c && status >= 400 && status < 600);
	kore_buf_appendf(headers, "x-refused: 1\r\n%s",
	    c->flags & CONN_HTTP_HEAD ? "x-head: 1\r\n" : "");
	kore_buf_appendf(body, "%d", status);
}

void
world_opened(struct connection *c)
{
	must(c == w.c);
	c->ws_data = &w;
}

void
world_message(struct connection *c, uint8_t op, const void *p, size_t n)
{
	must(c == w.c && c->ws_data == &w && !w.socket_closed);
	must(!(c->flags & (CONN_WS_CLOSE_SENT | CONN_WS_ABORT)));
	must(n <= kore_websocket_maxframe);
	must(op == WEBSOCKET_OP_BINARY ||
	    (op == WEBSOCKET_OP_TEXT && utf8_good(p, n)));
	tape_heard(&w.story->heard, op, p, n);
	if (n >= 5 && memcmp(p, "close", 5) == 0)
		kore_websocket_close(c, 4001);
	else
		(void)kore_websocket_send(c, op, p, n);
}

void
world_closed(struct connection *c)
{
	must(c == w.c && w.socket && !w.socket_closed);
	w.socket_closed = true;
	w.story->close_code = c->ws_close_code;
}

void
fuzz_begin(void)
{
	struct kore_domain *any;
	struct kore_server *server;

	kore_foreground = kore_quiet = 1;
	worker_max_connections = 16;
	http_header_max = 5000;
	http_body_max = 4096;
	http_keepalive_time = 15;
	kore_websocket_maxframe = WORLD_MAXFRAME;
	http_error_hook = refused;
	kore_mem_init();
	kore_module_init();
	(void)kore_module_load(NULL, NULL, KORE_MODULE_NATIVE);
	http_parent_init();
	net_init();
	kore_connection_init();
	http_init();
	server = kore_server_create("tls");
	any = kore_domain_new("*");
	must(kore_domain_attach(any, server) &&
	    kore_module_handler_new(
		any, "^.*$", "world_handle", NULL, HANDLER_TYPE_DYNAMIC));
	any->accesslog = 0;
	w.listener = kore_listener_create(server);
	w.allocations = allocations;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w.peer) == 0);
}

/* One response, from p: its end, or NULL if it is not whole. */
static const uint8_t *
response_end(const uint8_t *p, const uint8_t *end, bool *handled)
{
	const uint8_t *body = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
	const char *length;
	char head[1024];
	size_t n;

	if (body == NULL || (n = (size_t)(body - p) + 2) >= sizeof(head))
		return NULL;
	memcpy(head, p, n);
	head[n] = '\0';
	if (memcmp(head, "HTTP/1.", 7) != 0)
		return NULL;
	*handled = strstr(head, "\r\nx-handled: 1\r\n") != NULL;
	length = strstr(head, "\r\ncontent-length: ");
	body += 4;
	if ((length == NULL) != (memcmp(head + 8, " 204 ", 5) == 0))
		return NULL;
	n = length == NULL || strstr(head, "\r\nx-head: 1\r\n") != NULL
	    ? 0
	    : strtoul(length + 18, NULL, 10);
	return n <= (size_t)(end - body) ? body + n : NULL;
}

bool
story_answered(const struct story *s)
{
	const uint8_t *p = s->said.p, *end = p + s->said.n;
	unsigned handled = 0;
	bool one = true;

	while (p != NULL && p < end && one) {
		p = response_end(p, end, &one);
		handled += one;
	}
	return s->upgraded || (p == end && handled == s->handled);
}

static bool
tape_equal(const struct tape *a, const struct tape *b, size_t n)
{
	return a->n >= n && b->n >= n && memcmp(a->p, b->p, n) == 0;
}

bool
story_equal(const struct story *a, const struct story *b)
{
	bool all = a->said.n == b->said.n ||
	    (a->abandoned && a->said.n > b->said.n);

	/* Data right behind an upgrade is refused, if it is there already. */
	if (a->upgraded != b->upgraded)
		return true;
	return a->heard.n == b->heard.n && a->close_code == b->close_code &&
	    a->handled == b->handled &&
	    tape_equal(&a->heard, &b->heard, a->heard.n) &&
	    (a->refused || (all && tape_equal(&a->said, &b->said, b->said.n)));
}
