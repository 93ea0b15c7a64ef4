/* The log in a dump: what PostgreSQL's dump writes as plain text. The file is not
 * read into memory: the system maps it. Of the hashes it is kept where each tile
 * stands, 56 bytes for 256 events. */
#include "ctl/audit_log.h"
#include "ctl/copy_text.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX 64
#define TABLES_MAX 4096
#define PART_BYTES 67108864
#define LOG_TABLE  "audit_log"

/* A table's lines in the dump. */
struct table {
	char name[64];
	const char *columns, *from, *to;
	size_t columns_n;
};
struct tile {
	struct uuid clinic;
	int64_t level, first, hashes;
	struct copy_field text;
};
struct audit_dump {
	const char *p;
	size_t n;
	struct table tables[TABLES_MAX];
	size_t tables_n;
	struct tile *tiles;
	size_t tiles_n, tiles_size;
};

static enum err
unfit(const char *sentence)
{
	return operator_say(ERR_INVALID_FIELD, sentence);
}

/* Tables */

/* "public.audit_tree (clinic_id, size, …) FROM stdin;" */
static bool
header_read(const char *line, const char *end, struct table *t)
{
	const char *open = memchr(line, '(', (size_t)(end - line)),
		   *close = memchr(line, ')', (size_t)(end - line)),
		   *dot = memchr(line, '.', (size_t)(end - line));
	size_t n;

	if (open == NULL || close == NULL || dot == NULL || dot > open ||
	    open - dot < 2 || close < open)
		return false;
	n = (size_t)(open - dot) - 2; /* without dot and space */
	if (n >= sizeof(t->name))
		return false;
	memcpy(t->name, dot + 1, n);
	t->name[n] = '\0';
	t->columns = open + 1;
	t->columns_n = (size_t)(close - open) - 1;
	return true;
}

/* From a line that begins with COPY to the one that ends its rows. */
static const char *
table_take(struct audit_dump *d, const char *line, const char *end)
{
	static const char close[] = "\n\\.\n";
	struct table *t = &d->tables[d->tables_n];
	const char *from = memchr(line, '\n', (size_t)(end - line)), *to;

	if (from == NULL)
		return end;
	/* the line feed before it, so that a table without rows ends, too */
	to = memmem(from, (size_t)(end - from), close, sizeof(close) - 1);
	if (to == NULL)
		return end;
	t->from = from + 1;
	t->to = to + 1 < t->from ? t->from : to + 1;
	if (d->tables_n + 1 < TABLES_MAX && header_read(line, from, t))
		d->tables_n++;
	return to + sizeof(close) - 1;
}

static void
tables_find(struct audit_dump *d)
{
	static const char copy[] = "COPY ";
	const char *line = d->p, *end = d->p + d->n, *next;

	while (line < end)
		if ((size_t)(end - line) > sizeof(copy) &&
		    copy_is(
			(struct copy_field){ line, sizeof(copy) - 1 }, copy))
			line = table_take(d, line, end);
		else {
			next = memchr(line, '\n', (size_t)(end - line));
			line = next == NULL ? end : next + 1;
		}
}

static const struct table *
table_find(const struct audit_dump *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->tables_n; i++)
		if (strcmp(d->tables[i].name, name) == 0)
			return &d->tables[i];
	return NULL;
}

/* Where a column stands; FIELDS_MAX: nowhere. */
static size_t
column_find(const struct table *t, const char *name)
{
	const char *p = t->columns, *end = p + t->columns_n;
	size_t i, n;

	for (i = 0; p < end && i < FIELDS_MAX; i++) {
		if (*p == '"')
			p++;
		for (n = 0; p + n < end && strchr(",\"", p[n]) == NULL;)
			n++;
		if (copy_is((struct copy_field){ p, n }, name))
			return i;
		p += n;
		while (p < end && strchr("\", ", *p) != NULL)
			p++;
	}
	return FIELDS_MAX;
}

/* Rows of a small table */

#define ROW_COLUMNS 5
typedef bool row_fn(struct audit_log *, const struct copy_field *f, void *arg);

static enum err
rows_each(struct audit_log *log, const char *name,
    const char *const names[ROW_COLUMNS], row_fn *fn, void *arg)
{
	const struct table *t = table_find(log->dump, name);
	struct copy_field all[FIELDS_MAX + 1], f[ROW_COLUMNS];
	size_t at[ROW_COLUMNS], i, n, row = 1;
	const char *line, *end;

	if (t == NULL)
		return unfit(
		    "the dump is not whole: it has to be a plain one of all "
		    "tables, as pg_dump --data-only writes it");
	for (i = 0; i < ROW_COLUMNS && names[i] != NULL; i++)
		at[i] = column_find(t, names[i]);
	for (line = t->from; line < t->to; line = end + 1, row++) {
		end = memchr(line, '\n', (size_t)(t->to - line));
		if (end == NULL)
			end = t->to;
		n = copy_fields(line, (size_t)(end - line), all, FIELDS_MAX);
		for (i = 0; i < ROW_COLUMNS && names[i] != NULL; i++) {
			if (at[i] >= n)
				return unfit("a row of the dump is cut off");
			f[i] = all[at[i]];
		}
		/* not what it says: it may be a key, or for the terminal */
		if (!fn(log, f, arg))
			return unfit(arena_format(log->a,
			    "row %zu of %s in the dump cannot be read", row,
			    name));
	}
	return ERR_OK;
}

static size_t
lines_of(const struct audit_log *log, const char *name)
{
	const struct table *t = table_find(log->dump, name);
	size_t n = 0;
	const char *p;

	for (p = t == NULL ? NULL : t->from; p != NULL && p < t->to; n++) {
		p = memchr(p, '\n', (size_t)(t->to - p));
		p = p == NULL ? NULL : p + 1;
	}
	return n;
}

static char *
text_of(struct audit_log *log, struct copy_field f)
{
	char *text;

	if (f.p == NULL)
		return NULL;
	text = arena_alloc(log->a, f.n + 1);
	copy_plain(f, text);
	return text;
}

static bool
bytes_of(struct audit_log *log, struct copy_field f, struct bytes *b)
{
	uint8_t *p = arena_alloc(log->a, f.n / 2 + 1);
	const int64_t n = f.p == NULL ? 0 : copy_bytes(f, p, f.n / 2);

	*b = (struct bytes){ p, n < 0 ? 0 : (size_t)n };
	return n >= 0;
}

static bool
sealed_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	(void)arg;
	return copy_int(f[0], &log->sealed.tx) &&
	    copy_int(f[1], &log->sealed.seq);
}

static bool
word_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	int64_t id;

	(void)arg;
	return copy_int(f[0], &id) &&
	    audit_word_keep(&log->words, id, text_of(log, f[1]));
}

static bool
gone_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct audit_gone_list_row *row = &log->gone[log->gone_n++];

	(void)arg;
	return copy_uuid(f[0], &row->clinic_id) &&
	    copy_int(f[1], &row->first) && copy_int(f[2], &row->n) &&
	    row->first >= 0 && row->n > 0 && row->n <= INT64_MAX - row->first;
}

static bool
class_key_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct audit_key_list_row *row = &log->keys[log->keys_n];

	(void)arg;
	if (!copy_is(f[1], "audit"))
		return true;
	log->keys_n++;
	return copy_uuid(f[0], &row->clinic_id) &&
	    copy_int(f[2], &row->version) && bytes_of(log, f[3], &row->wrapped);
}

static bool
told_key_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct uuid clinic;
	int64_t version;
	size_t i;

	(void)arg;
	if (!copy_uuid(f[0], &clinic) || !copy_int(f[1], &version))
		return false;
	for (i = 0; i < log->keys_n; i++)
		if (log->keys[i].version == version &&
		    uuid_equal(&log->keys[i].clinic_id, &clinic)) {
			log->keys[i].follows = text_of(log, f[3]);
			return bytes_of(log, f[2], &log->keys[i].public);
		}
	return true;
}

static struct audit_tree_list_row *
tree_of(struct audit_log *log, const struct uuid *clinic)
{
	struct audit_tree_list_row *t;
	size_t i;

	for (i = 0; i < log->trees_n; i++)
		if (uuid_equal(&log->trees[i].clinic_id, clinic))
			return &log->trees[i];
	t = &log->trees[log->trees_n++];
	*t = (struct audit_tree_list_row){ .clinic_id = *clinic };
	return t;
}

static bool
clinic_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct uuid clinic;
	char *name = text_of(log, f[1]), *p;

	(void)arg;
	if (!copy_uuid(f[0], &clinic))
		return false;
	for (p = name; p != NULL && *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?'; /* it is for the terminal */
	tree_of(log, &clinic)->name = name;
	return true;
}

static bool
tree_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct audit_tree_list_row *t;
	struct uuid clinic;

	(void)arg;
	if (!copy_uuid(f[0], &clinic))
		return false;
	t = tree_of(log, &clinic);
	t->note = text_of(log, f[3]);
	return copy_int(f[1], &t->size) && bytes_of(log, f[2], &t->edge);
}

/* Tiles */

static bool
tile_row(struct audit_log *log, const struct copy_field *f, void *arg)
{
	struct audit_dump *d = log->dump;
	struct tile *grown, t = { .text = f[3] };

	(void)arg;
	if (!copy_uuid(f[0], &t.clinic) || !copy_int(f[1], &t.level) ||
	    !copy_int(f[2], &t.first) || f[3].p == NULL)
		return false;
	t.hashes = ((int64_t)f[3].n - 3) / (2 * MERKLE_HASH_SIZE);
	if (d->tiles_n == d->tiles_size) {
		d->tiles_size = d->tiles_size * 2 + 1024;
		grown = realloc(d->tiles, d->tiles_size * sizeof(t));
		if (grown == NULL)
			return false;
		d->tiles = grown;
	}
	d->tiles[d->tiles_n++] = t;
	return true;
}

static int
tile_compare(const void *a, const void *b)
{
	const struct tile *l = a, *r = b;
	int d = uuid_compare(&l->clinic, &r->clinic);

	if (d != 0)
		return d;
	if (l->level != r->level)
		return l->level < r->level ? -1 : 1;
	return l->first < r->first ? -1 : l->first > r->first;
}

static enum err
hashes(struct audit_log *log, const struct uuid *clinic, unsigned level,
    int64_t from, int64_t most, uint8_t *out, int64_t *n)
{
	const struct audit_dump *d = log->dump;
	const struct tile key = {
		.clinic = *clinic, .level = level, .first = from
	};
	size_t low = 0, high = d->tiles_n, middle;
	int64_t more;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (tile_compare(&d->tiles[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low < d->tiles_n; low++) {
		const struct tile *t = &d->tiles[low];

		if (!uuid_equal(&t->clinic, clinic) || t->level != level ||
		    t->first != from + *n || t->hashes > most - *n)
			break;
		more = copy_bytes(t->text, out + *n * MERKLE_HASH_SIZE,
		    (size_t)(t->hashes * MERKLE_HASH_SIZE));
		if (more != t->hashes * MERKLE_HASH_SIZE)
			break;
		*n += t->hashes;
	}
	return ERR_OK;
}

/* Rows */

static size_t
table_parts(struct audit_log *log, const struct table *t, bool count)
{
	struct audit_columns *columns;
	const char *p = t->from, *end;
	size_t n = 0;

	columns = count ? NULL : arena_alloc(log->a, sizeof(*columns));
	if (columns != NULL &&
	    !audit_columns_read(t->columns, t->columns_n, columns))
		return 0;
	for (; p < t->to; p = end, n++) {
		end = t->to - p > PART_BYTES
		    ? memchr(p + PART_BYTES, '\n',
			  (size_t)(t->to - p - PART_BYTES))
		    : NULL;
		end = end == NULL ? t->to : end + 1;
		if (!count)
			log->parts[log->parts_n++] = (struct audit_part){
				.from = p,
				.to = end,
				.columns = columns,
				.bytes = end - p
			};
	}
	return n;
}

static enum err
parts_find(struct audit_log *log)
{
	const struct audit_dump *d = log->dump;
	size_t i, n = 0;

	for (i = 0; i < d->tables_n; i++)
		if (strncmp(d->tables[i].name, LOG_TABLE,
			sizeof(LOG_TABLE) - 1) == 0)
			n += table_parts(log, &d->tables[i], true);
	log->parts = arena_alloc(log->a, (n + 1) * sizeof(*log->parts));
	for (i = 0; i < d->tables_n; i++)
		if (strncmp(d->tables[i].name, LOG_TABLE,
			sizeof(LOG_TABLE) - 1) == 0)
			(void)table_parts(log, &d->tables[i], false);
	return log->parts_n == n
	    ? ERR_OK
	    : unfit("the log of the dump is of another version");
}

/* The whole */

static int
tree_compare(const void *a, const void *b)
{
	const struct audit_tree_list_row *l = a, *r = b;

	return uuid_compare(&l->clinic_id, &r->clinic_id);
}

static int
gone_compare(const void *a, const void *b)
{
	const struct audit_gone_list_row *l = a, *r = b;
	int d = uuid_compare(&l->clinic_id, &r->clinic_id);

	return d != 0 ? d : l->first < r->first ? -1 : l->first > r->first;
}

static int
key_compare(const void *a, const void *b)
{
	const struct audit_key_list_row *l = a, *r = b;
	int d = uuid_compare(&l->clinic_id, &r->clinic_id);

	return d != 0		      ? d
	    : l->version < r->version ? -1
				      : l->version > r->version;
}

static void
room_make(struct audit_log *log)
{
	const size_t trees = lines_of(log, "clinic") +
	    lines_of(log, "audit_tree") + 1,
		     gone = lines_of(log, "audit_gone"),
		     keys = lines_of(log, "class_key");

	log->trees = arena_alloc(log->a, trees * sizeof(*log->trees));
	log->gone = arena_alloc(log->a, (gone + 1) * sizeof(*log->gone));
	log->keys = arena_alloc(log->a, (keys + 1) * sizeof(*log->keys));
	memset(log->keys, 0, (keys + 1) * sizeof(*log->keys));
}

static enum err
tables_read(struct audit_log *log)
{
	static const struct {
		const char *name, *columns[ROW_COLUMNS];
		row_fn *fn;
	} tables[] = {
		{ "audit_sealed", { "tx", "seq" }, sealed_row },
		{ "audit_word", { "id", "word" }, word_row },
		{ "audit_gone", { "clinic_id", "first", "n" }, gone_row },
		{ "class_key", { "clinic_id", "class", "version", "wrapped" },
		    class_key_row },
		{ "audit_key", { "clinic_id", "version", "public", "follows" },
		    told_key_row },
		{ "clinic", { "id", "name" }, clinic_row },
		{ "audit_tree", { "clinic_id", "size", "edge", "note" },
		    tree_row },
		{ "audit_tile", { "clinic_id", "level", "first", "hashes" },
		    tile_row },
	};
	const struct uuid nobody = { { 0 } };
	size_t i;
	enum err r;

	room_make(log);
	(void)tree_of(log, &nobody);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if ((r = rows_each(log, tables[i].name, tables[i].columns,
			 tables[i].fn, NULL)) != ERR_OK)
			return r;
	qsort(log->trees, log->trees_n, sizeof(*log->trees), tree_compare);
	qsort(log->gone, log->gone_n, sizeof(*log->gone), gone_compare);
	qsort(log->keys, log->keys_n, sizeof(*log->keys), key_compare);
	if (log->dump->tiles_n > 0)
		qsort(log->dump->tiles, log->dump->tiles_n, sizeof(struct tile),
		    tile_compare);
	return parts_find(log);
}

static bool
file_map(struct audit_dump *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > 0)
		p = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return false;
	d->p = p;
	d->n = (size_t)st.st_size;
	return true;
}

enum err
audit_log_dump(struct audit_log *log, const char *path)
{
	log->hashes = hashes;
	if ((log->dump = calloc(1, sizeof(*log->dump))) == NULL)
		return ERR_INTERNAL;
	if (!file_map(log->dump, path))
		return unfit("the dump cannot be read: it is a file that "
			     "pg_dump wrote");
	tables_find(log->dump);
	return tables_read(log);
}

void
audit_log_dump_end(struct audit_log *log)
{
	struct audit_dump *d = log->dump;

	if (d == NULL)
		return;
	if (d->p != NULL)
		munmap((void *)(uintptr_t)d->p, d->n);
	free(d->tiles);
	free(d);
}
