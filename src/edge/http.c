#include "edge/http.h"

#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "edge/assets.h"
#include "edge/health.h"
#include "edge/loop.h"
#include "edge/peer.h"
#include "edge/ws.h"
#include "gate/dispatch.h"
#include "gate/openapi.h"
#include "gate/parts.h"
#include "gate/reply.h"
#include "gate/surface.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS_PAUSE_MS 20
#define DATE_SIZE     sizeof("Sun, 06 Nov 1994 08:49:37 GMT")

/*
 * One request and its fiber. The fiber works on copies and never looks at
 * Kore's request: when the client goes away, `http` turns NULL, the fiber
 * runs to its end, and the reply is dropped.
 */
struct exchange {
	struct http_request *http;
	struct arena *arena;
	struct request rq;
	struct reply rp;
	const char *if_none_match;
	bool done;
	/* of an answer in parts */
	struct fiber *fiber;
	bool waits;   /* the fiber, for the server or the client */
	bool sending; /* the server still reads from the part */
};

static unsigned in_progress;

unsigned
http_in_progress(void)
{
	return in_progress;
}

static enum method
method_of(int method)
{
	switch (method) {
	case HTTP_METHOD_GET:
		return METHOD_GET;
	case HTTP_METHOD_HEAD:
		return METHOD_HEAD;
	case HTTP_METHOD_POST:
		return METHOD_POST;
	case HTTP_METHOD_PUT:
		return METHOD_PUT;
	case HTTP_METHOD_PATCH:
		return METHOD_PATCH;
	case HTTP_METHOD_DELETE:
		return METHOD_DELETE;
	case HTTP_METHOD_OPTIONS:
		return METHOD_OPTIONS;
	default:
		return METHOD_OTHER;
	}
}

static const char *
header(struct exchange *x, const char *name)
{
	const char *value;

	if (!http_request_header(x->http, name, &value))
		return NULL;
	return arena_text(x->arena, value);
}

/* Every Cookie header counts; the parser refuses a cookie that comes twice. */
static const char *
cookies(struct exchange *x)
{
	const char *all = NULL;
	struct http_header *h;

	TAILQ_FOREACH (h, &x->http->req_headers, list) {
		if (strcasecmp(h->header, "cookie") != 0)
			continue;
		all = all == NULL
		    ? arena_text(x->arena, h->value)
		    : arena_format(x->arena, "%s; %s", all, h->value);
	}
	return all;
}

static void
body_fill(struct exchange *x)
{
	struct http_request *h = x->http;
	/* rewound by Kore: the buffer no longer says how much it holds */
	size_t n = h->http_body == NULL ? 0 : h->http_body_length;

	if (n == 0)
		return;
	x->rq.body = (struct bytes){
		arena_copy(x->arena, h->http_body->data, n), n
	};
}

static void
request_fill(struct exchange *x)
{
	const char *background = header(x, "x-background"),
		   *accept = header(x, "accept");
	int handshake = kore_websocket_check(x->http);
	struct request *rq = &x->rq;

	rq->method = method_of(x->http->method);
	rq->path = arena_text(x->arena, x->http->path);
	rq->query = x->http->query_string == NULL
	    ? NULL
	    : arena_text(x->arena, x->http->query_string);
	rq->content_type = header(x, "content-type");
	rq->origin = header(x, "origin");
	rq->host = arena_text(x->arena, x->http->host);
	rq->cookie = cookies(x);
	rq->authorization = header(x, "authorization");
	rq->if_match = header(x, "if-match");
	rq->idempotency_key = header(x, "idempotency-key");
	rq->stripe_signature = header(x, "stripe-signature");
	rq->user_agent = header(x, "user-agent");
	rq->websocket_protocol = header(x, "sec-websocket-protocol");
	rq->upgrade = http_request_token(x->http, "upgrade", "websocket") &&
	    handshake != HTTP_STATUS_UPGRADE_REQUIRED;
	rq->upgrade_sound = rq->upgrade && handshake == 0;
	/*= SE-02: a lost socket comes back by itself, without anybody there */
	rq->background = rq->upgrade ||
	    (background != NULL && strcmp(background, "1") == 0);
	rq->wants_page = accept != NULL && strstr(accept, "text/html") != NULL;
	rq->wants_csv = accept != NULL && strstr(accept, "text/csv") != NULL;
	x->if_none_match = header(x, "if-none-match");
	rq->id = uuid_random();
	rq->arrived = instant_now();
	rq->started_ms = instant_monotonic();
	peer_fill(x->arena, x->http, rq);
	body_fill(x);
}

/* Are we who the client thinks we are? The origin's authority, exactly. */
static bool
host_is_ours(const struct request *rq)
{
	const char *authority = strstr(conf()->origin, "://");

	return authority != NULL && rq->host != NULL &&
	    strcasecmp(authority + 3, rq->host) == 0;
}

static bool
only_reads(const struct exchange *x)
{
	return x->rq.method == METHOD_GET || x->rq.method == METHOD_HEAD;
}

/* Before a worker has read its index key it could only say that stored values
 * are forged: what comes so early waits, as it would for a connection. */
static enum err
api_answer(struct exchange *x)
{
	const int64_t end = x->rq.started_ms + conf()->request_seconds * 1000;

	while (!health_keys_checked()) {
		if (instant_monotonic() >= end)
			return ERR_UNAVAILABLE;
		fiber_sleep(KEYS_PAUSE_MS);
	}
	dispatch(x->arena, &x->rq, &x->rp);
	return ERR_OK;
}

static enum err
description_answer(struct exchange *x)
{
	return only_reads(x) ? openapi_reply(x->if_none_match, &x->rp)
			     : ERR_METHOD_NOT_ALLOWED;
}

static enum err
alive_answer(struct exchange *x)
{
	health_alive_reply(&x->rp);
	return only_reads(x) ? ERR_OK : ERR_METHOD_NOT_ALLOWED;
}

static enum err
ready_answer(struct exchange *x)
{
	health_ready_reply(&x->rp);
	return only_reads(x) ? ERR_OK : ERR_METHOD_NOT_ALLOWED;
}

static enum err
metrics_answer(struct exchange *x)
{
	return only_reads(x) ? health_metrics_reply(x->arena, &x->rp)
			     : ERR_METHOD_NOT_ALLOWED;
}

static enum err
pages_answer(struct exchange *x)
{
	return assets_reply(&x->rq, x->if_none_match, &x->rp);
}

static enum err (*const answers[])(struct exchange *) = {
#define SURFACE(                                                               \
    name, prefix, who, rate, policy, kept, media, errors, type, list, tag)     \
	name##_answer,
#include "tables/surfaces.def"
#undef SURFACE
};

/* ERR_OK: x->rp is the answer. */
static enum err
exchange_work(struct exchange *x)
{
	const struct surface *s = surface_of(&x->rq);

	if (dispatch_rate(x->arena, &x->rq, &x->rp) != ERR_OK)
		return ERR_OK;
	if (s->who == ASKER_NAMED && !host_is_ours(&x->rq))
		return ERR_MISDIRECTED;
	return answers[surface_id(s)](x);
}

/* What every answer bears, whoever made it: the name of its request, as in the
 * audit row (AU-02), and the time (RFC 9110, 6.6.1). */
struct stamp {
	char id[UUID_TEXT_SIZE];
	const char *date;
};

/* Written anew when the second is another. */
static const char *
date_text(void)
{
	static char text[DATE_SIZE];
	static time_t of;
	time_t now = instant_now();
	struct tm tm;

	if (now == of)
		return text;
	of = now;
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		text[0] = '\0';
	return text;
}

static struct stamp
stamp_of(const struct uuid *id)
{
	struct stamp s = { .date = date_text() };

	uuid_text(id, s.id);
	return s;
}

/* Header lines; without a place to write them, how long they would be. */
struct lines {
	char *p;
	size_t n;
};

static void
text_put(struct lines *l, const char *text)
{
	const size_t n = strlen(text);

	if (l->p != NULL)
		memcpy(l->p + l->n, text, n);
	l->n += n;
}

/* A value that would be more than one line is none of ours. */
static void
line_put(struct lines *l, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n") != NULL)
		return;
	text_put(l, name);
	text_put(l, ": ");
	text_put(l, value);
	text_put(l, "\r\n");
}

static void
lines_put(struct lines *l, const struct stamp *stamp, const struct reply *rp)
{
	size_t i;

	line_put(l, "X-Request-Id", stamp->id);
	line_put(l, "Date", stamp->date);
	if (rp->content_type != NULL)
		line_put(l, "content-type", rp->content_type);
	for (i = 0; i < rp->header_count; i++)
		line_put(l, rp->headers[i].name, rp->headers[i].value);
	text_put(l, rp->always);
}

static struct lines
lines_of(struct arena *a, const struct uuid *id, const struct reply *rp)
{
	struct stamp stamp = stamp_of(id);
	struct lines l = { NULL, 0 };

	lines_put(&l, &stamp, rp);
	l = (struct lines){ arena_alloc(a, l.n), 0 };
	lines_put(&l, &stamp, rp);
	return l;
}

static void
headers_put(struct exchange *x)
{
	const struct lines l = lines_of(x->arena, &x->rq.id, &x->rp);

	http_response_lines(x->http, l.p, l.n);
}

/* Called by the server in the middle of its work: the fiber goes on later. */
static int
part_sent(struct netbuf *nb)
{
	struct exchange *x = nb->extra;

	x->sending = false;
	if (x->waits && x->http != NULL)
		http_request_wakeup(x->http);
	return KORE_RESULT_OK;
}

/* ERR_REQUEST_TIMEOUT. Others have their turn even if the client takes all. */
static enum err
part_send(struct exchange *x, struct bytes part, int64_t end)
{
	enum err r = ERR_OK;
	union {
		const uint8_t *read_only;
		void *p;
	} data = { part.p };

	x->sending = true;
	if (!http_response_part(x->http, data.p, part.n, part_sent, x))
		x->sending = false; /* and x->http will go */
	fiber_sleep(0);
	x->waits = true;
	while (x->sending && x->http != NULL && r == ERR_OK)
		r = fiber_park_until(end);
	x->waits = false;
	return r == ERR_OK && instant_monotonic() >= end ? ERR_REQUEST_TIMEOUT
							 : r;
}

/* So that the client does not take what it has for all, and our memory is no
 * longer read from. */
static void
parts_cut(struct exchange *x, enum err r)
{
	log_warn("download_cut", LOG_ID("request_id", &x->rq.id),
	    LOG_CODE("code", err_code(r)));
	http_response_abort(x->http);
	x->waits = true;
	while (x->http != NULL)
		fiber_park();
	x->waits = false;
}

/* One part at a time, and the next is made when it has gone: who reads slowly
 * holds this fiber and its connection, and nothing of the database. */
static void
parts_send(struct exchange *x)
{
	const int64_t end = instant_monotonic() +
	    (int64_t)conf()->download_seconds * 1000;
	struct bytes part = x->rp.body;
	enum err r = ERR_OK;

	x->fiber = fiber_self();
	if (x->http != NULL) {
		headers_put(x);
		http_response_begin(x->http, x->rp.status);
	}
	if (x->rq.method == METHOD_HEAD)
		part.n = 0;
	while (r == ERR_OK && part.n > 0 && x->http != NULL)
		if ((r = part_send(x, part, end)) == ERR_OK && x->http != NULL)
			r = parts_next(x->rp.parts, &part);
	if (r != ERR_OK && x->http != NULL)
		parts_cut(x, r);
	parts_end(x->rp.parts);
}

static void
exchange_run(void *arg)
{
	struct exchange *x = arg;
	enum err r = exchange_work(x);

	if (r != ERR_OK)
		dispatch_refuse(x->arena, &x->rq, r, &x->rp);
	health_count(x->rp.status);
	if (x->rp.parts != NULL)
		parts_send(x);
	x->done = true;
	if (x->http != NULL)
		http_request_wakeup(x->http);
	else {
		in_progress--;
		arena_free(x->arena);
	}
}

static void
exchange_wake(struct exchange *x)
{
	if (!x->waits)
		return;
	loop_enter();
	fiber_wake(x->fiber);
	loop_leave();
}

/* Kore may call this more than once. */
static void
exchange_abandon(struct http_request *http)
{
	struct exchange *x = http->hdlr_extra;

	if (x == NULL)
		return;
	http->hdlr_extra = NULL;
	x->http = NULL;
	if (x->done) {
		in_progress--;
		arena_free(x->arena);
	} else {
		exchange_wake(x);
	}
}

static int
exchange_begin(struct http_request *http)
{
	struct arena *arena = arena_new();
	struct exchange *x = arena_alloc(arena, sizeof(*x));

	x->arena = arena;
	x->http = http;
	request_fill(x);
	in_progress++;
	http->hdlr_extra = x;
	http->onfree = exchange_abandon;
	http->flags |= HTTP_REQUEST_RETAIN_EXTRA;
	http_request_sleep(http); /* before: the fiber may end at once */
	loop_enter();
	if (fiber_start(exchange_run, x) != ERR_OK) {
		dispatch_refuse(arena, &x->rq, ERR_BUSY, &x->rp);
		x->done = true;
	}
	loop_leave();
	return x->done ? KORE_RESULT_OK : KORE_RESULT_RETRY;
}

static void
exchange_answer(struct exchange *x)
{
	struct reply *rp = &x->rp;

	if (rp->parts != NULL) {
		http_response_end(x->http);
		return;
	}
	headers_put(x);
	if (rp->last)
		http_response_last(x->http);
	if (rp->join != NULL)
		ws_accept(x->http, rp->join);
	else
		http_response(x->http, rp->status, rp->body.p, rp->body.n);
}

int
edge_http(struct http_request *http)
{
	struct exchange *x = http->hdlr_extra;

	if (x == NULL) {
		if (exchange_begin(http) != KORE_RESULT_OK)
			return KORE_RESULT_RETRY;
		x = http->hdlr_extra;
		http_request_wakeup(http);
	}
	if (!x->done) {
		http_request_sleep(http);
		exchange_wake(x);
		return KORE_RESULT_RETRY;
	}
	exchange_answer(x);
	return KORE_RESULT_OK;
}

static enum err
error_of_status(int status)
{
	enum err e;

	for (e = ERR_OK + 1; e < ERR_COUNT; e++)
		if (err_status(e) == status)
			return e;
	return ERR_BAD_REQUEST;
}

/* What the server understood of its path before it refused it. */
static const char *
refused_path(const struct connection *c)
{
	const struct http_request *http = TAILQ_FIRST(&c->http_requests);

	return http == NULL || http->path == NULL ? "" : http->path;
}

/*= TR-22, TR-03: what never reached us is answered like what did */
void
http_refused(struct connection *c, int status, struct kore_buf *headers,
    struct kore_buf *body)
{
	struct arena *arena = arena_new();
	struct request rq = { .path = refused_path(c), .id = uuid_random() };
	struct reply rp;
	struct lines l;

	dispatch_refuse(arena, &rq, error_of_status(status), &rp);
	l = lines_of(arena, &rq.id, &rp);
	kore_buf_append(headers, l.p, l.n);
	kore_buf_append(body, rp.body.p, rp.body.n);
	arena_free(arena);
}
