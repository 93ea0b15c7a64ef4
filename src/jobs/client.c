#include "jobs/client.h"

#include "base/fiber.h"
#include "base/log.h"
#include "base/loop.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>

struct exchange {
	struct fiber *fiber;
	CURLcode code;
	bool done;
};

static CURLM *multi;
static struct loop_timer timer;

static void
finished(void)
{
	struct exchange *x = NULL;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		x->code = m->data.result;
		x->done = true;
		fiber_wake(x->fiber);
	}
}

static void
act(curl_socket_t s, int events)
{
	int going;

	curl_multi_socket_action(multi, s, events, &going);
	finished();
}

static void
timer_due(void *arg)
{
	(void)arg;
	act(CURL_SOCKET_TIMEOUT, 0);
}

static int
timer_wish(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	if (ms < 0)
		loop_timer_cancel(&timer);
	else
		loop_timer_arm(&timer, ms);
	return 0;
}

/* libcurl may end the watch inside: it is not looked at afterwards. */
static void
socket_event(void *arg, short revents)
{
	const struct loop_watch *w = arg;
	int events = 0;

	if (revents & POLLIN)
		events |= CURL_CSELECT_IN;
	if (revents & POLLOUT)
		events |= CURL_CSELECT_OUT;
	if (revents & (POLLERR | POLLHUP))
		events |= CURL_CSELECT_ERR | CURL_CSELECT_IN;
	act(w->fd, events);
}

static int
socket_wish(CURL *e, curl_socket_t s, int what, void *arg, void *mine)
{
	struct loop_watch *w = mine;

	(void)e;
	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			loop_unwatch(w);
		free(w);
		return 0;
	}
	if (w == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return -1;
		*w = (struct loop_watch){ .fn = socket_event, .fd = s };
		w->arg = w;
		curl_multi_assign(multi, s, w);
	}
	w->events = 0;
	if (what & CURL_POLL_IN)
		w->events |= POLLIN;
	if (what & CURL_POLL_OUT)
		w->events |= POLLOUT;
	return loop_watch(w) == ERR_OK ? 0 : -1;
}

enum err
client_start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (multi = curl_multi_init()) == NULL)
		return ERR_INTERNAL;
	timer.fn = timer_due;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_wish);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_wish);
	/* an exchange's credentials are for it alone: nothing is kept open */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
	return ERR_OK;
}

void
client_stop(void)
{
	if (multi != NULL)
		curl_multi_cleanup(multi);
	multi = NULL;
	loop_timer_cancel(&timer);
	curl_global_cleanup();
}

CURL *
client_new(const char *authorities, int64_t ms)
{
	CURL *e = curl_easy_init();

	if (e == NULL)
		return NULL;
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*authorities != '\0') {
		curl_easy_setopt(e, CURLOPT_CAINFO, authorities);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)ms);
	return e;
}

enum err
client_run(CURL *e, CURLcode *code)
{
	struct exchange x = { .fiber = fiber_self() };

	*code = CURLE_FAILED_INIT;
	if (x.fiber == NULL || multi == NULL)
		return ERR_INTERNAL;
	curl_easy_setopt(e, CURLOPT_PRIVATE, &x);
	if (curl_multi_add_handle(multi, e) != CURLM_OK)
		return ERR_INTERNAL;
	while (!x.done) /* its own limit of time ends it */
		fiber_park();
	curl_multi_remove_handle(multi, e);
	*code = x.code;
	return ERR_OK;
}
