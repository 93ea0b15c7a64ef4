/*
 * epione: the server. Reads its settings and keys as the user who started it,
 * then hands over to Kore, which drops privileges and forks the workers.
 */
#include "base/channel.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/offload.h"
#include "base/secret.h"
#include "care/signal.h"
#include "care/store.h"
#include "data/db.h"
#include "data/keys.h"
#include "edge/assets.h"
#include "edge/health.h"
#include "edge/http.h"
#include "edge/loop.h"
#include "edge/peer.h"
#include "edge/capacity.h"
#include "edge/sandbox.h"
#include "edge/heap_trim.h"
#include "edge/ws.h"
#include "gate/limit.h"
#include "gate/reply.h"
#include "gate/stranger.h"

#include <kore/hooks.h>
#include <kore/kore.h>

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECURE_HEAP_BYTES  (4 * 1024 * 1024)
#define KEY_CHECK_PAUSE_MS 1000
#define DRAIN_SECONDS	   10 /* the unit's TimeoutStopSec is longer */

static const char no_shared_memory[] =
    "there is no memory to share between the workers";

int kore_main(int, char *[]); /* Kore's own main, renamed by the build */

static void
usage(FILE *f)
{
	fprintf(f,
	    "usage: epione --config epione.conf --kore kore.conf "
	    "[--unprivileged]\n\n"
	    "Serves the clinic. It stays in the foreground and logs to its "
	    "standard output.\n\n"
	    "  --config FILE    settings; `epionectl settings` explains each\n"
	    "  --kore FILE      the web server's own configuration\n"
	    "  --unprivileged   started by a plain user: no chroot, no change "
	    "of user\n"
	    "  --check          read the settings and keys, say what is wrong, "
	    "and stop\n"
	    "  --help           this text\n");
}

static void
fail(const char *what)
{
	fprintf(stderr, "epione: %s\n", what);
	exit(1);
}

/* Browsers speak to the store themselves. */
static void
store_prepare(void)
{
	char problem[256];
	struct arena *a = arena_new();

	if (store_check_settings(problem, sizeof(problem)) != ERR_OK)
		fail(problem);
	if (store_configured())
		reply_pages_reach(store_origin(a));
	arena_free(a);
}

/* Everything that needs files or privileges, before Kore takes both away. */
static void
prepare(const char *path)
{
	char problem[PATH_MAX + 128] = "";
	const char *reason = NULL;

	json_object_seed(0); /* not from a thread, under the sandbox */
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
	store_prepare();
	if (assets_load(conf()->assets, problem, sizeof(problem)) != ERR_OK)
		fail(problem);
	if (limit_init() != ERR_OK || offload_share() != ERR_OK ||
	    health_init((unsigned)conf()->workers) != ERR_OK ||
	    signal_share() != ERR_OK ||
	    channels_make((size_t)conf()->workers) != ERR_OK)
		fail(no_shared_memory);
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "kore", required_argument, NULL, 'k' },
		{ "unprivileged", no_argument, NULL, 'u' },
		{ "check", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char *settings = NULL, *server = NULL;
	bool unprivileged = false, check = false;
	char stay[] = "-f", plain[] = "-nr", file[] = "-c";
	char *kore_argv[8];
	int c, n = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			settings = optarg;
			break;
		case 'k':
			server = optarg;
			break;
		case 'u':
			unprivileged = true;
			break;
		case 't':
			check = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (settings == NULL || server == NULL || optind != argc) {
		usage(stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare(settings);
	if (check)
		return 0;
	kore_argv[n++] = argv[0];
	kore_argv[n++] = stay;
	if (unprivileged)
		kore_argv[n++] = plain;
	kore_argv[n++] = file;
	kore_argv[n++] = server;
	kore_argv[n] = NULL;
	optind = 1;
	return kore_main(n, kore_argv);
}

static void
log_line(enum log_level level, const char *line)
{
	(void)level;
	puts(line);
}

/* The database must belong to our root key, or nothing is served. A database
 * that is down is waited for; readyz says so meanwhile. */
static void
keys_check(void *unused)
{
	enum err r;

	(void)unused;
	while ((r = keys_verify()) != ERR_OK) {
		if (r == ERR_CRYPTO) {
			/*= EN-10: nothing is served under another key */
			log_error("root_key_wrong");
			kore_shutdown();
			return;
		}
		fiber_sleep(KEY_CHECK_PAUSE_MS);
	}
	health_ready(true);
	log_info("ready");
}

static void
worker_start(void)
{
	const struct db_options db = {
		.conninfo = conf()->database,
		.password = conf()->database_password,
		.connections = (unsigned)conf()->connections,
		.queue_max = (unsigned)conf()->queue,
		.search_connections = (unsigned)conf()->search_connections,
		.statement_timeout_ms = (unsigned)conf()->request_seconds *
		    1000,
	};

	log_sink(log_line);
	loop_kore_install();
	health_worker(worker->id - 1u); /* Kore counts from 1 */
	peer_worker(worker->id - 1u);
	loop_enter();
	if (offload_start((unsigned)conf()->hash_threads,
		(unsigned)conf()->hash_queue) != ERR_OK ||
	    db_start(&db) != ERR_OK || ws_start() != ERR_OK ||
	    fiber_start(keys_check, NULL) != ERR_OK) {
		log_error("worker_start_failed");
		exit(1);
	}
	heap_trim_start();
	loop_leave();
}

/* Told to stop: sockets go elsewhere, requests run to their ends, and what was
 * counted of them is written. */
static int
drain(void)
{
	ws_stop();
	if (http_in_progress() > 0 || ws_open() > 0)
		return 1;
	return strangers_end();
}

/* Kore has read its own configuration, and has not forked yet. */
void
kore_parent_configure(int argc, char **argv)
{
	char problem[256];

	(void)argc;
	(void)argv;
	kore_drain_seconds = DRAIN_SECONDS;
	if (capacity_check(problem, sizeof(problem)) != ERR_OK)
		fail(problem);
	if (peer_init() != ERR_OK)
		fail(no_shared_memory);
	if (sandbox_parent() != ERR_OK)
		fail("the kernel takes no seccomp filter: this server does not "
		     "run without one");
}

void
kore_worker_configure(void)
{
	http_error_hook = http_refused;
	kore_drain_hook = drain;
	worker_start();
}

void
kore_seccomp_hook(void)
{
	sandbox_extend(worker->id == KORE_WORKER_KEYMGR, conf()->database);
}
