// How long is too long depends on what else the machine does: a bound that
// tells quick from never is stretched by the work that waits for each core.
import { readFileSync } from 'node:fs';
import os from 'node:os';

// mutate.mjs, whose tests have to fail, waits less for what never comes
const most = Number(process.env.EPIONE_PATIENCE ?? Infinity);
/** What has to come is waited for so long at least: only a test that fails waits for all of it. */
const COMES_MS = most === Infinity ? 90_000 : 0;

/** The share of the last ten seconds in which somebody waited for a core; 0 where the kernel does not tell. */
function pressure() {
  try {
    return Number(/^some avg10=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1] ?? 0) / 100;
  } catch {
    return 0;
  }
}

/** How many times as long as alone this process takes for what it does, 20 at most: it waits for a core, or for its
 * group's next share of them, which neither load nor pressure tells. */
function slowed() {
  const [ran, waited] = readFileSync('/proc/self/schedstat', 'latin1').split(' ').map(Number);
  return Math.min(20, 1 + waited / ran);
}

/** How much longer all takes than on a quiet machine. */
const crowd = () => Math.max(1, 1.5 * os.loadavg()[0] / os.cpus().length, 1 / Math.max(0.05, 1 - pressure()), slowed());

/** So many milliseconds, as a quiet machine has them. */
export const patient = (ms) => Math.ceil(ms * Math.min(most, crowd()));

/** For what has to come, where nothing is said of how soon: what never comes alone is waited for so long. */
export const coming = (ms) => Math.max(patient(ms), most === Infinity ? 8 * ms : 0);

/**
 * Begins to wait: whether it is too late by now, as the machine is by now.
 * @param {number} [ms] a bound that is to be kept; without one it has to come at all
 */
export function patience(ms) {
  const began = Date.now();
  return () => Date.now() - began > (ms === undefined ? Math.max(COMES_MS, patient(5000)) : patient(ms));
}
