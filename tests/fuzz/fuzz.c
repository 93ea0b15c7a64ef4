#include "fuzz.h"

#include "base/log.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *, char ***);
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

__attribute__((weak)) void
fuzz_begin(void)
{
}

static void
quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_sink(quiet);
	fuzz_begin();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new();

	if (n > 0)
		fuzz(a, p, n);
	arena_free(a);
	return 0;
}

void
promise_broken(const char *promise, const char *file, int line)
{
	fprintf(stderr, "ERROR: %s:%d: broken: %s\n", file, line, promise);
	abort();
}

int
fuzz_file(const void *p, size_t n, char path[32])
{
	int fd = memfd_create("fuzz", 0);

	/* settings that others may read are refused */
	must(
	    fd != -1 && fchmod(fd, 0600) == 0 && write(fd, p, n) == (ssize_t)n);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

const char *
fuzz_line(struct arena *a, const uint8_t **p, size_t *n)
{
	const uint8_t *end = *n == 0 ? NULL : memchr(*p, '\n', *n);
	size_t line = end == NULL ? *n : (size_t)(end - *p);
	const char *text = *n == 0 ? NULL
				   : arena_text_n(a, (const char *)*p, line);

	line += end != NULL;
	*p += line;
	*n -= line;
	return text;
}
