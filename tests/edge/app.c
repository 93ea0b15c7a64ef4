/*
 * The smallest application on our Kore: what tests/edge talks to, and what
 * benchmarks compare with (GET /bare is a handler and nothing else). It uses
 * each part of the interface that the real edge uses, and no other. It builds
 * with patches left out as well (EDGE_WITHOUT_nn): unpatched.sh.
 */
#include <kore/kore.h>
#include <kore/http.h>
#include <kore/hooks.h>
#include <kore/seccomp.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/syscall.h>

#define MSG_NOTE   (KORE_MSG_APP_BASE + 1)
#define FLOOD_SIZE 65000
#define TRACE_SIZE 65536
#define BIG_MAX	   (64 << 20)
#define PART_SIZE  65536

#define PROBLEM_HEADERS                                                        \
	"content-type: application/problem+json; charset=utf-8\r\n"            \
	"x-content-type-options: nosniff\r\n"                                  \
	"strict-transport-security: max-age=31536000; includeSubDomains\r\n"   \
	"cache-control: no-store\r\n"                                          \
	"allow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"

/* A request that waits for a timer. Either may be gone before the other. */
struct nap {
	struct http_request *req;
	int over;
};

/* A response in parts, the same one over and over. */
struct flow {
	struct http_request *req;
	long left;
	int sending;
};

struct route {
	const char *path;
	int (*run)(struct http_request *);
};

extern TAILQ_HEAD(timerlist, kore_timer) kore_timers; /* of timer.c */

static unsigned notes, ws_opened, ws_closed, ws_code, naps, flows;
static unsigned long long ws_flooded;
static unsigned accepted, refused, closed, most = 1000000;
static struct kore_buf trace;
static int answering; /* what is refused now was understood */

int edge_http(struct http_request *);
void edge_ws_open(struct connection *);
void edge_ws_message(struct connection *, u_int8_t, const void *, size_t);
void edge_ws_closed(struct connection *);

static long
argument(const struct http_request *req)
{
	return req->query_string == NULL ? 0
					 : strtol(req->query_string, NULL, 10);
}

#if defined(EDGE_WITHOUT_08)
static void
http_response_error(struct http_request *req, int status)
{
	http_response(req, status, NULL, 0);
}
#endif

#if defined(EDGE_WITHOUT_09) && !defined(EDGE_WITHOUT_12)
static int
http_request_token(struct http_request *req, const char *name, const char *t)
{
	const char *value;

	return http_request_header(req, name, &value) && strstr(value, t);
}
#endif

static int
reply(struct http_request *req, int status, const char *text)
{
	http_response_header(req, "content-type", "text/plain");
	http_response(req, status, text, strlen(text));
	return KORE_RESULT_OK;
}

/* Notes a request as it was understood; its body in hexadecimal. */
static void
trace_request(const struct http_request *req)
{
	size_t i;

	if (trace.offset > TRACE_SIZE)
		return;
	kore_buf_appendf(&trace, "%s %s?%s %s ", http_method_text(req->method),
	    req->path, req->query_string == NULL ? "" : req->query_string,
	    req->host);
	for (i = 0; req->http_body != NULL && i < req->http_body_length; i++)
		kore_buf_appendf(&trace, "%02x", req->http_body->data[i]);
	kore_buf_appendf(&trace, "\n");
}

/* All that came since the last time: understood, or refused before that. */
static int
run_trace(struct http_request *req)
{
	http_response(req, 200, trace.data, trace.offset);
	kore_buf_reset(&trace);
	return KORE_RESULT_OK;
}

static int
run_bare(struct http_request *req)
{
	http_response(req, 200, "ok\n", 3);
	return KORE_RESULT_OK;
}

/* Says what was understood of the request, one "name=value" a line. */
static int
run_echo(struct http_request *req)
{
	const struct http_header *hdr;
	struct kore_buf out;

	kore_buf_init(&out, 1024);
	kore_buf_appendf(&out, "method=%s\npath=%s\nquery=%s\nhost=%s\n",
	    http_method_text(req->method), req->path,
	    req->query_string == NULL ? "" : req->query_string, req->host);
	TAILQ_FOREACH (hdr, &req->req_headers, list)
		kore_buf_appendf(&out, "h:%s=%s\n", hdr->header, hdr->value);
	kore_buf_appendf(&out, "length=%zu\nbody=", req->http_body_length);
	if (req->http_body != NULL) /* rewound: its offset is 0 */
		kore_buf_append(
		    &out, req->http_body->data, req->http_body_length);
	http_response(req, 200, out.data, out.offset);
	kore_buf_cleanup(&out);
	return KORE_RESULT_OK;
}

static unsigned
timers(void)
{
	struct kore_timer *t;
	unsigned n = 0;

	TAILQ_FOREACH (t, &kore_timers, list)
		n++;
	return n;
}

static int
run_who(struct http_request *req)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "worker=%u\npid=%d\nnotes=%u\nopened=%u\nclosed=%u\ncode=%u\n"
	    "flooded=%llu\nconns=%u\nreqs=%u\naccepted=%u\nrefused=%u\n"
	    "gone=%u\ntimers=%u\nflows=%u\n",
	    worker->id, getpid(), notes, ws_opened, ws_closed, ws_code,
	    ws_flooded, worker_active_connections, http_request_count, accepted,
	    refused, closed, timers(), flows);
	return reply(req, 200, text);
}

/* From now on this worker has at most so many connections. */
static int
run_limit(struct http_request *req)
{
	most = argument(req);
	return reply(req, 200, "limited\n");
}

static void
nap_end(void *arg, u_int64_t now)
{
	struct nap *nap = arg;

	(void)now;
	nap->over = 1;
	naps--;
	if (nap->req != NULL)
		http_request_wakeup(nap->req);
	else
		free(nap);
}

/* The client went away, or was answered. Kore may call this twice. */
static void
nap_free(struct http_request *req)
{
	struct nap *nap = req->hdlr_extra;

	if (nap == NULL)
		return;
	req->hdlr_extra = NULL;
	nap->req = NULL;
	if (nap->over)
		free(nap);
}

/* Puts a request to sleep once; true when it has slept. */
static int
nap_taken(struct http_request *req, u_int64_t ms)
{
	struct nap *nap = req->hdlr_extra;

	if (nap != NULL)
		return nap->over;
	if ((nap = calloc(1, sizeof(*nap))) == NULL)
		fatal("calloc");
	nap->req = req;
	naps++;
	req->hdlr_extra = nap;
	req->onfree = nap_free;
	req->flags |= HTTP_REQUEST_RETAIN_EXTRA;
	http_request_sleep(req);
	(void)kore_timer_add(nap_end, ms, nap, KORE_TIMER_ONESHOT);
	return 0;
}

static int
run_sleep(struct http_request *req)
{
	if (!nap_taken(req, argument(req)))
		return KORE_RESULT_RETRY;
	return reply(req, 200, "slept\n");
}

static int
run_block(struct http_request *req)
{
	usleep(argument(req) * 1000);
	return reply(req, 200, "blocked\n");
}

static int
run_big(struct http_request *req)
{
	long asked = argument(req);
	size_t len = asked < 0 || asked > BIG_MAX ? BIG_MAX : (size_t)asked;
	char *body = malloc(len + 1);

	if (body == NULL)
		fatal("malloc");
	memset(body, 'x', len);
	http_response(req, 200, body, len);
	free(body);
	return KORE_RESULT_OK;
}

static int
run_note(struct http_request *req)
{
	kore_msg_send(KORE_MSG_WORKER_ALL, MSG_NOTE, "note", 4);
	return reply(req, 200, "sent\n");
}

static int
run_crash(struct http_request *req)
{
	(void)req;
	(void)kill(getpid(), SIGKILL);
	return KORE_RESULT_OK;
}

static int
run_inject(struct http_request *req)
{
	http_response_header(req, "x-good", "yes");
	http_response_header(req, "x-bad", "a\r\nx-injected: 1");
	return reply(req, 200, "ok\n");
}

#if !defined(EDGE_WITHOUT_40)
static int
run_lines(struct http_request *req)
{
	static const char lines[] = "x-one: 1\r\nx-two: 2\r\n";

	http_response_lines(req, lines, sizeof(lines) - 1);
	return reply(req, 200, "ok\n");
}
#else
#define run_lines run_inject
#endif

/* What glibc and OpenSSL ask the system for in passing: that the calls fail is
 * nothing, that they end the process would be. */
static int
run_calls(struct http_request *req)
{
	static const long calls[] = { SYS_newfstatat, SYS_faccessat2,
		SYS_pread64, SYS_sched_getaffinity, SYS_gettimeofday,
		SYS_restart_syscall, SYS_mremap };
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		(void)syscall(calls[i], -1, NULL, 0, 0, 0);
	return reply(req, 200, "allowed\n");
}

/* How often a buffer that grows byte by byte is moved. */
static int
run_grow(struct http_request *req)
{
	struct kore_buf buf;
	size_t length;
	char text[32];
	long i;
	int moves = 0;

	kore_buf_init(&buf, 128);
	for (i = argument(req), length = 128; i > 0; i--) {
		kore_buf_append(&buf, "x", 1);
		moves += buf.length != length;
		length = buf.length;
	}
	kore_buf_cleanup(&buf);
	(void)snprintf(text, sizeof(text), "moves=%d\n", moves);
	return reply(req, 200, text);
}

/* Gives up a descriptor that epoll does not know, then one that is closed. */
static int
run_closed(struct http_request *req)
{
	int fd = fcntl(worker->msg[1]->fd, F_DUPFD, 0);

	kore_platform_disable_read(fd);
	(void)close(fd);
	kore_platform_disable_read(fd);
	return reply(req, 200, "fine\n");
}

#if !defined(EDGE_WITHOUT_12)
static int
run_ws(struct http_request *req)
{
	if (argument(req) > 0 && !nap_taken(req, argument(req)))
		return KORE_RESULT_RETRY;
	if (http_request_token(req, "sec-websocket-protocol", "edge.v1"))
		http_response_header(req, "sec-websocket-protocol", "edge.v1");
	(void)kore_websocket_handshake(
	    req, "edge_ws_open", "edge_ws_message", "edge_ws_closed");
	return KORE_RESULT_OK;
}
#else
static int
run_ws(struct http_request *req)
{
	kore_websocket_handshake(
	    req, "edge_ws_open", "edge_ws_message", "edge_ws_closed");
	return KORE_RESULT_OK;
}
#endif

#if !defined(EDGE_WITHOUT_37)
static int
run_last(struct http_request *req)
{
	http_response_last(req);
	return run_bare(req);
}
#else
#define run_last run_bare
#endif

#if !defined(EDGE_WITHOUT_39)
static int
flow_sent(struct netbuf *nb)
{
	struct flow *f = nb->extra;

	f->sending = 0;
	http_request_wakeup(f->req);
	return KORE_RESULT_OK;
}

static void
flow_free(struct http_request *req)
{
	struct flow *f = req->hdlr_extra;

	if (f == NULL)
		return;
	if (f->sending)
		fatal("a part is still being sent");
	req->hdlr_extra = NULL;
	free(f);
	flows--;
}

static void
flow_begin(struct http_request *req)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (f == NULL)
		fatal("calloc");
	f->req = req;
	f->left = argument(req);
	flows++;
	req->hdlr_extra = f;
	req->onfree = flow_free;
	req->flags |= HTTP_REQUEST_RETAIN_EXTRA;
	http_response_begin(req, 200);
}

static void
flow_go_on(struct flow *f)
{
	static char part[PART_SIZE];
	size_t n = f->left < PART_SIZE ? (size_t)f->left : PART_SIZE;

	memset(part, 'x', sizeof(part));
	f->sending = 1;
	f->left -= (long)n;
	if (!http_response_part(f->req, part, n, flow_sent, f))
		f->sending = 0;
}

/* So many bytes, a part when the one before it has gone. */
static int
run_parts(struct http_request *req)
{
	struct flow *f;

	if (req->hdlr_extra == NULL)
		flow_begin(req);
	f = req->hdlr_extra;
	if (req->method == HTTP_METHOD_HEAD)
		return KORE_RESULT_OK;
	if (!f->sending && f->left == 0) {
		if (strcmp(req->path, "/cut") == 0)
			http_response_abort(req);
		else
			http_response_end(req);
		return KORE_RESULT_OK;
	}
	http_request_sleep(req);
	if (!f->sending)
		flow_go_on(f);
	return KORE_RESULT_RETRY;
}
#else
#define run_parts run_big
#endif

static const struct route routes[] = {
	{ "/bare", run_bare },
	{ "/last", run_last },
	{ "/echo", run_echo },
	{ "/who", run_who },
	{ "/limit", run_limit },
	{ "/trace", run_trace },
	{ "/sleep", run_sleep },
	{ "/block", run_block },
	{ "/big", run_big },
	{ "/parts", run_parts },
	{ "/cut", run_parts },
	{ "/note", run_note },
	{ "/crash", run_crash },
	{ "/inject", run_inject },
	{ "/lines", run_lines },
	{ "/calls", run_calls },
	{ "/closed", run_closed },
	{ "/grow", run_grow },
	{ "/ws", run_ws },
	{ NULL, NULL },
};

static int
route(struct http_request *req)
{
	const struct route *r;

#if defined(HTTP_METHOD_OTHER)
	if (req->method == HTTP_METHOD_OTHER) {
		http_response_error(req, 405);
		return KORE_RESULT_OK;
	}
#endif
	for (r = routes; r->path != NULL; r++)
		if (strcmp(r->path, req->path) == 0)
			return r->run(req);
	http_response_error(req, 404);
	return KORE_RESULT_OK;
}

int
edge_http(struct http_request *req)
{
	int r;

	/* not again when it has slept */
	if (req->hdlr_extra == NULL && strcmp(req->path, "/trace") != 0)
		trace_request(req);
	answering = 1;
	r = route(req);
	answering = 0;
	return r;
}

#if defined(EDGE_WITHOUT_12)
void
edge_ws_open(struct connection *c)
{
	(void)c;
	ws_opened++;
}

void
edge_ws_closed(struct connection *c)
{
	(void)c;
	ws_closed++;
}

void
edge_ws_message(struct connection *c, u_int8_t op, const void *data, size_t len)
{
	kore_websocket_send(c, op, data, len);
}
#else
void
edge_ws_open(struct connection *c)
{
	c->ws_data = &ws_opened;
	ws_opened++;
}

void
edge_ws_closed(struct connection *c)
{
	if (c->ws_data != &ws_opened)
		fatal("ws_data was touched");
	ws_closed++;
	ws_code = c->ws_close_code;
}

static void
flood(struct connection *c, long count)
{
	static char block[FLOOD_SIZE];

	memset(block, 'x', sizeof(block));
	while (count-- > 0) {
		if (!kore_websocket_send(
			c, WEBSOCKET_OP_BINARY, block, sizeof(block)))
			break;
		ws_flooded += sizeof(block);
	}
}

/* Echoes, but for a few orders: close:N, flood:N, ping, seen. */
void
edge_ws_message(struct connection *c, u_int8_t op, const void *data, size_t len)
{
	char order[32], text[32];

	(void)snprintf(order, sizeof(order), "%.*s",
	    (int)(len < sizeof(order) ? len : sizeof(order) - 1),
	    (const char *)data);
	if (strncmp(order, "close:", 6) == 0) {
		kore_websocket_close(c, strtol(order + 6, NULL, 10));
	} else if (strncmp(order, "flood:", 6) == 0) {
		flood(c, strtol(order + 6, NULL, 10));
	} else if (strcmp(order, "ping") == 0) {
		(void)kore_websocket_send(c, WEBSOCKET_OP_PING, "are you", 7);
	} else if (strcmp(order, "seen") == 0) {
		(void)snprintf(text, sizeof(text), "%d",
		    kore_time_ms() - c->ws_last_seen < 1000);
		(void)kore_websocket_send(
		    c, WEBSOCKET_OP_TEXT, text, strlen(text));
	} else {
		(void)kore_websocket_send(c, op, data, len);
	}
}
#endif

#if !defined(EDGE_WITHOUT_08)
/*= TR-22: what Kore refuses by itself looks like what we refuse */
static void
on_error(struct connection *c, int status, struct kore_buf *headers,
    struct kore_buf *body)
{
	(void)c;
	if (!answering && trace.offset <= TRACE_SIZE)
		kore_buf_appendf(&trace, "refused %d\n", status);
	kore_buf_appendf(headers, "%s", PROBLEM_HEADERS);
	kore_buf_appendf(
	    body, "{\"type\":\"about:blank\",\"status\":%d}", status);
}
#endif

#if !defined(EDGE_WITHOUT_24)
static int
on_accept(struct connection *c)
{
	if (accepted - closed >= most) {
		refused++;
		return 0;
	}
	c->place = ++accepted;
	return 1;
}

static void
on_closed(struct connection *c)
{
	if (c->place == 0 || c->place > accepted)
		fatal("place was touched");
	closed++;
}
#endif

#if !defined(EDGE_WITHOUT_16)
static int
on_drain(void)
{
	return (int)naps;
}
#endif

static void
on_note(struct kore_msg *msg, const void *data)
{
	(void)data;
	if (msg->length == 4)
		notes++;
}

void
kore_worker_configure(void)
{
#if !defined(EDGE_WITHOUT_08)
	http_error_hook = on_error;
#endif
#if !defined(EDGE_WITHOUT_16)
	kore_drain_hook = on_drain;
#endif
#if !defined(EDGE_WITHOUT_24)
	kore_accept_hook = on_accept;
	kore_closed_hook = on_closed;
#endif
	kore_buf_init(&trace, 1024);
	if (!kore_msg_register(MSG_NOTE, on_note))
		fatal("kore_msg_register");
}

void
kore_parent_configure(int argc, char **argv)
{
	(void)argc;
	(void)argv;
#if !defined(EDGE_WITHOUT_16)
	kore_drain_seconds = 3;
#endif
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* not to outlive the tests */
}

#if defined(EDGE_NO_SANDBOX)
static struct sock_filter everything[] = { KORE_BPF_RET(SECCOMP_RET_ALLOW) };

/* Sanitizers make calls of their own. */
void
kore_seccomp_hook(void)
{
	(void)kore_seccomp_filter(
	    "everything", everything, KORE_FILTER_LEN(everything));
}
#endif
