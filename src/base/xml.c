#include "base/xml.h"

#include <string.h>

const char *
xml_next(struct arena *a, const char **at, const char *tag)
{
	const char *open = arena_format(a, "<%s>", tag), *from, *to;

	if ((from = strstr(*at, open)) == NULL)
		return NULL;
	from += strlen(open);
	if ((to = strchr(from, '<')) == NULL)
		return NULL;
	*at = to;
	return arena_text_n(a, from, (size_t)(to - from));
}
