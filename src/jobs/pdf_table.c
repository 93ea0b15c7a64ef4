/* Tables of many pages. They are gone through twice: once without drawing, to know
 * how many pages there are, which each of them says. */
#include "jobs/pdf_make.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH	 PDF_LONG
#define HEIGHT	 PDF_SHORT
#define MARGIN	 40.0
#define NAMES	 110.0 /* the column of names */
#define GAP	 4.0   /* around a cell */
#define FOOT	 44.0
#define BOTTOM	 (HEIGHT - MARGIN - FOOT)
#define PAGE_ROW 120.0 /* "Page 100 of 100" */
#define BODY_MIN 40.0  /* of a page below the head of its table */

#define FONT_HEADING "Sans Bold 16"
#define FONT_TITLE   "Sans Bold 12"
#define FONT_TEXT    "Sans 9"
#define FONT_HEAD    "Sans Bold 7.5"
#define FONT_CELL    "Sans 7.5"
#define FONT_FOOT    "Sans 7"

#define COLUMNS_MAX 64

struct going {
	cairo_t *c;
	const struct paper_table *t;
	bool draws; /* the second time */
	int page, pages;
	double y;
	bool open; /* a table is begun on this page */
	double x[COLUMNS_MAX], width[COLUMNS_MAX];
};

static double
text(struct going *g, const char *kind, const char *font, const char *s,
    double x, double width)
{
	PangoLayout *l;
	PangoRectangle whole;

	if (g->draws)
		return pdf_text(g->c, kind, font, s, x, g->y, width);
	l = pdf_layout(g->c, font, s, width);
	pango_layout_get_extents(l, NULL, &whole);
	g_object_unref(l);
	return (double)whole.height / PANGO_SCALE;
}

static void
tag(struct going *g, const char *kind, bool begins)
{
	if (g->draws && begins)
		cairo_tag_begin(g->c, kind, NULL);
	else if (g->draws)
		cairo_tag_end(g->c, kind);
}

static void
rule(struct going *g, double width)
{
	if (!g->draws)
		return;
	cairo_set_line_width(g->c, width);
	cairo_move_to(g->c, MARGIN, g->y);
	cairo_line_to(g->c, WIDTH - MARGIN, g->y);
	cairo_stroke(g->c);
}

/* Pages */

static void
foot(struct going *g)
{
	char *page = g_strdup_printf("Page %d of %d", g->page, g->pages);
	PangoLayout *l = pdf_layout(g->c, FONT_FOOT, page, PAGE_ROW);

	g->y = HEIGHT - MARGIN - FOOT + 2 * GAP;
	rule(g, 0.5);
	g->y += GAP;
	pdf_text(g->c, "P", FONT_FOOT, g->t->top.foot, MARGIN, g->y,
	    WIDTH - 2 * MARGIN - PAGE_ROW);
	pango_layout_set_alignment(l, PANGO_ALIGN_RIGHT);
	cairo_tag_begin(g->c, "P", NULL);
	cairo_move_to(g->c, WIDTH - MARGIN - PAGE_ROW, g->y);
	pango_cairo_show_layout(g->c, l);
	cairo_tag_end(g->c, "P");
	g_object_unref(l);
	g_free(page);
}

static void
page_end(struct going *g)
{
	if (g->open)
		tag(g, "Table", false);
	g->open = false;
	if (g->draws) {
		foot(g);
		cairo_show_page(g->c);
	}
	g->page++;
	g->y = MARGIN;
}

/* The names of the columns, on each page anew. */
static void
table_open(struct going *g)
{
	double h, highest = 0;
	size_t i;

	tag(g, "Table", true);
	tag(g, "TR", true);
	for (i = 0; i < g->t->columns_n; i++) {
		h = text(g, "TH", FONT_HEAD, g->t->columns[i].title, g->x[i],
		    g->width[i]);
		highest = h > highest ? h : highest;
	}
	tag(g, "TR", false);
	g->y += highest + GAP;
	rule(g, 1);
	g->y += GAP;
	g->open = true;
}

/* Rows. One that is higher than a page goes on on the next, line by line. */

struct cell {
	PangoLayout *layout;
	PangoLayoutIter
	    *next; /* the first line that is not drawn; NULL: none */
};

static double
line_height(PangoLayoutIter *i, double *base)
{
	PangoRectangle r;

	pango_layout_iter_get_line_extents(i, NULL, &r);
	*base = (double)(pango_layout_iter_get_baseline(i) - r.y) / PANGO_SCALE;
	return (double)r.height / PANGO_SCALE;
}

static double
line_x(PangoLayoutIter *i)
{
	PangoRectangle r;

	pango_layout_iter_get_line_extents(i, NULL, &r);
	return (double)r.x / PANGO_SCALE;
}

/* As many of its lines as fit above `bottom`; how high they are. */
static double
cell_put(struct going *g, struct cell *cell, double x, double bottom)
{
	double y = g->y, base, h;

	tag(g, "TD", true);
	while (cell->next != NULL) {
		h = line_height(cell->next, &base);
		if (y + h > bottom)
			break;
		if (g->draws) {
			cairo_move_to(g->c, x + line_x(cell->next), y + base);
			pango_cairo_show_layout_line(g->c,
			    pango_layout_iter_get_line_readonly(cell->next));
		}
		y += h;
		if (!pango_layout_iter_next_line(cell->next)) {
			pango_layout_iter_free(cell->next);
			cell->next = NULL;
		}
	}
	tag(g, "TD", false);
	return y - g->y;
}

/* What is left of a row, as far as the page goes; false when all is there. */
static bool
slice_put(struct going *g, struct cell *cells)
{
	double h, highest = 0;
	bool more = false;
	size_t i;

	tag(g, "TR", true);
	for (i = 0; i < g->t->columns_n; i++) {
		h = cell_put(g, &cells[i], g->x[i], BOTTOM);
		highest = h > highest ? h : highest;
		more |= cells[i].next != NULL;
	}
	tag(g, "TR", false);
	g->y += highest + GAP;
	rule(g, 0.25);
	g->y += GAP;
	return more;
}

static double
cells_open(struct going *g, const char *const *texts, struct cell *cells)
{
	PangoRectangle whole;
	double highest = 0, h;
	size_t i;

	for (i = 0; i < g->t->columns_n; i++) {
		cells[i].layout = pdf_layout(
		    g->c, FONT_CELL, texts[i], g->width[i]);
		cells[i].next = pango_layout_get_iter(cells[i].layout);
		pango_layout_get_extents(cells[i].layout, NULL, &whole);
		h = (double)whole.height / PANGO_SCALE;
		highest = h > highest ? h : highest;
	}
	return highest;
}

static void
row_put(struct going *g, const char *const *texts)
{
	struct cell cells[COLUMNS_MAX];
	const double h = cells_open(g, texts, cells);
	size_t i;

	if (g->open && g->y + h > BOTTOM &&
	    (h < BOTTOM - MARGIN - BODY_MIN || g->y + BODY_MIN > BOTTOM))
		page_end(g);
	if (!g->open)
		table_open(g);
	while (slice_put(g, cells)) {
		page_end(g);
		table_open(g);
	}
	for (i = 0; i < g->t->columns_n; i++)
		g_object_unref(cells[i].layout);
}

/* What stands once, before the first row. */
static void
top(struct going *g)
{
	const struct paper *p = &g->t->top;
	const double inner = WIDTH - 2 * MARGIN;
	double name, value;
	size_t i;

	g->y += text(g, "H1", FONT_HEADING, p->heading, MARGIN, inner) + GAP;
	g->y += text(g, "H2", FONT_TITLE, p->title, MARGIN, inner) + GAP;
	g->y += text(g, "P", FONT_TEXT, g->t->lead, MARGIN, inner) + 2 * GAP;
	for (i = 0; i < p->n; i++) {
		name = text(
		    g, "P", FONT_TEXT, p->lines[i].name, MARGIN, NAMES - GAP);
		value = text(g, "P", FONT_TEXT, p->lines[i].value,
		    MARGIN + NAMES, inner - NAMES);
		g->y += (name > value ? name : value) + GAP / 2;
	}
	g->y += 3 * GAP;
	if (g->y + 2 * BODY_MIN > BOTTOM)
		page_end(g);
}

static void
go(struct going *g)
{
	size_t i;

	g->page = 1;
	g->y = MARGIN;
	top(g);
	for (i = 0; i < g->t->rows_n; i++)
		row_put(g, g->t->cells + i * g->t->columns_n);
	if (g->t->rows_n == 0)
		g->y += text(
		    g, "P", FONT_TEXT, g->t->none, MARGIN, WIDTH - 2 * MARGIN);
	g->pages = g->page;
	page_end(g);
}

static void
columns_place(struct going *g)
{
	const struct paper_table *t = g->t;
	double weight = 0, x = MARGIN, one;
	size_t i;

	for (i = 0; i < t->columns_n; i++)
		weight += t->columns[i].weight;
	for (i = 0; i < t->columns_n; i++) {
		one = (WIDTH - 2 * MARGIN) * t->columns[i].weight / weight;
		g->x[i] = x;
		g->width[i] = one - 2 * GAP;
		x += one;
	}
}

static void
table_put(cairo_t *c, const void *what)
{
	struct going g = { .c = c, .t = what };

	columns_place(&g);
	go(&g);
	g.draws = true;
	go(&g);
}

enum err
pdf_table_draw(struct arena *a, const struct paper_table *t,
    int64_t deadline_ms, struct bytes *out)
{
	const struct pdf pdf = { t->top.title, WIDTH, HEIGHT, table_put, t };

	return t->columns_n <= COLUMNS_MAX ? pdf_make(a, &pdf, deadline_ms, out)
					   : ERR_INTERNAL;
}
