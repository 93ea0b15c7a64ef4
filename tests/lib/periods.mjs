// The periods of the jobs' clock (src/tables/jobs.def): each ends with an hour.
import { setTimeout as sleep } from 'node:timers/promises';

/** Until an hour has begun, if one is about to end: what counts the runs of a period is to be of one. */
export async function earlyInThePeriod() {
  while (Date.now() % 3600e3 > 3600e3 - 150e3) await sleep(1000);
}
