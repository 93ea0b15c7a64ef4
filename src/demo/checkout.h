/* The demo's pretend processor: what its API and its pages have in common. */
#ifndef DEMO_CHECKOUT_H
#define DEMO_CHECKOUT_H

#include "demo/web.h"

#include <jansson.h>

/* A payment is one file: {"session", "intent", "refunds", "dispute"}, each as
 * Stripe has it. NULL if there is none of that id. New reference. */
json_t *checkout_load(const char *id);
bool checkout_keep(const json_t *);
/* All of them, in no order: a new array. */
json_t *checkout_all(void);

/* What payers and their banks do; each is kept, and told to the clinic. */
void checkout_pay(struct arena *, json_t *);
void checkout_expire(struct arena *, json_t *);
void checkout_dispute(struct arena *, json_t *, const char *status);

/* Answers /, /pay/ID and what their buttons ask for. */
void checkout_page(struct web *);

#endif
