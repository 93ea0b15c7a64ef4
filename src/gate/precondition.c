#include "gate/precondition.h"

#include "gate/route.h"

#include <stdlib.h>
#include <string.h>

/* The version in an entity tag, letter by letter as the ETag said it ("17");
 * 0 for any other tag, and for a weak one, which never matches. *p is left
 * behind it, or NULL if this is no tag. */
static int64_t
tag_read(const char **p)
{
	bool weak = strncmp(*p, "W/", 2) == 0;
	const char *begin = *p + (weak ? 2 : 0), *end;
	long long version;
	char *digits_end;

	if (*begin != '"' || (end = strchr(begin + 1, '"')) == NULL) {
		*p = NULL;
		return 0;
	}
	*p = end + 1;
	if (weak || begin[1] < '1' || begin[1] > '9')
		return 0;
	version = strtoll(begin + 1, &digits_end, 10);
	return digits_end == end ? version : 0;
}

/*= IN-05: one tag, or a list of them. Versions only grow, so that of those
 * which a client has seen only the latest can be the one that holds. "*" does
 * not say what was seen. */
enum err
precondition_read(struct op *op)
{
	const char *p = op->rq->if_match;
	int64_t version;

	if ((op->route->traits & TRAIT_PATCHES) == 0)
		return ERR_OK;
	if (p == NULL || strcmp(p, "*") == 0)
		return ERR_PRECONDITION_REQUIRED;
	while (p != NULL && *p != '\0') {
		if ((version = tag_read(&p)) > op->if_match)
			op->if_match = version;
		if (p == NULL || (*p != '\0' && strchr(", \t", *p) == NULL))
			return ERR_STALE;
		p += strspn(p, ", \t");
	}
	return op->if_match > 0 ? ERR_OK : ERR_STALE;
}
