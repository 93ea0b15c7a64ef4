// Keys turn while people work: by the operator's word or by their age, whatever dies.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';
import { Keys } from '../lib/keys.mjs';
import { runUntil } from '../lib/killed.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';

let clinic, jobs;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look, ms = 120000) => {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-2000)}`);
  }
};
const count = async (text) => Number((await clinic.sql(`SELECT count(*) AS n FROM ${text}`))[0].n);
const becomes = (id, wanted) => until(`${id} ${wanted}`, async () => (await clinic.sql(`SELECT state FROM job WHERE id = :'id'`, { id }))[0]?.state === wanted);

before(async () => { clinic = await startClinic(); });
after(() => clinic?.stop());

//= EN-07: new class keys while people work, whatever dies; what is needed stays
test('class keys turn, and the record keys are brought under the newest', async (t) => {
  const keys = new Keys(clinic), desk = await clinic.signIn(clinic.people.scheduler), officer = await clinic.signIn(clinic.people.compliance);
  const taken = async (family_name) => {
    const r = await desk.create('/v1/patients', { family_name, given_name: 'Turn', birth_date: '1980-01-01', sex: 'female' });
    assert.equal(r.status, 201, r.text);
    return r.body.id;
  };
  const versions = async (kind) => (await clinic.sql(`SELECT class_version AS v, count(*) AS n FROM record_key WHERE class = :'kind' GROUP BY 1 ORDER BY 1`, { kind })).map((k) => [Number(k.v), Number(k.n)]);
  const listed = async (kind) => {
    const r = await officer.get('/v1/keys');
    assert.equal(r.status, 200, r.text);
    return r.body.items.filter((k) => k.class === kind);
  };
  const refused = (...args) => clinic.operator(...args).then(() => assert.fail('it was done'), (e) => e.stderr);
  const readable = async (id, name) => assert.equal((await desk.get(`/v1/patients/${id}`)).body.family_name, name);
  const old = await taken('Before'), all = await count(`record_key WHERE class = 'patient'`);

  assert.match(await refused('key', 'retire', '1'), /version 1 is the newest of class patient/);
  assert.match(await refused('key', 'rotate', '--class', 'index'), /no class of this name can be turned/);
  assert.match(await clinic.operator('key', 'rotate'), /^\S+ +patient +version 2\n\S+ +account +version 2\n\S+ +job +version 2\n\S+ +incident +version 2$/);
  const young = await taken('After');
  assert.deepEqual(await versions('patient'), [[1, all], [2, 1]], 'what is new is under the new key at once');
  assert.match(await refused('key', 'retire', '--class', 'patient', '1'), new RegExp(`^epionectl: ${all} record keys are wrapped under version 1 of class patient`, 'm'));
  assert.match(await clinic.operator('key', 'status'), /patient +2 .* newest\n|patient +1 .* old: its records are brought under the newest/);
  const before = await listed('patient');
  assert.deepEqual(before.map((k) => [k.version, k.state, k.rows_old]), [[2, 'newest', 0], [1, 'old', all]]);
  assert.equal(Date.parse(before[0].due_at) - Date.parse(before[0].created_at), 365 * 86400e3);

  // with each of these messages the process dies; it arrives, or it does not
  const relay = await PostgresRelay.before(clinic);
  const through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(() => relay.stop());
  clinic.writeJobs('', through);
  const [{ id: job }] = await clinic.sql(`SELECT id FROM job WHERE kind = 'key.rewrap'`);
  for (const arrives of [false, true])
    for (const where of ['record_keys_rewrap', 'COMMIT']) {
      let begun = false;
      await clinic.sql(`UPDATE job SET run_at = now(), attempts = 0 WHERE id = :'job'`, { job });
      assert.ok(await runUntil(clinic, relay, () => becomes(job, 'done'), (text) => {
        begun ||= text.includes('\0record_keys_rewrap\0');
        return begun && text.includes(where);
      }, arrives), where);
      await readable(old, 'Before');
    }
  clinic.writeJobs('', direct);
  await clinic.sql(`UPDATE job SET run_at = now(), attempts = 0 WHERE id = :'job'`, { job });
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) SELECT clinic_id, gen_random_uuid(), kind, 'another', now() FROM job WHERE id = :'job'`, { job });
  const both = await Promise.all([clinic.startJobs(), clinic.startJobs()]);
  await clinic.operator('key', 'status', '--wait');
  await until('both done', async () => (await count(`job WHERE kind = 'key.rewrap' AND state <> 'done'`)) === 0);
  for (const one of both) await one.kill();
  for (const kind of ['patient', 'account']) assert.deepEqual((await versions(kind)).map(([v]) => v), [2], kind);
  assert.equal(await keys.text('patient', old, 'family_name'), 'Before', 'the same key, wrapped as docs/KEYS.md says');
  assert.deepEqual((await listed('patient')).map((k) => [k.version, k.state]), [[2, 'newest'], [1, 'unused']]);

  assert.match(await clinic.operator('key', 'retire', '1'), /^retired: patient, version 1\nretired: account, version 1\nretired: job, version 1\nretired: incident, version 1$/);
  assert.match(await refused('key', 'retire', '1'), /there is no such version/);
  assert.deepEqual((await listed('patient')).map((k) => k.version), [2]);
  await readable(old, 'Before');
  await readable(young, 'After');
  const said = (await clinic.audit(`event LIKE 'key.r%' AND actor_role = 'operator'`)).map((e) => `${e.event} ${e.operation}`);
  assert.deepEqual(said.sort(), ['retired', 'rotated'].flatMap((e) => ['account', 'incident', 'job', 'patient'].map((c) => `key.${e} epionectl key ${e.slice(0, -1).replace(/at$/, 'ate')} ${c}`)).sort());
  assert.ok((await clinic.audit(`event = 'key.rewrapped' AND actor_role = 'system' AND outcome = 'ok'`)).length >= 3);

  // of two operators at once none overwrites the other's
  const made = (await Promise.allSettled([0, 1].map(() => clinic.operator('key', 'rotate', '--class', 'patient')))).map((r) => r.value?.match(/version (\d+)/)[1] ?? r.reason.stderr);
  assert.ok(made.every((v) => v > 2 || /somebody else turned this key/.test(v)) && new Set(made).size === 2, made.join());

  // one that does not open holds up no other, and is told of; nor can its class key go
  const broken = () => clinic.sql(`UPDATE record_key SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE subject_id = :'old'`, { old });
  await broken();
  await clinic.operator('key', 'rotate', '--class', 'account');
  jobs = await clinic.startJobs();
  await until('an end', async () => (await count(`job WHERE kind = 'key.rewrap' AND state = 'dead'`)) > 0);
  assert.deepEqual((await versions('patient')).slice(0, -1), [[2, 1]]);
  assert.equal((await versions('account')).length, 1, 'nor that of another class');
  assert.match(jobs.log, /"record_key_refused"[^\n]*"rewrap"/);
  assert.match(await refused('key', 'retire', '--class', 'patient', '2'), /1 record keys are/);
  await broken();
  const [{ id: dead }] = await clinic.sql(`SELECT id FROM job WHERE kind = 'key.rewrap' AND state = 'dead'`);
  await clinic.operator('jobs', 'retry', dead);
  await becomes(dead, 'done');
  await readable(old, 'Before');

  // and by themselves, when they are old enough
  await jobs.kill();
  const newest = (await listed('account'))[0].version;
  await clinic.sql(`UPDATE class_key SET created_at = now() - interval '366 days' WHERE class = 'account'; DELETE FROM job WHERE kind LIKE 'key.%'`);
  jobs = await clinic.startJobs();
  await until('turned', async () => (await listed('account'))[0].version === newest + 1);
  await until('brought under it', async () => (await versions('account')).every(([v]) => v === newest + 1));
  await until('counted', async () => (await listed('patient'))[0].seals > 0);
  assert.deepEqual((await clinic.audit(`event = 'key.rotated' AND actor_role = 'system'`)).map((e) => e.outcome), ['ok']);
});
