/* Fuzzes queries_read, check_headers, check_text, write_*: tools/sqlgen*.c,
 * which ends at the first mistake: here an end is a jump. */
#include "sqlgen_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	char path[32];
	int fd = fuzz_file(p, n, path);

	(void)a;
	if (setjmp(end) == 0)
		sqlgen(path);
	sqlgen_forget();
	must(close(fd) == 0);
}
