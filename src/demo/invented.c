#include "demo/invented.h"

#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The frequent ones; the rest is put together from syllables. */
static const char *const families[] = { "Smith", "Garcia", "Nguyen", "Johnson",
	"Müller", "Okafor", "Rossi", "Kim", "Silva", "O'Connell", "Patel",
	"Lindqvist", "Dubois", "Martínez", "Kowalski", "Haddad", "Novák",
	"Tanaka", "Adeyemi", "de la Cruz", "Petrov", "Sørensen", "Yılmaz",
	"Rivera-Santos", "Nguyễn", "MacDonald", "Fernandes", "Costa", "Singh",
	"van den Berg" };
static const char *const beginnings[] = { "Alder", "Amber", "Ash", "Barn",
	"Beck", "Birch", "Brad", "Bram", "Bright", "Carl", "Clay", "Cran",
	"Crest", "Dun", "East", "Elm", "Fair", "Farn", "Gold", "Grim", "Hal",
	"Hart", "Hazel", "Holt", "Iver", "Kel", "Lang", "Lin", "Marl", "Mill",
	"North", "Oak", "Pen", "Quin", "Red", "Rook", "Stan", "Thorn", "Wal",
	"Wind" };
static const char *const endings[] = { "bourne", "bridge", "brook", "bury",
	"by", "combe", "cott", "croft", "dale", "den", "eaux", "elli", "er",
	"ett", "ev", "field", "ford", "gate", "grove", "ham", "hurst", "ich",
	"ides", "ini", "ington", "ley", "low", "man", "mark", "mere", "more",
	"ner", "nes", "ov", "over", "owski", "ridge", "sen", "shaw", "smith",
	"son", "stead", "stein", "stone", "strand", "ton", "vik", "ward",
	"well", "wood" };
static const char *const givens[] = { "Mary", "James", "Maria", "John", "Anna",
	"Mohamed", "Elena", "David", "Linh", "Peter", "José", "Fatima", "Sofia",
	"Daniel", "Chloë", "Samuel", "Mary Ann", "Tunde", "Zoë", "Jean-Luc",
	"Ingrid", "Omar", "Björn", "Aiko" };
static const char *const given_beginnings[] = { "Al", "Be", "Cor", "Da", "El",
	"Fe", "Gi", "Ha", "Is", "Jo", "Ka", "Le", "Ma", "Ni", "Or", "Pa", "Ra",
	"Sa", "Te", "Vi" };
static const char *const given_endings[] = { "bert", "dra", "fina", "ian",
	"ice", "lia", "lina", "mon", "na", "nis", "rah", "rick", "rina", "sha",
	"thea", "tin", "ton", "vin", "vira", "xander" };
static const char *const streets[] = { "Harbor Lane", "Mill Road",
	"Cedar Street", "Elm Court", "Station Road", "Orchard Way" };
static const char *const languages[] = { "en", "en", "en", "es", "vi", "fr" };
static const char *const reasons[] = { "Follow-up: blood pressure",
	"New patient: knee pain", "Results of the blood test",
	"Cough that does not go away", "Renewal of a prescription",
	"Questions about sleep" };

#define FAMILIES (COUNT(families) + COUNT(beginnings) * COUNT(endings))
#define GIVENS	 (COUNT(givens) + COUNT(given_beginnings) * COUNT(given_endings))

/* SplitMix64: what is invented need not be hard to guess. */
static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned
below(uint64_t *state, unsigned n)
{
	return (unsigned)(next(state) % n);
}

/* How many of those before a rank there are, of all; filled once. */
struct frequency {
	double until[FAMILIES > GIVENS ? FAMILIES : GIVENS];
	size_t n;
};

static void
frequency_make(struct frequency *f, size_t n, double shift)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		f->until[i] = sum += 1 / ((double)i + 1 + shift);
	f->n = n;
}

static size_t
frequency_rank(const struct frequency *f, uint64_t *state)
{
	double at = (double)(next(state) >> 11) / (double)(1ULL << 53) *
	    f->until[f->n - 1];
	size_t lo = 0, hi = f->n - 1, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (f->until[mid] <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const char *
family_name(struct arena *a, uint64_t *state)
{
	static struct frequency f;
	size_t rank;

	if (f.n == 0)
		frequency_make(&f, FAMILIES, 2.7);
	if ((rank = frequency_rank(&f, state)) < COUNT(families))
		return families[rank];
	rank -= COUNT(families);
	return arena_format(a, "%s%s", beginnings[rank / COUNT(endings)],
	    endings[rank % COUNT(endings)]);
}

static const char *
given_name(struct arena *a, uint64_t *state)
{
	static struct frequency f;
	size_t rank;

	if (f.n == 0)
		frequency_make(&f, GIVENS, 5);
	if ((rank = frequency_rank(&f, state)) < COUNT(givens))
		return givens[rank];
	rank -= COUNT(givens);
	return arena_format(a, "%s%s",
	    given_beginnings[rank / COUNT(given_endings)],
	    given_endings[rank % COUNT(given_endings)]);
}

static const char *
sex(uint64_t *state)
{
	static const char *const choices[] = { "female", "male", "female",
		"male", "other" };

	return choices[below(state, COUNT(choices))];
}

void
invented_person(struct arena *a, uint32_t run, uint32_t n, struct invented *p)
{
	uint64_t state = (uint64_t)run << 32 | n;

	memset(p, 0, sizeof(*p));
	p->family_name = family_name(a, &state);
	p->given_name = given_name(a, &state);
	p->birth_date = arena_format(a, "%04u-%02u-%02u",
	    1930 + below(&state, 95), 1 + below(&state, 12),
	    1 + below(&state, 28));
	p->sex = sex(&state);
	p->mrn = arena_format(a, "F-%08X-%06u", run, n);
	p->phone = arena_format(
	    a, "+1 555 %03u %04u", n / 10000 % 1000, n % 10000);
	p->email = arena_format(a, "p%u@demo.example", n);
	p->address = arena_format(a,
	    "{\"city\":\"Springfield\",\"country\":\"US\",\"line1\":\"%u %s\","
	    "\"postal_code\":\"62%03u\",\"state\":\"IL\"}",
	    1 + below(&state, 200), streets[below(&state, COUNT(streets))],
	    below(&state, 1000));
	p->language = languages[below(&state, COUNT(languages))];
	p->emergency_contact = arena_format(a,
	    "{\"name\":\"%s %s\",\"phone\":\"+1 555 020 %04u\"}",
	    given_name(a, &state), p->family_name, below(&state, 10000));
	p->insurance = arena_format(a,
	    "{\"member_id\":\"M%09u\",\"payer\":\"Invented Mutual\"}",
	    below(&state, 1000000000));
}

const char *
invented_reason(uint64_t number)
{
	return reasons[number % COUNT(reasons)];
}
