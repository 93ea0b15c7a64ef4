#include "ctl/root_file.h"

#include "base/secret.h"
#include "ctl/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT_TEXT_SIZE (2 * CRYPTO_KEY_SIZE + 1) /* with the line feed */

void
hex_write(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

/*= EN-06: readable by its owner alone; a half-written key must not look like one */
bool
secret_file_write(const char *path, const char *text, size_t n)
{
	bool written;
	int fd;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd < 0)
		return false;
	written = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
	if (close(fd) != 0)
		written = false;
	if (!written)
		unlink(path);
	return written;
}

bool
root_file_write(const char *path, const uint8_t key[CRYPTO_KEY_SIZE])
{
	char text[ROOT_TEXT_SIZE];
	bool written;

	hex_write(key, CRYPTO_KEY_SIZE, text);
	text[ROOT_TEXT_SIZE - 1] = '\n';
	written = secret_file_write(path, text, sizeof(text));
	secret_wipe(text, sizeof(text));
	if (written)
		return true;
	if (errno == EEXIST)
		operator_say(ERR_ALREADY_DONE,
		    "the file is there already, and a root key is never "
		    "overwritten: without it every record is lost");
	else
		fprintf(stderr, "epionectl: %s: %s\n", path, strerror(errno));
	return false;
}
