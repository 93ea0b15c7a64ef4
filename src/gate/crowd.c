#include "gate/crowd.h"

#include "base/secret.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define PROBES 64
#define SAY_MS (60 * 1000)

struct tally {
	_Atomic uint64_t refused, told;
	_Atomic int64_t say_after_ms;
};

static struct tally *tally;
static _Atomic uint64_t *homes; /* 0: never used */
static _Atomic uint32_t *open;	/* a row of `workers` for each home */
static uint64_t places, seed;
static unsigned workers, self;

static void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

enum err
crowd_init(unsigned workers_n, unsigned connections_each)
{
	workers = workers_n;
	places = PROBES;
	while (places < UINT64_C(4) * workers * connections_each)
		places *= 2;
	secret_random(&seed, sizeof(seed));
	tally = shared(sizeof(*tally));
	homes = shared(places * sizeof(*homes));
	open = shared(places * workers * sizeof(*open));
	return tally != NULL && homes != NULL && open != NULL ? ERR_OK
							      : ERR_INTERNAL;
}

static _Atomic uint32_t *
own(uint64_t place)
{
	return &open[place * workers + self];
}

void
crowd_worker(unsigned number)
{
	uint64_t i;

	self = number % workers;
	for (i = 0; i < places; i++)
		atomic_store(own(i), 0);
}

static uint64_t
open_at(uint64_t place)
{
	uint64_t sum = 0;
	unsigned w;

	for (w = 0; w < workers; w++)
		sum += atomic_load(&open[place * workers + w]);
	return sum;
}

static uint64_t
place_of(uint64_t home, unsigned probe)
{
	uint64_t h = home ^ seed;

	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	h ^= h >> 31;
	return (h + probe) & (places - 1);
}

/*
 * Its place, or an empty one. A place that is found empty may get its first
 * connection from another worker before it is taken over: that one is then
 * counted for the wrong home as long as it is open, no longer.
 */
static uint32_t
place_find(uint64_t home)
{
	uint64_t i, seen;
	unsigned probe;

	for (probe = 0; probe < PROBES; probe++) {
		i = place_of(home, probe);
		if (atomic_load(&homes[i]) == home)
			return (uint32_t)i;
	}
	for (probe = 0; probe < PROBES; probe++) {
		i = place_of(home, probe);
		seen = atomic_load(&homes[i]);
		if (open_at(i) == 0 &&
		    atomic_compare_exchange_strong(&homes[i], &seen, home))
			return (uint32_t)i;
	}
	return CROWD_UNCOUNTED;
}

/* Two workers may have made a place for it at once: both count. */
static uint64_t
open_of(uint64_t home)
{
	uint64_t sum = 0, i;
	unsigned probe;

	for (probe = 0; probe < PROBES; probe++) {
		i = place_of(home, probe);
		if (atomic_load(&homes[i]) == home)
			sum += open_at(i);
	}
	return sum;
}

/*= TR-24, AZ-10: one address cannot have all connections */
enum err
crowd_enter(const struct address *a, uint32_t limit, uint32_t *place)
{
	uint64_t home = address_home(a);

	*place = place_find(home);
	if (*place == CROWD_UNCOUNTED)
		return ERR_OK;
	/* first there, then counted: nobody slips past a count in progress */
	atomic_fetch_add(own(*place), 1);
	if (open_of(home) <= limit)
		return ERR_OK;
	crowd_leave(*place);
	*place = CROWD_UNCOUNTED;
	return ERR_TOO_MANY;
}

void
crowd_leave(uint32_t place)
{
	if (place != CROWD_UNCOUNTED)
		atomic_fetch_sub(own(place), 1);
}

bool
crowd_refused(int64_t now_ms, uint64_t *count)
{
	int64_t after = atomic_load(&tally->say_after_ms);
	uint64_t refused = atomic_fetch_add(&tally->refused, 1) + 1;

	if (now_ms < after ||
	    !atomic_compare_exchange_strong(
		&tally->say_after_ms, &after, now_ms + SAY_MS))
		return false;
	*count = refused - atomic_exchange(&tally->told, refused);
	return true;
}

uint64_t
crowd_refusals(void)
{
	return atomic_load(&tally->refused);
}
