#ifndef DATA_KEYS_H
#define DATA_KEYS_H

#include "base/err.h"

/*
 * Compares the root key's check value with the one the installation was made
 * with (EN-10). ERR_CRYPTO if they differ, ERR_NOT_FOUND if there is no
 * installation yet, or the error of the database. On a fiber.
 */
NODISCARD enum err keys_verify(void);

#endif
