#include "data/conninfo.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A setting as libpq will see it: the string's, else the environment's. */
static const char *
setting(const PQconninfoOption *all, const char *keyword)
{
	const PQconninfoOption *o;
	const char *v = NULL;

	for (o = all; o->keyword != NULL; o++)
		if (strcmp(o->keyword, keyword) == 0)
			v = o->val != NULL || o->envvar == NULL
			    ? o->val
			    : getenv(o->envvar);
	return v == NULL ? "" : v;
}

/* Several hosts stand in one string, with commas; an empty one is the socket
 * that libpq was built with. */
static unsigned
hosts_reach(const char *hosts)
{
	const char *h = hosts;
	unsigned reach = 0;

	for (;;) {
		reach |= *h == '\0' || *h == ',' || *h == '/' || *h == '@'
		    ? CONNINFO_SOCKET
		    : CONNINFO_NETWORK;
		if ((h = strchr(h, ',')) == NULL)
			return reach;
		h++;
	}
}

static unsigned
reach_of(const PQconninfoOption *all)
{
	const char *host = setting(all, "host");

	if (setting(all, "hostaddr")[0] == '\0')
		return hosts_reach(host);
	return CONNINFO_NETWORK | (*host == '\0' ? 0 : hosts_reach(host));
}

unsigned
conninfo_reach(const char *conninfo)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
	unsigned reach = all == NULL ? 0 : reach_of(all);

	PQconninfoFree(all);
	return reach;
}

/*= EN-11: verify-full, or no start */
enum err
conninfo_check(const char *conninfo, const char **reason)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
	enum err r = ERR_OK;

	*reason = NULL;
	if (all == NULL)
		*reason = "the connection string is not understood by libpq";
	else if (setting(all, "service")[0] != '\0')
		*reason = "the connection string names a service: its settings "
			  "cannot be checked";
	else if ((reach_of(all) & CONNINFO_NETWORK) != 0 &&
	    strcmp(setting(all, "sslmode"), "verify-full") != 0)
		*reason = "a database over the network needs "
			  "sslmode=verify-full (and sslrootcert)";
	if (*reason != NULL)
		r = ERR_INVALID_FIELD;
	PQconninfoFree(all);
	return r;
}

void
conninfo_add(struct conninfo_settings *s, const char *key, const char *value)
{
	size_t i = 0;

	while (s->keys[i] != NULL)
		i++;
	s->keys[i] = key;
	s->values[i] = value;
}

/* Later settings win over what the connection string says. */
void
conninfo_settings(struct conninfo_settings *s, const char *conninfo,
    const char *password, const char *name)
{
	memset(s, 0, sizeof(*s));
	conninfo_add(s, "dbname", conninfo);
	conninfo_add(s, "application_name", name);
	conninfo_add(s, "client_encoding", "UTF8");
	conninfo_add(s, "connect_timeout", "5");
	conninfo_add(s, "tcp_user_timeout", "10000"); /* ms */
	conninfo_add(s, "keepalives", "1");
	conninfo_add(s, "keepalives_idle", "10");
	conninfo_add(s, "keepalives_interval", "5");
	conninfo_add(s, "keepalives_count", "3");
	if (password != NULL && *password != '\0')
		conninfo_add(s, "password", password);
}
