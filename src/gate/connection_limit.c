#include "gate/connection_limit.h"

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
static _Atomic uint64_t *subscribers; /* 0: never used */
static _Atomic uint32_t *open; /* a row of `workers` for each subscriber */
static uint64_t slots, seed;
static unsigned workers, self;

static void *
shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

enum err
connection_limit_init(unsigned workers_n, unsigned connections_each)
{
	workers = workers_n;
	slots = PROBES;
	while (slots < UINT64_C(4) * workers * connections_each)
		slots *= 2;
	secret_random(&seed, sizeof(seed));
	tally = shared(sizeof(*tally));
	subscribers = shared(slots * sizeof(*subscribers));
	open = shared(slots * workers * sizeof(*open));
	return tally != NULL && subscribers != NULL && open != NULL
	    ? ERR_OK
	    : ERR_INTERNAL;
}

static _Atomic uint32_t *
own(uint64_t slot)
{
	return &open[slot * workers + self];
}

void
connection_limit_worker(unsigned number)
{
	uint64_t i;

	self = number % workers;
	for (i = 0; i < slots; i++)
		atomic_store(own(i), 0);
}

static uint64_t
open_at(uint64_t slot)
{
	uint64_t sum = 0;
	unsigned w;

	for (w = 0; w < workers; w++)
		sum += atomic_load(&open[slot * workers + w]);
	return sum;
}

static uint64_t
slot_of(uint64_t subscriber, unsigned probe)
{
	uint64_t h = subscriber ^ seed;

	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	h ^= h >> 31;
	return (h + probe) & (slots - 1);
}

/*
 * Its slot, or an empty one. A slot that is found empty may get its first
 * connection from another worker before it is taken over: that one is then
 * counted for the wrong subscriber as long as it is open, no longer.
 */
static uint32_t
slot_find(uint64_t subscriber)
{
	uint64_t i, seen;
	unsigned probe;

	for (probe = 0; probe < PROBES; probe++) {
		i = slot_of(subscriber, probe);
		if (atomic_load(&subscribers[i]) == subscriber)
			return (uint32_t)i;
	}
	for (probe = 0; probe < PROBES; probe++) {
		i = slot_of(subscriber, probe);
		seen = atomic_load(&subscribers[i]);
		if (open_at(i) == 0 &&
		    atomic_compare_exchange_strong(
			&subscribers[i], &seen, subscriber))
			return (uint32_t)i;
	}
	return CONNECTION_UNCOUNTED;
}

/* Two workers may have made a slot for it at once: both count. */
static uint64_t
open_of(uint64_t subscriber)
{
	uint64_t sum = 0, i;
	unsigned probe;

	for (probe = 0; probe < PROBES; probe++) {
		i = slot_of(subscriber, probe);
		if (atomic_load(&subscribers[i]) == subscriber)
			sum += open_at(i);
	}
	return sum;
}

/*= TR-24, AZ-10: one address cannot have all connections */
enum err
connection_limit_enter(const struct address *a, uint32_t limit, uint32_t *slot)
{
	uint64_t subscriber = address_subscriber(a);

	*slot = slot_find(subscriber);
	if (*slot == CONNECTION_UNCOUNTED)
		return ERR_OK;
	/* first there, then counted: nobody slips past a count in progress */
	atomic_fetch_add(own(*slot), 1);
	if (open_of(subscriber) <= limit)
		return ERR_OK;
	connection_limit_leave(*slot);
	*slot = CONNECTION_UNCOUNTED;
	return ERR_TOO_MANY;
}

void
connection_limit_leave(uint32_t slot)
{
	if (slot != CONNECTION_UNCOUNTED)
		atomic_fetch_sub(own(slot), 1);
}

bool
connection_limit_refused(int64_t now_ms, uint64_t *count)
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
connection_limit_refusals(void)
{
	return atomic_load(&tally->refused);
}
