#ifndef CTL_INVENTED_H
#define CTL_INVENTED_H

#include "base/arena.h"

#include <stdint.h>

/*
 * People who do not exist, as many as are wanted. How often a name occurs
 * follows Zipf and Mandelbrot: one in 23 has the first family name, most of two
 * thousand are rare. The same run and number give the same person.
 */
struct invented {
	const char *family_name;
	const char *given_name;
	const char *birth_date;
	const char *sex;
	const char *mrn;
	const char *ssn; /* NULL: any might be somebody's */
	const char *phone;
	const char *email;
	const char *address; /* JSON */
	const char *language;
	const char *emergency_contact; /* JSON */
	const char *insurance;	       /* JSON */
};
void invented_person(
    struct arena *, uint32_t run, uint32_t number, struct invented *);

/* Why somebody comes. */
const char *invented_reason(uint64_t number);

#endif
