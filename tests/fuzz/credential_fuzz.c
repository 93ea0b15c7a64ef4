/* Fuzzes credential_read: src/gate/credential.c. The lines of the input are
 * cookie, authorization and origin. */
#include "base/conf.h"
#include "fuzz.h"
#include "gate/credential.h"

#define CONF "origin https://a.example\ndatabase x\nroot_key /x\n"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct request rq = { .method = METHOD_POST };
	struct op op = { .rq = &rq, .arena = a };
	struct credential c;
	char path[32], message[256];
	int fd = -1;

	if (conf()->origin == NULL) {
		fd = fuzz_file(CONF, sizeof(CONF) - 1, path);
		must(conf_read(path, message) == ERR_OK && close(fd) == 0);
	}
	rq.cookie = fuzz_line(a, &data, &n);
	rq.authorization = fuzz_line(a, &data, &n);
	rq.origin = fuzz_line(a, &data, &n);
	if (credential_read(&op, &c) == ERR_OK && c.cookie)
		must(strcmp(rq.origin, conf()->origin) == 0);
	arena_free(a);
	return 0;
}
