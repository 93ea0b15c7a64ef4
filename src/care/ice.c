#include "care/ice.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define PSEUDONYM_SIZE 16 /* bytes of the HMAC: enough to be unique */

struct credential {
	const char *username, *password;
};

/*= TR-14: no id and no name leaves in a TURN user name */
static enum err
pseudonym_make(struct arena *a, const struct uuid *account,
    const struct uuid *visit, char **out)
{
	struct {
		struct uuid account, visit;
	} both = { *account, *visit };
	uint8_t key[CRYPTO_KEY_SIZE], mac[32];
	enum err r;

	if ((r = keyring_purpose_key("turn pseudonym", key)) == ERR_OK)
		r = crypto_hmac_sha256((struct bytes){ key, sizeof(key) },
		    (struct bytes){ (const uint8_t *)&both, sizeof(both) },
		    mac);
	secret_wipe(key, sizeof(key));
	if (r == ERR_OK)
		*out = text_base64url(a, mac, PSEUDONYM_SIZE);
	return r;
}

static enum err
credential_make(struct arena *a, const struct uuid *account,
    const struct uuid *visit, int64_t now, struct credential *c)
{
	const char *secret = conf()->turn_secret;
	uint8_t mac[20];
	char *pseudonym;
	enum err r;

	if ((r = pseudonym_make(a, account, visit, &pseudonym)) != ERR_OK)
		return r;
	c->username = arena_format(
	    a, "%" PRId64 ":%s", now + conf()->turn_seconds, pseudonym);
	r = crypto_hmac_sha1(
	    (struct bytes){ (const uint8_t *)secret, strlen(secret) },
	    (struct bytes){ (const uint8_t *)c->username, strlen(c->username) },
	    mac);
	if (r == ERR_OK)
		c->password = text_base64(a, mac, sizeof(mac));
	return r;
}

static json_t *
server_json(const char *url, const struct credential *c)
{
	if (strncmp(url, "stun", 4) == 0)
		return json_pack("{s:[s]}", "urls", url);
	if (c->password == NULL)
		return NULL;
	return json_pack("{s:[s], s:s, s:s}", "urls", url, "username",
	    c->username, "credential", c->password);
}

json_t *
ice_servers_for(
    const struct uuid *account, const struct uuid *visit, int64_t now)
{
	struct arena *a = arena_new();
	struct credential c = { NULL, NULL };
	json_t *servers = json_array(), *server;
	char *urls = arena_text(a, conf()->turn_urls), *rest = NULL, *url;

	if (conf()->turn_secret != NULL && *conf()->turn_secret != '\0' &&
	    credential_make(a, account, visit, now, &c) != ERR_OK)
		log_error("turn_credential_failed");
	for (url = strtok_r(urls, " ", &rest); url != NULL;
	     url = strtok_r(NULL, " ", &rest))
		if ((server = server_json(url, &c)) != NULL)
			json_array_append_new(servers, server);
	arena_free(a);
	return servers;
}
