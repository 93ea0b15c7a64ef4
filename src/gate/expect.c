#include "gate/expect.h"

#include "base/secret.h"
#include "gate/right.h"
#include "gate/route.h"

#include <string.h>

#define SLOTS	  1024 /* a newer token pushes out one that shares its slot */
#define STANDINGS 8

static struct expectation {
	bool used;
	uint8_t hash[sizeof(((struct credential *)0)->hash)];
	struct actor who;
} slots[SLOTS];

/* Any bytes of a SHA-256 are as good as others. */
static struct expectation *
slot_of(const struct credential *c)
{
	return &slots[(c->hash[0] | c->hash[1] << 8) % SLOTS];
}

bool
expect_actor(const struct credential *c, struct actor *who)
{
	const struct expectation *e = slot_of(c);

	if (!e->used || !secret_equal(e->hash, c->hash, sizeof(e->hash)))
		return false;
	*who = e->who;
	return true;
}

void
expect_note(const struct credential *c, const struct actor *who)
{
	struct expectation *e = slot_of(c);

	e->used = true;
	memcpy(e->hash, c->hash, sizeof(e->hash));
	e->who = *who;
}

void
expect_forget(const struct credential *c)
{
	struct actor who;

	if (expect_actor(c, &who))
		slot_of(c)->used = false;
}

struct text_list
expect_standings(const struct op *op)
{
	const char **v = arena_calloc(op->arena, STANDINGS, sizeof(*v));
	enum scope scope = perm_scope(op->route->perm, op->who.role);
	struct standing s;
	size_t i, n = 0;

	if (!right_in_state(op->route, op->who.state))
		return (struct text_list){ NULL, 0 };
	for (i = 0; i < STANDINGS; i++) {
		s = (struct standing){ i & 1, i & 2, i & 4, false };
		if (right_suffices(scope, &s))
			v[n++] = arena_format(op->arena, "%s %s %zu",
			    role_name(op->who.role),
			    session_state_name(op->who.state), i);
	}
	return (struct text_list){ v, n };
}
