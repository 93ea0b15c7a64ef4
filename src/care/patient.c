#include "base/text.h"
#include "care/account_new.h"
#include "care/invitation.h"
#include "care/operations.h"
#include "care/patient_alike.h"
#include "care/patient_index.h"
#include "data/record_key.h"
#include "gate/member.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

struct created {
	struct uuid id;
	size_t alike;
};

static json_t *
those_alike(const struct op *op, const void *row)
{
	const struct created *c = row;

	(void)op;
	return c->alike == 0 ? NULL : json_integer((json_int_t)c->alike);
}

const struct shape patient_create_out[] = {
	SHOWN(created, id, SH_UUID),
	{ ALIKE_MEMBER, SH_INT, 1, ALIKE_MAX, .made = those_alike },
	{ 0 },
};

/* The columns of a row as values by member. */
#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	[PATIENT_##name] = row->name,
static struct patient_values
row_values(const struct patient_get_row *row)
{
	return (struct patient_values){ .text = {
#include "tables/patient_members.def"
					} };
}
#undef MEMBER

#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	.name = c->written.text[PATIENT_##name],
#define INDEX_OF(c)                                                            \
	.mrn_token = (c)->index.mrn, .ssn_token = (c)->index.ssn,              \
	.phone_token = (c)->index.phone, .email_token = (c)->index.email,      \
	.birth_year = (c)->index.birth_year,                                   \
	.birth_month = (c)->index.birth_month,                                 \
	.birth_day = (c)->index.birth_day
enum err
patient_insert(struct op *op, const struct record_key *key,
    const struct uuid *id, const struct patient_change *c)
{
	struct patient_insert_in in = {
		.id = *id,
		.key = key,
#include "tables/patient_members.def"
		INDEX_OF(c),
	};

	return sql_patient_insert(op->tx, &in);
}

static enum err
record_write(struct op *op, const struct patient_get_row *row,
    const struct patient_change *c, int64_t *n)
{
	struct patient_update_in in = {
		.id = row->id,
		.key = row->key,
#include "tables/patient_members.def"
		INDEX_OF(c),
		.changed = { c->changed, c->changed_n },
		.version = op->if_match,
		.now = op->now,
	};

	return sql_patient_update(op->tx, &in, n);
}
#undef MEMBER

#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	.name = c->values.text[PATIENT_##name],
/* All that is sealed, under a key that is newer than the row's. */
static enum err
record_rewrite(struct op *op, const struct patient_get_row *row,
    const struct patient_change *c, int64_t *n)
{
	struct patient_key_in find = { row->id };
	struct patient_key_row newest;
	struct patient_update_in in = {
		.id = row->id,
#include "tables/patient_members.def"
		INDEX_OF(c),
		.changed = { c->changed, c->changed_n },
		.version = op->if_match,
		.now = op->now,
		.whole = true,
	};
	enum err r;

	if ((r = sql_patient_key(op->tx, &find, &newest)) != ERR_OK)
		return r;
	if (newest.key == NULL || newest.key->version == row->key->version)
		return ERR_OK; /* that was not why */
	in.key = newest.key;
	return sql_patient_update(op->tx, &in, n);
}
#undef INDEX_OF
#undef MEMBER

/*= EN-07: a row's members lie under one key, the newest from its next change on */
/* ERR_STALE if the version is no longer the one the client saw. */
static enum err
record_update(struct op *op, const struct patient_get_row *row,
    const struct patient_change *c)
{
	int64_t n;
	enum err r;

	if ((r = record_write(op, row, c, &n)) != ERR_OK)
		return r;
	if (n == 0 && (r = record_rewrite(op, row, c, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_STALE;
}

/* A clinician who takes a patient in joins the care team; a scheduler does
 * not. */
static enum err
creator_joins(struct op *op, const struct uuid *id)
{
	struct care_team_begin_in in = { *id, op->who.account };

	return perm_scope(PERM_patient_update, op->who.role) == SCOPE_CARE
	    ? sql_care_team_begin(op->tx, &in)
	    : ERR_OK;
}

/* Nobody makes a second record of one person unawares: a caller who asks to be
 * asked is refused, the others are told. Some callers are programs, which move
 * people who *are* alike from another system. */
static enum err
created_tell(struct op *op, const struct uuid *id, size_t alike)
{
	op->note.patient = op->note.record = *id;
	op->version = 1;
	return op_answer(op, &(struct created){ *id, alike });
}

/* The rows travel with the audit row and the commit, and a taken record number
 * is refused by its constraint there. */
enum err
patient_create(struct op *op)
{
	const struct patient_values none = { { NULL } };
	struct patient_words words = { 0 };
	const struct record_key *key;
	struct patient_change c;
	struct uuid id = uuid_new();
	size_t alike;
	enum err r;

	if ((r = patient_change_read(op, &none, &c)) != ERR_OK ||
	    (r = patient_alike(op, &c, &alike)) != ERR_OK ||
	    (r = record_key_new(op->tx, KEY_CLASS_patient, &id, &key, NULL)) !=
		ERR_OK ||
	    (r = patient_insert(op, key, &id, &c)) != ERR_OK ||
	    (r = patient_words_add(op, &id, &c, &words)) != ERR_OK ||
	    (r = patient_words_insert(op, &words)) != ERR_OK ||
	    (r = creator_joins(op, &id)) != ERR_OK)
		return r;
	return created_tell(op, &id, alike);
}

/* A record whose key was destroyed is gone. */
static enum err
record_get(struct op *op, struct patient_get_row *row)
{
	struct patient_get_in in = { op->id };
	enum err r = op->record != NULL
	    ? sql_patient_get_take(op->tx, op->record, row)
	    : sql_patient_get(op->tx, &in, row);

	return r == ERR_OK && row->key == NULL ? ERR_NOT_FOUND : r;
}

enum err
patient_values_get(struct op *op, struct patient_values *values)
{
	struct patient_get_row row;
	enum err r = record_get(op, &row);

	if (r == ERR_OK)
		*values = row_values(&row);
	return r;
}

static enum err
record_show(struct op *op, const struct patient_values *values, int64_t version)
{
	op->version = version;
	op->out = patient_view(op, &op->id, values, PATIENT_ALL);
	json_object_set_new(op->out, "version", json_integer(version));
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

enum err
patient_read(struct op *op)
{
	struct patient_values values;
	struct patient_get_row row;
	enum err r;

	if ((r = record_get(op, &row)) != ERR_OK)
		return r;
	values = row_values(&row);
	return record_show(op, &values, row.version);
}

/* The account of a patient is called as the record is, whoever changes it. */
static enum err
account_follows(struct op *op, const struct patient_change *c)
{
	const char *const *now = c->values.text;
	struct account_of_patient_in find = { op->id };
	struct account_of_patient_row row;
	struct account_rename_in in;
	enum err r;

	if (!patient_changes(c, PATIENT_family_name) &&
	    !patient_changes(c, PATIENT_given_name))
		return ERR_OK;
	r = sql_account_of_patient(op->tx, &find, &row);
	if (r == ERR_NOT_FOUND)
		return ERR_OK;
	if (r != ERR_OK)
		return r;
	in = (struct account_rename_in){ .id = row.id,
		.key = row.key,
		.display_name = name_whole(op->arena, now[PATIENT_given_name],
		    now[PATIENT_family_name]) };
	return sql_account_rename(op->tx, &in);
}

/*= IN-05: a change made on an old view is refused, not merged over */
enum err
patient_patch(struct op *op)
{
	struct patient_values before;
	struct patient_get_row row;
	struct patient_change c;
	enum err r;

	if ((r = record_get(op, &row)) != ERR_OK)
		return r;
	if (row.version != op->if_match)
		return ERR_STALE;
	before = row_values(&row);
	if ((r = patient_change_read(op, &before, &c)) != ERR_OK)
		return r;
	if (c.changed_n == 0)
		return record_show(op, &before, row.version);
	if ((r = record_update(op, &row, &c)) != ERR_OK ||
	    (r = patient_words_replace(op, &op->id, &c)) != ERR_OK ||
	    (r = account_follows(op, &c)) != ERR_OK)
		return r;
	return record_show(op, &c.values, row.version + 1);
}

/* The account has the name and the address of the record, whoever invites. */
static enum err
account_new(struct op *op, const struct patient_get_row *row, struct uuid *id)
{
	struct account_new new = {
		.role = ROLE_PATIENT,
		.patient = op->id,
		.email = row->email,
		.display_name = name_whole(
		    op->arena, row->given_name, row->family_name),
		.created_by = op->who.account,
		.now = op->now,
	};

	return account_add(op->tx, &new, id);
}

/* An account that nobody has opened yet follows the record's address. */
static enum err
account_follow(
    struct op *op, const struct account_to_invite_row *a, const char *email)
{
	struct account_email_set_in in = {
		.id = a->id,
		.key = a->key,
		.email = email,
	};
	int64_t n;
	enum err r;

	if (strcmp(a->email, email) == 0)
		return ERR_OK;
	if ((r = account_email_token(op->arena, email, &in.email_token)) !=
		ERR_OK ||
	    (r = sql_account_email_set(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_ALREADY_DONE;
}

/* The account to invite to: a new one, or one that is still unopened. */
static enum err
account_ready(struct op *op, const struct patient_get_row *row,
    const struct account_to_invite_row *a, struct uuid *id)
{
	enum err r;

	*id = a->id;
	if (uuid_is_nil(&a->id))
		r = account_new(op, row, id);
	else if (a->active || a->deactivated)
		return ERR_ALREADY_DONE;
	else
		r = account_follow(op, a, row->email);
	return r == ERR_EMAIL_TAKEN ? op_refuse(op, r, "email") : r;
}

/* Invites the patient to a portal account, and once more who has not come. The
 * record is locked, so that a change of its name made meanwhile finds the
 * account. */
enum err
patient_account(struct op *op)
{
	struct invitee who = {
		.kind = "invite", .role = ROLE_PATIENT, .patient = op->id
	};
	struct account_to_invite_in in = { op->id };
	const struct patient_lock_in lock = { op->id };
	struct account_to_invite_row account;
	struct patient_get_row row;
	struct invited made;
	enum err r;

	if ((r = sql_patient_lock(op->tx, &lock)) != ERR_OK ||
	    (r = record_get(op, &row)) != ERR_OK)
		return r;
	if (row.email == NULL)
		return op_refuse(op, ERR_MISSING_FIELD, "email");
	if ((r = sql_account_to_invite(op->tx, &in, &account)) != ERR_OK ||
	    (r = account_ready(op, &row, &account, &who.account)) != ERR_OK)
		return r;
	who.email = row.email;
	who.vouched = !uuid_is_nil(&account.email_by) &&
	    !uuid_equal(&account.email_by, &op->who.account);
	if ((r = invitation_make(op, &who, &made)) != ERR_OK)
		return r;
	op->note.record = who.account;
	return op_answer(op, &made);
}
