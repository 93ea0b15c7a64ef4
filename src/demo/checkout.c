/*
 * A pretend processor of payments on this machine, for the demo: as much of
 * Stripe's API as epione-jobs speaks, in a folder, and a page on which whoever
 * tries the demo is the payer. No card is asked for and no money moves. Its key is
 * one of test mode, which a server for real money refuses.
 */
#include "demo/checkout.h"

#include "base/crypto.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/uuid.h"
#include "demo/commands.h"
#include "demo/door.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENT_S   30
#define SECRET_MAX 200
#define OPEN_S	   86400 /* how long a page can be paid at */
#define KEPT_TENTH 29	 /* of a thousand, which the processor keeps */
#define KEPT	   30

struct pretend {
	char folder[PATH_MAX - 256];
	const char *server; /* https://localhost:PORT, of the clinic */
	char page[64];
	char key[SECRET_MAX], webhook[SECRET_MAX];
	SSL_CTX *tls, *ours;
};

static struct pretend pretend;

/* Files */

static bool
is_id(const char *id)
{
	return strncmp(id, "cs_test_", 8) == 0 && strlen(id) < 64 &&
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyz_0123456789-")] == '\0';
}

static void
path_of(char path[PATH_MAX], const char *id)
{
	snprintf(path, PATH_MAX, "%s/%.80s.json", pretend.folder, id);
}

json_t *
checkout_load(const char *id)
{
	char path[PATH_MAX];

	if (!is_id(id))
		return NULL;
	path_of(path, id);
	return json_load_file(path, 0, NULL);
}

static const char *
text_in(const json_t *o, const char *object, const char *member)
{
	return json_string_value(
	    json_object_get(json_object_get(o, object), member));
}

bool
checkout_keep(const json_t *o)
{
	char path[PATH_MAX], new[PATH_MAX + 8];

	path_of(path, text_in(o, "session", "id"));
	snprintf(new, sizeof(new), "%s.new", path);
	return json_dump_file(o, new, JSON_INDENT(1)) == 0 &&
	    rename(new, path) == 0;
}

json_t *
checkout_all(void)
{
	json_t *all = json_array(), *one;
	DIR *dir = opendir(pretend.folder);
	struct dirent *d;
	char *end;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		end = strstr(d->d_name, ".json");
		if (end == NULL || end[5] != '\0')
			continue;
		*end = '\0';
		if ((one = checkout_load(d->d_name)) != NULL)
			json_array_append_new(all, one);
	}
	if (dir != NULL)
		closedir(dir);
	return all;
}

/* Events */

static const char *
signature(struct arena *a, const char *body)
{
	const char *t = arena_format(a, "%lld", (long long)instant_now());
	const char *what = arena_format(a, "%s.%s", t, body);
	uint8_t mac[32];

	if (crypto_hmac_sha256((struct bytes){ (const uint8_t *)pretend.webhook,
				   strlen(pretend.webhook) },
		(struct bytes){ (const uint8_t *)what, strlen(what) },
		mac) != ERR_OK)
		return "";
	return arena_format(a, "t=%s,v1=%s", t, text_hex(a, mac, sizeof(mac)));
}

/* Tells the demo's server, which is known by its certificate. It need not
 * arrive: epione-jobs asks for itself each hour. */
static void
event_post(struct arena *a, const char *body)
{
	char *host = arena_text(a, pretend.server + strlen("https://")),
	     name[] = "localhost"; /* libssl's macros want them writable */
	const char *text = arena_format(a,
	    "POST /v1/stripe/events HTTP/1.1\r\nHost: %s\r\n"
	    "Content-Type: application/json\r\nStripe-Signature: %s\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    host, signature(a, body), strlen(body), body);
	BIO *out = BIO_new_ssl_connect(pretend.ours);
	char answer[64];
	SSL *ssl = NULL;

	if (out == NULL)
		return;
	BIO_get_ssl(out, &ssl);
	SSL_set1_host(ssl, name);
	SSL_set_tlsext_host_name(ssl, name);
	BIO_set_conn_hostname(out, host);
	if (BIO_do_connect(out) != 1 ||
	    BIO_write(out, text, (int)strlen(text)) <= 0 ||
	    BIO_read(out, answer, sizeof(answer)) <= 0)
		fprintf(stderr, "epione-demo: the clinic was not told\n");
	BIO_free_all(out);
}

static void
event_tell(struct arena *a, const char *type, const json_t *object)
{
	struct uuid id = uuid_random();
	char name[UUID_TEXT_SIZE], *body;
	json_t *event;

	uuid_text(&id, name);
	event = json_pack("{s:s, s:s, s:s, s:b, s:I, s:{s:O}}", "id",
	    arena_format(a, "evt_test_%s", name), "object", "event", "type",
	    type, "livemode", 0, "created", (json_int_t)instant_now(), "data",
	    "object", object);
	body = json_dumps(event, JSON_COMPACT);
	if (body != NULL)
		event_post(a, body);
	free(body);
	json_decref(event);
}

/* Payers and banks */

static json_t *
transaction(const char *type, const char *id, json_int_t amount,
    json_int_t kept, const char *currency)
{
	return json_pack("{s:s+, s:s, s:s, s:I, s:I, s:I, s:s, s:I}", "id",
	    "txn_", id, "object", "balance_transaction", "type", type, "amount",
	    amount, "fee", kept, "net", amount - kept, "currency", currency,
	    "created", (json_int_t)instant_now());
}

void
checkout_pay(struct arena *a, json_t *o)
{
	json_t *session = json_object_get(o, "session"), *charge;
	const char *id = text_in(o, "session", "id") + strlen("cs_test_"),
		   *currency = text_in(o, "session", "currency");
	const json_int_t amount = json_integer_value(
	    json_object_get(session, "amount_total"));

	charge = json_pack("{s:s+, s:s, s:I, s:s, s:I, s:b, s:b, s:s+, s:O, "
			   "s:o}",
	    "id", "ch_test_", id, "object", "charge", "amount", amount,
	    "currency", currency, "amount_refunded", (json_int_t)0, "refunded",
	    0, "disputed", 0, "payment_intent", "pi_test_", id, "metadata",
	    json_object_get(session, "metadata"), "balance_transaction",
	    transaction("charge", id, amount, amount * KEPT_TENTH / 1000 + KEPT,
		currency));
	json_object_set_new(o, "intent",
	    json_pack("{s:s+, s:s, s:I, s:s, s:s, s:O, s:o}", "id", "pi_test_",
		id, "object", "payment_intent", "amount", amount, "currency",
		currency, "status", "succeeded", "metadata",
		json_object_get(session, "metadata"), "latest_charge", charge));
	json_object_set_new(session, "status", json_string("complete"));
	json_object_set_new(session, "payment_status", json_string("paid"));
	if (checkout_keep(o))
		event_tell(a, "checkout.session.completed", session);
}

void
checkout_expire(struct arena *a, json_t *o)
{
	json_t *session = json_object_get(o, "session");

	json_object_set_new(session, "status", json_string("expired"));
	if (checkout_keep(o))
		event_tell(a, "checkout.session.expired", session);
}

void
checkout_dispute(struct arena *a, json_t *o, const char *status)
{
	json_t *charge = json_object_get(
		   json_object_get(o, "intent"), "latest_charge"),
	       *dispute;

	dispute = json_pack("{s:s+, s:s, s:s, s:s}", "id", "dp_test_",
	    text_in(o, "session", "id") + strlen("cs_test_"), "object",
	    "dispute", "payment_intent", text_in(o, "intent", "id"), "status",
	    status);
	json_object_set_new(charge, "disputed", json_true());
	json_object_set(o, "dispute", dispute);
	if (checkout_keep(o))
		event_tell(a, "charge.dispute.updated", dispute);
	json_decref(dispute);
}

/* The API */

static void
answer(struct web *w, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	web_answer(w, status, "application/json", "", text);
	free(text);
	json_decref(body);
}

static void
refuse(struct web *w, int status)
{
	answer(w, status,
	    json_pack("{s:{s:s}}", "error", "type", "invalid_request_error"));
}

/* A call that comes again under the same Idempotency-Key is answered the
 * same. */
static json_t *
session_new(struct web *w, const char *id)
{
	const char *payment = web_field(w, "metadata[payment]"),
		   *tenant = web_field(w, "metadata[tenant]");

	return json_pack("{s:{s:s, s:s, s:b, s:s, s:s, s:s, s:I, s:s, s:s, "
			 "s:{s:s, s:s}, s:I, s:n, s:s, s:s}, s:n, s:[], s:n}",
	    "session", "id", id, "object", "checkout.session", "livemode", 0,
	    "mode", "payment", "status", "open", "payment_status", "unpaid",
	    "amount_total",
	    (json_int_t)strtoll(
		web_field(w, "line_items[0][price_data][unit_amount]"), NULL,
		10),
	    "currency", web_field(w, "line_items[0][price_data][currency]"),
	    "client_reference_id", web_field(w, "client_reference_id"),
	    "metadata", "payment", payment, "tenant", tenant, "expires_at",
	    (json_int_t)instant_now() + OPEN_S, "payment_intent", "success_url",
	    web_field(w, "success_url"), "url",
	    arena_format(w->a, "%s/pay/%s", pretend.page, id), "intent",
	    "refunds", "dispute");
}

static void
session_make(struct web *w)
{
	const char *id = arena_format(
	    w->a, "cs_test_%s", web_header(w, "idempotency-key"));
	json_t *o = checkout_load(id);

	if (o == NULL && is_id(id) && (o = session_new(w, id)) != NULL &&
	    !checkout_keep(o)) {
		json_decref(o);
		o = NULL;
	}
	if (o == NULL)
		refuse(w, 400);
	else
		answer(w, 200, json_incref(json_object_get(o, "session")));
	json_decref(o);
}

static void
session_show(struct web *w, const char *id)
{
	json_t *o = checkout_load(id), *shown;

	if (o == NULL) {
		refuse(w, 404);
		return;
	}
	shown = json_copy(json_object_get(o, "session"));
	json_object_set(shown, "payment_intent", json_object_get(o, "intent"));
	answer(w, 200, shown);
	json_decref(o);
}

/* "pi_test_X" is of the session "cs_test_X". */
static json_t *
load_by_intent(struct web *w)
{
	const char *intent = web_field(w, "payment_intent");

	return strncmp(intent, "pi_test_", 8) == 0
	    ? checkout_load(arena_format(w->a, "cs_test_%s", intent + 8))
	    : NULL;
}

static json_t *
refund_known(const json_t *o, const char *id)
{
	json_t *refund;
	size_t i;

	json_array_foreach (json_object_get(o, "refunds"), i, refund)
		if (strcmp(json_string_value(json_object_get(refund, "id")),
			id) == 0)
			return refund;
	return NULL;
}

static json_t *
refund_new(json_t *o, const char *id, json_int_t amount)
{
	json_t *charge = json_object_get(
		   json_object_get(o, "intent"), "latest_charge"),
	       *refund;
	const json_int_t whole = json_integer_value(
			     json_object_get(charge, "amount")),
			 back = amount +
	    json_integer_value(json_object_get(charge, "amount_refunded"));
	const char *currency = text_in(o, "session", "currency");

	if (amount < 1 || back > whole)
		return NULL;
	json_object_set_new(charge, "amount_refunded", json_integer(back));
	json_object_set_new(charge, "refunded", json_boolean(back == whole));
	refund = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "id", id,
	    "object", "refund", "amount", amount, "currency", currency,
	    "payment_intent", text_in(o, "intent", "id"), "status", "succeeded",
	    "metadata",
	    json_copy(
		json_object_get(json_object_get(o, "session"), "metadata")),
	    "balance_transaction",
	    transaction("refund", id, -amount, 0, currency));
	json_object_set_new(json_object_get(refund, "metadata"), "refund",
	    json_string(id + strlen("re_test_")));
	json_array_append_new(json_object_get(o, "refunds"), refund);
	return checkout_keep(o) ? refund : NULL;
}

static void
refund_make(struct web *w)
{
	const char *id = arena_format(
	    w->a, "re_test_%s", web_header(w, "idempotency-key"));
	json_t *o = load_by_intent(w), *refund = refund_known(o, id);
	const json_t *charge = json_object_get(
	    json_object_get(o, "intent"), "latest_charge");

	if (refund == NULL && charge != NULL &&
	    (refund = refund_new(
		 o, id, strtoll(web_field(w, "amount"), NULL, 10))) != NULL)
		event_tell(w->a, "charge.refunded", charge);
	if (refund == NULL)
		refuse(w, 400);
	else
		answer(w, 200, json_incref(refund));
	json_decref(o);
}

static void
list_answer(struct web *w, json_t *data)
{
	answer(w, 200,
	    json_pack("{s:s, s:b, s:o}", "object", "list", "has_more", 0,
		"data", data));
}

static void
refunds_list(struct web *w)
{
	json_t *o = load_by_intent(w), *data = json_object_get(o, "refunds");

	list_answer(w, data == NULL ? json_array() : json_incref(data));
	json_decref(o);
}

static void
disputes_list(struct web *w)
{
	json_t *o = load_by_intent(w), *data = json_array(),
	       *dispute = json_object_get(o, "dispute");

	if (json_is_object(dispute))
		json_array_append(data, dispute);
	list_answer(w, data);
	json_decref(o);
}

static void
movement_add(json_t *data, json_t *source)
{
	json_t *t = json_copy(json_object_get(source, "balance_transaction"));

	if (t == NULL)
		return;
	json_object_set_new(t, "source", json_copy(source));
	json_array_append_new(data, t);
}

static void
movements_list(struct web *w)
{
	json_t *all = checkout_all(), *data = json_array(), *o, *refund;
	size_t i, j;

	json_array_foreach (all, i, o) {
		movement_add(data,
		    json_object_get(
			json_object_get(o, "intent"), "latest_charge"));
		json_array_foreach (json_object_get(o, "refunds"), j, refund)
			movement_add(data, refund);
	}
	list_answer(w, data);
	json_decref(all);
}

static bool
key_is_right(struct web *w)
{
	const char *said = arena_format(w->a, "%s:", pretend.key),
		   *basic = arena_format(
		       w->a, "Basic %s", text_base64(w->a, said, strlen(said))),
		   *bearer = arena_format(w->a, "Bearer %s", pretend.key),
		   *head = web_header(w, "authorization");

	return strcmp(head, basic) == 0 || strcmp(head, bearer) == 0;
}

static void
api(struct web *w)
{
	static const char *const sessions = "/v1/checkout/sessions";
	const bool post = strcmp(w->method, "POST") == 0;

	if (!key_is_right(w))
		refuse(w, 401);
	else if (post && strcmp(w->path, sessions) == 0)
		session_make(w);
	else if (post && strcmp(w->path, "/v1/refunds") == 0)
		refund_make(w);
	else if (strncmp(w->path, sessions, strlen(sessions)) == 0 &&
	    w->path[strlen(sessions)] == '/')
		session_show(w, w->path + strlen(sessions) + 1);
	else if (strcmp(w->path, "/v1/refunds") == 0)
		refunds_list(w);
	else if (strcmp(w->path, "/v1/disputes") == 0)
		disputes_list(w);
	else if (strcmp(w->path, "/v1/balance_transactions") == 0)
		movements_list(w);
	else
		refuse(w, 404);
}

/* Serving: one after the other, as each takes a moment. */

static void
client(int fd, bool is_api)
{
	struct web *w;
	struct arena *a = arena_new();

	w = arena_calloc(a, 1, sizeof(*w));
	w->a = a;
	w->fd = fd;
	if (is_api) {
		w->tls = SSL_new(pretend.tls);
		if (w->tls == NULL || SSL_set_fd(w->tls, fd) != 1 ||
		    SSL_accept(w->tls) != 1)
			goto out;
	}
	if (!web_read(w))
		goto out;
	if (is_api)
		api(w);
	else
		checkout_page(w);
	if (w->tls != NULL)
		SSL_shutdown(w->tls);
out:
	SSL_free(w->tls);
	arena_free(a);
}

static int
client_take(int door)
{
	const struct timeval limit = { .tv_sec = CLIENT_S };
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd != -1) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	}
	return fd;
}

/* A browser opens connections before it needs them: none holds up the others, so
 * it is waited until one has something to say. */
static void
serve(int api_door, int page_door)
{
	enum { OPEN_MAX_HERE = 64 };
	struct pollfd p[OPEN_MAX_HERE + 2] = { { api_door, POLLIN, 0 },
		{ page_door, POLLIN, 0 } };
	bool of_api[OPEN_MAX_HERE + 2] = { false };
	nfds_t n = 2, i;

	while (poll(p, n, -1) != -1 || errno == EINTR) {
		for (i = n; i-- > 2;) {
			if (p[i].revents == 0)
				continue;
			client(p[i].fd, of_api[i]);
			close(p[i].fd);
			n--;
			p[i] = p[n];
			of_api[i] = of_api[n];
		}
		for (i = 0; i < 2; i++) {
			if ((p[i].revents & POLLIN) == 0)
				continue;
			if (n == OPEN_MAX_HERE + 2) {
				close(p[2].fd); /* the one that waits longest */
				p[2] = p[--n];
				of_api[2] = of_api[n];
			}
			p[n] = (struct pollfd){ client_take(p[i].fd), POLLIN,
				0 };
			of_api[n] = i == 0;
			if (p[n].fd != -1)
				n++;
		}
	}
}

static bool
secret_read(const char *folder, const char *name, char out[SECRET_MAX])
{
	char path[PATH_MAX];
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "re")) == NULL) {
		fprintf(stderr, "epione-demo: %s: %s\n", path, strerror(errno));
		return false;
	}
	got = fgets(out, SECRET_MAX, f) != NULL;
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return got;
}

static bool
tls_make(const char *folder)
{
	char certificate[PATH_MAX], key[PATH_MAX];

	snprintf(certificate, sizeof(certificate), "%s/tls/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/tls/key.pem", folder);
	pretend.tls = SSL_CTX_new(TLS_server_method());
	pretend.ours = SSL_CTX_new(TLS_client_method());
	if (pretend.tls == NULL || pretend.ours == NULL ||
	    SSL_CTX_use_certificate_chain_file(pretend.tls, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(pretend.tls, key, SSL_FILETYPE_PEM) !=
		1 ||
	    SSL_CTX_load_verify_file(pretend.ours, certificate) != 1) {
		fprintf(
		    stderr, "epione-demo: no certificate in %s/tls\n", folder);
		return false;
	}
	SSL_CTX_set_mode(pretend.ours, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(pretend.ours, SSL_VERIFY_PEER, NULL);
	return true;
}

int
demo_checkout_main(int argc, char **argv)
{
	int api_door, page_door;

	if (argc != 4 || strncmp(argv[3], "https://localhost:", 18) != 0)
		return command_usage(demo_checkout_main);
	snprintf(
	    pretend.folder, sizeof(pretend.folder), "%s/payments", argv[0]);
	snprintf(pretend.page, sizeof(pretend.page), "http://localhost:%.5s",
	    argv[2]);
	pretend.server = argv[3];
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    (mkdir(pretend.folder, 0700) == -1 && errno != EEXIST)) {
		fprintf(stderr, "epione-demo: %s: %s\n", pretend.folder,
		    strerror(errno));
		return 1;
	}
	if (crypto_init() != ERR_OK ||
	    !secret_read(argv[0], "stripe.key", pretend.key) ||
	    !secret_read(argv[0], "stripe.webhook", pretend.webhook) ||
	    !tls_make(argv[0]) || (api_door = door_open(argv[1])) == -1 ||
	    (page_door = door_open(argv[2])) == -1)
		return 1;
	serve(api_door, page_door);
	return 1;
}
