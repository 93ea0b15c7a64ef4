#include "base/crypto.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "ctl/command.h"
#include "ctl/operator.h"
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT_TEXT_SIZE	 (2 * CRYPTO_KEY_SIZE + 1) /* with the line feed */
#define KEY_AGE_DAYS_MAX 730			   /* SP 800-57 pt 1, table 1 */
#define SEALS_ALARM	 (INT64_C(1) << 31)

static void
hex_write(const uint8_t *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

/* All of the file or none: a half-written key must not look like one. */
static bool
file_fill(int fd, const char *text, size_t n)
{
	return write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
}

/*= EN-06: readable by its owner alone, from its first moment on */
static bool
root_write(const char *path)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	char text[ROOT_TEXT_SIZE];
	bool written = false;
	int fd;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd < 0)
		return false;
	secret_random(key, sizeof(key));
	hex_write(key, sizeof(key), text);
	text[ROOT_TEXT_SIZE - 1] = '\n';
	written = file_fill(fd, text, sizeof(text));
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
	if (close(fd) != 0)
		written = false;
	if (!written)
		unlink(path);
	return written;
}

int
ctl_key_init(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_key_init);
	if (o.rest == NULL) {
		operator_say(ERR_MISSING_FIELD, "which file? key init FILE");
		return 2;
	}
	if (root_write(o.rest)) {
		printf("%s\n", o.rest);
		return 0;
	}
	if (errno == EEXIST)
		operator_say(ERR_ALREADY_DONE,
		    "the file is there already, and a root key is never "
		    "overwritten: without it every record is lost");
	else
		fprintf(stderr, "epionectl: %s: %s\n", o.rest, strerror(errno));
	return 1;
}

static const char *
key_warning(const struct key_status_row *k, int64_t days)
{
	if (k->seals_max >= SEALS_ALARM)
		return "  uses: rotate now"; /*= EN-03 */
	return days > KEY_AGE_DAYS_MAX ? "  age: rotate now" : "";
}

static void
key_print(const struct key_status_row *k, int64_t now)
{
	char clinic[UUID_TEXT_SIZE];
	int64_t days = (now - k->created_at) / 86400;

	uuid_text(&k->clinic_id, clinic);
	printf("%-36s  %-8s %7" PRId64 "  %8" PRId64 "  %8" PRId64
	       "  %12" PRId64 "  %12" PRId64 "%s\n",
	    uuid_is_nil(&k->clinic_id) ? "(installation)" : clinic, k->class,
	    k->version, days, k->records, k->seals, k->seals_max,
	    key_warning(k, days));
}

/*= EN-07: age and use of every key */
static enum err
status(struct tx *tx, const struct operator_options *o)
{
	struct installation_get_row root;
	struct key_status_row *rows;
	uint8_t check[KEY_CHECK_SIZE];
	int64_t now = instant_now();
	size_t i, n;
	enum err r;

	(void)o;
	r = sql_installation_get(tx, &root);
	if (r == ERR_NOT_FOUND)
		return operator_say(r, "there is no clinic yet, and no key");
	if (r != ERR_OK || (r = keyring_root_check(check)) != ERR_OK ||
	    (r = sql_key_status(tx, &rows, &n)) != ERR_OK)
		return r;
	if (root.root_check.n != sizeof(check) ||
	    !secret_equal(root.root_check.p, check, sizeof(check)))
		return operator_say(ERR_CRYPTO,
		    "this root key is not the one this database was made with");
	printf("root key: right, in use for %" PRId64 " days\n\n",
	    (now - root.created_at) / 86400);
	printf("%-36s  %-8s %7s  %8s  %8s  %12s  %12s\n", "clinic", "class",
	    "version", "age_days", "records", "seals", "most_seals");
	for (i = 0; i < n; i++)
		key_print(&rows[i], now);
	return ERR_OK;
}

int
ctl_key_status(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_key_status);
	return operator_work(&o, status);
}
