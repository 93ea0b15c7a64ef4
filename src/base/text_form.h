#ifndef BASE_TEXT_FORM_H
#define BASE_TEXT_FORM_H

#include "base/text.h"

#include <utf8proc.h>

/* Between text.c and text_fold.c: a text as code points, and back. */

/* Decomposed (or as the options say), in the arena, with room for one more. */
NODISCARD enum err text_decode(struct arena *, const char *, utf8proc_option_t,
    utf8proc_int32_t **points, size_t *count);
/* Into UTF-8 in the same place, composing if asked to. */
NODISCARD enum err text_encode(
    utf8proc_int32_t *points, size_t count, utf8proc_option_t, char **out);
NODISCARD enum err text_normal_form(
    struct arena *, const char *, utf8proc_option_t, char **out);
/* The value of a digit of any script; -1 for what is none. */
int text_digit(utf8proc_int32_t);

#endif
