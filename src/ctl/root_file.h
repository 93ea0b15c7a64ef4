#ifndef CTL_ROOT_FILE_H
#define CTL_ROOT_FILE_H

#include "base/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case hexadecimal, 2 n characters and no end. */
void hex_write(const uint8_t *in, size_t n, char *out);

/* A new file with all of the text or none, readable by its owner alone from its
 * first moment on. False, with errno, if it is there already or cannot be made. */
bool secret_file_write(const char *path, const char *text, size_t n);

/* The same of a root key. Says what is wrong on standard error. */
bool root_file_write(const char *path, const uint8_t key[CRYPTO_KEY_SIZE]);

#endif
