#ifndef GATE_OP_H
#define GATE_OP_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/uuid.h"
#include "data/tx.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The shapes that pass through the gate: a request, the operation it becomes,
 * and the reply. All memory is the arena's unless said otherwise. */

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER
};

/* What a client sent, copied out of the server: it outlives the connection. */
struct request {
	enum method method;
	const char *path;  /* raw, without query */
	const char *query; /* without '?', or NULL */
	struct bytes body;
	const char *content_type; /* these are NULL when absent */
	const char *origin;
	const char *host;
	const char *cookie;
	const char *authorization;
	const char *if_match;
	const char *idempotency_key;
	const char *stripe_signature;
	const char *user_agent;
	const char *websocket_protocol; /* Sec-WebSocket-Protocol */
	bool upgrade;			/* Upgrade: websocket */
	bool upgrade_sound;		/* and a 101 can follow */
	bool background;    /* a page's own doing: no sign of life (SE-02) */
	bool wants_page;    /* Accept names text/html: a person looks */
	bool wants_csv;	    /* Accept names text/csv: a spreadsheet */
	char address[46];   /* the client's, as text */
	bool local;	    /* asked on this machine, through no proxy */
	bool proxied;	    /* the connection is a proxy's, and for many */
	struct uuid id;	    /* X-Request-Id of the reply */
	int64_t arrived;    /* s */
	int64_t started_ms; /* monotonic */
};

enum role {
	ROLE_NONE,
#define ROLE(name, stored, title, kind, purpose) ROLE_##name,
#include "tables/roles.def"
#undef ROLE
	ROLE_COUNT
};
enum session_state {
	STATE_NONE,
	STATE_TOTP_REQUIRED,
	STATE_TOTP_ENROLMENT_REQUIRED,
	STATE_PASSWORD_EXPIRED,
	STATE_ACTIVE,
	STATE_GUEST /* came by a link, to one visit */
};
enum scope {
	SCOPE_NONE,
	SCOPE_SELF,
	SCOPE_PART,
	SCOPE_CARE,
	SCOPE_URGENT,
	SCOPE_CLINIC
};

/* As what a guest comes to a visit. */
enum guest_role {
	GUEST_NONE, /* no guest: the account's own role counts */
#define GUEST_ROLE(name, stored, asks) GUEST_##name,
#include "tables/guest_roles.def"
#undef GUEST_ROLE
	GUEST_ROLE_COUNT
};

const char *role_name(enum role);   /* "patient", … */
enum role role_parse(const char *); /* ROLE_NONE if unknown */
const char *session_state_name(enum session_state);
enum session_state session_state_parse(const char *);

struct actor {
	struct uuid clinic, session, account;
	struct uuid patient; /* of a patient's account, else nil */
	enum role role;
	enum session_state state;
	bool browser;
	int64_t idle_expires_at, expires_at;
	/* INSTANT_NONE for none */
	int64_t password_expires_at, step_up_until, rebind_until;
};

/* How the actor stands to the record that the path names. */
struct standing {
	bool self;	/* it is the actor's own */
	bool part;	/* the actor takes part in the visit */
	bool care;	/* the actor is on the patient's care team */
	bool emergency; /* not so, and has emergency access to the record */
};

/* What the audit row says beyond actor and request. The gate fills it from
 * the route; an operation adds what only it knows. */
struct audit_note {
	struct uuid clinic,
	    actor; /* when the session does not tell (sign-in) */
	enum role role;
	struct uuid patient, record;
	bool emergency; /* the purpose is HL7's BTG, not the role's */
	struct uuid *returned;
	size_t returned_n;
};

/* What is spoken over it. */
#define SOCKET_PROTOCOL "epione.signal.v1"

/* Both names of a person and a space between: code points, and as UTF-8. */
#define NAME_WHOLE_MAX	 201
#define NAME_WHOLE_BYTES (4 * NAME_WHOLE_MAX + 1)

/* Ends in a WebSocket: who joins which visit (care/visit.c fills it, the
 * edge takes it after the commit). */
struct participant {
	struct uuid clinic, visit, account, session, patient;
	char address[46]; /* of the client, for what it asks for later */
	enum role role;
	enum guest_role guest;
	/* clinician, or the visit is in_call; a guest was let in */
	bool admitted;
	bool records;	    /* their clinic may record calls */
	bool recorded;	    /* a recording goes on, or is asked for */
	int64_t starts_at;  /* s: of the visit; 0 when not known */
	int64_t ahead;	    /* who wait for the same clinician before */
	int64_t free_at;    /* s: when the clinician may be free of them */
	int64_t open_until; /* s: when the visit's window closes */
	char display_name[NAME_WHOLE_BYTES];
};

struct route;
struct job;
struct op;

/*
 * An answer that is made while it is sent, for a route with the trait CSV, FHIR
 * or KEPT. The operation sets next and state; the gate asks for the first part at once, in
 * the operation's own transaction, and for each of the others when the one
 * before has gone, in one of its own, so that none lasts as long as the
 * download. A part without bytes is the end. What next takes from op->arena is
 * gone with the part; state has to be from the operation's, and is put back when
 * the database had no time for the part and it is asked for once more.
 */
struct table {
	enum err (*next)(struct op *, void *state, struct bytes *part);
	void *state;
	size_t state_bytes;
	const char *file;   /* its name on the client's disk */
	const char *type;   /* KEPT: its media type */
	const char *digest; /* KEPT: SHA-256, base64 (RFC 9530) */
};

struct op {
	const struct route *route;
	struct job *job; /* the system acts, not a request (gate/job.h) */
	const struct request *rq;
	struct arena *arena;
	struct tx *tx;
	struct tx_call *record; /* RECORD: sent with the session's question */
	int64_t now;		/* s, read once */
	int64_t deadline_ms;	/* monotonic: the route's own */
	struct actor who;
	struct bytes device; /* SHA-256 of the browser's token; or NULL */
	enum scope scope;    /* what the permission grants this actor */
	struct standing standing;
	struct uuid id;	     /* the path's {id} */
	struct uuid user_id; /* the path's second id, {user_id} … */
	int64_t index;	     /* the path's {index} */
	int64_t seq;	     /* the path's {seq} */
	const char *token;   /* the path's {token} */
	struct uuid patient; /* the subject's patient, nil if none */
	json_t *in;	     /* body or query, checked against the shape */
	int64_t limit;	     /* LISTS */
	json_t *cursor;	     /* LISTS: the cursor that came, opened; or NULL */
	int64_t if_match;    /* PATCHES: the version the client saw */

	json_t *out;	       /* the reply's body; NULL for none */
	int status;	       /* 0: 200, 201 with CREATES, 204 without body */
	int64_t version;       /* > 0: ETag */
	const char *culprit;   /* field to blame */
	json_t *more;	       /* further members of a problem; NULL */
	int64_t retry_after_s; /* with ERR_TOO_MANY, ERR_BUSY; 0: 1 s */
	bool over_rate;	       /* refused before anything was looked at */
	const char *set_token; /* new session token for cookie or body */
	/* new token for the cookie of the browser */
	const char *set_device;
	bool clear_session;	  /* sign-out: expire cookie, Clear-Site-Data */
	struct participant *join; /* SOCKET */
	struct table table;	  /* CSV, FHIR, KEPT */
	struct bytes part;	  /* the same: the first */
	struct bytes pdf;	  /* PDF: all of it, and its name */
	const char *file;
	const char *plain; /* PLAIN: all of it */
	struct audit_note note;
};

struct reply_header {
	const char *name, *value;
};
#define REPLY_HEADERS_MAX 16

struct reply {
	int status;
	const char *content_type;
	struct bytes body;
	const char *always; /* header lines that never vary */
	struct reply_header headers[REPLY_HEADERS_MAX];
	size_t header_count;
	const struct participant *join; /* 101 instead of a body */
	struct parts *parts;		/* the body goes on (gate/parts.h) */
	bool last;			/* of its connection */
};

/* Refuses with the field to blame; `return op_refuse(op, ERR_…, "starts_at");` */
NODISCARD enum err op_refuse(struct op *, enum err, const char *field);

/* Was a factor shown again lately? ERR_STEP_UP_REQUIRED if not. (AZ-09) */
NODISCARD enum err op_step_up(const struct op *);

/* Input, after the shape was checked; NULL / nil / INSTANT_NONE when absent. */
const char *in_text(const struct op *, const char *name);
struct uuid in_uuid(const struct op *, const char *name);
int64_t in_time(const struct op *, const char *name);
int64_t in_int(const struct op *, const char *name, int64_t otherwise);
bool in_bool(const struct op *, const char *name, bool otherwise);
bool in_has(const struct op *, const char *name); /* present, null too */

/* Output helpers: new references for json_pack's "o". */
json_t *uuid_json(const struct uuid *); /* null for nil */
json_t *time_json(int64_t);		/* null for INSTANT_NONE */
json_t *text_json(const char *);	/* null for NULL */

/* Sets op->out to {"items": items, "next_cursor": …}. A next cursor is made
 * (sealed, so that clients cannot forge or read it) from `next` when it is
 * not NULL. Takes both references. */
NODISCARD enum err op_list(struct op *, json_t *items, json_t *next);

/* Notes in the audit row that this record was returned. */
void op_returned(struct op *, const struct uuid *);
/* The same, unless it is noted already: of lists that show one more than once. */
void op_returned_once(struct op *, const struct uuid *);

/* A second, short transaction beside op->tx, committed by the caller: only
 * for what must stand even when the operation is refused (attempts). */
struct tx *op_side_tx(struct op *);

/* Ends op->tx (commits what it did so far) and begins a fresh one with the
 * same clinic and actor: before slow work, so that it holds no connection. */
NODISCARD enum err op_release(struct op *);
/* The second half of it: for an operation that committed op->tx itself, and has
 * taken what it sent. */
NODISCARD enum err op_renew(struct op *);

/* Sets clinic and actor of op->tx for accounts that have no session yet. */
NODISCARD enum err op_assume(struct op *, const struct uuid *clinic,
    const struct uuid *account, enum role);

#endif
