#include "data/listen.h"

#include "base/log.h"
#include "base/loop.h"
#include "data/conninfo.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define OPEN_MS	       5000 /* of silence, as data/conn.c has it */
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000

static struct {
	struct listen_options o;
	struct conninfo_settings settings;
	char words[LISTEN_CHANNELS_MAX * 80];
	enum {
		LISTEN_OFF,
		LISTEN_DOWN,
		LISTEN_OPENING,
		LISTEN_ASKED,
		LISTEN_HEARS
	} state;
	PGconn *pg;
	struct loop_watch watch;
	struct loop_timer timer; /* of the next attempt, or of this one's end */
	int64_t backoff_ms;
	bool told;     /* that it is down was logged */
	bool refused;  /* LISTEN answered with an error */
	unsigned turn; /* counts connections: a callback may have ended ours */
} l;

/* Connection lost or never had */

static void
unwatch(void)
{
	loop_unwatch(&l.watch);
	l.watch.fd = -1;
	l.watch.events = 0;
}

static void
hang_up(void)
{
	loop_timer_cancel(&l.timer);
	unwatch();
	PQfinish(l.pg);
	l.pg = NULL;
	l.turn++;
}

/* One line per outage, not one per attempt. */
static void
drop(const char *why)
{
	if (l.state == LISTEN_HEARS || !l.told)
		log_warn("listen_disconnected", LOG_CODE("reason", why));
	l.told = true;
	hang_up();
	l.state = LISTEN_DOWN;
	l.backoff_ms *= 2;
	if (l.backoff_ms < BACKOFF_MIN_MS)
		l.backoff_ms = BACKOFF_MIN_MS;
	if (l.backoff_ms > BACKOFF_MAX_MS)
		l.backoff_ms = BACKOFF_MAX_MS;
	loop_timer_arm(&l.timer, l.backoff_ms);
}

static bool
watch(short events)
{
	int fd = PQsocket(l.pg);

	if (l.watch.fd == fd && l.watch.events == events)
		return true;
	l.watch.fd = fd;
	l.watch.events = events;
	return loop_watch(&l.watch) == ERR_OK;
}

/* Hearing */

static void
notifications_hand_on(void)
{
	unsigned turn = l.turn;
	PGnotify *n;

	while (l.turn == turn && (n = PQnotifies(l.pg)) != NULL) {
		l.o.heard(l.o.arg, n->relname, n->extra);
		PQfreemem(n);
	}
}

static void
hears(void)
{
	l.state = LISTEN_HEARS;
	l.backoff_ms = 0;
	l.told = false;
	loop_timer_cancel(&l.timer);
	log_info("listen_connected");
	if (l.o.began != NULL)
		l.o.began(l.o.arg);
}

/* Answers to LISTEN; NULL ends them. */
static void
answers_read(void)
{
	PGresult *res;

	while (!PQisBusy(l.pg)) {
		if ((res = PQgetResult(l.pg)) == NULL) {
			if (l.refused)
				drop("refused");
			else
				hears();
			return;
		}
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			l.refused = true;
		PQclear(res);
	}
}

static void
incoming(void)
{
	unsigned turn = l.turn;

	if (PQconsumeInput(l.pg) != 1) {
		drop("lost");
		return;
	}
	if (l.state == LISTEN_ASKED)
		answers_read();
	if (l.turn == turn && l.state == LISTEN_HEARS)
		notifications_hand_on();
	if (l.turn == turn && PQstatus(l.pg) == CONNECTION_BAD)
		drop("lost");
}

/* Sends what is left of the question, then reads. */
static void
talk(void)
{
	int left = PQflush(l.pg);

	if (left < 0 || !watch(left > 0 ? POLLIN | POLLOUT : POLLIN)) {
		drop("send");
		return;
	}
	incoming();
}

/* Opening */

static void
ask(void)
{
	l.refused = false;
	l.state = LISTEN_ASKED;
	if (PQsetnonblocking(l.pg, 1) != 0 || PQsendQuery(l.pg, l.words) != 1)
		drop("send");
	else
		talk();
}

static void
opening(void)
{
	bool ok = false;

	unwatch(); /* libpq may go on with another socket */
	switch (PQconnectPoll(l.pg)) {
	case PGRES_POLLING_READING:
		ok = watch(POLLIN);
		break;
	case PGRES_POLLING_WRITING:
		ok = watch(POLLOUT);
		break;
	case PGRES_POLLING_OK:
		ask();
		return;
	default:
		break;
	}
	if (!ok)
		drop("no_connection");
}

static void
event(void *arg, short revents)
{
	(void)arg;
	(void)revents;
	if (l.state == LISTEN_OPENING || l.state == LISTEN_ASKED)
		loop_timer_arm(&l.timer, OPEN_MS);
	if (l.state == LISTEN_OPENING)
		opening();
	else if (l.state == LISTEN_ASKED || l.state == LISTEN_HEARS)
		talk();
}

static void
notice_ignore(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void
dial(void)
{
	l.watch = (struct loop_watch){ .fn = event, .fd = -1 };
	l.pg = PQconnectStartParams(l.settings.keys, l.settings.values, 1);
	l.state = LISTEN_OPENING;
	loop_timer_arm(&l.timer, OPEN_MS);
	if (l.pg == NULL || PQstatus(l.pg) == CONNECTION_BAD) {
		drop("no_connection");
		return;
	}
	PQsetNoticeReceiver(l.pg, notice_ignore, NULL);
	if (!watch(POLLOUT))
		drop("watch");
}

static void
timer_due(void *arg)
{
	(void)arg;
	if (l.state == LISTEN_DOWN)
		dial();
	else
		drop("too_slow");
}

/* Start and stop */

/* "LISTEN a; LISTEN b": names of ours, which need no quotes. */
static bool
words_make(const char *const *channels)
{
	size_t i, at = 0;
	int n;

	l.words[0] = '\0';
	for (i = 0; channels[i] != NULL; i++) {
		if (i == LISTEN_CHANNELS_MAX || *channels[i] == '\0' ||
		    strlen(channels[i]) > 63 ||
		    channels[i][strspn(
			channels[i], "abcdefghijklmnopqrstuvwxyz_")] != '\0')
			return false;
		n = snprintf(l.words + at, sizeof(l.words) - at, "LISTEN %s;",
		    channels[i]);
		at += (size_t)n;
	}
	return i > 0;
}

enum err
listen_start(const struct listen_options *o)
{
	const char *reason;

	if (l.state != LISTEN_OFF || !words_make(o->channels))
		return ERR_INTERNAL;
	if (conninfo_check(o->conninfo, &reason) != ERR_OK) {
		log_error("db_conninfo_refused");
		return ERR_INTERNAL;
	}
	l.o = *o;
	conninfo_settings(
	    &l.settings, o->conninfo, o->password, "epione listener");
	l.timer.fn = timer_due;
	l.backoff_ms = 0;
	l.told = false;
	dial();
	return ERR_OK;
}

void
listen_stop(void)
{
	if (l.state == LISTEN_OFF)
		return;
	hang_up();
	l.state = LISTEN_OFF;
}

bool
listen_ready(void)
{
	return l.state == LISTEN_HEARS;
}
