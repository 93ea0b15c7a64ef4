#include "base/arena.h"
#include "base/crypto.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "ctl/root_file.h"
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_AGE_DAYS_MAX 730 /* SP 800-57 pt 1, table 1 */
#define SEALS_ALARM	 (INT64_C(1) << 31)
#define BAR		 40 /* characters */
#define PAUSE_MS	 500
#define LOOK_MS		 30000
#define STALL_MS	 60000

int
ctl_key_init(int argc, char *argv[])
{
	uint8_t key[CRYPTO_KEY_SIZE];
	struct operator_options o;
	bool written;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_key_init);
	if (o.rest == NULL) {
		operator_say(ERR_MISSING_FIELD, "which file? key init FILE");
		return 2;
	}
	secret_random(key, sizeof(key));
	written = root_file_write(o.rest, key);
	secret_wipe(key, sizeof(key));
	if (written)
		printf("%s\n", o.rest);
	return written ? 0 : 1;
}

/* Is there a newer version of the same key? They are listed in order. */
static bool
is_newest(const struct key_status_row *rows, size_t n, size_t i)
{
	return i + 1 == n ||
	    !uuid_equal(&rows[i].clinic_id, &rows[i + 1].clinic_id) ||
	    strcmp(rows[i].class, rows[i + 1].class) != 0;
}

static const char *
key_state(const struct key_status_row *k, bool newest, int64_t days)
{
	if (newest && k->seals_max >= SEALS_ALARM)
		return "newest; uses: rotate now"; /*= EN-03 */
	if (newest && days > KEY_AGE_DAYS_MAX)
		return "newest; age: rotate now";
	if (newest)
		return "newest";
	if (strcmp(k->class, key_class_name(KEY_CLASS_audit)) == 0)
		return "old: it says which follows it";
	return k->records > 0 ? "old: its records are brought under the newest"
			      : "unused: can be retired";
}

static void
key_print(const struct key_status_row *k, bool newest, int64_t now)
{
	char clinic[UUID_TEXT_SIZE];
	int64_t days = (now - k->created_at) / 86400;

	uuid_text(&k->clinic_id, clinic);
	printf("%-36s  %-8s %7" PRId64 "  %8" PRId64 "  %8" PRId64
	       "  %12" PRId64 "  %12" PRId64 "  %s\n",
	    uuid_is_nil(&k->clinic_id) ? "(installation)" : clinic, k->class,
	    k->version, days, k->records, k->seals, k->seals_max,
	    key_state(k, newest, days));
}

/*= EN-07: age and use of every key */
static enum err
status(struct tx *tx, const struct operator_options *o)
{
	struct key_status_row *rows;
	int64_t since, now = instant_now();
	size_t i, n;
	enum err r;

	(void)o;
	r = operator_root_check(tx, &since);
	if (r == ERR_NOT_FOUND)
		return operator_say(r, "there is no clinic yet, and no key");
	if (r != ERR_OK || (r = sql_key_status(tx, &rows, &n)) != ERR_OK)
		return r;
	printf("root key: right, in use for %" PRId64 " days\n\n",
	    (now - since) / 86400);
	printf("%-36s  %-8s %7s  %8s  %8s  %12s  %12s  %s\n", "clinic", "class",
	    "version", "age_days", "records", "seals", "most_seals", "state");
	for (i = 0; i < n; i++)
		key_print(&rows[i], is_newest(rows, n, i), now);
	return ERR_OK;
}

static void
bar_print(const struct keys_progress_row *p, bool last)
{
	int64_t done = p->total - p->behind;
	int i, full = p->total == 0 ? BAR : (int)(BAR * done / p->total);
	char bar[BAR + 1];

	for (i = 0; i < BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "%s[%s] %" PRId64 " of %" PRId64 " record keys%s",
	    isatty(STDERR_FILENO) ? "\r" : "", bar, done, p->total,
	    last || !isatty(STDERR_FILENO) ? "\n" : "");
}

static enum err
progress(struct keys_progress_row *row)
{
	struct arena *a = arena_new();
	struct tx *own = tx_new(a, instant_monotonic() + LOOK_MS);
	enum err r;

	if ((r = sql_keys_progress(own, row)) == ERR_OK)
		r = tx_commit(own);
	tx_close(own);
	arena_free(a);
	return r;
}

/* A look at a time, each in a transaction of its own. */
static enum err
status_wait(struct tx *tx, const struct operator_options *o)
{
	struct keys_progress_row row = { 0 };
	int64_t before = -1, moved = instant_monotonic();
	enum err r;

	(void)tx;
	(void)o;
	while ((r = progress(&row)) == ERR_OK && row.behind > 0) {
		if (row.behind != before) {
			bar_print(&row, false);
			before = row.behind;
			moved = instant_monotonic();
		} else if (instant_monotonic() - moved > STALL_MS) {
			moved = instant_monotonic();
			operator_say(ERR_OK,
			    "nothing has moved for a minute: does epione-jobs "
			    "run? epionectl jobs list says what failed");
		}
		fiber_sleep(PAUSE_MS);
	}
	if (r == ERR_OK)
		bar_print(&row, true);
	return r;
}

int
ctl_key_status(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_key_status);
	return operator_work(&o, o.wait != NULL ? status_wait : status);
}
