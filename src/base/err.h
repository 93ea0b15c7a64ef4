#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * The one error type. Every function that can fail returns it; what it means
 * to a client stands in tables/errors.def.
 */
#define NODISCARD __attribute__((warn_unused_result))

enum err {
	ERR_OK = 0,
#define ERROR(name, code, status, title) ERR_##name,
#define CONSTRAINT(name, err)
#define BLAME(err, field)
#include "tables/errors.def"
#undef ERROR
#undef CONSTRAINT
#undef BLAME
	ERR_COUNT
};

/* HTTP status, stable code and title of an error; 200 and "ok" for ERR_OK. */
int err_status(enum err);
const char *err_code(enum err);
const char *err_title(enum err);

/* The input that this error is always about, NULL if there is no such. */
const char *err_field(enum err);

/* The error that a violated database constraint means; ERR_INTERNAL if the
 * table does not know the name. */
enum err err_of_constraint(const char *name);

#endif
