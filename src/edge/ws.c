#include "edge/ws.h"

#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/secret.h"
#include "care/admission.h"
#include "care/ice.h"
#include "care/recording_told.h"
#include "care/session_watch.h"
#include "care/signal.h"
#include "care/visit_told.h"
#include "care/waiting.h"
#include "edge/bus.h"
#include "edge/loop.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_MS    1000
#define PING_MS	    5000
#define DEAD_MS	    12000 /* without a sign of life; noticed within 15 s */
#define SESSIONS_MS 1500  /* every second sweep: ended ones go within 5 s */
#define BUCKETS	    1024  /* a power of two */
/* What may wait for a slow reader: all that a place can have to hear again,
 * and half as much. Who is slower is cut off, alone. */
#define QUEUE_BYTES (SIGNAL_HELD_BYTES + SIGNAL_HELD_BYTES / 2)
#define CLOSE_SLOW  1008 /* what Kore notes of such a one */

/* One socket of this worker. */
struct ws {
	LIST_ENTRY(ws) bucket;
	TAILQ_ENTRY(ws) list;
	struct connection *c;
	struct participant who;
	struct signal_link link; /* its name in the room */
	uint16_t home;		 /* where the room is */
	bool in_call;
	bool closing;
	int64_t pinged_ms;
	struct signal_rate rate;
};
LIST_HEAD(ws_bucket, ws);

/* Messages between a socket's worker and its room's home. */
enum {
	TO_HOME_OPENED = 1, /* struct signal_link, struct participant */
	TO_HOME_RECEIVED,   /* struct signal_link, text */
	TO_HOME_GONE,	    /* struct signal_link */
	TO_SOCKET_SEND,	    /* struct signal_link, text */
	TO_SOCKET_CLOSE,    /* struct signal_link, uint16_t */
	TO_SOCKET_IN_CALL,  /* struct signal_link, uint8_t */
};

static struct ws_bucket buckets[BUCKETS];
static TAILQ_HEAD(, ws) all = TAILQ_HEAD_INITIALIZER(all);
static unsigned open_n;
static uint64_t last_socket;
static struct loop_timer sweep_timer;
static int64_t sessions_asked_ms;
static bool sessions_asking;

#define BYTES_OF(object)                                                       \
	((struct bytes){ (const uint8_t *)&(object), sizeof(object) })

static const struct bytes nothing = { NULL, 0 };

static struct ws_bucket *
bucket_of(uint64_t socket)
{
	return &buckets[socket & (BUCKETS - 1)];
}

/* The socket of this name, if it is this process's, and still open. */
static struct ws *
ws_find(const struct signal_link *k)
{
	struct ws *w;

	if (k->worker != bus_self() || k->epoch != bus_epoch())
		return NULL;
	LIST_FOREACH (w, bucket_of(k->socket), bucket)
		if (w->link.socket == k->socket)
			return w->closing ? NULL : w;
	return NULL;
}

static void
ws_close(struct ws *w, enum signal_close code)
{
	w->closing = true;
	kore_websocket_close(w->c, code);
}

/* To the home */

struct link_job {
	struct signal_link link;
};

static void
gone_here(void *arg)
{
	struct link_job *job = arg;

	signal_gone(&job->link);
	free(job);
}

/* A socket may break while the room speaks to it: the room hears of that when
 * it has finished. */
static void
tell_gone(const struct ws *w)
{
	struct link_job *job;

	if (w->home != bus_self()) {
		bus_send(w->home, TO_HOME_GONE, BYTES_OF(w->link), nothing);
	} else if ((job = malloc(sizeof(*job))) != NULL) {
		job->link = w->link;
		loop_defer(gone_here, job);
	}
}

static void
tell_opened(const struct ws *w)
{
	if (w->home == bus_self())
		signal_opened(&w->link, &w->who);
	else
		bus_send(w->home, TO_HOME_OPENED, BYTES_OF(w->link),
		    BYTES_OF(w->who));
}

static void
tell_received(const struct ws *w, struct bytes text)
{
	if (w->home == bus_self())
		signal_received(&w->link, text);
	else
		bus_send(w->home, TO_HOME_RECEIVED, BYTES_OF(w->link), text);
}

/* Kore's side */

static struct ws *
ws_new(struct connection *c, const struct participant *who)
{
	struct ws *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->c = c;
	w->who = *who;
	w->link = (struct signal_link){ .socket = ++last_socket,
		.epoch = bus_epoch(),
		.worker = bus_self() };
	w->home = bus_home(&who->visit);
	w->pinged_ms = instant_monotonic();
	LIST_INSERT_HEAD(bucket_of(w->link.socket), w, bucket);
	TAILQ_INSERT_TAIL(&all, w, list);
	open_n++;
	return w;
}

static void
ws_free(struct ws *w)
{
	LIST_REMOVE(w, bucket);
	TAILQ_REMOVE(&all, w, list);
	open_n--;
	secret_wipe(w, sizeof(*w));
	free(w);
}

/*= TR-07: no session, no upgrade: only the gate's participants come here */
void
ws_accept(struct http_request *http, const struct participant *who)
{
	struct connection *c = http->owner;
	struct ws *w;

	http_response_header(http, "sec-websocket-protocol", SOCKET_PROTOCOL);
	if (!kore_websocket_handshake(
		http, NULL, "edge_ws_message", "edge_ws_disconnect"))
		return;
	if ((w = ws_new(c, who)) == NULL) {
		kore_websocket_close(c, SIGNAL_FULL);
		return;
	}
	c->ws_data = w;
	loop_enter();
	tell_opened(w);
	loop_leave();
}

/*= TR-09: the limit stands before the room and before the bus */
static void
message_take(struct ws *w, u_int8_t op, struct bytes text)
{
	if (op != WEBSOCKET_OP_TEXT)
		ws_close(w, SIGNAL_NOT_TEXT);
	else if (!signal_rate_take(&w->rate, instant_monotonic())) {
		log_warn("signal_too_fast", LOG_ID("session", &w->who.session));
		ws_close(w, SIGNAL_TOO_FAST);
	} else
		tell_received(w, text);
}

void
edge_ws_message(struct connection *c, u_int8_t op, void *data, size_t n)
{
	struct ws *w = c->ws_data;

	if (w == NULL || w->closing)
		return;
	loop_enter();
	message_take(w, op, (struct bytes){ data, n });
	loop_leave();
}

void
edge_ws_disconnect(struct connection *c)
{
	struct ws *w = c->ws_data;

	if (w == NULL)
		return;
	c->ws_data = NULL;
	loop_enter();
	tell_gone(w);
	ws_free(w);
	loop_leave();
}

/* From the home */

/* What Kore did not take is no loss: the room keeps it until the client comes
 * back. */
static void
socket_give(struct ws *w, const char *text, size_t n)
{
	if (kore_websocket_send(w->c, WEBSOCKET_OP_TEXT, text, n))
		return;
	w->closing = true;
	if (w->c->ws_close_code == CLOSE_SLOW)
		log_warn(
		    "signal_slow_reader", LOG_ID("session", &w->who.session));
}

static void
socket_send(const struct signal_link *k, const char *text, size_t n)
{
	struct ws *w;

	if (k->worker != bus_self())
		bus_send(k->worker, TO_SOCKET_SEND, BYTES_OF(*k),
		    (struct bytes){ (const uint8_t *)text, n });
	else if ((w = ws_find(k)) != NULL)
		socket_give(w, text, n);
}

static void
socket_close(const struct signal_link *k, enum signal_close code)
{
	uint16_t code16 = (uint16_t)code;
	struct ws *w;

	if (k->worker != bus_self())
		bus_send(
		    k->worker, TO_SOCKET_CLOSE, BYTES_OF(*k), BYTES_OF(code16));
	else if ((w = ws_find(k)) != NULL)
		ws_close(w, code);
}

static void
socket_in_call(const struct signal_link *k, bool in_call)
{
	uint8_t flag = in_call;
	struct ws *w;

	if (k->worker != bus_self())
		bus_send(
		    k->worker, TO_SOCKET_IN_CALL, BYTES_OF(*k), BYTES_OF(flag));
	else if ((w = ws_find(k)) != NULL)
		w->in_call = in_call;
}

static const struct signal_ops ops = {
	.send = socket_send,
	.close = socket_close,
	.in_call = socket_in_call,
	.admit = admission_begin,
	.remove = removal_begin,
	.recording = recording_act,
	.recording_look = recording_look,
	.ice_servers = ice_servers_for,
	.now_ms = instant_monotonic,
	.now = instant_now,
};

/* The bus */

/* Takes an object off the front of a message: messages come from our own
 * processes, yet none is trusted to be as long as it should. */
static bool
take(struct bytes *body, void *object, size_t n)
{
	if (body->n < n)
		return false;
	memcpy(object, body->p, n);
	body->p += n;
	body->n -= n;
	return true;
}

static void
bus_opened(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;
	struct participant who;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)) && take(&body, &who, sizeof(who)))
		signal_opened(&k, &who);
}

static void
bus_text(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)))
		signal_received(&k, body);
}

static void
bus_gone(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)))
		signal_gone(&k);
}

static void
bus_send_text(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)) && k.worker == bus_self())
		socket_send(&k, (const char *)body.p, body.n);
}

static void
bus_close(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;
	uint16_t code;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)) && take(&body, &code, sizeof(code)) &&
	    k.worker == bus_self())
		socket_close(&k, code);
}

static void
bus_in_call(uint16_t from, uint32_t epoch, struct bytes body)
{
	struct signal_link k;
	uint8_t flag;

	(void)from;
	(void)epoch;
	if (take(&body, &k, sizeof(k)) && take(&body, &flag, sizeof(flag)) &&
	    k.worker == bus_self())
		socket_in_call(&k, flag != 0);
}

/* The rooms of that worker are lost, and so are its sockets in our rooms. */
static void
worker_restarted(uint16_t from, uint32_t epoch)
{
	struct ws *w;

	log_warn("worker_restarted", LOG_NUM("worker", from));
	signal_worker_restarted(from, epoch);
	TAILQ_FOREACH (w, &all, list)
		if (w->home == from && !w->closing)
			ws_close(w, SIGNAL_RESTART);
}

/* The sweep */

/* Ids are copied: any socket may be gone when the answer comes. */
static size_t
sessions_collect(struct watched_session *list)
{
	struct ws *w;
	size_t n = 0;

	TAILQ_FOREACH (w, &all, list)
		if (!w->closing)
			list[n++] = (struct watched_session){ w->who.clinic,
				w->who.session, w->in_call };
	return n;
}

static void
session_close(const struct uuid *session)
{
	struct ws *w;

	TAILQ_FOREACH (w, &all, list)
		if (!w->closing && uuid_equal(&w->who.session, session))
			ws_close(w, SIGNAL_SESSION_ENDED);
}

/*= AZ-07: while the database is away, calls go on */
static void
sessions_run(void *unused)
{
	struct arena *a = arena_new();
	struct watched_session *list = arena_calloc(a, open_n, sizeof(*list));
	struct uuid *ended;
	size_t i, n = sessions_collect(list);
	enum err r;

	(void)unused;
	if ((r = session_watch(a, list, n, &ended, &n)) == ERR_OK)
		for (i = 0; i < n; i++)
			session_close(&ended[i]);
	else
		log_warn("sessions_not_swept", LOG_CODE("error", err_code(r)));
	arena_free(a);
	sessions_asking = false;
}

static void
sessions_sweep(int64_t now_ms)
{
	if (sessions_asking || open_n == 0 ||
	    now_ms - sessions_asked_ms < SESSIONS_MS)
		return;
	sessions_asked_ms = now_ms;
	sessions_asking = true; /* before: the fiber may end at once */
	if (fiber_start(sessions_run, NULL) != ERR_OK)
		sessions_asking = false;
}

/* Whoever does not even answer a ping is gone, though its socket may look
 * open for minutes. */
static void
ws_check(struct ws *w, int64_t now_ms, uint64_t kore_now)
{
	if (kore_now > w->c->ws_last_seen + DEAD_MS) {
		kore_connection_disconnect(w->c);
	} else if (!w->closing && now_ms - w->pinged_ms >= PING_MS) {
		w->pinged_ms = now_ms;
		(void)kore_websocket_send(w->c, WEBSOCKET_OP_PING, NULL, 0);
	}
}

static void
sweep(void *unused)
{
	int64_t now_ms = instant_monotonic();
	uint64_t kore_now = kore_time_ms();
	struct ws *w, *next;

	(void)unused;
	loop_timer_arm(&sweep_timer, SWEEP_MS);
	for (w = TAILQ_FIRST(&all); w != NULL; w = next) {
		next = TAILQ_NEXT(w, list);
		ws_check(w, now_ms, kore_now);
	}
	signal_tick();
	sessions_sweep(now_ms);
	waiting_sweep(now_ms);
	visit_told_sweep(now_ms);
	recording_told_sweep();
}

/* Start and stop */

enum err
ws_start(void)
{
	static const struct {
		uint8_t kind;
		bus_fn *fn;
	} kinds[] = {
		{ TO_HOME_OPENED, bus_opened },
		{ TO_HOME_RECEIVED, bus_text },
		{ TO_HOME_GONE, bus_gone },
		{ TO_SOCKET_SEND, bus_send_text },
		{ TO_SOCKET_CLOSE, bus_close },
		{ TO_SOCKET_IN_CALL, bus_in_call },
	};
	size_t i;
	enum err r;

	kore_websocket_maxframe = SIGNAL_MESSAGE_MAX;
	kore_websocket_sendq_max = QUEUE_BYTES;
	signal_install(&ops);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		bus_on(kinds[i].kind, kinds[i].fn);
	if ((r = bus_start(worker_restarted)) != ERR_OK ||
	    (r = visit_told_start(conf()->database)) != ERR_OK)
		return r;
	sweep_timer.fn = sweep;
	loop_timer_arm(&sweep_timer, SWEEP_MS);
	return ERR_OK;
}

void
ws_stop(void)
{
	struct ws *w;

	TAILQ_FOREACH (w, &all, list)
		if (!w->closing)
			ws_close(w, SIGNAL_GOING_AWAY);
}

unsigned
ws_open(void)
{
	return open_n;
}
