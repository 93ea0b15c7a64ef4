#include "jobs/kind.h"

#include "base/secret.h"

#include <string.h>

const struct kind kinds[JOB_KINDS] = {
#define JOB(name, stored, every, tries, wait, longest, give_up, at_once, ev)   \
	{ stored, (name),                                                      \
		{ .operation = #name, .run = (name), .event = EVENT_##ev },    \
		every, tries, wait, longest, give_up, at_once },
#include "tables/jobs.def"
#undef JOB
};

enum job_kind
kind_find(const char *stored)
{
	unsigned k;

	for (k = 0; k < JOB_KINDS; k++)
		if (strcmp(kinds[k].stored, stored) == 0)
			break;
	return (enum job_kind)k;
}

int64_t
kind_wait(const struct kind *k, int64_t attempts)
{
	int64_t wait = k->wait_s;
	uint8_t chance;

	for (; attempts > 1 && wait < k->longest_s; attempts--)
		wait *= 2;
	if (wait > k->longest_s)
		wait = k->longest_s;
	secret_random(&chance, sizeof(chance));
	return wait + wait * chance / 1024;
}
