/* The root key in shares (Shamir over GF(2^8), libgfshare): any so many of them make
 * it, and fewer say nothing of it. docs/KEYS.md has their form. */
#include "base/keyring.h"
#include "base/secret.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "ctl/root_file.h"

#include <libgfshare.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARES_MAX 20
#define SET_SIZE   4
#define CHECK_SIZE 8
#define SUM_SIZE   4
#define WORD	   "epione-share-1"
/* "WORD set number shares needed check share sum" */
#define LINE_MAX_BYTES 256
#define SECURE_BYTES   65536

struct share {
	uint8_t set[SET_SIZE];	   /* of one split, random */
	unsigned number, of, need; /* number from 1 */
	uint8_t check[CHECK_SIZE]; /* of the key, so that a wrong one is seen */
	uint8_t value[CRYPTO_KEY_SIZE];
};

static enum err
digest(
    const char *label, const uint8_t *of, size_t n, uint8_t *out, size_t out_n)
{
	uint8_t text[LINE_MAX_BYTES], hash[32];
	size_t head = strlen(label) + 1;
	enum err r;

	if (head + n > sizeof(text))
		return ERR_INTERNAL;
	memcpy(text, label, head);
	memcpy(text + head, of, n);
	r = crypto_sha256((struct bytes){ text, head + n }, hash);
	memcpy(out, hash, out_n);
	secret_wipe(text, sizeof(text));
	return r;
}

static enum err
key_check(const uint8_t key[CRYPTO_KEY_SIZE], uint8_t out[CHECK_SIZE])
{
	return digest("epione root key", key, CRYPTO_KEY_SIZE, out, CHECK_SIZE);
}

static void
random_fill(unsigned char *out, unsigned n)
{
	secret_random(out, n);
}

/* Text */

static size_t
field_hex(char *line, const uint8_t *in, size_t n)
{
	size_t at = strlen(line);

	line[at++] = ' ';
	hex_write(in, n, line + at);
	line[at + 2 * n] = '\0';
	return at + 2 * n;
}

/* One line, which can be typed in again: its sum finds a slip. */
static enum err
share_write(
    const struct share *s, char line[LINE_MAX_BYTES], uint8_t sum[SUM_SIZE])
{
	size_t n;
	enum err r;

	snprintf(line, LINE_MAX_BYTES, "%s", WORD);
	field_hex(line, s->set, SET_SIZE);
	snprintf(line + strlen(line), LINE_MAX_BYTES - strlen(line),
	    " %u %u %u", s->number, s->of, s->need);
	field_hex(line, s->check, CHECK_SIZE);
	n = field_hex(line, s->value, CRYPTO_KEY_SIZE);
	r = digest("epione share", (const uint8_t *)line, n, sum, SUM_SIZE);
	field_hex(line, sum, SUM_SIZE);
	return r;
}

static bool
count_read(const char *text, unsigned from, unsigned *n)
{
	char *end;
	unsigned long v;

	if (text == NULL || !isdigit((unsigned char)*text))
		return false;
	v = strtoul(text, &end, 10);
	*n = (unsigned)v;
	return *end == '\0' && v >= from && v <= SHARES_MAX;
}

static bool
hex_read(const char *text, uint8_t *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	if (text == NULL || strlen(text) != 2 * n ||
	    strspn(text, digits) != 2 * n)
		return false;
	for (i = 0; i < n; i++)
		out[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
		    (strchr(digits, text[2 * i + 1]) - digits));
	return true;
}

static char *
word_next(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t\r\n");
	while (word != NULL && *word == '\0');
	return word;
}

static bool
words_read(char *text, struct share *s, uint8_t sum[SUM_SIZE])
{
	const char *word = word_next(&text);

	return word != NULL && strcmp(word, WORD) == 0 &&
	    hex_read(word_next(&text), s->set, SET_SIZE) &&
	    count_read(word_next(&text), 1, &s->number) &&
	    count_read(word_next(&text), s->number, &s->of) &&
	    count_read(word_next(&text), 2, &s->need) && s->need <= s->of &&
	    hex_read(word_next(&text), s->check, CHECK_SIZE) &&
	    hex_read(word_next(&text), s->value, CRYPTO_KEY_SIZE) &&
	    hex_read(word_next(&text), sum, SUM_SIZE) &&
	    word_next(&text) == NULL;
}

/* False if it is none of ours, or was mistyped. */
static bool
share_read(char *text, struct share *s)
{
	uint8_t said[SUM_SIZE], sum[SUM_SIZE];
	char line[LINE_MAX_BYTES];
	bool good;

	good = words_read(text, s, said) &&
	    share_write(s, line, sum) == ERR_OK &&
	    secret_equal(said, sum, SUM_SIZE);
	secret_wipe(line, sizeof(line));
	return good;
}

/* Splitting */

static enum err
shares_make(const uint8_t key[CRYPTO_KEY_SIZE], unsigned of, unsigned need,
    struct share shares[SHARES_MAX])
{
	uint8_t secret[CRYPTO_KEY_SIZE], numbers[SHARES_MAX];
	uint8_t set[SET_SIZE], check[CHECK_SIZE];
	gfshare_ctx *g;
	unsigned i;
	enum err r;

	if ((r = key_check(key, check)) != ERR_OK)
		return r;
	secret_random(set, sizeof(set));
	for (i = 0; i < of; i++)
		numbers[i] = (uint8_t)(i + 1);
	gfshare_fill_rand = random_fill;
	if ((g = gfshare_ctx_init_enc(
		 numbers, of, (uint8_t)need, CRYPTO_KEY_SIZE)) == NULL)
		return ERR_INTERNAL;
	memcpy(secret, key, sizeof(secret));
	gfshare_ctx_enc_setsecret(g, secret);
	secret_wipe(secret, sizeof(secret));
	for (i = 0; i < of; i++) {
		shares[i] = (struct share){
			.number = i + 1, .of = of, .need = need
		};
		memcpy(shares[i].set, set, sizeof(set));
		memcpy(shares[i].check, check, sizeof(check));
		gfshare_ctx_enc_getshare(g, (uint8_t)i, shares[i].value);
	}
	gfshare_ctx_free(g);
	return ERR_OK;
}

/* ERR_CRYPTO if what they come to is not the key that they were made of. */
static enum err
shares_join(
    const struct share *shares, unsigned n, uint8_t key[CRYPTO_KEY_SIZE])
{
	uint8_t numbers[SHARES_MAX], value[CRYPTO_KEY_SIZE], check[CHECK_SIZE];
	gfshare_ctx *g;
	unsigned i;
	enum err r;

	for (i = 0; i < n; i++)
		numbers[i] = (uint8_t)shares[i].number;
	gfshare_fill_rand = random_fill;
	if ((g = gfshare_ctx_init_dec(numbers, n, CRYPTO_KEY_SIZE)) == NULL)
		return ERR_INTERNAL;
	for (i = 0; i < n; i++) {
		memcpy(value, shares[i].value, sizeof(value));
		gfshare_ctx_dec_giveshare(g, (uint8_t)i, value);
	}
	gfshare_ctx_dec_extract(g, key);
	gfshare_ctx_free(g);
	secret_wipe(value, sizeof(value));
	if ((r = key_check(key, check)) != ERR_OK)
		return r;
	return secret_equal(check, shares[0].check, sizeof(check)) ? ERR_OK
								   : ERR_CRYPTO;
}

static bool
share_file(const char *dir, const struct share *s)
{
	char path[PATH_MAX], line[LINE_MAX_BYTES], text[LINE_MAX_BYTES + 400];
	uint8_t sum[SUM_SIZE];
	bool written;
	int n;

	n = snprintf(path, sizeof(path), "%s/share-%u.txt", dir, s->number);
	if (n >= (int)sizeof(path) || share_write(s, line, sum) != ERR_OK)
		return false;
	n = snprintf(text, sizeof(text),
	    "# Share %u of %u of a root key of Epione; any %u of them make it, "
	    "and\n"
	    "# fewer say nothing of it. Keep each with another person. To put\n"
	    "# them together: cat THE-SHARES | epionectl key combine "
	    "FILE\n%s\n",
	    s->number, s->of, s->need, line);
	written = secret_file_write(path, text, (size_t)n);
	if (written)
		printf("%s\n", path);
	else
		fprintf(stderr, "epionectl: %s: %s\n", path, strerror(errno));
	secret_wipe(text, sizeof(text));
	secret_wipe(line, sizeof(line));
	return written;
}

/* All of them or none. */
static bool
shares_file(const char *dir, const struct share *shares, unsigned n)
{
	char path[PATH_MAX];
	unsigned i;

	for (i = 0; i < n && share_file(dir, &shares[i]); i++)
		continue;
	if (i == n)
		return true;
	while (i-- > 0) {
		snprintf(path, sizeof(path), "%s/share-%u.txt", dir,
		    shares[i].number);
		unlink(path);
	}
	return false;
}

/* What was made is put together again before anybody relies on it. */
static enum err
split(const uint8_t *key, unsigned of, unsigned need, const char *dir)
{
	struct share *shares = secret_alloc(SHARES_MAX * sizeof(*shares));
	uint8_t *again = secret_alloc(CRYPTO_KEY_SIZE);
	enum err r = ERR_INTERNAL;

	if (shares != NULL && again != NULL &&
	    (r = shares_make(key, of, need, shares)) == ERR_OK &&
	    (r = shares_join(shares + of - need, need, again)) == ERR_OK &&
	    !shares_file(dir, shares, of))
		r = ERR_UNAVAILABLE;
	secret_free(shares, SHARES_MAX * sizeof(*shares));
	secret_free(again, CRYPTO_KEY_SIZE);
	return r;
}

/*= EN-06: no one person has to be trusted with the copy that is kept apart */
int
ctl_key_split(int argc, char *argv[])
{
	struct operator_options o;
	unsigned of, need;
	const char *reason;
	uint8_t *key;
	enum err r;

	if (!operator_options_read(argc, argv, &o) || o.root_key == NULL ||
	    o.rest == NULL)
		return command_usage(ctl_key_split);
	if (!count_read(o.shares, 2, &of) || !count_read(o.needed, 2, &need) ||
	    need > of) {
		operator_say(ERR_INVALID_FIELD,
		    "--shares is 2 to 20, and --needed 2 to as many as there "
		    "are shares");
		return 2;
	}
	if (secret_init(SECURE_BYTES) != ERR_OK ||
	    (key = secret_alloc(CRYPTO_KEY_SIZE)) == NULL)
		return operator_end(ERR_INTERNAL);
	r = keyring_root_read(o.root_key, key, &reason);
	if (r != ERR_OK)
		operator_say(r, reason);
	else
		r = split(key, of, need, o.rest);
	secret_free(key, CRYPTO_KEY_SIZE);
	return r == ERR_OK ? 0 : 1;
}

/* Putting together */

static enum err
complain(const char *sentence)
{
	return operator_say(ERR_INVALID_FIELD, sentence);
}

/* One that is given twice counts once. */
static enum err
share_add(const struct share *s, struct share *shares, unsigned *n)
{
	char text[120];
	unsigned i;

	if (*n > 0 &&
	    (!secret_equal(s->set, shares[0].set, SET_SIZE) ||
		s->need != shares[0].need)) {
		snprintf(text, sizeof(text),
		    "share %u was not made together with share %u: they are "
		    "of different keys, or splits of one",
		    s->number, shares[0].number);
		return complain(text);
	}
	for (i = 0; i < *n; i++)
		if (shares[i].number == s->number)
			return ERR_OK;
	shares[(*n)++] = *s;
	return ERR_OK;
}

/* Lines that begin with '#', and empty ones, are notes. */
static enum err
shares_read(FILE *f, struct share *shares, unsigned *n)
{
	char line[LINE_MAX_BYTES * 2], text[80];
	unsigned at = 0;
	struct share s;
	enum err r = ERR_OK;

	*n = 0;
	while (r == ERR_OK && fgets(line, sizeof(line), f) != NULL) {
		at++;
		if (line[0] == '#' || strspn(line, " \t\r\n") == strlen(line))
			continue;
		if (!share_read(line, &s)) {
			snprintf(text, sizeof(text),
			    "line %u is no share, or has a slip in it", at);
			r = complain(text);
		} else
			r = share_add(&s, shares, n);
	}
	secret_wipe(line, sizeof(line));
	secret_wipe(&s, sizeof(s));
	return r;
}

static enum err
combine(const char *path, struct share *shares, uint8_t *key)
{
	char text[80];
	unsigned n;
	enum err r;

	if ((r = shares_read(stdin, shares, &n)) != ERR_OK)
		return r;
	if (n == 0 || n < shares[0].need) {
		snprintf(text, sizeof(text),
		    n == 0 ? "no share came on standard input"
			   : "%u shares came, and %u are needed",
		    n, n == 0 ? 0 : shares[0].need);
		return complain(text);
	}
	if (shares_join(shares, shares[0].need, key) != ERR_OK)
		return complain("these shares do not make the key that they "
				"were made of");
	return root_file_write(path, key) ? ERR_OK : ERR_UNAVAILABLE;
}

int
ctl_key_combine(int argc, char *argv[])
{
	struct operator_options o;
	struct share *shares;
	uint8_t *key;
	enum err r;

	if (!operator_options_read(argc, argv, &o) || o.rest == NULL)
		return command_usage(ctl_key_combine);
	if (secret_init(SECURE_BYTES) != ERR_OK)
		return operator_end(ERR_INTERNAL);
	shares = secret_alloc((SHARES_MAX + 1) * sizeof(*shares));
	key = secret_alloc(CRYPTO_KEY_SIZE);
	r = shares == NULL || key == NULL ? ERR_INTERNAL
					  : combine(o.rest, shares, key);
	secret_free(shares, (SHARES_MAX + 1) * sizeof(*shares));
	secret_free(key, CRYPTO_KEY_SIZE);
	if (r == ERR_OK)
		printf("%s\n", o.rest);
	return r == ERR_OK ? 0 : 1;
}
