#ifndef GATE_PASSAGE_H
#define GATE_PASSAGE_H

#include "gate/credential.h"
#include "gate/op.h"
#include "gate/right.h"

/* Input that was read before the right to it was known: what is wrong with it is
 * told afterwards (gate/form.h). */
struct early {
	bool done;
	enum err err;
	const char *culprit;
};

/* What is known of a request on its way to becoming an operation. The rules of
 * dispatch.c fill it, each its own part. */
struct passage {
	struct op op;
	struct credential credential;
	const struct participant *socket; /* who asks over one, or NULL */
	struct whose whose;		  /* the record that is asked for */
	struct early input;
	bool misnamed; /* an id of the path is none */
	bool in_parts; /* counted among those that are made (gate/parts.h) */
	bool alone;    /* a further part, which is no sign of life */
	bool counted;  /* against the rates of its actor */
	bool noted;    /* its audit row is committed already */
	bool mistaken; /* that row was not true: once more, without it */
	bool repeated; /* its Idempotency-Key came before */
};

#endif
