/* Stripe: Checkout Sessions, what became of them, and refunds. The one file that
 * knows its API. */
#include "jobs/stripe.h"

#include "base/conf.h"
#include "base/log.h"
#include "care/processor.h"
#include "jobs/client.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION	   "2024-06-20" /* of the API, whatever the account is set to */
#define ANSWER_MAX (1024 * 1024)

#define PAGE	      100
#define MOVEMENTS_MAX 10000 /* at a time; the newest come first */

/* An answer as it comes in. */
struct answer {
	char *p;
	size_t n;
	bool too_long;
};

static size_t
take(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t more = size * n;
	char *grown;

	if (more > ANSWER_MAX - a->n ||
	    (grown = realloc(a->p, a->n + more + 1)) == NULL) {
		a->too_long = true;
		return 0;
	}
	memcpy(grown + a->n, p, more);
	a->p = grown;
	a->n += more;
	return more;
}

/* Stripe's smallest units are those of ISO 4217, but for two currencies. */
static int64_t
units(const char *currency)
{
	return strcasecmp(currency, "ISK") == 0 ||
		strcasecmp(currency, "UGX") == 0
	    ? 100
	    : 1;
}

/* name=value&name=value, each value encoded. */
struct form {
	struct arena *a;
	CURL *e;
	const char *text;
};

__attribute__((format(printf, 3, 4))) static void
form_add(struct form *f, const char *name, const char *fmt, ...)
{
	char value[2048], *encoded;
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	encoded = curl_easy_escape(f->e, value, 0);
	f->text = arena_format(f->a, "%s%s%s=%s", f->text,
	    *f->text == '\0' ? "" : "&", name, encoded == NULL ? "" : encoded);
	curl_free(encoded);
}

/* 409, 429 and 5xx pass; so does a key that was revoked, once the operator has
 * put in another. Anything else it refuses for good. */
static enum err
outcome(CURLcode code, long status)
{
	if (code == CURLE_OK && status >= 200 && status < 300)
		return ERR_OK;
	log_warn(
	    "stripe_failed", LOG_NUM("curl", code), LOG_NUM("status", status));
	if (code != CURLE_OK || status == 401 || status == 403 ||
	    status == 409 || status == 429 || status >= 500)
		return ERR_PAYMENT_DELAYED;
	return ERR_PAYMENT_REFUSED;
}

static struct curl_slist *
headers(struct arena *a, const char *once)
{
	struct curl_slist *h = curl_slist_append(
	    NULL, "Stripe-Version: " VERSION);

	if (h != NULL && once != NULL)
		h = curl_slist_append(
		    h, arena_format(a, "Idempotency-Key: %s", once));
	return h;
}

/* Runs what is prepared on `e`, and gives what it answered: a new reference. */
static enum err
run(struct arena *a, CURL *e, const char *path, const char *once, json_t **out)
{
	struct curl_slist *h = headers(a, once);
	struct answer answer = { NULL, 0, false };
	CURLcode code;
	long status = 0;
	enum err r = ERR_INTERNAL;

	*out = NULL;
	if (h == NULL)
		return r;
	curl_easy_setopt(
	    e, CURLOPT_URL, arena_format(a, "%s%s", conf()->stripe_url, path));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, h);
	curl_easy_setopt(e, CURLOPT_USERNAME, conf()->stripe_key);
	curl_easy_setopt(e, CURLOPT_PASSWORD, "");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &answer);
	if ((r = client_run(e, &code)) == ERR_OK) {
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		r = outcome(code, status);
	}
	if (r == ERR_OK)
		*out = json_loadb(answer.p, answer.n, 0, NULL);
	if (r == ERR_OK && !json_is_object(*out))
		r = ERR_PAYMENT_DELAYED; /* whoever it was, it was not Stripe */
	free(answer.p);
	curl_slist_free_all(h);
	return r;
}

static CURL *
handle(void)
{
	return client_new(conf()->stripe_ca, conf()->stripe_seconds * 1000);
}

static const char *
text_of(struct arena *a, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? NULL : arena_text(a, s);
}

static int64_t
number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void
name_ours(struct form *f, const char *member, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	form_add(f, member, "%s", text);
}

/*= PY-07: amount, currency and an id of ours; no name, no title of the clinic's */
static void
order_write(struct form *f, const struct processor_order *o)
{
	char code[8];
	size_t i;

	snprintf(code, sizeof(code), "%.3s", o->currency);
	for (i = 0; code[i] != '\0'; i++)
		code[i] = (char)(code[i] | 0x20);
	form_add(f, "mode", "payment");
	name_ours(f, "client_reference_id", &o->payment);
	form_add(f, "line_items[0][quantity]", "1");
	form_add(f, "line_items[0][price_data][currency]", "%s", code);
	form_add(f, "line_items[0][price_data][unit_amount]", "%" PRId64,
	    o->amount_minor * units(o->currency));
	form_add(f, "line_items[0][price_data][product_data][name]", "Payment");
	form_add(f, "success_url", "%s", o->back);
	form_add(f, "cancel_url", "%s", o->back);
	name_ours(f, "metadata[payment]", &o->payment);
	name_ours(f, "metadata[tenant]", &o->clinic);
	name_ours(f, "payment_intent_data[metadata][payment]", &o->payment);
	name_ours(f, "payment_intent_data[metadata][tenant]", &o->clinic);
}

static enum err
stripe_open(struct arena *a, const struct processor_order *o,
    struct processor_checkout *out)
{
	struct form f = { a, handle(), "" };
	char once[UUID_TEXT_SIZE];
	json_t *session = NULL;
	enum err r;

	if (f.e == NULL)
		return ERR_INTERNAL;
	order_write(&f, o);
	uuid_text(&o->payment, once);
	curl_easy_setopt(f.e, CURLOPT_POSTFIELDS, f.text);
	r = run(a, f.e, "/v1/checkout/sessions", once, &session);
	if (r == ERR_OK) {
		out->id = text_of(a, session, "id");
		out->url = text_of(a, session, "url");
		out->expires_at = number_of(session, "expires_at");
		if (out->id == NULL || out->url == NULL)
			r = ERR_PAYMENT_DELAYED;
	}
	json_decref(session);
	curl_easy_cleanup(f.e);
	return r;
}

static enum err
get(struct arena *a, const char *path, json_t **out)
{
	CURL *e = handle();
	enum err r;

	if (e == NULL)
		return ERR_INTERNAL;
	r = run(a, e, path, NULL, out);
	curl_easy_cleanup(e);
	return r;
}

static const char *
upper(struct arena *a, const char *code)
{
	char *s = arena_text(a, code == NULL ? "" : code), *p;

	for (p = s; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return s;
}

/* Fees of its movements: one is kept, and may be given back by another. */
static void
dispute_cost_read(
    struct arena *a, const json_t *dispute, struct processor_truth *t)
{
	const char *money;
	json_t *entry;
	int64_t fee;
	size_t i;

	json_array_foreach (
	    json_object_get(dispute, "balance_transactions"), i, entry) {
		money = upper(
		    a, json_string_value(json_object_get(entry, "currency")));
		fee = number_of(entry, "fee");
		if (money == NULL || fee == 0)
			continue;
		t->dispute_currency = money;
		if (fee > 0)
			t->dispute_cost_minor += fee / units(money);
		else
			t->dispute_returned_minor += -fee / units(money);
	}
}

/* The last dispute of a payment, if it has one. */
static enum err
dispute_fetch(struct arena *a, struct processor_truth *t)
{
	json_t *list = NULL, *dispute;
	const char *status;
	enum err r;

	r = get(a,
	    arena_format(
		a, "/v1/disputes?limit=1&payment_intent=%s", t->intent),
	    &list);
	dispute = json_array_get(json_object_get(list, "data"), 0);
	status = json_string_value(json_object_get(dispute, "status"));
	if (r == ERR_OK && status != NULL)
		t->dispute = strcmp(status, "won") == 0	  ? "won"
		    : strcmp(status, "lost") == 0	  ? "lost"
		    : strncmp(status, "warning_", 8) == 0 ? NULL
							  : "open";
	if (r == ERR_OK)
		dispute_cost_read(a, dispute, t);
	json_decref(list);
	return r;
}

static void
charge_read(struct arena *a, const json_t *charge, struct processor_truth *t)
{
	const json_t *entry = json_object_get(charge, "balance_transaction");
	const char *money = json_string_value(
	    json_object_get(entry, "currency"));

	t->refunded_minor = number_of(charge, "amount_refunded") /
	    units(t->currency);
	t->cost_currency = upper(a, money);
	if (money != NULL)
		t->cost_minor = number_of(entry, "fee") / units(money);
}

static void
session_read(struct arena *a, const json_t *session, struct processor_truth *t)
{
	const json_t *intent = json_object_get(session, "payment_intent");
	const char *status = json_string_value(
		       json_object_get(session, "status")),
		   *paid = json_string_value(
		       json_object_get(session, "payment_status"));

	t->currency = upper(
	    a, json_string_value(json_object_get(session, "currency")));
	t->amount_minor = number_of(session, "amount_total") /
	    units(t->currency);
	t->cost_currency = t->currency;
	t->intent = text_of(a, intent, "id");
	t->paid = paid != NULL && strcmp(paid, "paid") == 0;
	if (!t->paid && status != NULL && strcmp(status, "expired") == 0)
		t->ended = "expired";
	if (!t->paid && status != NULL && strcmp(status, "complete") == 0 &&
	    json_object_get(intent, "last_payment_error") != NULL &&
	    !json_is_null(json_object_get(intent, "last_payment_error")))
		t->ended = "failed"; /* a way to pay that took its time */
	charge_read(a, json_object_get(intent, "latest_charge"), t);
}

static enum err
stripe_fetch(struct arena *a, const char *checkout, struct processor_truth *t)
{
	json_t *session = NULL;
	bool disputed;
	enum err r;

	r = get(a,
	    arena_format(a,
		"/v1/checkout/sessions/%s?expand[]="
		"payment_intent.latest_charge.balance_transaction",
		checkout),
	    &session);
	if (r == ERR_OK) {
		session_read(a, session, t);
		disputed = json_is_true(json_object_get(
		    json_object_get(json_object_get(session, "payment_intent"),
			"latest_charge"),
		    "disputed"));
		if (disputed && t->intent != NULL)
			r = dispute_fetch(a, t);
	}
	json_decref(session);
	return r;
}

/* The one that was made, as an answer that was lost may have said; or NULL. A page
 * holds all there are of one payment. */
static enum err
refund_find(struct arena *a, const struct processor_refund *o, json_t **found)
{
	char own[UUID_TEXT_SIZE];
	const char *said;
	json_t *list = NULL, *one;
	size_t i;
	enum err r;

	uuid_text(&o->refund, own);
	r = get(a,
	    arena_format(
		a, "/v1/refunds?limit=%d&payment_intent=%s", PAGE, o->intent),
	    &list);
	json_array_foreach (json_object_get(list, "data"), i, one) {
		said = json_string_value(json_object_get(
		    json_object_get(one, "metadata"), "refund"));
		if (said != NULL && strcmp(said, own) == 0)
			*found = json_incref(one);
	}
	json_decref(list);
	return r;
}

static enum err
refund_make(struct arena *a, const struct processor_refund *o, json_t **refund)
{
	struct form f = { a, handle(), "" };
	char once[UUID_TEXT_SIZE];
	enum err r;

	if (f.e == NULL)
		return ERR_INTERNAL;
	uuid_text(&o->refund, once);
	form_add(&f, "payment_intent", "%s", o->intent);
	form_add(
	    &f, "amount", "%" PRId64, o->amount_minor * units(o->currency));
	name_ours(&f, "metadata[payment]", &o->payment);
	name_ours(&f, "metadata[refund]", &o->refund);
	curl_easy_setopt(f.e, CURLOPT_POSTFIELDS, f.text);
	r = run(a, f.e, "/v1/refunds", once, refund);
	curl_easy_cleanup(f.e);
	return r;
}

/* Its Idempotency-Key is forgotten after a day, and somebody may try again later. */
static enum err
stripe_refund(
    struct arena *a, const struct processor_refund *o, const char **id)
{
	json_t *refund = NULL;
	const char *status;
	enum err r = refund_find(a, o, &refund);

	if (r == ERR_OK && refund == NULL)
		r = refund_make(a, o, &refund);
	*id = text_of(a, refund, "id");
	status = json_string_value(json_object_get(refund, "status"));
	if (r == ERR_OK && status != NULL &&
	    (strcmp(status, "failed") == 0 || strcmp(status, "canceled") == 0))
		r = ERR_PAYMENT_REFUSED;
	json_decref(refund);
	return r;
}

/* "" for none, and for one that is no text. */
static const char *
name_in(struct arena *a, const json_t *o, const char *name)
{
	const char *s = text_of(a, o, name);

	return s == NULL ? "" : s;
}

static struct processor_movement
movement_read(struct arena *a, const json_t *o)
{
	const json_t *source = json_object_get(o, "source"),
		     *ours = json_object_get(source, "metadata");
	const char *currency = upper(a, name_in(a, o, "currency"));

	return (struct processor_movement){
		.id = name_in(a, o, "id"),
		.kind = name_in(a, o, "type"),
		.amount_minor = number_of(o, "amount") / units(currency),
		.currency = currency,
		.intent = name_in(a, source, "payment_intent"),
		.payment = name_in(a, ours, "payment"),
		.clinic = name_in(a, ours, "tenant"),
		.at = number_of(o, "created"),
	};
}

/* A page of what moved the balance, after that one; whether there are more. */
static enum err
page_read(struct arena *a, int64_t since, struct processor_movement *all,
    size_t *n, bool *more)
{
	json_t *list = NULL;
	const json_t *one;
	size_t i;
	enum err r;

	r = get(a,
	    arena_format(a,
		"/v1/balance_transactions?limit=%d&created[gte]=%" PRId64
		"&expand[]=data.source%s%s",
		PAGE, since, *n == 0 ? "" : "&starting_after=",
		*n == 0 ? "" : all[*n - 1].id),
	    &list);
	json_array_foreach (json_object_get(list, "data"), i, one)
		if (*n < MOVEMENTS_MAX)
			all[(*n)++] = movement_read(a, one);
	*more = i > 0 && json_is_true(json_object_get(list, "has_more"));
	json_decref(list);
	return r;
}

static enum err
stripe_list(
    struct arena *a, int64_t since, struct processor_movement **out, size_t *n)
{
	bool more = true;
	enum err r = ERR_OK;

	*n = 0;
	*out = arena_alloc(a, MOVEMENTS_MAX * sizeof(**out));
	while (r == ERR_OK && more && *n < MOVEMENTS_MAX)
		r = page_read(a, since, *out, n, &more);
	if (r == ERR_OK && more)
		log_warn("stripe_list_cut", LOG_NUM("movements", *n));
	return r;
}

static const struct processor stripe = {
	.open = stripe_open,
	.fetch = stripe_fetch,
	.refund = stripe_refund,
	.list = stripe_list,
};

enum err
stripe_start(char *problem, size_t n)
{
	if (*conf()->stripe_key == '\0')
		return ERR_OK;
	if (strncmp(conf()->stripe_url, "https://", 8) != 0) {
		snprintf(problem, n, "stripe_url begins with https://");
		return ERR_INVALID_FIELD;
	}
	if ((strstr(conf()->stripe_key, "_live_") != NULL) !=
	    (conf()->stripe_live != 0)) {
		snprintf(problem, n,
		    "stripe_key and stripe_live differ: one is for test "
		    "mode, the other for real money");
		return ERR_INVALID_FIELD;
	}
	processor_set(&stripe);
	return ERR_OK;
}
