#include "care/admission.h"

#include "base/fiber.h"
#include "base/loop.h"
#include "base/secret.h"
#include "gate/dispatch.h"
#include "gate/route.h"

#include <stdlib.h>

struct admission {
	struct signal_link link;
	struct participant who;
	struct uuid guest; /* nil: all who wait and are no guests */
	enum route_id route;
	const char *said; /* the message that asked for it */
};

static void
admission_free(struct admission *a)
{
	secret_wipe(a, sizeof(*a));
	free(a);
}

static void
admission_run(void *arg)
{
	struct admission *a = arg;
	enum err r = dispatch_for(
	    &a->who, a->route, &a->who.visit, &a->guest, "");

	if (r != ERR_OK)
		signal_refused(&a->link, a->said, r);
	admission_free(a);
}

static void
admission_start(void *arg)
{
	struct admission *a = arg;

	if (fiber_start(admission_run, a) != ERR_OK) {
		signal_refused(&a->link, a->said, ERR_BUSY);
		admission_free(a);
	}
}

static void
begin(struct admission asked)
{
	struct admission *a = malloc(sizeof(*a));

	if (a == NULL)
		return;
	*a = asked;
	loop_defer(admission_start, a);
}

void
admission_begin(const struct signal_link *link, const struct participant *who,
    const struct uuid *guest)
{
	struct admission a = { .link = *link,
		.who = *who,
		.route = ROUTE_visit_admit,
		.said = "admit" };

	if (guest != NULL) {
		a.guest = *guest;
		a.route = ROUTE_guest_admit;
	}
	begin(a);
}

void
removal_begin(const struct signal_link *link, const struct participant *who,
    const struct uuid *guest)
{
	begin((struct admission){
	    *link, *who, *guest, ROUTE_guest_revoke, "remove" });
}
