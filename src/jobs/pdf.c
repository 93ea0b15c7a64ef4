/* Papers as PDF, by pango and cairo: any script, either direction, and the text
 * stays text. */
#include "jobs/pdf.h"

#include "base/conf.h"
#include "care/paper.h"
#include "jobs/pdf_make.h"

#include <fontconfig/fontconfig.h>
#include <stdbool.h>
#include <stdio.h>

#define MARGIN	  64.0
#define NAMES	  130.0 /* the column of names */
#define LINE_GAP  8.0
#define BLOCK_GAP 24.0

#define FONT_HEADING "Sans Bold 18"
#define FONT_TITLE   "Sans 14"
#define FONT_TEXT    "Sans 11"
#define FONT_FOOT    "Sans 9"

static void
paper_put(cairo_t *c, const void *what)
{
	const struct paper *p = what;
	const double inner = PDF_SHORT - 2 * MARGIN;
	double y = MARGIN, name, value;
	size_t i;

	y += pdf_text(c, "H1", FONT_HEADING, p->heading, MARGIN, y, inner);
	y += LINE_GAP;
	y += pdf_text(c, "H2", FONT_TITLE, p->title, MARGIN, y, inner);
	y += BLOCK_GAP;
	for (i = 0; i < p->n; i++) {
		name = pdf_text(c, "P", FONT_TEXT, p->lines[i].name, MARGIN, y,
		    NAMES - LINE_GAP);
		value = pdf_text(c, "P", FONT_TEXT, p->lines[i].value,
		    MARGIN + NAMES, y, inner - NAMES);
		y += (name > value ? name : value) + LINE_GAP;
	}
	y += BLOCK_GAP - LINE_GAP;
	pdf_text(c, "P", FONT_FOOT, p->foot, MARGIN, y, inner);
	cairo_show_page(c);
}

static enum err
page_draw(struct arena *a, const struct paper *p, int64_t deadline_ms,
    struct bytes *out)
{
	const struct pdf pdf = { p->title, PDF_SHORT, PDF_LONG, paper_put, p };

	return pdf_make(a, &pdf, deadline_ms, out);
}

static bool
font_is_there(void)
{
	const FcFontSet *fonts;

	if (!FcInit())
		return false;
	fonts = FcConfigGetFonts(NULL, FcSetSystem);
	return fonts != NULL && fonts->nfont > 0;
}

enum err
pdf_start(char *problem, size_t n)
{
	if (font_is_there())
		paper_set(page_draw, pdf_table_draw);
	else if (*conf()->stripe_key != '\0') { /* somebody pays */
		snprintf(problem, n,
		    "there is no font to draw receipts with: install "
		    "fonts-dejavu-core, or another that has your script");
		return ERR_INVALID_FIELD;
	}
	return ERR_OK;
}
