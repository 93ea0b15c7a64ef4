#include "signal_call.h"

/* Coming in */

static void
welcome_says_what_the_contract_says(void **state)
{
	struct client *doc, *pat;
	const json_t *m;

	(void)state;
	doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	client_join(doc, 2);
	m = client_heard(doc, "welcome", 0);
	assert_non_null(m);
	assert_string_equal(text_in(m, "role"), "clinician");
	assert_true(doc->admitted);
	assert_false(doc->resumed);
	assert_int_equal(strlen(doc->self), 36);
	assert_int_equal(strlen(doc->token), 70); /* 256 bits of MAC */
	assert_int_equal(
	    json_array_size(json_object_get(m, "participants")), 0);
	assert_int_equal(json_array_size(json_object_get(m, "ice_servers")), 1);
	assert_null(json_object_get(m, "seq"));
	assert_false(doc->in_call); /* nobody else is here */

	pat = client_new(1, &visit, ROLE_PATIENT, true);
	client_join(pat, 2);
	m = client_heard(pat, "welcome", 0);
	m = json_array_get(json_object_get(m, "participants"), 0);
	assert_string_equal(text_in(m, "id"), doc->self);
	assert_string_equal(text_in(m, "role"), "clinician");
	assert_string_equal(text_in(m, "display_name"), "Person 0");
	assert_true(json_is_true(json_object_get(m, "admitted")));

	m = json_object_get(client_heard(doc, "joined", 0), "participant");
	assert_string_equal(text_in(m, "id"), pat->self);
	assert_string_equal(text_in(m, "role"), "patient");
	assert_true(doc->in_call && pat->in_call);
}

static void
in_call(const struct client *doc, const struct client *pat, bool expected)
{
	assert_int_equal(doc->in_call, expected);
	assert_int_equal(pat->in_call, expected);
}

/*= SE-02: two, connected and admitted, on whatever workers */
static void
a_call_is_two_who_are_connected_and_admitted(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);
	struct client *kin = client_new(2, &visit, ROLE_PATIENT, true);

	(void)state;
	client_join(doc, 2);
	in_call(doc, pat, false);
	client_open(pat, 3);
	in_call(doc, pat, false); /* connected, without a word */
	client_say(pat, "{\"type\":\"hello\"}");
	in_call(doc, pat, false); /* waits before the door */
	signal_room_changed(&visit, "in_call");
	in_call(doc, pat, true);

	client_lose(pat); /* nobody hears the doctor now */
	assert_false(doc->in_call);
	client_resume(pat, 4);
	in_call(doc, pat, true);
	signal_worker_restarted(4, 8);
	assert_false(doc->in_call);
	client_resume(pat, 4);
	in_call(doc, pat, true);

	client_join(kin, 4);
	assert_true(kin->in_call);
	client_say(pat, "{\"type\":\"leave\"}");
	assert_true(doc->in_call && kin->in_call); /* two are left */
	client_say(kin, "{\"type\":\"leave\"}");
	assert_false(doc->in_call); /* one is */
	pat->who.admitted = true;
	client_join(pat, 3);
	in_call(doc, pat, true);
	signal_room_changed(&visit, "ended");
	in_call(doc, pat, false);
}

/*= TR-11: a waiting patient learns nothing of the room */
static void
who_waits_hears_its_place_in_line_and_no_more(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);
	struct client *kin = client_new(2, &visit, ROLE_PATIENT, false);
	const json_t *m;

	(void)state;
	client_join(doc, 2);
	client_say(doc,
	    "{\"type\":\"state\",\"audio\":true,\"video\":true,"
	    "\"screen\":false}");
	client_join(pat, 3);
	m = client_heard(pat, "welcome", 0);
	assert_false(pat->admitted);
	assert_false(pat->in_call);
	assert_int_equal(
	    json_array_size(json_object_get(m, "participants")), 0);
	m = client_heard(pat, "queue", 0);
	assert_int_equal(json_integer_value(json_object_get(m, "position")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(m, "wait_estimate_minutes")),
	    10);
	m = client_heard(doc, "joined", 0);
	assert_false(json_is_true(
	    json_object_get(json_object_get(m, "participant"), "admitted")));

	client_join(kin, 2);
	client_say(doc,
	    "{\"type\":\"state\",\"audio\":false,\"video\":true,"
	    "\"screen\":false}");
	assert_int_equal(json_array_size(pat->inbox), 2);

	world_wait(61000); /* the estimate follows the clock */
	assert_int_equal(client_count(pat, "queue"), 2);
	m = client_heard(pat, "queue", 1);
	assert_int_equal(
	    json_integer_value(json_object_get(m, "wait_estimate_minutes")), 9);
	assert_int_equal(json_array_size(pat->inbox), 3);

	/* two stand before; a lost socket hears of it when it is back */
	signal_line(&visit, 2, 45 * 60);
	world_wait(1000);
	assert_int_equal(client_count(pat, "queue"), 3);
	m = client_heard(pat, "queue", 2);
	assert_int_equal(json_integer_value(json_object_get(m, "position")), 3);
	assert_int_equal(
	    json_integer_value(json_object_get(m, "wait_estimate_minutes")),
	    45);
	signal_line(&visit, 0, 0);
	world_wait(1000);
	m = client_heard(pat, "queue", 3);
	assert_int_equal(json_integer_value(json_object_get(m, "position")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(m, "wait_estimate_minutes")), 9);
	signal_line(&other_visit, 2, 0); /* nobody is there */
}

static void
without_hello_the_socket_closes(void **state)
{
	struct client *c = client_new(0, &visit, ROLE_CLINICIAN, true);

	(void)state;
	client_open(c, 2);
	world_wait(9000);
	assert_true(c->open);
	client_say(c, "{\"type\":\"ping\",\"t\":1}"); /* is no hello */
	assert_string_equal(client_error(c), "wrong_status");
	world_wait(1000);
	assert_int_equal(c->closed, SIGNAL_NO_HELLO);
	assert_int_equal(signal_stats().rooms, 0);
}

static void
admission_goes_through_the_gate(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);

	(void)state;
	client_join(doc, 2);
	client_say(doc,
	    "{\"type\":\"state\",\"audio\":true,\"video\":false,"
	    "\"screen\":false}");
	client_join(pat, 3);
	client_clear(pat);
	client_clear(doc);
	client_say_json(doc,
	    json_pack("{s:s, s:s}", "type", "admit", "participant", pat->self));
	assert_true(doc->admit_asked);
	assert_int_equal(json_array_size(pat->inbox), 0); /* not yet */

	signal_refused(&doc->link, "admit", ERR_WRONG_STATUS);
	assert_string_equal(client_error(doc), "wrong_status");
	assert_string_equal(
	    text_in(client_heard(doc, "error", 0), "ref"), "admit");

	signal_room_changed(&visit, "in_call");
	assert_true(pat->in_call);
	assert_string_equal(
	    text_in(json_object_get(
			client_heard(pat, "admitted", 0), "participant"),
		"id"),
	    pat->self);
	assert_string_equal(
	    text_in(
		json_object_get(client_heard(pat, "joined", 0), "participant"),
		"id"),
	    doc->self);
	assert_string_equal(
	    text_in(client_heard(pat, "state", 0), "from"), doc->self);
	assert_string_equal(
	    text_in(json_object_get(
			client_heard(doc, "admitted", 0), "participant"),
		"id"),
	    pat->self);
	assert_int_equal(client_count(doc, "admitted"), 1);

	client_say_json(doc,
	    json_pack("{s:s, s:s}", "type", "admit", "participant", pat->self));
	assert_false(pat->broken || doc->broken);
	signal_room_changed(&visit, "in_call"); /* told twice, heard once */
	assert_int_equal(client_count(pat, "admitted"), 1);
}

static struct client *
guest_new(int i, enum guest_role as)
{
	struct client *c = client_new(i, &visit, ROLE_GUEST, false);

	c->who.guest = as;
	return c;
}

static void
clinician_says(struct client *doc, const char *type, const struct client *of)
{
	client_clear(doc);
	client_say_json(doc,
	    json_pack("{s:s, s:s}", "type", type, "participant", of->self));
}

/*= TR-11: a guest is let in by the clinician alone, and by no change of the visit */
static void
a_guest_is_let_in_one_by_one(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);
	struct client *one = guest_new(2, GUEST_CLINICIAN);
	struct client *two = guest_new(3, GUEST_FAMILY);
	const json_t *who;

	(void)state;
	client_join(doc, 2);
	client_join(pat, 3);
	client_join(one, 3);
	who = json_object_get(client_heard(doc, "joined", 1), "participant");
	assert_string_equal(text_in(who, "role"), "clinician");
	assert_true(json_is_true(json_object_get(who, "guest")));
	signal_room_changed(&visit, "in_call");
	client_join(two, 2);
	assert_int_equal(client_count(pat, "admitted"), 1);
	assert_int_equal(client_count(one, "admitted"), 0);
	assert_false(two->admitted);

	clinician_says(doc, "admit", one);
	assert_true(doc->admit_asked);
	assert_true(uuid_equal(&doc->guest_asked, &one->who.account));
	signal_guest_changed(&one->who.account, "admitted");
	assert_int_equal(client_count(one, "admitted"), 1);
	assert_int_equal(client_count(two, "admitted"), 0);
	signal_guest_changed(&one->who.account, "admitted"); /* heard once */
	assert_int_equal(client_count(one, "admitted"), 1);
	clinician_says(one, "admit", two); /* by no name that they come under */
	assert_string_equal(client_error(one), "not_found");
	assert_false(one->admit_asked);
}

/*= AZ-05: out at once, also when the socket is lost just then */
static void
a_guest_is_removed_and_nobody_else(void **state)
{
	struct client *doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, true);
	struct client *one = guest_new(2, GUEST_FAMILY);
	struct client *two = guest_new(3, GUEST_INTERPRETER);

	(void)state;
	one->who.admitted = two->who.admitted = true; /* let in before */
	client_join(doc, 2);
	client_join(pat, 3);
	client_join(one, 3);
	client_join(two, 2);
	clinician_says(doc, "remove", pat);
	assert_string_equal(client_error(doc), "wrong_status");
	assert_false(doc->remove_asked);
	clinician_says(doc, "remove", one);
	assert_true(doc->remove_asked);
	assert_true(uuid_equal(&doc->guest_asked, &one->who.account));

	client_clear(doc);
	signal_guest_changed(&one->who.account, "removed");
	assert_int_equal(one->closed, SIGNAL_STRANGER);
	assert_string_equal(
	    text_in(client_heard(one, "ended", 0), "reason"), "removed");
	assert_string_equal(
	    text_in(client_heard(doc, "left", 0), "reason"), "removed");
	client_lose(two);
	signal_guest_changed(&two->who.account, "removed");
	assert_int_equal(client_count(doc, "left"), 2);
	client_resume(two, 2);
	assert_false(two->resumed);
	assert_true(doc->open && pat->open && pat->in_call);
}

/* A change can overtake the announcement of a socket that it concerns. */
static void
a_change_holds_for_who_comes_just_after_it(void **state)
{
	struct client *pat = client_new(1, &visit, ROLE_PATIENT, false);
	struct client *late = client_new(2, &other_visit, ROLE_PATIENT, false);
	struct client *doc = client_new(3, &visit, ROLE_CLINICIAN, true);

	(void)state;
	signal_room_changed(&visit, "in_call");
	client_join(pat, 2);
	assert_true(pat->admitted);
	signal_room_changed(&other_visit, "cancelled");
	client_open(late, 2);
	assert_int_equal(late->closed, SIGNAL_VISIT_OVER);
	assert_string_equal(
	    text_in(client_heard(late, "ended", 0), "reason"), "cancelled");
	signal_room_changed(&visit, "booked");
	assert_int_equal(pat->closed, SIGNAL_RESTART);
	client_join(pat, 2);
	assert_true(pat->open);
	client_join(doc, 3);
	signal_room_changed(&visit, "handed_over");
	assert_int_equal(doc->closed, SIGNAL_STRANGER);
	assert_int_equal(pat->closed, SIGNAL_RESTART);
	client_join(pat, 2);
	assert_true(pat->open);
}

static void
a_room_has_places_for_all_who_are_invited(void **state)
{
	struct client *c = NULL;
	int i;

	(void)state;
	for (i = 0; i <= SIGNAL_PLACES_MAX; i++) {
		c = client_new(i, &visit, ROLE_PATIENT, true);
		client_join(c, 2);
		assert_int_equal(c->open, i < SIGNAL_PLACES_MAX);
	}
	assert_int_equal(c->closed, SIGNAL_FULL);
	assert_int_equal(signal_stats().places, SIGNAL_PLACES_MAX);
	assert_int_equal(
	    client_count(&clients[0], "joined"), SIGNAL_PLACES_MAX - 1);
}

/* The end */

static void
the_end_of_the_visit_closes_the_room(void **state)
{
	static const char *const how[] = { "ended", "cancelled", "no_show" };
	struct client *doc, *pat, *mute;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		world_begin(NULL);
		call_begin(&doc, &pat);
		mute = client_new(2, &visit, ROLE_PATIENT, false);
		client_open(mute, 2);
		signal_room_changed(&visit, "arrived"); /* is no end */
		assert_true(doc->open);
		signal_room_changed(&visit, how[i]);
		assert_int_equal(doc->closed, SIGNAL_VISIT_OVER);
		assert_int_equal(pat->closed, SIGNAL_VISIT_OVER);
		assert_int_equal(mute->closed, SIGNAL_VISIT_OVER);
		assert_string_equal(
		    text_in(client_heard(pat, "ended", 0), "reason"), how[i]);
		assert_false(pat->broken);
		assert_int_equal(signal_stats().rooms, 0);
	}
}

static void
the_window_of_the_visit_closes_the_room(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	world_wait(7199000);
	assert_true(doc->open);
	world_wait(1000);
	assert_int_equal(doc->closed, SIGNAL_VISIT_OVER);
	assert_int_equal(pat->closed, SIGNAL_VISIT_OVER);
	assert_string_equal(
	    text_in(client_heard(pat, "ended", 0), "reason"), "window");
}

static void
a_worker_that_died_took_its_sockets_along(void **state)
{
	struct client *doc, *pat;

	(void)state;
	call_begin(&doc, &pat);
	signal_worker_restarted(3, 8);
	assert_int_equal(signal_stats().links, 1);
	assert_int_equal(signal_stats().places, 2); /* it may come back */
	pat->open = false;
	client_resume(pat, 2);
	assert_true(pat->resumed);
	signal_worker_restarted(2, 7); /* the same life: nothing happened */
	assert_int_equal(signal_stats().links, 2);
}

static void
a_socket_that_is_not_known_is_told_to_come_again(void **state)
{
	struct client *c = client_new(0, &visit, ROLE_CLINICIAN, true);

	(void)state;
	c->link = (struct signal_link){ 99, 7, 2 };
	c->open = true;
	client_say(c, "{\"type\":\"ping\",\"t\":1}");
	assert_int_equal(c->closed, SIGNAL_RESTART);
	signal_gone(&c->link);
	signal_refused(&c->link, "admit", ERR_NOT_FOUND);
	signal_room_changed(&other_visit, "ended");
	signal_room_changed(&other_visit, "no such status");
}

/*= TR-09: 200 at once, 50 a second */
static void
a_socket_can_talk_so_fast_and_no_faster(void **state)
{
	struct signal_rate r = { 0 };
	int i, taken = 0;

	(void)state;
	for (i = 0; i < 1000; i++)
		taken += signal_rate_take(&r, 5000);
	assert_int_equal(taken, 200);
	for (i = 0; i < 1000; i++)
		taken += signal_rate_take(&r, 6000);
	assert_int_equal(taken, 250);
	for (taken = 0, i = 0; i < 1000; i++)
		taken += signal_rate_take(&r, 10000 + i * 20);
	assert_int_equal(taken, 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(welcome_says_what_the_contract_says),
		TEST(a_call_is_two_who_are_connected_and_admitted),
		TEST(a_guest_is_let_in_one_by_one),
		TEST(a_guest_is_removed_and_nobody_else),
		TEST(who_waits_hears_its_place_in_line_and_no_more),
		TEST(without_hello_the_socket_closes),
		TEST(admission_goes_through_the_gate),
		TEST(a_change_holds_for_who_comes_just_after_it),
		TEST(a_room_has_places_for_all_who_are_invited),
		TEST(the_end_of_the_visit_closes_the_room),
		TEST(the_window_of_the_visit_closes_the_room),
		TEST(a_worker_that_died_took_its_sockets_along),
		TEST(a_socket_that_is_not_known_is_told_to_come_again),
		TEST(a_socket_can_talk_so_fast_and_no_faster),
	};

	return cmocka_run_group_tests_name("signal", tests, signal_begin, NULL);
}
