/* A checkpoint of each clinic's log leaves the house once a day: to the address that
 * the clinic names, into a folder, and into a store that keeps it locked. What lies outside nobody inside can change. */
#include "base/conf.h"
#include "base/crypto.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/offload.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/jobs.h"
#include "care/mail.h"
#include "care/store.h"
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY 10 /* of "2026-11-23T13:26:11Z" */

/* A file that is to be there, whole, or not at all. */
struct keeping {
	const char *path, *part, *text;
	int failed; /* errno */
};

static bool
wants_file(void)
{
	return *conf()->checkpoint_folder != '\0';
}

static bool
wants_object(void)
{
	return *conf()->checkpoint_bucket != '\0';
}

/* "2026-11-23-0190….txt" */
static const char *
name_of(struct op *op)
{
	char at[INSTANT_TEXT_SIZE], clinic[UUID_TEXT_SIZE];

	instant_text(op->now, at);
	uuid_text(&op->job->clinic, clinic);
	return arena_format(op->arena, "%.*s-%s.txt", DAY, at, clinic);
}

/* Of the installation: asks for each clinic's own. */
enum err
checkpoint_watch(struct op *op)
{
	const struct checkpoints_due_in in = { wants_file() || wants_object() };
	struct checkpoints_due_row row;

	return sql_checkpoints_due(op->tx, &in, &row);
}

/* A new file, never one that somebody put there: what its name points to is left
 * alone. What was left behind by a process that died goes first. */
static int
part_open(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return -1;
	return open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

/* 0, or errno: a disk that fills up takes less than all of it, which is no error
 * of write(2). */
static int
file_write(int fd, const char *text)
{
	const size_t n = strlen(text);
	const ssize_t taken = write(fd, text, n);

	if (taken >= 0 && (size_t)taken < n)
		return ENOSPC;
	return taken < 0 || fsync(fd) != 0 ? errno : 0;
}

/* On a thread: a disk may take its time. */
static void
file_keep(void *arg)
{
	struct keeping *k = arg;
	int fd = part_open(k->part);

	k->failed = fd < 0 ? errno : file_write(fd, k->text);
	if (fd >= 0 && close(fd) != 0 && k->failed == 0)
		k->failed = errno;
	if (k->failed == 0 && rename(k->part, k->path) != 0)
		k->failed = errno;
	if (k->failed != 0 && fd >= 0)
		(void)unlink(k->part);
}

static enum err
folder_keep(struct op *op, const char *note)
{
	struct keeping k = { .text = note };
	enum err r;

	k.path = arena_format(
	    op->arena, "%s/%s", conf()->checkpoint_folder, name_of(op));
	k.part = arena_format(op->arena, "%s.part", k.path);
	if ((r = op_release(op)) != ERR_OK || /* no connection meanwhile */
	    (r = offload(file_keep, &k, op->deadline_ms)) != ERR_OK)
		return r;
	if (k.failed == 0)
		return ERR_OK;
	log_error("checkpoint_not_kept", LOG_NUM("errno", k.failed));
	return ERR_INTERNAL;
}

#define HEADERS 4

static enum err
object_ask(struct op *op, const char *note, struct presign_pair *headers,
    struct store_ask *ask)
{
	uint8_t sha256[32];
	enum err r;

	*ask = (struct store_ask){
		.method = "PUT",
		.object = name_of(op),
		.bucket = conf()->checkpoint_bucket,
		.body = { (const uint8_t *)note, strlen(note) },
		.headers = headers,
	};
	if ((r = crypto_sha256(ask->body, sha256)) != ERR_OK)
		return r;
	headers[0] = (struct presign_pair){ "content-type", "text/plain" };
	headers[1] = (struct presign_pair){ "x-amz-checksum-sha256",
		text_base64(op->arena, sha256, sizeof(sha256)) };
	ask->headers_n = 2 +
	    store_lock_headers(op->arena, conf()->checkpoint_lock,
		conf()->checkpoint_lock_days, op->now, headers + 2);
	return ERR_OK;
}

/* A day that is tried again is a version more: what is locked is not replaced. */
static enum err
object_keep(struct op *op, const char *note)
{
	struct presign_pair headers[HEADERS];
	struct store_answer answer = { .status = 0 };
	struct presign_signer signer;
	struct store_ask ask;
	enum err r;

	if ((r = store_signer(op->tx, op->now, &signer)) == ERR_OK &&
	    (r = object_ask(op, note, headers, &ask)) == ERR_OK &&
	    (r = op_release(op)) == ERR_OK) /* no connection meanwhile */
		r = store_do(
		    op->arena, &signer, instant_now(), &ask, 65536, &answer);
	secret_wipe(&signer, sizeof(signer));
	if (r != ERR_OK || answer.status == 200)
		return r;
	log_error("checkpoint_not_stored", LOG_NUM("status", answer.status));
	return ERR_STORE_FAILED;
}

/*= AU-04: kept where nobody who writes into the log can */
enum err
checkpoint_send(struct op *op)
{
	struct checkpoint_read_row row;
	enum err r;

	if ((r = sql_checkpoint_read(op->tx, &row)) != ERR_OK ||
	    row.note == NULL) /* nothing is sealed yet */
		return r;
	if ((wants_file() && (r = folder_keep(op, row.note)) != ERR_OK) ||
	    (wants_object() && (r = object_keep(op, row.note)) != ERR_OK))
		return r;
	return row.address != NULL && mail_configured()
	    ? mail_carry(op, MAIL_checkpoint, row.address, NULL, row.note)
	    : ERR_OK;
}
