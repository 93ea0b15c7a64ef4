/* Events of Stripe. An event is a reason to look: only whose payment it is
 * about is taken from it, and a job asks for the payment itself. */
#include "base/conf.h"
#include "base/log.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/stripe_signature.h"
#include "gate/job.h"
#include "gate/member.h"
#include "sql.h"

#include <string.h>

#define EVENT_MAX (64 * 1024)
#define NAME_MAX  255
#define TOLD_MAX  20

struct received {
	bool received;
};

const struct shape stripe_event_out[] = {
	SHOWN(received, received, SH_BOOL),
	{ 0 },
};

static const char *
name_of(const json_t *o, const char *member)
{
	const char *s = json_string_value(json_object_get(o, member));

	return s != NULL && strlen(s) <= NAME_MAX ? s : NULL;
}

/* A checkout is the object itself; every other object names its payment. */
static struct payment_find_in
about(const json_t *o)
{
	struct payment_find_in in = { .checkout = NULL };
	const char *kind = name_of(o, "object"),
		   *own = name_of(json_object_get(o, "metadata"), "payment");

	if (kind != NULL && strcmp(kind, "checkout.session") == 0)
		in.checkout = name_of(o, "id");
	in.intent = kind != NULL && strcmp(kind, "payment_intent") == 0
	    ? name_of(o, "id")
	    : name_of(o, "payment_intent");
	if (own == NULL || uuid_parse(own, &in.own) != ERR_OK)
		in.own = (struct uuid){ { 0 } };
	return in;
}

/* Test and live, and accounts of others, are kept apart. */
static enum err
mode_check(const json_t *event)
{
	const bool live = json_is_true(json_object_get(event, "livemode"));

	if (live == (conf()->stripe_live != 0) &&
	    json_object_get(event, "account") == NULL)
		return ERR_OK;
	log_warn("stripe_event_of_another_account", LOG_NUM("live", live));
	return ERR_OTHER_ACCOUNT;
}

/* The mail says that there is something to see to; the portal says what, to
 * those who may know. */
static enum err
dispute_tell(struct op *op)
{
	const struct payment_keepers_in in = { TOLD_MAX };
	struct payment_keepers_row *rows;
	struct uuid mail;
	size_t i, n;
	enum err r;

	if (!mail_configured())
		return ERR_OK;
	r = sql_payment_keepers(op->tx, &in, &rows, &n);
	for (i = 0; r == ERR_OK && i < n; i++)
		r = mail_add(op, MAIL_dispute, &rows[i].id, NULL, &mail);
	return r;
}

static bool
is_of_dispute(const json_t *event)
{
	const char *type = name_of(event, "type");

	return type != NULL &&
	    (strcmp(type, "charge.dispute.created") == 0 ||
		strcmp(type, "charge.dispute.closed") == 0);
}

/* Once, however often it comes and on however many workers. */
static enum err
event_take(struct op *op, const char *id, const struct payment_find_row *p,
    const json_t *event)
{
	const struct payment_event_insert_in in = { id, p->id };
	const struct job_new job = { .record = p->id };
	const struct uuid nobody = { { 0 } };
	struct uuid made;
	int64_t n;
	enum err r;

	op->note.record = p->id;
	if ((r = op_assume(op, &p->clinic_id, &nobody, ROLE_NONE)) != ERR_OK ||
	    (r = sql_payment_event_insert(op->tx, &in, &n)) != ERR_OK || n == 0)
		return r;
	if (is_of_dispute(event) && (r = dispute_tell(op)) != ERR_OK)
		return r;
	return job_add(op, JOB_checkout_fetch, &job, &made);
}

static enum err
event_read(struct op *op, const json_t *event)
{
	const json_t *object = json_object_get(
	    json_object_get(event, "data"), "object");
	const char *id = name_of(event, "id");
	struct payment_find_in in;
	struct payment_find_row p;
	enum err r;

	if (id == NULL || *id == '\0')
		return ERR_BAD_REQUEST;
	if ((r = mode_check(event)) != ERR_OK)
		return r;
	in = about(object);
	r = sql_payment_find(op->tx, &in, &p);
	if (r == ERR_NOT_FOUND)
		return ERR_OK; /* of a kind, or of a payment, that is not ours */
	return r == ERR_OK ? event_take(op, id, &p, event) : r;
}

/*= PY-04: nothing of it is read before the signature is known to be right */
enum err
stripe_event(struct op *op)
{
	const char *const secrets[] = { conf()->stripe_webhook_secret,
		conf()->stripe_webhook_secret_next, NULL };
	const struct received yes = { true };
	json_t *event;
	enum err r;

	if (*secrets[0] == '\0')
		return ERR_NOT_FOUND;
	if (op->rq->body.n > EVENT_MAX)
		return ERR_TOO_LARGE;
	r = stripe_signature_check(op->arena, op->rq->stripe_signature,
	    op->rq->body, secrets, op->now);
	if (r != ERR_OK)
		return r;
	event = json_loadb(
	    (const char *)op->rq->body.p, op->rq->body.n, 0, NULL);
	r = json_is_object(event) ? event_read(op, event) : ERR_BAD_JSON;
	json_decref(event);
	return r == ERR_OK ? op_answer(op, &yes) : r;
}
