#ifndef CARE_PROCESSOR_H
#define CARE_PROCESSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The company that takes the money. Another processor is another file in jobs/
 * that fills in struct processor: nothing else knows which it is, but for the
 * events that it sends (care/stripe_event.c).
 *
 * The processor is told nothing of a patient or a visit: only an amount, a
 * currency, and an id that says nothing to others.
 */
struct processor_order {
	struct uuid clinic, payment;
	int64_t amount_minor;
	const char *currency;
	const char *back; /* where the payer comes back to, whichever way */
};

struct processor_checkout {
	const char *id, *url;
	int64_t expires_at;
};

/* What it says of a payment now. */
struct processor_truth {
	const char *intent; /* its name for the payment itself; or NULL */
	int64_t amount_minor;
	const char *currency;
	bool paid;
	const char
	    *ended; /* "expired", "failed"; NULL: it goes on, or is paid */
	int64_t refunded_minor;
	int64_t cost_minor; /* what the processor keeps */
	const char *cost_currency;
	const char *dispute; /* "open", "won", "lost"; or NULL */
	/* what it keeps for the dispute, and what of that it gave back */
	int64_t dispute_cost_minor, dispute_returned_minor;
	const char *dispute_currency; /* NULL: nothing is kept */
};

/* Something that moved the processor's balance. */
struct processor_movement {
	const char *id, *kind;
	int64_t amount_minor; /* what it did to the balance, before its cost */
	const char *currency;
	/* whose it is, as far as the processor knows; "" where it does not */
	const char *intent, *payment, *clinic;
	int64_t at;
};

struct processor_refund {
	struct uuid payment, refund;
	const char *intent;
	int64_t amount_minor;
	const char *currency;
};

/*
 * Each call may be made again: the processor is told by an id of ours that it is
 * the same. ERR_PAYMENT_REFUSED is final; ERR_PAYMENT_DELAYED is tried again.
 */
struct processor {
	enum err (*open)(struct arena *, const struct processor_order *,
	    struct processor_checkout *);
	enum err (*fetch)(
	    struct arena *, const char *checkout, struct processor_truth *);
	enum err (*refund)(
	    struct arena *, const struct processor_refund *, const char **id);
	/* what moved since then, in any order */
	enum err (*list)(struct arena *, int64_t since,
	    struct processor_movement **, size_t *n);
};

/* The one of this process; none: what is asked for waits. */
void processor_set(const struct processor *);

#endif
