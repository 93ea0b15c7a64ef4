/* What the payer sees of the pretend processor, and what else happens to money. */
#include "demo/checkout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE                                                                   \
	"Content-Security-Policy: default-src 'none'; style-src "              \
	"'unsafe-inline'; form-action 'self' https://localhost:*; "            \
	"frame-ancestors 'none'\r\n"
#define HTML "text/html; charset=utf-8"

static const char *
member(const json_t *o, const char *object, const char *name)
{
	const char *s = json_string_value(
	    json_object_get(json_object_get(o, object), name));

	return s == NULL ? "" : s;
}

static int
digits_of(const char *code)
{
	static const struct {
		const char *code;
		int digits;
	} known[] = {
#define CURRENCY(name, digits, step) { #name, digits },
#include "tables/currencies.def"
#undef CURRENCY
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(code, known[i].code) == 0)
			return known[i].digits;
	return 2;
}

static void
amount_put(FILE *f, const json_t *o)
{
	const char *code = member(o, "session", "currency");
	long long n = json_integer_value(json_object_get(
		      json_object_get(o, "session"), "amount_total")),
		  unit = 1;
	int i, digits = digits_of(code);

	for (i = 0; i < digits; i++)
		unit *= 10;
	fprintf(f, "%lld", n / unit);
	if (digits > 0)
		fprintf(f, ".%0*lld", digits, n % unit);
	fputc(' ', f);
	for (; *code >= 'a' && *code <= 'z'; code++)
		fputc(*code - 'a' + 'A', f);
}

static void
page_begin(FILE *f, const char *title)
{
	fprintf(f,
	    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>%s</title><meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">"
	    "<meta name=\"color-scheme\" content=\"light dark\"><style>"
	    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;"
	    "margin:2rem auto;padding:0 1rem}button{font:inherit;"
	    "padding:.6rem 1rem;margin:.25rem .25rem .25rem 0}"
	    "form{display:inline}.pretend{border:2px dashed;padding:.5rem "
	    "1rem}li{margin:1rem 0}</style></head><body><main>"
	    "<p class=\"pretend\">This is the demo&rsquo;s pretend processor. "
	    "No card is asked for, and no money moves.</p><h1>%s</h1>",
	    title, title);
}

static void
button_put(FILE *f, const json_t *o, const char *act, const char *words)
{
	fprintf(f,
	    "<form method=\"post\" action=\"/pay/%s\"><button name=\"act\" "
	    "value=\"%s\">%s</button></form>\n",
	    member(o, "session", "id"), act, words);
}

/* The address of ours to come back to: it came with the key, and is checked. */
static void
back_put(FILE *f, const json_t *o, const char *words)
{
	const char *back = member(o, "session", "success_url");

	if (strncmp(back, "https://localhost:", 18) == 0 &&
	    strpbrk(back, "\"<>'& ") == NULL)
		fprintf(f, "<p><a href=\"%s\">%s</a></p>", back, words);
}

static void
pay_put(FILE *f, const json_t *o, const char *said)
{
	const char *status = member(o, "session", "status");

	page_begin(f, "Pay the clinic");
	fputs("<p>Payment: <strong>", f);
	amount_put(f, o);
	fputs("</strong></p>", f);
	if (*said != '\0')
		fprintf(f, "<p role=\"alert\"><strong>%s</strong></p>", said);
	if (strcmp(status, "open") == 0) {
		button_put(f, o, "pay", "Pay");
		button_put(f, o, "decline", "Try a card that is declined");
		button_put(f, o, "expire", "Let the page expire");
		back_put(f, o, "Go back without paying");
	} else {
		fputs(strcmp(status, "complete") == 0
			? "<p>This is paid.</p>"
			: "<p>This page has expired.</p>",
		    f);
		back_put(f, o, "Back to the clinic");
	}
	fputs("<p><a href=\"/\">All payments of the demo</a></p></main></body>"
	      "</html>\n",
	    f);
}

static void
list_put(FILE *f)
{
	json_t *all = checkout_all(), *o;
	size_t i;

	page_begin(f, "Payments of the demo");
	fputs("<p>What payers and their banks do, for you to try. The clinic "
	      "is told of each at once.</p>",
	    f);
	if (json_array_size(all) == 0)
		fputs("<p>There is none yet: sign in to the clinic as the "
		      "patient, and pay for a visit.</p>",
		    f);
	fputs("<ul>", f);
	json_array_foreach (all, i, o) {
		fputs("<li>", f);
		amount_put(f, o);
		fprintf(f, ", %s. <a href=\"/pay/%s\">Its page</a><br>",
		    member(o, "session", "payment_status"),
		    member(o, "session", "id"));
		if (json_is_object(json_object_get(o, "dispute"))) {
			fprintf(f, "Disputed: %s. ",
			    member(o, "dispute", "status"));
			button_put(f, o, "won", "The clinic wins");
			button_put(f, o, "lost", "The clinic loses");
		} else if (json_is_object(json_object_get(o, "intent"))) {
			button_put(f, o, "dispute",
			    "The payer&rsquo;s bank takes it back");
		}
		fputs("</li>", f);
	}
	fputs("</ul></main></body></html>\n", f);
	json_decref(all);
}

/* What was decided: what is said of it, or NULL to go back to the clinic. */
static const char *
act_open(struct web *w, json_t *o, const char *what)
{
	if (strcmp(what, "pay") == 0) {
		checkout_pay(w->a, o);
		return NULL;
	}
	if (strcmp(what, "decline") == 0)
		return "The card was declined. Try again, or go back.";
	if (strcmp(what, "expire") == 0)
		checkout_expire(w->a, o);
	return "";
}

static const char *
act(struct web *w, json_t *o)
{
	const char *what = web_field(w, "act");

	if (strcmp(member(o, "session", "status"), "open") == 0)
		return act_open(w, o, what);
	if (!json_is_object(json_object_get(o, "intent")))
		return "";
	if (strcmp(what, "dispute") == 0)
		checkout_dispute(w->a, o, "needs_response");
	else if (strcmp(what, "won") == 0 || strcmp(what, "lost") == 0)
		checkout_dispute(w->a, o, what);
	return "";
}

static void
redirect(struct web *w, const char *to)
{
	if (strpbrk(to, "\r\n") == NULL)
		web_answer(w, 303, HTML,
		    arena_format(w->a, PAGE "Location: %s\r\n", to), "");
}

static void
page_answer(struct web *w, const json_t *o, const char *said)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return;
	if (o == NULL)
		list_put(f);
	else
		pay_put(f, o, said);
	fclose(f);
	web_answer(w, 200, HTML, PAGE, text);
	free(text);
}

/* Another site's page must not reach this one under a name of its own, nor press
 * its buttons. */
static bool
asked_by_us(const struct web *w)
{
	const char *host = web_header(w, "host"),
		   *from = web_header(w, "origin");

	return strncmp(host, "localhost:", 10) == 0 &&
	    (strcmp(w->method, "POST") != 0 ||
		(strncmp(from, "http://", 7) == 0 &&
		    strcmp(from + 7, host) == 0));
}

void
checkout_page(struct web *w)
{
	const char *said = "";
	json_t *o = NULL;

	if (!asked_by_us(w)) {
		web_answer(w, 403, "text/plain", "", "Open http://localhost");
		return;
	}
	if (strncmp(w->path, "/pay/", 5) == 0)
		o = checkout_load(w->path + 5);
	if (o == NULL && strcmp(w->path, "/") != 0) {
		web_answer(w, 404, "text/plain", "", "There is no such page.");
		return;
	}
	if (o != NULL && strcmp(w->method, "POST") == 0)
		said = act(w, o);
	if (said == NULL)
		redirect(w, member(o, "session", "success_url"));
	else if (o != NULL && strcmp(w->method, "POST") == 0 && *said == '\0')
		redirect(w,
		    json_is_object(json_object_get(o, "dispute")) ? "/"
								  : w->path);
	else
		page_answer(w, o, said);
	json_decref(o);
}
