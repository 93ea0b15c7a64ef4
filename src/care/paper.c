#include "care/paper.h"

static paper_drawer *drawer;
static paper_table_drawer *table_drawer;

void
paper_set(paper_drawer *page, paper_table_drawer *table)
{
	drawer = page;
	table_drawer = table;
}

bool
paper_is_drawn(void)
{
	return drawer != NULL;
}

enum err
paper_draw(struct arena *a, const struct paper *p, int64_t deadline_ms,
    struct bytes *out)
{
	return drawer == NULL ? ERR_INTERNAL : drawer(a, p, deadline_ms, out);
}

enum err
paper_table_draw(struct arena *a, const struct paper_table *t,
    int64_t deadline_ms, struct bytes *out)
{
	return table_drawer == NULL ? ERR_INTERNAL
				    : table_drawer(a, t, deadline_ms, out);
}
