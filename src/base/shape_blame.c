#include "base/shape.h"
#include "base/text.h"

#define NAME_MAX_BYTES 100 /* of one name; longer ones are not told */

/* The brackets that are open at some byte of a text, and the name that was last
 * read in each: a member's, or none yet. The outermost is not in a bracket. */
struct level {
	struct bytes name;
	bool object;
	bool naming; /* the next string is a name */
};

struct reading {
	struct level open[SHAPE_DEPTH_MAX + 1];
	size_t depth;
};

/* Behind the string that begins at i; `end` if it does not end before that. */
static size_t
string_end(struct bytes in, size_t i, size_t end)
{
	for (i++; i < end; i++) {
		if (in.p[i] == '\\')
			i++;
		else if (in.p[i] == '"')
			return i + 1;
	}
	return end;
}

static void
bracket_open(struct reading *rd, bool object)
{
	if (rd->depth < SHAPE_DEPTH_MAX)
		rd->open[++rd->depth] = (struct level){ .object = object,
			.naming = object };
}

static void
byte_read(struct reading *rd, uint8_t c)
{
	struct level *l = &rd->open[rd->depth];

	switch (c) {
	case '{':
	case '[':
		bracket_open(rd, c == '{');
		break;
	case '}':
	case ']':
		rd->depth -= rd->depth > 0;
		break;
	case ':':
		l->naming = false;
		break;
	case ',':
		l->naming = l->object;
		l->name.n = 0;
		break;
	default:
		break;
	}
}

static const char *
path_of(struct arena *a, const struct reading *rd)
{
	const char *path = NULL, *name;
	const struct bytes *b;
	size_t d;

	for (d = 1; d <= rd->depth; d++) {
		b = &rd->open[d].name;
		if (b->n == 0)
			continue; /* a list, or no name yet */
		if (b->n > NAME_MAX_BYTES ||
		    !text_utf8_valid((const char *)b->p, b->n))
			return NULL;
		name = arena_text_n(a, (const char *)b->p, b->n);
		path = path == NULL ? name
				    : arena_format(a, "%s.%s", path, name);
	}
	return path;
}

const char *
shape_blame(struct arena *a, struct bytes in, size_t end)
{
	struct reading rd = { .depth = 0 };
	struct level *l;
	size_t i, next;

	if (end > in.n)
		end = in.n;
	for (i = 0; i < end; i = next) {
		next = i + 1;
		if (in.p[i] != '"') {
			byte_read(&rd, in.p[i]);
			continue;
		}
		next = string_end(in, i, end);
		l = &rd.open[rd.depth];
		if (l->naming && in.p[next - 1] == '"' && next - i > 2)
			l->name = (struct bytes){ in.p + i + 1, next - i - 2 };
	}
	return path_of(a, &rd);
}
