#ifndef GATE_REPLY_H
#define GATE_REPLY_H

#include "gate/op.h"

/* Turns the outcome of an operation into a response: status, body, and the
 * headers that every answer carries. */
void reply_fill(struct reply *, struct op *, enum err);

/* Security headers of every answer, ours and the server's own (TR-03, TR-04,
 * PA-09). `page` is true for the portal's files. */
void reply_security(struct reply *, bool page);

/* X-Request-Id, which every answer has; reply_fill has put it in already. */
void reply_request_id(struct arena *, const struct request *, struct reply *);
void reply_header(struct reply *, const char *name, const char *value);

#endif
