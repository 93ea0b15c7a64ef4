/* Jobs of recordings: they look whether chunks are in the store, and delete
 * them when their time is over. None opens a recording. */
#include "base/crypto.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/xml.h"
#include "care/jobs.h"
#include "care/recording.h"
#include "care/store.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MAX   50 /* chunks in one go */
#define LIST_BYTES 2000000
#define DUE_MAX	   500

/* A batch of chunks that were looked at. */
struct found {
	int64_t seen[LOOK_MAX], faulty[LOOK_MAX];
	const char *faults[LOOK_MAX];
	size_t seen_n, faulty_n;
};

static enum err
job_find(struct op *op, struct recording_job_row *g, struct presign_signer *s)
{
	const struct recording_job_in in = { op->job->record };
	enum err r;

	if ((r = sql_recording_job(op->tx, &in, g)) != ERR_OK ||
	    (r = store_signer(op->tx, op->now, s)) != ERR_OK)
		return r;
	op->note.patient = g->patient_id;
	op->note.record = g->id;
	return ERR_OK;
}

static bool
same_sha256(struct arena *a, const char *text, struct bytes sha256)
{
	return strcmp(text, text_base64(a, sha256.p, sha256.n)) == 0;
}

/* What the store says of it if it checked itself, else what it is. */
static enum err
chunk_read(struct arena *a, const struct presign_signer *s,
    const struct recording_unseen_row *c, const char **fault)
{
	const struct store_ask ask = { .method = "GET", .object = c->object };
	struct store_answer answer;
	uint8_t sha256[32];
	enum err r;

	r = store_do(a, s, instant_now(), &ask, (size_t)c->bytes, &answer);
	if (r != ERR_OK)
		return r;
	if (answer.status == 404)
		*fault = "missing";
	else if (answer.status != 200)
		return ERR_STORE_FAILED;
	else if ((int64_t)answer.body.n != c->bytes)
		*fault = "size";
	else if ((r = crypto_sha256(answer.body, sha256)) == ERR_OK &&
	    (c->sha256.n != 32 || !secret_equal(sha256, c->sha256.p, 32)))
		*fault = "checksum";
	return r;
}

/*= RC-02, RC-06: an object that is not there, or not what was sealed, is named */
static enum err
chunk_look(struct arena *a, const struct presign_signer *s,
    const struct recording_unseen_row *c, const char **fault)
{
	static const struct presign_pair mode = { "x-amz-checksum-mode",
		"ENABLED" };
	const struct store_ask ask = { .method = "HEAD",
		.object = c->object,
		.headers = &mode,
		.headers_n = 1 };
	struct store_answer answer;
	enum err r;

	*fault = NULL;
	if ((r = store_do(a, s, instant_now(), &ask, 0, &answer)) != ERR_OK)
		return r;
	if (answer.status == 404)
		*fault = "missing";
	else if (answer.status != 200)
		return ERR_STORE_FAILED;
	else if (answer.bytes != c->bytes)
		*fault = "size";
	else if (answer.sha256 == NULL)
		return chunk_read(a, s, c, fault);
	else if (!same_sha256(a, answer.sha256, c->sha256))
		*fault = "checksum";
	return ERR_OK;
}

static enum err
chunks_look(struct op *op, const struct presign_signer *s,
    const struct recording_unseen_row *rows, size_t n, struct found *f)
{
	const char *fault;
	size_t i;
	enum err r = ERR_OK;

	for (i = 0; i < n && r == ERR_OK &&
	     instant_monotonic() < op->deadline_ms - 35000;
	     i++) {
		struct arena *a = arena_new(); /* a chunk may be large */

		r = chunk_look(a, s, &rows[i], &fault);
		arena_free(a);
		if (r != ERR_OK)
			break;
		if (fault == NULL) {
			f->seen[f->seen_n++] = rows[i].index;
			continue;
		}
		log_warn("recording_chunk_faulty",
		    LOG_ID("recording", &op->job->record),
		    LOG_NUM("index", rows[i].index), LOG_CODE("fault", fault));
		f->faulty[f->faulty_n] = rows[i].index;
		f->faults[f->faulty_n++] = fault;
	}
	return f->seen_n + f->faulty_n > 0 ? ERR_OK : r;
}

static enum err
found_note(struct op *op, const struct found *f)
{
	const struct recording_seen_in in = { op->job->record,
		{ f->seen, f->seen_n }, { f->faulty, f->faulty_n },
		{ f->faults, f->faulty_n } };

	return sql_recording_seen(op->tx, &in);
}

/* A batch at a time, until all was looked at. */
enum err
recording_verify(struct op *op)
{
	struct found *f = arena_alloc(op->arena, sizeof(*f));
	struct recording_job_row g;
	struct recording_unseen_row *rows;
	const struct recording_unseen_in unseen = { op->job->record, LOOK_MAX };
	const struct recording_conclude_in all = { op->job->record };
	struct presign_signer signer;
	size_t n;
	enum err r;

	if ((r = job_find(op, &g, &signer)) != ERR_OK)
		return r;
	if (strcmp(g.state, "checking") != 0 &&
	    strcmp(g.state, "stored") != 0 &&
	    strcmp(g.state, "incomplete") != 0)
		return ERR_OK; /* deleted meanwhile */
	if ((r = sql_recording_unseen(op->tx, &unseen, &rows, &n)) == ERR_OK) {
		if (n == 0) {
			r = sql_recording_conclude(op->tx, &all, NULL);
		} else if ((r = op_release(op)) == ERR_OK &&
		    (r = chunks_look(op, &signer, rows, n, f)) == ERR_OK) {
			r = found_note(op, f);
			op->job->again = true;
		}
	}
	secret_wipe(&signer, sizeof(signer));
	return r;
}

/* Deletion */

static enum err
version_remove(struct arena *a, const struct presign_signer *s,
    const char *object, const char *version)
{
	const struct presign_pair query = { "versionId", version };
	const struct store_ask ask = { .method = "DELETE",
		.object = object,
		.query = &query,
		.query_n = version == NULL ? 0 : 1 };
	struct store_answer answer;
	enum err r;

	if ((r = store_do(a, s, instant_now(), &ask, 65536, &answer)) != ERR_OK)
		return r;
	return answer.status == 204 || answer.status == 200 ||
		answer.status == 404
	    ? ERR_OK
	    : ERR_STORE_FAILED;
}

/* All versions whose names begin so, one page of them. */
static enum err
page_remove(struct op *op, const struct presign_signer *s, const char *prefix,
    size_t *n)
{
	const struct presign_pair query[] = { { "versions", "" },
		{ "prefix", prefix }, { "max-keys", "1000" } };
	const struct store_ask ask = {
		.method = "GET", .query = query, .query_n = 3
	};
	struct arena *a = arena_new();
	struct store_answer answer;
	const char *at, *key, *version;
	enum err r;

	*n = 0;
	r = store_do(a, s, instant_now(), &ask, LIST_BYTES, &answer);
	if (r == ERR_OK && (answer.status != 200 || answer.body.p == NULL))
		r = ERR_STORE_FAILED;
	at = r == ERR_OK
	    ? arena_text_n(a, (const char *)answer.body.p, answer.body.n)
	    : "";
	while (r == ERR_OK && instant_monotonic() < op->deadline_ms - 35000 &&
	    (key = xml_next(a, &at, "Key")) != NULL) {
		if (strncmp(key, prefix, strlen(prefix)) != 0) {
			r = ERR_STORE_FAILED; /* not what was asked for */
			break;
		}
		version = xml_next(a, &at, "VersionId");
		r = version_remove(a, s, key, version);
		++*n;
	}
	arena_free(a);
	return r;
}

/*= RC-07: what lies in the store, then what opens it; what is left is that there
 * was one. A store that does not delete is asked again, and the job is shown */
enum err
recording_remove(struct op *op)
{
	const struct recording_bury_in in = { op->job->record };
	struct recording_job_row g;
	struct presign_signer signer;
	const char *prefix;
	size_t n;
	enum err r;

	if ((r = job_find(op, &g, &signer)) != ERR_OK)
		return r;
	if (strcmp(g.state, "deleting") != 0)
		return ERR_OK;
	prefix = arena_format(op->arena, "%s/", g.prefix);
	if ((r = op_release(op)) == ERR_OK &&
	    (r = page_remove(op, &signer, prefix, &n)) == ERR_OK) {
		if (n > 0)
			op->job->again = true; /* is there nothing more? */
		else
			r = sql_recording_bury(op->tx, &in, NULL);
	}
	secret_wipe(&signer, sizeof(signer));
	return r;
}

enum err
recordings_sweep(struct op *op)
{
	const struct recordings_due_in in = { DUE_MAX };
	struct recordings_due_row row = { 0 };
	enum err r = sql_recordings_due(op->tx, &in, &row);

	op->job->again = row.n >= DUE_MAX;
	return r;
}
