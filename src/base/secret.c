#include "base/secret.h"

#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#define SMALLEST_BYTES 32

/* The whole heap: OpenSSL does not tell where it lies. */
static struct {
	void *start;
	size_t bytes;
	bool locked;
} heap;

static enum err
dumps_forbid(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return ERR_INTERNAL;
	return ERR_OK;
}

/* A lock is not inherited, and the first write to a page after fork gives
 * the child a copy that may be swapped out. Runs in the child before fork
 * returns there, thus before any sandbox. */
static void
child_lock(void)
{
	if (!heap.locked ||
	    mlock2(heap.start, heap.bytes, MLOCK_ONFAULT) == 0 ||
	    mlock(heap.start, heap.bytes) == 0) /* as Linux before 4.4 */
		return;
	log_error("secret_memory_not_locked", LOG_NUM("errno", errno));
	abort(); /* keys must not reach the swap */
}

/* An allocation as large as the heap lies where the heap does. */
static enum err
heap_find(size_t bytes)
{
	void *all = OPENSSL_secure_malloc(bytes);

	if (all == NULL)
		return ERR_INTERNAL;
	heap.start = all;
	heap.bytes = bytes;
	OPENSSL_secure_free(all);
	return ERR_OK;
}

static enum err
heap_make(size_t bytes)
{
	/* 1: reserved and locked; 2: reserved, but the lock was refused */
	int made = CRYPTO_secure_malloc_init(bytes, SMALLEST_BYTES);

	if (made == 1 && heap_find(bytes) == ERR_OK &&
	    pthread_atfork(NULL, NULL, child_lock) == 0) {
		heap.locked = true;
		return ERR_OK;
	}
	if (made != 0)
		CRYPTO_secure_malloc_done();
	return ERR_INTERNAL;
}

/*= EN-12: keys are locked in memory, and no dump of the process holds them */
enum err
secret_init(size_t bytes)
{
	enum err r;

	if (bytes < SMALLEST_BYTES || (bytes & (bytes - 1)) != 0)
		return ERR_INTERNAL;
	if ((r = dumps_forbid()) != ERR_OK)
		return r;
	return heap.locked ? ERR_OK : heap_make(bytes);
}

/* Without its heap OpenSSL would take ordinary memory: we do not. */
void *
secret_alloc(size_t n)
{
	return heap.locked ? OPENSSL_secure_zalloc(n) : NULL;
}

void
secret_free(void *p, size_t n)
{
	OPENSSL_secure_clear_free(p, n);
}

void
secret_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n); /* libcrypto's goes word by word */
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
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {
			log_error("random_failed", LOG_NUM("errno", errno));
			abort(); /* nothing is safe without it */
		}
		at += got;
		n -= (size_t)got;
	}
}
