#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/err.h"
#include "base/network.h"

#include <stdint.h>
#include <stdio.h>

/* The settings of tables/settings.def, read once at start, then constant.
 * Members carry the row's name: TEXT, PATH and SECRET_FILE are strings (the
 * file's line for SECRET_FILE), COUNT an int64_t, NETWORKS struct networks. */
struct conf {
#define TEXT					      const char *
#define PATH					      const char *
#define SECRET_FILE				      const char *
#define COUNT					      int64_t
#define NETWORKS				      struct networks
#define SETTING(name, kind, standard, from, to, help) kind name;
#include "tables/settings.def"
#undef SETTING
#undef TEXT
#undef PATH
#undef SECRET_FILE
#undef COUNT
#undef NETWORKS
};

/* Reads a file; on ERR_INVALID_FIELD `message` (at least 256 bytes) says in
 * one line which file, line and setting is wrong and what is expected, and
 * conf() is empty. What an earlier reading left is freed. ERR_INTERNAL when
 * memory is out; then `message` is "". */
NODISCARD enum err conf_read(const char *path, char *message);
const struct conf *conf(void);
/* Prints every setting with its default and help (for --help). */
void conf_explain(FILE *);

#endif
