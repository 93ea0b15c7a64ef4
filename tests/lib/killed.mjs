// A process of jobs that dies with a message to its database on the way.

/**
 * Runs one until the job is done, or it was killed with the message that `at` says
 * it dies with, which arrives or does not. `done` resolves when the job is done.
 */
export async function runUntil(clinic, relay, done, at, arrives) {
  let hit = false;
  const dies = new Promise((dead) => {
    relay.drops = (text) => {
      if (hit) return true;
      hit = at(text);
      if (hit) void Promise.all([...clinic.jobs].map((one) => one.kill('SIGKILL'))).then(dead);
      return hit && !arrives;
    };
  });
  await clinic.startJobs();
  await Promise.race([dies, done()]);
  relay.drops = () => false;
  await Promise.all([...clinic.jobs].map((one) => one.kill('SIGKILL')));
  return hit;
}

/** Has a job's process killed with each message to the database from the claim on,
 * one after the other, until it comes to its end: how often that was. */
export async function killedAtEach(clinic, relay, id, done) {
  for (let steps = 1; ; steps++) {
    let messages = 0;
    // its lease has ended, and to be killed counts as a try
    await clinic.sql(`UPDATE job SET run_at = now(), attempts = 0 WHERE id = :'id'`, { id });
    await runUntil(clinic, relay, done, (text) => {
      if (messages > 0 || text.includes('\0job_claim\0')) messages++;
      return messages === steps;
    }, false);
    if ((await clinic.sql(`SELECT state FROM job WHERE id = :'id'`, { id }))[0].state === 'done') return steps;
  }
}
