/* The chunks of a recording on their way to the store and back. Each address is
 * for one chunk, given out by the gate, and audited. */
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/operations.h"
#include "care/recording.h"
#include "care/store.h"
#include "gate/job.h"
#include "gate/member.h"
#include "gate/tell.h"

#include <openssl/evp.h>
#include <string.h>

#define SHA256_TEXT 44 /* in base64 */

const struct shape recording_chunk_in[] = {
	{ "index", SH_INT, 0, RECORDING_CHUNKS_MAX - 1, .flags = SH_REQUIRED },
	{ "bytes", SH_INT, RECORDING_CHUNK_MIN, RECORDING_CHUNK_MAX,
	    .flags = SH_REQUIRED },
	{ "sha256", SH_TEXT, SHA256_TEXT, SHA256_TEXT, .flags = SH_REQUIRED },
	{ 0 },
};
static const struct shape header_members[] = {
	{ "content-type", SH_TEXT, 1, 100, .flags = SH_REQUIRED },
	{ "x-amz-checksum-sha256", SH_TEXT, SHA256_TEXT, SHA256_TEXT,
	    .flags = SH_REQUIRED },
	{ "x-amz-server-side-encryption", SH_TEXT, 1, 100, .flags = 0 },
	{ "x-amz-storage-class", SH_TEXT, 1, 100, .flags = 0 },
	{ "x-amz-object-lock-mode", SH_TEXT, 1, 100, .flags = 0 },
	{ "x-amz-object-lock-retain-until-date", SH_TEXT, 1, 100, .flags = 0 },
	{ 0 },
};

static json_t *
upload_headers(const struct op *op, const void *row)
{
	const struct store_upload *u = row;
	json_t *headers = json_object();
	size_t i;

	(void)op;
	for (i = 0; i < u->headers_n; i++)
		json_object_set_new(headers, u->headers[i].name,
		    json_string(u->headers[i].value));
	return headers;
}

static json_t *
address_end(const struct op *op, const void *row)
{
	(void)row;
	return time_json(op->now + STORE_SECONDS);
}

const struct shape recording_chunk_out[] = {
	SHOWN(store_upload, url, SH_TEXT, 1, 4000),
	{ "headers", SH_OBJECT, .flags = SH_REQUIRED, .inner = header_members,
	    .made = upload_headers },
	{ "expires_at", SH_TIME, .flags = SH_REQUIRED, .made = address_end },
	{ 0 },
};

struct chunk_stands {
	int64_t index;
	const char *state;
};
const struct shape recording_chunk_done_out[] = {
	SHOWN(chunk_stands, index, SH_INT, 0, RECORDING_CHUNKS_MAX - 1),
	SHOWN(chunk_stands, state, SH_CHOICE, .choices = "uploaded"),
	{ 0 },
};

const struct shape recording_chunk_fault_in[] = {
	{ "fault", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "missing|size|checksum|seal" },
	{ 0 },
};
const struct shape recording_chunk_fault_out[] = {
	SHOWN(chunk_stands, index, SH_INT, 0, RECORDING_CHUNKS_MAX - 1),
	SHOWN(chunk_stands, state, SH_CHOICE, .choices = "checking"),
	{ 0 },
};

const struct shape recording_finish_in[] = {
	{ "chunks", SH_INT, 1, RECORDING_CHUNKS_MAX, .flags = SH_REQUIRED },
	{ "media_type", SH_TEXT, 1, 100, .flags = SH_NULLABLE },
	{ "duration_s", SH_INT, 0, 172800, .flags = SH_NULLABLE },
	{ 0 },
};

const struct shape recording_playback_in[] = {
	{ "from", SH_INT, 0, RECORDING_CHUNKS_MAX - 1, .flags = 0 },
	{ "count", SH_INT, 1, RECORDING_CHUNKS_MAX, .flags = 0 },
	{ 0 },
};

struct played_chunk {
	int64_t index, bytes;
	const char *url, *sha256;
	bool last;
};
static const struct shape played_chunk_members[] = {
	SHOWN(played_chunk, index, SH_INT, 0, RECORDING_CHUNKS_MAX - 1),
	SHOWN(played_chunk, url, SH_TEXT, 1, 4000),
	SHOWN(played_chunk, last, SH_BOOL),
	SHOWN(played_chunk, bytes, SH_INT, RECORDING_CHUNK_MIN,
	    RECORDING_CHUNK_MAX),
	SHOWN(played_chunk, sha256, SH_TEXT, SHA256_TEXT, SHA256_TEXT),
	{ 0 },
};

/* What opens a recording, and where its chunks lie. */
struct playback {
	struct recording_secret secret;
	struct recording_row recording;
	struct row_list chunks;
};
const struct shape recording_playback_out[] = {
	{ "key", SH_TEXT, 44, 44, .flags = SH_REQUIRED,
	    COLUMN(playback, secret.key) },
	{ "nonce_prefix", SH_TEXT, 12, 12, .flags = SH_REQUIRED,
	    COLUMN(playback, secret.nonce_prefix) },
	{ "media_type", SH_TEXT, 1, 100, .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(playback, recording.media_type) },
	{ "total", SH_INT, 1, RECORDING_CHUNKS_MAX, .flags = SH_REQUIRED,
	    COLUMN(playback, recording.total) },
	SHOWN(playback, chunks, SH_LIST, 0, RECORDING_CHUNKS_MAX,
	    .inner = played_chunk_members),
	{ "expires_at", SH_TIME, .flags = SH_REQUIRED, .made = address_end },
	{ 0 },
};

static enum err
recording_find(struct op *op, struct recording_row *g, const char *states)
{
	const struct recording_get_in in = { op->id };
	enum err r;

	op->note.record = op->id;
	if ((r = sql_recording_get(op->tx, &in, g)) != ERR_OK)
		return r;
	if (g->key == NULL)
		return ERR_NOT_FOUND; /* the patient's record was destroyed */
	return recording_is(g, states) ? ERR_OK : ERR_WRONG_STATUS;
}

/* 32 bytes as 44 letters of base64, and no other way to write them. */
static bool
sha256_read(struct arena *a, const char *text, uint8_t out[33])
{
	return strlen(text) == SHA256_TEXT && text[SHA256_TEXT - 2] != '=' &&
	    text[SHA256_TEXT - 1] == '=' &&
	    EVP_DecodeBlock(out, (const unsigned char *)text, SHA256_TEXT) ==
	    33 &&
	    strcmp(text_base64(a, out, 32), text) == 0;
}

/* Random, below what the names of all objects of the recording begin with. */
static const char *
object_name(struct arena *a, const char *prefix)
{
	uint8_t random[16];

	secret_random(random, sizeof(random));
	return arena_format(
	    a, "%s/%s", prefix, text_hex(a, random, sizeof(random)));
}

/*= RC-03, RC-04: one chunk, its length and checksum, for 300 s; a chunk that
 * was named once is never another */
enum err
recording_chunk(struct op *op)
{
	uint8_t sha256[33];
	struct recording_chunk_ask_in in = {
		.recording_id = op->id,
		.index = in_int(op, "index", 0),
		.bytes = in_int(op, "bytes", 0),
		.sha256 = { sha256, 32 },
		.now = op->now,
	};
	struct recording_chunk_ask_row chunk;
	struct presign_signer signer;
	struct store_upload upload;
	struct recording_row g;
	enum err r;

	if (!sha256_read(op->arena, in_text(op, "sha256"), sha256))
		return op_refuse(op, ERR_INVALID_FIELD, "sha256");
	if ((r = recording_find(
		 op, &g, "recording|stopped|checking|incomplete")) != ERR_OK)
		return r;
	if (g.total != INT64_MIN && in.index >= g.total)
		return op_refuse(op, ERR_INVALID_FIELD, "index");
	in.object = object_name(op->arena, g.prefix);
	r = sql_recording_chunk_ask(op->tx, &in, &chunk);
	if (r == ERR_NOT_FOUND)
		return ERR_ALREADY_DONE;
	if (r != ERR_OK ||
	    (r = store_signer(op->tx, op->now, &signer)) != ERR_OK)
		return r;
	r = store_upload(op->arena, &signer, op->now, chunk.object, in.bytes,
	    in.sha256, &upload);
	secret_wipe(&signer, sizeof(signer));
	return r == ERR_OK ? op_answer(op, &upload) : r;
}

static enum err
verify_ask(struct op *op)
{
	const struct job_new job = { .record = op->id };
	struct uuid id;

	return job_add(op, JOB_recording_verify, &job, &id);
}

enum err
recording_chunk_done(struct op *op)
{
	const struct recording_chunk_done_in in = { op->id, op->index,
		op->now };
	const struct chunk_stands stands = { op->index, "uploaded" };
	struct recording_row g;
	int64_t n;
	enum err r;

	if ((r = recording_find(
		 op, &g, "recording|stopped|checking|incomplete")) != ERR_OK ||
	    (r = sql_recording_chunk_done(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? op_answer(op, &stands) : ERR_NOT_FOUND;
}

/*= RC-06: who plays it found that it is not what was recorded */
enum err
recording_chunk_fault(struct op *op)
{
	const struct recording_chunk_doubt_in in = { op->id, op->index };
	const struct chunk_stands stands = { op->index, "checking" };
	struct recording_row g;
	int64_t n;
	enum err r;

	if ((r = recording_find(op, &g, "stored|incomplete")) != ERR_OK ||
	    (r = sql_recording_chunk_doubt(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_NOT_FOUND;
	return (r = verify_ask(op)) == ERR_OK ? op_answer(op, &stands) : r;
}

/* Takes the number of chunks; a job looks whether all of them are in the
 * store. */
enum err
recording_finish(struct op *op)
{
	const struct recording_finish_in in = {
		.id = op->id,
		.chunks = in_int(op, "chunks", 0),
		.media_type = in_text(op, "media_type"),
		.duration_s = in_int(op, "duration_s", INT64_MIN),
		.now = op->now,
	};
	struct recording_stands stands = { op->id, "checking" };
	struct recording_row g;
	int64_t n;
	enum err r;

	if ((r = recording_find(op, &g,
		 "recording|stopped|checking|incomplete|stored")) != ERR_OK)
		return r;
	if (strcmp(g.state, "stored") == 0) {
		stands.state = g.state;
		if (in.chunks != g.total)
			return ERR_WRONG_STATUS;
	} else if ((r = sql_recording_finish(op->tx, &in, &n)) != ERR_OK ||
	    n != 1)
		return r != ERR_OK ? r : ERR_WRONG_STATUS;
	else if ((r = verify_ask(op)) != ERR_OK ||
	    (r = op_tell(op, TELL_RECORDING, &g.visit_id, "stopped")) != ERR_OK)
		return r;
	return op_answer(op, &stands);
}

/* Playback */

static enum err
chunk_play(struct op *op, const struct presign_signer *s,
    const struct recording_chunks_row *c, struct played_chunk *out)
{
	const struct store_ask ask = { .method = "GET", .object = c->object };

	out->index = c->index;
	out->bytes = c->bytes;
	out->sha256 = text_base64(op->arena, c->sha256.p, c->sha256.n);
	return store_url(op->arena, s, op->now, &ask, &out->url);
}

/* Only chunks that were seen in the store, whole. */
static enum err
chunks_play(struct op *op, struct playback *p)
{
	const struct recording_chunks_in in = { op->id, in_int(op, "from", 0),
		in_int(op, "count", RECORDING_CHUNKS_MAX) };
	struct recording_chunks_row *rows;
	struct presign_signer signer;
	struct played_chunk *played;
	size_t i, n;
	enum err r;

	if ((r = store_signer(op->tx, op->now, &signer)) != ERR_OK ||
	    (r = sql_recording_chunks(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	played = arena_calloc(op->arena, n + 1, sizeof(*played));
	p->chunks = (struct row_list){ played, 0, sizeof(*played) };
	for (i = 0; i < n && r == ERR_OK; i++) {
		if (rows[i].fault != NULL || rows[i].seen_at == INSTANT_NONE)
			continue;
		played->last = rows[i].index == p->recording.total - 1;
		r = chunk_play(op, &signer, &rows[i], played++);
		p->chunks.n++;
	}
	secret_wipe(&signer, sizeof(signer));
	return r;
}

/*= RC-04: the right is looked at, and written down, each time; a patient plays
 * what the clinic lets patients play */
enum err
recording_playback(struct op *op)
{
	const struct recording_secret_in in = { op->id };
	struct recording_secret_row kept;
	struct playback p;
	enum err r;

	if ((r = recording_find(op, &p.recording, "stored|incomplete")) !=
	    ERR_OK)
		return r;
	if (op->who.role == ROLE_PATIENT && !p.recording.patient_plays)
		return ERR_NOT_FOUND;
	if ((r = sql_recording_secret(op->tx, &in, &kept)) != ERR_OK ||
	    (r = recording_secret_read(op->arena, kept.secret, &p.secret)) !=
		ERR_OK)
		return r;
	r = chunks_play(op, &p);
	return r == ERR_OK ? op_answer(op, &p) : r;
}
