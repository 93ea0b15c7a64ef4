#include "kore_world.h"

#include "base/text.h"

#include <string.h>

#define IGNORED_MAX 256

/*
 * RFC 6455 as world_socket()'s handler is to see it: a second reading, by one
 * who has the whole stream before him and no buffers.
 */
struct frame {
	bool fin, plain;
	uint8_t rsv, op, form;
	const uint8_t *mask;
	uint64_t n;
	uint8_t data[WORLD_MAXFRAME];
};

static struct story story;
static struct tape message;
static uint8_t message_op; /* 0: none is being put together */
static bool said_close;
static unsigned ignored; /* frames since */

bool
utf8_good(const void *text, size_t n)
{
	const char *p = text, *end = p + n, *nul;

	while ((nul = memchr(p, '\0', (size_t)(end - p))) != NULL) {
		if (!text_utf8_valid(p, (size_t)(nul - p)))
			return false;
		p = nul + 1;
	}
	return text_utf8_valid(p, (size_t)(end - p));
}

/* Can these become good by bytes that follow? */
static bool
completes(uint8_t *tail, size_t n, unsigned more)
{
	static const uint8_t next[] = { 0x80, 0xa0 }; /* one of them fits */
	size_t i;

	if (utf8_good(tail, n))
		return true;
	for (i = 0; more > 0 && i < sizeof(next); i++) {
		tail[n] = next[i];
		if (completes(tail, n + 1, more - 1))
			return true;
	}
	return false;
}

static bool
utf8_begun(const uint8_t *p, size_t n)
{
	uint8_t tail[8];
	size_t cut = 0;

	while (!utf8_good(p, n - cut))
		if (++cut > 3 || cut > n)
			return false;
	memcpy(tail, p + n - cut, cut);
	return completes(tail, cut, 3);
}

void
tape_frame(struct tape *t, uint8_t op, const void *p, size_t n)
{
	uint8_t head[4] = { 0x80 | op, 126, (uint8_t)(n >> 8), (uint8_t)n };

	if (n < 126)
		head[1] = (uint8_t)n;
	tape_add(t, head, n < 126 ? 2 : 4);
	tape_add(t, p, n);
}

static void
close_say(unsigned code)
{
	uint8_t two[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	if (said_close)
		return;
	said_close = true;
	story.close_code = code;
	tape_frame(&story.said, 8, two, 2);
}

/* What is wrong with a frame's first two bytes. */
static bool
opening_good(const struct frame *f)
{
	if (f->plain || f->rsv != 0)
		return false;
	if (f->op >= 8)
		return f->op <= 10 && f->fin && f->form < 126;
	return f->op <= 2 && (f->op == 0) == (message_op != 0);
}

/* Reads a frame: how many bytes it has, or 0 if it is not all there or wrong;
 * then it said so. */
static size_t
frame_read(const uint8_t *p, size_t n, struct frame *f)
{
	size_t head, i;

	if (n < 2)
		return 0;
	story.abandoned = said_close && ++ignored > IGNORED_MAX;
	if (story.abandoned)
		return 0;
	f->fin = p[0] & 0x80;
	f->rsv = p[0] & 0x70;
	f->op = p[0] & 0x0f;
	f->plain = !(p[1] & 0x80);
	f->form = p[1] & 0x7f;
	if (!opening_good(f)) {
		close_say(1002);
		return 0;
	}
	head = f->form == 127 ? 10 : f->form == 126 ? 4 : 2;
	if (n < head + 4)
		return 0;
	f->n = head == 2 ? f->form : 0;
	for (i = 2; i < head; i++)
		f->n = f->n << 8 | p[i];
	if ((f->form == 126 && f->n < 126) ||
	    (f->form == 127 && f->n <= 65535) || f->n >> 63) {
		close_say(1002);
		return 0;
	}
	if (f->n + (f->op == 0 ? message.n : 0) > WORLD_MAXFRAME) {
		close_say(1009);
		return 0;
	}
	if (n < head + 4 + f->n)
		return 0;
	for (i = 0; i < f->n; i++)
		f->data[i] = p[head + 4 + i] ^ p[head + i % 4];
	return head + 4 + f->n;
}

/* A message is complete; false if it is the last to be looked at. */
static bool
message_take(void)
{
	uint8_t op = message_op;

	message_op = 0;
	if (op == 1 && !utf8_good(message.p, message.n)) {
		close_say(1007);
		return false;
	}
	tape_heard(&story.heard, op, message.p, message.n);
	if (message.n >= 5 && memcmp(message.p, "close", 5) == 0)
		close_say(4001);
	else
		tape_frame(&story.said, op, message.p, message.n);
	return true;
}

static bool
code_good(unsigned code)
{
	return (code >= 3000 && code <= 4999) ||
	    (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
		code != 1006);
}

static void
close_take(const struct frame *f)
{
	unsigned code = f->n < 2 ? 1000 : f->data[0] << 8 | f->data[1];
	bool first = !said_close;

	if (f->n == 1 || !code_good(code))
		close_say(1002);
	else if (f->n > 2 && !utf8_good(f->data + 2, f->n - 2))
		close_say(1007);
	else {
		close_say(code);
		if (first && f->n == 0)
			story.close_code = 1005;
	}
}

/* False if nothing after it counts. */
static bool
frame_take(const struct frame *f)
{
	if (f->op == 8) {
		close_take(f);
		return false;
	}
	if (f->op == 9 && !said_close)
		tape_frame(&story.said, 10, f->data, f->n);
	if (f->op >= 8 || said_close)
		return true;
	if (f->op != 0) {
		message_op = f->op;
		message.n = 0;
	}
	tape_add(&message, f->data, f->n);
	if (message_op == 1 && !utf8_begun(message.p, message.n)) {
		close_say(1007);
		return false;
	}
	return !f->fin || message_take();
}

const struct story *
model_socket(const uint8_t *p, size_t n)
{
	static struct frame f;
	size_t one;

	story.heard.n = story.said.n = message.n = 0;
	story.close_code = message_op = said_close = 0;
	story.upgraded = true;
	story.abandoned = ignored = 0;
	if (n > 0)
		for (p++, n--; (one = frame_read(p, n, &f)) > 0; p += one) {
			n -= one;
			if (!frame_take(&f))
				break;
		}
	return &story;
}
