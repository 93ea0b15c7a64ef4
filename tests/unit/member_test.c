#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "care/page.h"
#include "care/patient_view.h"
#include "data/field.h"
#include "gate/route.h"
#include "sql.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct thing_row {
	struct uuid id, maker;
	const char *name;
	int64_t at, count, share;
	bool open;
	struct uuid_list ids;
	struct text_list words;
};

static json_t *
double_count(const struct op *op, const void *row)
{
	const struct thing_row *t = row;

	assert_non_null(op);
	return t->count < 0 ? NULL : json_integer(2 * t->count);
}

static const struct shape maker[] = {
	{ "id", SH_UUID, COLUMN(thing_row, maker) },
	{ "name", SH_TEXT, COLUMN(thing_row, name) },
	{ 0 },
};

static const struct shape thing[] = {
	SHOWN(thing_row, id, SH_UUID),
	SHOWN_OR_NULL(thing_row, name, SH_TEXT, 1, 10),
	SHOWN_OR_NULL(thing_row, at, SH_TIME),
	SHOWN(thing_row, count, SH_INT, 0, 9),
	SHOWN_OR_NULL(thing_row, share, SH_INT, 0, 9),
	SHOWN(thing_row, open, SH_BOOL),
	SHOWN(thing_row, ids, SH_LIST),
	SHOWN(thing_row, words, SH_LIST),
	{ "maker", SH_OBJECT, .flags = SH_NULLABLE, .inner = maker },
	{ "double", SH_INT, .made = double_count },
	{ "more", SH_INT, .flags = SH_REQUIRED },
	{ 0 },
};

struct things {
	struct row_list items;
	struct int_list missing;
};

static const struct shape things[] = {
	SHOWN(things, items, SH_LIST, .inner = maker),
	SHOWN(things, missing, SH_INTS),
	NO_NEXT_PAGE,
	{ 0 },
};

static const struct shape needed[] = {
	{ "double", SH_INT, .flags = SH_REQUIRED, .made = double_count },
	{ 0 },
};

static void
same(json_t *is, const char *text)
{
	json_t *want = json_loads(text, 0, NULL);
	char *said = json_dumps(is, JSON_SORT_KEYS);

	assert_non_null(want);
	if (!json_equal(is, want))
		fail_msg("wanted %s, got %s", text, said);
	free(said);
	json_decref(want);
	json_decref(is);
}

#define ID "018f3a5e-7c11-7c11-8a11-0123456789ab"

static void
each_column_is_told_as_what_it_is(void **state)
{
	const char *words[] = { "a", "b" };
	struct op op = { 0 };
	struct thing_row t = { .name = "Ann",
		.at = 0,
		.count = 4,
		.share = 5,
		.open = true,
		.words = { words, 2 } };

	(void)state;
	assert_int_equal(uuid_parse(ID, &t.id), ERR_OK);
	t.maker = t.id;
	t.ids = (struct uuid_list){ &t.id, 1 };
	same(members_json(&op, thing, &t),
	    "{\"id\":\"" ID "\",\"name\":\"Ann\","
	    "\"at\":\"1970-01-01T00:00:00Z\",\"count\":4,\"share\":5,"
	    "\"open\":true,\"ids\":[\"" ID "\"],\"words\":[\"a\",\"b\"],"
	    "\"maker\":{\"id\":\"" ID "\",\"name\":\"Ann\"},\"double\":8}");
}

static void
what_is_not_there_is_null_or_left_out(void **state)
{
	struct op op = { 0 };
	struct thing_row t = {
		.at = INSTANT_NONE, .count = -1, .share = INT64_MIN
	};

	(void)state;
	same(members_json(&op, thing, &t),
	    "{\"id\":null,\"name\":null,\"at\":null,\"count\":-1,"
	    "\"share\":null,\"open\":false,\"ids\":[],\"words\":[],"
	    "\"maker\":null}");
	assert_null(members_json(&op, needed, &t));
}

static void
a_list_within_is_made_of_its_rows(void **state)
{
	const int64_t missing[] = { 3, 5 };
	struct op op = { 0 };
	struct thing_row rows[] = { { .name = "Ann" }, { .name = "Bo" } };
	struct things t = { { rows, 2, sizeof(*rows) }, { missing, 2 } };
	const struct things none = { .items.size = sizeof(*rows) };

	(void)state;
	same(members_json(&op, things, &t),
	    "{\"items\":[{\"id\":null,\"name\":\"Ann\"},"
	    "{\"id\":null,\"name\":\"Bo\"}],\"missing\":[3,5],"
	    "\"next_cursor\":null}");
	same(members_json(&op, things, &none),
	    "{\"items\":[],\"missing\":[],\"next_cursor\":null}");
	rows[1].name = "\xff";
	assert_null(members_json(&op, things, &t));
}

/* A text that is no UTF-8 is no answer, rather than one without it. */
static void
what_cannot_be_told_is_no_answer(void **state)
{
	struct op op = { 0 };
	struct thing_row t = { .name = "\xff" };

	(void)state;
	assert_null(members_json(&op, thing, &t));
}

/* The second is left out. */
static json_t *
thing_item(struct op *op, const void *row)
{
	const struct thing_row *t = row;

	return t->count == 2 ? json_null() : members_json(op, maker, t);
}

static void
a_page_shows_as_many_as_were_asked_for(void **state)
{
	struct thing_row t[] = { { .name = "a", .count = 1 },
		{ .name = "b", .count = 2 }, { .name = "c", .count = 3 } };
	const struct route route = { .out = maker };
	const struct request rq = { .path = "/v1/things" };
	struct op op = { .rq = &rq, .route = &route, .limit = 3 };
	struct page page = { .rows = t, .n = 3, .size = sizeof(t[0]) };

	(void)state;
	assert_int_equal(page_fetch(&op), 4);
	page.item = thing_item;
	assert_int_equal(page_show(&op, &page), ERR_OK);
	same(op.out,
	    "{\"items\":[{\"id\":null,\"name\":\"a\"},"
	    "{\"id\":null,\"name\":\"c\"}],\"next_cursor\":null}");
	page.item = NULL;
	page.n = 1;
	assert_int_equal(page_show(&op, &page), ERR_OK);
	same(op.out,
	    "{\"items\":[{\"id\":null,\"name\":\"a\"}],"
	    "\"next_cursor\":null}");
	op.limit = 1; /* a next page that no cursor can be made for */
	page.n = 2;
	t[0].count = -1;
	page.cursor = needed;
	assert_int_equal(page_show(&op, &page), ERR_INTERNAL);
	page.n = 1;
	t[0].name = "\xff";
	assert_int_equal(page_show(&op, &page), ERR_INTERNAL);
}

static bool
fits(enum shape_kind kind, enum column_type type)
{
	switch (type) {
	case COLUMN_UUID:
		return kind == SH_UUID;
	case COLUMN_INT:
		return kind == SH_INT || kind == SH_TIME;
	case COLUMN_BOOL:
		return kind == SH_BOOL;
	case COLUMN_UUIDS:
	case COLUMN_TEXTS:
		return kind == SH_LIST;
	case COLUMN_TEXT:
		return kind == SH_TEXT || kind == SH_LINES || kind == SH_RAW ||
		    kind == SH_EMAIL || kind == SH_PHONE || kind == SH_DATE ||
		    kind == SH_DATE_PART || kind == SH_CHOICE;
	default:
		return true;
	}
}

static void
shape_fits(const char *operation, const struct shape *members)
{
	const struct shape *m;

	for (m = members; !shape_empty(m); m++) {
		if (!fits(m->kind, m->column.type))
			fail_msg("%s: %s", operation, m->name);
		if (m->inner != NULL)
			shape_fits(operation, m->inner);
	}
}

/* The other way round than C would see it: a kind and a column's type. */
static void
every_member_is_of_its_columns_type(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < routes_count; i++)
		shape_fits(routes[i].operation, routes[i].out);
}

static const struct shape *
member(const struct shape *s, const char *name)
{
	for (; s->kind != SH_END; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* A visit's row is the only place that knows of a member: what it shows and
 * what it takes come of it. */
static void
a_member_of_a_visit_is_described_once(void **state)
{
	const struct shape *in = routes[ROUTE_visit_book].in,
			   *patch = routes[ROUTE_visit_patch].in,
			   *out = routes[ROUTE_visit_read].out, *m, *o;
	size_t n = 0;

	(void)state;
	assert_ptr_equal(out, routes[ROUTE_visit_list].out);
	assert_ptr_equal(out, routes[ROUTE_visit_patch].out);
	for (m = out; m->kind != SH_END; m++, n++)
		assert_true(m->made != NULL || m->column.type != COLUMN_NONE);
#define MEMBER(...) n--;
#include "tables/visit_members.def"
#undef MEMBER
	assert_int_equal(n, 0);
	for (m = in; m->kind != SH_END; m++) {
		if (strcmp(m->name, "fee_code") == 0)
			continue; /* shown as what it stands for: fee */
		o = member(out, m->name);
		assert_non_null(o);
		assert_true(o->kind == m->kind && o->min == m->min &&
		    o->max == m->max && (m->flags & SH_REQUIRED) != 0);
	}
	for (m = patch; m->kind != SH_END; m++) {
		o = member(in, m->name);
		assert_non_null(o);
		assert_true(o->max == m->max && (m->flags & SH_REQUIRED) == 0);
	}
}

/* What is sealed of a patient is a member, and the other way round; the
 * queries take all of them from fields.def. */
static void
a_member_of_a_patient_is_a_field_and_a_column(void **state)
{
	const struct shape *in = routes[ROUTE_patient_create].in,
			   *out = routes[ROUTE_patient_read].out;
	size_t fields_n = 0;

	(void)state;
#define FIELD(name, stored, bytes, class, index)                               \
	if (strncmp(stored, "patient.", 8) == 0) {                             \
		fields_n++;                                                    \
		assert_non_null(member(in, (stored) + 8));                     \
		assert_non_null(member(out, (stored) + 8));                    \
	}
#include "tables/fields.def"
#undef FIELD
	assert_int_equal(fields_n, PATIENT_MEMBERS);
#define MEMBER(name, ...)                                                      \
	assert_int_equal(sizeof(((struct patient_get_row *)NULL)->name),       \
	    sizeof(const char *));                                             \
	assert_int_equal(sizeof(((struct patient_insert_in *)NULL)->name),     \
	    sizeof(const char *));                                             \
	assert_int_equal(sizeof(((struct patient_update_in *)NULL)->name),     \
	    sizeof(const char *));
#include "tables/patient_members.def"
#undef MEMBER
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_column_is_told_as_what_it_is),
		cmocka_unit_test(a_list_within_is_made_of_its_rows),
		cmocka_unit_test(what_is_not_there_is_null_or_left_out),
		cmocka_unit_test(what_cannot_be_told_is_no_answer),
		cmocka_unit_test(a_page_shows_as_many_as_were_asked_for),
		cmocka_unit_test(every_member_is_of_its_columns_type),
		cmocka_unit_test(a_member_of_a_visit_is_described_once),
		cmocka_unit_test(a_member_of_a_patient_is_a_field_and_a_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
