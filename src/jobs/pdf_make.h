#ifndef JOBS_PDF_MAKE_H
#define JOBS_PDF_MAKE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "care/paper.h"

#include <cairo.h>
#include <pango/pangocairo.h>
#include <stdint.h>

/* A4, in points */
#define PDF_SHORT 595.276
#define PDF_LONG  841.890

/* What `put` draws, and shows page by page. */
struct pdf {
	const char *title;
	double width, height;
	void (*put)(cairo_t *, const void *what);
	const void *what;
};

/* Draws it on a thread, into the arena. ERR_BUSY past the deadline (monotonic ms);
 * ERR_INTERNAL when it cannot be drawn, or comes to more than 32 MiB. */
NODISCARD enum err pdf_make(
    struct arena *, const struct pdf *, int64_t deadline_ms, struct bytes *out);

/* A paragraph as its own script runs, laid out in a width; the caller's to unref. */
PangoLayout *pdf_layout(
    cairo_t *, const char *font, const char *text, double width);
/* Draws one as a `kind` of tagged PDF: how high it is. */
double pdf_text(cairo_t *, const char *kind, const char *font, const char *text,
    double x, double y, double width);

paper_table_drawer pdf_table_draw; /* care/paper.h */

#endif
