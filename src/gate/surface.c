#include "gate/surface.h"

#include "gate/rate.h"

#include <string.h>

/*= TR-22: RFC 9457, a stable code, nothing of our insides */
static json_t *
errors_problem(struct op *op, enum err e)
{
	char id[UUID_TEXT_SIZE];
	const char *field = op->culprit == NULL ? err_field(e) : op->culprit;
	json_t *o;

	uuid_text(&op->rq->id, id);
	o = json_pack("{s:o, s:s, s:i, s:s, s:s}", "type",
	    json_sprintf("urn:epione:problem:%s", err_code(e)), "title",
	    err_title(e), "status", err_status(e), "code", err_code(e),
	    "request_id", id);
	if (field != NULL)
		json_object_set_new(o, "field", json_string(field));
	if (op->more != NULL)
		json_object_update_missing(o, op->more);
	return o;
}

static json_t *
list_items(json_t *items, json_t *next_cursor)
{
	return json_pack(
	    "{s:o, s:o}", "items", items, "next_cursor", next_cursor);
}

static const char *
tag_strong(struct arena *a, int64_t version)
{
	return arena_format(a, "\"%lld\"", (long long)version);
}

#define list_none NULL
#define tag_none  NULL

const struct surface surfaces[] = {
#define SURFACE(                                                               \
    name, prefix, who, rate, policy, kept, media, errors, type, list, tag)     \
	{ prefix, ASKER_##who, rate_##rate, POLICY_##policy, kept, media,      \
		errors_##errors, type, list_##list, tag_##tag },
#include "tables/surfaces.def"
#undef SURFACE
};

static bool
fits(const struct surface *s, const char *path)
{
	const size_t n = strlen(s->prefix);

	return s->prefix[n - 1] == '/' ? strncmp(path, s->prefix, n) == 0
				       : strcmp(path, s->prefix) == 0;
}

const struct surface *
surface_of(const struct request *rq)
{
	const struct surface *s;

	for (s = surfaces; s < surfaces + SURFACE_COUNT; s++)
		if (fits(s, rq->path) && (s->who != ASKER_LOCAL || rq->local))
			return s;
	return &surfaces[SURFACE_api];
}

enum surface_id
surface_id(const struct surface *s)
{
	return (enum surface_id)(s - surfaces);
}
