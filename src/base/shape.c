#include "base/shape.h"

#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>

#define PHONE_DIGITS_MIN 3

/* One value being checked: where it stands, and what it may become. */
struct check {
	struct arena *arena;
	const char *path;
	json_t *value;
	json_t *normal; /* replaces the value when set; new reference */
};

static enum err shape_members(struct arena *, const struct shape *, json_t *,
    bool partial, const char *outer, const char **culprit);

/* Where brackets, outside of strings, get too deep; in.n if nowhere. jansson's
 * own bound is far above ours, and recursion is stack. */
static size_t
too_deep_at(struct bytes in)
{
	bool quoted = false;
	size_t i, depth = 0;

	for (i = 0; i < in.n; i++) {
		if (quoted) {
			if (in.p[i] == '\\')
				i++;
			else if (in.p[i] == '"')
				quoted = false;
			continue;
		}
		if (in.p[i] == '"')
			quoted = true;
		else if (in.p[i] == '{' || in.p[i] == '[') {
			if (++depth > SHAPE_DEPTH_MAX)
				return i;
		} else if ((in.p[i] == '}' || in.p[i] == ']') && depth > 0)
			depth--;
	}
	return in.n;
}

/*= IN-06: duplicate keys, bad UTF-8, depth and NUL are refused here. *at is
 * the byte at which it went wrong. */
static enum err
parse(struct bytes in, json_t **out, size_t *at)
{
	json_error_t error;

	*out = NULL;
	if ((*at = too_deep_at(in)) < in.n)
		return ERR_TOO_DEEP;
	*out = json_loadb(
	    (const char *)in.p, in.n, JSON_REJECT_DUPLICATES, &error);
	if (*out == NULL) {
		*at = error.position < 0 ? 0 : (size_t)error.position;
		switch (json_error_code(&error)) {
		case json_error_duplicate_key:
			return ERR_DUPLICATE_FIELD;
		case json_error_invalid_utf8:
			return ERR_BAD_ENCODING;
		default:
			return ERR_BAD_JSON;
		}
	}
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		*at = 0;
		return ERR_BAD_JSON;
	}
	return ERR_OK;
}

enum err
shape_parse(struct bytes in, json_t **out)
{
	size_t at;

	return parse(in, out, &at);
}

enum err
shape_parse_named(
    struct arena *a, struct bytes in, json_t **out, const char **culprit)
{
	size_t at;
	enum err r = parse(in, out, &at);

	if (r != ERR_OK)
		*culprit = shape_blame(a, in, at);
	return r;
}

const struct shape *
shape_find(const struct shape *s, const char *name)
{
	for (; !shape_empty(s); s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static const char *
path_join(struct arena *a, const char *outer, const char *name)
{
	return outer == NULL ? arena_text(a, name)
			     : arena_format(a, "%s.%s", outer, name);
}

static enum err
replace_text(struct check *c, const char *text)
{
	c->normal = json_string(text);
	return c->normal != NULL ? ERR_OK : ERR_INVALID_FIELD;
}

static bool
length_fits(const struct shape *s, const char *text)
{
	int64_t n = (int64_t)text_code_points(text);

	return n >= s->min && n <= s->max;
}

static enum err
check_text(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);
	char *clean;

	if (text == NULL || strlen(text) != json_string_length(c->value))
		return ERR_INVALID_FIELD;
	if (s->kind == SH_RAW)
		clean = arena_text(c->arena, text);
	else if (text_clean(c->arena, text, s->kind == SH_LINES, &clean) !=
	    ERR_OK)
		return ERR_INVALID_FIELD;
	return length_fits(s, clean) ? replace_text(c, clean)
				     : ERR_INVALID_FIELD;
}

/* Kept as it was written: extensions and groups of digits tell people more. */
static enum err
check_phone(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);
	char *number;

	if (text == NULL || text_phone(c->arena, text, &number) != ERR_OK ||
	    strlen(number) < PHONE_DIGITS_MIN)
		return ERR_INVALID_FIELD;
	return check_text(s, c);
}

static enum err
check_email(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value), *at;
	char *clean;

	if (text == NULL || text_email(c->arena, text, &clean) != ERR_OK ||
	    !length_fits(s, clean) || strpbrk(clean, " <>,;:\\\"()[]") != NULL)
		return ERR_INVALID_FIELD;
	at = strchr(clean, '@');
	if (at == NULL || at == clean || at[1] == '\0' ||
	    strchr(at + 1, '@') != NULL)
		return ERR_INVALID_FIELD;
	return replace_text(c, clean);
}

static enum err
check_uuid(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);
	struct uuid id;

	(void)s;
	return text != NULL && uuid_parse(text, &id) == ERR_OK &&
		!uuid_is_nil(&id)
	    ? ERR_OK
	    : ERR_INVALID_FIELD;
}

static enum err
check_time(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);
	int64_t t;

	(void)s;
	if (text == NULL || instant_parse(text, &t) != ERR_OK)
		return ERR_INVALID_FIELD;
	c->normal = json_integer(t);
	return ERR_OK;
}

static enum err
check_date(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);

	(void)s;
	return text != NULL && date_check(text) == ERR_OK ? ERR_OK
							  : ERR_INVALID_FIELD;
}

static enum err
check_date_part(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value);

	(void)s;
	return text != NULL && date_part_check(text) == ERR_OK
	    ? ERR_OK
	    : ERR_INVALID_FIELD;
}

static enum err
check_int(const struct shape *s, struct check *c)
{
	if (!json_is_integer(c->value) ||
	    json_integer_value(c->value) < s->min ||
	    json_integer_value(c->value) > s->max)
		return ERR_INVALID_FIELD;
	return ERR_OK;
}

static enum err
check_bool(const struct shape *s, struct check *c)
{
	(void)s;
	return json_is_boolean(c->value) ? ERR_OK : ERR_INVALID_FIELD;
}

static enum err
check_choice(const struct shape *s, struct check *c)
{
	const char *text = json_string_value(c->value), *p = s->choices;
	size_t n, len;

	if (text == NULL)
		return ERR_INVALID_FIELD;
	len = strlen(text);
	for (;;) {
		n = strcspn(p, "|");
		if (n == len && strncmp(p, text, n) == 0)
			return ERR_OK;
		if (p[n] == '\0')
			return ERR_INVALID_FIELD;
		p += n + 1;
	}
}

static enum err
check_object(const struct shape *s, struct check *c)
{
	(void)s;
	return json_is_object(c->value) ? ERR_OK : ERR_INVALID_FIELD;
}

static enum err
check_list(const struct shape *s, struct check *c)
{
	int64_t n = (int64_t)json_array_size(c->value);

	return json_is_array(c->value) && n >= s->min && n <= s->max
	    ? ERR_OK
	    : ERR_INVALID_FIELD;
}

static enum err
check_ints(const struct shape *s, struct check *c)
{
	json_t *item;
	size_t i;
	enum err r = check_list(s, c);

	json_array_foreach (c->value, i, item)
		if (!json_is_integer(item))
			r = ERR_INVALID_FIELD;
	return r;
}

static const struct {
	enum err (*check)(const struct shape *, struct check *);
	const char *type, *format;
} kinds[] = {
	[SH_TEXT] = { check_text, "string", NULL },
	[SH_LINES] = { check_text, "string", NULL },
	[SH_RAW] = { check_text, "string", NULL },
	[SH_EMAIL] = { check_email, "string", "email" },
	[SH_PHONE] = { check_phone, "string", NULL },
	[SH_UUID] = { check_uuid, "string", "uuid" },
	[SH_TIME] = { check_time, "string", "date-time" },
	[SH_DATE] = { check_date, "string", "date" },
	[SH_DATE_PART] = { check_date_part, "string", NULL },
	[SH_INT] = { check_int, "integer", NULL },
	[SH_BOOL] = { check_bool, "boolean", NULL },
	[SH_CHOICE] = { check_choice, "string", NULL },
	[SH_OBJECT] = { check_object, "object", NULL },
	[SH_LIST] = { check_list, "array", NULL },
	[SH_INTS] = { check_ints, "array", NULL },
};

static enum err
shape_items(struct arena *a, const struct shape *s, json_t *list,
    const char *path, const char **culprit)
{
	json_t *item;
	size_t i;
	enum err r;

	json_array_foreach (list, i, item) {
		if (s->inner == NULL ? !json_is_string(item)
				     : !json_is_object(item)) {
			*culprit = path;
			return ERR_INVALID_FIELD;
		}
		if (s->inner != NULL &&
		    (r = shape_members(
			 a, s->inner, item, false, path, culprit)) != ERR_OK)
			return r;
	}
	return ERR_OK;
}

static enum err
shape_value(struct arena *a, const struct shape *s, json_t *object,
    json_t *value, bool partial, const char *path, const char **culprit)
{
	struct check c = { a, path, value, NULL };
	enum err r;

	if (json_is_null(value) && (s->flags & SH_NULLABLE) != 0)
		return ERR_OK;
	if ((r = kinds[s->kind].check(s, &c)) != ERR_OK) {
		*culprit = path;
		return r;
	}
	if (s->kind == SH_OBJECT && s->inner != NULL)
		return shape_members(
		    a, s->inner, value, partial, path, culprit);
	if (s->kind == SH_LIST)
		return shape_items(a, s, value, path, culprit);
	if (c.normal != NULL) {
		json_wipe(value);
		json_object_set_new(object, s->name, c.normal);
	}
	return ERR_OK;
}

static enum err
shape_unknown(struct arena *a, const struct shape *shape, json_t *object,
    const char *outer, const char **culprit)
{
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value) {
		if (shape_find(shape, name) == NULL) {
			*culprit = path_join(a, outer, name);
			return ERR_UNKNOWN_FIELD;
		}
	}
	return ERR_OK;
}

static enum err
shape_members(struct arena *a, const struct shape *shape, json_t *object,
    bool partial, const char *outer, const char **culprit)
{
	const struct shape *s;
	json_t *value;
	enum err r;

	if ((r = shape_unknown(a, shape, object, outer, culprit)) != ERR_OK)
		return r;
	for (s = shape; !shape_empty(s); s++) {
		value = json_object_get(object, s->name);
		if (value == NULL) {
			if ((s->flags & SH_REQUIRED) == 0 || partial)
				continue;
			*culprit = path_join(a, outer, s->name);
			return ERR_MISSING_FIELD;
		}
		if ((r = shape_value(a, s, object, value, partial,
			 path_join(a, outer, s->name), culprit)) != ERR_OK)
			return r;
	}
	return ERR_OK;
}

enum err
shape_check(struct arena *a, const struct shape *shape, json_t *object,
    bool partial, const char **culprit)
{
	return shape_members(a, shape, object, partial, NULL, culprit);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* %-decoding of one name or value; NUL and bad UTF-8 are refused. */
static enum err
query_decode(struct arena *a, const char *p, size_t n, char **out)
{
	char *o = arena_alloc(a, n + 1);
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		if (p[i] == '+') {
			o[k++] = ' ';
		} else if (p[i] != '%') {
			o[k++] = p[i];
		} else {
			if (i + 2 >= n || hex_digit(p[i + 1]) < 0 ||
			    hex_digit(p[i + 2]) < 0)
				return ERR_BAD_QUERY;
			o[k++] = (char)(hex_digit(p[i + 1]) * 16 +
			    hex_digit(p[i + 2]));
			i += 2;
		}
	}
	if (memchr(o, '\0', k) != NULL || !text_utf8_valid(o, k))
		return ERR_BAD_QUERY;
	*out = o;
	return ERR_OK;
}

static json_t *
query_value(const struct shape *s, const char *text)
{
	char *end;
	long long n;

	if (s->kind == SH_BOOL && strcmp(text, "true") == 0)
		return json_true();
	if (s->kind == SH_BOOL && strcmp(text, "false") == 0)
		return json_false();
	/* as JSON writes it: strtoll would take spaces and a plus before it */
	if (s->kind == SH_INT && *text != '\0' &&
	    strchr("-0123456789", *text) != NULL && strlen(text) < 19) {
		n = strtoll(text, &end, 10);
		if (*end == '\0')
			return json_integer(n);
	}
	return json_string(text); /* the check refuses what is no number */
}

static enum err
query_pair(struct arena *a, const char *p, size_t n, const struct shape *shape,
    json_t *out, const char **culprit)
{
	const char *eq = memchr(p, '=', n);
	size_t name_n = eq == NULL ? n : (size_t)(eq - p);
	const struct shape *s;
	char *name, *text;
	enum err r;

	if ((r = query_decode(a, p, name_n, &name)) != ERR_OK ||
	    (r = query_decode(a, eq == NULL ? "" : eq + 1,
		 eq == NULL ? 0 : n - name_n - 1, &text)) != ERR_OK)
		return r;
	*culprit = name;
	if ((s = shape_find(shape, name)) == NULL)
		return ERR_UNKNOWN_FIELD;
	if (json_object_get(out, name) != NULL)
		return ERR_DUPLICATE_FIELD;
	json_object_set_new(out, name, query_value(s, text));
	*culprit = NULL;
	return ERR_OK;
}

enum err
shape_query(struct arena *a, const char *query, const struct shape *shape,
    json_t **out, const char **culprit)
{
	enum err r = ERR_OK;
	size_t n;

	*out = json_object();
	while (query != NULL && *query != '\0' && r == ERR_OK) {
		n = strcspn(query, "&");
		if (n > 0)
			r = query_pair(a, query, n, shape, *out, culprit);
		query += n + (query[n] == '&');
	}
	if (r != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}

static json_t *
schema_choices(const char *p)
{
	json_t *list = json_array();
	size_t n;

	for (;;) {
		n = strcspn(p, "|");
		json_array_append_new(list, json_stringn(p, n));
		if (p[n] == '\0')
			return list;
		p += n + 1;
	}
}

/* White space around a text is not counted: what is left begins and ends with
 * something else, and has the least length between. */
static void
schema_text(const struct shape *s, json_t *o)
{
	if (s->min == 1)
		json_object_set_new(o, "pattern", json_string("\\S"));
	else if (s->min > 1)
		json_object_set_new(o, "pattern",
		    json_sprintf("\\S[\\s\\S]{%d,}\\S", (int)s->min - 2));
}

static void
schema_limits(const struct shape *s, json_t *o)
{
	if (s->max == 0)
		return;
	switch (s->kind) {
	case SH_TEXT:
	case SH_LINES:
		schema_text(s, o);
		/* FALLTHROUGH */
	case SH_RAW:
	case SH_EMAIL:
	case SH_PHONE:
		json_object_set_new(o, "minLength", json_integer(s->min));
		json_object_set_new(o, "maxLength", json_integer(s->max));
		break;
	case SH_INT:
		json_object_set_new(o, "minimum", json_integer(s->min));
		json_object_set_new(o, "maximum", json_integer(s->max));
		break;
	case SH_LIST:
	case SH_INTS:
		json_object_set_new(o, "minItems", json_integer(s->min));
		json_object_set_new(o, "maxItems", json_integer(s->max));
		break;
	default:
		break;
	}
}

static json_t *
schema_value(const struct shape *s)
{
	json_t *o;

	if (s->kind == SH_OBJECT && s->inner != NULL)
		o = shape_schema(s->inner);
	else
		o = json_pack("{s:s}", "type", kinds[s->kind].type);
	if (kinds[s->kind].format != NULL)
		json_object_set_new(
		    o, "format", json_string(kinds[s->kind].format));
	if (s->kind == SH_CHOICE)
		json_object_set_new(o, "enum", schema_choices(s->choices));
	if (s->kind == SH_DATE_PART)
		json_object_set_new(o, "pattern",
		    json_string("^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"));
	if (s->kind == SH_LIST)
		json_object_set_new(o, "items",
		    s->inner != NULL ? shape_schema(s->inner)
				     : json_pack("{s:s}", "type", "string"));
	if (s->kind == SH_INTS)
		json_object_set_new(
		    o, "items", json_pack("{s:s}", "type", "integer"));
	schema_limits(s, o);
	if ((s->flags & SH_NULLABLE) != 0) {
		json_object_set_new(o, "type",
		    json_pack("[s, s]", kinds[s->kind].type, "null"));
		if (s->kind == SH_CHOICE)
			json_array_append_new(
			    json_object_get(o, "enum"), json_null());
	}
	return o;
}

json_t *
shape_schema(const struct shape *shape)
{
	json_t *properties = json_object(), *required = json_array();
	const struct shape *s;
	json_t *o;

	for (s = shape; !shape_empty(s); s++) {
		json_object_set_new(properties, s->name, schema_value(s));
		if ((s->flags & SH_REQUIRED) != 0)
			json_array_append_new(required, json_string(s->name));
	}
	o = json_pack("{s:s, s:o, s:b}", "type", "object", "properties",
	    properties, "additionalProperties", 0);
	if (json_array_size(required) > 0)
		json_object_set_new(o, "required", required);
	else
		json_decref(required);
	return o;
}

void
json_wipe(json_t *value)
{
	const char *name;
	json_t *inner;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		json_object_foreach (value, name, inner)
			json_wipe(inner);
		break;
	case JSON_ARRAY:
		json_array_foreach (value, i, inner)
			json_wipe(inner);
		break;
	case JSON_STRING:
		/* jansson owns the bytes and offers no way to wipe them */
		secret_wipe((void *)(uintptr_t)json_string_value(value),
		    json_string_length(value));
		break;
	default:
		break;
	}
}
