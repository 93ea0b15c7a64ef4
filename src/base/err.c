#include "base/err.h"

#include <string.h>

struct err_row {
	int status;
	const char *code;
	const char *title;
};

static const struct err_row rows[ERR_COUNT] = {
	[ERR_OK] = { 200, "ok", "OK" },
#define ERROR(name, code, status, title)                                       \
	[ERR_##name] = { status, #code, title },
#define CONSTRAINT(name, err)
#define BLAME(err, field)
#include "tables/errors.def"
#undef ERROR
#undef CONSTRAINT
#undef BLAME
};

static const struct {
	const char *name;
	enum err err;
} constraints[] = {
#define ERROR(name, code, status, title)
#define CONSTRAINT(name, err) { name, ERR_##err },
#define BLAME(err, field)
#include "tables/errors.def"
#undef ERROR
#undef CONSTRAINT
#undef BLAME
};

static const char *const blamed[ERR_COUNT] = {
#define ERROR(name, code, status, title)
#define CONSTRAINT(name, err)
#define BLAME(err, field) [ERR_##err] = (field),
#include "tables/errors.def"
#undef ERROR
#undef CONSTRAINT
#undef BLAME
};

int
err_status(enum err e)
{
	return rows[e].status;
}

const char *
err_code(enum err e)
{
	return rows[e].code;
}

const char *
err_title(enum err e)
{
	return rows[e].title;
}

const char *
err_field(enum err e)
{
	return blamed[e];
}

enum err
err_of_constraint(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(constraints) / sizeof(constraints[0]); i++)
		if (strcmp(constraints[i].name, name) == 0)
			return constraints[i].err;
	return ERR_INTERNAL;
}
