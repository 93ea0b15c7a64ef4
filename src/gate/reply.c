#include "gate/reply.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "gate/credential.h"
#include "gate/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSP_API "default-src 'none'; frame-ancestors 'none'"
#define CSP_PAGE(connect)                                                      \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self' data: blob:; media-src 'self' blob:; "                 \
	"connect-src 'self'" connect                                           \
	"; font-src 'self'; manifest-src 'self'; "                             \
	"object-src 'none'; base-uri 'none'; form-action 'self'; "             \
	"frame-ancestors 'none'; require-trusted-types-for 'script'; "         \
	"trusted-types epione-worker" /* assets/js/recorder.js */

#define LINE(name, value) name ": " value "\r\n"
#define EVERY_ANSWER                                                           \
	/*= TR-03: every answer, errors too */                                 \
	LINE("Strict-Transport-Security",                                      \
	    "max-age=63072000; includeSubDomains")                             \
	/*= TR-04 */                                                           \
	LINE("X-Content-Type-Options", "nosniff")                              \
	LINE("Referrer-Policy", "no-referrer")                                 \
	/*= PA-09 */                                                           \
	LINE("Cross-Origin-Opener-Policy", "same-origin")                      \
	LINE("Cross-Origin-Resource-Policy", "same-origin")                    \
	LINE("Permissions-Policy",                                             \
	    "camera=(self), microphone=(self), display-capture=(self), "       \
	    "geolocation=(), payment=()")

#define PAGE(connect)                                                          \
	EVERY_ANSWER LINE("Content-Security-Policy", CSP_PAGE(connect))

/* Written down once: they are most of a small answer. */
static char page[2048] = PAGE("");
static const char *const always[] = {
	[POLICY_API] = EVERY_ANSWER LINE("Content-Security-Policy", CSP_API),
	[POLICY_PAGE] = page,
};

void
reply_pages_reach(const char *origin)
{
	int n = snprintf(page, sizeof(page), PAGE(" %s"), origin);

	if (n < 0 || (size_t)n >= sizeof(page))
		abort(); /* settings are shorter */
}

void
reply_header(struct reply *rp, const char *name, const char *value)
{
	if (rp->header_count == REPLY_HEADERS_MAX)
		abort(); /* a programming error: the headers are all ours */
	rp->headers[rp->header_count++] = (struct reply_header){ name, value };
}

static void
begin(struct reply *rp, enum policy policy, const char *kept)
{
	memset(rp, 0, sizeof(*rp));
	rp->always = always[policy];
	reply_header(rp, "Cache-Control", kept);
}

enum err
reply_tag_make(struct bytes body, char tag[REPLY_TAG_SIZE])
{
	uint8_t hash[32];
	size_t i;

	if (crypto_sha256(body, hash) != ERR_OK)
		return ERR_CRYPTO;
	tag[0] = '"';
	for (i = 0; i < 16; i++)
		snprintf(tag + 1 + i * 2, 3, "%02x", hash[i]);
	tag[33] = '"';
	tag[34] = '\0';
	return ERR_OK;
}

void
reply_tag(struct reply *rp, const char *tag, const char *if_none_match)
{
	reply_header(rp, "ETag", tag);
	if (if_none_match == NULL || strcmp(if_none_match, tag) != 0)
		return;
	rp->status = 304;
	rp->content_type = NULL;
	rp->body = (struct bytes){ NULL, 0 };
}

void
reply_plain(
    struct reply *rp, const struct surface *s, int status, struct bytes body)
{
	begin(rp, s->policy, s->kept);
	rp->status = status;
	rp->content_type = s->media;
	rp->body = body;
}

static void
body_set(struct reply *rp, struct arena *a, json_t *body, const char *type)
{
	char *text = json_dumps(body, JSON_COMPACT);

	if (text == NULL)
		abort(); /* only out of memory: what we pack is valid */
	rp->content_type = type;
	rp->body.n = strlen(text);
	rp->body.p = arena_copy(a, text, rp->body.n);
	secret_wipe(text, rp->body.n);
	free(text);
}

/*= SE-04: host-bound, out of scripts' reach, never sent across sites */
static void
cookie_fill(struct reply *rp, struct op *op)
{
	if (op->clear_session) {
		reply_header(rp, "Set-Cookie",
		    COOKIE_NAME "=; Path=/; Secure; HttpOnly; SameSite=Strict; "
				"Max-Age=0");
		/*= SE-05, PA-10: not its storage, where sealed parts of a
		 * recording may wait to be sent, and nothing else is */
		reply_header(rp, "Clear-Site-Data", "\"cache\"");
	} else if (op->set_token != NULL && op->who.browser)
		reply_header(rp, "Set-Cookie",
		    arena_format(op->arena,
			COOKIE_NAME "=%s; Path=/; Secure; HttpOnly; "
				    "SameSite=Strict",
			op->set_token));
}

static void
problem_fill(
    struct reply *rp, struct op *op, const struct surface *s, enum err e)
{
	json_t *o = s->problem(op, e);

	rp->status = err_status(e);
	body_set(rp, op->arena, o, s->problem_media);
	json_decref(o);
	if (rp->status == 401)
		reply_header(rp, "WWW-Authenticate",
		    e == ERR_NOT_SIGNED_IN
			? "Bearer realm=\"epione\", error=\"invalid_token\""
			: "Bearer realm=\"epione\"");
	if (op->clear_session)
		cookie_fill(rp, op);
	if (rp->status == 426) {
		reply_header(rp, "Upgrade", "websocket");
		reply_header(rp, "Sec-WebSocket-Version", "13");
	}
	if (rp->status == 405)
		reply_header(rp, "Allow", route_allow(op->arena, op->rq->path));
	if (rp->status == 429 || rp->status == 503)
		reply_header(rp, "Retry-After",
		    arena_format(op->arena, "%lld",
			op->retry_after_s > 0 ? (long long)op->retry_after_s
					      : 1LL));
}

#define QUOTE(x)     #x
#define NUMBER(x)    QUOTE(x)
#define DEVICE_AGE_S 7776000 /* 90 days */
_Static_assert(DEVICE_AGE_S == DEVICE_DAYS * 86400, "as long as it is known");

static void
device_fill(struct reply *rp, struct op *op)
{
	if (op->set_device != NULL)
		reply_header(rp, "Set-Cookie",
		    arena_format(op->arena,
			DEVICE_COOKIE
			"=%s; Path=/; Secure; HttpOnly; "
			"SameSite=Strict; Max-Age=" NUMBER(DEVICE_AGE_S),
			op->set_device));
}

static int
success_status(const struct op *op)
{
	if (op->status != 0)
		return op->status;
	if (op->out == NULL && op->table.next == NULL && op->pdf.n == 0 &&
	    op->plain == NULL)
		return 204;
	if ((op->route->traits & TRAIT_ASKS) != 0)
		return 202;
	return (op->route->traits & TRAIT_CREATES) != 0 ? 201 : 200;
}

static void
file_fill(struct reply *rp, struct op *op, const char *type, struct bytes body,
    const char *name)
{
	rp->content_type = type;
	rp->body = body;
	reply_header(rp, "Content-Disposition",
	    arena_format(op->arena, "attachment; filename=\"%s\"", name));
}

static const char *
parts_type(const struct op *op)
{
	if (op->table.type != NULL)
		return op->table.type;
	return (op->route->traits & TRAIT_FHIR) != 0
	    ? "application/fhir+json; charset=utf-8"
	    : "text/csv; charset=utf-8; header=present";
}

static void
success_fill(struct reply *rp, struct op *op, const struct surface *s)
{
	rp->status = success_status(op);
	if (op->set_token != NULL && !op->who.browser && op->out != NULL)
		json_object_set_new(
		    op->out, "token", json_string(op->set_token));
	if (op->out != NULL)
		body_set(rp, op->arena, op->out, s->media);
	if (op->version > 0 && s->tag != NULL)
		reply_header(rp, "ETag", s->tag(op->arena, op->version));
	cookie_fill(rp, op);
	device_fill(rp, op);
	if (op->table.next != NULL)
		file_fill(rp, op, parts_type(op), op->part, op->table.file);
	if (op->table.digest != NULL)
		reply_header(rp, "Repr-Digest",
		    arena_format(op->arena, "sha-256=:%s:", op->table.digest));
	if (op->pdf.n > 0)
		file_fill(rp, op, "application/pdf", op->pdf, op->file);
	if (op->plain != NULL) {
		rp->content_type = "text/plain; charset=utf-8";
		rp->body = (struct bytes){ (const uint8_t *)op->plain,
			strlen(op->plain) };
	}
	rp->join = op->join;
}

void
reply_fill(struct reply *rp, struct op *op, enum err r)
{
	const struct surface *s = surface_of(op->rq);

	/*= TR-05: a refusal is kept nowhere either */
	begin(rp, r == ERR_OK ? s->policy : POLICY_API,
	    r == ERR_OK ? s->kept : "no-store");
	if (r == ERR_OK)
		success_fill(rp, op, s);
	else
		problem_fill(rp, op, s, r);
}
