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
	    &a->who, ROUTE_visit_admit, &a->who.visit, "");

	if (r != ERR_OK)
		signal_refused(&a->link, r);
	admission_free(a);
}

static void
admission_start(void *arg)
{
	struct admission *a = arg;

	if (fiber_start(admission_run, a) != ERR_OK) {
		signal_refused(&a->link, ERR_BUSY);
		admission_free(a);
	}
}

void
admission_begin(const struct signal_link *link, const struct participant *who)
{
	struct admission *a = malloc(sizeof(*a));

	if (a == NULL)
		return;
	a->link = *link;
	a->who = *who;
	loop_defer(admission_start, a);
}
