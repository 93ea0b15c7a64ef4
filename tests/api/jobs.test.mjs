// What is done without a request: sweeps and mail, by epione-jobs beside the server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';

let clinic, jobs;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look, ms = 30000) => {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-2000)}`);
  }
};
const count = async (text) => Number((await clinic.sql(`SELECT count(*) AS n FROM ${text}`))[0].n);

before(async () => {
  clinic = await startClinic();
});
after(() => clinic?.stop());

test('the sweeps run by themselves, once a period, and leave what is somebody\'s', async () => {
  await clinic.sql(`
    INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at, seen_at, idle_s, expires_at, ended_at)
    SELECT clinic_id, gen_random_uuid(), id, sha256(n::text::bytea), 'api', '127.0.0.1', now() - interval '40 days', now() - interval '40 days', 60, now() - make_interval(days => n % 60), now()
      FROM account, generate_series(1, 3000) n WHERE role = 'admin';
    INSERT INTO invitation (clinic_id, hash, account_id, expires_at)
    SELECT clinic_id, sha256(n::text::bytea), id, now() - make_interval(days => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO idempotency (clinic_id, actor_id, operation, key_hash, request_hash, created_at)
    SELECT clinic_id, id, 'x', sha256(n::text::bytea), sha256(''), now() - make_interval(hours => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO attempt_stranger SELECT substr(sha256(n::text::bytea), 1, 8), 1, NULL, now() - make_interval(hours => n) FROM generate_series(1, 60) n;
    INSERT INTO attempt (clinic_id, account_id, factor, failures) SELECT clinic_id, id, 'totp', 3 FROM account WHERE role = 'admin'
      ON CONFLICT (clinic_id, account_id, factor) DO UPDATE SET failures = 3;
    INSERT INTO job (clinic_id, id, kind, key, state, run_at, ended_at) SELECT clinic_id, gen_random_uuid(), 'mail.send', n::text, 'done', now(), now() - make_interval(days => n) FROM account, generate_series(1, 60) n WHERE role = 'admin'`);
  jobs = await clinic.startJobs();
  await until('all kinds done', async () => (await count(`job WHERE kind LIKE 'sweep.%' AND state = 'done'`)) === 6);
  assert.equal(await count(`session WHERE expires_at < now() - interval '30 days'`), 0);
  assert.equal(await count(`session WHERE expires_at < now()`), 1500 + 50 - 50, 'the younger ones stay');
  assert.equal(await count('invitation WHERE expires_at < now()'), 29);
  assert.equal(await count(`idempotency WHERE operation = 'x'`), 24);
  assert.equal(await count('attempt_stranger'), 23);
  assert.equal(await count('attempt WHERE failures = 0'), 0);
  assert.equal(await count('attempt WHERE failures = 3'), 1);
  assert.equal(await count(`job WHERE kind = 'mail.send'`), 29);
  const [event] = await clinic.sql(`SELECT DISTINCT event, outcome, actor_role, actor_id, clinic_id FROM audit WHERE operation LIKE 'sweep%'`);
  assert.deepEqual(event, { event: 'sweep.done', outcome: 'ok', actor_role: 'system', actor_id: '', clinic_id: '00000000-0000-0000-0000-000000000000' });
  assert.equal((await jobs.kill()).code, 0);
  const again = await clinic.startJobs();
  await sleep(500);
  assert.equal(await count(`job WHERE kind LIKE 'sweep.%'`), 6, 'the period has had its run');
  assert.equal((await again.kill()).code, 0);
});
