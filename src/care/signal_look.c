/* Who is in the rooms of this process, for those who look in the database on
 * their behalf (care/waiting.h, care/visit_told.h), and what was found there. */
#include "care/signal.h"
#include "care/signal_room.h"
#include "care/signal_say.h"

static const struct link *
room_waiter(const struct room *r)
{
	const struct link *l;

	TAILQ_FOREACH (l, &r->links, list)
		if (l->place != NULL && !l->place->admitted)
			return l;
	return NULL;
}

size_t
signal_waiting(struct signal_waiting *list, size_t max)
{
	const struct link *l;
	const struct room *r;
	size_t n = 0;

	TAILQ_FOREACH (r, room_all(), list)
		if (n < max && (l = room_waiter(r)) != NULL)
			list[n++] = (struct signal_waiting){ l->who.clinic,
				r->visit };
	return n;
}

size_t
signal_seats(struct signal_seat *list, size_t max)
{
	const struct link *l;
	const struct room *r;
	size_t n = 0;

	TAILQ_FOREACH (r, room_all(), list)
		TAILQ_FOREACH (l, &r->links, list)
			if (n < max)
				list[n++] = (struct signal_seat){ l->who.clinic,
					r->visit, l->who.account,
					l->who.guest != GUEST_NONE,
					l->who.starts_at };
	return n;
}

void
signal_line(const struct uuid *visit, int64_t ahead, int64_t busy_s)
{
	struct room *r = room_find(visit);
	int64_t free_at = say_ops()->now() + busy_s;
	struct place *p;

	if (r == NULL)
		return;
	TAILQ_FOREACH (p, &r->places, list) {
		p->ahead = ahead;
		/* a second more or less is rounding, and would be told */
		if (free_at < p->free_at - 1 || free_at > p->free_at + 1)
			p->free_at = free_at;
	}
}
