#ifndef DATA_LIST_H
#define DATA_LIST_H

#include "base/bytes.h"
#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>

/* Arrays as parameters and results of queries: views, owned by an arena or by
 * the caller. No elements and the SQL NULL look alike. */
struct uuid_list {
	const struct uuid *v;
	size_t n;
};

struct bytes_list {
	const struct bytes *v;
	size_t n;
};

struct int_list {
	const int64_t *v;
	size_t n;
};

struct text_list {
	const char *const *v;
	size_t n;
};

#endif
