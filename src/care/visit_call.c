#include "base/conf.h"
#include "care/ice.h"
#include "care/operations.h"
#include "care/store.h"
#include "care/visit.h"
#include "gate/member.h"
#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

static const struct shape ice_server[] = {
	{ "urls", SH_LIST, 1, 1, .flags = SH_REQUIRED },
	{ "username", SH_TEXT, 1, 100, .flags = 0 },
	{ "credential", SH_TEXT, 1, 100, .flags = 0 },
	{ 0 },
};

static json_t *
servers(const struct op *op, const void *row)
{
	(void)row;
	return ice_servers_for(&op->who.account, &op->id, op->now);
}

static json_t *
seconds(const struct op *op, const void *row)
{
	(void)op;
	(void)row;
	return json_integer((json_int_t)conf()->turn_seconds);
}

const struct shape visit_ice_servers_out[] = {
	{ "ice_servers", SH_LIST, 0, 100, .flags = SH_REQUIRED, .made = servers,
	    .inner = ice_server },
	{ "ttl_s", SH_INT, 60, 3600, .flags = SH_REQUIRED, .made = seconds },
	{ 0 },
};

static bool
status_is_open(const char *status)
{
	return strcmp(status, "booked") == 0 ||
	    strcmp(status, "arrived") == 0 || strcmp(status, "in_call") == 0;
}

struct visit_window
visit_window(int64_t starts_at, int64_t ends_at)
{
	return (struct visit_window){
		.from = starts_at - conf()->join_minutes_before * 60,
		.until = ends_at + conf()->join_minutes_after * 60,
	};
}

int64_t
visit_closed_at(int64_t now)
{
	return now - conf()->join_minutes_after * 60;
}

static const char *
lobby_state(const struct op *op, const struct visit_lobby_row *v)
{
	struct visit_window open = visit_window(v->starts_at, v->ends_at);

	if (!status_is_open(v->status) || op->now >= open.until)
		return "over";
	return op->now < open.from ? "early" : "open";
}

static json_t *
lobby_state_json(const struct op *op, const void *row)
{
	return json_string(lobby_state(op, row));
}

static json_t *
lobby_opens_at(const struct op *op, const void *row)
{
	const struct visit_lobby_row *v = row;

	(void)op;
	return time_json(visit_window(v->starts_at, v->ends_at).from);
}

static json_t *
lobby_closes_at(const struct op *op, const void *row)
{
	const struct visit_lobby_row *v = row;

	(void)op;
	return time_json(visit_window(v->starts_at, v->ends_at).until);
}

static json_t *
lobby_minutes(const struct op *op, const void *row)
{
	const struct visit_lobby_row *v = row;

	(void)op;
	return json_integer((v->ends_at - v->starts_at) / 60);
}

const struct shape visit_lobby_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "early|open|over", .made = lobby_state_json },
	SHOWN(visit_lobby_row, starts_at, SH_TIME),
	{ "duration_minutes", SH_INT, 5, 480, .flags = SH_REQUIRED,
	    .made = lobby_minutes },
	{ "opens_at", SH_TIME, .flags = SH_REQUIRED, .made = lobby_opens_at },
	{ "closes_at", SH_TIME, .flags = SH_REQUIRED, .made = lobby_closes_at },
	SHOWN(visit_lobby_row, clinic_name, SH_TEXT, 1, 200),
	SHOWN(visit_lobby_row, time_zone, SH_TEXT, 1, 100),
	SHOWN(visit_lobby_row, clinician_name, SH_TEXT, 1, NAME_WHOLE_MAX),
	{ 0 },
};

enum err
visit_lobby(struct op *op)
{
	struct visit_lobby_in in = { op->id, visit_closed_at(op->now) };
	struct visit_lobby_row v;
	enum err r;

	r = sql_visit_lobby(op->tx, &in, &v);
	return r == ERR_OK ? op_answer(op, &v) : r;
}

/*= TR-11: the call is open for the visit's participants (the gate saw to
 * that), from a while before it to a while after, until it is over */
static enum err
door_open(struct op *op, struct visit_door_row *v, int64_t *open_until)
{
	struct visit_door_in in = { op->id, op->who.account };
	struct visit_window open;
	enum err r;

	if ((r = sql_visit_door(op->tx, &in, v)) != ERR_OK)
		return r;
	open = visit_window(v->starts_at, v->ends_at);
	*open_until = open.until;
	return status_is_open(v->status) && op->now >= open.from &&
		op->now < open.until
	    ? ERR_OK
	    : ERR_WRONG_STATUS;
}

enum err
visit_ice_servers(struct op *op)
{
	struct visit_door_row v;
	int64_t open_until;
	enum err r;

	r = door_open(op, &v, &open_until);
	return r == ERR_OK ? op_answer(op, &v) : r;
}

/* As much of a name as fits, never half a character. */
static void
name_copy(char *to, size_t size, const char *name)
{
	size_t n = strlen(name);

	if (n >= size)
		for (n = size - 1; n > 0 && (name[n] & 0xc0) == 0x80; n--)
			;
	memcpy(to, name, n);
	to[n] = '\0';
}

/* The place in the queue of one who waits; the edge asks again now and then. */
static enum err
queue_look(struct op *op, struct participant *p)
{
	struct visit_queue_in in = { { &op->id, 1 }, visit_closed_at(op->now) };
	struct visit_queue_row *rows;
	size_t n;
	enum err r;

	if (p->admitted)
		return ERR_OK;
	if ((r = sql_visit_queue(op->tx, &in, &rows, &n)) != ERR_OK || n == 0)
		return r;
	p->ahead = rows[0].ahead;
	p->free_at = op->now + rows[0].busy_s;
	return ERR_OK;
}

/* A guest who comes as the patient cannot check in: who is in the waiting room
 * has. */
static enum err
guest_check_in(struct op *op, const struct visit_door_row *v)
{
	struct visit_step_row stepped;

	return guest_role_parse(v->guest_role) == GUEST_PATIENT &&
		strcmp(v->status, "booked") == 0
	    ? visit_step_take(op, "visit_check_in", &stepped)
	    : ERR_OK;
}

/* Whom the clinician need not let in (any more). */
static bool
is_admitted(const struct op *op, const struct visit_door_row *v)
{
	if (op->who.role == ROLE_GUEST)
		return v->guest_admitted;
	return perm_scope(PERM_visit_admit, op->who.role) != SCOPE_NONE ||
	    strcmp(v->status, "in_call") == 0;
}

/* The gate adds the session's token; the edge takes it from there. */
enum err
visit_signal(struct op *op)
{
	struct participant *p = arena_alloc(op->arena, sizeof(*p));
	struct visit_door_row v;
	enum err r;

	if ((r = door_open(op, &v, &p->open_until)) != ERR_OK ||
	    (r = guest_check_in(op, &v)) != ERR_OK)
		return r;
	p->clinic = op->who.clinic;
	p->visit = op->id;
	p->account = op->who.account;
	p->starts_at = v.starts_at;
	p->session = op->who.session;
	p->patient = op->who.patient;
	p->role = op->who.role;
	p->guest = guest_role_parse(v.guest_role);
	p->admitted = is_admitted(op, &v);
	p->records = v.records && store_configured();
	p->recorded = v.recorded;
	name_copy(p->display_name, sizeof(p->display_name),
	    v.display_name == NULL ? "" : v.display_name);
	op->join = p;
	return queue_look(op, p);
}
