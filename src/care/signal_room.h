#ifndef CARE_SIGNAL_ROOM_H
#define CARE_SIGNAL_ROOM_H

#include "care/signal.h"
#include "care/signal_token.h"

#include <sys/queue.h>

/*
 * What care/signal.c keeps: rooms, the places in them, the links that sit on
 * the places, and for each place the last messages it was told. Private to
 * signal*.c. Everything is bounded (signal.h) and wiped when it is let go.
 */

/* A message that was told, as text, in case it has to be told again. */
struct held {
	STAILQ_ENTRY(held) list;
	size_t n;
	char text[];
};
STAILQ_HEAD(held_list, held);

/* A participant's seat: outlives its socket by SIGNAL_GRACE_MS. */
struct place {
	TAILQ_ENTRY(place) list;
	struct room *room;
	struct link *link; /* NULL while the socket is lost */
	int64_t lost_ms;   /* since when, if so */
	struct uuid id;	   /* what the others know it by */
	struct uuid account;
	enum role role;
	enum guest_role guest;
	char display_name[sizeof(((struct participant *)0)->display_name)];
	bool admitted;
	struct signal_token
	    resume;		/* whoever shows it may take the place again */
	json_t *media;		/* what it said last in `state`, or NULL */
	int64_t starts_at;	/* of the visit, s; 0 if not known */
	int64_t ahead, free_at; /* as of struct participant, kept up to date */
	int64_t told_wait; /* the estimate it heard last: minutes, -1 unknown */
	int64_t told_position;
	uint64_t received;     /* messages of its client that were handled */
	uint64_t seq;	       /* of the last message it was told */
	struct held_list held; /* those before, the last is `seq` */
	size_t held_n, held_bytes;
};
TAILQ_HEAD(place_list, place);

/* What a link may do: the columns of the table in signal.c. */
enum link_state { LINK_OPENED, LINK_WAITING, LINK_ADMITTED, LINK_STATES };

struct link {
	LIST_ENTRY(link) bucket;
	TAILQ_ENTRY(link) list; /* of its room */
	struct signal_link key;
	struct participant who;
	struct room *room;
	struct place *place; /* NULL before hello */
	int64_t opened_ms;
	bool in_call; /* what its socket was told last */
};
TAILQ_HEAD(link_list, link);

/* What is known here of the visit's recording (signal_recording.c). */
struct room_recording {
	struct uuid id;
	enum { RECORDING_NONE, RECORDING_ASKED, RECORDING_ON } state;
	struct uuid over; /* the last that ended here: it begins no more */
	struct uuid agreed[SIGNAL_PLACES_MAX]; /* accounts */
	size_t agreed_n;
	int64_t asked_ms;
	bool starting; /* somebody is at it */
};

struct room {
	LIST_ENTRY(room) bucket;
	TAILQ_ENTRY(room) list; /* of all rooms */
	struct uuid visit;
	struct place_list places;
	struct link_list links;
	size_t places_n;
	int64_t open_until; /* s */
	struct room_recording recording;
};
TAILQ_HEAD(room_list, room);

struct room_list *room_all(void);
struct room *room_find(const struct uuid *visit); /* or NULL */
/* Frees the room if nobody has a place or a link in it any more. */
void room_settle(struct room *);

/* A new link, in the room of its visit, which is made if there is none; NULL
 * when there are too many. */
struct link *link_add(
    const struct signal_link *, const struct participant *, int64_t now_ms);
struct link *link_find(const struct signal_link *); /* or NULL */
/* Takes it off its place (which is lost from then on) and frees it. */
void link_remove(struct link *, int64_t now_ms);
enum link_state link_state(const struct link *);

/* A new place for the link, with this id or, if NULL, one of its own; NULL
 * when the room is full. */
struct place *place_add(struct link *, const struct uuid *id);
/* Frees it; its link stays, without a place. */
void place_remove(struct place *);
struct place *place_of_account(struct room *, const struct uuid *account);
struct place *place_by_id(struct room *, const struct uuid *id);
/* The account's place that this token (base64url) is of, or NULL. */
struct place *place_by_token(
    struct room *, const struct uuid *account, const char *token);
/* The token, to be released with free. */
char *place_token(const struct place *);

/* Keeps n bytes of text as message number place->seq. What is over the bounds
 * goes, the oldest first; the place of that one cannot be resumed from before
 * it any more. */
void place_hold(struct place *, const char *text, size_t n);
/* Are all messages after number `seq` still kept? */
bool place_can_replay(const struct place *, uint64_t seq);

/* The last status a visit was said to have, of those heard lately, or NULL: a
 * socket may be announced after the change that concerns it. */
const char *recent_status(const struct uuid *visit);
void recent_note(const struct uuid *visit, const char *status);

void room_reset(void);
struct signal_stats room_stats(void);

#endif
