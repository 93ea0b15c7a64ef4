/* A visit's recording as its room sees it. RC-01. */
#include "signal_call.h"

static const struct uuid recording = { { 9, 9, [15] = 1 } };
static const struct uuid next = { { 9, 9, [15] = 2 } };

/* What the database says: asked for or on, agreed to by these. */
static void
stands(const struct uuid *id, bool on, const struct client *a,
    const struct client *b)
{
	struct uuid agreed[2];
	struct signal_recording now = { *id, on, agreed, 0 };

	if (a != NULL)
		agreed[now.agreed_n++] = a->who.account;
	if (b != NULL)
		agreed[now.agreed_n++] = b->who.account;
	signal_recording(&visit, &now);
}

static void
answer(struct client *c, const struct uuid *id, bool given)
{
	client_say_json(c,
	    json_pack("{s:s, s:o, s:b}", "type", "consent", "recording",
		uuid_json(id), "given", (int)given));
}

/* The state that it heard last, and why. */
static const char *
heard(const struct client *c, const char *member)
{
	size_t n = client_count(c, "recording");

	return n == 0 ? ""
		      : text_in(client_heard(c, "recording", n - 1), member);
}

static void
call_recorded(struct client **doc, struct client **pat)
{
	call_begin(doc, pat);
	stands(&recording, false, *doc, NULL);
	stands(&recording, false, *doc, *pat);
	stands(&recording, true, *doc, *pat);
	assert_string_equal(heard(*pat, "state"), "recording");
}

static void
it_begins_when_all_have_agreed(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	stands(&recording, false, doc, NULL);
	assert_string_equal(heard(doc, "state"), "consent");
	assert_string_equal(heard(pat, "state"), "consent");
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_START], 0);
	answer(pat, &recording, true);
	assert_int_equal(pat->deeds[SIGNAL_RECORDING_AGREE], 1);
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_START], 0);
	stands(&recording, false, doc, pat);
	stands(&recording, false, doc, pat);
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_START], 1);
	assert_string_equal(heard(pat, "state"), "consent");
	stands(&recording, true, doc, pat);
	assert_string_equal(heard(doc, "state"), "recording");
	assert_string_equal(heard(pat, "state"), "recording");
	assert_int_equal(client_count(pat, "recording"), 2);
}

static void
a_no_counts_before_it_is_written_down(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_recorded(&doc, &pat);
	answer(pat, &recording, false);
	assert_string_equal(heard(doc, "state"), "stopped");
	assert_string_equal(heard(doc, "reason"), "withdrawn");
	assert_int_equal(pat->deeds[SIGNAL_RECORDING_REFUSE], 1);
	/* what the database still says of it meanwhile is of no weight */
	stands(&recording, true, doc, pat);
	assert_string_equal(heard(doc, "state"), "stopped");
	answer(pat, &recording, true);
	assert_string_equal(client_error(pat), "wrong_status");
	stands(&next, false, doc, NULL);
	assert_string_equal(heard(doc, "state"), "consent");
}

static void
who_comes_in_without_having_agreed_ends_it(void **state)
{
	struct client *doc, *pat, *third;

	(void)state;
	call_recorded(&doc, &pat);
	third = client_new(2, &visit, ROLE_PATIENT, true);
	client_join(third, 4);
	assert_string_equal(heard(pat, "state"), "stopped");
	assert_string_equal(heard(pat, "reason"), "newcomer");
	assert_string_equal(heard(third, "state"), "stopped");
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_STOP], 1);
}

/*= RC-01: who waits is not in it; who is let in has not agreed */
static void
a_guest_who_is_let_in_ends_it(void **state)
{
	struct client *doc, *pat, *guest;

	(void)state;
	call_recorded(&doc, &pat);
	guest = client_new(2, &visit, ROLE_GUEST, false);
	guest->who.guest = GUEST_INTERPRETER;
	client_join(guest, 4);
	assert_string_equal(heard(pat, "state"), "recording");
	signal_guest_changed(&guest->who.account, "admitted");
	assert_string_equal(heard(pat, "state"), "stopped");
	assert_string_equal(heard(pat, "reason"), "newcomer");
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_STOP], 1);
}

/* It has no right to: the others do when they are back. */
static void
a_guest_does_not_act_for_the_room(void **state)
{
	struct client *doc, *pat, *guest;

	(void)state;
	call_recorded(&doc, &pat);
	guest = client_new(2, &visit, ROLE_GUEST, false);
	guest->who.guest = GUEST_FAMILY;
	client_join(guest, 4);
	client_lose(doc);
	client_lose(pat);
	signal_guest_changed(&guest->who.account, "admitted");
	assert_string_equal(heard(guest, "state"), "stopped");
	assert_int_equal(guest->deeds[SIGNAL_RECORDING_STOP], 0);
}

/* A room that says it is on has looked at who is in it. */
static void
what_somebody_has_not_agreed_to_is_never_on(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	stands(&recording, true, doc, NULL);
	assert_string_equal(heard(pat, "state"), "stopped");
	assert_int_equal(client_count(pat, "recording"), 1);
	assert_int_equal(doc->deeds[SIGNAL_RECORDING_STOP], 1);
}

static void
without_whoever_records_it_ends(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_recorded(&doc, &pat);
	client_lose(pat);
	world_wait(SIGNAL_GRACE_MS + 1000);
	assert_string_equal(heard(doc, "state"), "recording");
	client_join(pat, 3);
	assert_string_equal(heard(pat, "state"), "recording");
	client_say(doc, "{\"type\":\"leave\"}");
	assert_string_equal(heard(pat, "reason"), "left");
}

static void
a_question_ends_unanswered_and_with_the_visit(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	stands(&recording, false, doc, NULL);
	world_wait(119000);
	assert_string_equal(heard(pat, "state"), "consent");
	world_wait(2000);
	assert_string_equal(heard(pat, "reason"), "unanswered");
	stands(&next, false, doc, NULL);
	signal_room_changed(&visit, "ended");
	assert_string_equal(heard(pat, "reason"), "ended");
	assert_non_null(client_heard(pat, "ended", 0));
}

/* Its home died: who comes back says that something was going on. */
static void
a_room_that_was_made_anew_looks(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);

	(void)state;
	world_looks = 0;
	doc->who.recorded = true;
	client_join(doc, 2);
	assert_int_equal(world_looks, 1);
	signal_recording(&visit, NULL);
	assert_int_equal(client_count(doc, "recording"), 0);
	signal_recording(&other_visit, NULL); /* no such room */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_begins_when_all_have_agreed),
		TEST(a_no_counts_before_it_is_written_down),
		TEST(who_comes_in_without_having_agreed_ends_it),
		TEST(a_guest_who_is_let_in_ends_it),
		TEST(a_guest_does_not_act_for_the_room),
		TEST(what_somebody_has_not_agreed_to_is_never_on),
		TEST(without_whoever_records_it_ends),
		TEST(a_question_ends_unanswered_and_with_the_visit),
		TEST(a_room_that_was_made_anew_looks),
	};

	return cmocka_run_group_tests(tests, signal_begin, NULL);
}
