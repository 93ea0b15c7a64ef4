#include "jobs/pdf_make.h"

#include "base/offload.h"

#include <cairo-pdf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PDF_MAX (32 * 1024 * 1024)

/* What the thread that draws has to itself. */
struct drawing {
	const struct pdf *pdf;
	char *p;
	size_t n, room;
	bool failed;
};

static bool
grow(struct drawing *d, size_t n)
{
	size_t room = d->room == 0 ? 65536 : d->room;
	char *grown;

	if (n > PDF_MAX - d->n)
		return false;
	while (room < d->n + n)
		room *= 2;
	if (room == d->room)
		return true;
	if ((grown = realloc(d->p, room)) == NULL)
		return false;
	d->p = grown;
	d->room = room;
	return true;
}

static cairo_status_t
take(void *arg, const unsigned char *p, unsigned n)
{
	struct drawing *d = arg;

	if (!grow(d, n))
		return CAIRO_STATUS_WRITE_ERROR;
	memcpy(d->p + d->n, p, n);
	d->n += n;
	return CAIRO_STATUS_SUCCESS;
}

PangoLayout *
pdf_layout(cairo_t *c, const char *font, const char *text, double width)
{
	PangoLayout *l = pango_cairo_create_layout(c);
	PangoFontDescription *f = pango_font_description_from_string(font);

	pango_cairo_context_set_resolution(pango_layout_get_context(l), 72);
	pango_layout_set_font_description(l, f);
	pango_layout_set_width(l, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_text(l, text, -1);
	pango_font_description_free(f);
	return l;
}

double
pdf_text(cairo_t *c, const char *kind, const char *font, const char *text,
    double x, double y, double width)
{
	PangoLayout *l = pdf_layout(c, font, text, width);
	PangoRectangle whole;

	pango_layout_get_extents(l, NULL, &whole);
	cairo_tag_begin(c, kind, NULL);
	cairo_move_to(c, x, y);
	pango_cairo_show_layout(c, l);
	cairo_tag_end(c, kind);
	g_object_unref(l);
	return (double)whole.height / PANGO_SCALE;
}

static void
draw(void *arg)
{
	struct drawing *d = arg;
	cairo_surface_t *s = cairo_pdf_surface_create_for_stream(
	    take, d, d->pdf->width, d->pdf->height);
	cairo_t *c = cairo_create(s);

	cairo_pdf_surface_set_metadata(
	    s, CAIRO_PDF_METADATA_TITLE, d->pdf->title);
	cairo_tag_begin(c, "Document", NULL);
	d->pdf->put(c, d->pdf->what);
	cairo_tag_end(c, "Document");
	d->failed = cairo_status(c) != CAIRO_STATUS_SUCCESS;
	cairo_destroy(c);
	cairo_surface_finish(s);
	d->failed |= cairo_surface_status(s) != CAIRO_STATUS_SUCCESS;
	cairo_surface_destroy(s);
}

enum err
pdf_make(struct arena *a, const struct pdf *pdf, int64_t deadline_ms,
    struct bytes *out)
{
	struct drawing d = { .pdf = pdf };
	enum err r = offload(draw, &d, deadline_ms);

	if (r == ERR_OK && d.failed)
		r = ERR_INTERNAL;
	if (r == ERR_OK)
		*out = (struct bytes){ arena_copy(a, d.p, d.n), d.n };
	free(d.p);
	return r;
}
