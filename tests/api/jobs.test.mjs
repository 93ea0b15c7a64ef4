// What is done without a request: sweeps and mail, by epione-jobs beside the server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';
import { killedAtEach, runUntil } from '../lib/killed.mjs';
import { earlyInThePeriod } from '../lib/periods.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';

let clinic, jobs, box;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look, ms = 120_000) => {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-2000)}`);
  }
};
const count = async (text) => Number((await clinic.sql(`SELECT count(*) AS n FROM ${text}`))[0].n);

before(async () => {
  box = await startMailbox();
  clinic = await startClinic({ mail: box.settings, jobs: box.jobs });
});
after(async () => {
  await clinic?.stop();
  await box?.close();
});

test('the sweeps run by themselves, once a period, and leave what is somebody\'s', async () => {
  await earlyInThePeriod();
  await clinic.sql(`
    INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at, seen_at, idle_s, expires_at, ended_at)
    SELECT clinic_id, gen_random_uuid(), id, sha256(n::text::bytea), 'api', '127.0.0.1', now() - interval '40 days', now() - interval '40 days', 60, now() - make_interval(days => n % 60), now()
      FROM account, generate_series(1, 3000) n WHERE role = 'admin';
    INSERT INTO invitation (clinic_id, id, hash, account_id, expires_at)
    SELECT clinic_id, gen_random_uuid(), sha256(n::text::bytea), id, now() - make_interval(days => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO idempotency (clinic_id, actor_id, operation, key_hash, request_hash, created_at)
    SELECT clinic_id, id, 'x', sha256(n::text::bytea), sha256(''), now() - make_interval(hours => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO attempt_stranger SELECT substr(sha256(n::text::bytea), 1, 10), 1, NULL, now() - make_interval(days => n) FROM generate_series(1, 60) n;
    INSERT INTO known_source (clinic_id, account_id, kind, token, seen_at) SELECT clinic_id, id, 'device', sha256(n::text::bytea), now() - make_interval(days => n) FROM account, generate_series(31, 130) n WHERE role = 'admin';
    INSERT INTO attempt (clinic_id, account_id, factor, source, failures, tried_at) SELECT clinic_id, id, 'recovery', gen_random_uuid(), n, now() - make_interval(days => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO attempt (clinic_id, account_id, factor, failures, tried_at) SELECT clinic_id, id, 'recovery', 100, now() - interval '60 days' FROM account WHERE role = 'admin';
    INSERT INTO attempt (clinic_id, account_id, factor, failures) SELECT clinic_id, id, 'totp', 3 FROM account WHERE role = 'admin'
      ON CONFLICT (clinic_id, account_id, factor, source) DO UPDATE SET failures = 3;
    INSERT INTO job (clinic_id, id, kind, key, state, run_at, ended_at) SELECT clinic_id, gen_random_uuid(), 'mail.send', n::text, 'done', now(), now() - make_interval(days => n) FROM account, generate_series(1, 60) n WHERE role = 'admin';
    INSERT INTO audit_background (clinic_id, hour, what, first_seq, first_at, more, last_at, request_id)
    SELECT clinic_id, audit_hour(at) - interval '1 hour', sha256(''), seq, at, 7, at, request_id FROM audit_log WHERE clinic_id IN (SELECT id FROM clinic) ORDER BY seq LIMIT 1`);
  jobs = await clinic.startJobs();
  await until('the reads of an hour that is over are an event', async () => (await count('audit_background')) === 0);
  assert.equal(await count('audit_log WHERE count = 7'), 1);
  await until('all kinds done', async () => (await count(`job WHERE kind LIKE 'sweep.%' AND state = 'done'`)) === 7);
  assert.equal(await count(`session WHERE expires_at < now() - interval '30 days'`), 0);
  assert.equal(await count(`session WHERE expires_at < now()`), 1500 + 50 - 50, 'the younger ones stay');
  assert.equal(await count('invitation WHERE expires_at < now()'), 29);
  assert.equal(await count(`idempotency WHERE operation = 'x'`), 24);
  assert.equal(await count('attempt_stranger'), 29);
  assert.equal(await count('attempt WHERE failures = 0'), 0);
  assert.equal(await count(`attempt WHERE factor = 'totp' AND failures = 3`), 1);
  assert.equal(await count(`attempt WHERE factor = 'recovery' AND failures < 100`), 29);
  assert.equal(await count('attempt WHERE failures = 100'), 1, 'what stopped stays so');
  assert.equal(await count(`known_source WHERE kind = 'device'`), 59);
  assert.equal(await count(`job WHERE kind = 'mail.send'`), 29);
  const [event] = await clinic.sql(`SELECT DISTINCT event, outcome, actor_role, actor_id, clinic_id FROM audit WHERE operation LIKE 'sweep%'`);
  assert.deepEqual(event, { event: 'sweep.done', outcome: 'ok', actor_role: 'system', actor_id: '', clinic_id: '00000000-0000-0000-0000-000000000000' });
  assert.equal((await jobs.kill()).code, 0);
  const again = await clinic.startJobs();
  await sleep(500);
  assert.equal(await count(`job WHERE kind LIKE 'sweep.%'`), 7, 'the period has had its run');
  assert.equal((await again.kill()).code, 0);
});

const state = async (id) => (await clinic.sql(`SELECT state, attempts, error_code, lease, payload IS NOT NULL AS sealed, run_at > now() AS later FROM job WHERE id = :'id'`, { id }))[0];
const becomes = (id, wanted, ms) => until(`${id} ${wanted}`, async () => { const j = await state(id); return j?.state === wanted && j; }, ms);
const ask = (person = clinic.people.admin) => clinic.operator('mail', 'test', '--email', person.email);
const dueNow = (id) => clinic.sql(`UPDATE job SET run_at = now() WHERE id = :'id'; NOTIFY epione_job`, { id });
const keys = (id) => count(`record_key WHERE subject_id = '${id}'`);

//= TR-26: no PHI in what is sent
test('mail: a message of two parts, in the clinic\'s name, over TLS, once; then nothing of it is kept', async () => {
  const id = await ask();
  const waiting = await state(id);
  assert.deepEqual([waiting.state, waiting.sealed, await keys(id)], ['waiting', 't', 1]);
  jobs = await clinic.startJobs();
  assert.deepEqual(await becomes(id, 'done'), { state: 'done', attempts: '1', error_code: '', lease: '', sealed: 'f', later: 'f' });
  assert.equal(await keys(id), 0);
  assert.equal(box.messages.length, 1);
  const [m] = box.messages;
  assert.deepEqual([m.secure, m.from, m.to], [true, 'no-reply@clinic.example', [clinic.people.admin.email]]);
  assert.deepEqual([m.mail.subject, m.mail.from.value[0].name, m.mail.messageId], ['Mail from Harbor Family Clinic works', 'Harbor Family Clinic', `<${id}@clinic.example>`]);
  assert.match(m.mail.text, /Harbor Family Clinic can send mail to this address\./);
  assert.match(m.mail.html, /<html lang="en">[^]*<p>This is a test\. Harbor/);
  assert.equal(m.mail.headers.get('auto-submitted'), 'auto-generated');
  assert.ok(Math.abs(m.mail.date - Date.now()) < 120e3);
  assert.deepEqual(await clinic.sql(`SELECT event, outcome, actor_role, record_id, request_id IS NOT NULL AS request FROM audit WHERE operation = 'mail_send'`),
    [{ event: 'mail.sent', outcome: 'ok', actor_role: 'system', record_id: await clinic.accountId(clinic.people.admin), request: 't' }]);
});

test('a refusal is final, is shown to an administrator, and can be tried again', async () => {
  const admin = await clinic.signIn(clinic.people.admin);
  box.refuse = () => 550;
  const id = await ask();
  const dead = await becomes(id, 'dead');
  assert.deepEqual([dead.error_code, dead.attempts, dead.sealed], ['mail_refused', '1', 't']);
  assert.deepEqual((await clinic.audit(`operation = 'mail_send' AND outcome <> 'ok'`)).map((e) => [e.event, e.outcome, e.actor_role]), [['mail.sent', 'mail_refused', 'system']]);
  const listed = await admin.get('/v1/jobs?state=dead');
  assert.equal(listed.status, 200, listed.text);
  assert.deepEqual(listed.body.items.map((j) => [j.id, j.kind, j.state, j.attempts, j.error_code]), [[id, 'mail.send', 'dead', 1, 'mail_refused']]);
  assert.doesNotMatch(listed.text, new RegExp(clinic.people.admin.email), 'no payload is shown');
  for (const other of ['clinician', 'scheduler', 'compliance', 'patient']) {
    const c = await clinic.signIn(clinic.people[other]);
    assert.equal((await c.get('/v1/jobs')).status, 404, other);
    assert.equal((await c.post(`/v1/jobs/${id}/retry`)).status, 404, other);
  }
  box.refuse = () => null;
  const again = await admin.post(`/v1/jobs/${id}/retry`);
  assert.deepEqual([again.status, again.body.state, again.body.error_code], [200, 'waiting', null], again.text);
  await becomes(id, 'done');
  assert.equal((await admin.post(`/v1/jobs/${id}/retry`)).body.code, 'wrong_status');
  assert.equal((await admin.post('/v1/jobs/00000000-0000-4000-8000-000000000000/retry')).status, 404);
  const anonymous = new Client(clinic.url);
  assert.equal((await anonymous.get('/v1/jobs')).status, 401);
  assert.equal((await anonymous.post(`/v1/jobs/${id}/retry`)).status, 401);
});

test('the operator lists, retries, pauses and resumes', async () => {
  await clinic.operator('jobs', 'pause', 'mail.send');
  const id = await ask();
  await sleep(1000);
  assert.equal((await state(id)).state, 'waiting');
  assert.match(await clinic.operator('jobs', 'list', 'waiting'), new RegExp(`^${id} mail.send +waiting +0 `, 'm'));
  await clinic.operator('jobs', 'resume');
  await becomes(id, 'done');
  await assert.rejects(clinic.operator('jobs', 'pause', 'no.such'), /no such kind/);
  await assert.rejects(clinic.operator('jobs', 'retry', id), /no dead job/);
});

//= RB-08: mail down, and the queue drains once
// What goes wrong, and what must be so afterwards: nothing lost, nothing done twice.
const faults = {
  'the relay is away': {
    during: async (id) => {
      const { port, dir } = box;
      await box.close(true);
      await ask().then((i) => { id.value = i; });
      const j = await until('a failed try', async () => { const seen = await state(id.value); return seen.error_code === 'mail_delayed' && seen; });
      assert.deepEqual([j.state, j.attempts, j.later, j.sealed], ['waiting', '1', 't', 't'], 'later, and not lost');
      box = await startMailbox({ port, dir });
      await dueNow(id.value);
    },
  },
  'the relay says to come back (451)': {
    during: async (id) => {
      let tries = 0;
      box.refuse = () => (tries++ === 0 ? 451 : null);
      id.value = await ask();
      await until('a failed try', async () => (await state(id.value)).error_code === 'mail_delayed');
      await dueNow(id.value);
    },
  },
  'killed while it hands over': {
    during: async (id) => {
      let go;
      const held = new Promise((done) => { box.before = () => { done(); return new Promise((r) => { go = r; }); }; });
      id.value = await ask();
      await held;
      await jobs.kill('SIGKILL');
      box.before = null;
      go(); // the relay has it by now: the process could not say so
      assert.equal((await state(id.value)).state, 'running');
      jobs = await clinic.startJobs();
      await sleep(500);
      assert.equal((await state(id.value)).state, 'running', 'the lease holds');
      await dueNow(id.value); // and ends
    },
    mayRepeat: true,
  },
  'killed with a lease and nothing done': {
    during: async (id) => {
      await jobs.kill();
      id.value = await ask();
      await clinic.sql(`UPDATE job SET state = 'running', lease = gen_random_uuid(), attempts = 1, run_at = now() WHERE id = :'id'`, { id: id.value });
      jobs = await clinic.startJobs();
    },
  },
  'taken by another meanwhile': {
    during: async (id) => {
      let go;
      const held = new Promise((done) => { box.before = () => { done(); box.before = null; return new Promise((r) => { go = r; }); }; });
      id.value = await ask();
      await held;
      await clinic.sql(`UPDATE job SET lease = gen_random_uuid() WHERE id = :'id'`, { id: id.value });
      const said = jobs.log.length;
      go();
      await until('told', () => /"job_lost"/.test(jobs.log.slice(said)));
      assert.equal((await state(id.value)).state, 'running', 'only its holder ends it');
      await dueNow(id.value);
    },
    mayRepeat: true,
  },
  'the database is away when it is done': {
    during: async (id) => {
      let go;
      const held = new Promise((done) => { box.before = () => { done(); box.before = null; return new Promise((r) => { go = r; }); }; });
      id.value = await ask();
      await held;
      await clinic.database('stop');
      const said = jobs.log.length;
      go();
      await until('failed', () => /"job_(failed|lost|dead)"/.test(jobs.log.slice(said)));
      await clinic.database('start');
      await until('connected', async () => { try { return await state(id.value); } catch { return null; } });
      await dueNow(id.value);
    },
    mayRepeat: true,
  },
  'the connection that listens is gone': {
    during: async (id) => {
      await clinic.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'epione listener' AND usename = 'epione_jobs'`);
      id.value = await ask();
    },
  },
};
for (const [name, fault] of Object.entries(faults))
  test(`fault: ${name}`, async () => {
    const id = {};
    await fault.during(id);
    await becomes(id.value, 'done', 60000);
    box.refuse = () => null;
    box.before = null;
    const mine = box.messages.filter((m) => m.mail.messageId.includes(id.value));
    assert.ok(mine.length >= 1 || fault.mayRepeat, 'not lost');
    if (!fault.mayRepeat) assert.equal(mine.length, 1, 'not twice');
    assert.ok(new Set(mine.map((m) => m.mail.messageId)).size <= 1, 'one Message-ID, however often');
    assert.equal(await keys(id.value), 0);
    assert.equal((await clinic.audit(`operation = 'mail_send' AND outcome = 'ok'`)).length, await count(`job WHERE kind = 'mail.send' AND state = 'done' AND key = id::text`), 'one row of each success');
  });

test('killed at each step from the claim to the end: nothing is lost, and what is done is noted once', async (t) => {
  const relay = await PostgresRelay.before(clinic);
  const through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(() => relay.stop());
  await jobs?.kill();
  clinic.writeJobs(box.jobs, through);
  const noted = async () => (await clinic.audit(`operation = 'mail_send' AND outcome = 'ok'`)).length;
  const before = await noted();
  const copies = (id) => box.messages.filter((m) => m.mail.messageId.includes(id));
  const id = await ask();
  const steps = await killedAtEach(clinic, relay, id, () => becomes(id, 'done', 60000));

  assert.ok(steps > 4, `${steps} steps`);
  assert.ok(copies(id).length >= 1 && new Set(copies(id).map((m) => m.mail.messageId)).size === 1);
  assert.deepEqual([await keys(id), await noted()], [0, before + 1]);

  // what ended it arrived, and its process never knew
  const other = await ask();
  let ending = false;
  assert.ok(await runUntil(clinic, relay, () => becomes(other, 'done', 60000), (text) => {
    ending ||= text.includes('\0job_done\0');
    return ending && text.includes('COMMIT');
  }, true));
  await becomes(other, 'done');
  clinic.writeJobs(box.jobs, direct);
  jobs = await clinic.startJobs();
  await becomes(await ask(), 'done');
  assert.deepEqual([copies(other).length, await keys(other), await noted()], [1, 0, before + 3]);
});

test('two processes share the work, and each job is done once', async () => {
  const second = await clinic.startJobs();
  const seen = box.messages.length;
  const ids = [];
  for (let i = 0; i < 6; i++) ids.push(await ask());
  for (const id of ids) await becomes(id, 'done');
  assert.equal(box.messages.length, seen + 6);
  assert.equal(new Set(box.messages.slice(seen).map((m) => m.mail.messageId)).size, 6);
  await second.kill();
});

test('the clock goes back: a period that had its run has no second', async () => {
  await earlyInThePeriod();
  await jobs?.kill();
  const before = await count(`job WHERE kind LIKE 'sweep.%'`);
  // as if each run was of a period that lies ahead; so far that none meets the key of another
  await clinic.sql(`UPDATE job SET key = lpad((key::bigint + 1000)::text, 12, '0') WHERE kind LIKE 'sweep.%'`);
  jobs = await clinic.startJobs();
  await sleep(1000);
  assert.equal(await count(`job WHERE kind LIKE 'sweep.%'`), before);
});

//= TR-25: outbound, wrong name or no TLS fails closed
test('a relay under another name, or without TLS, gets nothing', async () => {
  for (const [what, how] of [['name', { certificateFor: 'elsewhere.example' }], ['no STARTTLS', { secure: false, starttls: false }]]) {
    const bad = await startMailbox(how);
    await jobs?.kill();
    clinic.writeJobs(bad.jobs);
    jobs = await clinic.startJobs();
    const id = await ask();
    await until('a failed try', async () => (await state(id)).error_code === 'mail_delayed');
    assert.equal(bad.messages.length, 0, what);
    await clinic.sql(`DELETE FROM job WHERE id = :'id'`, { id });
    await bad.close();
  }
  const good = await startMailbox({ secure: false });
  await jobs.kill();
  clinic.writeJobs(good.jobs);
  jobs = await clinic.startJobs();
  await becomes(await ask(), 'done');
  assert.deepEqual([good.messages.length, good.messages[0].secure], [1, true], 'by STARTTLS');
  await good.close();
});

//= EN-11
test('the roles: what the server wrote it cannot read back, and jobs see no patient', async () => {
  const as = (role, text) => clinic.sql(`SET ROLE ${role}; SET epione.clinic = '${clinicId}'; ${text}`);
  const clinicId = (await clinic.sql('SELECT id FROM clinic'))[0].id;
  await assert.rejects(as('epione_server', 'SELECT payload FROM job'), /permission denied/);
  await assert.rejects(as('epione_server', 'DELETE FROM job'), /permission denied/);
  await as('epione_server', `UPDATE job SET state = 'waiting' WHERE state = 'done'`);
  assert.ok((await count(`job WHERE state = 'done'`)) > 5, 'done stays done');
  for (const table of ['patient', 'account', 'session', 'visit', 'audit'])
    await assert.rejects(as('epione_jobs', `SELECT * FROM ${table}`), /permission denied/, table);
  await as('epione_jobs', `DELETE FROM record_key`);
  assert.ok((await count(`record_key WHERE class = 'account'`)) > 5, 'no key but a job\'s');
});
