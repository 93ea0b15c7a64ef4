#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 9562 UUID, in network order. All zero (nil) means "none". */
struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT_SIZE 37 /* with the NUL */

/* Version 7: time ordered, so that new rows land at the end of an index; those
 * of one process strictly so. 62 of its bits are random. */
struct uuid uuid_new(void);
/* Version 4, for ids that a stranger may see and must not guess or order. */
struct uuid uuid_random(void);
/* Lower case only, exactly 36 characters; ERR_INVALID_FIELD otherwise. */
NODISCARD enum err uuid_parse(const char *, struct uuid *);
void uuid_text(const struct uuid *, char out[UUID_TEXT_SIZE]);
bool uuid_equal(const struct uuid *, const struct uuid *);
/* Their order, as PostgreSQL has it: below, at or above 0. */
int uuid_compare(const struct uuid *, const struct uuid *);
bool uuid_is_nil(const struct uuid *);

#endif
