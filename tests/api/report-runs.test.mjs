// Reports as files: asked for, made by epione-jobs whatever dies meanwhile, taken by
// who asked and nobody else, and gone when their time is over.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';
import { killedAtEach, runUntil } from '../lib/killed.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';
import { eventually } from '../lib/processes.mjs';

let clinic, officer, own, staff, jobs;
const EVENTS = 1234; // more than two portions
const span = { from: '2024-08-01T00:00:00Z', to: '2024-08-31T00:00:00Z' };
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const count = async (text, values) => Number((await clinic.sql(`SELECT count(*) AS n FROM ${text}`, values))[0].n);
const hex = (bytes) => createHash('sha256').update(bytes).digest('hex');
/** The id that a digest goes by in the log. */
const digestId = (digest) => {
  const b = Buffer.from(digest.slice(0, 32), 'hex');
  b[6] = 0x80 | (b[6] & 15);
  b[8] = 0x80 | (b[8] & 63);
  return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};
const stepUp = (client, on = true) => clinic.sql(`UPDATE session SET step_up_until = CASE WHEN :'on' = 'true' THEN now() + interval '1 hour' END WHERE account_id = :'id'`, { on: String(on), id: client.id });

/** A session of somebody who works here, as if both factors were shown just now. */
async function enter(email, role, name = `Another ${role}`) {
  await clinic.operator('user', 'add', '--clinic', 'Harbor Family Clinic', '--role', role, '--name', name, '--email', email);
  const client = new Client(clinic.url, { role });
  client.token = randomBytes(32).toString('base64url');
  [{ client_id: client.id }] = await clinic.sql(`WITH mine AS (UPDATE account SET totp_confirmed_at = now() WHERE id = (SELECT id FROM account WHERE role = :'role' AND clinic_id = :'own' ORDER BY created_at DESC LIMIT 1) RETURNING clinic_id, id)
    INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at, seen_at, idle_s, expires_at, factor_at, step_up_until)
    SELECT clinic_id, gen_random_uuid(), id, sha256(convert_to(:'token', 'UTF8')), 'api', '127.0.0.1', now(), now(), 3600, now() + interval '1 hour', now(), now() + interval '1 hour' FROM mine RETURNING account_id AS client_id`, { role, own, token: client.token });
  return client;
}
const plant = (n, at, actor = staff) => clinic.sql(`INSERT INTO audit_log (at, clinic_id, event, action, actor_id, actor_role, request_id, operation, purpose)
  SELECT :'at'::timestamptz + n / 3 * interval '1 second', :'own', audit_word('visit.read'), 'R', :'actor', audit_word('clinician'), gen_random_uuid(), audit_word('planted'), audit_word('TREAT') FROM generate_series(1, :'n'::int) n`, { n, at, own, actor });

const ask = async (body, client = officer) => {
  const r = await client.create('/v1/report-runs', body);
  assert.equal(r.status, 201, r.text);
  return r.body;
};
const look = async (id, client = officer) => {
  const r = await client.get(`/v1/report-runs/${id}`);
  assert.equal(r.status, 200, r.text);
  return r.body;
};
const becomes = async (id, wanted, client = officer) => {
  let run;
  assert.ok(await eventually(async () => (run = await look(id, client)).state === wanted, 60e3), `${JSON.stringify(run)}\n${jobs?.log.slice(-2000)}`);
  return run;
};
const take = (id, client = officer) => client.get(`/v1/report-runs/${id}/content`);
const table = (name, query) => officer.get(`/v1/reports/${name}?${new URLSearchParams(query)}`, { accept: 'text/csv' });
const kept = async (id) => [await count(`report_part WHERE run_id = :'id'`, { id }), await count(`record_key WHERE subject_id = :'id'`, { id })];
const start = async () => { jobs ??= await clinic.startJobs(); };
const stop = async () => { await jobs?.kill(); jobs = null; };
/** Its job is taken up again at once. */
const dueNow = (id) => clinic.sql(`UPDATE job SET run_at = now() WHERE record_id = :'id' AND state IN ('waiting', 'running'); NOTIFY epione_job`, { id });

before(async () => {
  clinic = await startClinic();
  [{ own }] = await clinic.sql(`SELECT id AS own FROM clinic`);
  staff = await clinic.accountId(clinic.people.clinician);
  officer = await clinic.signIn(clinic.people.compliance);
  officer.id = await clinic.accountId(clinic.people.compliance);
  await plant(EVENTS, '2024-08-02T00:00:00Z');
  await stepUp(officer);
});
after(() => clinic?.stop());

//= AU-12, AZ-09: who made and took which file; it is the table that the page has
test('a report is made into a table, and taken with a fresh code by who asked for it', async () => {
  const asked = await ask({ report: 'access', parameters: span, format: 'csv' });
  assert.deepEqual([asked.state, asked.progress, asked.sha256, asked.checkpoint, asked.error], ['waiting', { lines: 0, bytes: 0 }, null, null, null]);
  assert.deepEqual(asked.parameters, { ...span, action: null, actor_id: null });
  refused(await take(asked.id), 409, 'not_ready');
  await start();
  const run = await becomes(asked.id, 'done');
  assert.equal(run.progress.lines, EVENTS);

  const r = await take(asked.id);
  assert.equal(r.status, 200, r.text);
  assert.match(r.headers['content-type'], /^text\/csv/);
  assert.match(r.headers['content-disposition'], /^attachment; filename="access-\d{4}-\d\d-\d\d\.csv"$/);
  assert.deepEqual([hex(r.text), Buffer.byteLength(r.text)], [run.sha256, run.progress.bytes]);
  assert.equal(r.headers['repr-digest'], `sha-256=:${Buffer.from(run.sha256, 'hex').toString('base64')}:`);
  assert.equal(r.text, (await table('access', span)).text, 'what the page gives away at once');
  assert.ok(r.text.includes(clinic.people.clinician.name), 'staff are named');

  const [origin, size, root, blank, signature] = run.checkpoint.split('\n');
  assert.match(origin, new RegExp(`/audit/${own}$`));
  assert.ok(Number(size) > EVENTS, size);
  assert.deepEqual([Buffer.from(root, 'base64').length, blank, signature.startsWith('\u2014 ')], [32, '', true]);

  const events = async (event) => (await clinic.audit(`event = '${event}' AND outcome = 'ok'`)).map((e) => [e.actor_role, e.record_id]);
  assert.deepEqual(await events('report.taken'), [['compliance', digestId(run.sha256)]]);
  assert.deepEqual(await events('report.written'), [['system', digestId(run.sha256)]]);
  const [newest] = (await officer.get('/v1/reports/reports_run')).body.items.filter((one) => one.report === 'access');
  assert.deepEqual(JSON.parse(newest.parameters), asked.parameters, 'asking for it is running it');

  await stepUp(officer, false);
  refused(await take(asked.id), 403, 'step_up_required');
  await stepUp(officer);
  const parts = await clinic.sql(`SELECT content FROM report_part WHERE run_id = :'id'`, { id: asked.id });
  assert.ok(parts.length > 1 && !parts.some((p) => Buffer.from(p.content.slice(2), 'hex').includes('visit.read')), 'what lies there is sealed');
});

//= AZ-01: a file is of who asked for it
test('another officer, another role and another clinic are told of no file', async () => {
  await ask({ report: 'keys', format: 'csv' });
  const mine = await ask({ report: 'keys', format: 'csv' });
  await start();
  await becomes(mine.id, 'done');
  const colleague = await enter('colleague@clinic.example', 'compliance');
  refused(await colleague.get(`/v1/report-runs/${mine.id}`), 404, 'not_found');
  refused(await take(mine.id, colleague), 404, 'not_found');
  assert.deepEqual((await colleague.get('/v1/report-runs')).body.items, []);
  const theirs = await ask({ report: 'keys', format: 'csv' }, colleague);
  const listed = (await officer.get('/v1/report-runs?limit=1')).body;
  assert.deepEqual([listed.items.map((one) => one.id), typeof listed.next_cursor], [[mine.id], 'string']);
  assert.ok(!(await officer.get('/v1/report-runs')).body.items.some((one) => one.id === theirs.id));
  for (const role of ['patient', 'clinician', 'scheduler', 'admin']) {
    const other = await clinic.signIn(clinic.people[role]);
    refused(await other.create('/v1/report-runs', { report: 'keys', format: 'csv' }), 404, 'not_found');
    for (const path of ['', `/${mine.id}`, `/${mine.id}/content`]) refused(await other.get(`/v1/report-runs${path}`), 404, 'not_found');
    other.close();
  }
  const nobody = new Client(clinic.url);
  refused(await nobody.create('/v1/report-runs', { report: 'keys', format: 'csv' }), 401, 'not_signed_in');
  for (const path of ['', `/${mine.id}`, `/${mine.id}/content`]) refused(await nobody.get(`/v1/report-runs${path}`), 401, 'not_signed_in');
  nobody.close();
  colleague.close();
});

test('the same as JSON says what it is, who ran it, and holds each line', async () => {
  await start();
  const { id } = await ask({ report: 'access', parameters: { ...span, actor_id: staff }, format: 'json' });
  const run = await becomes(id, 'done');
  const r = await take(id);
  assert.match(r.headers['content-type'], /^application\/json/);
  assert.equal(hex(r.text), run.sha256);
  const file = JSON.parse(r.text);
  assert.deepEqual([file.report, file.title, file.clinic, file.run_by, file.parameters.actor_id, file.checkpoint], ['access', 'What was done', 'Harbor Family Clinic', clinic.people.compliance.name, staff, run.checkpoint]);
  assert.equal(file.lines.length, EVENTS);
  const page = (await officer.get(`/v1/reports/access?${new URLSearchParams({ ...span, actor_id: staff, limit: 100 })}`)).body.items;
  assert.deepEqual(file.lines.slice(0, 100), page);
  const none = await ask({ report: 'access', parameters: { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' }, format: 'json' });
  await becomes(none.id, 'done');
  assert.deepEqual(JSON.parse((await take(none.id)).text).lines, []);
});

const pages = (pdf) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-paper-'));
  writeFileSync(path.join(dir, 'paper.pdf'), pdf);
  const poppler = (tool, ...args) => execFileSync(tool, [...args, path.join(dir, 'paper.pdf'), ...(tool === 'pdftotext' ? ['-'] : [])], { encoding: 'utf8' });
  if (process.env.EPIONE_TEST_PAPERS) copyFileSync(path.join(dir, 'paper.pdf'), path.join(process.env.EPIONE_TEST_PAPERS, 'paper.pdf'));
  const found = { info: poppler('pdfinfo'), text: poppler('pdftotext', '-layout'), tags: poppler('pdfinfo', '-struct') };
  rmSync(dir, { recursive: true });
  return { ...found, page: found.text.split('\f').slice(0, -1) };
};

test('as a paper it says what it is, page by page, in any script', async () => {
  await start();
  const foreign = await enter('sara@clinic.example', 'clinician', 'שרה לוי and سارة');
  await plant(90, '2024-09-02T00:00:00Z', foreign.id);
  await plant(400, '2024-09-01T00:00:00Z');
  foreign.close();
  const month = { from: '2024-09-01T00:00:00Z', to: '2024-09-30T00:00:00Z' };
  const asked = await ask({ report: 'access', parameters: month, format: 'pdf' });
  const run = await becomes(asked.id, 'done');
  assert.equal(run.progress.lines, 490);
  const { status, headers, bytes } = await take(asked.id);
  assert.deepEqual([status, headers['content-type'], hex(bytes)], [200, 'application/pdf', run.sha256]);
  const { info, text, tags, page } = pages(bytes);
  const n = Number(/Pages:\s+(\d+)/.exec(info)[1]);
  assert.ok(n > 5, info);
  assert.match(info, /Title:\s+What was done/);
  assert.match(info, /Tagged:\s+yes/);
  for (const kind of ['H1', 'Table', 'TR', 'TH', 'TD']) assert.match(tags, new RegExp(`^\\s*${kind}\\b`, 'm'));
  assert.equal(page.length, n);
  const digest = hex((await table('access', month)).text), root = run.checkpoint.split('\n')[2];
  page.forEach((one, i) => {
    assert.match(one, new RegExp(`Page ${i + 1} of ${n}`));
    assert.ok(one.includes(digest) && one.includes(root), `the foot of page ${i + 1}`);
    assert.match(one, /Time\s+Person\s+Role/, `the names of the columns on page ${i + 1}`);
  });
  for (const said of ['Harbor Family Clinic', 'What was done', 'From', '2024-09-01 00:00:00 UTC', clinic.people.compliance.name, '164.312(b)']) assert.ok(page[0].includes(said), said);
  assert.equal(text.match(/visit\.read/g).length, 490);
  const letters = text.replace(/[\s\u202a-\u202e]/g, '');
  assert.ok(letters.includes('שרה') && letters.includes('سارة'), 'either direction');

  const none = await ask({ report: 'access', parameters: { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z' }, format: 'pdf' });
  await becomes(none.id, 'done');
  assert.match(pages((await take(none.id)).bytes).page[0], /There is nothing to show\.[^]*Page 1 of 1/);
});

test('a paper names what it was asked for alone, and whom it is about when it is taken', async () => {
  await start();
  const breach = await ask({ report: 'breach_scope', parameters: { ...span, actor_id: staff }, format: 'pdf' });
  const patient = await ask({ report: 'patient_access', parameters: { ...span, patient_id: clinic.patients[0] }, format: 'csv' });
  await becomes(breach.id, 'done');
  const [first] = pages((await take(breach.id)).bytes).page;
  assert.ok(first.includes(staff), first);
  assert.doesNotMatch(first, /\ball$|Session|Address or network|Backup made at|Discovered at/m);
  await becomes(patient.id, 'done');
  assert.equal((await take(patient.id)).status, 200);
  const [taken] = (await clinic.audit(`event = 'report.taken'`)).slice(-1);
  assert.equal(taken.patient_id, clinic.patients[0]);
});

test('each report there is can be made into each kind of file', async () => {
  await start();
  const { items } = (await officer.get('/v1/reports')).body;
  const asked = [];
  for (const report of items)
    for (const format of ['csv', 'json', 'pdf']) {
      const one = report.parameters.find((p) => p.one && p.kind === 'account');
      const parameters = Object.fromEntries(report.parameters.filter((p) => p.required || p.kind === 'choice' || p === one).map((p) =>
        [p.name, p.kind === 'patient' ? clinic.patients[0] : p.kind === 'account' ? staff : p.choices.at(-1)]));
      asked.push(await ask({ report: report.name, parameters, format }));
    }
  for (const one of asked) {
    const run = await becomes(one.id, 'done');
    const r = await take(one.id);
    assert.deepEqual([r.status, hex(r.bytes)], [200, run.sha256], `${one.report} ${one.format}`);
    if (one.format === 'json') assert.equal(r.body.lines.length, run.progress.lines, one.report);
  }
});

test('a paper that would be too long is refused, and says what to do', async () => {
  await plant(5001, '2024-10-01T00:00:00Z');
  const month = { from: '2024-10-01T00:00:00Z', to: '2024-10-31T00:00:00Z' };
  const made = await officer.create('/v1/report-runs', { report: 'access', parameters: month, format: 'pdf' });
  refused(made, 422, 'report_too_long', 'format');
  assert.match(made.body.title, /5,000 lines.*csv/);
  await stop();
  const fits = { ...month, to: '2024-10-01T00:10:00Z' };
  const grown = await ask({ report: 'access', parameters: fits, format: 'pdf' });
  await plant(5001, '2024-10-01T00:00:00Z');
  await clinic.sql(`UPDATE report_asked SET parameters = replace(parameters, '2024-10-01T00:10:00Z', '2024-10-31T00:00:00Z') WHERE id = (SELECT asked_id FROM report_run WHERE id = :'id')`, grown);
  await start();
  assert.equal((await becomes(grown.id, 'failed')).error, 'report_too_long');
  assert.deepEqual(await kept(grown.id), [0, 0]);
});

test('what a file cannot be made of is one error that names it, and nothing is asked for', async () => {
  const before = [await count('report_run'), await count('job'), await count('record_key')];
  const make = (body) => officer.create('/v1/report-runs', body);
  refused(await make({ report: 'nothing', format: 'csv' }), 422, 'invalid_field', 'report');
  refused(await make({ report: 'access', format: 'xml' }), 422, 'invalid_field', 'format');
  refused(await make({ report: 'access' }), 422, 'missing_field', 'format');
  refused(await make({ format: 'csv' }), 422, 'missing_field', 'report');
  refused(await make({ report: 'access', format: 'csv', parameters: [] }), 422, 'invalid_field', 'parameters');
  const of = (report, parameters) => make({ report, parameters, format: 'csv' });
  refused(await of('access', { from: '1926-01-01T00:00:00Z' }), 422, 'invalid_field', 'parameters.from');
  refused(await of('access', { from: '2024-01-01T00:00:00Z', to: '2124-01-01T00:00:00Z' }), 422, 'invalid_field', 'parameters.from');
  refused(await of('access', { from: '2024-02-01T00:00:00Z', to: '2024-01-01T00:00:00Z' }), 422, 'invalid_field', 'parameters.to');
  refused(await of('access', { since: '2024-02-01T00:00:00Z' }), 422, 'unknown_field', 'parameters.since');
  refused(await of('access_review', { dormant_days: 0 }), 422, 'invalid_field', 'parameters.dormant_days');
  refused(await of('patient_access', {}), 422, 'missing_field', 'parameters.patient_id');
  assert.deepEqual([await count('report_run'), await count('job'), await count('record_key')], before);
});

test('killed at each step from the claim to the end: each line is in it once', async (t) => {
  await stop();
  const wanted = hex((await table('access', span)).text);
  const relay = await PostgresRelay.before(clinic);
  const through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(async () => { await relay.stop(); });
  clinic.writeJobs('', through);
  const ended = async () => count(`audit WHERE event = 'report.written' AND outcome = 'ok'`);
  const events = await ended();
  const { id } = await ask({ report: 'access', parameters: span, format: 'csv' });
  const [{ job }] = await clinic.sql(`SELECT id AS job FROM job WHERE record_id = :'id'`, { id });
  const steps = await killedAtEach(clinic, relay, job, () => becomes(id, 'done'));
  assert.ok(steps > 10, `${steps} steps`);
  clinic.writeJobs('', direct);
  const run = await look(id);
  assert.deepEqual([run.state, run.progress.lines, run.sha256, await ended()], ['done', EVENTS, wanted, events + 1]);
  assert.equal(hex((await take(id)).text), wanted);
});

//= AZ-04: who may not any more gets nothing of what was begun
test('a right that is taken away in the middle ends the file, and nothing of it stays', async (t) => {
  await stop();
  const leaver = await enter('leaver@clinic.example', 'compliance');
  const relay = await PostgresRelay.before(clinic);
  const through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(async () => { await relay.stop(); });
  for (const change of [`deactivated_at = now()`, `deactivated_at = NULL, role = 'clinician'`]) {
    await clinic.sql(`UPDATE account SET deactivated_at = NULL, role = 'compliance' WHERE id = :'id'`, { id: leaver.id });
    const { id } = await ask({ report: 'access', parameters: span, format: 'csv' }, leaver);
    clinic.writeJobs('', through);
    let portions = 0;
    assert.ok(await runUntil(clinic, relay, () => eventually(async () => await count(`report_run WHERE id = :'id' AND done_at IS NOT NULL`, { id }) > 0, 60e3), (text) => {
      portions += text.split('\0report_run_wrote\0').length - 1;
      return portions === 2;
    }, false), 'died in its second portion');
    assert.ok((await kept(id))[0] > 0, 'the first portion lies there');
    await clinic.sql(`UPDATE account SET ${change} WHERE id = :'id'`, { id: leaver.id });
    clinic.writeJobs('', direct);
    await start();
    await dueNow(id);
    assert.ok(await eventually(async () => await count(`report_run WHERE id = :'id' AND error_code = 'not_found'`, { id }) === 1, 60e3), jobs.log.slice(-2000));
    assert.deepEqual(await kept(id), [0, 0]);
    await stop();
  }
  leaver.close();
});

test('a database that takes no more leaves no half file: it is made when there is room, or says that it failed', async () => {
  await start();
  await clinic.sql('REVOKE INSERT ON report_part FROM epione_jobs; REVOKE INSERT (clinic_id, id, run_id, content) ON report_part FROM epione_jobs');
  const { id } = await ask({ report: 'access', parameters: span, format: 'csv' });
  assert.ok(await eventually(async () => await count(`job WHERE record_id = :'id' AND error_code IS NOT NULL`, { id }) === 1, 60e3));
  assert.deepEqual([(await look(id)).state, (await kept(id))[0]], ['waiting', 0]);
  refused(await take(id), 409, 'not_ready');
  const dead = await ask({ report: 'access', parameters: span, format: 'csv' });
  await clinic.sql(`UPDATE job SET attempts = 1000 WHERE record_id = :'id'`, { id: dead.id });
  await dueNow(dead.id);
  const failed = await becomes(dead.id, 'failed');
  assert.equal(failed.error, 'internal');
  refused(await take(dead.id), 409, 'wrong_status');
  await clinic.sql('GRANT INSERT (clinic_id, id, run_id, content) ON report_part TO epione_jobs');
  await dueNow(id);
  await becomes(id, 'done');
});

test('a file ends after a week: its key first, then what it sealed', async () => {
  await start();
  const { id, created_at, expires_at } = await ask({ report: 'access', parameters: span, format: 'csv' });
  assert.equal(Date.parse(expires_at) - Date.parse(created_at), 7 * 864e5);
  await becomes(id, 'done');
  await clinic.sql(`UPDATE report_run SET created_at = now() - interval '8 days', expires_at = now() - interval '1 second' WHERE id = :'id'`, { id });
  assert.equal((await look(id)).state, 'expired');
  refused(await take(id), 410, 'export_expired');
  const sweep = () => clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'sweep.reports', gen_random_uuid()::text, now()); NOTIFY epione_job`);
  await sweep();
  assert.ok(await eventually(async () => (await kept(id)).every((n) => n === 0), 60e3));
  assert.equal((await look(id)).state, 'expired', 'that there was one is known for a month');
  await clinic.sql(`UPDATE report_run SET gone_at = now() - interval '31 days' WHERE id = :'id'`, { id });
  await sweep();
  assert.ok(await eventually(async () => await count(`report_run WHERE id = :'id'`, { id }) === 0, 60e3));
});

test('a table of very many lines is made in the memory of a portion, in turns that end in time', async () => {
  await stop();
  clinic.writeJobs('job_lease_seconds 5\n');
  const LINES = 100_000;
  await plant(LINES, '2023-05-01T00:00:00Z');
  await start();
  const { id } = await ask({ report: 'access', parameters: { from: '2023-05-01T00:00:00Z', to: '2023-06-01T00:00:00Z' }, format: 'csv' });
  const memoryKib = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${jobs.pid}/status`, 'latin1'))[1]);
  await becomes(id, 'running');
  assert.ok(await eventually(async () => (await look(id)).progress.lines > 10_000, 60e3));
  const early = memoryKib();
  assert.ok(await eventually(async () => (await look(id)).state === 'done', 240e3), JSON.stringify(await look(id)));
  const late = memoryKib();
  assert.ok(late - early < 4096, `${early} KiB, then ${late} KiB`);
  assert.ok(process.env.BUILD === 'build/asan' || late < 64 * 1024, `${late} KiB`);
  assert.equal((await look(id)).progress.lines, LINES);
  assert.doesNotMatch(jobs.log, /job_(failed|lost)[^\n]*report\.write/);
  assert.ok(await count(`audit WHERE event = 'report.written' AND record_id = :'id'`, { id }) > 0, 'in more than one turn');
});
