// The audit trail as the compliance officer reads it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventWords, ownEventWords, purposeWords } from '../../assets/js/event-words.js';
import { family, resident } from '../edge/lib.mjs';
import { Client, startClinic, totp } from '../lib/clinic.mjs';
import { eventually } from '../lib/processes.mjs';

let clinic, as, patient, flooded;
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const list = async (query = '') => {
  const r = await as.compliance.get(`/v1/audit?${query}`);
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};

/** So many requests at once of somebody without a session. */
const flood = async (times, ...request) => {
  const stranger = new Client(clinic.url);
  const got = await Promise.all(Array.from({ length: times }, () => stranger.request(...request)));
  stranger.close();
  return [...new Set(got.map((r) => `${r.status} ${r.body.code}`))];
};
const foreign = ['POST', '/v1/session', {}, { origin: 'https://elsewhere.example' }];
/** How often each reason was given to nobody since, and in how many rows. */
const refusals = async (since) => Object.fromEntries((await clinic.sql(
  `SELECT outcome, sum(count) AS n, count(*) AS rows FROM audit WHERE seq > ${since} AND actor_id IS NULL AND outcome <> 'ok' GROUP BY 1`))
  .map((r) => [r.outcome, { n: Number(r.n), rows: Number(r.rows) }]));
const last = async () => (await clinic.sql('SELECT coalesce(max(seq), 0) AS seq FROM audit'))[0].seq;

before(async () => {
  clinic = await startClinic({ settings: 'download_seconds 3600\n' });
  flooded = await last();
  assert.deepEqual(await flood(500, ...foreign), ['403 origin_refused']);
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
  const made = await as.clinician.create('/v1/patients', { family_name: 'Trail', given_name: 'Ada', birth_date: '1970-01-01', sex: 'female' });
  patient = made.body.id;
  await as.clinician.get(`/v1/patients/${patient}`);
  await as.clinician2.get(`/v1/patients/${patient}`);
  await as.clinician.search({ family_name: 'trail' });
});
after(() => clinic?.stop());

//= AU-02: who, when, what, with which outcome, why, from where, on whom
test('an event says all of it', async () => {
  const [e] = await list(`patient_id=${patient}&action=C`);
  const { seq, at, at_us, session, request_id, returned, ...rest } = e;
  assert.deepEqual(rest, {
    event: 'patient.created', action: 'C', outcome: 'ok', actor_id: clinic.people.clinician.id,
    actor_role: 'clinician', actor_name: clinic.people.clinician.name, patient_id: patient,
    record_id: patient, address: '127.0.0.1', operation: 'patient_create', purpose: 'TREAT', count: 1,
  });
  assert.ok(seq > 0 && Math.abs(Date.parse(at) - Date.now()) < 60e3);
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(Math.floor(at_us / 1e6) * 1000, Date.parse(at));
  assert.match(session, /^[0-9a-f]{16}$/);
  assert.match(request_id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(returned, []);
});

test('a patient is found by what was done and by what was returned', async () => {
  const events = (await list(`patient_id=${patient}`)).map((e) => [e.event, e.outcome]);
  assert.deepEqual(events.slice(-4), [
    ['patient.searched', 'ok'], ['patient.read', 'not_found'], ['patient.read', 'ok'], ['patient.created', 'ok'],
  ]);
  const [search] = await list(`patient_id=${patient}&outcome=ok&actor_id=${clinic.people.clinician.id}`);
  assert.deepEqual([search.event, search.returned], ['patient.searched', [patient]]);
});

test('filters narrow', async () => {
  const denied = await list('outcome=not_found');
  assert.ok(denied.length >= 1 && denied.every((e) => e.outcome === 'not_found'));
  const own = (await list(`actor_id=${clinic.people.clinician2.id}&action=R`)).filter((e) => e.event !== 'session.read');
  assert.deepEqual(own.map((e) => [e.event, e.outcome, e.record_id]), [['patient.read', 'not_found', patient]]);
  const later = new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, '');
  assert.deepEqual(await list(`from=${later}`), []);
  assert.ok((await list(`to=${later}`)).length > 0);
  refused(await as.compliance.get('/v1/audit?action=X'), 422, 'invalid_field', 'action');
  refused(await as.compliance.get('/v1/audit?from=today'), 422, 'invalid_field', 'from');
  refused(await as.compliance.get(`/v1/audit?seq=1`), 422, 'unknown_field', 'seq');
});

test('pages run from the newest to the first, without a gap', async () => {
  const [{ max }] = await clinic.sql('SELECT max(seq) FROM audit');
  const before = (await clinic.sql(`SELECT seq FROM audit WHERE seq <= ${max} AND clinic_id = (SELECT id FROM clinic LIMIT 1) ORDER BY seq DESC`)).map((r) => Number(r.seq));
  const seqs = [];
  let cursor = '';
  do {
    const r = await as.compliance.get(`/v1/audit?limit=100${cursor}`);
    assert.equal(r.status, 200, r.text);
    seqs.push(...r.body.items.map((e) => e.seq));
    cursor = r.body.next_cursor ? `&cursor=${r.body.next_cursor}` : '';
  } while (cursor);
  assert.deepEqual(seqs.filter((s) => s <= Number(max)), before);
});

//= AU-02: how often, too
test('what a page reads by itself is one event an hour, and says how often', async () => {
  const { id } = clinic.people.clinician, background = { 'x-background': '1' };
  const sum = (events) => events.reduce((n, e) => n + e.count, 0);
  const read = (items) => items.filter((e) => e.event === 'patient.read');
  const officer = async () => read(await list(`patient_id=${patient}&actor_id=${id}&outcome=ok`));
  const accesses = async () => read((await as.compliance.get(`/v1/patients/${patient}/accesses`)).body.items);
  const rows = async (most) => JSON.stringify(await clinic.sql(`SELECT * FROM audit_log WHERE seq <= ${most} ORDER BY seq`));
  const was = await officer();
  for (let i = 0; i < 4; i++) assert.equal((await as.clinician.get(`/v1/patients/${patient}`, background)).status, 200);
  const open = await officer();
  assert.equal(sum(open), sum(was) + 4);
  assert.ok(open.length <= was.length + 2, 'one, or two if an hour ended meanwhile');
  assert.equal(sum(await accesses()), sum(open), 'whoever asks who saw the record is told the same');
  // of another set of records it is another event, and a refusal is one each time
  const since = await last();
  for (let i = 0; i < 3; i++) {
    assert.equal((await as.clinician.get('/v1/visits', background)).status, 200);
    assert.equal((await as.clinician2.get(`/v1/patients/${patient}`, background)).status, 404);
  }
  const [lists] = await clinic.audit(`event = 'visit.listed' AND seq > ${since}`);
  assert.equal(lists.actor_id, id);
  assert.equal((await clinic.audit(`event = 'patient.read' AND outcome = 'not_found' AND seq > ${since}`)).length, 3);
  // when the hour is over they are an event more, and no other was touched
  const most = await last(), before = await rows(most);
  await clinic.sql(`UPDATE audit_background SET hour = hour - interval '1 hour'`);
  await clinic.sql('SELECT audit_background_close(1000)');
  assert.deepEqual(await clinic.sql('SELECT * FROM audit_background'), []);
  assert.equal(await rows(most), before);
  const over = await officer();
  assert.equal(sum(over), sum(open));
  assert.ok(over.length > open.length && sum(await accesses()) === sum(over));
  assert.equal(sum(read((await as.compliance.get(`/v1/audit?patient_id=${patient}&actor_id=${id}&limit=1`)).body.items)), 3, 'so many of them at its time');
});

//= AZ-08: the trail is the compliance officer's alone, and no chart is
test('nobody else reads the trail, and its reader reads no chart', async () => {
  for (const who of ['patient', 'clinician', 'scheduler', 'admin']) refused(await as[who].get('/v1/audit'), 404, 'not_found');
  refused(await as.compliance.get(`/v1/patients/${patient}`), 404, 'not_found');
  const reads = await clinic.audit(`event = 'audit.read'`);
  assert.ok(reads.some((r) => r.outcome === 'ok') && reads.some((r) => r.outcome === 'not_found'));
});

//= AU-01: whoever nobody knows is refused at the cost of two rows a minute, and every refusal is counted
test('a flood of refusals is counted when its minute has ended', async () => {
  assert.ok((await refusals(flooded)).origin_refused.n >= 1, 'the first is written before it is answered');
  for (const end = Date.now() + 90e3; (await refusals(flooded)).origin_refused.n < 500;) {
    assert.ok(Date.now() < end, JSON.stringify(await refusals(flooded)));
    await new Promise((done) => setTimeout(done, 500));
  }
  const { n, rows } = (await refusals(flooded)).origin_refused;
  assert.ok(n === 500 && rows <= 8, `${n} in ${rows} rows`); // two workers, and perhaps two minutes
  const [row] = await clinic.sql(`SELECT event, action, actor_role, address, operation, purpose FROM audit WHERE count > 1 AND outcome = 'origin_refused' LIMIT 1`);
  assert.deepEqual(row, { event: 'session.created', action: 'E', actor_role: '', address: '127.0.0.1', operation: 'session_create', purpose: row.purpose });
});

//= AU-02, AZ-08: what nobody did is seen by whom it concerns, where that is one clinic
test('the officer of the only clinic reads what nobody did', async () => {
  assert.equal((await new Client(clinic.url).post('/v1/session', { email: 'nobody@nowhere.example', password: 'it is not known' })).status, 401);
  const all = await list('scope=nobody&limit=100');
  assert.ok(all.length > 1 && all.every((e) => e.actor_id === null && e.actor_name === null && e.patient_id === null), JSON.stringify(all[0]));
  const [unknown] = all;
  assert.deepEqual([unknown.event, unknown.outcome, unknown.actor_role, unknown.address], ['session.created', 'invalid_credentials', null, '127.0.0.1']);
  const seqs = new Set((await list('limit=100')).map((e) => e.seq));
  assert.ok(all.every((e) => !seqs.has(e.seq)), 'they are in no clinic\'s own log');
  const origins = await list('scope=nobody&outcome=origin_refused&action=E');
  assert.ok(origins.length >= 1 && origins.every((e) => e.outcome === 'origin_refused'));
  assert.deepEqual(await list('scope=nobody&outcome=ok&action=U'), []);
  assert.deepEqual(await list(`scope=nobody&from=${new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, '')}`), []);
  const first = (await as.compliance.get('/v1/audit?scope=nobody&limit=1')).body;
  assert.equal(first.items[0].seq, unknown.seq);
  const second = (await as.compliance.get(`/v1/audit?scope=nobody&limit=1&cursor=${first.next_cursor}`)).body;
  assert.equal(second.items[0].seq, all[1].seq);
  assert.deepEqual((await list('scope=clinic&limit=5')).map((e) => e.actor_id === null).includes(true), false);
  refused(await as.compliance.get(`/v1/audit?scope=nobody&actor_id=${clinic.people.admin.id}`), 422, 'invalid_field', 'actor_id');
  refused(await as.compliance.get(`/v1/audit?scope=nobody&patient_id=${patient}`), 422, 'invalid_field', 'patient_id');
  refused(await as.compliance.get('/v1/audit?scope=all'), 422, 'invalid_field', 'scope');
  refused(await as.admin.get('/v1/audit?scope=nobody'), 404, 'not_found');
  // whoever runs the server has the same
  const lines = (await clinic.operator('audit', 'list', '--nobody', '--json')).split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(Object.keys(lines[0]).sort(), Object.keys(unknown).filter((k) => !['actor_name', 'returned', 'at_us', 'session'].includes(k)).sort());
  assert.ok(lines.some((e) => e.seq === unknown.seq && e.outcome === 'invalid_credentials'));
});

//= AZ-02, AU-12: whose name an officer read as an actor's, can follow it
test('a patient who is named in the log hears of it', async () => {
  const own = clinic.people.patient;
  const account = await clinic.accountId(own);
  const seen = async () => (await as.patient.get(`/v1/patients/${own.patient_id}/accesses?limit=5`)).body.items[0];
  const before = (await seen())?.seq;
  await list(`actor_id=${clinic.people.clinician.id}&limit=1`);
  assert.equal((await seen())?.seq, before, 'a log that names no patient is none of theirs');
  const named = await list(`actor_id=${account}`);
  assert.ok(named.length > 1 && named.every((e) => e.actor_name === own.name && e.actor_role === 'patient'));
  const { event, actor_name, purpose } = await seen();
  assert.deepEqual({ event, actor_name, purpose }, { event: 'audit.read', actor_name: clinic.people.compliance.name, purpose: 'HCOMPL' });
  const [row] = await clinic.sql(`SELECT returned FROM audit WHERE event = 'audit.read' AND outcome = 'ok' ORDER BY seq DESC LIMIT 1`);
  assert.equal(row.returned, `{${own.patient_id}}`, 'once for a page');
});

//= AZ-02, AU-12: an officer finds whom the log is about; a patient who was found hears of it
test('the officer finds who acted, and whose record it was, by name', async () => {
  const find = async (what) => {
    const r = await as.compliance.post('/v1/audit/people', what);
    assert.equal(r.status, 200, r.text);
    return r.body.items;
  };
  const { clinician, admin } = clinic.people;
  const [doctor] = await find({ kind: 'staff', name: clinician.name.toUpperCase() });
  assert.deepEqual(doctor, { kind: 'staff', actor_id: await clinic.accountId(clinician), patient_id: null, name: clinician.name, role: 'clinician' });
  assert.ok((await find({ kind: 'staff', name: admin.name.split(' ').at(-1).slice(0, 3) })).some((p) => p.name === admin.name), 'by the beginning of a word');
  assert.deepEqual(await find({ kind: 'staff', name: 'Trail' }), [], 'a patient is none of the staff');
  const seen = async () => (await as.compliance.get(`/v1/patients/${patient}/accesses?limit=1`)).body.items[0];
  const [ada] = await find({ kind: 'patient', name: 'ada trail' });
  assert.deepEqual(ada, { kind: 'patient', actor_id: null, patient_id: patient, name: 'Ada Trail', role: 'patient', birth_date: '1970-01-01', mrn: null });
  const heard = await seen();
  assert.deepEqual([heard.event, heard.actor_name, heard.purpose], ['audit.people_found', clinic.people.compliance.name, 'HCOMPL']);
  assert.deepEqual(await find({ kind: 'patient', patient_id: patient }), [ada]);
  const [pat] = await find({ kind: 'patient', patient_id: clinic.people.patient.patient_id });
  assert.deepEqual([pat.actor_id, pat.name], [await clinic.accountId(clinic.people.patient), clinic.people.patient.name]);
  const [row] = await clinic.sql(`SELECT returned FROM audit WHERE event = 'audit.people_found' AND outcome = 'ok' ORDER BY seq DESC LIMIT 1`);
  assert.equal(row.returned, `{${clinic.people.patient.patient_id}}`);
  const pages = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await as.compliance.post('/v1/audit/people', { kind: 'staff', name: clinician.name, limit: 1, ...(cursor && { cursor }) });
    pages.push(...body.items);
    cursor = body.next_cursor;
  }
  assert.deepEqual(pages, [doctor], 'page after page, without a gap');
  const ask = (body) => as.compliance.post('/v1/audit/people', body);
  refused(await ask({ kind: 'staff' }), 422, 'missing_field', 'name');
  refused(await ask({ kind: 'patient' }), 422, 'missing_field', 'name');
  refused(await ask({ kind: 'patient', name: 'x', patient_id: patient }), 422, 'invalid_field', 'patient_id');
  refused(await ask({ kind: 'patient', patient_id: randomUUID() }), 404, 'not_found');
  refused(await ask({ kind: 'all', name: 'Ada' }), 422, 'invalid_field', 'kind');
  refused(await as.admin.post('/v1/audit/people', { kind: 'patient', name: 'Ada' }), 404, 'not_found');
});

//= AZ-04, AU-04
test('another clinic has a trail of its own', async () => {
  const other = randomUUID();
  const [{ id: clinicOf }] = await clinic.sql('SELECT id FROM clinic');
  await clinic.sql(`INSERT INTO clinic (id, name) VALUES (:'other', 'Other'); INSERT INTO audit_log (clinic_id, event, action, operation, purpose, patient_id, address, request_id) VALUES (:'other', audit_word('patient.read'), 'R', audit_word('patient_read'), audit_word('TREAT'), :'patient', '::1', :'other')`, { other, patient });
  assert.ok((await list(`patient_id=${patient}`)).every((e) => e.address !== '::1'));
  // whom a stranger meant is not one clinic's to see, but that of who runs them all
  const several = await as.compliance.get('/v1/audit?scope=nobody');
  refused(several, 409, 'several_clinics', 'scope');
  assert.match(several.body.title, /whoever runs it: ask them/);
  assert.match(await clinic.operator('audit', 'list', '--nobody'), /^\S+Z  session\.created  invalid_credentials  by nobody  from 127\.0\.0\.1$/m);
  await assert.rejects(clinic.operator('audit', 'list'), /there are several: choose with --clinic/);
  const of = (await clinic.operator('audit', 'list', '--clinic', other)).split('\n');
  assert.ok(of.length === 1 && of[0].endsWith(`patient.read  ok  by nobody  patient ${patient}  from ::1`), of[0]);
  assert.match(await clinic.operator('audit', 'list', '--clinic', other), /audit\.read  ok  by operator/, 'looking is written down');
  assert.equal(await clinic.operator('audit', 'list', '--nobody', '--from', '2001-01-01', '--to', '2001-01-02T00:00:00Z'), '');
  await assert.rejects(clinic.operator('audit', 'list', '--nobody', '--from', 'today'), /--from and --to are times such as/);
  await assert.rejects(clinic.operator('audit', 'list', '--nobody', '--to', '2001-01-01', '--from', '2001-01-02'), /--from has to be before --to/);
  await assert.rejects(clinic.operator('audit', 'list', '--nobody', '--clinic', other), /--clinic or --nobody/);
  for (const line of [...of, await clinic.operator('audit', 'list', '--clinic', clinicOf)]) assert.doesNotMatch(line, new RegExp(clinic.people.clinician.name), 'no names');
});

//= AU-04: nobody rewrites what happened, nor says when it did
test('as the server, an event can be added and nothing else be done to any', async () => {
  const as = async (statement) => clinic.sql(`SET ROLE epione_server; SELECT set_config('epione.clinic', '${clinicId}', false); ${statement}`).then(() => 'done', (e) => e.message);
  const [{ id: clinicId }] = await clinic.sql(`SELECT clinic_id AS id FROM account WHERE id = '${clinic.people.admin.id}'`);
  const columns = ['clinic_id', 'event', 'action', 'operation', 'purpose', 'request_id'];
  const values = [`'${clinicId}'`, '1', `'R'`, '1', '1', 'gen_random_uuid()'];
  const insert = (into = 'audit_log', more = {}) => `INSERT INTO ${into} (${[...columns, ...Object.keys(more)]}) VALUES (${[...values, ...Object.values(more)]})`;
  assert.equal(await as(insert()), 'done');
  const tables = (await clinic.sql(`SELECT relname FROM pg_class WHERE relname LIKE 'audit\_log%' AND relkind IN ('r', 'p')`)).map((t) => t.relname);
  assert.ok(tables.length >= 3, `months: ${tables}`);
  for (const table of tables)
    for (const statement of [`UPDATE ${table} SET patient_id = NULL`, `UPDATE ${table} SET at = now()`, `DELETE FROM ${table}`, `TRUNCATE ${table}`, `DROP TABLE ${table}`, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
      insert(table, { seq: '1' }), insert(table, { at: `now() - interval '1 day'` }), `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM audit_log LIMIT 1`])
      assert.match(await as(statement), /permission denied|must be owner|non-DEFAULT value into column "seq"/, statement);
  for (const statement of [`SELECT setval('audit_log_seq_seq', 1)`, `SELECT audit_months(now(), now() + interval '9 years')`, `DELETE FROM audit_word`, `UPDATE audit_word SET word = 'ok' WHERE id = 1`, `INSERT INTO audit_word (word) VALUES ('other')`, `ALTER TABLE audit_log DETACH PARTITION audit_log_other`])
    assert.match(await as(statement), /permission denied|must be owner|non-DEFAULT value into column "seq"/, statement);
  assert.match(await as(insert().replace(clinicId, randomUUID())), /row-level security/, 'for another clinic');
});

test('an event of a month that was not made in time is kept, and moves when it is', async () => {
  const [{ year }] = await clinic.sql(`SELECT extract(year FROM now())::int + 3 AS year`);
  const count = async (table) => Number((await clinic.sql(`SELECT count(*) FROM ${table} WHERE request_id = '${id}'`))[0].count);
  const id = randomUUID();
  await clinic.sql(`INSERT INTO audit_log (clinic_id, at, event, action, operation, purpose, request_id) VALUES ('${id}', '${year}-02-03', audit_word('patient.read'), 'R', audit_word('patient_read'), audit_word('TREAT'), '${id}')`);
  assert.equal(await count('audit_log_other'), 1);
  const [{ made }] = await clinic.sql(`SELECT audit_months('${year}-02-20', '${year}-03-01Z') AS made`);
  assert.deepEqual([made, await count('audit_log_other'), await count(`audit_log_${year}_02`)], ['2', 0, 1]);
  assert.equal((await clinic.sql(`SELECT audit_months('${year}-02-20', '${year}-03-01Z') AS made`))[0].made, '0');
});

test('every kind of event has words for people', () => {
  const kinds = [...readFileSync(new URL('../../src/tables/events.def', import.meta.url), 'utf8').matchAll(/^EVENT\( \w+, +"([\w.]+)"/gm)].map((m) => m[1]);
  assert.ok(kinds.length > 50);
  assert.deepEqual(kinds.filter((kind) => /else/.test(eventWords(kind)) || /[._]/.test(eventWords(kind) + ownEventWords(kind))), []);
  const purposes = [...readFileSync(new URL('../../src/tables/roles.def', import.meta.url), 'utf8').matchAll(/ ([A-Z]+) \)$/gm)].map((m) => m[1]);
  assert.ok(purposes.length >= 5 && purposes.every((code) => !/Another/.test(purposeWords(code))), purposes.join());
});

//= AU-02: what one is told of oneself is no event; a refusal of it is
test('reading one\'s own session leaves no row', async () => {
  const since = await last();
  for (const target of ['/v1/session', '/v1/account/sessions']) assert.equal((await as.clinician.get(target)).status, 200);
  assert.equal((await as.clinician.get('/v1/account/sessions?limit=0')).status, 400);
  assert.equal((await as.clinician.post('/v1/patients/search', { family_name: 'trail' })).status, 200);
  assert.deepEqual((await clinic.audit(`seq > ${since} AND actor_id = '${clinic.people.clinician.id}'`)).map((e) => [e.event, e.outcome]),
    [['session.listed', 'bad_query'], ['patient.searched', 'ok']]);
});

const stepUp = async () => {
  await clinic.sql('UPDATE account SET totp_last_step = 0'); // one code is good once
  const r = await as.compliance.post('/v1/session/step-up', { code: totp(clinic.people.compliance.totp_secret) });
  assert.equal(r.status, 200, r.text);
};
/** The lines of a table as RFC 4180 has it. */
function parsed(csv) {
  const lines = csv.split('\r\n');
  assert.equal(lines.pop(), '');
  const names = lines.shift().split(',');
  return lines.map((line) => {
    const cells = [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map((m) => m[1].replaceAll('""', '"'));
    assert.equal(cells.length, names.length, line);
    return Object.fromEntries(names.map((name, i) => [name, cells[i]]));
  });
}
/** The answer as it begins; its body is not read before somebody does. */
const opened = (query = '') => new Promise((done, failed) => {
  const rq = https.get(`${clinic.url}/v1/audit/export?${query}`, { agent: false, rejectUnauthorized: false, headers: { authorization: `Bearer ${as.compliance.token}` } }, (rs) => {
    rs.on('error', () => {});
    rs.pause();
    done(rs);
  });
  rq.on('error', failed);
});
/** All of it, and whether it came to its end. */
const drained = (rs) => new Promise((done) => {
  let n = 0;
  rs.on('data', (d) => { n += d.length; });
  rs.on('close', () => done({ n, whole: rs.complete }));
  rs.resume();
});
const waiting = async () => (await clinic.sql(`SELECT count(*) FROM pg_stat_activity WHERE usename = 'epione_server' AND state LIKE 'idle in%' AND state_change < now() - interval '1 second'`))[0].count;
/** Memory of the workers, in kB. */
const workers = () => Object.keys(family({ child: clinic.server })).map(Number);

//= AZ-09, AU-01, AU-07: a copy needs a fresh code, is recorded, and runs no formula
test('the log as a file says what the list says', async () => {
  refused(await as.compliance.get('/v1/audit/export'), 403, 'step_up_required');
  await stepUp();
  refused(await as.compliance.get('/v1/audit/export?from=x'), 422, 'invalid_field', 'from');
  refused(await as.compliance.get(`/v1/audit/export?scope=nobody&patient_id=${patient}`), 422, 'invalid_field', 'patient_id');
  const user = `/v1/users/${clinic.people.clinician2.id}`, named = await as.admin.get(user);
  const formula = '=HYPERLINK("https://evil.example";"x")';
  assert.equal((await as.admin.patch(user, { display_name: formula }, { 'if-match': named.headers.etag })).status, 200);
  await as.patient.get(`/v1/patients/${clinic.people.patient.patient_id}`);
  const to = new Date(Date.now() + 1000).toISOString().replace(/\.\d+/, '');
  await sleep(1100);
  const r = await as.compliance.get(`/v1/audit/export?to=${to}`);
  assert.deepEqual([r.status, r.headers['content-type'], r.headers['content-disposition'], r.headers['transfer-encoding'], r.headers['content-length']],
    [200, 'text/csv; charset=utf-8; header=present', 'attachment; filename="audit.csv"', 'chunked', undefined]);
  const rows = parsed(r.text), items = [];
  for (let cursor = ''; cursor !== null;) {
    const page = (await as.compliance.get(`/v1/audit?limit=100&to=${to}${cursor && `&cursor=${cursor}`}`)).body;
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  assert.ok(rows.length > 50);
  assert.deepEqual(rows.map((e) => e.seq), items.map((e) => String(e.seq)));
  for (const [i, row] of rows.entries()) {
    const { returned, actor_name, ...rest } = items[i];
    assert.equal(row.returned, returned.join(' '));
    for (const [name, value] of Object.entries(rest)) assert.equal(row[name], String(value ?? ''), name);
    //= AZ-02: staff have names; of a patient there is the id
    assert.equal(row.actor_name, rest.actor_role === 'patient' ? '' : (actor_name ?? '').replace(/^=/, "'="));
  }
  assert.ok(rows.some((e) => e.actor_role === 'patient') && rows.some((e) => e.actor_name === `'${formula}`));
  const mine = parsed((await as.compliance.get(`/v1/audit/export?patient_id=${patient}&action=C`)).text);
  assert.deepEqual(mine.map((e) => e.event), ['patient.created']);
  assert.deepEqual(parsed((await as.compliance.get('/v1/audit/export?to=2001-01-01T00:00:00Z')).text), []);
  const head = await as.compliance.request('HEAD', '/v1/audit/export');
  assert.deepEqual([head.status, head.text, head.headers['transfer-encoding']], [200, '', 'chunked']);
  const [event] = await clinic.audit(`request_id = '${r.headers['x-request-id']}'`);
  assert.deepEqual([event.event, event.outcome, event.operation], ['audit.exported', 'ok', 'audit_export']);
  const back = await as.admin.get(user);
  await as.admin.patch(user, { display_name: clinic.people.clinician2.name }, { 'if-match': back.headers.etag });
});

//= AZ-05: a right that ends, ends with the next part
// 60 000 events are 13 MB: more than a worker may hold, more than sockets do
test('the log as a file is made while it is sent', async () => {
  await clinic.sql(`INSERT INTO audit_log (at, clinic_id, actor_id, request_id, event, operation, actor_role, purpose, action)
    SELECT l.at - n * interval '1 millisecond', l.clinic_id, l.actor_id, l.request_id, l.event, l.operation, l.actor_role, l.purpose, l.action
      FROM (SELECT * FROM audit_log WHERE actor_id = '${clinic.people.clinician.id}' LIMIT 1) AS l, generate_series(1, 60000) AS n`);
  await stepUp();
  await drained(await opened(`actor_id=${clinic.people.admin.id}`)); // a short one, for what is made once
  const before = workers().map(resident);
  const to = `to=${new Date(Date.now() + 1000).toISOString().replace(/\.\d+/, '')}`;
  await sleep(1100);
  const slow = await opened(to);
  assert.equal(slow.statusCode, 200);
  await sleep(2500); // what the sockets take has been made
  assert.ok(await eventually(async () => await waiting() === '0'), 'a transaction waits for a client');
  assert.equal((await as.clinician.get('/v1/session')).status, 200);
  let most = 0;
  const watch = setInterval(() => { most = Math.max(most, ...workers().map((pid, i) => resident(pid) - before[i])); }, 50);
  const { n, whole } = await drained(slow);
  clearInterval(watch);
  assert.ok(whole && n > 12e6, `${n} bytes, ${whole}`);
  if (!process.env.SAN) assert.ok(most < 1024, `a worker grew by ${most} kB`);
  // so many at a time, and who goes away makes room
  const many = await Promise.all(Array.from({ length: 40 }, () => opened()));
  const [busy] = many.filter((rs) => rs.statusCode === 503), open = many.filter((rs) => rs.statusCode === 200);
  assert.ok(busy && open.length <= 32 && open.length + many.filter((rs) => rs.statusCode === 503).length === 40);
  assert.match(busy.headers['retry-after'], /^\d+$/);
  for (const rs of many) rs.destroy();
  for (const end = Date.now() + 90e3; ; await sleep(100)) {
    const all = await Promise.all(Array.from({ length: 8 }, () => opened(`actor_id=${clinic.people.admin.id}`)));
    const fine = all.every((rs) => rs.statusCode === 200);
    for (const rs of all) rs.destroy();
    if (fine) break;
    assert.ok(Date.now() < end, 'those who left are still served');
  }
  // a database that is away for a while costs time, and no line twice or none
  const steady = await opened(to);
  await clinic.database('stop');
  const all = drained(steady);
  for (const end = Date.now() + 90e3; !/"download_waits"/.test(clinic.log); await sleep(100)) assert.ok(Date.now() < end);
  await clinic.database('start');
  assert.deepEqual(await all, { n, whole: true });
  // the right ends, and with it the download
  const late = await opened();
  await clinic.sql(`UPDATE account SET role = 'scheduler' WHERE id = :'id'`, { id: clinic.people.compliance.id });
  assert.equal((await drained(late)).whole, false);
  assert.ok(await eventually(() => /"download_cut".*"not_found"/.test(clinic.log)));
  await clinic.sql(`UPDATE account SET role = 'compliance' WHERE id = :'id'`, { id: clinic.people.compliance.id });
  // and so the session
  const orphan = await opened();
  assert.equal((await as.compliance.delete('/v1/session')).status, 204);
  assert.equal((await drained(orphan)).whole, false);
  assert.ok(await eventually(() => /"download_cut".*"not_signed_in"/.test(clinic.log)));
  as.compliance = await clinic.signIn(clinic.people.compliance);
  // and so it is when its time is over, though something is read now and then
  await clinic.restart({ download_seconds: 2 });
  await stepUp();
  const tardy = await opened();
  assert.equal(tardy.statusCode, 200);
  for (const end = Date.now() + 90e3; !/"download_cut".*"request_timeout"/.test(clinic.log); await sleep(100)) assert.ok(Date.now() < end);
  assert.equal((await drained(tardy)).whole, false);
  await clinic.restart({ download_seconds: 3600 });
});

test('what was counted is written when the server is told to stop', async () => {
  const since = await last();
  const kinds = [
    ['403 origin_refused', ...foreign],
    ['404 not_found', 'GET', '/v1/nothing'],
    ['405 method_not_allowed', 'PUT', '/v1/session'],
    ['401 not_signed_in', 'GET', '/v1/session'],
    ['401 not_signed_in', 'GET', '/v1/users', undefined, { authorization: `Bearer ${'x'.repeat(43)}` }],
    ['400 bad_request', 'GET', '/v1/session', undefined, { cookie: '__Host-epione=a; __Host-epione=b' }],
  ];
  for (const [answer, ...request] of kinds) assert.deepEqual(await flood(100, ...request), [answer]);
  assert.deepEqual(await flood(1, 'POST', '/v1/session', { email: 'who@example.org', password: 'it is not known' }), ['401 invalid_credentials']);
  await clinic.stopServer();
  const got = await refusals(since);
  await clinic.startServer();
  assert.deepEqual(Object.fromEntries(Object.entries(got).map(([reason, { n }]) => [reason, n])), {
    origin_refused: 100, not_found: 100, method_not_allowed: 100, not_signed_in: 200, bad_request: 100, invalid_credentials: 1,
  });
  for (const [reason, { rows }] of Object.entries(got)) assert.ok(rows <= 8, `${reason}: ${rows} rows`);
  const [row] = await clinic.sql(`SELECT event, operation FROM audit WHERE seq > ${since} AND count > 1 AND outcome = 'not_found' LIMIT 1`);
  assert.deepEqual(row, { event: 'request.refused', operation: 'none' });
});
