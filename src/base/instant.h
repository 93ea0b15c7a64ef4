#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include "base/err.h"

#include <stdint.h>

/*
 * Points in time: whole seconds since 1970-01-01T00:00:00Z, in UTC
 * (RFC 3339). Durations on the monotonic clock are milliseconds.
 */
#define INSTANT_NONE	  INT64_MIN /* SQL NULL */
#define INSTANT_TEXT_SIZE 21	    /* 2026-11-23T13:26:11Z and the NUL */
#define DATE_TEXT_SIZE	  11	    /* 2026-11-23 and the NUL */

int64_t instant_now(void);	 /* wall clock, s */
int64_t instant_monotonic(void); /* ms, for deadlines only */

/* RFC 3339 with Z or an offset; a fraction of a second is not kept. A leap
 * second is the first of the next day. Refused are dates that do not exist, and
 * years outside 1900 to 9999 (as written, and in UTC). */
NODISCARD enum err instant_parse(const char *, int64_t *);
/* In UTC, with Z. "" for INSTANT_NONE and what lies outside of the years 0000
 * to 9999. Safe in a signal handler. */
void instant_text(int64_t, char out[INSTANT_TEXT_SIZE]);

/* YYYY-MM-DD of a date that exists, 1850 to 9999. */
NODISCARD enum err date_check(const char *);
/* The same, or YYYY-MM, or YYYY: what is known of a date. */
NODISCARD enum err date_part_check(const char *);

#endif
