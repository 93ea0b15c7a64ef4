/* How a guest comes in: by the link, and as the patient with their birth date. */
#include "base/factor.h"
#include "base/instant.h"
#include "base/secret.h"
#include "care/operations.h"
#include "care/session_token.h"
#include "care/visit.h"
#include "gate/member.h"
#include "gate/role.h"
#include "sql.h"

#include <string.h>

#define DATE_MAX 10 /* "1950-07-14" */

const struct shape guest_join_in[] = {
	{ "birth_date", SH_DATE_PART, .flags = SH_PHI },
	{ "client", SH_CHOICE, .choices = "browser|api" },
	{ 0 },
};

struct guest_joined {
	const char *state, *role, *display_name;
	struct uuid visit_id;
};

const struct shape guest_join_out[] = {
	SHOWN(guest_joined, state, SH_CHOICE, .choices = "guest"),
	SHOWN(guest_joined, visit_id, SH_UUID),
	SHOWN(guest_joined, role, SH_CHOICE, .choices = GUEST_ROLES),
	SHOWN(guest_joined, display_name, SH_TEXT, 1, NAME_WHOLE_MAX),
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ 0 },
};

static json_t *
asks_birth_date(const struct op *op, const void *row)
{
	const struct guest_find_row *g = row;

	(void)op;
	return json_boolean(guest_role_asks(guest_role_parse(g->role)));
}

const struct shape guest_look_out[] = {
	SHOWN(guest_find_row, clinic_name, SH_TEXT, 1, 200),
	SHOWN(guest_find_row, role, SH_CHOICE, .choices = GUEST_ROLES),
	{ "birth_date", SH_BOOL, .flags = SH_REQUIRED,
	    .made = asks_birth_date },
	{ 0 },
};

/* Unknown, ended and those of visits that are over are one. */
static enum err
guest_find(struct op *op, struct guest_find_row *g)
{
	uint8_t *hash = arena_alloc(op->arena, 32);
	struct guest_find_in in = { { hash, 32 } };
	enum err r;

	r = factor_token_hash(op->token, hash);
	if (r == ERR_CRYPTO)
		return r;
	if (r != ERR_OK)
		return ERR_LINK_EXPIRED;
	r = sql_guest_find(op->tx, &in, g);
	if (r == ERR_NOT_FOUND)
		return ERR_LINK_EXPIRED;
	if (r != ERR_OK)
		return r;
	op->note.record = g->visit_id;
	op->note.patient = g->patient_id;
	return op_assume(op, &g->clinic_id, &g->id, ROLE_GUEST);
}

/* What the page has to ask of whoever holds the link; it says nothing about
 * whom the link is for, or about the visit. */
enum err
guest_look(struct op *op)
{
	struct guest_find_row g;
	enum err r;

	r = guest_find(op, &g);
	return r == ERR_OK ? op_answer(op, &g) : r;
}

/* A record may know a year or a month alone: that is all it can be asked for. A
 * date that says less than the record is wrong. In the time of any other. */
static bool
birth_date_right(const char *recorded, const char *said)
{
	char a[DATE_MAX] = "", b[DATE_MAX] = "";
	size_t n = recorded == NULL ? 0 : strlen(recorded),
	       given = strlen(said);

	if (n > DATE_MAX || given > DATE_MAX)
		return false;
	memcpy(a, recorded == NULL ? "" : recorded, n);
	memcpy(b, said, given < n ? given : n);
	return secret_equal(a, b, sizeof(a)) && n > 0;
}

/* One try is taken, and committed, before the birth date is looked at. */
static enum err
try_take(struct op *op, const struct uuid *guest)
{
	struct guest_try_in in = { *guest };
	int64_t n;
	enum err r;

	if ((r = sql_guest_try(op->tx, &in, &n)) != ERR_OK ||
	    (r = op_release(op)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_LINK_EXPIRED;
}

/*= IA-19: a link that was passed on does not open with the link alone */
static enum err
birth_date_check(struct op *op, const struct guest_find_row *g,
    const struct guest_visit_row *v)
{
	struct guest_tries_clear_in clear = { g->id };
	enum err r;

	if (!birth_date_right(v->birth_date, in_text(op, "birth_date")))
		return ERR_INVALID_BIRTH_DATE;
	/* it stands, whether or not the visit is open yet */
	return (r = sql_guest_tries_clear(op->tx, &clear)) != ERR_OK
	    ? r
	    : op_release(op);
}

/* The visit, once who holds the link has shown that it is for them. */
static enum err
visit_find(
    struct op *op, const struct guest_find_row *g, struct guest_visit_row *v)
{
	const bool asks = guest_role_asks(guest_role_parse(g->role));
	const struct guest_visit_in in = { g->visit_id };
	enum err r;

	if (asks != in_has(op, "birth_date"))
		return op_refuse(op,
		    asks ? ERR_MISSING_FIELD : ERR_INVALID_FIELD, "birth_date");
	if (asks && (r = try_take(op, &g->id)) != ERR_OK)
		return r;
	if ((r = sql_guest_visit(op->tx, &in, v)) != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_LINK_EXPIRED : r;
	return asks ? birth_date_check(op, g, v) : ERR_OK;
}

/* When it opens is told to who has shown that they may come. */
static enum err
window_check(struct op *op, const struct visit_window *open)
{
	if (op->now >= open->until)
		return ERR_LINK_EXPIRED;
	if (op->now >= open->from)
		return ERR_OK;
	op->more = json_pack("{s:o}", "opens_at", time_json(open->from));
	return ERR_TOO_EARLY;
}

static enum err
joined_tell(struct op *op, const struct guest_find_row *g)
{
	struct guest_name_in in = { g->id };
	struct guest_name_row name;
	struct guest_joined joined = { .state = session_state_name(STATE_GUEST),
		.role = g->role,
		.visit_id = g->visit_id };
	enum err r;

	if ((r = sql_guest_name(op->tx, &in, &name)) != ERR_OK)
		return r;
	joined.display_name = name.display_name;
	return op_answer(op, &joined);
}

/* In place of any session that came by this link before. */
static enum err
enter(struct op *op, const struct guest_find_row *g, int64_t until)
{
	const struct guest_joined_note_in in = { g->id, op->now };
	int64_t n;
	enum err r;

	if ((r = sql_guest_joined_note(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_LINK_EXPIRED;
	return session_begin_guest(op, &g->id, until);
}

enum err
guest_join(struct op *op)
{
	struct guest_find_row g;
	struct guest_visit_row v = { .status = NULL };
	struct visit_window open;
	enum err r;

	if ((r = guest_find(op, &g)) != ERR_OK ||
	    (r = visit_find(op, &g, &v)) != ERR_OK)
		return r;
	open = visit_window(v.starts_at, v.ends_at);
	if ((r = window_check(op, &open)) != ERR_OK ||
	    (r = enter(op, &g, open.until)) != ERR_OK)
		return r;
	return joined_tell(op, &g);
}
