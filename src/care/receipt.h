#ifndef CARE_RECEIPT_H
#define CARE_RECEIPT_H

#include "gate/op.h"

/* A job: asks for the receipt of a payment to be drawn, if it was paid and there is
 * none that says how much of it was given back. */
NODISCARD enum err receipt_ask(struct op *, const struct uuid *payment);

#endif
