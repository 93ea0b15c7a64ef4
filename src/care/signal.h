#ifndef CARE_SIGNAL_H
#define CARE_SIGNAL_H

#include "base/bytes.h"
#include "base/uuid.h"
#include "care/guest.h"
#include "gate/op.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The room of a visit: who is there, who waits, what each was told. It lives
 * in one worker, the visit's home; sockets live wherever they were accepted
 * and are known here as links. This file and its neighbours signal_*.c are
 * pure: no socket, no database, no clock of their own. All that goes out goes
 * through struct signal_ops.
 */

/* Close codes of epione.signal.v1; below 4000 those of RFC 6455. */
enum signal_close {
	SIGNAL_LEFT = 1000,
	SIGNAL_GOING_AWAY = 1001, /* this server is being stopped */
	SIGNAL_NOT_TEXT = 1003,
	SIGNAL_RESTART = 1012, /* the room was lost: connect again */
	SIGNAL_FULL = 1013,
	SIGNAL_BAD_MESSAGE = 4400,
	SIGNAL_SESSION_ENDED = 4401,
	SIGNAL_STRANGER = 4403, /* a participant no longer */
	SIGNAL_NO_HELLO = 4408,
	SIGNAL_REPLACED = 4409,
	SIGNAL_VISIT_OVER = 4410,
	SIGNAL_TOO_FAST = 4429,
};

#define SIGNAL_MESSAGE_MAX 65536  /* bytes of one message */
#define SIGNAL_HELLO_MS	   10000  /* to say hello in */
#define SIGNAL_GRACE_MS	   120000 /* that a lost place is kept */
/* In a room: whoever may be invited leaves room for the patient and the clinician. */
#define SIGNAL_PLACES_MAX (GUESTS_INVITED + 2)
#define SIGNAL_LINKS_MAX  8192 /* in a home; bounds its rooms too */
#define SIGNAL_HELD_COUNT 256  /* messages kept for one place */
#define SIGNAL_HELD_BYTES (512 * 1024)
#define SIGNAL_HELD_TOTAL (64 * 1024 * 1024) /* bytes kept in one home */

/* A socket, wherever it is: the worker, the life of that worker's process,
 * and a number that this process never gives twice. */
struct signal_link {
	uint64_t socket;
	uint32_t epoch;
	uint16_t worker;
};

/* What a participant does about a recording: agrees to it, does not or no longer,
 * begins it (the clinician, when all have agreed), ends it. */
enum signal_recording_act {
	SIGNAL_RECORDING_AGREE,
	SIGNAL_RECORDING_REFUSE,
	SIGNAL_RECORDING_START,
	SIGNAL_RECORDING_STOP
};

/*
 * What the rooms ask of the world. None of these may call back into this
 * file before it returned: a socket that breaks in `send` is told later, by
 * signal_gone.
 */
struct signal_ops {
	/* one text message, n bytes; copied if it is kept */
	void (*send)(const struct signal_link *, const char *text, size_t n);
	/* the link is unknown here from now on */
	void (*close)(const struct signal_link *, enum signal_close);
	/* its socket is part of a call from now on, or no longer: of one in
	 * which two people are connected and admitted (SE-02) */
	void (*in_call)(const struct signal_link *, bool);
	/* run the admission of the visit for this participant, who is the
	 * clinician; a refusal comes back through signal_refused, success
	 * through signal_room_changed. Of a guest, who is let in alone, through
	 * signal_guest_changed; NULL: of all others who wait */
	void (*admit)(const struct signal_link *, const struct participant *,
	    const struct uuid *guest);
	/* likewise the end of a guest's link */
	void (*remove)(const struct signal_link *, const struct participant *,
	    const struct uuid *guest);
	/* run this of the visit's recording for the participant; a refusal comes
	 * back through signal_recording_refused, success through
	 * signal_recording */
	void (*recording)(const struct signal_link *,
	    const struct participant *, const struct uuid *recording,
	    enum signal_recording_act);
	/* look at how it stands, and say so by signal_recording */
	void (*recording_look)(
	    const struct uuid *clinic, const struct uuid *visit);
	/* new reference: an array of RTCIceServer (care/ice.h) */
	json_t *(*ice_servers)(
	    const struct uuid *account, const struct uuid *visit, int64_t now);
	int64_t (*now_ms)(void); /* monotonic */
	int64_t (*now)(void);	 /* s, wall clock */
};

/* In the process that will fork homes: what they must have in common for one
 * of them to know the places of another that died. */
NODISCARD enum err signal_share(void);

/* Once per process, before anything else; kept by reference. */
void signal_install(const struct signal_ops *);

/* The home's side. All of them accept links that are not known (any more). */

/* A socket was accepted for this participant (copied). It has
 * SIGNAL_HELLO_MS to say hello. */
void signal_opened(const struct signal_link *, const struct participant *);
/* One complete text message from it, UTF-8 checked or not. An unknown link
 * is closed with SIGNAL_RESTART. */
void signal_received(const struct signal_link *, struct bytes text);
/* It broke or closed: its place is kept for SIGNAL_GRACE_MS. */
void signal_gone(const struct signal_link *);
/* All links of this worker with another epoch are gone: it was restarted. */
void signal_worker_restarted(uint16_t worker, uint32_t epoch);
/*
 * The visit's status changed ("in_call", "ended", "cancelled", "no_show";
 * "booked" when it was moved in time: everybody comes in through the gate
 * again; "handed_over" when it was, to another clinician: the one before stays
 * out). Every process hears it (gate/tell.h); one in which nobody is in the
 * room ignores it, and so does a room that knows already.
 */
void signal_room_changed(const struct uuid *visit, const char *status);
/* What this link asked for, `admit` or `remove`, was refused. */
void signal_refused(const struct signal_link *, const char *said, enum err);
/* A guest was let in ("admitted") or sent out ("removed"), whichever room they
 * are in; every process hears it, as above. */
void signal_guest_changed(const struct uuid *account, const char *status);
/* Visits of this home in which somebody waits to be admitted, `max` at most,
 * for whom the line is to be looked at again; then what was found there. */
struct signal_waiting {
	struct uuid clinic, visit;
};
size_t signal_waiting(struct signal_waiting *, size_t max);
void signal_line(const struct uuid *visit, int64_t ahead, int64_t busy_s);
/*
 * How the recording of a visit stands in the database; NULL: none is asked for or
 * goes on. The room sees to it that everybody in it has agreed, or it ends.
 */
struct signal_recording {
	struct uuid id;
	bool on; /* or else asked for */
	const struct uuid *agreed;
	size_t agreed_n;
};
void signal_recording(
    const struct uuid *visit, const struct signal_recording *);
void signal_recording_refused(
    const struct signal_link *, enum signal_recording_act, enum err);
/* The clinic of a room's visit; false if this process has no such room with a
 * socket in it. */
bool signal_clinic(const struct uuid *visit, struct uuid *clinic);
/* Who has a socket in a room of this process, those of a clinic together as
 * far as they are in one room; `max` at most. */
struct signal_seat {
	struct uuid clinic, visit, account;
	bool guest;
	int64_t starts_at; /* of the visit, as it was when they came */
};
size_t signal_seats(struct signal_seat *, size_t max);
/* Once a second: late hellos, places past their grace, visits whose window
 * has closed, estimates that changed. */
void signal_tick(void);
/* Forgets everything without a word, as the end of the process does. */
void signal_reset(void);

struct signal_stats {
	size_t rooms, places, links, held_bytes;
};
struct signal_stats signal_stats(void);

/*
 * How fast one socket may talk (TR-09): 50 messages a second, 200 at once.
 * Zeroed before first use; false when this one is too many.
 */
struct signal_rate {
	int64_t at_ms;
	int64_t taken; /* thousandths of a message */
};
bool signal_rate_take(struct signal_rate *, int64_t now_ms);

#endif
