#ifndef JOBS_POST_H
#define JOBS_POST_H

#include "base/err.h"

#include <stddef.h>

/* Makes care/letter.h's letters go out over the relay of the settings. With
 * none set they stay. ERR_INVALID_FIELD, and then `problem` says which setting
 * is wrong. */
NODISCARD enum err post_start(char *problem, size_t n);

#endif
