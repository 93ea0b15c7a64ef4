/* How long a recording is kept: holds, and deletion before its time. Compliance
 * says so with a reason, and never sees what is in it. */
#include "base/instant.h"
#include "care/approval.h"
#include "care/invitation.h"
#include "care/operations.h"
#include "care/recording.h"

#include <string.h>

#define ASKED_S 86400 /* that a second person has to confirm */

#define REASON                                                                 \
	{                                                                      \
		"reason", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_PHI       \
	}

const struct shape recording_hold_in[] = { REASON, { 0 } };
const struct shape recording_release_in[] = { REASON, { 0 } };
const struct shape recording_delete_in[] = { REASON, { 0 } };
const struct shape recording_hold_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = RECORDING_STATES },
	{ "hold", SH_BOOL, .flags = SH_REQUIRED },
	{ 0 },
};
const struct shape recording_delete_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = "waiting" },
	{ "approval", SH_OBJECT, .flags = SH_REQUIRED,
	    .inner = approval_asked_members },
	{ 0 },
};

/*= AZ-09: a fresh factor, and the recording locked */
static enum err
keep_find(struct op *op, struct recording_row *g)
{
	const struct recording_lock_in in = { op->id };
	enum err r;

	op->note.record = op->id;
	if (op->who.step_up_until <= op->now)
		return ERR_STEP_UP_REQUIRED;
	if ((r = sql_recording_lock(op->tx, &in, g)) != ERR_OK)
		return r;
	return g->key != NULL ? ERR_OK : ERR_NOT_FOUND;
}

static enum err
hold_tell(struct op *op, const struct recording_row *g, bool held, int64_t n)
{
	if (n != 1)
		return ERR_WRONG_STATUS;
	op->out = json_pack("{s:o, s:s, s:b}", "id", uuid_json(&g->id), "state",
	    g->state, "hold", (int)held);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/*= RC-07 */
enum err
recording_hold(struct op *op)
{
	struct recording_row g;
	struct recording_hold_in in = { .id = op->id,
		.hold_by = op->who.account,
		.hold_reason = in_text(op, "reason"),
		.now = op->now };
	int64_t n;
	enum err r;

	if ((r = keep_find(op, &g)) != ERR_OK)
		return r;
	in.key = g.key;
	r = sql_recording_hold(op->tx, &in, &n);
	return r == ERR_OK ? hold_tell(op, &g, true, n) : r;
}

enum err
recording_release(struct op *op)
{
	struct recording_row g;
	struct recording_release_in in = { .id = op->id,
		.hold_reason = in_text(op, "reason") };
	int64_t n;
	enum err r;

	if ((r = keep_find(op, &g)) != ERR_OK)
		return r;
	in.key = g.key;
	r = sql_recording_release(op->tx, &in, &n);
	return r == ERR_OK ? hold_tell(op, &g, false, n) : r;
}

/*= AZ-05: nobody alone makes one disappear before its time */
static enum err
delete_ask(struct op *op, const struct recording_row *g)
{
	const struct approval_new ask = {
		.kind = "delete_recording",
		.account = g->clinician_id,
		.recording = g->id,
		.expires_at = op->now + ASKED_S,
	};
	struct uuid approval;
	int64_t deciders;
	enum err r;

	if ((r = approval_ask(op, &ask, &approval, &deciders)) != ERR_OK)
		return r;
	op->out = json_pack("{s:o, s:s, s:{s:o, s:I}}", "id", uuid_json(&g->id),
	    "state", "waiting", "approval", "id", uuid_json(&approval),
	    "deciders", (json_int_t)deciders);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

enum err
recording_delete(struct op *op)
{
	struct recording_row g;
	struct recording_delete_ask_in in = { .id = op->id,
		.delete_reason = in_text(op, "reason") };
	int64_t n;
	enum err r;

	if ((r = keep_find(op, &g)) != ERR_OK)
		return r;
	if (g.hold_at != INSTANT_NONE)
		return ERR_ON_HOLD;
	if (recording_is(&g, "consent|recording|deleting|deleted"))
		return ERR_WRONG_STATUS;
	in.key = g.key;
	if ((r = sql_recording_delete_ask(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? delete_ask(op, &g) : ERR_WRONG_STATUS;
}
