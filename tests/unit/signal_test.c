#include "signal_world.h"

#define SDP                                                                    \
	"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                  \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"                                  \
	"a=fingerprint:sha-256 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:"  \
	"EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF\r\n"

static const struct uuid visit = { { 1, 2, 3, [15] = 4 } };
static const struct uuid other_visit = { { 1, 2, 3, [15] = 5 } };

/* A clinician and a patient, both in the call, who have read everything. */
static void
call_begin(struct client **doc, struct client **pat)
{
	*doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	*pat = client_new(1, &visit, ROLE_PATIENT, true);
	client_join(*doc, 2);
	client_join(*pat, 3);
	client_clear(*doc);
	client_clear(*pat);
}

static json_t *
offer_to(const struct client *c)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "type", "description",
	    "to", c->self, "description", "type", "offer", "sdp", SDP);
}

static json_t *
candidate_to(const struct client *c, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "candidate:%d 1 udp 1 192.0.2.1 9", n);
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:i, s:n}}", "type",
	    "candidate", "to", c->self, "candidate", "candidate", text,
	    "sdpMid", "0", "sdpMLineIndex", 0, "usernameFragment");
}

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
	assert_true(doc->in_call);

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

	signal_refused(&doc->link, ERR_WRONG_STATUS);
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
a_room_has_eight_places(void **state)
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
	assert_int_equal(client_count(&clients[0], "joined"), 7);
}

/* The table */

enum { GOES, WRONG, ABSENT, SHUTS };

static const struct {
	const char *what, *text; /* %s: the other's id */
	int answer[3];		 /* no hello yet, waiting, admitted */
} cells[] = {
	{ "hello", "{\"type\":\"hello\"}", { GOES, WRONG, WRONG } },
	{ "rollback",
	    "{\"type\":\"description\",\"to\":\"%s\","
	    "\"description\":{\"type\":\"rollback\"}}",
	    { WRONG, WRONG, GOES } },
	{ "candidate",
	    "{\"type\":\"candidate\",\"to\":\"%s\",\"candidate\":null}",
	    { WRONG, WRONG, GOES } },
	{ "admit", "{\"type\":\"admit\",\"participant\":\"%s\"}",
	    { WRONG, WRONG, ABSENT } },
	{ "state",
	    "{\"type\":\"state\",\"audio\":true,\"video\":true,"
	    "\"screen\":true}",
	    { WRONG, WRONG, GOES } },
	{ "leave", "{\"type\":\"leave\"}", { SHUTS, SHUTS, SHUTS } },
	{ "ping", "{\"type\":\"ping\",\"t\":3.5}", { WRONG, GOES, GOES } },
};

static void
cell_try(size_t row, int column)
{
	static const char *const codes[] = { "", "wrong_status", "not_found",
		"" };
	struct client *doc, *pat;
	char text[512];

	world_begin(NULL);
	doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	client_join(doc, 2);
	pat = client_new(1, &visit, ROLE_PATIENT, column == 2);
	client_open(pat, 3);
	if (column > 0)
		client_say(pat, "{\"type\":\"hello\"}");
	client_clear(doc);
	client_clear(pat);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	snprintf(text, sizeof(text), cells[row].text, doc->self);
#pragma GCC diagnostic pop
	client_say(pat, text);
	if (strcmp(client_error(pat), codes[cells[row].answer[column]]) != 0)
		fail_msg("%s in state %d: '%s'", cells[row].what, column,
		    client_error(pat));
	if (pat->open != (cells[row].answer[column] != SHUTS))
		fail_msg("%s in state %d: open %d", cells[row].what, column,
		    pat->open);
	if (column < 2 && row > 0 && strcmp(cells[row].what, "leave") != 0 &&
	    json_array_size(doc->inbox) != 0)
		fail_msg("%s in state %d reached the others", cells[row].what,
		    column);
}

/*= TR-11: who was not let in can send nothing to the others */
static void
every_cell_of_the_table_answers_as_stated(void **state)
{
	size_t row;
	int column;

	(void)state;
	for (row = 0; row < sizeof(cells) / sizeof(cells[0]); row++)
		for (column = 0; column < 3; column++)
			cell_try(row, column);
}

static void
relayed_messages_arrive_as_sent_with_from(void **state)
{
	struct client *doc, *pat;
	const json_t *m;

	(void)state;
	call_begin(&doc, &pat);
	client_say_json(pat, offer_to(doc));
	m = client_heard(doc, "description", 0);
	assert_string_equal(text_in(m, "from"), pat->self);
	assert_non_null(json_object_get(m, "seq"));
	m = json_object_get(m, "description");
	assert_string_equal(text_in(m, "type"), "offer");
	/*= TR-13: byte for byte */
	assert_string_equal(text_in(m, "sdp"), SDP);

	client_say_json(doc, candidate_to(pat, 5));
	m = client_heard(pat, "candidate", 0);
	assert_string_equal(text_in(m, "from"), doc->self);
	m = json_object_get(m, "candidate");
	assert_string_equal(
	    text_in(m, "candidate"), "candidate:5 1 udp 1 192.0.2.1 9");
	assert_true(json_is_null(json_object_get(m, "usernameFragment")));

	client_say(pat,
	    "{\"type\":\"state\",\"audio\":false,\"video\":true,"
	    "\"screen\":false}");
	m = client_heard(doc, "state", 0);
	assert_true(json_is_false(json_object_get(m, "audio")));
	assert_string_equal(text_in(m, "from"), pat->self);
	assert_int_equal(client_count(pat, "state"), 0);

	client_say(pat, "{\"type\":\"ping\",\"t\":\"x\"}");
	assert_string_equal(text_in(client_heard(pat, "pong", 0), "t"), "x");
	assert_int_equal(client_count(pat, "error"), 0);
}

/*= TR-11: `from` and `seq` are the server's */
static void
a_client_can_stamp_nothing(void **state)
{
	struct client *doc, *pat;
	json_t *m;

	(void)state;
	call_begin(&doc, &pat);
	m = offer_to(doc);
	json_object_set_new(m, "from", json_string(doc->self));
	client_say_json(pat, m);
	assert_string_equal(client_error(pat), "unknown_field");
	client_clear(pat);
	m = candidate_to(doc, 1);
	json_object_set_new(m, "seq", json_integer(99));
	client_say_json(pat, m);
	assert_string_equal(client_error(pat), "unknown_field");
	assert_string_equal(
	    text_in(client_heard(pat, "error", 0), "field"), "seq");
	assert_int_equal(json_array_size(doc->inbox), 0);
}

/*= TR-11: nobody in another room, nor oneself, nor one who waits */
static void
only_the_admitted_of_the_room_can_be_reached(void **state)
{
	struct client *doc, *pat, *far, *kin;
	const struct client *targets[3];
	size_t i;

	(void)state;
	call_begin(&doc, &pat);
	far = client_new(2, &other_visit, ROLE_CLINICIAN, true);
	kin = client_new(3, &visit, ROLE_PATIENT, false);
	client_join(far, 2);
	client_join(kin, 2);
	client_clear(far);
	client_clear(kin);
	targets[0] = far;
	targets[1] = kin;
	targets[2] = pat;
	for (i = 0; i < 3; i++) {
		client_clear(pat);
		client_say_json(pat, candidate_to(targets[i], 1));
		assert_string_equal(client_error(pat), "not_found");
	}
	assert_int_equal(json_array_size(far->inbox), 0);
	assert_int_equal(json_array_size(kin->inbox), 0);
	client_clear(pat);
	client_say(pat,
	    "{\"type\":\"admit\",\"participant\":"
	    "\"00000000-0000-4000-8000-000000000000\"}");
	assert_string_equal(client_error(pat), "not_found");
	assert_false(pat->admit_asked);
}

static const struct {
	const char *text, *code; /* %s: the peer */
} refused[] = {
	{ "{\"type\":\"description\"}", "missing_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\"}", "missing_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\",\"description\":null}",
	    "invalid_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\","
	  "\"description\":{\"type\":\"offer\"}}",
	    "missing_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\","
	  "\"description\":{\"type\":\"answer\",\"sdp\":\"\"}}",
	    "missing_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\","
	  "\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}}",
	    "invalid_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\","
	  "\"description\":{\"type\":\"pranswer\",\"sdp\":\"v=0\"}}",
	    "invalid_field" },
	{ "{\"type\":\"description\",\"to\":\"%s\","
	  "\"description\":{\"type\":\"rollback\",\"sdp\":\"v=0\"}}",
	    "invalid_field" },
	{ "{\"type\":\"candidate\",\"to\":\"%s\"}", "missing_field" },
	{ "{\"type\":\"candidate\",\"to\":\"%s\",\"candidate\":7}",
	    "invalid_field" },
	{ "{\"type\":\"candidate\",\"to\":\"%s\","
	  "\"candidate\":{\"candidate\":\"a\\r\\na=crypto:1\"}}",
	    "invalid_field" },
	{ "{\"type\":\"candidate\",\"to\":\"%s\","
	  "\"candidate\":{\"sdpMLineIndex\":-1}}",
	    "invalid_field" },
	{ "{\"type\":\"candidate\",\"to\":\"%s\","
	  "\"candidate\":{\"other\":1}}",
	    "unknown_field" },
	{ "{\"type\":\"candidate\",\"to\":[\"%s\"],\"candidate\":null}",
	    "invalid_field" },
	{ "{\"type\":\"candidate\",\"to\":\"everybody\",\"candidate\":null}",
	    "invalid_field" },
	{ "{\"type\":\"state\",\"audio\":true}", "missing_field" },
	{ "{\"type\":\"state\",\"audio\":1,\"video\":true,\"screen\":true}",
	    "invalid_field" },
	{ "{\"type\":\"leave\",\"why\":1}", "unknown_field" },
	{ "{\"type\":\"ping\"}", "missing_field" },
	{ "{\"type\":\"ping\",\"t\":{}}", "invalid_field" },
	{ "{\"type\":\"ping\",\"t\":1,\"u\":1}", "unknown_field" },
	{ "{\"type\":\"hello\",\"last_seq\":-1}", "invalid_field" },
	{ "{\"type\":\"admit\",\"participant\":3}", "invalid_field" },
};

static void
a_message_of_the_wrong_shape_is_refused_by_name(void **state)
{
	struct client *doc, *pat;
	char text[512];
	size_t i;

	(void)state;
	call_begin(&doc, &pat);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		snprintf(text, sizeof(text), refused[i].text, doc->self);
#pragma GCC diagnostic pop
		client_clear(pat);
		client_say(pat, text);
		if (!pat->open ||
		    strcmp(client_error(pat), refused[i].code) != 0)
			fail_msg("%s: '%s'", text, client_error(pat));
	}
	assert_int_equal(json_array_size(doc->inbox), 0);
}

static const char *const garbage[] = {
	"",
	" ",
	"{",
	"}",
	"[]",
	"null",
	"1",
	"\"hello\"",
	"{\"type\":\"hello\"} x",
	"{\"type\":\"hello\"}{}",
	"{\"type\":\"hello\",\"type\":\"leave\"}",
	"{type:\"hello\"}",
	"{'type':'hello'}",
	"{\"type\":\"HELLO\"}",
	"{\"type\":\"welcome\"}",
	"{\"type\":\"ended\",\"reason\":\"x\"}",
	"{\"type\":null}",
	"{\"type\":[\"hello\"]}",
	"{}",
	"{\"hello\":1}",
	"{\"type\":\"hello\\u0000\"}",
	"{\"type\":\"\xff\xfe\"}",
	"\xef\xbb\xbf{\"type\":\"ping\",\"t\":1}",
	"{\"type\":\"ping\",\"t\":NaN}",
	"{\"type\":\"ping\",\"t\":1e999}",
	"{\"type\":\"ping\",\"t\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
};

/*= TR-10: bytes that are no message close their own socket with 4400 */
static void
garbage_closes_its_own_socket_only(void **state)
{
	struct client *doc, *pat;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		world_begin(NULL);
		call_begin(&doc, &pat);
		client_say(pat, garbage[i]);
		if (pat->open || pat->closed != SIGNAL_BAD_MESSAGE)
			fail_msg("case %zu: %u", i, pat->closed);
		assert_true(doc->open);
		client_say(doc, "{\"type\":\"ping\",\"t\":1}");
		assert_int_equal(client_count(doc, "pong"), 1);
	}
}

static void
a_message_over_the_limit_closes(void **state)
{
	struct client *doc, *pat;
	static char text[SIGNAL_MESSAGE_MAX + 2];

	(void)state;
	call_begin(&doc, &pat);
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"type\":\"ping\",\"t\":1}", 21);
	text[SIGNAL_MESSAGE_MAX] = '\0';
	client_say(pat, text);
	assert_int_equal(client_count(pat, "pong"), 1);
	text[SIGNAL_MESSAGE_MAX] = ' ';
	text[SIGNAL_MESSAGE_MAX + 1] = '\0';
	client_say(pat, text);
	assert_int_equal(pat->closed, SIGNAL_BAD_MESSAGE);
}

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
	signal_refused(&c->link, ERR_NOT_FOUND);
	signal_room_changed(&other_visit, "ended");
	signal_room_changed(&other_visit, "no such status");
}

static void
changes_are_handed_to_the_home(void **state)
{
	(void)state;
	signal_visit_changed(&visit, "ended");
	assert_string_equal(last_change, "ended");
	signal_install(NULL); /* as in a command without rooms */
	signal_visit_changed(&visit, "in_call");
	assert_string_equal(last_change, "ended");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(welcome_says_what_the_contract_says),
		TEST(who_waits_hears_its_place_in_line_and_no_more),
		TEST(without_hello_the_socket_closes),
		TEST(admission_goes_through_the_gate),
		TEST(a_change_holds_for_who_comes_just_after_it),
		TEST(a_room_has_eight_places),
		TEST(every_cell_of_the_table_answers_as_stated),
		TEST(relayed_messages_arrive_as_sent_with_from),
		TEST(a_client_can_stamp_nothing),
		TEST(only_the_admitted_of_the_room_can_be_reached),
		TEST(a_message_of_the_wrong_shape_is_refused_by_name),
		TEST(garbage_closes_its_own_socket_only),
		TEST(a_message_over_the_limit_closes),
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
		TEST(the_end_of_the_visit_closes_the_room),
		TEST(the_window_of_the_visit_closes_the_room),
		TEST(a_worker_that_died_took_its_sockets_along),
		TEST(a_socket_that_is_not_known_is_told_to_come_again),
		TEST(changes_are_handed_to_the_home),
		TEST(a_socket_can_talk_so_fast_and_no_faster),
		TEST(no_order_of_things_breaks_the_row_of_numbers),
	};

	if (secret_init(1 << 16) != ERR_OK || crypto_init() != ERR_OK)
		return 1;
	return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
