#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Unicode as clients send it; utf8proc does the tables. Whatever takes text
 * answers ERR_BAD_ENCODING if it is not UTF-8, and ERR_INVALID_FIELD if a
 * letter carries more than TEXT_MARKS_MAX marks (UAX #15, stream-safe text;
 * no language has so many); results lie in the arena.
 */

#define TEXT_MARKS_MAX 30

/* Well-formed UTF-8 (no surrogates, no overlong forms, no NUL). */
bool text_utf8_valid(const char *, size_t n);
size_t text_code_points(const char *); /* of valid UTF-8 */

/* NFC, outer white space trimmed, inner runs folded to one space. Control
 * characters (CR, LF, TAB, ESC, …) are ERR_INVALID_FIELD unless `lines` is
 * true, which lets LF stand (and drops the spaces around it). */
NODISCARD enum err text_clean(
    struct arena *, const char *, bool lines, char **);
/* NFC alone, for passwords (SP 800-63B 3.1.1.2). */
NODISCARD enum err text_nfc(struct arena *, const char *, char **);
/* For comparing names: NFKD, case folded, accents dropped, letters that one
 * keyboard has and another has not as one (ł as l, Persian yeh as Arabic), digits
 * as ASCII; apostrophes and full stops dropped, whatever else is neither letter
 * nor digit separates words; one space between words. */
NODISCARD enum err text_fold(struct arena *, const char *, char **);
/* The same, where apostrophes and full stops separate words, too (TEXT_APART),
 * and letters are written out as people do without them: ü as ue, å as aa
 * (TEXT_SPELLED). */
#define TEXT_APART   1
#define TEXT_SPELLED 2
NODISCARD enum err text_fold_as(
    struct arena *, const char *, unsigned how, char **);
/* For comparing e-mail addresses: trimmed, NFKC, lower case, without what cannot
 * be seen. */
NODISCARD enum err text_email(struct arena *, const char *, char **);
/* Letters and digits alone, folded: for SSN, MRN, codes. May come out empty. */
NODISCARD enum err text_alnum(struct arena *, const char *, char **);
/* For comparing telephone numbers: the digits as dialled within a country or
 * from abroad, and an extension: +1 (555) 010-2030, 001 555 010 2030 and
 * 555-010-2030 are one; 555 0100 ext. 12 is "5550100x12". ERR_INVALID_FIELD
 * for what has other letters. May come out empty. */
NODISCARD enum err text_phone(struct arena *, const char *, char **);

/* lower-case hexadecimal and base64url (RFC 4648 5, no padding) */
char *text_hex(struct arena *, const void *, size_t n);
char *text_base64url(struct arena *, const void *, size_t n);
/* Strict: ERR_INVALID_FIELD for padding, other letters or spare bits. */
NODISCARD enum err text_base64url_decode(
    struct arena *, const char *, uint8_t **, size_t *n);
char *text_base64(struct arena *, const void *, size_t n); /* RFC 4648 4 */

#endif
