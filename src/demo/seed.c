/*
 * The demo clinic. It is made the way a clinic's people would make it: every
 * step passes through the gate, so it is checked, sealed and audited like any
 * other. All people and addresses are invented.
 */
#include "base/arena.h"
#include "base/factor.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "demo/seed.h"
#include "gate/dispatch.h"
#include "gate/route.h"

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEOPLE_DOMAIN "demo.example"

/* A client of the API inside of this process. */
struct client {
	struct arena *arena;
	const char *token;
	int status;
};

struct account_plan {
	const char *role, *name, *login;
};

struct patient_plan {
	const char *family, *given, *born, *sex, *phone, *line1;
};

static const struct account_plan staff[] = {
	{ "clinician", "Dr. Maya Okafor", "clinician" },
	{ "clinician", "Dr. Jonas Lindqvist", "clinician2" },
	{ "scheduler", "Priya Nair", "scheduler" },
};

static const struct patient_plan patients[] = {
	{ "Rivera-Santos", "Elena", "1984-03-09", "female", "+1 555 010 2001",
	    "12 Harbor Lane" },
	{ "Whitfield", "Samuel", "1957-11-21", "male", "+1 555 010 2002",
	    "4 Mill Road" },
	{ "Nguyễn", "Linh", "1996-07-02", "female", "+1 555 010 2003",
	    "88 Cedar Street" },
	{ "O'Connell", "Fiona", "2001-01-30", "female", "+1 555 010 2004",
	    "3 Elm Court" },
	{ "Dubois", "Marcel", "1971-05-16", "male", "+1 555 010 2005",
	    "27 Station Road" },
	{ "Adeyemi", "Tunde", "1989-09-12", "male", "+1 555 010 2006",
	    "61 Orchard Way" },
};

static const char *const reasons[] = { "Follow-up: blood pressure",
	"New patient: knee pain", "Results of the blood test",
	"Cough that does not go away", "Renewal of a prescription",
	"Questions about sleep" };

static int64_t
today_at(int64_t now, int minutes_from_now)
{
	return now - now % 300 + (int64_t)minutes_from_now * 60;
}

/* One call; the answer's JSON (new reference) or NULL. */
static json_t *
call(struct client *c, enum method method, const char *path, json_t *body)
{
	struct request rq = {
		.method = method,
		.path = path,
		.content_type = "application/json",
		.address = "127.0.0.1",
		.id = uuid_random(),
		.if_match = method == METHOD_PATCH ? "\"1\"" : NULL,
		.arrived = instant_now(),
		.started_ms = instant_monotonic(),
	};
	struct reply rp;
	json_t *answer = NULL;
	const char *query = strchr(path, '?');
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

	if (query != NULL) {
		rq.path = arena_text_n(c->arena, path, (size_t)(query - path));
		rq.query = query + 1;
	}
	if (text != NULL)
		rq.body = (struct bytes){ (uint8_t *)text, strlen(text) };
	if (c->token != NULL)
		rq.authorization = arena_format(
		    c->arena, "Bearer %s", c->token);
	dispatch(c->arena, &rq, &rp);
	c->status = rp.status;
	if (rp.body.n > 0)
		answer = json_loadb(
		    (const char *)rp.body.p, rp.body.n, 0, NULL);
	if (rp.status >= 300)
		fprintf(stderr, "demo: %s %s: %d %s\n", method_name(method),
		    rq.path, rp.status,
		    json_string_value(json_object_get(answer, "code")));
	if (json_object_get(answer, "token") != NULL)
		c->token = arena_text(c->arena,
		    json_string_value(json_object_get(answer, "token")));
	free(text);
	json_decref(body);
	return answer;
}

static json_t *
post(struct client *c, const char *path, json_t *body)
{
	return call(c, METHOD_POST, path, body);
}

static char *
code_at(struct arena *a, const char *secret, int64_t now)
{
	char *seed = NULL, code[7] = "";
	size_t n = 0;

	if (oath_base32_decode(secret, strlen(secret), &seed, &n) != OATH_OK)
		return NULL;
	if (oath_totp_generate(
		seed, n, (time_t)now, FACTOR_STEP_S, 0, 6, code) != OATH_OK)
		code[0] = '\0';
	secret_wipe(seed, n);
	free(seed);
	return arena_text(a, code);
}

char *
demo_code(struct arena *a, const char *secret)
{
	return code_at(a, secret, instant_now());
}

static const char *
random_password(struct arena *a)
{
	uint8_t raw[12];

	secret_random(raw, sizeof(raw));
	return text_base64url(a, raw, sizeof(raw));
}

/* The one who confirms for the others, and the demo's people so far. */
struct party {
	struct client second;
	json_t *people;
};

static const char *
text_member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* The account's id, by its own session. */
static json_t *
own_id(struct client *c)
{
	json_t *session = call(c, METHOD_GET, "/v1/session", NULL),
	       *id = json_incref(
		   json_object_get(json_object_get(session, "user"), "id"));

	json_decref(session);
	return id;
}

/* Makes of a single-use link, and its phrase if it needs one, an account with
 * password and authenticator. */
static json_t *
person_make(struct arena *a, const char *link, const char *phrase,
    const char *role, const char *name, const char *email)
{
	const char *token = strrchr(link, '#'), *password = random_password(a),
		   *secret;
	struct client c = { a, NULL, 0 };
	json_t *totp, *codes, *person = NULL;

	token = token == NULL ? link : token + 1;
	json_decref(
	    post(&c, arena_format(a, "/v1/invitations/%s/accept", token),
		json_pack("{s:s, s:s, s:s*}", "password", password, "client",
		    "api", "phrase", phrase)));
	if (c.status >= 300)
		return NULL;
	totp = post(&c, "/v1/account/totp", NULL);
	secret = text_member(totp, "secret");
	if (secret == NULL)
		return NULL;
	codes = post(&c, "/v1/account/totp/confirm",
	    json_pack("{s:s}", "code", demo_code(a, secret)));
	if (c.status < 300)
		person = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:O}",
		    "id", own_id(&c), "role", role, "name", name, "email",
		    email, "password", password, "totp_secret", secret, "token",
		    c.token, "recovery_codes",
		    json_object_get(codes, "recovery_codes"));
	json_decref(totp);
	json_decref(codes);
	return person;
}

/* The second person confirms, and passes the phrase on: what an invitation's
 * answer leads to. */
static json_t *
invited_make(struct party *p, const json_t *answer, const char *role,
    const char *name, const char *email)
{
	struct arena *a = p->second.arena;
	const char *approval = text_member(
		       json_object_get(answer, "approval"), "id"),
		   *link = text_member(answer, "invitation_url");
	json_t *confirmed, *person = NULL;

	if (approval == NULL || link == NULL)
		return NULL;
	confirmed = post(&p->second,
	    arena_format(a, "/v1/approvals/%s/confirm", approval), NULL);
	if (p->second.status < 300)
		person = person_make(a, link, text_member(confirmed, "phrase"),
		    role, name, email);
	json_decref(confirmed);
	return person;
}

static bool
staff_make(struct client *admin, struct party *party)
{
	const struct account_plan *p;
	const char *email;
	json_t *answer, *person;

	for (p = staff; p < staff + sizeof(staff) / sizeof(staff[0]); p++) {
		email = arena_format(
		    admin->arena, "%s@" PEOPLE_DOMAIN, p->login);
		answer = post(admin, "/v1/users",
		    json_pack("{s:s, s:s, s:s}", "email", email, "display_name",
			p->name, "role", p->role));
		person = invited_make(party, answer, p->role, p->name, email);
		json_decref(answer);
		if (person == NULL)
			return false;
		json_array_append_new(party->people, person);
	}
	return true;
}

static char *
patient_email(struct arena *a, int n)
{
	return n == 0 ? arena_text(a, "patient@" PEOPLE_DOMAIN)
		      : arena_format(a, "patient%d@" PEOPLE_DOMAIN, n + 1);
}

static json_t *
patient_body(struct arena *a, const struct patient_plan *p, int n)
{
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, "
	    "s:s}",
	    "family_name", p->family, "given_name", p->given, "birth_date",
	    p->born, "sex", p->sex, "mrn",
	    arena_format(a, "MRN-%05d", 1001 + n), "phone", p->phone, "email",
	    patient_email(a, n), "address", "line1", p->line1, "city",
	    "Springfield", "state", "IL", "postal_code", "62701", "country",
	    "US", "language", "en");
}

/* The first two patients get an account of their own. */
static bool
patient_account_make(struct client *scheduler, struct party *party,
    const char *id, const struct patient_plan *p, int n)
{
	struct arena *a = scheduler->arena;
	json_t *answer, *person;

	answer = post(
	    scheduler, arena_format(a, "/v1/patients/%s/account", id), NULL);
	person = invited_make(party, answer, "patient",
	    arena_format(a, "%s %s", p->given, p->family), patient_email(a, n));
	json_decref(answer);
	if (person == NULL)
		return false;
	json_object_set_new(person, "patient_id", json_string(id));
	json_array_append_new(party->people, person);
	return true;
}

static bool
patients_make(struct client *scheduler, struct party *party, json_t *ids)
{
	const int count = (int)(sizeof(patients) / sizeof(patients[0]));
	json_t *answer;
	const char *id;
	int n;

	for (n = 0; n < count; n++) {
		answer = post(scheduler, "/v1/patients",
		    patient_body(scheduler->arena, &patients[n], n));
		if (scheduler->status >= 300)
			return false;
		id = arena_text(scheduler->arena, text_member(answer, "id"));
		json_array_append_new(ids, json_string(id));
		json_decref(answer);
		if (n < 2 &&
		    !patient_account_make(
			scheduler, party, id, &patients[n], n))
			return false;
	}
	return true;
}

/* So that there is something to pay, where the demo has who takes money. */
static bool
fees_make(struct client *admin)
{
	json_decref(call(admin, METHOD_PATCH, "/v1/clinic/fees",
	    json_pack("{s:s, s:[{s:s, s:s, s:i, s:s}, {s:s, s:s, s:i, s:s}]}",
		"pay_when", "before", "items", "code", "video", "title",
		"Video visit", "amount_minor", 4500, "currency", "USD", "code",
		"long", "title", "Long video visit", "amount_minor", 9000,
		"currency", "USD")));
	return admin->status < 300;
}

/* What a visit costs: the first fee of the clinic, if it has any. */
static char *
fee_code(struct client *c)
{
	json_t *fees = call(c, METHOD_GET, "/v1/clinic/fees", NULL);
	char *code = arena_text(c->arena,
	    text_member(
		json_array_get(json_object_get(fees, "items"), 0), "code"));

	json_decref(fees);
	return code;
}

/* Visits of today: the first begins in ten minutes, then one each half hour,
 * with the two clinicians in turn. */
static bool
visits_make(struct client *scheduler, json_t *ids, const char *clinicians[2],
    int64_t *until)
{
	int64_t now = instant_now();
	const char *fee = fee_code(scheduler);
	char when[INSTANT_TEXT_SIZE];
	json_t *id;
	size_t n;

	json_array_foreach (ids, n, id) {
		*until = today_at(now, 10 + 30 * (int)n);
		instant_text(*until, when);
		json_decref(post(scheduler, "/v1/visits",
		    json_pack("{s:O, s:s, s:s, s:i, s:s, s:s*}", "patient_id",
			id, "clinician_id", clinicians[n % 2], "starts_at",
			when, "duration_minutes", 30, "reason", reasons[n],
			"fee_code", fee)));
		if (scheduler->status >= 300)
			return false;
	}
	return true;
}

static const char *
person_member(json_t *people, const char *role, size_t nth, const char *name)
{
	json_t *person;
	size_t i;

	json_array_foreach (people, i, person) {
		if (strcmp(json_string_value(json_object_get(person, "role")),
			role) == 0 &&
		    nth-- == 0)
			return json_string_value(json_object_get(person, name));
	}
	return NULL;
}

/* A code of the next step, which counts within the window: that of this one was
 * used a moment ago. */
static bool
code_next(struct client *c, const char *path, const char *secret)
{
	json_decref(post(c, path,
	    json_pack("{s:s}", "code",
		code_at(c->arena, secret, instant_now() + FACTOR_STEP_S))));
	return c->status < 300;
}

static bool
code_enter(struct client *c, const char *path, const char *secret)
{
	json_decref(post(
	    c, path, json_pack("{s:s}", "code", demo_code(c->arena, secret))));
	return c->status < 300 || code_next(c, path, secret);
}

/* The two whom the operator lets in: they can let in the others. */
static bool
first_make(struct arena *a, const char *admin_link, const char *officer_link,
    struct party *party)
{
	json_t *admin, *officer;

	admin = person_make(
	    a, admin_link, NULL, "admin", "Ada Keller", "admin@" PEOPLE_DOMAIN);
	if (admin == NULL)
		return false;
	json_array_append_new(party->people, admin);
	officer = person_make(a, officer_link, NULL, "compliance",
	    "Tom Achterberg", "compliance@" PEOPLE_DOMAIN);
	if (officer == NULL)
		return false;
	json_array_append_new(party->people, officer);
	party->second.token = text_member(officer, "token");
	return code_next(&party->second, "/v1/session/step-up",
	    text_member(officer, "totp_secret"));
}

json_t *
demo_make(struct arena *a, const char *admin_link, const char *officer_link,
    bool fees)
{
	struct party party = { { a, NULL, 0 }, json_array() };
	json_t *ids = json_array();
	struct client admin = { a, NULL, 0 }, scheduler = { a, NULL, 0 };
	const char *clinicians[2];
	int64_t until = 0;
	bool made = false;

	if (!first_make(a, admin_link, officer_link, &party))
		goto out;
	admin.token = person_member(party.people, "admin", 0, "token");
	if ((fees && !fees_make(&admin)) || !staff_make(&admin, &party))
		goto out;
	scheduler.token = person_member(party.people, "scheduler", 0, "token");
	clinicians[0] = person_member(party.people, "clinician", 0, "id");
	clinicians[1] = person_member(party.people, "clinician", 1, "id");
	made = patients_make(&scheduler, &party, ids) &&
	    visits_make(&scheduler, ids, clinicians, &until);
out:
	if (!made) {
		json_decref(party.people);
		json_decref(ids);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:I}", "people", party.people, "patients",
	    ids, "visits_until", (json_int_t)until);
}

static bool
scheduler_sign_in(struct client *c, json_t *people)
{
	json_decref(post(c, "/v1/session",
	    json_pack("{s:s, s:s, s:s}", "email",
		person_member(people, "scheduler", 0, "email"), "password",
		person_member(people, "scheduler", 0, "password"), "client",
		"api")));
	return c->status < 300 &&
	    code_enter(c, "/v1/session/totp",
		person_member(people, "scheduler", 0, "totp_secret"));
}

/* A demo that was made on another day gets visits for this one. */
bool
demo_refresh(struct arena *a, json_t *demo)
{
	json_t *people = json_object_get(demo, "people");
	struct client c = { a, NULL, 0 };
	const char *clinicians[2] = {
		person_member(people, "clinician", 0, "id"),
		person_member(people, "clinician", 1, "id"),
	};
	int64_t until;

	until = json_integer_value(json_object_get(demo, "visits_until"));
	if (instant_now() < until)
		return true;
	if (!scheduler_sign_in(&c, people) ||
	    !visits_make(
		&c, json_object_get(demo, "patients"), clinicians, &until))
		return false;
	json_object_set_new(demo, "visits_until", json_integer(until));
	return true;
}
