#include "jobs/post.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/letter.h"
#include "care/mail.h"
#include "jobs/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const struct letter *letter;
	size_t at;
};

static size_t
read_more(char *to, size_t size, size_t n, void *arg)
{
	struct reading *rd = arg;
	size_t left = rd->letter->n - rd->at, want = size * n;

	if (want > left)
		want = left;
	memcpy(to, rd->letter->message + rd->at, want);
	rd->at += want;
	return want;
}

static size_t
ignore(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

/* The relay's own 5xx about this message is final. A relay that refuses our
 * password, or is not the one named, is for the operator to mend. */
static enum err
outcome(CURL *e, CURLcode code)
{
	long reply = 0;

	if (code == CURLE_OK)
		return ERR_OK;
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &reply);
	log_warn(
	    "mail_not_taken", LOG_NUM("curl", code), LOG_NUM("reply", reply));
	return (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY) &&
		reply >= 500 && reply < 600
	    ? ERR_MAIL_REFUSED
	    : ERR_MAIL_DELAYED;
}

/* The name in our greeting follows the relay's in the URL. */
static void
address_set(CURL *e, struct arena *a)
{
	const char *url = conf()->smtp_url,
		   *host = strstr(conf()->origin, "//");
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	host = host == NULL ? "localhost" : host + 2;
	curl_easy_setopt(e, CURLOPT_URL,
	    arena_format(
		a, "%.*s/%.*s", (int)n, url, (int)strcspn(host, ":/"), host));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	if (*conf()->smtp_user != '\0') {
		curl_easy_setopt(e, CURLOPT_USERNAME, conf()->smtp_user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, conf()->smtp_password);
	}
}

/*= TR-25: mail leaves over TLS to a relay whose name was verified, or stays */
static enum err
carry(struct arena *a, const struct letter *letter)
{
	struct reading rd = { letter, 0 };
	struct curl_slist *to = NULL;
	CURL *e = client_new(conf()->smtp_ca, conf()->smtp_seconds * 1000);
	CURLcode code;
	enum err r = ERR_INTERNAL;

	if (e == NULL)
		return r;
	to = curl_slist_append(NULL, arena_format(a, "<%s>", letter->to));
	if (to == NULL)
		goto out;
	address_set(e, a);
	curl_easy_setopt(
	    e, CURLOPT_MAIL_FROM, arena_format(a, "<%s>", letter->from));
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, read_more);
	curl_easy_setopt(e, CURLOPT_READDATA, &rd);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore);
	if ((r = client_run(e, &code)) == ERR_OK)
		r = outcome(e, code);
out:
	curl_slist_free_all(to);
	curl_easy_cleanup(e);
	return r;
}

enum err
post_start(char *problem, size_t n)
{
	const char *url = conf()->smtp_url;

	if (*url == '\0')
		return ERR_OK;
	if (strncmp(url, "smtps://", 8) != 0 &&
	    strncmp(url, "smtp://", 7) != 0) {
		snprintf(
		    problem, n, "smtp_url begins with smtps:// or smtp://");
		return ERR_INVALID_FIELD;
	}
	if (!mail_configured()) {
		snprintf(problem, n,
		    "smtp_from is not set: the address that mail comes from");
		return ERR_INVALID_FIELD;
	}
	letter_carrier(carry);
	return ERR_OK;
}
