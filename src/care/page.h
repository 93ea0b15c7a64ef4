#ifndef CARE_PAGE_H
#define CARE_PAGE_H

#include "gate/member.h"

/*
 * Pages of a list. A page is read with one row more than was asked for: that
 * it is there is how we know of a next page.
 */
int64_t page_fetch(const struct op *);		  /* rows to ask for */
size_t page_size(const struct op *, size_t rows); /* rows to give out */

/* What was read: n rows of `size` bytes each. */
struct page {
	const void *rows;
	size_t n, size;
	/* of the cursor, made of the last row that is shown */
	const struct shape *cursor;
	/* notes what it shows, and makes the item: a null is left out, NULL is
	 * ERR_INTERNAL. Without it an item is what the route's shape makes of
	 * the row */
	json_t *(*item)(struct op *, const void *row);
};

/* The list of that page, and the cursor of the next one if there is one. */
NODISCARD enum err page_show(struct op *, const struct page *);

/* Members of the cursor that the page before was shown with; nil or `otherwise`
 * on the first page. */
struct uuid page_uuid(const struct op *, const char *member);
int64_t page_int(const struct op *, const char *member, int64_t otherwise);

#endif
