#ifndef EDGE_TIDY_H
#define EDGE_TIDY_H

/*
 * After a crowd has left, gives the memory that it used back to the machine:
 * the allocator would keep it, page for page. Looks every few seconds. What
 * Kore's pools took stays theirs, and is used again.
 */
void tidy_start(void);

#endif
