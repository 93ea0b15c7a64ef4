#ifndef JOBS_PDF_H
#define JOBS_PDF_H

#include "base/err.h"

#include <stddef.h>

/* Where payments are taken: looks whether there is a font, and says what to do in
 * `problem` if there is none. */
NODISCARD enum err pdf_start(char *problem, size_t n);

#endif
