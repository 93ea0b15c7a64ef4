/*
 * The load of reads on the database: statements as the server sends them, in
 * round trips over several connections, of two variants in turns on the very
 * same backends. What the machine does besides befalls both alike, so
 * that their ratio says something where their rates do not.
 *
 *   round_trips CONNINFO CONNECTIONS BLOCK_MS BLOCKS <script
 *
 * The script is lines of fields with tabs between, in which "\n" stands for a
 * line's end and "\N" for NULL:
 *
 *   variant NAME              the lines below are of it
 *   prepare NAME SQL          done once on each connection
 *   run NAME VALUE...         one statement of its read; values are text
 *   sync                      what is above travels together
 *   read                      there is one read more in it; without: one
 *
 * Each block of each variant is answered by one line of JSON: its reads, how
 * long they took, and the processor time of the backends (/proc/PID/schedstat).
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VARIANTS    8
#define STATEMENTS  32
#define VALUES	    24
#define CONNECTIONS 64
#define SAMPLES	    200000

struct statement {
	char *name; /* NULL: the round trip ends here */
	const char *values[VALUES];
	int values_n;
};

struct variant {
	char *name;
	char *prepared[STATEMENTS][2];
	size_t prepared_n;
	struct statement run[STATEMENTS];
	size_t run_n;
	size_t reads; /* that it does in one go; 0: one */
};

struct connection {
	PGconn *pg;
	size_t next; /* statement of the variant */
	int64_t began_ns;
	bool busy;
};

static struct variant variants[VARIANTS];
static size_t variants_n;
static struct connection connections[CONNECTIONS];
static size_t connections_n;
static int64_t samples[SAMPLES];
static size_t reads;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "round_trips: %s: %s\n", what, why);
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The script */

static char *
text_read(const char *field)
{
	char *text = strdup(field), *to = text;
	const char *p;

	if (text == NULL)
		fail("script", "memory");
	if (strcmp(field, "\\N") == 0) {
		free(text);
		return NULL;
	}
	for (p = field; *p != '\0'; p++)
		if (p[0] == '\\' && p[1] == 'n') {
			*to++ = '\n';
			p++;
		} else
			*to++ = *p;
	*to = '\0';
	return text;
}

static struct statement *
statement_add(struct variant *v)
{
	if (v->run_n == STATEMENTS)
		fail("script", "too many statements");
	return &v->run[v->run_n++];
}

static void
run_read(struct variant *v, char *rest)
{
	struct statement *s = statement_add(v);
	char *field;

	s->name = text_read(strsep(&rest, "\t"));
	while ((field = strsep(&rest, "\t")) != NULL) {
		if (s->values_n == VALUES)
			fail("script", "too many values");
		s->values[s->values_n++] = text_read(field);
	}
}

static void
line_read(char *line)
{
	struct variant *v = variants_n > 0 ? &variants[variants_n - 1] : NULL;
	char *word = strsep(&line, "\t");

	if (strcmp(word, "variant") == 0 && variants_n < VARIANTS)
		variants[variants_n++].name = text_read(line);
	else if (v == NULL)
		fail("script", "no variant");
	else if (strcmp(word, "prepare") == 0 && v->prepared_n < STATEMENTS) {
		v->prepared[v->prepared_n][0] = text_read(strsep(&line, "\t"));
		v->prepared[v->prepared_n++][1] = text_read(line);
	} else if (strcmp(word, "run") == 0)
		run_read(v, line);
	else if (strcmp(word, "sync") == 0)
		statement_add(v)->name = NULL;
	else if (strcmp(word, "read") == 0)
		v->reads++;
	else
		fail("script", word);
}

static void
script_read(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		line_read(line);
	}
	free(line);
}

/* Connections */

static void
connect_one(struct connection *c, const char *conninfo)
{
	size_t v, i;
	PGresult *res;

	c->pg = PQconnectdb(conninfo);
	if (PQstatus(c->pg) != CONNECTION_OK)
		fail("connect", PQerrorMessage(c->pg));
	for (v = 0; v < variants_n; v++)
		for (i = 0; i < variants[v].prepared_n; i++) {
			res = PQprepare(c->pg, variants[v].prepared[i][0],
			    variants[v].prepared[i][1], 0, NULL);
			if (PQresultStatus(res) != PGRES_COMMAND_OK)
				fail("prepare", PQerrorMessage(c->pg));
			PQclear(res);
		}
	if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1)
		fail("pipeline", PQerrorMessage(c->pg));
}

static void
trip_send(struct connection *c, const struct variant *v)
{
	const struct statement *s;

	if (c->next == 0)
		c->began_ns = now_ns();
	for (s = &v->run[c->next]; s->name != NULL; s++, c->next++)
		if (PQsendQueryPrepared(c->pg, s->name, s->values_n, s->values,
			NULL, NULL, 1) != 1)
			fail("send", PQerrorMessage(c->pg));
	c->next++; /* behind the Sync */
	if (PQpipelineSync(c->pg) != 1 || PQflush(c->pg) < 0)
		fail("send", PQerrorMessage(c->pg));
	c->busy = true;
}

static void
reads_done(struct connection *c, const struct variant *v)
{
	size_t i, n = v->reads > 0 ? v->reads : 1;

	for (i = 0; i < n; i++, reads++)
		if (reads < SAMPLES)
			samples[reads] = now_ns() - c->began_ns;
	c->next = 0;
}

/* A statement that answers no row would be cheap for the wrong reason. */
static void
answer_check(struct connection *c, PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_PIPELINE_SYNC)
		c->busy = false;
	else if (status == PGRES_TUPLES_OK && PQntuples(res) != 1)
		fail("answer", "not one row");
	else if (status == PGRES_COMMAND_OK &&
	    strcmp(PQcmdStatus(res), "INSERT 0 0") == 0)
		fail("answer", "no audit row");
	else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail("answer", PQresultErrorMessage(res));
	PQclear(res);
}

static void
answers_take(struct connection *c)
{
	PGresult *res;

	if (PQconsumeInput(c->pg) != 1)
		fail("read", PQerrorMessage(c->pg));
	while (c->busy && !PQisBusy(c->pg))
		if ((res = PQgetResult(c->pg)) != NULL)
			answer_check(c, res);
}

/* Blocks */

static bool
step(struct connection *c, const struct variant *v, bool more)
{
	if (c->busy)
		answers_take(c);
	if (!c->busy && c->next == v->run_n)
		reads_done(c, v);
	if (!c->busy && (more || c->next > 0))
		trip_send(c, v);
	return c->busy;
}

static void
wait_any(void)
{
	struct pollfd fds[CONNECTIONS];
	size_t i;

	for (i = 0; i < connections_n; i++)
		fds[i] = (struct pollfd){
			connections[i].busy ? PQsocket(connections[i].pg) : -1,
			POLLIN, 0
		};
	if (poll(fds, connections_n, 10000) == 0)
		fail("wait", "no answer in 10 s");
}

static int64_t
backends_ns(void)
{
	char path[64];
	long long ns, sum = 0;
	size_t i;
	FILE *f;

	for (i = 0; i < connections_n; i++) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat",
		    PQbackendPID(connections[i].pg));
		if ((f = fopen(path, "r")) == NULL ||
		    fscanf(f, "%lld", &ns) != 1)
			fail(path, strerror(errno));
		fclose(f);
		sum += ns;
	}
	return sum;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
block(const struct variant *v, int64_t ns)
{
	int64_t cpu = backends_ns(), begin = now_ns(), took;
	size_t i, busy, n;

	reads = 0;
	do {
		busy = 0;
		for (i = 0; i < connections_n; i++)
			busy += step(&connections[i], v, now_ns() < begin + ns);
		if (busy > 0)
			wait_any();
	} while (busy > 0);
	took = now_ns() - begin;
	cpu = backends_ns() - cpu;
	n = reads < SAMPLES ? reads : SAMPLES;
	qsort(samples, n, sizeof(samples[0]), by_size);
	printf("{\"variant\":\"%s\",\"reads\":%zu,\"us\":%lld,"
	       "\"backend_us\":%lld,\"p50_us\":%lld,\"p99_us\":%lld}\n",
	    v->name, reads, (long long)took / 1000, (long long)cpu / 1000,
	    (long long)samples[n / 2] / 1000,
	    (long long)samples[n * 99 / 100] / 1000);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int64_t block_ns;
	size_t i, v;
	int blocks;

	if (argc != 5)
		fail("usage",
		    "round_trips CONNINFO CONNECTIONS BLOCK_MS BLOCKS");
	connections_n = strtoul(argv[2], NULL, 10);
	block_ns = strtoll(argv[3], NULL, 10) * 1000000;
	blocks = (int)strtol(argv[4], NULL, 10);
	if (connections_n == 0 || connections_n > CONNECTIONS)
		fail("usage", "connections");
	script_read();
	for (i = 0; i < connections_n; i++)
		connect_one(&connections[i], argv[1]);
	for (; blocks > 0; blocks--)
		for (v = 0; v < variants_n; v++)
			block(&variants[v], block_ns);
	for (i = 0; i < connections_n; i++)
		PQfinish(connections[i].pg);
	return 0;
}
