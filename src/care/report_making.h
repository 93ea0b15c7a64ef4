#ifndef CARE_REPORT_MAKING_H
#define CARE_REPORT_MAKING_H

#include "care/report.h"
#include "sql.h"

#include <stdint.h>

/*
 * Reports as files, as jobs make them: what stands in one is sealed in parts, under
 * a record key of its own.
 */
#define REPORT_PDF_LINES  5000 /* tables/errors.def says it too */
#define REPORT_PART_BYTES 262144

/* A run in hand: locked until the transaction ends, which its key lives as long as. */
struct report_making {
	struct report_run_take_row run;
	const struct report *report;
	char *in;  /* the parameters of the next lines */
	bool over; /* there is nothing more to do */
};

/*
 * Takes the job's run, and looks whether who asked for it is still here and may
 * still run it: if not, it comes to nothing. In op's arena.
 */
NODISCARD enum err report_take(struct op *, struct report_making *);
NODISCARD enum err report_give_up(
    struct op *, struct report_making *, enum err why);

/* What was made since it was taken. ERR_STALE: another process made it. */
struct report_wrote {
	struct bytes text;
	int64_t lines;
	const char *place; /* of the last line */
	bool all;	   /* that was the end */
	const char *checkpoint;
};
NODISCARD enum err report_keep(
    struct op *, struct report_making *, const struct report_wrote *);
/* All is kept, and this is the digest of it, which the event names. */
NODISCARD enum err report_end(
    struct op *, const struct uuid *run, const uint8_t hash[32]);

/* Which row holds a part. */
NODISCARD enum err report_part_id(
    const struct uuid *run, int64_t index, struct uuid *);
/* Who asked for it, by name; "" for nobody who works here. */
NODISCARD enum err report_asker(
    struct op *, const struct report_making *, const char **name);
/* The newest checkpoint of the clinic's log; NULL where nothing is sealed yet. */
NODISCARD enum err report_checkpoint(struct op *, const char **note);

#endif
