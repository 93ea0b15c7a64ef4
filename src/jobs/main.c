/* epione-jobs: work that no request waits for. No Kore, no web, one thread on a
 * poll(2) loop; the only program that talks to other systems. */
#include "base/conf.h"
#include "base/crypto.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/secret.h"
#include "data/db.h"
#include "data/keys.h"
#include "data/listen.h"
#include "jobs/client.h"
#include "jobs/metrics.h"
#include "jobs/pdf.h"
#include "jobs/post.h"
#include "jobs/queue.h"
#include "jobs/seal.h"
#include "jobs/store.h"
#include "jobs/stripe.h"

#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SECURE_HEAP_BYTES  (1024 * 1024)
#define KEY_CHECK_PAUSE_MS 1000
#define STATEMENT_MS	   15000
#define DRAIN_MS	   15000 /* the unit's TimeoutStopSec is longer */

#define DRAWERS	  1  /* threads that draw papers */
#define DRAWN_MAX 64 /* that wait for one */

static const char *const channels[] = { "epione_job", NULL };
static struct loop_watch signals;
static int status;

static void
usage(FILE *f)
{
	fprintf(f,
	    "usage: epione-jobs --config epione-jobs.conf\n\n"
	    "Sends mail, sweeps, and whatever else need not hold up a request. "
	    "It stays in the\nforeground and logs to its standard output.\n\n"
	    "  --config FILE    settings; `epionectl settings` explains each\n"
	    "  --check          read the settings and keys, say what is wrong, "
	    "and stop\n"
	    "  --help           this text\n");
}

static void
fail(const char *what)
{
	fprintf(stderr, "epione-jobs: %s\n", what);
	exit(1);
}

static void
prepare(const char *path)
{
	char problem[PATH_MAX + 128] = "";
	const char *reason = NULL;

	if (conf_read(path, problem) != ERR_OK)
		fail(problem);
	if (secret_init(SECURE_HEAP_BYTES) != ERR_OK)
		fail("the memory for keys cannot be locked: raise the limit "
		     "on locked memory (ulimit -l, LimitMEMLOCK=)");
	if (crypto_init() != ERR_OK)
		fail("libcrypto does not offer AES-256-GCM and HMAC-SHA256");
	/*= EN-10: no key, no service */
	if (keyring_root_load(conf()->root_key, &reason) != ERR_OK)
		fail(reason);
	if (post_start(problem, sizeof(problem)) != ERR_OK ||
	    store_start(problem, sizeof(problem)) != ERR_OK ||
	    stripe_start(problem, sizeof(problem)) != ERR_OK ||
	    pdf_start(problem, sizeof(problem)) != ERR_OK)
		fail(problem);
}

static void
log_line(enum log_level level, const char *line)
{
	(void)level;
	puts(line);
}

static void
told(void *arg, const char *channel, const char *payload)
{
	(void)arg;
	(void)channel;
	(void)payload;
	queue_look();
}

static void
look_anew(void *arg)
{
	(void)arg;
	queue_look();
}

static void
signalled(void *arg, short revents)
{
	struct signalfd_siginfo info;

	(void)arg;
	(void)revents;
	while (read(signals.fd, &info, sizeof(info)) == sizeof(info))
		queue_stop();
}

/* TERM and INT: those in hand are ended, nothing more is taken. A client that
 * is gone is an error of its write, not of ours. */
static void
signals_watch(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    (signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		fail("signals cannot be watched");
	signals.fn = signalled;
	signals.events = POLLIN;
	if (loop_watch(&signals) != ERR_OK)
		fail("signals cannot be watched");
}

/* The database must belong to our root key; one that is down is waited for. */
static bool
keys_check(void)
{
	enum err r;

	while ((r = keys_verify()) != ERR_OK && !queue_stopping()) {
		if (r == ERR_CRYPTO) {
			log_error("root_key_wrong");
			return false;
		}
		fiber_sleep(KEY_CHECK_PAUSE_MS);
	}
	return true;
}

static void
run(void *arg)
{
	const struct db_options db = {
		.conninfo = conf()->database,
		.password = conf()->database_password,
		.connections = (unsigned)conf()->connections,
		.queue_max = (unsigned)conf()->queue,
		.statement_timeout_ms = STATEMENT_MS,
	};
	const struct listen_options listen = {
		.conninfo = conf()->database,
		.password = conf()->database_password,
		.channels = channels,
		.heard = told,
		.began = look_anew,
	};

	(void)arg;
	status = 1;
	signals_watch();
	if (offload_start(DRAWERS, DRAWN_MAX) != ERR_OK ||
	    client_start() != ERR_OK || db_start(&db) != ERR_OK ||
	    listen_start(&listen) != ERR_OK || metrics_start() != ERR_OK) {
		log_error("jobs_start_failed");
		return;
	}
	if (keys_check() && store_sign() == ERR_OK && seal_start() == ERR_OK) {
		log_info("ready");
		queue_run(DRAIN_MS);
		status = 0;
	}
	seal_stop();
	store_sign_end();
	metrics_stop();
	listen_stop();
	db_stop();
	client_stop();
	offload_stop();
	loop_unwatch(&signals);
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = NULL;
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 0;
		}
		if (c == 'c')
			config = optarg;
		else if (c == 't')
			check = true;
		else
			break;
	}
	if (c != -1 || config == NULL || optind != argc) {
		usage(stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	json_object_seed(0);
	prepare(config);
	if (check)
		return 0;
	log_sink(log_line);
	if (loop_poll_run(run, NULL) != ERR_OK)
		return 1;
	return status;
}
