#include "gate/openapi.h"

#include "base/shape.h"
#include "gate/credential.h"
#include "gate/reply.h"
#include "gate/right.h"
#include "gate/role.h"
#include "gate/route.h"

#include <ctype.h>
#include <string.h>

static const char *const open_names[] = { "no session needed", "any session",
	"`totp_required`", "`password_expired`, `active`",
	"`totp_enrolment_required`, `active`", "`guest`, `active`",
	"`active`" };

static json_t *
parameter(const char *name, const char *in, int required, json_t *schema)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in,
	    "required", required, "schema", schema);
}

static void
path_parameters(const struct route *r, json_t *list)
{
	const char *p = r->path, *end;
	json_t *name;
	bool number;

	while ((p = strchr(p, '{')) != NULL) {
		end = strchr(p, '}');
		name = json_stringn(p + 1, (size_t)(end - p - 1));
		number = strcmp(json_string_value(name), "index") == 0 ||
		    strcmp(json_string_value(name), "seq") == 0;
		json_array_append_new(list,
		    parameter(json_string_value(name), "path", 1,
			number || strcmp(json_string_value(name), "token") == 0
			    ? json_pack("{s:s}", "type",
				  number ? "integer" : "string")
			    : json_pack("{s:s, s:s}", "type", "string",
				  "format", "uuid")));
		json_decref(name);
		p = end;
	}
}

/* What an operation takes; paging is the gate's part of it. */
static json_t *
input_schema(const struct route *r)
{
	json_t *o = shape_schema(r->in), *properties;

	if ((r->traits & TRAIT_LISTS) == 0)
		return o;
	properties = json_object_get(o, "properties");
	json_object_set_new(properties, "limit",
	    json_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 1,
		"maximum", 100, "default", 25));
	json_object_set_new(properties, "cursor",
	    r->method == METHOD_GET
		? json_pack("{s:s}", "type", "string")
		: json_pack("{s:[s, s]}", "type", "string", "null"));
	return o;
}

static void
query_parameters(const struct route *r, json_t *list)
{
	json_t *schema = input_schema(r), *value;
	const char *name;

	json_object_foreach (json_object_get(schema, "properties"), name, value)
		json_array_append_new(
		    list, parameter(name, "query", 0, json_incref(value)));
	json_decref(schema);
}

/*= SE-02: a page that asks by itself is no sign of life */
static json_t *
background(void)
{
	json_t *o = parameter("X-Background", "header", 0,
	    json_pack("{s:s, s:[s]}", "type", "string", "enum", "1"));

	json_object_set_new(o, "description",
	    json_string(
		"1: asked by a program on its own. The request does "
		"not put off the idle limit of the session, and reads of "
		"the same in an hour are recorded as one, with how "
		"often"));
	return o;
}

static json_t *
parameters(const struct route *r)
{
	json_t *list = json_array();

	path_parameters(r, list);
	if (r->method == METHOD_GET)
		query_parameters(r, list);
	if (r->open != OPEN_PUBLIC)
		json_array_append_new(list, background());
	if ((r->traits & TRAIT_CREATES) != 0)
		json_array_append_new(list,
		    parameter("Idempotency-Key", "header", 0,
			json_pack(
			    "{s:s, s:i}", "type", "string", "maxLength", 64)));
	if ((r->traits & TRAIT_PATCHES) != 0)
		json_array_append_new(list,
		    parameter("If-Match", "header", 1,
			json_pack("{s:s}", "type", "string")));
	return list;
}

/* What may be done with it, of the operations that it has. */
static json_t *
may_schema(const struct route *r)
{
	const struct resource of = right_resource(r);
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < routes_count; i++)
		if (right_concerns(&of, &routes[i]))
			json_array_append_new(
			    names, json_string(routes[i].operation));
	return json_pack("{s:s, s:s, s:{s:s, s:o}}", "type", "array",
	    "description",
	    "The operations that this session has a right to, and that are "
	    "possible in the present state",
	    "items", "type", "string", "enum", names);
}

static json_t *
resource_schema(const struct route *r)
{
	json_t *schema = shape_schema(r->out);

	if ((r->traits & TRAIT_MAY) == 0)
		return schema;
	json_object_set_new(
	    json_object_get(schema, "properties"), "may", may_schema(r));
	if (json_object_get(schema, "required") == NULL)
		json_object_set_new(schema, "required", json_array());
	json_array_append_new(
	    json_object_get(schema, "required"), json_string("may"));
	return schema;
}

static json_t *
list_schema(const struct route *r)
{
	return json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:[s, s]}}, s:[s, s], s:b}",
	    "type", "object", "properties", "items", "type", "array", "items",
	    resource_schema(r), "next_cursor", "type", "string", "null",
	    "required", "items", "next_cursor", "additionalProperties", 0);
}

static json_t *
header_ref(const char *name)
{
	return json_pack(
	    "{s:o}", "$ref", json_sprintf("#/components/headers/%s", name));
}

/* Whoever changes something needs its tag: of these the answers tell it. */
static bool
is_changed(const struct route *r)
{
	size_t i;

	for (i = 0; i < routes_count; i++)
		if ((routes[i].traits & TRAIT_PATCHES) != 0 &&
		    strcmp(routes[i].path, r->path) == 0)
			return true;
	return false;
}

static json_t *
success(const struct route *r)
{
	json_t *o = json_pack("{s:s, s:{s:o}}", "description", "Done.",
	    "headers", "X-Request-Id", header_ref("X-Request-Id"));
	json_t *schema;

	if ((r->traits & TRAIT_SOCKET) != 0)
		json_object_set_new(o, "description",
		    json_string("A WebSocket of " SOCKET_PROTOCOL "."));
	if (is_changed(r))
		json_object_set_new(
		    json_object_get(o, "headers"), "ETag", header_ref("ETag"));
	if ((r->traits & TRAIT_CSV) != 0)
		json_object_set_new(o, "content",
		    json_pack("{s:{s:{s:s}}}", "text/csv", "schema", "type",
			"string"));
	if ((r->traits & TRAIT_FHIR) != 0)
		json_object_set_new(o, "content",
		    json_pack("{s:{s:{s:s}}}", "application/fhir+json",
			"schema", "type", "object"));
	if ((r->traits & TRAIT_KEPT) != 0)
		json_object_set_new(o, "content",
		    json_pack("{s:{s:{s:s}}, s:{s:{s:s}}, s:{s:{s:s, s:s}}}",
			"text/csv", "schema", "type", "string",
			"application/json", "schema", "type", "object",
			"application/pdf", "schema", "type", "string", "format",
			"binary"));
	if ((r->traits & TRAIT_PDF) != 0)
		json_object_set_new(o, "content",
		    json_pack("{s:{s:{s:s, s:s}}}", "application/pdf", "schema",
			"type", "string", "format", "binary"));
	if ((r->traits & TRAIT_PLAIN) != 0)
		json_object_set_new(o, "content",
		    json_pack("{s:{s:{s:s}}}", "text/plain", "schema", "type",
			"string"));
	if (shape_empty(r->out))
		return o;
	schema = (r->traits & TRAIT_LISTS) != 0 ? list_schema(r)
						: resource_schema(r);
	json_object_set_new(o, "content",
	    json_pack("{s:{s:o}}", "application/json", "schema", schema));
	if ((r->traits & TRAIT_TABLE) != 0)
		json_object_set_new(json_object_get(o, "content"), "text/csv",
		    json_pack("{s:{s:s}}", "schema", "type", "string"));
	return o;
}

static void
refusal(json_t *o, const char *status, const char *name)
{
	json_object_set_new(o, status,
	    json_pack("{s:o}", "$ref",
		json_sprintf("#/components/responses/%s", name)));
}

/* What a client has to reckon with, by status; the code says the rest. */
static void
refusals(const struct route *r, json_t *o)
{
	refusal(o, "400", "Problem");
	refusal(o, "401", "Problem");
	refusal(o, "403", "Problem");
	refusal(o, "404", "Problem");
	if (r->method != METHOD_GET || (r->traits & TRAIT_STATE) != 0)
		refusal(o, "409", "Problem");
	if (strstr(r->path, "{token}") != NULL ||
	    strstr(r->path, "{seq}") != NULL ||
	    r->perm == PERM_approval_decide ||
	    (r->traits & (TRAIT_FHIR | TRAIT_KEPT)) != 0)
		refusal(o, "410", "Problem");
	if (r->method != METHOD_GET && !shape_empty(r->in))
		refusal(o, "415", "Problem");
	if ((r->traits & TRAIT_PATCHES) != 0) {
		refusal(o, "412", "Problem");
		refusal(o, "428", "Problem");
	}
	if ((r->traits & TRAIT_SOCKET) != 0)
		refusal(o, "426", "Problem");
	refusal(o, "422", "Problem");
	refusal(o, "429", "Later");
	refusal(o, "503", "Later");
	refusal(o, "default", "Problem");
}

static json_t *
responses(const struct route *r)
{
	const char *status = "200";
	json_t *o = json_object();

	if ((r->traits & TRAIT_SOCKET) != 0)
		status = "101";
	else if (shape_empty(r->out) &&
	    (r->traits &
		(TRAIT_CSV | TRAIT_FHIR | TRAIT_KEPT | TRAIT_PDF |
		    TRAIT_PLAIN)) == 0)
		status = "204";
	else if ((r->traits & TRAIT_CREATES) != 0)
		status = "201";
	else if ((r->traits & TRAIT_ASKS) != 0)
		status = "202";
	json_object_set_new(o, status, success(r));
	refusals(r, o);
	return o;
}

/* "/v1/patients/{id}/care-team" is of "patients". */
static json_t *
tag(const struct route *r)
{
	const char *name = r->path + strlen(surfaces[SURFACE_api].prefix);

	return json_stringn(name, strcspn(name, "/"));
}

/* What is written down of it says what it does: "visit.checked_in". */
static json_t *
summary(const struct route *r)
{
	char text[80], *p;

	snprintf(text, sizeof(text), "%s", event_stored(r->event));
	for (p = text; *p != '\0'; p++)
		if (*p == '.' || *p == '_')
			*p = ' ';
	text[0] = (char)toupper((unsigned char)text[0]);
	return json_string(text);
}

/* What the parameters alone do not say. */
static const struct {
	const char *operation, *text;
} remarks[] = {
	{ "visit_list",
	    " A visit is listed if it reaches into the time from `from` to "
	    "`to`, or goes on now and now lies between them. Without them, "
	    "all visits of one patient; else those from 31 days before now "
	    "to 400 days after." },
	{ "audit_export",
	    " Needs a fresh code (`POST /v1/session/step-up`). All events "
	    "that fit, newest first, as RFC 4180 with a line of names. Staff "
	    "are named, patients are ids. It is made while it is sent: one "
	    "that breaks off, or whose session ends, has no last chunk." },
	{ "care_team_list",
	    " `until` is null for who was added, and for who is there for a "
	    "visit the time at which that ends." },
};

static const char *
remark(const struct route *r)
{
	size_t i;

	for (i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++)
		if (strcmp(remarks[i].operation, r->operation) == 0)
			return remarks[i].text;
	return "";
}

static json_t *
operation(const struct route *r)
{
	const bool own = (r->traits & TRAIT_OWN) != 0;
	const char *broad = (r->traits & TRAIT_SEARCHES) == 0
	    ? ""
	    : " What would take too long is 503 `too_broad`: narrow it.";
	const bool fresh = (r->traits & TRAIT_FRESH) != 0;
	json_t *o = json_pack("{s:s, s:o, s:[o], s:o, s:s, s:s, s:s, s:o, s:o}",
	    "operationId", r->operation, "summary", summary(r), "tags", tag(r),
	    "description",
	    json_sprintf("Open in state: %s. %s as `%s`.%s%s%s",
		open_names[r->open],
		own ? "Of its answers only refusals are recorded," : "Recorded",
		event_stored(r->event), remark(r), broad,
		fresh ? " Needs a fresh code: else 403 `step_up_required`."
		      : ""),
	    "x-permission", perm_name(r->perm), "x-event",
	    event_stored(r->event), "x-recorded", own ? "refusals" : "all",
	    "parameters", parameters(r), "responses", responses(r));

	if (r->method != METHOD_GET && !shape_empty(r->in))
		json_object_set_new(o, "requestBody",
		    json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content",
			(r->traits & TRAIT_PATCHES) != 0
			    ? "application/merge-patch+json"
			    : "application/json",
			"schema", input_schema(r)));
	if (fresh)
		json_object_set_new(o, "x-fresh", json_true());
	if (r->open == OPEN_PUBLIC)
		json_object_set_new(o, "security", json_array());
	return o;
}

static const char *
method_key(enum method m)
{
	static const char *const keys[] = { "get", "head", "post", "put",
		"patch", "delete", "options", "trace" };

	return keys[m];
}

/* What is answered without session, right and audit row (edge/). */
static const struct {
	enum surface_id id;
	const char *operation, *summary;
} plain[] = {
	{ SURFACE_alive, "health", "The server is alive" },
	{ SURFACE_ready, "readiness",
	    "Database and keys are in reach, or 503" },
	{ SURFACE_metrics, "metrics", "Prometheus' text, to loopback alone" },
	{ SURFACE_description, "description", "This description" },
};

/* Without its parameters: "text/plain". */
static json_t *
media_type(const char *media)
{
	return json_stringn(media, strcspn(media, ";"));
}

static json_t *
plain_operation(size_t i)
{
	json_t *type = media_type(surfaces[plain[i].id].media);
	const char *media = json_string_value(type);
	json_t *answers,
	    *o = json_pack("{s:s, s:s, s:[s], s:[], s:{s:{s:s, s:{s:o},"
			   " s:{s:{s:{}}}}}}",
		"operationId", plain[i].operation, "summary", plain[i].summary,
		"tags", "operations", "security", "responses", "200",
		"description", "The answer.", "headers", "X-Request-Id",
		header_ref("X-Request-Id"), "content", media, "schema");

	json_decref(type);

	answers = json_object_get(o, "responses");
	/* "not ready" is an answer, no problem */
	if (plain[i].id == SURFACE_ready)
		json_object_set_new(answers, "503",
		    json_deep_copy(json_object_get(answers, "200")));
	if (plain[i].id == SURFACE_description)
		json_object_set_new(answers, "304",
		    json_pack("{s:s, s:{s:o, s:o}}", "description",
			"It is as it was.", "headers", "X-Request-Id",
			header_ref("X-Request-Id"), "ETag",
			header_ref("ETag")));
	refusal(answers, "405", "Problem");
	refusal(answers, "default", "Problem");
	return o;
}

static json_t *
paths(void)
{
	json_t *o = json_object(), *path;
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		json_object_set_new(o, surfaces[plain[i].id].prefix,
		    json_pack("{s:o}", "get", plain_operation(i)));

	for (i = 0; i < routes_count; i++) {
		if ((path = json_object_get(o, routes[i].path)) == NULL) {
			path = json_object();
			json_object_set_new(o, routes[i].path, path);
		}
		json_object_set_new(
		    path, method_key(routes[i].method), operation(&routes[i]));
	}
	return o;
}

static json_t *
codes(void)
{
	json_t *list = json_array();
	enum err e;

	for (e = ERR_OK + 1; e < ERR_COUNT; e++)
		json_array_append_new(list, json_string(err_code(e)));
	return list;
}

static json_t *
problem_schema(void)
{
	static const char *const members[] = { "type", "title", "code",
		"request_id", "field" };
	static const char *const numbers[] = { "status",
		"possible_duplicates" };
	json_t *properties = json_object();
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set_new(properties, members[i],
		    json_pack("{s:s}", "type", "string"));
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(properties, numbers[i],
		    json_pack("{s:s}", "type", "integer"));
	json_object_set_new(
	    json_object_get(properties, "code"), "enum", codes());
	return json_pack("{s:s, s:o, s:[s, s, s, s, s]}", "type", "object",
	    "properties", properties, "required", "type", "title", "status",
	    "code", "request_id");
}

static json_t *
header(const char *description, const char *type)
{
	return json_pack("{s:s, s:{s:s}}", "description", description, "schema",
	    "type", type);
}

static json_t *
headers(void)
{
	return json_pack("{s:o, s:o, s:o}", "X-Request-Id",
	    header("Also in the audit event of this request", "string"), "ETag",
	    header("For If-Match", "string"), "Retry-After",
	    header("Seconds", "integer"));
}

static json_t *
problem(const char *description, const char *more)
{
	json_t *o = json_pack("{s:s, s:{s:o}, s:{s:{s:{s:s}}}}", "description",
	    description, "headers", "X-Request-Id", header_ref("X-Request-Id"),
	    "content", "application/problem+json", "schema", "$ref",
	    "#/components/schemas/Problem");

	if (more != NULL)
		json_object_set_new(
		    json_object_get(o, "headers"), more, header_ref(more));
	return o;
}

static json_t *
components(void)
{
	return json_pack("{s:{s:o}, s:o, s:{s:o, s:o},"
			 " s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}",
	    "schemas", "Problem", problem_schema(), "headers", headers(),
	    "responses", "Problem",
	    problem("Refused or failed (RFC 9457).", NULL), "Later",
	    problem("Not now: wait, then try again.", "Retry-After"),
	    "securitySchemes", "token", "type", "http", "scheme", "bearer",
	    "cookie", "type", "apiKey", "in", "cookie", "name", COOKIE_NAME);
}

static json_t *
tags(void)
{
	json_t *list = json_array(), *known = json_object(), *name;
	size_t i;

	json_array_append_new(list, json_pack("{s:s}", "name", "operations"));
	for (i = 0; i < routes_count; i++) {
		name = tag(&routes[i]);
		if (json_object_get(known, json_string_value(name)) == NULL)
			json_array_append_new(
			    list, json_pack("{s:O}", "name", name));
		json_object_set_new(
		    known, json_string_value(name), json_true());
		json_decref(name);
	}
	json_decref(known);
	return list;
}

json_t *
openapi_document(void)
{
	return json_pack(
	    "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o,"
	    " s:[{s:[]}, {s:[]}], s:o, s:o}",
	    "openapi", "3.1.0", "info", "title", "Epione", "version", "1",
	    "description",
	    "Telehealth visits: accounts, patients, visits, signaling and "
	    "audit. Errors are application/problem+json with a stable code. "
	    "With the cookie, what changes state needs an Origin equal to our "
	    "own. The same Idempotency-Key with the same request replays the "
	    "first answer.",
	    "license", "name", "ISC", "identifier", "ISC", "servers", "url",
	    "/", "tags", tags(), "security", "token", "cookie", "paths",
	    paths(), "components", components());
}

enum err
openapi_reply(const char *if_none_match, struct reply *rp)
{
	static char *text, tag[REPLY_TAG_SIZE];
	struct bytes body;
	json_t *o;

	if (text == NULL) {
		o = openapi_document();
		text = json_dumps(o, JSON_COMPACT);
		json_decref(o);
		if (text == NULL)
			return ERR_INTERNAL;
	}
	body = (struct bytes){ (const uint8_t *)text, strlen(text) };
	if (tag[0] == '\0' && reply_tag_make(body, tag) != ERR_OK)
		return ERR_INTERNAL;
	reply_plain(rp, &surfaces[SURFACE_description], 200, body);
	reply_tag(rp, tag, if_none_match);
	return ERR_OK;
}

static const struct {
	const char *name, *patient, *clinician, *scheduler;
} record_members[] = {
#define MEMBER(                                                                \
    member, kind, from, to, flags, patient, clinician, scheduler, ...)         \
	{ #member, #patient, #clinician, #scheduler },
#include "tables/patient_members.def"
#undef MEMBER
};

static const char *
record_right(const char *right)
{
	static const char *const words[][2] = { { "NO", "–" },
		{ "SEE", "sees" }, { "SET", "sets" },
		{ "BOTH", "sees, sets" } };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], right) == 0)
			return words[i][1];
	return right;
}

/*= AZ-02: what of a record is for whom stands in one table */
/*= AZ-02: what one needs to know of a person to answer for accounts and log */
static void
names_print(FILE *f)
{
	fputs(
	    "\n## Where else a patient is named\n\n"
	    "Each of these leaves the patient in the event's `patient_id` or "
	    "`returned`, so that it\nstands on that patient's page \"Who "
	    "opened "
	    "your record\".\n\n"
	    "| where | who | what of the patient | why |\n"
	    "|---|---|---|---|\n"
	    "| `/v1/users`, `/v1/users/{id}…`, of a patient's account | admin "
	    "| name, sign-in address | to unlock it, and to reset or end it |\n"
	    "| `/v1/approvals…`, about a patient's account | scheduler, admin, "
	    "compliance | name, sign-in address | to confirm that it is theirs "
	    "|\n"
	    "| `/v1/audit`, `/v1/patients/{id}/accesses`, as `actor_name` | "
	    "compliance | name of a patient who acted | to answer for who did "
	    "what |\n"
	    "| `/v1/audit/people` | compliance | name, birth date, record "
	    "number "
	    "of who is found by name or asked for by id | to find what was "
	    "done to a record, and by whom |\n"
	    "| `/v1/visits…` | clinician, scheduler | name | to see and to "
	    "book them |\n"
	    "| `epionectl approval list` | the operator | name, sign-in "
	    "address "
	    "| to confirm where nobody else can |\n"
	    "\nIn `/v1/audit` patients on whose record something was done are "
	    "ids "
	    "alone, and so are all people\nin `epionectl audit list`.\n\n"
	    "## Events of nobody\n\n"
	    "Refusals of whom nobody knows (a sign-in name that is no "
	    "account's, a foreign origin, no session)\nbelong to the "
	    "installation. Where it has one clinic, its compliance officer "
	    "reads them:\n`GET /v1/audit?scope=nobody`. Where several share "
	    "it, "
	    "a stranger may have meant any of them: that is\n`409 "
	    "several_clinics`, and whoever runs the server reads them by "
	    "`epionectl audit list --nobody`.\n",
	    f);
}

static void
record_print(FILE *f)
{
	size_t i;

	fprintf(f,
	    "\n## What of a patient's record\n\nAdministrators and compliance "
	    "officers see none of it; where they\nmeet a patient's name all "
	    "the same stands below.\n\n"
	    "| member | patient | clinician | scheduler |\n"
	    "|---|---|---|---|\n");
	for (i = 0; i < sizeof(record_members) / sizeof(record_members[0]); i++)
		fprintf(f, "| `%s` | %s | %s | %s |\n", record_members[i].name,
		    record_right(record_members[i].patient),
		    record_right(record_members[i].clinician),
		    record_right(record_members[i].scheduler));
}

void
access_print(FILE *f)
{
	size_t i;
	enum role role;

	fprintf(f,
	    "# Who may do what\n\nGenerated from `src/tables/`; do not edit. "
	    "`self`: the actor's own record; `part`: a visit the\nactor takes "
	    "part in; `care`: patients on whose care team the actor is; "
	    "`emergency`: and those whose record they opened by emergency "
	    "access; "
	    "`clinic`: any of the clinic; `–`: never.\n\n"
	    "| call | open in state | permission | patient | clinician | "
	    "scheduler | admin | compliance | guest | audit event |\n"
	    "|---|---|---|---|---|---|---|---|---|---|\n");
	for (i = 0; i < routes_count; i++) {
		fprintf(f, "| `%s %s` | %s | %s |",
		    method_name(routes[i].method), routes[i].path,
		    open_names[routes[i].open], perm_name(routes[i].perm));
		for (role = ROLE_NONE + 1; role < ROLE_COUNT; role++)
			fprintf(f, " %s |",
			    perm_scope(routes[i].perm, role) == SCOPE_NONE
				? "–"
				: scope_name(perm_scope(routes[i].perm, role)));
		fprintf(f, " %s |\n", event_stored(routes[i].event));
	}
	record_print(f);
	names_print(f);
}
