#ifndef EDGE_HEAP_TRIM_H
#define EDGE_HEAP_TRIM_H

/*
 * After many clients have left, gives the memory that they used back to the
 * machine: the allocator would keep it, page for page. Looks every few seconds.
 * What Kore's pools took stays theirs, and is used again.
 */
void heap_trim_start(void);

#endif
