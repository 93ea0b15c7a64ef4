#include "ctl/audit_rows.h"

#include "ctl/operator.h"
#include "data/conninfo.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 16
#define RUN	    131072 /* rows that a reader puts in order at a time */
#define CHUNK	    256	   /* rows of a run that are read back at a time */
#define LOOK_NS	    50000000
#define BAR	    40 /* characters */

/* What the readers tell each other and who waits for them. */
struct shared {
	_Atomic size_t next;
	_Atomic int64_t bytes;
};

struct reader {
	pid_t pid;
	int fd;
	int64_t rows;
};

/* Rows that are in order, in a reader's file. */
struct run {
	int fd;
	int64_t at, end; /* rows */
	size_t n, i;
	struct audit_record v[CHUNK];
};

struct audit_rows {
	const struct audit_reading *what;
	struct shared *shared;
	struct reader readers[READERS_MAX];
	size_t readers_n;
	struct run *runs;
	struct run **heap;
	size_t runs_n, heap_n;
	/* a ring: the next rows */
	struct audit_record ahead[AUDIT_ROWS_AHEAD];
	size_t first, n;
	bool failed;
};

/* A reader */

struct sorting {
	struct audit_record *v;
	size_t n;
	int fd;
};

static bool
write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	for (; n > 0; n -= (size_t)done, at += done)
		if ((done = write(fd, at, n)) < 0) {
			if (errno != EINTR)
				return false;
			done = 0;
		}
	return true;
}

static bool
run_write(struct sorting *s)
{
	const size_t size = sizeof(s->v[0]);
	size_t i;

	for (i = 1; i < s->n; i++)
		if (audit_record_compare(&s->v[i - 1], &s->v[i]) > 0) {
			qsort(s->v, s->n, size, audit_record_compare);
			break;
		}
	if (!write_all(s->fd, s->v, s->n * size)) {
		operator_say(ERR_INTERNAL,
		    "the rows cannot be put in order: is there room in the "
		    "folder TMPDIR?");
		return false;
	}
	s->n = 0;
	return true;
}

static bool
line_take(const struct audit_reading *r, const struct audit_columns *c,
    struct sorting *s, const char *line, size_t n)
{
	if (!audit_row_read(r->words, c, line, n, &s->v[s->n])) {
		operator_say(ERR_INVALID_FIELD,
		    "there is a row of the log that is none: a column is "
		    "missing, or holds what it cannot");
		return false;
	}
	return ++s->n < RUN || run_write(s);
}

static bool
file_part(const struct audit_rows *rows, const struct audit_part *part,
    struct sorting *s)
{
	const char *line = part->from, *end, *told = line;

	for (; line < part->to; line = end + 1) {
		end = memchr(line, '\n', (size_t)(part->to - line));
		if (end == NULL)
			end = part->to;
		if (!line_take(rows->what, part->columns, s, line,
			(size_t)(end - line)))
			return false;
		if (end - told > 1 << 20) {
			atomic_fetch_add(&rows->shared->bytes, end - told);
			told = end;
		}
	}
	atomic_fetch_add(&rows->shared->bytes, part->to - told);
	return true;
}

static bool
database_part(const struct audit_rows *rows, const struct audit_part *part,
    PGconn *pg, struct sorting *s)
{
	PGresult *res = PQexec(pg, part->command);
	bool good = PQresultStatus(res) == PGRES_COPY_OUT;
	char *line;
	int n = -2;

	PQclear(res);
	while (good && (n = PQgetCopyData(pg, &line, 0)) > 0) {
		good = line_take(
		    rows->what, part->columns, s, line, (size_t)n - 1);
		PQfreemem(line);
	}
	if (!good || n != -1) {
		operator_say(ERR_UNAVAILABLE, PQerrorMessage(pg));
		return false;
	}
	while ((res = PQgetResult(pg)) != NULL) {
		good = good && PQresultStatus(res) == PGRES_COMMAND_OK;
		PQclear(res);
	}
	atomic_fetch_add(&rows->shared->bytes, part->bytes);
	return good;
}

/* As copy_time reads them, whatever the database prefers. */
static bool
iso_set(PGconn *pg)
{
	PGresult *res = PQexec(pg, "SET datestyle TO ISO");
	bool good = PQresultStatus(res) == PGRES_COMMAND_OK;

	PQclear(res);
	return good;
}

static PGconn *
connect_own(const struct audit_reading *what)
{
	struct conninfo_settings c;
	PGconn *pg;

	conninfo_settings(&c, what->database, what->password, "epionectl");
	pg = PQconnectdbParams(c.keys, c.values, 1);
	if (PQstatus(pg) == CONNECTION_OK && iso_set(pg))
		return pg;
	operator_say(ERR_UNAVAILABLE, PQerrorMessage(pg));
	PQfinish(pg);
	return NULL;
}

/* No reader begins another one. */
static void
parts_leave(const struct audit_rows *rows)
{
	atomic_store(&rows->shared->next, rows->what->parts_n);
}

static bool
parts_read(const struct audit_rows *rows, PGconn *pg, struct sorting *s)
{
	const struct audit_reading *what = rows->what;
	size_t i;

	while ((i = atomic_fetch_add(&rows->shared->next, 1)) < what->parts_n)
		if (what->parts[i].command == NULL
			? !file_part(rows, &what->parts[i], s)
			: !database_part(rows, &what->parts[i], pg, s)) {
			parts_leave(rows);
			return false;
		}
	return s->n == 0 || run_write(s);
}

static bool
reader_run(const struct audit_rows *rows, int fd)
{
	struct sorting s = { malloc(RUN * sizeof(s.v[0])), 0, fd };
	PGconn *pg = NULL;
	bool good = s.v != NULL &&
	    (rows->what->database == NULL ||
		(pg = connect_own(rows->what)) != NULL) &&
	    parts_read(rows, pg, &s);

	if (pg != NULL)
		PQfinish(pg);
	free(s.v);
	return good;
}

/* Readers */

static int
file_new(void)
{
	const char *folder = getenv("TMPDIR");

	return open(folder == NULL ? "/tmp" : folder,
	    O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool
reader_start(struct audit_rows *rows)
{
	struct reader *r = &rows->readers[rows->readers_n];

	if ((r->fd = file_new()) < 0) {
		operator_say(
		    ERR_INTERNAL, "no file can be made in the folder TMPDIR");
		return false;
	}
	rows->readers_n++;
	fflush(NULL);
	if ((r->pid = fork()) == 0)
		_exit(reader_run(rows, r->fd) ? 0 : 1);
	if (r->pid < 0)
		operator_say(ERR_INTERNAL, "no process can be started");
	return r->pid > 0;
}

/* Is it there no more? *good stays if it did all. */
static bool
reader_ended(struct reader *r, bool *good)
{
	int status = 0;
	pid_t pid;

	if (r->pid <= 0)
		return true;
	pid = waitpid(r->pid, &status, WNOHANG);
	if (pid == 0 || (pid < 0 && errno == EINTR))
		return false;
	*good = *good && pid == r->pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
	r->pid = 0;
	return true;
}

static void
bar_show(const struct audit_rows *rows, int64_t all)
{
	const int64_t done = atomic_load(&rows->shared->bytes);
	const int full = all == 0 ? BAR : (int)(BAR * done / all);
	char bar[BAR + 1];
	int i;

	if (!isatty(STDERR_FILENO))
		return;
	for (i = 0; i < BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\rreading the log [%s]", bar);
	if (full == BAR)
		fputc('\n', stderr);
}

static bool
readers_wait(struct audit_rows *rows)
{
	const struct timespec look = { 0, LOOK_NS };
	size_t i, left = rows->readers_n;
	int64_t all = 0;
	bool good = true;

	for (i = 0; i < rows->what->parts_n; i++)
		all += rows->what->parts[i].bytes;
	while (left > 0) {
		for (left = i = 0; i < rows->readers_n; i++)
			left += !reader_ended(&rows->readers[i], &good);
		bar_show(rows, all);
		if (left > 0)
			nanosleep(&look, NULL);
	}
	return good;
}

/* Merging */

static bool
run_fill(struct run *r)
{
	const int64_t left = r->end - r->at;
	const size_t want = left < CHUNK ? (size_t)left : CHUNK,
		     size = want * sizeof(r->v[0]);

	r->n = r->i = 0;
	if (pread(r->fd, r->v, size,
		(off_t)(r->at * (int64_t)sizeof(r->v[0]))) != (ssize_t)size)
		return false;
	r->n = want;
	r->at += (int64_t)want;
	return true;
}

static bool
before(const struct run *a, const struct run *b)
{
	return audit_record_compare(&a->v[a->i], &b->v[b->i]) < 0;
}

static void
heap_down(struct audit_rows *rows, size_t i)
{
	struct run **h = rows->heap, *moved = h[i];
	size_t child;

	for (; (child = 2 * i + 1) < rows->heap_n; i = child) {
		if (child + 1 < rows->heap_n && before(h[child + 1], h[child]))
			child++;
		if (!before(h[child], moved))
			break;
		h[i] = h[child];
	}
	h[i] = moved;
}

static bool
runs_open(struct audit_rows *rows)
{
	int64_t at, n;
	size_t i;

	for (i = 0; i < rows->readers_n; i++) {
		rows->readers[i].rows = lseek(
					    rows->readers[i].fd, 0, SEEK_END) /
		    (int64_t)sizeof(struct audit_record);
		rows->runs_n += (size_t)((rows->readers[i].rows + RUN - 1) /
		    RUN);
	}
	rows->runs = calloc(rows->runs_n + 1, sizeof(*rows->runs));
	rows->heap = calloc(rows->runs_n + 1, sizeof(struct run *));
	if (rows->runs == NULL || rows->heap == NULL)
		return false;
	for (i = 0; i < rows->readers_n; i++)
		for (at = 0; at < rows->readers[i].rows; at += n) {
			struct run *r = &rows->runs[rows->heap_n];

			n = rows->readers[i].rows - at;
			if (n > RUN)
				n = RUN;
			*r = (struct run){ .fd = rows->readers[i].fd,
				.at = at,
				.end = at + n };
			if (!run_fill(r))
				return false;
			rows->heap[rows->heap_n++] = r;
		}
	for (i = rows->heap_n / 2; i > 0; i--)
		heap_down(rows, i - 1);
	return true;
}

static void
next_take(struct audit_rows *rows)
{
	struct run *r = rows->heap[0];

	rows->ahead[(rows->first + rows->n++) % AUDIT_ROWS_AHEAD] = r->v[r->i];
	if (++r->i == r->n) {
		if (r->at < r->end)
			rows->failed = !run_fill(r) || rows->failed;
		else
			rows->heap[0] = rows->heap[--rows->heap_n];
	}
	if (rows->heap_n > 0)
		heap_down(rows, 0);
}

const struct audit_record *
audit_rows_peek(struct audit_rows *rows, size_t skip)
{
	while (rows->n <= skip && rows->heap_n > 0 && !rows->failed &&
	    rows->n < AUDIT_ROWS_AHEAD)
		next_take(rows);
	return skip < rows->n && !rows->failed
	    ? &rows->ahead[(rows->first + skip) % AUDIT_ROWS_AHEAD]
	    : NULL;
}

bool
audit_rows_failed(const struct audit_rows *rows)
{
	return rows->failed;
}

void
audit_rows_pass(struct audit_rows *rows)
{
	rows->first = (rows->first + 1) % AUDIT_ROWS_AHEAD;
	rows->n--;
}

enum err
audit_rows_read(const struct audit_reading *what, struct audit_rows **out)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct audit_rows *rows = calloc(1, sizeof(*rows));
	long i;
	bool good;

	if (rows == NULL)
		return ERR_INTERNAL;
	*out = rows;
	rows->what = what;
	rows->shared = mmap(NULL, sizeof(*rows->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	good = rows->shared != MAP_FAILED;
	/* else nobody could tell how they ended */
	good = signal(SIGCHLD, SIG_DFL) != SIG_ERR && good;
	for (i = 0; good && i < cores && i < READERS_MAX; i++)
		good = reader_start(rows);
	if (!good && rows->readers_n > 0)
		parts_leave(rows);
	good = readers_wait(rows) && good;
	return good && runs_open(rows) ? ERR_OK : ERR_INTERNAL;
}

void
audit_rows_free(struct audit_rows *rows)
{
	size_t i;

	if (rows == NULL)
		return;
	for (i = 0; i < rows->readers_n; i++)
		close(rows->readers[i].fd);
	if (rows->shared != MAP_FAILED)
		munmap(rows->shared, sizeof(*rows->shared));
	free(rows->runs);
	free(rows->heap);
	free(rows);
}
