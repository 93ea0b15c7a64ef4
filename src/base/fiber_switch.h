#ifndef BASE_FIBER_SWITCH_H
#define BASE_FIBER_SWITCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * The switch between a fiber's stack and the loop's: a few instructions on
 * x86-64 and aarch64 (the callee-saved registers; no signal mask, no system
 * call), ucontext(3) elsewhere. Private to fiber.c. AddressSanitizer is told
 * of every switch, valgrind of every stack (with -DFIBER_VALGRIND).
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_STACK_BYTES (512 * 1024) /* its frames are larger */
#else
#define FIBER_STACK_BYTES (64 * 1024) /* with the guard page */
#endif

struct fiber_stack {
	void *map; /* guard page, then the stack */
	size_t guard;
	void *sp, *loop_sp;
	void (*fn)(void *);
	void *arg;
	void *context;         /* ucontext's pair, where used */
	void *asan_own;        /* ASan's fake stack of this fiber */
	void *asan_loop;       /* and of the loop */
	const void *loop_base; /* the loop's stack, as ASan knows it */
	size_t loop_size;
	unsigned valgrind;
};

/* fn(arg) runs at the first switch in, and must never return. */
void fiber_switch_init(struct fiber_stack *, void *map, size_t guard,
    void (*fn)(void *), void *arg);
void fiber_switch_end(struct fiber_stack *);
void fiber_switch_in(struct fiber_stack *);  /* from the loop */
void fiber_switch_out(struct fiber_stack *); /* from the fiber itself */

#endif
