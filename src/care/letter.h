#ifndef CARE_LETTER_H
#define CARE_LETTER_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Letters as they travel: RFC 5322 with a text and an HTML part. What is
 * written is escaped here; nothing that is put in can add a header or a tag.
 */
struct letter_words {
	const char *from, *from_name; /* address; the clinic */
	const char *to;
	const char *subject, *text; /* with {clinic}, and {link} or {lines} */
	const char *link;	    /* or NULL */
	const char *language;	    /* "en" */
	const char *id; /* the same each time it is tried; before its @ */
	int64_t now;
};

struct letter {
	const char *from, *to; /* addresses */
	const char *message;
	size_t n;
};

/* In the arena. ERR_INVALID_FIELD for an address that no header can hold, or
 * words that are too long. */
NODISCARD enum err letter_write(
    struct arena *, const struct letter_words *, struct letter *);

/*
 * Sends letters: epione-jobs installs it at its start. It waits on the fiber.
 * ERR_MAIL_REFUSED if the relay refused this letter for good, ERR_MAIL_DELAYED
 * if it may yet take it.
 */
typedef enum err letter_carry(struct arena *, const struct letter *);
void letter_carrier(letter_carry *);
/* ERR_MAIL_DELAYED while none is installed. */
NODISCARD enum err letter_send(struct arena *, const struct letter *);

#endif
