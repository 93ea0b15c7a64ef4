#ifndef CARE_AUDIT_NOTE_H
#define CARE_AUDIT_NOTE_H

#include "base/merkle.h"
#include "base/signature.h"
#include "base/uuid.h"
#include "data/tx.h"

/* Checkpoints of a sealed log: C2SP signed notes (tlog-checkpoint, Ed25519). */
#define AUDIT_NOTE_MAX 4096

struct audit_note_said {
	const char *origin;
	int64_t size;
	struct merkle_hash root;
};

/* "clinic.example/audit/<clinic>": who signs. */
char *audit_origin(struct arena *, const struct uuid *clinic);

/* Opens the clinic's newest key to sign with; ERR_NOT_FOUND if it has none. The
 * transaction has to be the clinic's. */
NODISCARD enum err audit_key_open(
    struct tx *, const struct uuid *clinic, uint32_t *version);
/* The public half of it. */
NODISCARD enum err audit_key_public(const struct uuid *clinic, uint32_t version,
    uint8_t key[SIGNATURE_KEY_SIZE]);
/* "name+id+key", as C2SP writes it. */
NODISCARD enum err audit_key_text(struct arena *, const char *origin,
    const uint8_t key[SIGNATURE_KEY_SIZE], char **text);

/* The note in which a key says that this version follows it, signed by both. Both
 * were opened; the origin is the log's name. */
NODISCARD enum err audit_succession_make(struct arena *, const char *origin,
    const struct uuid *clinic, uint32_t version, char **note);

/* Signs with a key that audit_key_open opened. */
NODISCARD enum err audit_note_make(struct arena *, const struct uuid *clinic,
    uint32_t version, const struct merkle_edge *, char **note);
/* What a note says. ERR_INVALID_FIELD if it is none, ERR_CRYPTO if no signature
 * in it is this key's. */
NODISCARD enum err audit_note_read(struct arena *, const char *note,
    const uint8_t key[SIGNATURE_KEY_SIZE], struct audit_note_said *);

#endif
