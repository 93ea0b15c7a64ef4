#include "signal_call.h"

/* Losing and coming back */

static void
who_comes_back_hears_what_was_missed_in_order(void **state)
{
	struct client *doc, *pat;
	char self[UUID_TEXT_SIZE];
	int i;

	(void)state;
	call_begin(&doc, &pat);
	memcpy(self, pat->self, sizeof(self));
	client_say_json(doc, candidate_to(pat, 0));
	client_lose(pat);
	for (i = 1; i <= 100; i++)
		client_say_json(doc, candidate_to(pat, i));
	world_wait(100000);
	client_resume(pat, 9); /* another worker */
	assert_true(pat->resumed);
	assert_string_equal(pat->self, self);
	assert_false(pat->broken);
	assert_int_equal(client_count(pat, "candidate"), 101);
	assert_int_equal(client_count(pat, "welcome"), 1);
	assert_int_equal(client_count(doc, "left"), 0);
	assert_int_equal(client_count(doc, "joined"), 0);
	assert_true(pat->in_call);
	client_say_json(doc, candidate_to(pat, 101));
	assert_false(pat->broken);
	assert_string_equal(
	    text_in(json_object_get(
			client_heard(pat, "candidate", 101), "candidate"),
		"candidate"),
	    "candidate:101 1 udp 1 192.0.2.1 9");
	client_say_json(pat, candidate_to(doc, 1));
	assert_int_equal(client_count(doc, "candidate"), 1);
}

/* Sent, but the socket broke before it arrived: last_seq tells. */
static void
what_was_lost_on_the_way_is_told_again(void **state)
{
	struct client *doc, *pat;
	int64_t seq;

	(void)state;
	call_begin(&doc, &pat);
	seq = pat->last_seq;
	client_say_json(doc, candidate_to(pat, 1));
	client_say_json(doc, candidate_to(pat, 2));
	client_lose(pat);
	pat->last_seq = seq; /* neither came through */
	client_clear(pat);
	client_resume(pat, 3);
	assert_true(pat->resumed);
	assert_false(pat->broken);
	assert_int_equal(client_count(pat, "candidate"), 2);
}

static void
welcome_counts_what_came_from_the_client(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	client_say_json(pat, candidate_to(doc, 1));
	client_say_json(pat, offer_to(doc));
	client_say(pat, "{\"type\":\"ping\",\"t\":1}");
	client_say(pat, "{\"type\":\"state\"}"); /* refused, yet handled */
	client_lose(pat);
	client_resume(pat, 3);
	assert_int_equal(pat->received, 3);
}

/* After a change of network the old socket looks alive for a while. */
static void
a_newer_socket_takes_the_place_of_an_old_one(void **state)
{
	struct client *doc, *pat;
	struct signal_link old;

	(void)state;
	call_begin(&doc, &pat);
	old = pat->link;
	clients[5] = *pat; /* the old tab, with its socket */
	clients[5].inbox = json_array();
	pat->open = false;
	client_resume(pat, 4);
	assert_true(pat->resumed);
	assert_int_equal(clients[5].closed, SIGNAL_REPLACED);
	client_say_json(doc, candidate_to(pat, 1));
	assert_int_equal(client_count(pat, "candidate"), 1);
	assert_int_equal(client_count(&clients[5], "candidate"), 0);
	signal_gone(&old); /* late word of the old one harms nothing */
	client_say_json(doc, candidate_to(pat, 2));
	assert_int_equal(client_count(pat, "candidate"), 2);
	assert_int_equal(json_array_size(doc->inbox), 0);
}

static void
a_fresh_hello_of_the_same_account_is_a_new_participant(void **state)
{
	struct client *doc, *pat;
	char self[UUID_TEXT_SIZE];
	const json_t *m;

	(void)state;
	call_begin(&doc, &pat);
	memcpy(self, pat->self, sizeof(self));
	clients[5] = *pat;
	clients[5].inbox = json_array();
	pat->open = false;
	client_join(pat, 4);
	assert_int_equal(clients[5].closed, SIGNAL_REPLACED);
	assert_false(pat->resumed);
	assert_string_not_equal(pat->self, self);
	m = client_heard(doc, "left", 0);
	assert_string_equal(text_in(m, "reason"), "removed");
	assert_string_equal(
	    text_in(json_object_get(m, "participant"), "id"), self);
	m = client_heard(doc, "joined", 0);
	assert_string_equal(
	    text_in(json_object_get(m, "participant"), "id"), pat->self);
	assert_false(doc->broken);
	assert_int_equal(signal_stats().places, 2);
}

static void
a_place_is_kept_for_two_minutes(void **state)
{
	struct client *doc, *pat;
	const json_t *m;

	(void)state;
	call_begin(&doc, &pat);
	client_lose(pat);
	world_wait(119000);
	assert_int_equal(json_array_size(doc->inbox), 0);
	client_resume(pat, 3);
	assert_true(pat->resumed);
	client_lose(pat);
	world_wait(120000);
	m = client_heard(doc, "left", 0);
	assert_string_equal(text_in(m, "reason"), "lost");
	assert_string_equal(
	    text_in(json_object_get(m, "participant"), "id"), pat->self);
	client_resume(pat, 3);
	assert_true(pat->open);
	assert_false(pat->resumed);
	assert_int_equal(client_count(doc, "joined"), 1);

	client_lose(doc);
	client_lose(pat);
	world_wait(121000);
	assert_int_equal(signal_stats().rooms, 0);
	assert_int_equal(signal_stats().held_bytes, 0);
}

static void
leaving_gives_the_place_up_at_once(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	client_say(pat, "{\"type\":\"leave\"}");
	assert_int_equal(pat->closed, SIGNAL_LEFT);
	assert_string_equal(
	    text_in(client_heard(doc, "left", 0), "reason"), "left");
	client_resume(pat, 3);
	assert_false(pat->resumed);
}

static void
more_than_was_kept_is_not_pretended(void **state)
{
	struct client *doc, *pat;
	int i;

	(void)state;
	call_begin(&doc, &pat);
	client_lose(pat);
	for (i = 0; i < SIGNAL_HELD_COUNT; i++)
		client_say_json(doc, candidate_to(pat, i));
	client_resume(pat, 3);
	assert_true(pat->resumed);
	assert_false(pat->broken);
	client_lose(pat);
	for (i = 0; i <= SIGNAL_HELD_COUNT; i++)
		client_say_json(doc, candidate_to(pat, i));
	client_clear(pat);
	client_resume(pat, 3);
	assert_false(pat->resumed);
	assert_int_equal(client_count(pat, "candidate"), 0);
	assert_int_equal(client_count(doc, "left"), 1);
	assert_int_equal(client_count(doc, "joined"), 1);
}

static void
what_is_kept_is_bounded_in_bytes_too(void **state)
{
	static char sdp[60000] = SDP "a=x:";
	struct client *doc, *pat;
	int i;

	(void)state;
	call_begin(&doc, &pat);
	memset(sdp + strlen(sdp), 'x', sizeof(sdp) - strlen(sdp) - 1);
	client_lose(pat);
	for (i = 0; i < 12; i++)
		client_say_json(doc,
		    json_pack("{s:s, s:s, s:{s:s, s:s}}", "type", "description",
			"to", pat->self, "description", "type", "offer", "sdp",
			sdp));
	assert_int_equal(client_count(doc, "error"), 0);
	assert_true(signal_stats().held_bytes > SIGNAL_HELD_BYTES / 2);
	assert_true(signal_stats().held_bytes < 2 * SIGNAL_HELD_BYTES);
	client_resume(pat, 3);
	assert_false(pat->resumed);
}

/* The home dies: the sockets do not know it yet, nor does anybody else. */
static void
home_dies(struct client *doc, struct client *pat)
{
	signal_reset();
	client_say(doc, "{\"type\":\"ping\",\"t\":1}");
	client_say(pat, "{\"type\":\"ping\",\"t\":1}");
	assert_int_equal(doc->closed, SIGNAL_RESTART);
	assert_int_equal(pat->closed, SIGNAL_RESTART);
	client_clear(doc);
	client_clear(pat);
}

static void
a_home_that_died_is_followed_by_one_that_knows_the_names(void **state)
{
	struct client *doc, *pat;
	char was_doc[UUID_TEXT_SIZE], was_pat[UUID_TEXT_SIZE];
	int i;

	(void)state;
	call_begin(&doc, &pat);
	memcpy(was_doc, doc->self, sizeof(was_doc));
	memcpy(was_pat, pat->self, sizeof(was_pat));
	for (i = 0; i < 3; i++) { /* once, and again */
		home_dies(doc, pat);
		client_resume(pat, 2);
		client_resume(doc, 3);
		assert_false(pat->resumed || doc->resumed);
		assert_string_equal(pat->self, was_pat);
		assert_string_equal(doc->self, was_doc);
		assert_string_equal(
		    text_in(json_object_get(
				client_heard(pat, "joined", 0), "participant"),
			"id"),
		    was_doc);
		client_say_json(doc, candidate_to(pat, 1));
		client_say_json(pat, candidate_to(doc, 1));
		assert_int_equal(client_count(pat, "candidate"), 1);
		assert_int_equal(client_count(doc, "candidate"), 1);
	}
	client_lose(pat);
	client_resume(pat, 2);
	assert_true(pat->resumed);
	assert_false(pat->broken || doc->broken);
}

static void
a_name_is_given_back_to_its_own_account_and_once(void **state)
{
	struct client *doc, *pat;
	char was_doc[UUID_TEXT_SIZE], token[sizeof(doc->token)];

	(void)state;
	call_begin(&doc, &pat);
	memcpy(was_doc, doc->self, sizeof(was_doc));
	memcpy(token, doc->token, sizeof(token));
	home_dies(doc, pat);
	memcpy(pat->token, token, sizeof(token));
	client_resume(pat, 2); /* another's */
	assert_string_not_equal(pat->self, was_doc);
	doc->who.visit = other_visit;
	client_resume(doc, 2); /* another room's */
	assert_string_not_equal(doc->self, was_doc);
	client_lose(doc);
	doc->who.visit = visit;
	memcpy(doc->token, token, sizeof(token));
	doc->token[60] = doc->token[60] == 'A' ? 'B' : 'A';
	client_resume(doc, 2); /* nobody's */
	assert_string_not_equal(doc->self, was_doc);

	client_say(doc, "{\"type\":\"leave\"}");
	memcpy(doc->token, token, sizeof(token));
	client_resume(doc, 2);
	assert_string_equal(doc->self, was_doc);
	client_say(doc, "{\"type\":\"leave\"}");
	client_resume(doc, 2); /* given up in this life */
	assert_string_not_equal(doc->self, was_doc);
}

static void
a_token_is_good_for_its_own_account_and_room(void **state)
{
	struct client *doc, *pat;
	char self[UUID_TEXT_SIZE];

	(void)state;
	call_begin(&doc, &pat);
	memcpy(self, doc->self, sizeof(self));
	client_lose(pat);
	memcpy(pat->token, doc->token, sizeof(pat->token));
	pat->last_seq = 0;
	client_resume(pat, 3);
	assert_false(pat->resumed);
	assert_string_not_equal(pat->self, self);
	assert_true(doc->open);

	client_lose(pat);
	pat->who.visit = other_visit;
	client_resume(pat, 3);
	assert_false(pat->resumed);
	client_lose(doc);
	doc->token[42] = doc->token[42] == 'A' ? 'E' : 'A';
	client_resume(doc, 2);
	assert_false(doc->resumed);
	client_lose(doc);
	doc->last_seq = 1000000; /* it cannot have heard that much */
	client_resume(doc, 2);
	assert_false(doc->resumed);
}

/* Admitted while the socket was lost: nothing of it is missing later. */
static void
admission_reaches_who_is_away(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);

	(void)state;
	client_join(doc, 2);
	client_join(pat, 3);
	client_lose(pat);
	signal_room_changed(&visit, "in_call");
	client_say_json(doc, candidate_to(pat, 1));
	pat->who.admitted = true; /* as the gate says now */
	client_resume(pat, 3);
	assert_true(pat->resumed && pat->admitted && pat->in_call);
	assert_false(pat->broken);
	assert_int_equal(client_count(pat, "admitted"), 1);
	assert_int_equal(client_count(pat, "joined"), 1);
	assert_int_equal(client_count(pat, "candidate"), 1);
}

/* Anything, in any order: no gap, nothing twice, nothing left over */

static unsigned dice = 20261123;

static unsigned
roll(unsigned n)
{
	dice = dice * 1103515245 + 12345;
	return (dice >> 16) % n;
}

/* A socket breaks, and the last few messages with it. */
static void
chance_lose(struct client *c)
{
	int64_t lost = roll(4);

	client_lose(c);
	if (c->last_seq > lost)
		c->last_seq -= lost;
}

static void
chance_step(struct client *c)
{
	unsigned what = roll(20);

	if (!c->open) {
		if (what < 12)
			client_resume(c, (uint16_t)(2 + roll(4)));
		else if (what < 14)
			client_join(c, (uint16_t)(2 + roll(4)));
	} else if (what < 8) {
		client_say_json(c, candidate_to(&clients[roll(4)], (int)what));
	} else if (what < 12) {
		client_say(c,
		    "{\"type\":\"state\",\"audio\":true,"
		    "\"video\":true,\"screen\":false}");
	} else if (what < 15) {
		chance_lose(c);
	} else if (what == 15) {
		client_say(c,
		    roll(10) == 0 ? "{\"type\":\"leave\"}"
				  : "{\"type\":\"nonsense\"}");
	} else if (what == 16 && roll(10) == 0) {
		world_wait(1000 * (int64_t)roll(200));
	}
	if (!c->open && c->closed == SIGNAL_REPLACED)
		c->closed = 0;
}

static void
no_order_of_things_breaks_the_row_of_numbers(void **state)
{
	int i, resumed = 0;
	struct client *c;

	(void)state;
	for (i = 0; i < 4; i++) {
		c = client_new(
		    i, &visit, i == 0 ? ROLE_CLINICIAN : ROLE_PATIENT, i < 2);
		c->who.open_until = INT64_MAX;
		client_join(c, 2);
	}
	for (i = 0; i < 20000; i++) {
		c = &clients[roll(4)];
		chance_step(c);
		if (i == 5000)
			signal_room_changed(&visit, "in_call");
		resumed += c->resumed;
		if (c->broken)
			fail_msg("step %d", i);
		client_clear(c);
	}
	assert_true(resumed > 100); /* the dice did try it */
	for (i = 0; i < 4; i++)
		if (clients[i].open)
			client_lose(&clients[i]);
	world_wait(SIGNAL_GRACE_MS + 1000);
	assert_int_equal(signal_stats().rooms, 0);
	assert_int_equal(signal_stats().held_bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_back_hears_what_was_missed_in_order),
		TEST(what_was_lost_on_the_way_is_told_again),
		TEST(welcome_counts_what_came_from_the_client),
		TEST(a_newer_socket_takes_the_place_of_an_old_one),
		TEST(a_fresh_hello_of_the_same_account_is_a_new_participant),
		TEST(a_place_is_kept_for_two_minutes),
		TEST(leaving_gives_the_place_up_at_once),
		TEST(more_than_was_kept_is_not_pretended),
		TEST(what_is_kept_is_bounded_in_bytes_too),
		TEST(a_token_is_good_for_its_own_account_and_room),
		TEST(a_home_that_died_is_followed_by_one_that_knows_the_names),
		TEST(a_name_is_given_back_to_its_own_account_and_once),
		TEST(admission_reaches_who_is_away),
		TEST(no_order_of_things_breaks_the_row_of_numbers),
	};

	return cmocka_run_group_tests_name(
	    "signal resume", tests, signal_begin, NULL);
}
