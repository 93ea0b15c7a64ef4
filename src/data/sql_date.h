#ifndef DATA_SQL_DATE_H
#define DATA_SQL_DATE_H

#include "base/err.h"
#include "base/instant.h"

#include <stdint.h>

/*
 * Points in time as PostgreSQL's binary format counts them: microseconds and
 * days since 2000-01-01 (UTC). Private to data/.
 */

/* Seconds since 1970; INT64_MAX and INT64_MIN + 1 stand for the infinities.
 * ERR_INTERNAL outside of the years 1 to 9999. */
NODISCARD enum err sql_time_micros(int64_t seconds, int64_t *micros);
/* Fractions of a second are dropped, towards the past. */
int64_t sql_time_seconds(int64_t micros);

/* "YYYY-MM-DD"; ERR_INTERNAL if it is not a date that exists. */
NODISCARD enum err sql_date_days(const char *, int32_t *days);
/* ERR_INTERNAL for the infinities and years outside of 1 to 9999. */
NODISCARD enum err sql_date_text(int32_t days, char out[DATE_TEXT_SIZE]);

#endif
