#ifndef CARE_PROCESSOR_H
#define CARE_PROCESSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Who takes the money. Another processor is another file in jobs/ that fills in
 * struct processor: nothing else knows which it is, but for the events that it
 * sends (care/stripe_event.c).
 *
 * Of a patient or a visit the processor is told nothing: an amount, a currency,
 * and an id that says nothing to others.
 */
struct processor_order {
	struct uuid payment;
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
};

/* The one of this process; none: what is asked for waits. */
void processor_set(const struct processor *);

#endif
