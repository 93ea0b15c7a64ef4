#ifndef BASE_FIBER_SWITCH_H
#define BASE_FIBER_SWITCH_H

#include "base/fiber_stack.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The switch between a fiber's stack and the loop's: a few instructions on
 * x86-64 and aarch64 (the callee-saved registers; no signal mask, no system
 * call), ucontext(3) elsewhere and with -DFIBER_UCONTEXT. Private to fiber.c.
 * AddressSanitizer is told of every switch.
 */
struct fiber_switch {
	const struct fiber_stack *stack;
	void *sp, *loop_sp;
	void (*fn)(void *);
	void *arg;
	void *contexts;	       /* ucontext's pair, where used */
	void *asan_own;	       /* ASan's fake stack of this fiber */
	void *asan_loop;       /* and of the loop */
	const void *loop_base; /* the loop's stack, as ASan knows it */
	size_t loop_size;
};

/* fn(arg) runs at the first switch in, and must never return. false when
 * there is no memory. */
bool fiber_switch_init(struct fiber_switch *, const struct fiber_stack *,
    void (*fn)(void *), void *arg);
void fiber_switch_end(struct fiber_switch *);
void fiber_switch_in(struct fiber_switch *); /* from the loop */
/* From the fiber itself. `empty` when its frames hold nothing that is alive:
 * the fiber is done. */
void fiber_switch_out(struct fiber_switch *, bool empty);

#endif
