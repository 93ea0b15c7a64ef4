#ifndef GATE_WORD_H
#define GATE_WORD_H

#include "gate/op.h"

/*
 * The words that audit rows are made of, as numbers: rows hold two bytes for
 * each. The database keeps the numbers (table audit_word) and gives one to a
 * word that is new; a process asks once, for all that its tables can say.
 */

#define WORD_SYSTEM "system" /* the role of what no person does: jobs */
#define WORD_EMERGENCY                                                         \
	"BTG" /* the purpose of emergency access, as HL7 has it */

/* Asks, if this process has not yet. In a transaction of its own: a number
 * that was rolled back would be another word's later. */
NODISCARD enum err words_learn(struct op *);

/* The number; INT64_MIN, which is NULL, for no word or one not learnt. */
int64_t word_id(const char *);

#endif
