// How long the log is kept: a month of it goes when it is six years old, unless it is
// held; its hashes stay, and what comes after it is proved as before. And the log in a
// dump, which is checked without a database.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { checkpointRead, isConsistent, leafHash, rootByInclusion, rootOf } from '../lib/audit-verifier.mjs';
import { startClinic } from '../lib/clinic.mjs';

const NIL = '00000000-0000-0000-0000-000000000000';
const run = promisify(execFile);
let clinic, admin, officer, jobs, id;

const one = async (text, params) => Object.values((await clinic.sql(text, params))[0])[0];
const until = async (what, look) => {
  for (const end = Date.now() + 120_000; ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `never: ${what}\n${jobs?.log.slice(-1500)}`);
  }
};
const sealed = () => until('all is sealed', async () => Number(await one('SELECT count(*) FROM audit_log l, audit_sealed s WHERE (l.tx, l.seq) > (s.tx, s.seq)')) === 0);
async function verify(...more) {
  const from = more.includes('--from-dump') ? [] : ['--database', await clinic.address('owner')];
  return clinic.ctl('audit', 'verify', '--config', path.join(clinic.dir, 'epione.conf'), ...from, ...more)
    .then((r) => ({ status: 0, out: r.stdout, err: r.stderr }), (e) => ({ status: e.code, out: e.stdout, err: e.stderr }));
}
const right = async (...more) => {
  const r = await verify(...more);
  assert.deepEqual([r.status, r.err], [0, ''], r.out);
  return r.out;
};
const wrong = async (what, ...more) => {
  const r = await verify(...more);
  assert.equal(r.status, 1, `${what}: ${r.out}${r.err}`);
  assert.match(r.err, what);
};
const policy = async (changes) => admin.patch('/v1/clinic/policy', changes, { 'if-match': (await admin.get('/v1/clinic/policy')).headers.etag });
const ok = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};
/** The month so many months ago: its beginning, and its partition. */
const month = (back) => `(date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '${back} months')`;
const there = (back) => one(`SELECT to_regclass(audit_month_name(${month(back)})) IS NOT NULL`);
/** Events of these months, in this order, so many of each; every tenth is nobody's. */
const happened = (months, times) => clinic.sql(`SELECT audit_months(${month(74)}, ${month(71)});
  INSERT INTO audit_log (at, clinic_id, request_id, event, operation, purpose, action)
  SELECT ${month('1')} - m.back * interval '1 month' + interval '1 month' + interval '3 days' + g * interval '1 second', CASE WHEN g % 10 = 0 THEN :'nil' ELSE :'id' END::uuid, gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R'
    FROM generate_series(1, ${times}) g CROSS JOIN LATERAL unnest(ARRAY[${months}]) WITH ORDINALITY AS m(back, place) ORDER BY g, m.place`, { id, nil: NIL });
/** As if it were the next day's. */
async function retain() {
  const [{ job }] = await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES (:'nil', gen_random_uuid(), 'audit.retain', gen_random_uuid()::text, now()) RETURNING id AS job`, { nil: NIL });
  await clinic.sql(`SELECT pg_notify('epione_job', '')`);
  await until('retention is done', async () => await one(`SELECT state FROM job WHERE id = :'job'`, { job }) === 'done');
}
const entries = async (of) => (await clinic.sql(`SELECT to_jsonb(e) - 'tx' - 'clinic_id' AS e, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
    FROM audit_log l CROSS JOIN LATERAL audit_entry_of(l) AS e, audit_sealed s WHERE e.clinic_id = :'of' AND (e.tx, e.seq) <= (s.tx, s.seq) ORDER BY e.tx, e.seq`, { of }))
  .map((r) => ({ ...JSON.parse(r.e), at: r.at, returned: JSON.parse(r.e).returned ?? [] }));
/** As docs/AUDIT.md says: the leaves that are kept, and which of them have no event any more. */
async function log(of) {
  const hex = await one(`SELECT encode(string_agg(hashes, '' ORDER BY first), 'hex') FROM audit_tile WHERE clinic_id = :'of' AND level = 0`, { of });
  const leaves = hex.match(/.{64}/g).map((h) => Buffer.from(h, 'hex'));
  const gone = new Set((await clinic.sql(`SELECT first, n FROM audit_gone WHERE clinic_id = :'of'`, { of })).flatMap((g) => Array.from({ length: Number(g.n) }, (_, i) => Number(g.first) + i)));
  return { leaves, gone };
}

before(async () => {
  clinic = await startClinic();
  admin = await clinic.signIn(clinic.people.admin);
  officer = await clinic.signIn(clinic.people.compliance);
  id = await one('SELECT id FROM clinic');
  await clinic.sql('UPDATE clinic SET audit_hold = 1'); // until it is asked for
  await happened('74, 74, 73', 150);
  await happened('73, 72', 150);
  await happened('72', 20);
  jobs = await clinic.startJobs();
  await sealed();
});
after(() => clinic?.stop());

//= AU-06: six years, never less, and a hold counts more
test('what is younger, or held, or not sealed, stays', async () => {
  const r = await policy({ audit_years: 5 });
  assert.deepEqual([r.status, r.body.code, r.body.field], [422, 'invalid_field', 'audit_years']);
  await assert.rejects(clinic.sql('UPDATE clinic SET audit_years = 5'), /clinic_audit_years_check/);
  assert.equal((await officer.get('/v1/reports/retention')).body.items[0].held, 1);
  await retain();
  assert.deepEqual([await there(74), await there(73)], ['t', 't'], 'held');
  ok(await policy({ audit_hold: 0, audit_years: 7 }));
  await retain();
  assert.deepEqual([await there(74), await there(73)], ['t', 't'], 'seven years');
  ok(await policy({ audit_years: 6 }));
  await jobs.kill();
  await happened('74', 1);
  assert.equal(await one('SELECT audit_retain()'), '0');
  assert.equal(await there(74), 't', 'not sealed');
  // an event that is missing already is evidence: nothing goes
  jobs = await clinic.startJobs();
  await sealed();
  await jobs.kill();
  await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_log WHERE clinic_id = :'id' AND at < ${month(73)} ORDER BY tx, seq LIMIT 40; DELETE FROM audit_log WHERE seq IN (SELECT seq FROM was)`, { id });
  await assert.rejects(clinic.sql('SELECT audit_retain()'), /the log is not what was sealed/);
  await clinic.sql('INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM was; DROP TABLE was');
  // so that the last of them is followed by others
  await happened('72', 1);
  jobs = await clinic.startJobs();
  await sealed();
  await right();
});

//= AU-06: and what is left is proved as before
test('a month that is six years old goes, says so, and leaves its hashes', async () => {
  const [old] = await clinic.sql(`SELECT seq FROM audit_log WHERE clinic_id = :'id' AND at < ${month(73)} ORDER BY seq LIMIT 1 OFFSET 5`, { id });
  const [young] = await clinic.sql(`SELECT seq FROM audit_log WHERE clinic_id = :'id' AND at BETWEEN ${month(72)} AND ${month(71)} ORDER BY seq LIMIT 1 OFFSET 5`, { id });
  const key = ok(await officer.get('/v1/audit/key')) ?? (await officer.get('/v1/audit/key')).text;
  const note = (await officer.get('/v1/audit/checkpoint')).text, seen = checkpointRead(note, String(key));
  ok(await officer.get(`/v1/audit/${old.seq}/proof`));
  const counts = await clinic.sql(`SELECT clinic_id, count(*) AS n FROM audit_log WHERE at < ${month(72)} AND at >= ${month(74)} GROUP BY 1 ORDER BY 1`);
  await retain();
  assert.deepEqual([await there(74), await there(73), await there(72)], ['f', 'f', 't']);
  await sealed();
  const said = await clinic.sql(`SELECT * FROM audit WHERE event = 'audit.month_gone'`);
  assert.equal(said.length, 4, 'of each month, in each log');
  for (const { clinic_id, n } of counts) assert.equal(said.filter((e) => e.clinic_id === clinic_id).reduce((sum, e) => sum + Number(e.count), 0), Number(n));
  assert.ok(said.every((e) => /^audit_retain \d{4}-\d\d$/.test(e.operation) && e.action === 'D' && e.actor_role === 'system'));
  const kept = path.join(clinic.dir, 'kept');
  writeFileSync(kept, note);
  const out = await right('--checkpoint', kept);
  for (const { n } of counts) assert.match(out, new RegExp(`; of ${n} that are gone by retention the hashes are\n`));
  // the stranger's verifier agrees
  for (const of of [id, NIL]) {
    const { leaves, gone } = await log(of), rows = (await entries(of)).map(leafHash);
    assert.deepEqual(leaves.filter((_, i) => !gone.has(i)), rows);
    assert.equal(rootOf(leaves).toString('base64'), (await one(`SELECT note FROM audit_tree WHERE clinic_id = :'of'`, { of })).split('\n')[2]);
  }
  for (const of of [`${old.seq}`, `${old.seq}/proof`]) {
    const r = await officer.get(`/v1/audit/${of}`);
    assert.deepEqual([r.status, r.body.code], [410, 'gone_by_retention']);
  }
  const { event, leaf } = ok(await officer.get(`/v1/audit/${young.seq}`)), proof = ok(await officer.get(`/v1/audit/${young.seq}/proof`));
  const now = checkpointRead(proof.checkpoint, String(key)), decoded = (list) => list.map((h) => Buffer.from(h, 'base64'));
  assert.deepEqual([leafHash(event), rootByInclusion(leafHash(event), leaf.index, now.size, decoded(proof.hashes))], [Buffer.from(leaf.hash, 'base64'), now.root]);
  const { hashes } = ok(await officer.get(`/v1/audit/consistency?from=${seen.size}&to=${now.size}`));
  assert.ok(isConsistent(seen.size, seen.root, now.size, now.root, decoded(hashes)));
});

//= AU-04, AU-06: retention is no excuse for what somebody took away
test('what is said to be gone and is not so old is found', async () => {
  await sealed();
  await jobs.kill();
  await right();
  const { leaves, gone } = await log(id), rows = await entries(id);
  const there = leaves.map((_, i) => i).filter((i) => !gone.has(i));
  for (const place of [there.length - 3, there.length - 1]) {
    const { seq } = rows[place], leaf = there[place];
    await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_log WHERE seq = ${seq}; DELETE FROM audit_log WHERE seq = ${seq}; INSERT INTO audit_gone VALUES ('${id}', ${leaf}, 1, '2019-01-01')`);
    await wrong(/said to be gone by retention, and are not so old/);
    await clinic.sql(`INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM was; DROP TABLE was; DELETE FROM audit_gone WHERE first = ${leaf}`);
  }
  await right();
});

//= AU-04: without a database, and without our server
test('a dump is checked as the database is, and says who altered what', async () => {
  const file = path.join(clinic.dir, 'dump.sql');
  const dump = async (...more) => run('pg_dump', ['-d', await clinic.address('owner'), '-f', file, ...more], { env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg', 'pgpass') } });
  await dump('--data-only');
  const was = readFileSync(file, 'utf8'), lines = was.split('\n');
  const check = (text) => { writeFileSync(file, text); return ['--from-dump', file]; };
  const out = await right('--from-dump', file);
  assert.deepEqual(out.match(/\d+ events are/g), (await right()).match(/\d+ events are/g));
  await dump();
  await right('--from-dump', file);
  const at = lines.findIndex((l) => l.startsWith('COPY public.audit_log_') && l.includes('FROM stdin')), columns = lines[at].match(/\((.*)\)/)[1].split(', ');
  const first = lines.findIndex((l, i) => i > at && l.split('\t')[columns.indexOf('clinic_id')] === id), row = lines[first].split('\t'), seq = row[columns.indexOf('seq')];
  const changed = (name, value) => lines.map((l, i) => i === first ? row.map((f, k) => columns[k] === name ? value : f).join('\t') : l).join('\n');
  const other = { seq: '999999', tx: '7', at: '2020-05-05 05:05:05.5+00', clinic_id: NIL, action: 'U', address: '192.0.2.1', count: '2', returned: `{${id}}`, session: '7' };
  for (const name of columns) {
    const word = ['event', 'outcome', 'operation', 'actor_role', 'purpose'].includes(name), value = other[name] ?? (word ? '9' : NIL.replaceAll('0', '1'));
    if (value === row[columns.indexOf(name)]) continue;
    await wrong(['seq', 'tx', 'clinic_id'].includes(name) ? /leaf \d+: / : new RegExp(`leaf \\d+: an event was altered: event ${seq} of `), ...check(changed(name, value)));
  }
  await wrong(/leaf \d+: 1 of the events sealed here were removed, before: event/, ...check(lines.filter((_, i) => i !== first).join('\n')));
  await wrong(/an event was inserted|altered/, ...check([...lines.slice(0, first), changed('seq', '0').split('\n')[first], ...lines.slice(first)].join('\n')));
  await right(...check([...lines.slice(0, first), lines[first + 1], lines[first], ...lines.slice(first + 2)].join('\n'))); // as rows lie is nothing
  await wrong(/is none: a column is missing/, ...check(changed('at', 'yesterday')));
  await wrong(/the dump is not whole/, ...check(was.slice(0, was.indexOf('COPY public.audit_tile'))));
  const zone = was.replaceAll(/(\t\d{4}-\d\d-\d\d )00(:\d\d:\d\d\.\d+)\+00/g, '$105$2+05');
  await right(...check(zone)); // a dump says its times in any zone
  // whoever made it may have made it so: what is long is no longer than its room, and nothing of it is told but where
  const second = lines.findIndex((l, i) => i > first && l.split('\t')[columns.indexOf('clinic_id')] === id), long = { [first]: 100_000, [second]: 199_000 };
  await wrong(new RegExp(`leaf \\d+: an event was altered: event ${seq} of `), ...check(lines.map((l, i) => long[i]
    ? l.split('\t').map((f, k) => columns[k] === 'patient_id' ? '\u0001'.repeat(long[i]) : columns[k] === 'record_id' ? '\\N' : f).join('\t') : l).join('\n')));
  const told = (table, column, value) => {
    const from = lines.findIndex((l) => l.startsWith(`COPY public.${table} (`)), at = lines[from].match(/\((.*)\)/)[1].split(', ').indexOf(column), to = lines.indexOf('\\.', from);
    return lines.map((l, i) => i > from && i < to ? l.split('\t').map((f, k) => k === at ? value : f).join('\t') : l).join('\n');
  };
  await wrong(/^epionectl: row \d+ of class_key in the dump cannot be read\n/, ...check(told('class_key', 'version', 'x')));
  await wrong(/^epionectl: row 1 of audit_gone in the dump cannot be read\n/, ...check(told('audit_gone', 'n', '9223372036854775807')));
  assert.match(await right(...check(told('clinic', 'name', '\u001b[2J'))), /^\?\[2J: \d+ events/m);
  await clinic.noteAudit();
});
