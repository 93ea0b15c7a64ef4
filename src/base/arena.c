#include "base/arena.h"

#include "base/asan.h"
#include "base/log.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define GAP_BYTES 32 /* never handed out, so that an overrun is noticed */
#else
#define GAP_BYTES 0
#endif

#define BLOCK_BYTES 8192
#if defined(__SANITIZE_ADDRESS__)
#define KEPT_MAX 0 /* so that use after release is noticed */
#else
#define KEPT_MAX 64
#endif

/* Blocks in a list, newest first; the arena itself stands in the last. */
struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct block *blocks;
};

/* Wiped blocks of the usual size, for the next arena of the thread: taking one
 * of this size from the heap and giving it back costs more than most of what is
 * done with it. */
static _Thread_local struct {
	struct block *first;
	size_t n;
} kept;

static void *
out_of_memory(size_t wanted)
{
	log_error("out_of_memory", LOG_NUM("bytes", wanted));
	abort();
}

/* Tells ASan which part of a block is handed out. */
static void
block_close(const void *p, size_t n)
{
#if defined(__SANITIZE_ADDRESS__)
	ASAN_POISON_MEMORY_REGION(p, n);
#else
	(void)p;
	(void)n;
#endif
}

static void
block_open(const void *p, size_t n)
{
#if defined(__SANITIZE_ADDRESS__)
	ASAN_UNPOISON_MEMORY_REGION(p, n);
#else
	(void)p;
	(void)n;
#endif
}

static struct block *
block_take(size_t size)
{
	struct block *b = kept.first;

	if (size != BLOCK_BYTES || b == NULL)
		return malloc(sizeof(*b) + size);
	kept.first = b->next;
	kept.n--;
	return b;
}

static void
block_give(struct block *b)
{
	if (b->size != BLOCK_BYTES || kept.n == KEPT_MAX) {
		free(b);
		return;
	}
	b->next = kept.first;
	kept.first = b;
	kept.n++;
}

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *b = block_take(size);

	if (b == NULL)
		return out_of_memory(size);
	b->next = next;
	b->used = 0;
	b->size = size;
	block_close(b->data, size);
	return b;
}

struct arena *
arena_new(void)
{
	struct block *b = block_new(BLOCK_BYTES, NULL);
	struct arena *a = (struct arena *)(void *)b->data;

	b->used = sizeof(max_align_t);
	block_open(b->data, b->used);
	a->blocks = b;
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		block_open(b->data, b->size);
		secret_wipe(b->data, b->used);
		block_give(b);
	}
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t unit = sizeof(max_align_t);
	struct block *b = a->blocks;
	size_t taken;
	void *p;

	if (n > SIZE_MAX / 2)
		return out_of_memory(n);
	taken = (n + unit - 1) / unit * unit + GAP_BYTES;
	if (b->size - b->used < taken) {
		b = block_new(taken > BLOCK_BYTES ? taken : BLOCK_BYTES, b);
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += taken;
	block_open(p, n);
	return memset(p, 0, n);
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return out_of_memory(SIZE_MAX);
	return arena_alloc(a, bytes);
}

void *
arena_copy(struct arena *a, const void *from, size_t n)
{
	void *p = arena_alloc(a, n);

	return n > 0 ? memcpy(p, from, n) : p;
}

char *
arena_text_n(struct arena *a, const char *from, size_t n)
{
	char *p = arena_alloc(a, n < SIZE_MAX ? n + 1 : n);

	return n > 0 ? memcpy(p, from, n) : p;
}

char *
arena_text(struct arena *a, const char *from)
{
	return from == NULL ? NULL : arena_text_n(a, from, strlen(from));
}

char *
arena_format(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return out_of_memory(0);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
