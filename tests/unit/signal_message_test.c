#include "signal_call.h"

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
	{ "remove", "{\"type\":\"remove\",\"participant\":\"%s\"}",
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
	  "\"description\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n"
	  "m=audio 9 UDP/TLS/RTP/SAVPF 111\\r\\n\"}}",
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_cell_of_the_table_answers_as_stated),
		TEST(relayed_messages_arrive_as_sent_with_from),
		TEST(a_client_can_stamp_nothing),
		TEST(only_the_admitted_of_the_room_can_be_reached),
		TEST(a_message_of_the_wrong_shape_is_refused_by_name),
		TEST(garbage_closes_its_own_socket_only),
		TEST(a_message_over_the_limit_closes),
	};

	return cmocka_run_group_tests_name(
	    "signal messages", tests, signal_begin, NULL);
}
