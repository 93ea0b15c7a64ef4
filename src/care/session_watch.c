#include "care/session_watch.h"

#include "base/instant.h"
#include "sql.h"

#define QUERY_MS 2500

static void
watched_list(struct arena *a, const struct watched_session *w, size_t n,
    struct sessions_ended_in *in)
{
	struct uuid *clinics = arena_calloc(a, n, sizeof(*clinics));
	struct uuid *ids = arena_calloc(a, n, sizeof(*ids));
	struct uuid *active = arena_calloc(a, n, sizeof(*active));
	size_t i, active_n = 0;

	for (i = 0; i < n; i++) {
		clinics[i] = w[i].clinic;
		ids[i] = w[i].id;
		if (w[i].in_call)
			active[active_n++] = w[i].id;
	}
	in->clinics = (struct uuid_list){ clinics, n };
	in->ids = (struct uuid_list){ ids, n };
	in->active = (struct uuid_list){ active, active_n };
}

/*= SE-02: the end of a session closes its sockets within 5 s; a call keeps
 * its session alive, as far as the absolute limit */
enum err
session_watch(struct arena *a, const struct watched_session *w, size_t n,
    struct uuid **ended, size_t *ended_n)
{
	struct tx *tx = tx_new(a, instant_monotonic() + QUERY_MS);
	struct sessions_ended_in in;
	struct sessions_ended_row *rows;
	size_t i;
	enum err r;

	watched_list(a, w, n, &in);
	*ended_n = 0;
	if ((r = sql_sessions_ended(tx, &in, &rows, ended_n)) == ERR_OK)
		r = tx_commit(tx);
	tx_close(tx);
	if (r != ERR_OK)
		return r;
	*ended = arena_calloc(a, *ended_n, sizeof(**ended));
	for (i = 0; i < *ended_n; i++)
		(*ended)[i] = rows[i].id;
	return ERR_OK;
}
