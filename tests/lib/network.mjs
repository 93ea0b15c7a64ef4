// A network of a test's own, in which it can do what others must not notice.
import { spawnSync } from 'node:child_process';

/** Why a test cannot have one, or false. */
export const noNetwork = process.getuid?.() === 0 ? false : 'root alone makes networks';

/** The whole of this test file runs in a network of its own, with nothing in it but
 * its own loopback: goes on there, and comes back here no more. */
export function inOwnNetwork() {
  if (noNetwork || process.env.EPIONE_NETWORK) return;
  const { status } = spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, EPIONE_NETWORK: 'own' } });
  process.exit(status ?? 1);
}
