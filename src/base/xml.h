#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/arena.h"

/*
 * As much of XML as the lists of an object store take: the text between the next
 * two tags of this name from *at on, which moves behind it; NULL if there is none.
 */
const char *xml_next(struct arena *, const char **at, const char *tag);

#endif
