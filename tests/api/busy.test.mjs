// Sign-ins on a machine that is busy with other things: slower, and no refusal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';

const BUSY = 8; // processes for two cores, in the server's own session
const BUSY_S = 60; // and then they end by themselves
const ROUTE_MS = 30_000; // sign_in_seconds as it is shipped
let clinic;
before(async () => { clinic = await startClinic(); });
after(() => clinic?.stop());

function busy() {
  const program = `for (const end = Date.now() + ${BUSY_S * 1000}; Date.now() < end;);`;
  const all = Array.from({ length: BUSY }, () => spawn(process.execPath, ['-e', program], { stdio: 'ignore' }));
  return async () => {
    const ends = all.map((p) => p.exitCode === null && p.signalCode === null ? once(p, 'exit') : null);
    for (const p of all) p.kill('SIGKILL');
    await Promise.all(ends);
  };
}

test('sign-ins beside busy processes are answered, each within its time', async (t) => {
  const all = ['clinician', 'scheduler'].map((who) => clinic.people[who]);
  const stop = busy();
  try {
    const took = await Promise.all(all.map(async ({ role, email, password }) => {
      const client = new Client(clinic.url, { role });
      const from = performance.now();
      const r = await client.post('/v1/session', { email, password, client: 'api' });
      client.close();
      assert.equal(r.status, 200, r.text);
      return performance.now() - from;
    }));
    assert.ok(Math.max(...took) < ROUTE_MS, took.join(' '));
    t.diagnostic(`${all.length} sign-ins beside ${BUSY} busy processes: ${took.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
  } finally {
    await stop();
  }
});

test('who finds the queue full is told so at once, and when to come again', async () => {
  const full = await startClinic({ settings: 'hash_queue 1\n' }); // four in hand, of two workers
  try {
    const { email, password } = full.people.clinician;
    const signIn = async (as) => {
      const client = new Client(full.url);
      const r = await client.post('/v1/session', { email: as, password, client: 'api' });
      client.close();
      return { ...r, at: performance.now() };
    };
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => signIn(`nobody-${i}@example.org`)));
    const refused = answers.filter((r) => r.status === 503), served = answers.filter((r) => r.status === 401);
    assert.ok(refused.length > 0 && served.length > 0, answers.map((r) => r.status).join(' '));
    assert.equal(refused.length + served.length, answers.length, answers.map((r) => r.status).join(' '));
    for (const r of refused) {
      assert.equal(r.body.code, 'busy', r.text);
      const wait = Number(r.headers['retry-after']);
      assert.ok(wait >= 1 && wait < 30, `Retry-After ${wait}`);
    }
    // nobody who is refused has waited for those who are served
    assert.ok(Math.min(...refused.map((r) => r.at)) < Math.max(...served.map((r) => r.at)));
    assert.equal((await signIn(email)).status, 200, 'who comes when it is empty is served');
  } finally {
    await full.stop();
  }
});
