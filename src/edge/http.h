#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include <kore/kore.h>
#include <kore/http.h>

/* Kore's one route: every request of every method comes here. */
int edge_http(struct http_request *);

/* Kore's hook for what it refuses by itself: our headers, our problem. */
void http_refused(struct connection *, int status, struct kore_buf *headers,
    struct kore_buf *body);

/* Requests whose fibers have not ended, their clients gone or not: what a
 * worker waits for before it stops. */
unsigned http_in_progress(void);

#endif
