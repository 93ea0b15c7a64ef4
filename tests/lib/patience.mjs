// How long is too long depends on what else the machine does: a bound that
// tells quick from never is stretched by the work that waits for each core.
import os from 'node:os';

// mutate.mjs, whose tests have to fail, waits less for what never comes
const most = Number(process.env.EPIONE_PATIENCE ?? Infinity);

/** So many milliseconds, as a quiet machine has them. */
export const patient = (ms) => Math.ceil(ms * Math.min(most, Math.max(1, 1.5 * os.loadavg()[0] / os.cpus().length)));
