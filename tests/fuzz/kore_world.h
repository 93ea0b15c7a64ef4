#ifndef KORE_WORLD_H
#define KORE_WORLD_H

/*
 * A world for Kore's HTTP and WebSocket code: a worker without a network. Of
 * a connection only what reads and writes its socket is ours, and it behaves
 * as TLS over an edge-triggered epoll does: bytes come in pieces, writes stop
 * half way and are tried again, each is announced once.
 */
#include "fuzz.h"

#define TAPE_MAX (4 << 20)

struct tape {
	uint8_t p[TAPE_MAX];
	size_t n;
};

/* What became of one connection. */
struct story {
	struct tape heard;   /* what the handler was given */
	struct tape said;    /* what went out, but for 100 Continue */
	unsigned close_code; /* WebSocket: 0 while it is open */
	unsigned handled;    /* requests that were to be answered */
	bool upgraded;	     /* it became a WebSocket */
	bool refused;	     /* it did not, by a status that is as it comes */
	bool abandoned;	     /* it went on so long that what waited was lost */
};

enum way {
	WHOLE,	/* arrives in one piece, and is never kept waiting */
	PIECES, /* is cut and held up as the first byte of the input says */
};

/* Tell a connection these bytes, all but the first; it is then closed, and
 * has to leave nothing behind. The story is valid until the same way is gone
 * again. For a socket the handshake comes before. */
const struct story *world_http(const uint8_t *, size_t, enum way);
const struct story *world_socket(const uint8_t *, size_t, enum way);
/* The same, but it breaks off somewhere, in the way the first byte says:
 * reset, half closed, silent, the server ends, the peer does not read. */
void world_http_broken(const uint8_t *, size_t);
void world_socket_broken(const uint8_t *, size_t);

/* What RFC 6455 and the handler of world_socket() say should become of it. */
const struct story *model_socket(const uint8_t *, size_t);
bool story_equal(const struct story *model, const struct story *);
/* Each response is whole and of the length it says, and each request that was
 * handled has one; a refusal is the last. */
bool story_answered(const struct story *);

/* RFC 3629, by utf8proc; unlike in the clinic's texts a NUL is a character. */
bool utf8_good(const void *, size_t);
void tape_add(struct tape *, const void *, size_t);
/* One message: heard with an opcode, said as a server's frame. */
void tape_heard(struct tape *, uint8_t op, const void *, size_t);
void tape_frame(struct tape *, uint8_t op, const void *, size_t);

#define WORLD_MAXFRAME 1000

#endif
