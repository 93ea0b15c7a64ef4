#include "base/fiber_switch.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

static void
asan_leave(void **keep, const void *base, size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(keep, base, size);
#else
	(void)keep;
	(void)base;
	(void)size;
#endif
}

static void
asan_arrive(void *kept, const void **base, size_t *size)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(kept, base, size);
#else
	(void)kept;
	(void)base;
	(void)size;
#endif
}

/* First words of a new fiber: the loop's stack is where we came from. */
static void
fiber_begin(struct fiber_switch *s)
{
	asan_arrive(NULL, &s->loop_base, &s->loop_size);
	s->fn(s->arg);
	abort(); /* by contract it does not return */
}

#if !defined(FIBER_UCONTEXT) && (defined(__x86_64__) || defined(__aarch64__))

/* Saves the callee-saved registers on the present stack, its pointer in
 * *save, and continues on the stack of `load`. */
void fiber_registers_swap(void **save, void *load)
    __attribute__((visibility("hidden")));
void fiber_entry(void) __attribute__((visibility("hidden")));
void fiber_entry_c(struct fiber_switch *)
    __attribute__((visibility("hidden"), noreturn));

void
fiber_entry_c(struct fiber_switch *s)
{
	fiber_begin(s);
	abort();
}

#if defined(__x86_64__)
/* System V ABI: rbx, rbp, r12-r15, and the control words of SSE and x87. A
 * new stack holds the fiber in rbx's place and fiber_entry as return. */
__asm__(".text\n"
	".globl fiber_registers_swap\n"
	".hidden fiber_registers_swap\n"
	".type fiber_registers_swap,@function\n"
	"fiber_registers_swap:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size fiber_registers_swap,.-fiber_registers_swap\n"
	".globl fiber_entry\n"
	".hidden fiber_entry\n"
	".type fiber_entry,@function\n"
	"fiber_entry:\n"
	"	movq %rbx, %rdi\n"
	"	xorl %ebp, %ebp\n"
	"	call fiber_entry_c\n"
	"	ud2\n"
	".size fiber_entry,.-fiber_entry\n");

static void *
stack_prepare(struct fiber_switch *s, uint8_t *top)
{
	uintptr_t *sp = (uintptr_t *)(void *)top;

	*--sp = 0; /* two words keep the entry's stack aligned to 16 */
	*--sp = 0;
	*--sp = (uintptr_t)fiber_entry; /* return address */
	*--sp = 0;			/* rbp */
	*--sp = (uintptr_t)s;		/* rbx */
	sp -= 4;			/* r12-r15 */
	memset(sp, 0, 4 * sizeof(*sp));
	*--sp = (uintptr_t)0x037f << 32 | 0x1f80; /* the ABI's defaults */
	return sp;
}
#else
/* AAPCS64: x19-x30 and d8-d15. The fiber travels in x19. */
__asm__(".text\n"
	".globl fiber_registers_swap\n"
	".hidden fiber_registers_swap\n"
	".type fiber_registers_swap,%function\n"
	"fiber_registers_swap:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size fiber_registers_swap,.-fiber_registers_swap\n"
	".globl fiber_entry\n"
	".hidden fiber_entry\n"
	".type fiber_entry,%function\n"
	"fiber_entry:\n"
	"	mov x0, x19\n"
	"	mov x29, xzr\n"
	"	bl fiber_entry_c\n"
	"	brk #1\n"
	".size fiber_entry,.-fiber_entry\n");

static void *
stack_prepare(struct fiber_switch *s, uint8_t *top)
{
	uintptr_t *sp = (uintptr_t *)(void *)(top - 160);

	memset(sp, 0, 160);
	sp[0] = (uintptr_t)s;		 /* x19 */
	sp[11] = (uintptr_t)fiber_entry; /* x30 */
	return sp;
}
#endif

static bool
registers_init(struct fiber_switch *s)
{
	s->sp = stack_prepare(s, s->stack->map + s->stack->bytes);
	return true;
}

static void
registers_in(struct fiber_switch *s)
{
	fiber_registers_swap(&s->loop_sp, s->sp);
}

static void
registers_out(struct fiber_switch *s)
{
	fiber_registers_swap(&s->sp, s->loop_sp);
}

static void
registers_end(struct fiber_switch *s)
{
	(void)s;
}

#else
#include <ucontext.h>

struct pair {
	ucontext_t fiber, loop;
};

static void
ucontext_entry(unsigned high, unsigned low)
{
	uintptr_t p = (uintptr_t)high << 16 << 16 | low;

	fiber_begin((struct fiber_switch *)p);
}

static bool
registers_init(struct fiber_switch *s)
{
	const struct fiber_stack *stack = s->stack;
	struct pair *p = calloc(1, sizeof(*p));
	uintptr_t self = (uintptr_t)s;

	if (p == NULL || getcontext(&p->fiber) == -1) {
		free(p);
		return false;
	}
	p->fiber.uc_stack.ss_sp = stack->map + stack->guard;
	p->fiber.uc_stack.ss_size = stack->bytes - stack->guard;
	makecontext(&p->fiber, (void (*)(void))ucontext_entry, 2,
	    (unsigned)(self >> 16 >> 16), (unsigned)self);
	s->contexts = p;
	return true;
}

static void
registers_in(struct fiber_switch *s)
{
	struct pair *p = s->contexts;

	swapcontext(&p->loop, &p->fiber);
}

static void
registers_out(struct fiber_switch *s)
{
	struct pair *p = s->contexts;

	swapcontext(&p->fiber, &p->loop);
}

static void
registers_end(struct fiber_switch *s)
{
	free(s->contexts);
}
#endif

bool
fiber_switch_init(struct fiber_switch *s, const struct fiber_stack *stack,
    void (*fn)(void *), void *arg)
{
	memset(s, 0, sizeof(*s));
	s->stack = stack;
	s->fn = fn;
	s->arg = arg;
	return registers_init(s);
}

void
fiber_switch_end(struct fiber_switch *s)
{
	registers_end(s);
}

void
fiber_switch_in(struct fiber_switch *s)
{
	const struct fiber_stack *stack = s->stack;

	fiber_stack_enter(stack);
	asan_leave(&s->asan_loop, stack->map + stack->guard,
	    stack->bytes - stack->guard);
	registers_in(s);
	asan_arrive(s->asan_loop, NULL, NULL);
	fiber_stack_enter(NULL);
}

void
fiber_switch_out(struct fiber_switch *s, bool empty)
{
	asan_leave(empty ? NULL : &s->asan_own, s->loop_base, s->loop_size);
	registers_out(s);
	asan_arrive(empty ? NULL : s->asan_own, &s->loop_base, &s->loop_size);
}
