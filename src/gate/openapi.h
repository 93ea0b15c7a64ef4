#ifndef GATE_OPENAPI_H
#define GATE_OPENAPI_H

#include "gate/op.h"

#include <jansson.h>
#include <stdio.h>

/* What the tables say, as documents: the API (OpenAPI 3.1) and who may do
 * what (docs/ACCESS.md). Generated, so that they cannot drift. */
json_t *openapi_document(void); /* new reference */
NODISCARD enum err openapi_reply(const char *if_none_match, struct reply *);
void access_print(FILE *);

#endif
