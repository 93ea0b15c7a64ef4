#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

/*= EN-12: keys are locked in memory, and no dump of the process holds them */
enum err
secret_init(size_t bytes)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return ERR_INTERNAL;
	/* 1: reserved and locked; 2: reserved, but the lock was refused */
	return CRYPTO_secure_malloc_init(bytes, 32) == 1 ? ERR_OK
							 : ERR_INTERNAL;
}

void *
secret_alloc(size_t n)
{
	return OPENSSL_secure_zalloc(n);
}

void
secret_free(void *p, size_t n)
{
	OPENSSL_secure_clear_free(p, n);
}

void
secret_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

bool
secret_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
secret_random(void *p, size_t n)
{
	uint8_t *at = p;
	ssize_t got;

	while (n > 0) {
		got = getrandom(at, n, 0);
		if (got <= 0)
			abort(); /* nothing is safe without it */
		at += got;
		n -= (size_t)got;
	}
}
