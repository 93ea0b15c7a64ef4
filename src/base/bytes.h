#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* A view of bytes owned by somebody else (usually an arena). p == NULL is the
 * SQL NULL. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

#endif
