#include "gate/tell.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

static const char *const channels[TELL_COUNT] = {
	[TELL_VISIT] = "epione_visit",
	[TELL_RECORDING] = "epione_recording",
	[TELL_GUEST] = "epione_guest",
};

const char *
tell_channel(enum tell what)
{
	return channels[what];
}

static bool
word_good(const char *word)
{
	size_t n = strlen(word);

	return n > 0 && n <= TELL_WORD_MAX &&
	    strspn(word, "abcdefghijklmnopqrstuvwxyz_") == n;
}

enum err
op_tell(struct op *op, enum tell what, const struct uuid *id, const char *word)
{
	char *payload;
	struct tell_in in = { .channel = channels[what] };
	size_t size;

	if (word == NULL || !word_good(word))
		return ERR_INTERNAL;
	size = UUID_TEXT_SIZE + strlen(word) + 1;
	payload = arena_alloc(op->arena, size);
	uuid_text(id, payload);
	payload[UUID_TEXT_SIZE - 1] = ' ';
	memcpy(payload + UUID_TEXT_SIZE, word, strlen(word) + 1);
	in.payload = payload;
	return sql_tell(op->tx, &in);
}

bool
tell_read(const char *payload, struct uuid *id, char word[TELL_WORD_MAX + 1])
{
	char text[UUID_TEXT_SIZE];

	if (strlen(payload) < UUID_TEXT_SIZE ||
	    payload[UUID_TEXT_SIZE - 1] != ' ' ||
	    !word_good(payload + UUID_TEXT_SIZE))
		return false;
	memcpy(text, payload, UUID_TEXT_SIZE - 1);
	text[UUID_TEXT_SIZE - 1] = '\0';
	if (uuid_parse(text, id) != ERR_OK)
		return false;
	memcpy(word, payload + UUID_TEXT_SIZE,
	    strlen(payload + UUID_TEXT_SIZE) + 1);
	return true;
}
