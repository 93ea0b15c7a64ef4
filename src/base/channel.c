#include "base/channel.h"

#include "base/loop.h"
#include "base/secret.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PARTS_MAX 4
#define BATCH	  64 /* messages taken before others have their turn */

/* A message that its receiver's socket did not take. */
struct letter {
	STAILQ_ENTRY(letter) list;
	size_t n;
	uint8_t data[];
};

static struct channel {
	int in, out; /* all processes have all ends: others may be replaced */
	bool made;
	struct loop_watch writable;
	STAILQ_HEAD(, letter) waiting;
	size_t waiting_bytes;
} channels[CHANNELS_MAX];

static struct loop_watch readable;
static void (*deliver)(struct bytes);
static uint8_t buffer[CHANNEL_MESSAGE_MAX];

static enum err
channel_make(struct channel *c)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, ends) != 0)
		return ERR_INTERNAL;
	*c = (struct channel){ .in = ends[0], .out = ends[1], .made = true };
	STAILQ_INIT(&c->waiting);
	return ERR_OK;
}

enum err
channels_make(size_t n)
{
	size_t i;
	enum err r = ERR_OK;

	if (n > CHANNELS_MAX)
		return ERR_INTERNAL;
	for (i = 0; i < n && r == ERR_OK; i++)
		r = channel_make(&channels[i]);
	return r;
}

/* Receiving */

/* The next message's bytes in the buffer; 0 when there is none. */
static size_t
message_take(int fd)
{
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	return n > 0 ? (size_t)n : 0;
}

static void
inbox_read(void *unused, short revents)
{
	size_t i, n;

	(void)unused;
	(void)revents;
	for (i = 0; i < BATCH; i++) {
		if ((n = message_take(readable.fd)) == 0)
			return;
		deliver((struct bytes){ buffer, n });
		secret_wipe(buffer, n);
	}
}

enum err
channel_listen(size_t self, void (*fn)(struct bytes))
{
	size_t n;

	if (self >= CHANNELS_MAX || !channels[self].made)
		return ERR_INTERNAL;
	while ((n = message_take(channels[self].in)) > 0)
		secret_wipe(buffer, n);
	deliver = fn;
	readable = (struct loop_watch){
		.fn = inbox_read, .fd = channels[self].in, .events = POLLIN
	};
	return loop_watch(&readable);
}

/* Sending */

static void
letter_drop(struct channel *c)
{
	struct letter *l = STAILQ_FIRST(&c->waiting);

	STAILQ_REMOVE_HEAD(&c->waiting, list);
	c->waiting_bytes -= l->n;
	secret_wipe(l->data, l->n);
	free(l);
}

void
channel_forget(size_t to)
{
	struct channel *c = &channels[to];

	while (!STAILQ_EMPTY(&c->waiting))
		letter_drop(c);
	loop_unwatch(&c->writable);
}

/* The receiver's socket has room again. */
static void
waiting_send(void *arg, short revents)
{
	struct channel *c = arg;
	struct letter *l;

	(void)revents;
	while ((l = STAILQ_FIRST(&c->waiting)) != NULL) {
		if (send(c->out, l->data, l->n, MSG_NOSIGNAL) == -1 &&
		    errno == EAGAIN)
			return;
		letter_drop(c);
	}
	loop_unwatch(&c->writable);
}

static enum err
letter_keep(
    struct channel *c, const struct iovec *parts, size_t parts_n, size_t n)
{
	struct letter *l;
	size_t i, at = 0;

	if (c->waiting_bytes + n > CHANNEL_WAITING_MAX ||
	    (l = malloc(sizeof(*l) + n)) == NULL)
		return ERR_BUSY;
	l->n = n;
	for (i = 0; i < parts_n; i++) {
		memcpy(l->data + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	STAILQ_INSERT_TAIL(&c->waiting, l, list);
	c->waiting_bytes += n;
	c->writable.fn = waiting_send;
	c->writable.arg = c;
	c->writable.fd = c->out;
	c->writable.events = POLLOUT;
	return loop_watch(&c->writable);
}

enum err
channel_send(size_t to, const struct bytes *parts, size_t parts_n)
{
	struct iovec list[PARTS_MAX];
	struct msghdr message = { .msg_iov = list };
	struct channel *c;
	size_t i, n = 0;

	if (to >= CHANNELS_MAX || !channels[to].made || parts_n > PARTS_MAX)
		return ERR_INTERNAL;
	c = &channels[to];
	for (i = 0; i < parts_n; i++) {
		if (parts[i].n == 0)
			continue;
		list[message.msg_iovlen].iov_base = (void *)(uintptr_t)parts[i]
							.p;
		list[message.msg_iovlen++].iov_len = parts[i].n;
		n += parts[i].n;
	}
	if (n > CHANNEL_MESSAGE_MAX)
		return ERR_TOO_LARGE;
	if (STAILQ_EMPTY(&c->waiting) &&
	    sendmsg(c->out, &message, MSG_NOSIGNAL) != -1)
		return ERR_OK;
	return letter_keep(c, list, message.msg_iovlen, n);
}
