/* How long a recording is kept: holds, and deletion before its time. An officer
 * decides, with a reason, and never sees what is in it. */
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
struct kept {
	struct uuid id;
	const char *state;
	bool hold;
};
const struct shape recording_hold_out[] = {
	SHOWN(kept, id, SH_UUID),
	SHOWN(kept, state, SH_CHOICE, .choices = RECORDING_STATES),
	SHOWN(kept, hold, SH_BOOL),
	{ 0 },
};

static json_t *
asked_id(const struct op *op, const void *invited)
{
	(void)invited;
	return uuid_json(&op->id);
}

static json_t *
asked_state(const struct op *op, const void *invited)
{
	(void)op;
	(void)invited;
	return text_json("waiting");
}

const struct shape recording_delete_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED, .made = asked_id },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = "waiting",
	    .made = asked_state },
	{ "approval", SH_OBJECT, .flags = SH_REQUIRED,
	    .inner = approval_asked_members },
	{ 0 },
};

static enum err
keep_find(struct op *op, struct recording_row *g)
{
	const struct recording_lock_in in = { op->id };
	enum err r;

	op->note.record = op->id;
	if ((r = sql_recording_lock(op->tx, &in, g)) != ERR_OK)
		return r;
	return g->key != NULL ? ERR_OK : ERR_NOT_FOUND;
}

static enum err
hold_tell(struct op *op, const struct recording_row *g, bool held, int64_t n)
{
	const struct kept kept = { g->id, g->state, held };

	return n == 1 ? op_answer(op, &kept) : ERR_WRONG_STATUS;
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
	struct invited asked = { 0 };
	enum err r;

	r = approval_ask(op, &ask, &asked.approval, &asked.deciders);
	return r == ERR_OK ? op_answer(op, &asked) : r;
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
