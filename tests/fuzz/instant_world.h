#ifndef INSTANT_WORLD_H
#define INSTANT_WORLD_H

#include "base/instant.h"
#include "base/uuid.h"
#include "fuzz.h"

#include <time.h>

/* Read again it is the same, and written the same, but for what is not kept:
 * another zone, parts of a second and leap seconds. */
static bool
instant_kept(const char *in, int64_t t)
{
	char text[INSTANT_TEXT_SIZE];
	int64_t again;

	instant_text(t, text);
	return instant_parse(text, &again) == ERR_OK && again == t &&
	    (in[strlen(in) - 1] != 'Z' || strchr(in, '.') != NULL ||
		strstr(in, ":60") != NULL || strcmp(in, text) == 0);
}

/* The C library knows the day by the same name. */
static bool
date_real(const char *in)
{
	struct tm day = { 0 };
	time_t t;
	char text[16];

	if (strlen(in) != 10 ||
	    sscanf(in, "%4d-%2d-%2d", &day.tm_year, &day.tm_mon,
		&day.tm_mday) != 3)
		return false;
	day.tm_year -= 1900;
	day.tm_mon--;
	t = timegm(&day);
	return gmtime_r(&t, &day) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d", &day) == 10 &&
	    strcmp(text, in) == 0;
}

static bool
uuid_kept(const char *in, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	return strcmp(text, in) == 0;
}

#endif
