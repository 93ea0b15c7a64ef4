/* Reports as files, as whoever asks for one sees them: asked for, looked at, taken. */
#include "care/operations.h"
#include "care/page.h"
#include "care/report_making.h"
#include "data/record_key.h"
#include "gate/job.h"
#include "gate/member.h"
#include "gate/route.h"

#include "base/instant.h"
#include "base/text.h"

#include <string.h>

#define KEPT_S	(7 * 86400)
#define FORMATS "csv|json|pdf"
#define STATES	"waiting|running|done|failed|expired"

static const struct {
	const char *name, *type;
	enum job_kind job;
} formats[] = {
	{ "csv", "text/csv; charset=utf-8; header=present", JOB_report_write },
	{ "json", "application/json; charset=utf-8", JOB_report_write },
	{ "pdf", "application/pdf", JOB_report_draw },
};
#define FORMATS_N (sizeof(formats) / sizeof(formats[0]))

static size_t
format_find(const char *name)
{
	size_t i = 0;

	while (i < FORMATS_N - 1 && strcmp(formats[i].name, name) != 0)
		i++;
	return i;
}

const struct shape report_run_create_in[] = {
	{ "report", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "parameters", SH_OBJECT, .flags = 0 },
	{ "format", SH_CHOICE, .flags = SH_REQUIRED, .choices = FORMATS },
	{ 0 },
};

static json_t *
parameters_shown(const struct op *op, const void *row)
{
	const struct report_run_row *run = row;

	(void)op;
	return json_loads(run->parameters, 0, NULL);
}

static json_t *
digest_shown(const struct op *op, const void *row)
{
	const struct report_run_row *run = row;

	return run->sha256.n == 0
	    ? json_null()
	    : json_string(text_hex(op->arena, run->sha256.p, run->sha256.n));
}

static const struct shape progress[] = {
	SHOWN(report_run_row, lines, SH_INT, 0, INT64_MAX),
	SHOWN(report_run_row, bytes, SH_INT, 0, INT64_MAX),
	{ 0 },
};

#define MEMBERS                                                                \
	SHOWN(report_run_row, id, SH_UUID),                                    \
	    SHOWN(report_run_row, report, SH_TEXT, 1, 40),                     \
	    { "parameters", SH_OBJECT, .flags = SH_REQUIRED,                   \
		    .made = parameters_shown },                                \
	    SHOWN(report_run_row, format, SH_CHOICE, .choices = FORMATS),      \
	    SHOWN(report_run_row, state, SH_CHOICE, .choices = STATES),        \
	    { "progress", SH_OBJECT, .flags = SH_REQUIRED,                     \
		    .inner = progress },                                       \
	    { "sha256", SH_TEXT, 64, 64, .flags = SH_REQUIRED | SH_NULLABLE,   \
		    .made = digest_shown },                                    \
	    SHOWN_OR_NULL(report_run_row, checkpoint, SH_LINES, 1, 4096),      \
	    SHOWN_OR_NULL(report_run_row, error, SH_TEXT, 1, 40),              \
	    SHOWN(report_run_row, created_at, SH_TIME),                        \
	    SHOWN(report_run_row, expires_at, SH_TIME)

const struct shape report_run_create_out[] = { MEMBERS, { 0 } };
const struct shape report_run_read_out[] = { MEMBERS, { 0 } };
const struct shape report_run_list_out[] = { MEMBERS, { 0 } };

/* Asking */

/* The parameters are the report's, as if its own route had taken them. */
static enum err
parameters_take(struct op *op, const struct report *rep, void *in)
{
	json_t *body = op->in, *given = json_object_get(body, "parameters");
	enum err r;

	op->in = given != NULL ? json_incref(given) : json_object();
	r = shape_check(
	    op->arena, report_takes(rep), op->in, false, &op->culprit);
	if (r == ERR_OK)
		r = report_parameters(op, rep, in);
	json_decref(op->in);
	op->in = body;
	if (r != ERR_OK && op->culprit != NULL)
		op->culprit = arena_format(
		    op->arena, "parameters.%s", op->culprit);
	return r;
}

/* What would be too long to draw is said before anybody waits for it. */
static enum err
length_check(struct op *op, const struct report *rep, char *in)
{
	bool more;
	enum err r;

	report_begin(op, rep, in);
	r = report_exceeds(op, rep, in, REPORT_PDF_LINES, &more);
	return r == ERR_OK && more
	    ? op_refuse(op, ERR_REPORT_TOO_LONG, "format")
	    : r;
}

static enum err
run_add(struct op *op, const struct report *rep, const char *in, size_t format,
    struct report_run_row *run)
{
	struct report_run_add_in add = {
		.id = run->id,
		.account_id = op->who.account,
		.format = run->format,
		.now = run->created_at,
		.expires_at = run->expires_at,
	};
	const struct job_new job = { .record = run->id };
	const struct record_key *key;
	enum err r;

	if ((r = report_note(op, rep, in, &add.asked_id, &run->parameters)) !=
		ERR_OK ||
	    (r = record_key_new(op->tx, KEY_CLASS_job, &run->id, &key, NULL)) !=
		ERR_OK ||
	    (r = job_add(op, formats[format].job, &job, &add.job_id)) !=
		ERR_OK ||
	    (r = sql_report_run_add(op->tx, &add)) != ERR_OK)
		return r;
	return op_answer(op, run);
}

enum err
report_run_create(struct op *op)
{
	const struct report *rep = report_find(in_text(op, "report"));
	const size_t format = format_find(in_text(op, "format"));
	struct report_run_row run = {
		.id = uuid_new(),
		.format = formats[format].name,
		.state = "waiting",
		.created_at = op->now,
		.expires_at = op->now + KEPT_S,
	};
	char *in;
	enum err r;

	if (rep == NULL || !report_is_open(rep, op->who.role))
		return op_refuse(op, ERR_INVALID_FIELD, "report");
	run.report = rep->name;
	in = arena_calloc(op->arena, 1, rep->in_size);
	if ((r = parameters_take(op, rep, in)) != ERR_OK)
		return r;
	if (formats[format].job == JOB_report_draw &&
	    (r = length_check(op, rep, in)) != ERR_OK)
		return r;
	return run_add(op, rep, in, format, &run);
}

/* Looking */

static enum err
run_find(struct op *op, struct report_run_row *run)
{
	const struct report_run_get_in in = { op->id };

	op->note.record = op->id;
	return sql_report_run_get(op->tx, &in, run);
}

enum err
report_run_read(struct op *op)
{
	struct report_run_row run;
	enum err r = run_find(op, &run);

	return r == ERR_OK ? op_answer(op, &run) : r;
}

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(report_run_row, id) },
	{ 0 },
};

enum err
report_run_list(struct op *op)
{
	const struct report_run_list_in in = { page_uuid(op, "before"),
		page_fetch(op) };
	struct report_run_row *rows;
	struct page page = { .size = sizeof(*rows), .cursor = cursor_members };
	enum err r = sql_report_run_list(op->tx, &in, &rows, &page.n);

	page.rows = rows;
	return r == ERR_OK ? page_show(op, &page) : r;
}

/* Taking */

struct taking {
	struct uuid run;
	int64_t index, parts;
};

static enum err
content_next(struct op *op, void *state, struct bytes *part)
{
	struct taking *t = state;
	struct report_part_get_in in;
	struct report_part_get_row row;
	enum err r;

	if (t->index == t->parts)
		return ERR_OK;
	if ((r = report_part_id(&t->run, t->index, &in.id)) != ERR_OK ||
	    (r = sql_report_part_get(op->tx, &in, &row)) != ERR_OK)
		return r;
	*part = row.content;
	t->index++;
	return ERR_OK;
}

static enum err
ready_check(const struct report_run_row *run)
{
	if (strcmp(run->state, "done") == 0)
		return ERR_OK;
	if (strcmp(run->state, "expired") == 0)
		return ERR_EXPORT_EXPIRED;
	return strcmp(run->state, "failed") == 0 ? ERR_WRONG_STATUS
						 : ERR_NOT_READY;
}

/* "access-2026-11-29.csv" */
static const char *
file_name(struct arena *a, const struct report_run_row *run)
{
	char at[INSTANT_TEXT_SIZE];

	instant_text(run->created_at, at);
	return arena_format(a, "%s-%.10s.%s", run->report, at, run->format);
}

/* Whose record it is about, where it is about one. */
static void
patient_note(struct op *op, const struct report_run_row *run)
{
	json_t *asked = json_loads(run->parameters, 0, NULL);
	const char *id = json_string_value(
	    json_object_get(asked, "patient_id"));

	if (id != NULL)
		(void)!uuid_parse(id, &op->note.patient);
	json_decref(asked);
}

/*= AZ-01, AZ-09, AU-12: by who asked for it alone, with a fresh code; each time is
 * an event that names what was taken */
enum err
report_run_content(struct op *op)
{
	struct taking *t = arena_calloc(op->arena, 1, sizeof(*t));
	struct report_run_row run;
	enum err r;

	if ((r = run_find(op, &run)) != ERR_OK ||
	    (r = ready_check(&run)) != ERR_OK)
		return r;
	op->note.record = report_digest_id(run.sha256.p);
	patient_note(op, &run);
	t->run = run.id;
	t->parts = run.parts;
	op->table = (struct table){
		.next = content_next,
		.state = t,
		.state_bytes = sizeof(*t),
		.file = file_name(op->arena, &run),
		.type = formats[format_find(run.format)].type,
		.digest = text_base64(op->arena, run.sha256.p, run.sha256.n),
	};
	return ERR_OK;
}
