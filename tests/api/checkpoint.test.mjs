// A checkpoint of the log leaves once a day: by mail to whom the clinic names, and
// into a folder; and `epionectl audit verify` believes it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startClinic } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';
import { earlyInThePeriod } from '../lib/periods.mjs';

const address = 'records@auditor.example';
let clinic, box, folder, admin, own;

const until = async (what, condition) => {
  for (const end = Date.now() + 120_000; ; await sleep(100)) {
    const got = await condition();
    if (got) return got;
    assert.ok(Date.now() < end, what);
  }
};
const policy = async (changes) => admin.patch('/v1/clinic/policy', changes, { 'if-match': (await admin.get('/v1/clinic/policy')).headers.etag });
const verify = async (note) => {
  const file = path.join(clinic.dir, 'kept.txt');
  writeFileSync(file, note);
  return clinic.ctl('audit', 'verify', '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner'), '--checkpoint', file);
};
/** How often the log said that one was not kept. */
const said = () => [...clinic.jobs].map((j) => j.log).join('').split('checkpoint_not_kept').length;
/** What is to be done of a day is done once: as if it were tomorrow's. */
const again = () => clinic.sql(`DELETE FROM job WHERE kind = 'checkpoint.send'; INSERT INTO job (clinic_id, id, kind, key, run_at)
  VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'checkpoint.watch', gen_random_uuid()::text, now()); SELECT pg_notify('epione_job', '')`);

before(async () => {
  box = await startMailbox();
  folder = mkdtempSync(path.join(os.tmpdir(), 'epione-checkpoints-'));
  chmodSync(folder, 0o777);
  mkdirSync(path.join(folder, 'kept'), { mode: 0o777 });
  chmodSync(path.join(folder, 'kept'), 0o777);
  clinic = await startClinic({ mail: box.settings, jobs: `${box.jobs}checkpoint_folder ${path.join(folder, 'kept')}\n` });
  admin = await clinic.signIn(clinic.people.admin);
  [{ own }] = await clinic.sql(`SELECT clinic_id AS own FROM account WHERE id = :'id'`, { id: await clinic.accountId(clinic.people.admin) });
  await clinic.operator('clinic', 'add', '--name', 'Elsewhere');
});
after(async () => {
  admin?.close();
  await clinic?.stop();
  await box?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('an administrator names the address, and takes it back', async () => {
  for (const wrong of ['nobody', 'a@b@c', '<x@y.example>', 7, '']) {
    const r = await policy({ checkpoint_mail: wrong });
    assert.deepEqual([r.status, r.body.code, r.body.field], [422, 'invalid_field', 'checkpoint_mail'], String(wrong));
  }
  assert.equal((await admin.get('/v1/clinic/policy')).body.checkpoint_mail, null);
  assert.equal((await policy({ checkpoint_mail: address })).body.checkpoint_mail, address);
  assert.equal((await policy({ session_hours: 11 })).body.checkpoint_mail, address, 'what is not named stays');
  assert.equal((await policy({ checkpoint_mail: null })).body.checkpoint_mail, null);
  assert.equal((await policy({ checkpoint_mail: address })).status, 200);
});

//= AU-04: kept outside, it shows what is cut off later
test('a checkpoint goes by mail and into the folder, once a day, and is believed', async () => {
  await clinic.startJobs();
  await until('nothing is sealed', async () => (await clinic.sql(`SELECT note FROM audit_tree WHERE clinic_id = :'own' AND note IS NOT NULL`, { own })).length);
  await again();
  // of the day that begins now: asked for each clinic, and all of it done
  await until('not all is done', async () => (await clinic.sql(`SELECT count(*) FILTER (WHERE kind = 'checkpoint.send') AS sent, count(*) FILTER (WHERE state <> 'done') AS left FROM job WHERE kind LIKE 'checkpoint.%'`))
    .every((j) => j.sent === '2' && j.left === '0'));
  const { to, mail } = await until('no mail', () => box.messages.find((m) => /Checkpoint/.test(m.mail.subject)));
  assert.deepEqual(to, [address]);
  const [note] = mail.text.replaceAll('\r\n', '\n').match(/^\S+\/audit\/[0-9a-f-]{36}\n\d+\n\S+\n\n— .*\n/m);
  assert.ok(note.startsWith(`localhost`) && note.includes(own), note);
  assert.ok(mail.html.includes('<pre>'), 'its lines stay lines');
  await verify(note);
  // both clinics' in the folder, each whole
  const files = await until('no file', () => {
    const all = readdirSync(path.join(folder, 'kept'));
    return all.some((f) => f.includes(own)) && all;
  });
  const file = files.find((f) => f.includes(own));
  assert.ok(/^\d{4}-\d\d-\d\d-/.test(file) && Math.abs(Date.parse(file.slice(0, 10)) - Date.now()) < 2 * 864e5 && file.endsWith(`-${own}.txt`), file);
  const kept = readFileSync(path.join(folder, 'kept', file), 'utf8');
  await verify(kept);
  assert.ok(readdirSync(path.join(folder, 'kept')).every((f) => f.endsWith('.txt')), 'no part is left');
  await until('no event', async () => (await clinic.audit(`event = 'audit.checkpoint_sent' AND outcome = 'ok' AND clinic_id = '${own}'`)).length);
  // asked for again on that day there is no other
  const [{ n }] = await clinic.sql(`SELECT checkpoints_due(true) AS n`);
  assert.equal(n, '0');
  // and whoever cuts the log is found by it
  await clinic.sql(`DELETE FROM audit_log WHERE clinic_id = :'own' AND seq > (SELECT min(seq) + 2 FROM audit_log WHERE clinic_id = :'own')`, { own });
  await assert.rejects(verify(note), /removed|cut off|shorter/);
});

test('what stands in the way of a checkpoint in the folder is not written through', async () => {
  await earlyInThePeriod(); // the file is named after its day
  const kept = path.join(folder, 'kept'), day = new Date().toISOString().slice(0, 10);
  const elsewhere = path.join(folder, 'elsewhere'), file = path.join(kept, `${day}-${own}.txt`);
  writeFileSync(elsewhere, 'not ours', { mode: 0o666 });
  chmodSync(elsewhere, 0o666);
  rmSync(file, { force: true });
  symlinkSync(elsewhere, `${file}.part`);
  await again();
  await until('no file', () => existsSync(file));
  assert.ok(!lstatSync(file).isSymbolicLink());
  assert.ok(readFileSync(file, 'utf8').includes(own));
  assert.equal(readFileSync(elsewhere, 'utf8'), 'not ours');
});

test('of a disk that is full nothing is half written, and the job is tried again', async () => {
  const kept = path.join(folder, 'kept'), { pid } = [...clinic.jobs][0], before = said();
  for (const f of readdirSync(kept)) rmSync(path.join(kept, f));
  const limit = (bytes) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  limit(100); // a write that meets it takes as much as fits
  await again();
  // ours was tried and failed, and none is being tried
  const failed = await until('it did not fail', async () => {
    const jobs = await clinic.sql(`SELECT clinic_id, state, error_code FROM job WHERE kind = 'checkpoint.send'`);
    return jobs.every((j) => j.state !== 'running') && jobs.find((j) => j.clinic_id === own && j.error_code !== '');
  });
  assert.deepEqual([failed.state, failed.error_code], ['waiting', 'internal']);
  assert.deepEqual(readdirSync(kept), []);
  await until('it is not said', () => said() > before);
  limit('unlimited');
  await clinic.sql(`UPDATE job SET run_at = now() WHERE kind = 'checkpoint.send' AND state = 'waiting'; SELECT pg_notify('epione_job', '')`);
  await until('it is not kept', () => readdirSync(kept).some((f) => f.endsWith('.txt')));
});

test('a folder that cannot be written is a job that is tried again, and says so in the log', async () => {
  const kept = path.join(folder, 'kept'), before = said();
  rmSync(kept, { recursive: true });
  writeFileSync(kept, 'a file where the folder was');
  await again();
  const [job] = await until('it did not fail', async () => {
    const jobs = await clinic.sql(`SELECT state, attempts, error_code FROM job WHERE kind = 'checkpoint.send' AND clinic_id = :'own' AND attempts > 0 AND error_code IS NOT NULL`, { own });
    return jobs.length && jobs;
  });
  assert.deepEqual([job.state, job.error_code], ['waiting', 'internal']);
  await until('it is not said', () => said() > before);
  assert.equal(readFileSync(kept, 'utf8'), 'a file where the folder was');
});
