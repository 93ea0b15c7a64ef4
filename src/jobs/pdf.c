/* Papers as PDF, by pango and cairo: any script, either direction, and the text
 * stays text. */
#include "jobs/pdf.h"

#include "base/conf.h"
#include "base/offload.h"
#include "care/paper.h"

#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A4, in points */
#define WIDTH	  595.276
#define HEIGHT	  841.890
#define MARGIN	  64.0
#define NAMES	  130.0 /* the column of names */
#define LINE_GAP  8.0
#define BLOCK_GAP 24.0
#define PDF_MAX	  (1024 * 1024)

#define FONT_HEADING "Sans Bold 18"
#define FONT_TITLE   "Sans 14"
#define FONT_TEXT    "Sans 11"
#define FONT_FOOT    "Sans 9"

/* What the thread that draws has to itself. */
struct drawing {
	const struct paper *paper;
	char *p;
	size_t n;
	bool failed;
};

static cairo_status_t
take(void *arg, const unsigned char *p, unsigned n)
{
	struct drawing *d = arg;
	char *grown;

	if (n > PDF_MAX - d->n || (grown = realloc(d->p, d->n + n)) == NULL)
		return CAIRO_STATUS_WRITE_ERROR;
	memcpy(grown + d->n, p, n);
	d->p = grown;
	d->n += n;
	return CAIRO_STATUS_SUCCESS;
}

/* A paragraph as its own script runs; how high it is. */
static double
text_put(cairo_t *c, const char *kind, const char *font, const char *text,
    double x, double y, double width)
{
	PangoLayout *l = pango_cairo_create_layout(c);
	PangoFontDescription *f = pango_font_description_from_string(font);
	PangoRectangle whole;

	pango_cairo_context_set_resolution(pango_layout_get_context(l), 72);
	pango_layout_set_font_description(l, f);
	pango_layout_set_width(l, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_text(l, text, -1);
	pango_layout_get_extents(l, NULL, &whole);
	cairo_tag_begin(c, kind, NULL);
	cairo_move_to(c, x, y);
	pango_cairo_show_layout(c, l);
	cairo_tag_end(c, kind);
	pango_font_description_free(f);
	g_object_unref(l);
	return (double)whole.height / PANGO_SCALE;
}

static void
paper_put(cairo_t *c, const struct paper *p)
{
	const double inner = WIDTH - 2 * MARGIN;
	double y = MARGIN, name, value;
	size_t i;

	y += text_put(c, "H1", FONT_HEADING, p->heading, MARGIN, y, inner);
	y += LINE_GAP;
	y += text_put(c, "H2", FONT_TITLE, p->title, MARGIN, y, inner);
	y += BLOCK_GAP;
	for (i = 0; i < p->n; i++) {
		name = text_put(c, "P", FONT_TEXT, p->lines[i].name, MARGIN, y,
		    NAMES - LINE_GAP);
		value = text_put(c, "P", FONT_TEXT, p->lines[i].value,
		    MARGIN + NAMES, y, inner - NAMES);
		y += (name > value ? name : value) + LINE_GAP;
	}
	y += BLOCK_GAP - LINE_GAP;
	text_put(c, "P", FONT_FOOT, p->foot, MARGIN, y, inner);
}

static void
draw(void *arg)
{
	struct drawing *d = arg;
	cairo_surface_t *s = cairo_pdf_surface_create_for_stream(
	    take, d, WIDTH, HEIGHT);
	cairo_t *c = cairo_create(s);

	cairo_pdf_surface_set_metadata(
	    s, CAIRO_PDF_METADATA_TITLE, d->paper->title);
	paper_put(c, d->paper);
	cairo_show_page(c);
	d->failed = cairo_status(c) != CAIRO_STATUS_SUCCESS;
	cairo_destroy(c);
	cairo_surface_finish(s);
	d->failed |= cairo_surface_status(s) != CAIRO_STATUS_SUCCESS;
	cairo_surface_destroy(s);
}

static enum err
pdf_draw(struct arena *a, const struct paper *p, int64_t deadline_ms,
    struct bytes *out)
{
	struct drawing d = { .paper = p };
	enum err r = offload(draw, &d, deadline_ms);

	if (r == ERR_OK && d.failed)
		r = ERR_INTERNAL;
	if (r == ERR_OK)
		*out = (struct bytes){ arena_copy(a, d.p, d.n), d.n };
	free(d.p);
	return r;
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
	if (*conf()->stripe_key == '\0')
		return ERR_OK; /* nobody pays */
	if (!font_is_there()) {
		snprintf(problem, n,
		    "there is no font to draw receipts with: install "
		    "fonts-dejavu-core, or another that has your script");
		return ERR_INVALID_FIELD;
	}
	paper_set(pdf_draw);
	return ERR_OK;
}
