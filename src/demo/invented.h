#ifndef DEMO_INVENTED_H
#define DEMO_INVENTED_H

#include "base/arena.h"

#include <stdint.h>

/*
 * People who do not exist, as many as are wanted. How often a name occurs
 * follows Zipf and Mandelbrot: one in 23 has the first family name, most of two
 * thousand are rare. The same run and number give the same person.
 * What nobody invents is NULL, as the ssn: any might be somebody's.
 */
#define MEMBER(name, ...) const char *name;
struct invented { /* objects as JSON */
#include "tables/patient_members.def"
};
#undef MEMBER
void invented_person(
    struct arena *, uint32_t run, uint32_t number, struct invented *);

/* Why somebody comes. */
const char *invented_reason(uint64_t number);

#endif
