/* Fuzzes sdp_check: src/care/sdp.c */
#include "care/sdp.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)!sdp_check((const char *)data, n);
	return 0;
}
