#include "edge/bus.h"

#include "base/log.h"
#include "base/secret.h"
#include "edge/loop.h"

#include <kore/kore.h>

#include <stdlib.h>
#include <string.h>

#define BUS_MESSAGE  (KORE_MSG_APP_BASE + 1) /* the one kind Kore knows of */
#define BUS_MAGIC    0x65706962u
#define BUS_HELLO    0
#define WORKER_FIRST 1 /* Kore numbers its workers from 1 */

struct bus_head {
	uint32_t magic;
	uint32_t epoch;
	uint32_t kind;
};

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

static void
epoch_note(uint16_t from, uint32_t epoch)
{
	uint32_t before = known[from];

	known[from] = epoch;
	if (before != 0 && before != epoch)
		on_restart(from, epoch);
}

static void
bus_received(struct kore_msg *msg, const void *data)
{
	struct bus_head head;

	if (msg->length < sizeof(head) || msg->src == worker->id ||
	    !worker_exists(msg->src))
		return;
	memcpy(&head, data, sizeof(head));
	if (head.magic != BUS_MAGIC || head.kind >= BUS_KINDS)
		return;
	loop_enter();
	epoch_note(msg->src, head.epoch);
	if (handlers[head.kind] != NULL)
		handlers[head.kind](msg->src, head.epoch,
		    (struct bytes){ (const uint8_t *)data + sizeof(head),
			msg->length - sizeof(head) });
	loop_leave();
}

void
bus_send(uint16_t to, uint8_t kind, struct bytes head, struct bytes body)
{
	struct bus_head h = { BUS_MAGIC, own_epoch, kind };
	size_t n = sizeof(h) + head.n + body.n;
	uint8_t *message;

	if (head.n + body.n > BUS_BODY_MAX || !worker_exists(to) ||
	    (message = malloc(n)) == NULL) {
		log_error(
		    "bus_dropped", LOG_NUM("kind", kind), LOG_NUM("bytes", n));
		return;
	}
	memcpy(message, &h, sizeof(h));
	if (head.n > 0)
		memcpy(message + sizeof(h), head.p, head.n);
	if (body.n > 0)
		memcpy(message + sizeof(h) + head.n, body.p, body.n);
	kore_msg_send(to, BUS_MESSAGE, message, n);
	secret_wipe(message, n);
	free(message);
}

/* The others must learn that whatever this worker held is gone. */
static void
hello_all(void)
{
	const struct bytes none = { NULL, 0 };
	uint16_t id;

	for (id = WORKER_FIRST; worker_exists(id); id++)
		if (id != worker->id)
			bus_send(id, BUS_HELLO, none, none);
}

enum err
bus_start(void (*restarted)(uint16_t, uint32_t))
{
	on_restart = restarted;
	while (own_epoch == 0)
		secret_random(&own_epoch, sizeof(own_epoch));
	if (!kore_msg_register(BUS_MESSAGE, bus_received))
		return ERR_INTERNAL;
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
