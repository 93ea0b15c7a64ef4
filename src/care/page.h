#ifndef CARE_PAGE_H
#define CARE_PAGE_H

#include "gate/op.h"

/*
 * Pages of a list. A page is read with one row more than was asked for: that
 * it is there is how we know of a next page.
 */
int64_t page_fetch(const struct op *);		  /* rows to ask for */
size_t page_size(const struct op *, size_t rows); /* rows to give out */

/* Members of the cursor that op_list was given for the page before; nil or
 * `otherwise` on the first page. */
struct uuid page_uuid(const struct op *, const char *member);
int64_t page_int(const struct op *, const char *member, int64_t otherwise);

#endif
