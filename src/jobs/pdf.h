#ifndef JOBS_PDF_H
#define JOBS_PDF_H

#include "base/err.h"

#include <stddef.h>

/* Papers are drawn where there is a font. Where payments are taken there has to be
 * one: `problem` says what to do. */
NODISCARD enum err pdf_start(char *problem, size_t n);

#endif
