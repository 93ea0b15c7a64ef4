#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/*
 * The memory of one request: many allocations, one release, wiped before it
 * goes back. Not for secrets that outlive the request (base/secret.h).
 *
 * Requests are bounded in size, so an allocation that fails means that the
 * host is out of memory: the process ends with a log line instead of going on
 * with half a request. Callers never see NULL.
 */
struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *); /* wipes; accepts NULL */

/* n zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *, size_t n) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *, size_t n, size_t size)
    __attribute__((returns_nonnull)); /* ends the process on overflow */
void *arena_copy(struct arena *, const void *, size_t n)
    __attribute__((returns_nonnull));
char *arena_text(struct arena *, const char *); /* NULL gives NULL */
char *arena_text_n(struct arena *, const char *, size_t n)
    __attribute__((returns_nonnull)); /* adds the NUL */
char *arena_format(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

#endif
