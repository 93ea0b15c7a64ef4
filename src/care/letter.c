#include "care/letter.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX   8192  /* bytes of one part */
#define MESSAGE_MAX 65536 /* parts in base64, and their headers */
#define LINE_TEXT   57	  /* bytes that make 76 of base64 (RFC 2045 6.8) */
#define WORD_TEXT   42	  /* bytes of one encoded word (RFC 2047: 75 in all) */

/* Text that is being written; what no longer fits marks it as too long. */
struct draft {
	char *p;
	size_t n, room;
	bool full;
};

static struct draft
draft_new(struct arena *a, size_t room)
{
	return (struct draft){ arena_alloc(a, room), 0, room, false };
}

static void
put_n(struct draft *d, const char *s, size_t n)
{
	if (n >= d->room - d->n) {
		d->full = true;
		return;
	}
	memcpy(d->p + d->n, s, n);
	d->n += n;
	d->p[d->n] = '\0';
}

static void
put(struct draft *d, const char *s)
{
	put_n(d, s, strlen(s));
}

static void
put_html(struct draft *d, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '&':
			put(d, "&amp;");
			break;
		case '<':
			put(d, "&lt;");
			break;
		case '>':
			put(d, "&gt;");
			break;
		case '"':
			put(d, "&quot;");
			break;
		default:
			put_n(d, s, 1);
		}
}

/* Templates */

struct filling {
	const char *word, *value;
};

/* Up to `end`, with what stands in braces filled in. */
static void
fill(struct draft *d, const char *s, const char *end,
    const struct letter_words *w, void (*write)(struct draft *, const char *))
{
	const struct filling fillings[] = {
		{ "{clinic}", w->from_name },
		{ "{link}", w->link == NULL ? "" : w->link },
		{ "{lines}", w->link == NULL ? "" : w->link },
	};
	const size_t n = sizeof(fillings) / sizeof(fillings[0]);
	char one[2] = "";
	size_t i;

	while (s < end) {
		for (i = 0; i < n; i++)
			if (strncmp(s, fillings[i].word,
				strlen(fillings[i].word)) == 0)
				break;
		if (i < n) {
			write(d, fillings[i].value);
			s += strlen(fillings[i].word);
		} else {
			one[0] = *s++;
			write(d, one);
		}
	}
}

static const char *
paragraph_end(const char *s)
{
	const char *end = strstr(s, "\n\n");

	return end == NULL ? s + strlen(s) : end;
}

static void
put_paragraph(struct draft *d, const char *s, const char *end,
    const struct letter_words *w)
{
	bool link = end - s == 6 && strncmp(s, "{link}", 6) == 0;

	if (end - s == 7 && strncmp(s, "{lines}", 7) == 0) {
		put(d, "<pre>");
		fill(d, s, end, w, put_html);
		put(d, "</pre>\r\n");
		return;
	}
	put(d, "<p>");
	if (link) {
		put(d, "<a href=\"");
		put_html(d, w->link == NULL ? "" : w->link);
		put(d, "\">");
	}
	fill(d, s, end, w, put_html);
	put(d, link ? "</a></p>\r\n" : "</p>\r\n");
}

static void
put_page(struct draft *d, const struct letter_words *w)
{
	const char *s, *end;

	put(d, "<!DOCTYPE html>\r\n<html lang=\"");
	put_html(d, w->language);
	put(d, "\">\r\n<head><meta charset=\"utf-8\"><title>");
	put_html(d, w->from_name);
	put(d, "</title></head>\r\n<body>\r\n");
	for (s = w->text; *s != '\0'; s = *end == '\0' ? end : end + 2) {
		end = paragraph_end(s);
		put_paragraph(d, s, end, w);
	}
	put(d, "</body>\r\n</html>\r\n");
}

/* Lines end in CR LF, as the part's canonical form wants. */
static void
put_plain(struct draft *d, const struct letter_words *w)
{
	const char *s, *end;

	for (s = w->text; *s != '\0'; s = *end == '\0' ? end : end + 1) {
		end = s + strcspn(s, "\n");
		fill(d, s, end, w, put);
		put(d, "\r\n");
	}
}

/* Headers */

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

/* Where to cut: not inside of a character (RFC 2047 5). */
static size_t
word_length(const char *s)
{
	size_t n = strlen(s);

	if (n <= WORD_TEXT)
		return n;
	for (n = WORD_TEXT; ((unsigned char)s[n] & 0xc0) == 0x80; n--)
		continue;
	return n;
}

/* Encoded words whatever the text, so that there is one way. */
static void
put_words(struct arena *a, struct draft *d, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = word_length(s);
		put(d, "=?UTF-8?B?");
		put(d, text_base64(a, s, n));
		put(d, s[n] == '\0' ? "?=" : "?=\r\n ");
	}
}

static bool
address_fits(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f ||
		    strchr("<>()[],;:\\\"", *s) != NULL)
			return false;
	return true;
}

static const char *
host_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "localhost" : at + 1;
}

static void
put_date(struct draft *d, int64_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)now;
	struct tm tm;
	char text[64];

	if (gmtime_r(&t, &tm) == NULL)
		return;
	snprintf(text, sizeof(text),
	    "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n",
	    days + (size_t)tm.tm_wday * 3, tm.tm_mday,
	    months + (size_t)tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	put(d, text);
}

static void
put_headers(struct arena *a, struct draft *d, const struct letter_words *w)
{
	struct draft subject = draft_new(a, WORDS_MAX);

	fill(&subject, w->subject, w->subject + strlen(w->subject), w, put);
	put_date(d, w->now);
	put(d, "From: ");
	put_words(a, d, w->from_name);
	put(d, arena_format(a, " <%s>\r\nTo: <%s>\r\n", w->from, w->to));
	put(d, "Subject: ");
	put_words(a, d, subject.p);
	put(d,
	    arena_format(
		a, "\r\nMessage-ID: <%s@%s>\r\n", w->id, host_of(w->from)));
	put(d, arena_format(a, "Content-Language: %s\r\n", w->language));
	put(d, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
	d->full = d->full || subject.full;
}

/* Parts */

static void
put_base64(struct arena *a, struct draft *d, const struct draft *text)
{
	size_t at, n;

	for (at = 0; at < text->n; at += n) {
		n = text->n - at < LINE_TEXT ? text->n - at : LINE_TEXT;
		put(d, text_base64(a, text->p + at, n));
		put(d, "\r\n");
	}
}

static void
put_part(struct arena *a, struct draft *d, const char *boundary,
    const char *type, const struct draft *text)
{
	put(d,
	    arena_format(a,
		"--%s\r\nContent-Type: %s; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		boundary, type));
	put_base64(a, d, text);
	d->full = d->full || text->full;
}

enum err
letter_write(
    struct arena *a, const struct letter_words *w, struct letter *letter)
{
	struct draft d = draft_new(a, MESSAGE_MAX),
		     plain = draft_new(a, WORDS_MAX),
		     page = draft_new(a, WORDS_MAX);
	const char *boundary = arena_format(a, "part-%s", w->id);

	if (!address_fits(w->from) || !address_fits(w->to) ||
	    !is_plain(w->id) || !is_plain(w->language))
		return ERR_INVALID_FIELD;
	put_plain(&plain, w);
	put_page(&page, w);
	put_headers(a, &d, w);
	put(&d,
	    arena_format(a,
		"Content-Type: multipart/alternative; boundary=\"%s\"\r\n"
		"\r\n",
		boundary));
	put_part(a, &d, boundary, "text/plain", &plain);
	put_part(a, &d, boundary, "text/html", &page);
	put(&d, arena_format(a, "--%s--\r\n", boundary));
	if (d.full)
		return ERR_INVALID_FIELD;
	*letter = (struct letter){ w->from, w->to, d.p, d.n };
	return ERR_OK;
}

/* Carrying */

static letter_carry *carrier;

void
letter_carrier(letter_carry *c)
{
	carrier = c;
}

enum err
letter_send(struct arena *a, const struct letter *letter)
{
	return carrier == NULL ? ERR_MAIL_DELAYED : carrier(a, letter);
}
