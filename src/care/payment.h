/* What lists of payments are asked by. */
#ifndef CARE_PAYMENT_H
#define CARE_PAYMENT_H

#include "gate/op.h"
#include "sql.h"

#define PAYMENT_STATES	 "opening|open|paid|failed|expired|refunding|refunded"
#define PAYMENT_EARLIEST INT64_C(-2208988800)  /* 1900-01-01 */
#define PAYMENT_LATEST	 INT64_C(253402300799) /* what instants go to */

#define PAYMENT_FILTER                                                         \
	{ "patient_id", SH_UUID, .flags = 0 },                                 \
	    { "visit_id", SH_UUID, .flags = 0 },                               \
	    { "state", SH_CHOICE, .choices = PAYMENT_STATES },                 \
	    { "differs", SH_BOOL, .flags = 0 },                                \
	    { "currency", SH_TEXT, 3, 3, .flags = 0 },                         \
	    { "from", SH_TIME, .flags = 0 },                                   \
	{                                                                      \
		"to", SH_TIME, .flags = 0                                      \
	}

/* A patient learns nothing of others' payments. */
NODISCARD enum err payment_find_own(struct op *, struct payment_row *);

/* By what was asked for, of the whole clinic, from its newest on. */
struct payment_list_in payment_filter(const struct op *);

#endif
