#include "base/factor.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "base/text.h"

#include <argon2.h>
#include <liboath/oath.h>
#include <pthread.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <zxcvbn.h>

/* passwords */

#define MEMORY_KIB 47104 /* 46 MiB */
#define PASSES	   1
#define LANES	   1
#define SALT_SIZE  16
#define HASH_SIZE  32

#define QUOTE(x)  #x
#define NUMBER(x) QUOTE(x)
#define COSTS                                                                  \
	"$argon2id$v=19$m=" NUMBER(MEMORY_KIB) ",t=" NUMBER(                   \
	    PASSES) ",p=" NUMBER(LANES) "$"

/* Random salt and random hash: nobody knows a password for it. */
static const char decoy[] = COSTS
    "3zOVoRSTpK9VGIV88MgRCw$3XFeE5ItBf0Zq+0YuJJ/Kj3kYqdPypDXMT32IDVcxvs";

/*= IA-18: algorithm, costs, salt and hash in one encoded string. */
enum err
factor_password_hash(const char *password, char out[FACTOR_HASH_SIZE])
{
	uint8_t salt[SALT_SIZE];
	int r;

	secret_random(salt, sizeof(salt));
	r = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password,
	    strlen(password), salt, sizeof(salt), HASH_SIZE, out,
	    FACTOR_HASH_SIZE);
	if (r == ARGON2_OK)
		return ERR_OK;
	secret_wipe(out, FACTOR_HASH_SIZE);
	return r == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_BUSY : ERR_CRYPTO;
}

enum err
factor_password_check(const char *encoded, const char *password, bool *right)
{
	int r = argon2id_verify(encoded, password, strlen(password));

	*right = r == ARGON2_OK;
	if (r == ARGON2_OK || r == ARGON2_VERIFY_MISMATCH)
		return ERR_OK;
	return r == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_BUSY : ERR_CRYPTO;
}

/*= IA-18: raising a cost here makes every older hash due for renewal. */
bool
factor_password_outdated(const char *encoded)
{
	return strncmp(encoded, COSTS, strlen(COSTS)) != 0;
}

/*= IA-11 */
const char *
factor_password_decoy(void)
{
	return decoy;
}

#define COMMON_MAX 20

/* Rows of equal length: no pointers to relocate at each start. */
static const char common[][COMMON_MAX + 1] = {
#define PASSWORD(word) word,
#include "base/common_passwords.def"
#undef PASSWORD
};

static int
common_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of ASCII only, whatever the locale. */
static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	return c;
}

/* The list is in lower-case ASCII. */
static bool
is_listed(const char *password)
{
	char folded[COMMON_MAX + 1] = "";
	size_t n = strlen(password);
	bool listed;

	if (n > COMMON_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		folded[i] = lower(password[i]);
	listed = bsearch(folded, common, sizeof(common) / sizeof(*common),
		     sizeof(*common), common_compare) != NULL;
	secret_wipe(folded, sizeof(folded));
	return listed;
}

/* Next code point in lower case; 0 at the end or for what is no UTF-8. */
static utf8proc_int32_t
next_lower(const char *s, size_t n, size_t *at)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s + *at;
	utf8proc_int32_t c;
	utf8proc_ssize_t used;

	used = utf8proc_iterate(p, (utf8proc_ssize_t)(n - *at), &c);
	if (used <= 0)
		return 0;
	*at += (size_t)used;
	return utf8proc_tolower(c);
}

/* Both in NFC. */
static bool
same_folded(const char *a, const char *b, size_t b_n)
{
	size_t a_n = strlen(a), i = 0, j = 0;
	utf8proc_int32_t x, y;

	while (i < a_n && j < b_n) {
		x = next_lower(a, a_n, &i);
		y = next_lower(b, b_n, &j);
		if (x != y || x == 0)
			return false;
	}
	return i == a_n && j == b_n;
}

/*= IA-13: the whole password is compared, never a part of it. */
bool
factor_password_common(const char *password, const char *login)
{
	static const char product[] = "epione";

	return is_listed(password) ||
	    same_folded(password, product, strlen(product)) ||
	    same_folded(password, login, strlen(login)) ||
	    same_folded(password, login, strcspn(login, "@"));
}

#define LOOKED_AT 48   /* bytes */
#define ENOUGH	  26.5 /* bits: 10^8 guesses */

/*= IA-13 */
bool
factor_password_guessable(const char *password, const char *words[])
{
	char part[LOOKED_AT + 1];
	size_t n = strlen(password);
	double bits, more;

	snprintf(part, sizeof(part), "%s", password);
	bits = ZxcvbnMatch(part, words, NULL);
	if (n > LOOKED_AT && bits < ENOUGH) {
		snprintf(part, sizeof(part), "%s", password + n - LOOKED_AT);
		more = ZxcvbnMatch(part, words, NULL);
		bits = more > bits ? more : bits;
	}
	secret_wipe(part, sizeof(part));
	return bits < ENOUGH;
}

/* one-time codes */

#define DIGITS	   6
#define WINDOW_MAX 1

static pthread_once_t oath_once = PTHREAD_ONCE_INIT;
static bool oath_ready;

static void
oath_start(void)
{
	oath_ready = oath_init() == OATH_OK;
}

/* Is it the code of this step? (RFC 4226 5.3) */
static bool
step_has(const uint8_t *seed, int64_t step, const char code[DIGITS])
{
	char right[DIGITS + 1];
	bool same;

	if (oath_hotp_generate((const char *)seed, FACTOR_SEED_SIZE,
		(uint64_t)step, DIGITS, false, OATH_HOTP_DYNAMIC_TRUNCATION,
		right) != OATH_OK)
		return false;
	same = secret_equal(right, code, DIGITS);
	secret_wipe(right, sizeof(right));
	return same;
}

static bool
is_code(const char *code)
{
	return strlen(code) == DIGITS && strspn(code, "0123456789") == DIGITS;
}

/*= IA-04, IA-05, IA-06: of the steps that the window allows, the newest that
 * has this code. Not the first: were two neighbours to have the same code, it
 * could be used again at the second. */
enum err
factor_totp_step(const uint8_t seed[FACTOR_SEED_SIZE], const char *code,
    int64_t now, unsigned window, int64_t last_step, int64_t *step)
{
	int64_t reach = window > WINDOW_MAX ? WINDOW_MAX : (int64_t)window;
	int64_t middle = now / FACTOR_STEP_S, s;
	bool found = false, hit;

	*step = 0;
	if (pthread_once(&oath_once, oath_start) != 0 || !oath_ready)
		return ERR_CRYPTO;
	if (now < 0 || !is_code(code))
		return ERR_INVALID_CODE;
	for (s = middle - reach; s <= middle + reach; s++) {
		hit = s >= 0 && step_has(seed, s, code) && s > last_step;
		*step = hit ? s : *step;
		found |= hit;
	}
	return found ? ERR_OK : ERR_INVALID_CODE;
}

/*= IA-07: 160 bits, as 32 letters (RFC 4648 6). */
char *
factor_seed_base32(struct arena *a, const uint8_t seed[FACTOR_SEED_SIZE])
{
	static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char *out = arena_alloc(a, FACTOR_SEED_SIZE * 8 / 5 + 1);
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i, to = 0;

	for (i = 0; i < FACTOR_SEED_SIZE; i++) {
		bits = bits << 8 | seed[i];
		for (held += 8; held >= 5; held -= 5)
			out[to++] = letter[bits >> (held - 5) & 31];
	}
	return out;
}

/* Percent-encoding of all but the unreserved (RFC 3986 2.3). */
static char *
escape(struct arena *a, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	static const char digit[] = "0123456789ABCDEF";
	char *out = arena_calloc(a, strlen(s) + 1, 3), *p = out;
	unsigned char c;

	for (; (c = (unsigned char)*s) != '\0'; s++) {
		if (strchr(plain, c) != NULL) {
			*p++ = *s;
			continue;
		}
		*p++ = '%';
		*p++ = digit[c >> 4];
		*p++ = digit[c & 15];
	}
	return out;
}

char *
factor_otpauth_uri(
    struct arena *a, const char *issuer, const char *login, const char *base32)
{
	const char *by = escape(a, issuer);

	return arena_format(a, "otpauth://totp/%s:%s?secret=%s&issuer=%s", by,
	    escape(a, login), base32, by);
}

/* QR codes */

#define QUIET	 4  /* modules of margin (ISO/IEC 18004) */
#define RUN_SIZE 24 /* "M177 177h177v1h-177z" */

/* Length of the dark run that starts at module x of a row; 0 for light. */
static int
run_length(const unsigned char *row, int x, int width)
{
	int n = 0;

	while (x + n < width && (row[x + n] & 1) != 0)
		n++;
	return n;
}

static size_t
runs_count(const QRcode *q)
{
	size_t count = 0;
	int x, y, n;

	for (y = 0; y < q->width; y++)
		for (x = 0; x < q->width; x += (n > 0 ? n : 1)) {
			n = run_length(
			    &q->data[(ptrdiff_t)y * q->width], x, q->width);
			count += n > 0;
		}
	return count;
}

/* One rectangle for each dark run of each row. */
static char *
qr_path(struct arena *a, const QRcode *q)
{
	char *path = arena_calloc(a, runs_count(q) + 1, RUN_SIZE), *p = path;
	int x, y, n;

	for (y = 0; y < q->width; y++)
		for (x = 0; x < q->width; x += (n > 0 ? n : 1)) {
			n = run_length(
			    &q->data[(ptrdiff_t)y * q->width], x, q->width);
			if (n > 0)
				p += snprintf(p, RUN_SIZE, "M%d %dh%dv1h-%dz",
				    x + QUIET, y + QUIET, n, n);
		}
	return path;
}

enum err
factor_qr_svg(struct arena *a, const char *text, char **svg)
{
	QRcode *q;
	int side;

	*svg = NULL;
	q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (q == NULL)
		return ERR_INVALID_FIELD; /* empty, or more than fits */
	side = q->width + 2 * QUIET;
	*svg = arena_format(a,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	    "shape-rendering=\"crispEdges\">"
	    "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
	    "<path fill=\"#000\" d=\"%s\"/></svg>",
	    side, side, side, side, qr_path(a, q));
	secret_wipe(q->data, (size_t)q->width * (size_t)q->width);
	QRcode_free(q);
	return ERR_OK;
}

/* recovery codes, phrases and tokens */

#define RECOVERY_LETTERS 16 /* five bits each */
#define PHRASE_LETTERS	 12

/* Crockford's: no I, L, O, U. */
static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* n random letters in groups of four, and a NUL. */
static void
letters_random(char *p, size_t n)
{
	uint8_t bits[RECOVERY_LETTERS]; /* five of each byte are used */

	secret_random(bits, sizeof(bits));
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 4 == 0)
			*p++ = '-';
		*p++ = crockford[bits[i] & 31];
	}
	*p = '\0';
	secret_wipe(bits, sizeof(bits));
}

/*= IA-20: 80 random bits. */
void
factor_recovery_code(char out[FACTOR_RECOVERY_SIZE])
{
	letters_random(out, RECOVERY_LETTERS);
}

/*= IA-19: 60 random bits, for a day and a few tries. */
void
factor_phrase(char out[FACTOR_PHRASE_SIZE])
{
	letters_random(out, PHRASE_LETTERS);
}

/* The letter that a person meant, '\0' if there is none. */
static char
crockford_letter(char c)
{
	c = lower(c);
	if (c == 'o')
		return '0';
	if (c == 'i' || c == 'l')
		return '1';
	if (c == '\0' || strchr(crockford, c) == NULL)
		return '\0';
	return c;
}

/* Exactly n letters as they were meant, without what stands between them. */
static enum err
letters_read(const char *text, uint8_t *out, size_t n)
{
	size_t i = 0;
	char c;

	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == ' ')
			continue;
		c = crockford_letter(*text);
		if (c == '\0' || i == n)
			return ERR_INVALID_CODE;
		out[i++] = (uint8_t)c;
	}
	return i == n ? ERR_OK : ERR_INVALID_CODE;
}

/*= IA-20: stored as a hash only; 80 random bits need no slow one. */
enum err
factor_recovery_hash(const char *code, uint8_t out[32])
{
	uint8_t canonical[RECOVERY_LETTERS];
	enum err r;

	memset(out, 0, 32);
	r = letters_read(code, canonical, sizeof(canonical));
	if (r == ERR_OK)
		r = crypto_sha256(
		    (struct bytes){ canonical, sizeof(canonical) }, out);
	secret_wipe(canonical, sizeof(canonical));
	return r;
}

/* Bound to what it opens, so that no table of hashes serves for two; what is
 * hashed lives for a day, which 60 bits outlast. */
enum err
factor_phrase_hash(const uint8_t opens[16], const char *phrase, uint8_t out[32])
{
	uint8_t both[16 + PHRASE_LETTERS];
	enum err r;

	memset(out, 0, 32);
	memcpy(both, opens, 16);
	r = letters_read(phrase, both + 16, PHRASE_LETTERS);
	if (r == ERR_OK)
		r = crypto_sha256((struct bytes){ both, sizeof(both) }, out);
	secret_wipe(both, sizeof(both));
	return r;
}

/*= SE-03: 256 random bits; the hash is what the database sees. */
enum err
factor_token(char out[FACTOR_TOKEN_SIZE], uint8_t hash[32])
{
	uint8_t bits[32];
	struct arena *a = arena_new();
	const char *text;

	secret_random(bits, sizeof(bits));
	text = text_base64url(a, bits, sizeof(bits));
	memcpy(out, text, FACTOR_TOKEN_SIZE);
	secret_wipe(bits, sizeof(bits));
	arena_free(a);
	return factor_token_hash(out, hash);
}

/* Over the text, so that no other spelling of the same bits is accepted. */
enum err
factor_token_hash(const char *token, uint8_t hash[32])
{
	return crypto_sha256(
	    (struct bytes){ (const uint8_t *)token, strlen(token) }, hash);
}
