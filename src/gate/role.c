#include "gate/role.h"

#include <string.h>

static const struct {
	const char *stored, *title, *purpose;
	bool workforce;
} roles[ROLE_COUNT] = {
#define IS_PATIENT   false
#define IS_GUEST     false
#define IS_WORKFORCE true
	[ROLE_NONE] = { "none", "Nobody", "HSYSADMIN", false },
#define ROLE(name, stored, title, kind, purpose)                               \
	[ROLE_##name] = { #stored, title, #purpose, IS_##kind },
#include "tables/roles.def"
#undef ROLE
};

/* Each with a bar before it: who reads them begins behind the first. */
const char role_names_all[] = ""
#define ROLE(name, stored, title, kind, purpose) "|" #stored
#include "tables/roles.def"
#undef ROLE
    ;

#define LASTING_PATIENT(stored)	  "|" #stored
#define LASTING_WORKFORCE(stored) "|" #stored
#define LASTING_GUEST(stored)	  ""
const char role_names_lasting[] = ""
#define ROLE(name, stored, title, kind, purpose) LASTING_##kind(stored)
#include "tables/roles.def"
#undef ROLE
    ;

#define OF_PATIENT(stored)   ""
#define OF_WORKFORCE(stored) "|" #stored
#define OF_GUEST(stored)     ""
const char role_names_workforce[] = ""
#define ROLE(name, stored, title, kind, purpose) OF_##kind(stored)
#include "tables/roles.def"
#undef ROLE
    ;

const char *
role_name(enum role r)
{
	return roles[r].stored;
}

const char *
role_title(enum role r)
{
	return roles[r].title;
}

const char *
role_purpose(enum role r)
{
	return roles[r].purpose;
}

bool
role_is_workforce(enum role r)
{
	return roles[r].workforce;
}

enum role
role_parse(const char *name)
{
	enum role r;

	for (r = ROLE_NONE + 1; name != NULL && r < ROLE_COUNT; r++)
		if (strcmp(roles[r].stored, name) == 0)
			return r;
	return ROLE_NONE;
}

static const struct {
	const char *stored;
	bool asks;
} guest_roles[GUEST_ROLE_COUNT] = {
#define ASKS_BIRTH_DATE true
#define ASKS_NOTHING	false
	[GUEST_NONE] = { "none", false },
#define GUEST_ROLE(name, stored, asks)                                         \
	[GUEST_##name] = { #stored, ASKS_##asks },
#include "tables/guest_roles.def"
#undef GUEST_ROLE
};

const char guest_role_names[] = ""
#define GUEST_ROLE(name, stored, asks) "|" #stored
#include "tables/guest_roles.def"
#undef GUEST_ROLE
    ;

const char *
guest_role_name(enum guest_role r)
{
	return guest_roles[r].stored;
}

enum guest_role
guest_role_parse(const char *name)
{
	enum guest_role r;

	for (r = GUEST_NONE + 1; name != NULL && r < GUEST_ROLE_COUNT; r++)
		if (strcmp(guest_roles[r].stored, name) == 0)
			return r;
	return GUEST_NONE;
}

bool
guest_role_asks(enum guest_role r)
{
	return guest_roles[r].asks;
}
