#ifndef GATE_REPLY_H
#define GATE_REPLY_H

#include "gate/surface.h"

/* Turns the outcome of an operation into a response: status, body, and the
 * headers that every answer carries. */
void reply_fill(struct reply *, struct op *, enum err);

/* An answer that is no operation's, as its surface has it: the headers that
 * every answer carries (TR-03, TR-04, PA-09), media type and body. */
void reply_plain(
    struct reply *, const struct surface *, int status, struct bytes body);
void reply_header(struct reply *, const char *name, const char *value);

/* What stays the same while this process runs: its entity tag, once, and with
 * it in each reply a 304 without the body to those who have it. */
#define REPLY_TAG_SIZE 35
NODISCARD enum err reply_tag_make(struct bytes body, char tag[REPLY_TAG_SIZE]);
void reply_tag(struct reply *, const char *tag, const char *if_none_match);

/* Pages may also speak to this origin, the store of recordings, and to no other:
 * said once, before the first reply. */
void reply_pages_reach(const char *origin);

#endif
