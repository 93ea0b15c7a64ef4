#ifndef CARE_PATIENT_FOUND_H
#define CARE_PATIENT_FOUND_H

#include "care/patient_index.h"
#include "data/field.h"

#define NAMES_ASKED_MAX	 3  /* name, family_name, given_name */
#define WORDS_MAX	 64 /* of all of them */
#define EXACT_MAX	 32
#define BEGINNINGS_MAX	 (WORDS_MAX * FIELD_ALTERNATIVES_MAX)
#define EXACT_TOKENS_MAX (EXACT_MAX * FIELD_VERSIONS_MAX)

/* A name, or two, that a person has who is exactly the one asked for. */
struct exact {
	const char *text[2]; /* folded; the second may be NULL */
	enum patient_name part[2];
};

/* What a search looks for (patient_search.c reads it), and how names are found
 * (patient_found.c). Large: it lives in the arena. */
struct search {
	const char *asked[PATIENT_MEMBERS]; /* members to open */
	size_t asked_n;
	bool by_number;
	struct patient_sought
	    number; /* the one that is walked, or a birth year */

	/* parallel: each beginning, its word, the names it may be in */
	struct bytes beginnings[BEGINNINGS_MAX];
	int64_t groups[BEGINNINGS_MAX], names[BEGINNINGS_MAX];
	const char *words[BEGINNINGS_MAX];
	size_t beginnings_n, words_n;
	size_t names_n; /* of the members asked for, how many are names */

	struct exact exact[EXACT_MAX];
	size_t exact_n;
	/* parallel: each of these under each version of the index key, of which a
	 * person has all words under one (patient_words_replace) */
	struct bytes exact_a[EXACT_TOKENS_MAX], exact_b[EXACT_TOKENS_MAX];
	int64_t exact_a_part[EXACT_TOKENS_MAX], exact_b_part[EXACT_TOKENS_MAX];
	size_t exact_tokens_n;
};

NODISCARD enum err search_names_read(struct op *, struct search *);

/* Each appends a page's matches to items, and makes what op_list takes. */
NODISCARD enum err search_numbers(
    struct op *, const struct search *, json_t *items, json_t **next);
NODISCARD enum err search_team(
    struct op *, const struct search *, json_t *items, json_t **next);
NODISCARD enum err search_names(
    struct op *, const struct search *, json_t *items, json_t **next);

#endif
