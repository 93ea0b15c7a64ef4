#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The operator's log: one JSON object per line, an event name and typed
 * fields. There is no free text and no %s, so PHI cannot reach it: values are
 * numbers, ids, and short codes ([A-Za-z0-9_.:/-], at most 64 characters;
 * anything else in a code is written as '?').
 */
enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

struct log_field {
	const char *key;
	const char *code;      /* or NULL */
	const struct uuid *id; /* or NULL */
	int64_t number;	       /* when both are NULL */
};

#define LOG_NUM(k, v)  ((struct log_field){ .key = (k), .number = (int64_t)(v) })
#define LOG_CODE(k, v) ((struct log_field){ .key = (k), .code = (v) })
#define LOG_ID(k, v)   ((struct log_field){ .key = (k), .id = (v) })

/* log_info("db_connected", LOG_NUM("connection", 3)); */
#define log_info(event, ...)  log_at(LOG_LEVEL_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_LEVEL_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) log_at(LOG_LEVEL_ERROR, event, ##__VA_ARGS__)
#define log_at(level, event, ...)                                              \
	log_write(level, event,                                                \
	    (const struct log_field[]){ { .key = NULL }, ##__VA_ARGS__ },      \
	    sizeof((const struct log_field[]){                                 \
		{ .key = NULL }, ##__VA_ARGS__ }) /                            \
		sizeof(struct log_field))

/* fields[0] is not used. Prefer the macros. Event and keys are written as
 * codes are; a field that no longer fits in a line (1 KiB) is left out. */
void log_write(enum log_level, const char *event,
    const struct log_field *fields, size_t count);

/* Where lines go (without the newline); the default, and NULL, writes to
 * stderr. */
void log_sink(void (*sink)(enum log_level, const char *line));

/* An error written straight to stderr, past the sink: for signal handlers,
 * where only async-signal-safe calls are allowed. */
void log_last_words(const char *event, const struct log_field *);

#endif
