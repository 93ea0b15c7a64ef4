#include "gate/job.h"

#include "base/secret.h"
#include "data/record_key.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

static const char *const stored_names[] = {
#define JOB(                                                                   \
    name, stored, every, tries, wait, longest, give_up, at_once, event)        \
	stored,
#include "tables/jobs.def"
#undef JOB
};

const char *
job_kind_stored(enum job_kind kind)
{
	return stored_names[kind];
}

/* The payload as text in the arena, and a key of the job's own for it. */
static enum err
payload_seal(struct op *op, const json_t *payload, struct job_insert_in *in)
{
	char *text = json_dumps(payload, JSON_COMPACT);

	if (text == NULL)
		return ERR_INTERNAL;
	in->payload = arena_text(op->arena, text);
	secret_wipe(text, strlen(text));
	free(text);
	return record_key_new(op->tx, KEY_CLASS_job, &in->id, &in->key, NULL);
}

enum err
job_add(struct op *op, enum job_kind kind, const struct job_new *new,
    struct uuid *id)
{
	struct job_insert_in in = {
		.id = uuid_new(),
		.kind = job_kind_stored(kind),
		.once = new->key,
		.record_id = new->record,
		.after_s = new->after_s,
	};
	char text[UUID_TEXT_SIZE];
	enum err r;

	*id = in.id;
	uuid_text(&in.id, text);
	if (in.once == NULL)
		in.once = text;
	if (new->payload != NULL &&
	    (r = payload_seal(op, new->payload, &in)) != ERR_OK)
		return r;
	return sql_job_insert(op->tx, &in);
}
