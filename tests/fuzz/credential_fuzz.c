/* Fuzzes credential_read: src/gate/credential.c. The lines of the input are
 * cookie, authorization and origin; how long it is chooses the method. */
#include "credential_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	struct request rq = { .method = n % (METHOD_OTHER + 1) };
	struct op op = { .rq = &rq, .arena = a };
	struct credential c;

	rq.cookie = fuzz_line(a, &p, &n);
	rq.authorization = fuzz_line(a, &p, &n);
	rq.origin = fuzz_line(a, &p, &n);
	rq.upgrade = n > 0;
	if (credential_read(&op, &c) == ERR_OK)
		credential_judge(a, &rq, &c);
}
