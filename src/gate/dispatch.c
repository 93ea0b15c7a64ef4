#include "gate/dispatch.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/network.h"
#include "base/shape.h"
#include "gate/audit.h"
#include "gate/credential.h"
#include "gate/cursor.h"
#include "gate/idempotency.h"
#include "gate/limit.h"
#include "gate/reply.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_DEFAULT 25
#define LIST_MAX     100

#define FILES_OF_PAGE 10 /* that a browser asks for, roughly */

/* What is known of a request on its way to becoming an operation. */
struct passage {
	struct op op;
	struct credential credential;
	struct session_enter_row session;
	struct relation_get_row relation;
	bool replayed;
	bool limited; /* refused for its rate, before anything was looked at */
};

static enum err
rate_take(struct passage *p, const void *key, size_t n, int64_t per_minute)
{
	enum err r = limit_take(key, n, per_minute, &p->op.retry_after_s);

	p->limited = r != ERR_OK;
	return r;
}

/* One whose address is not known shares that of nobody. */
static enum err
rate_take_address(struct passage *p, const char *what, int64_t per_minute)
{
	const char *text = p->op.rq->address;
	struct address a = { { 0 } };
	enum err r;

	if (address_read(text, strlen(text), &a) != ERR_OK)
		memset(&a, 0, sizeof(a));
	r = limit_take_address(&a, what, per_minute, &p->op.retry_after_s);
	p->limited = r != ERR_OK;
	return r;
}

/* Requests of one address, and sign-ins of it, which are dearer. */
static enum err
limit_address(struct passage *p)
{
	enum err r;

	r = rate_take_address(p, "address", conf()->requests_per_minute);
	if (r != ERR_OK || p->op.route->open != OPEN_PUBLIC)
		return r;
	return rate_take_address(p, "sign-in", conf()->sign_ins_per_minute);
}

/* Requests of one account, and of one account to one route. */
static enum err
limit_actor(struct passage *p)
{
	struct {
		struct uuid account;
		char operation[32];
	} key = { p->op.who.account, "" };
	enum err r;

	r = rate_take(p, &key, sizeof(key), conf()->requests_per_minute);
	if (r != ERR_OK)
		return r;
	snprintf(
	    key.operation, sizeof(key.operation), "%s", p->op.route->operation);
	return rate_take(p, &key, sizeof(key), conf()->requests_per_minute / 2);
}

static const char *
subject_kind(const struct route *route)
{
	switch (route->subject) {
	case SUBJECT_PATIENT:
		return "patient";
	case SUBJECT_VISIT:
		return "visit";
	default:
		return NULL;
	}
}

static void
actor_fill(struct op *op, const struct session_enter_row *s)
{
	op->who = (struct actor){
		.clinic = s->clinic_id,
		.session = s->session_id,
		.account = s->account_id,
		.patient = s->patient_id,
		.role = role_parse(s->role),
		.state = session_state_parse(s->state),
		.browser = strcmp(s->client, "browser") == 0,
		.idle_expires_at = s->idle_expires_at,
		.expires_at = s->expires_at,
		.password_expires_at = s->password_expires_at,
		.step_up_until = s->step_up_until,
	};
	tx_set_clinic(op->tx, &op->who.clinic);
}

/* The row is sealed, and dropped unopened if the right turns out missing. */
static enum err
record_foresee(struct op *op)
{
	const struct patient_get_in in = { op->id };

	return (op->route->traits & TRAIT_RECORD) == 0
	    ? ERR_OK
	    : sql_patient_get_ahead(op->tx, &in);
}

/* One flight: the session, and how its actor stands to the subject. */
static enum err
session_find(struct passage *p)
{
	struct op *op = &p->op;
	const char *kind = subject_kind(op->route);
	struct session_enter_in in = {
		.hash = { p->credential.hash, sizeof(p->credential.hash) },
		.background = op->rq->background,
		.kind = kind == NULL ? "" : kind,
		.subject = op->id,
	};
	enum err r;

	if (op->route->open == OPEN_PUBLIC)
		return ERR_OK;
	if (!p->credential.present)
		return ERR_NOT_SIGNED_IN;
	if ((r = record_foresee(op)) != ERR_OK)
		return r;
	r = sql_session_enter(op->tx, &in, &p->session);
	if (r == ERR_NOT_FOUND)
		return ERR_NOT_SIGNED_IN;
	if (r != ERR_OK)
		return r;
	actor_fill(op, &p->session);
	p->relation = (struct relation_get_row){ p->session.subject_patient,
		p->session.is_self, p->session.is_care, p->session.is_part };
	return limit_actor(p);
}

static enum err
state_error(enum session_state state)
{
	switch (state) {
	case STATE_TOTP_REQUIRED:
		return ERR_TOTP_REQUIRED;
	case STATE_TOTP_ENROLMENT_REQUIRED:
		return ERR_TOTP_ENROLMENT_REQUIRED;
	case STATE_PASSWORD_EXPIRED:
		return ERR_PASSWORD_EXPIRED;
	case STATE_ACTIVE:
		return ERR_WRONG_STATUS; /* the step has been taken already */
	default:
		return ERR_NOT_SIGNED_IN;
	}
}

/*= IA-03, IA-15: only what leads out of a state is open in it */
static enum err
state_check(const struct op *op)
{
	enum session_state state = op->who.state;
	bool open = false;

	switch (op->route->open) {
	case OPEN_PUBLIC:
	case OPEN_SIGNED_IN:
		open = true;
		break;
	case OPEN_TOTP:
		open = state == STATE_TOTP_REQUIRED;
		break;
	case OPEN_ENROL:
		open = state == STATE_TOTP_ENROLMENT_REQUIRED;
		break;
	case OPEN_PASSWORD:
		open = state == STATE_PASSWORD_EXPIRED || state == STATE_ACTIVE;
		break;
	case OPEN_ENROL_ACTIVE:
		open = state == STATE_TOTP_ENROLMENT_REQUIRED ||
		    state == STATE_ACTIVE;
		break;
	case OPEN_ACTIVE:
		open = state == STATE_ACTIVE;
		break;
	}
	return open ? ERR_OK : state_error(state);
}

static enum err
list_input(struct op *op)
{
	json_t *limit = json_object_get(op->in, "limit"),
	       *cursor = json_object_get(op->in, "cursor");
	const char *text;
	char *end;
	enum err r;

	op->limit = LIST_DEFAULT;
	if (limit != NULL) {
		text = json_string_value(limit);
		op->limit = strtol(text, &end, 10);
		if (*text < '1' || *text > '9' || *end != '\0' ||
		    op->limit > LIST_MAX)
			return op_refuse(op, ERR_BAD_QUERY, "limit");
		json_object_del(op->in, "limit");
	}
	if (cursor != NULL) {
		r = cursor_open(op, json_string_value(cursor), &op->cursor);
		if (r != ERR_OK)
			return op_refuse(op, r, "cursor");
		json_object_del(op->in, "cursor");
	}
	return ERR_OK;
}

/* The query of a GET. limit and cursor belong to the gate, the rest to the
 * operation's shape. */
static enum err
query_input(struct op *op)
{
	static const struct shape paging[] = {
		{ "limit", SH_TEXT, 1, 4, 0, NULL, NULL },
		{ "cursor", SH_TEXT, 1, 2000, 0, NULL, NULL },
	};
	struct shape all[32] = { { 0 } };
	size_t n = 0;
	const struct shape *s;
	enum err r;

	for (s = op->route->in; s->kind != SH_END && n < 29; s++)
		all[n++] = *s;
	if ((op->route->traits & TRAIT_LISTS) != 0) {
		all[n++] = paging[0];
		all[n++] = paging[1];
	}
	r = shape_query(op->arena, op->rq->query, all, &op->in, &op->culprit);
	if (r == ERR_OK && (op->route->traits & TRAIT_LISTS) != 0)
		r = list_input(op);
	return r;
}

static bool
media_is_json(const char *type)
{
	static const char *const types[] = { "application/json",
		"application/merge-patch+json" };
	size_t i, n;

	for (i = 0; type != NULL && i < 2; i++) {
		n = strlen(types[i]);
		if (strncasecmp(type, types[i], n) == 0 &&
		    (type[n] == '\0' || type[n] == ';' || type[n] == ' '))
			return true;
	}
	return false;
}

static enum err
body_input(struct op *op)
{
	if (op->rq->query != NULL && *op->rq->query != '\0')
		return ERR_BAD_QUERY; /*= SE-08: nothing rides in a query */
	if (op->rq->body.n == 0) {
		op->in = json_object();
		return ERR_OK;
	}
	if (!media_is_json(op->rq->content_type))
		return ERR_UNSUPPORTED_MEDIA;
	return shape_parse_named(
	    op->arena, op->rq->body, &op->in, &op->culprit);
}

static enum err
input_read(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	r = op->route->method == METHOD_GET ? query_input(op) : body_input(op);
	if (r != ERR_OK)
		return r;
	return shape_check(op->arena, op->route->in, op->in,
	    (op->route->traits & TRAIT_PATCHES) != 0, &op->culprit);
}

/* Is our protocol among those the client offers, "a, b, c"? */
static bool
protocol_offered(const char *list)
{
	const size_t wanted = strlen(SOCKET_PROTOCOL);
	size_t n;

	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == wanted && strncmp(list, SOCKET_PROTOCOL, n) == 0)
			return true;
		list += n;
	}
	return false;
}

/*= TR-07: what cannot become a socket is refused before it joins anything */
static enum err
upgrade_check(const struct op *op)
{
	if ((op->route->traits & TRAIT_SOCKET) == 0)
		return ERR_OK;
	if (!op->rq->upgrade)
		return ERR_UPGRADE_REQUIRED;
	return op->rq->upgrade_sound &&
		protocol_offered(op->rq->websocket_protocol)
	    ? ERR_OK
	    : ERR_BAD_REQUEST;
}

/* The version in an entity tag, letter by letter as the ETag said it ("17");
 * 0 for any other tag, and for a weak one, which never matches. *p is left
 * behind it, or NULL if this is no tag. */
static int64_t
tag_read(const char **p)
{
	bool weak = strncmp(*p, "W/", 2) == 0;
	const char *begin = *p + (weak ? 2 : 0), *end;
	long long version;
	char *digits_end;

	if (*begin != '"' || (end = strchr(begin + 1, '"')) == NULL) {
		*p = NULL;
		return 0;
	}
	*p = end + 1;
	if (weak || begin[1] < '1' || begin[1] > '9')
		return 0;
	version = strtoll(begin + 1, &digits_end, 10);
	return digits_end == end ? version : 0;
}

/*= IN-05: one tag, or a list of them. Versions only grow, so that of those
 * which a client has seen only the latest can be the one that holds. "*" says
 * nothing of what was seen. */
static enum err
precondition_read(struct op *op)
{
	const char *p = op->rq->if_match;
	int64_t version;

	if ((op->route->traits & TRAIT_PATCHES) == 0)
		return ERR_OK;
	if (p == NULL || strcmp(p, "*") == 0)
		return ERR_PRECONDITION_REQUIRED;
	while (p != NULL && *p != '\0') {
		if ((version = tag_read(&p)) > op->if_match)
			op->if_match = version;
		if (p == NULL || (*p != '\0' && strchr(", \t", *p) == NULL))
			return ERR_STALE;
		p += strspn(p, ", \t");
	}
	return op->if_match > 0 ? ERR_OK : ERR_STALE;
}

/* A route whose subject stands in the body asks here how the actor stands to
 * it; the others know since the first flight. */
static enum err
subject_find(struct passage *p)
{
	struct op *op = &p->op;
	struct relation_get_in in = { "patient", in_uuid(op, "patient_id") };
	enum err r;

	if (op->route->subject == SUBJECT_BODY &&
	    perm_scope(op->route->perm, op->who.role) != SCOPE_NONE) {
		r = sql_relation_get(op->tx, &in, &p->relation);
		if (r != ERR_OK && r != ERR_NOT_FOUND)
			return r;
		if (r == ERR_NOT_FOUND)
			memset(&p->relation, 0, sizeof(p->relation));
	}
	op->patient = p->relation.patient_id;
	return ERR_OK;
}

/*= AZ-01: what is not granted does not exist; denied and absent are one */
static enum err
right_check(struct passage *p)
{
	struct op *op = &p->op;
	const struct relation_get_row *rel = &p->relation;

	if (op->route->open == OPEN_PUBLIC)
		return ERR_OK;
	op->scope = perm_scope(op->route->perm, op->who.role);
	if (op->scope == SCOPE_NONE)
		return ERR_NOT_FOUND;
	if (op->route->subject == SUBJECT_NOBODY ||
	    op->route->subject == SUBJECT_ME)
		return ERR_OK;
	if (uuid_is_nil(&rel->patient_id) ||
	    (op->scope == SCOPE_SELF && !rel->is_self) ||
	    (op->scope == SCOPE_PART && !rel->is_part) ||
	    (op->scope == SCOPE_CARE && !rel->is_care))
		return ERR_NOT_FOUND;
	return ERR_OK;
}

static enum err
operation_run(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = idempotency_take(op, &p->replayed)) != ERR_OK || p->replayed)
		return r;
	if ((r = op->route->run(op)) != ERR_OK)
		return r;
	if (op->join != NULL)
		memcpy(op->join->address, op->rq->address,
		    sizeof(op->join->address));
	return idempotency_keep(op);
}

/*
 * The rules of the house, from top to bottom: a known route, a fair rate, a
 * live session in the right state, a well-formed input, the right to it; then
 * the work, its audit row, and all of it committed or none.
 */
static enum err
pass(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = limit_address(p)) != ERR_OK ||
	    (r = session_find(p)) != ERR_OK ||
	    (r = state_check(op)) != ERR_OK || (r = input_read(p)) != ERR_OK ||
	    (r = subject_find(p)) != ERR_OK || (r = right_check(p)) != ERR_OK ||
	    (r = upgrade_check(op)) != ERR_OK ||
	    (r = precondition_read(op)) != ERR_OK ||
	    (r = operation_run(p)) != ERR_OK || (r = audit_write(op)) != ERR_OK)
		return r;
	return tx_commit(op->tx);
}

/* Not: outcomes that are the installation's trouble, which the database could
 * not take a row about, and requests over a rate, which would fill the log. */
static bool
auditable(const struct passage *p, enum err r)
{
	return !p->limited && r != ERR_UNAVAILABLE && r != ERR_BUSY &&
	    r != ERR_UNKNOWN_OUTCOME;
}

static void
input_drop(struct op *op)
{
	if (op->in != NULL)
		json_wipe(op->in);
	json_decref(op->in);
	json_decref(op->cursor);
	if (op->out != NULL)
		json_wipe(op->out);
	json_decref(op->out);
}

static void
passage_begin(struct passage *p, struct arena *a, const struct request *rq,
    const struct route *route)
{
	struct op op = p->op;

	memset(p, 0, sizeof(*p));
	p->op.route = route;
	p->op.rq = rq;
	p->op.arena = a;
	p->op.now = rq->arrived;
	p->op.id = op.id;
	p->op.user_id = op.user_id;
	p->op.token = op.token;
	p->op.tx = tx_new(a, rq->deadline_ms);
}

/* A conflict of two transactions is nobody's fault: once more, from the
 * start, on the state that the other left. */
static enum err
pass_again(struct passage *p, enum err r)
{
	struct credential credential = p->credential;
	struct op *op = &p->op;

	if (r == ERR_OK || !tx_retryable(op->tx))
		return r;
	tx_close(op->tx);
	input_drop(op);
	passage_begin(p, op->arena, op->rq, op->route);
	p->credential = credential;
	return pass(p);
}

/*= AU-01: no audit row, no answer */
static enum err
conclude(struct passage *p, enum err r)
{
	struct op *op = &p->op;

	tx_close(op->tx);
	if (r == ERR_OK) {
		if (op->after_commit != NULL)
			op->after_commit(op);
		return ERR_OK;
	}
	if (err_status(r) >= 500)
		log_warn("request_failed", LOG_ID("request_id", &op->rq->id),
		    LOG_CODE("code", err_code(r)));
	if (auditable(p, r) && audit_refusal(op, r) != ERR_OK)
		return ERR_UNAVAILABLE;
	return r;
}

/*= TR-24: who is over a rate and goes on has to connect anew, which has one too */
static void
passage_reply(struct passage *p, enum err r, struct reply *rp)
{
	reply_fill(rp, &p->op, r);
	rp->last = p->limited && !p->op.rq->proxied;
}

enum err
dispatch_page(struct arena *a, const struct request *rq, struct reply *rp)
{
	struct passage p = { .op = { .rq = rq, .arena = a } };
	enum err r;

	r = rate_take_address(
	    &p, "page", FILES_OF_PAGE * conf()->requests_per_minute);
	if (r != ERR_OK)
		passage_reply(&p, r, rp);
	return r;
}

void
dispatch(struct arena *a, const struct request *rq, struct reply *rp)
{
	struct passage p = { .op = { .rq = rq, .arena = a } };
	enum err r;

	if ((r = route_match(&p.op)) != ERR_OK) {
		dispatch_refuse(a, rq, r, rp);
		return;
	}
	passage_begin(&p, a, rq, p.op.route);
	if ((r = credential_read(&p.op, &p.credential)) == ERR_OK)
		r = pass_again(&p, pass(&p));
	r = conclude(&p, r);
	passage_reply(&p, r, rp);
	input_drop(&p.op);
}

/* The token may have been renewed since the socket was opened (a step-up): it
 * is the session that counts, if it still lives. */
static enum err
credential_of(struct passage *p, const struct participant *who)
{
	struct context_set_in context = { who->clinic, who->account };
	struct session_hash_in in = { who->session };
	struct session_hash_row row;
	struct tx *tx = op_side_tx(&p->op);
	enum err r;

	if ((r = sql_context_set(tx, &context)) == ERR_OK &&
	    (r = sql_session_hash(tx, &in, &row)) == ERR_OK &&
	    row.hash.n == sizeof(p->credential.hash)) {
		memcpy(p->credential.hash, row.hash.p, row.hash.n);
		p->credential.present = true;
	}
	tx_close(tx);
	return r == ERR_NOT_FOUND ? ERR_OK : r;
}

enum err
dispatch_for(
    const struct participant *who, enum method method, const char *path)
{
	struct arena *a = arena_new();
	struct request rq = {
		.method = method,
		.path = path,
		.id = uuid_random(),
		.arrived = instant_now(),
		.deadline_ms = instant_monotonic() +
		    conf()->request_seconds * 1000,
	};
	struct passage p = { .op = { .rq = &rq, .arena = a } };
	enum err r;

	memcpy(rq.address, who->address, sizeof(rq.address));
	if ((r = route_match(&p.op)) == ERR_OK) {
		passage_begin(&p, a, &rq, p.op.route);
		if ((r = credential_of(&p, who)) == ERR_OK)
			r = pass_again(&p, pass(&p));
		r = conclude(&p, r);
		input_drop(&p.op);
	}
	arena_free(a);
	return r;
}

void
dispatch_refuse(
    struct arena *a, const struct request *rq, enum err r, struct reply *rp)
{
	struct op op = { .rq = rq, .arena = a };

	reply_fill(rp, &op, r);
}
