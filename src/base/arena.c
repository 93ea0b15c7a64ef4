#include "base/arena.h"

#include "base/log.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 8192

/* Blocks in a list, newest first; the arena itself stands in the last. */
struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct block *blocks;
};

static void *
out_of_memory(void)
{
	log_error("out_of_memory");
	abort();
}

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		return out_of_memory();
	b->next = next;
	b->used = 0;
	b->size = size;
	return b;
}

struct arena *
arena_new(void)
{
	struct block *b = block_new(BLOCK_BYTES, NULL);
	struct arena *a = (struct arena *)(void *)b->data;

	b->used = sizeof(max_align_t);
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
		secret_wipe(b->data, b->used);
		free(b);
	}
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t unit = sizeof(max_align_t);
	struct block *b = a->blocks;
	void *p;

	if (n > SIZE_MAX / 2)
		return out_of_memory();
	n = (n + unit - 1) / unit * unit;
	if (b->size - b->used < n) {
		b = block_new(n > BLOCK_BYTES ? n : BLOCK_BYTES, b);
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += n;
	return memset(p, 0, n);
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return out_of_memory();
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
	char *p = arena_alloc(a, n + 1);

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
		return out_of_memory();
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
