#include "edge/bus.h"

#include "base/channel.h"
#include "base/log.h"
#include "base/secret.h"

#include <kore/kore.h>

#include <string.h>

#define BUS_HELLO    0
#define WORKER_FIRST 1 /* Kore numbers its workers from 1 */

struct bus_head {
	uint32_t epoch;
	uint16_t from;
	uint16_t kind;
};

_Static_assert(sizeof(struct bus_head) + BUS_BODY_MAX <= CHANNEL_MESSAGE_MAX,
    "a message fits");

static bus_fn *handlers[BUS_KINDS];
static uint32_t known[KORE_WORKER_MAX + 1]; /* epochs, 0: not heard yet */
static uint32_t own_epoch;
static void (*on_restart)(uint16_t, uint32_t);

static uint16_t
workers(void)
{
	return (uint16_t)(worker_count - KORE_WORKER_BASE);
}

static bool
worker_exists(uint16_t id)
{
	return id >= WORKER_FIRST && id < WORKER_FIRST + workers();
}

static const struct bytes nothing = { NULL, 0 };

/* Who started later than we did may have missed our hello: it hears of us
 * before it can miss us. */
static void
epoch_note(uint16_t from, uint32_t epoch)
{
	uint32_t before = known[from];

	if (before == epoch)
		return;
	known[from] = epoch;
	channel_forget(from - WORKER_FIRST); /* meant for an earlier one */
	bus_send(from, BUS_HELLO, nothing, nothing);
	if (before != 0)
		on_restart(from, epoch);
}

static void
bus_received(struct bytes message)
{
	struct bus_head head;

	if (message.n < sizeof(head))
		return;
	memcpy(&head, message.p, sizeof(head));
	if (head.from == worker->id || !worker_exists(head.from) ||
	    head.kind >= BUS_KINDS)
		return;
	epoch_note(head.from, head.epoch);
	if (handlers[head.kind] != NULL)
		handlers[head.kind](head.from, head.epoch,
		    (struct bytes){
			message.p + sizeof(head), message.n - sizeof(head) });
}

void
bus_send(uint16_t to, uint8_t kind, struct bytes head, struct bytes body)
{
	const struct bus_head h = { own_epoch, worker->id, kind };
	const struct bytes parts[] = { { (const uint8_t *)&h, sizeof(h) }, head,
		body };
	enum err r = ERR_TOO_LARGE;

	if (head.n + body.n <= BUS_BODY_MAX && worker_exists(to))
		r = channel_send(to - WORKER_FIRST, parts, 3);
	if (r != ERR_OK)
		log_error("bus_dropped", LOG_CODE("error", err_code(r)),
		    LOG_NUM("kind", kind), LOG_NUM("bytes", head.n + body.n));
}

/* The others must learn that whatever this worker held is gone. */
static void
hello_all(void)
{
	uint16_t id;

	for (id = WORKER_FIRST; worker_exists(id); id++)
		if (id != worker->id)
			bus_send(id, BUS_HELLO, nothing, nothing);
}

enum err
bus_start(void (*restarted)(uint16_t, uint32_t))
{
	enum err r;

	on_restart = restarted;
	while (own_epoch == 0)
		secret_random(&own_epoch, sizeof(own_epoch));
	if ((r = channel_listen(worker->id - WORKER_FIRST, bus_received)) !=
	    ERR_OK)
		return r;
	hello_all();
	return ERR_OK;
}

void
bus_on(uint8_t kind, bus_fn *fn)
{
	handlers[kind] = fn;
}

uint16_t
bus_self(void)
{
	return worker->id;
}

uint32_t
bus_epoch(void)
{
	return own_epoch;
}

/* The tail of a version 7 UUID is random. */
uint16_t
bus_home(const struct uuid *id)
{
	uint32_t tail;

	memcpy(&tail, id->b + 12, sizeof(tail));
	return (uint16_t)(WORKER_FIRST + tail % workers());
}
