#ifndef CARE_RECORDING_H
#define CARE_RECORDING_H

#include "gate/op.h"
#include "sql.h"

/*
 * Recordings of calls (docs/RECORDINGS.md). The browser of the visit's clinician
 * records, seals each chunk, and puts it into a store that never sees the key.
 * Here are kept: who agreed, the key, what each chunk is to be, and for how long.
 *
 *   consent -> recording -> stopped -> checking -> stored | incomplete
 *   any of them -> deleting -> deleted
 */
#define RECORDING_STATES                                                       \
	"consent|recording|stopped|checking|stored|incomplete|deleting|"       \
	"deleted"
#define RECORDING_WORDING 1 /* of what people are asked in the call */

#define RECORDING_KEY_SIZE   32
#define RECORDING_NONCE_SIZE 7	/* what all nonces of a recording begin with */
#define RECORDING_CHUNK_MIN  16 /* a tag without a text */
#define RECORDING_CHUNK_MAX  16777216
#define RECORDING_CHUNKS_MAX 100000

/* Is it in one of these states ("stored|incomplete")? */
bool recording_is(const struct recording_row *, const char *states);

/* What opens it, in base64: from what is kept of it. ERR_CRYPTO if that is
 * nothing of ours. */
struct recording_secret {
	const char *key, *nonce_prefix;
};
NODISCARD enum err recording_secret_read(
    struct arena *, const char *kept, struct recording_secret *);

/* The answer to what changes its state, and what the state is by now. */
struct recording_stands {
	struct uuid id;
	const char *state;
};

/* Changes it to `deleting`, and asks for the job that does it. ERR_ON_HOLD. */
NODISCARD enum err recording_doom(struct tx *, const struct uuid *id);

#endif
