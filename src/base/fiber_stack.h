#ifndef BASE_FIBER_STACK_H
#define BASE_FIBER_STACK_H

#include "base/asan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory for the stack of a fiber, and the watch over its end. Private to
 * fiber.c.
 *
 *   map                     map + guard                    map + bytes
 *    | no access, never memory |  <- grows  the stack  begins  |
 *
 * The guard is wider than any frame of code that does not probe its stack
 * page by page: a printf(3) to an unbuffered stream takes 8 KiB at once.
 */
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_STACK_BYTES (512 * 1024) /* its frames, and its reports */
#else
#define FIBER_STACK_BYTES (64 * 1024)
#endif
#define FIBER_GUARD_BYTES (12 * 1024)

struct fiber_stack {
	uint8_t *map;
	size_t bytes; /* with the guard */
	size_t guard;
	unsigned valgrind;
};

/* false when no memory can be mapped. */
bool fiber_stack_map(struct fiber_stack *);
void fiber_stack_unmap(struct fiber_stack *);

/* The stack that we are about to run on; NULL for the loop's. A fault in its
 * guard ends the process with the event "fiber_stack_overflow". */
void fiber_stack_enter(const struct fiber_stack *);

#endif
