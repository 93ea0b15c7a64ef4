#ifndef CARE_AUDIT_FILTER_H
#define CARE_AUDIT_FILTER_H

#include "base/shape.h"
#include "gate/op.h"
#include "sql.h"

/* Which events are asked for: of the list and of what is taken away. */
#define AUDIT_FILTER                                                           \
	{ "from", SH_TIME, .flags = 0 }, { "to", SH_TIME, .flags = 0 },        \
	    { "actor_id", SH_UUID, .flags = 0 },                               \
	    { "patient_id", SH_UUID, .flags = 0 },                             \
	    { "action", SH_CHOICE, .choices = "C|R|U|D|E" },                   \
	    { "outcome", SH_TEXT, 1, 40, .flags = 0 },                         \
	{                                                                      \
		"scope", SH_CHOICE, .choices = "clinic|nobody"                 \
	}

/* All but the page; names a record that is asked for in the event. */
NODISCARD enum err audit_filter(struct op *, struct audit_list_in *);

#endif
