/*
 * Reads what it has freed, from a pool and from Kore's heap: a sanitizer has
 * to see it (build.test.mjs links this with Kore's mem.c and pool.c).
 */
#include <kore/kore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fatal(const char *fmt, ...)
{
	(void)fprintf(stderr, "fatal: %s\n", fmt);
	exit(2);
}

size_t
kore_strlcpy(char *to, const char *from, const size_t size)
{
	return (size_t)snprintf(to, size, "%s", from);
}

int
main(int argc, char **argv)
{
	struct kore_pool pool;
	volatile char *p;

	(void)argv;
	kore_mem_init();
	if (argc > 1) {
		p = kore_malloc(100);
		kore_free((void *)(uintptr_t)p);
	} else {
		kore_pool_init(&pool, "pool", 100, 10);
		p = kore_pool_get(&pool);
		kore_pool_put(&pool, (void *)(uintptr_t)p);
	}
	return p[50] == 'x';
}
