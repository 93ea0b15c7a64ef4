#ifndef BASE_CARD_H
#define BASE_CARD_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Card numbers in what people write. A number is 13 to 19 digits that pass
 * Luhn's check, of any script, with spaces, hyphens and what cannot be seen
 * between; it is told apart from other numbers by the ranges of the issuers
 * (ISO/IEC 7812), by how it is grouped, and by what kind of text it stands in.
 */
enum card_text {
	CARD_FREE,	 /* whatever people write */
	CARD_IDENTIFIER, /* MRN, SSN, member id, mail address */
	CARD_PHONE,	 /* a telephone number */
};

/* ERR_CARD_NUMBER if there is one. ERR_BAD_ENCODING, ERR_INVALID_FIELD as
 * base/text.h has them. */
NODISCARD enum err card_check(struct arena *, enum card_text, const char *);

#endif
