// Unusual access: what each rule finds in the log and what it leaves alone, once and
// not twice, and that the officer switches rules and judges what they found.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';
import { killedAtEach } from '../lib/killed.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';

let clinic, people, as, own, ids;
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const done = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};
const sleep = (ms) => new Promise((go) => setTimeout(go, ms));
async function until(what, look) {
  for (const end = Date.now() + 120_000; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

/** The three of the afternoon, so many days ago. */
const ago = (days, hour = 15) => {
  const at = new Date(Date.now() - days * 86400e3);
  at.setUTCHours(hour, 0, 0, 0);
  return at.toISOString();
};
const made = async (family_name, given_name, more = {}) => done(await as.scheduler.create('/v1/patients', { family_name, given_name, birth_date: '1971-03-04', sex: 'female', ...more }), 201).id;

/** Events of before, in one transaction; the log is looked through from the first of them on. */
async function planted(...events) {
  const rows = events.flat().map(({ at = ago(2), event = 'patient.read', action = 'R', who = 'scheduler', of = randomUUID(), address = '192.0.2.7', purpose = 'TREAT', outcome = null }) => ({ at, event, action, actor: ids[who], role: people[who].role, of, address, purpose, outcome }));
  await clinic.sql(`UPDATE access_watched SET (tx, seq) = (SELECT max(tx), max(seq) FROM audit_log);
    INSERT INTO audit_log (at, clinic_id, event, action, outcome, actor_id, actor_role, patient_id, address, request_id, operation, purpose)
    SELECT (e->>'at')::timestamptz, :'own', audit_word(e->>'event'), (e->>'action')::"char", CASE WHEN e->>'outcome' <> '' THEN audit_word(e->>'outcome') END,
           (e->>'actor')::uuid, audit_word(e->>'role'), (e->>'of')::uuid, (e->>'address')::inet, gen_random_uuid(), audit_word('planted'), audit_word(e->>'purpose')
      FROM jsonb_array_elements(:'rows') WITH ORDINALITY AS r(e, i) ORDER BY i`, { own, rows: JSON.stringify(rows) });
}
/** Asks for looks, as the clock does, until what was planted was looked at: each waits for whatever was begun before, and stops at what is of this hour. */
async function watched() {
  const behind = async () => (await clinic.sql(`WITH planted AS (SELECT max(l.tx) AS tx FROM audit_log l WHERE l.operation = audit_word('planted'))
    UPDATE access_watched w SET tx = p.tx - 1, seq = 9223372036854775807 FROM planted p WHERE w.tx < p.tx RETURNING w.tx`)).length > 0;
  while (await behind()) await once();
}
async function once() {
  const [{ id }] = await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'access.watch', gen_random_uuid()::text, now()) RETURNING id`);
  await clinic.sql(`SELECT pg_notify('epione_job', '')`);
  await until('looked', async () => (await clinic.sql(`SELECT state FROM job WHERE id = :'id'`, { id }))[0].state === 'done');
}
const found = (rule) => clinic.sql(`SELECT account_id AS who, patient_id AS of, found, usual FROM review WHERE rule = :'rule' ORDER BY id`, { rule });
const look = async (rule, ...events) => {
  await planted(...events);
  await watched();
  return found(rule);
};
/** What somebody's days are like: so many records on each of twelve of them. */
const usualDays = (who, records = 6) => Array.from({ length: 12 }, (_, i) => Array.from({ length: records }, () => ({ who, at: ago(30 - i) }))).flat();

before(async () => {
  clinic = await startClinic();
  people = clinic.people;
  as = {};
  ids = {};
  for (const [name, person] of Object.entries(people)) {
    as[name] = await clinic.signIn(person);
    ids[name] = await clinic.accountId(person);
  }
  [{ own }] = await clinic.sql(`SELECT id AS own FROM clinic`);
  await clinic.startJobs();
  await until('what is due at the start', async () => (await clinic.sql(`SELECT count(*) AS n FROM job WHERE state IN ('waiting', 'running')`))[0].n === '0');
});
after(async () => {
  for (const c of Object.values(as ?? {})) c.close();
  await clinic?.stop();
});

//= AU-07: found by blind index, unless the name is anybody's
test('a patient of the own family name is found, and one of another is not', async () => {
  const [namesake, another] = [await made('Nair', 'Ravi'), await made('Whitcombe', 'Ravi')];
  const worked = await made('Nair', 'Asha');
  assert.deepEqual(await look('same_name', { of: namesake }, { of: another }, { of: namesake, who: 'clinician' },
    { of: worked }, { of: worked, event: 'visit.booked', action: 'C' },
    { of: namesake, at: ago(3), outcome: 'not_found' }, { of: namesake, at: ago(4), purpose: 'BTG' }),
  [{ who: ids.scheduler, of: namesake, found: '2', usual: '' }]);
});

test('who is called otherwise from now on is compared by the new name', async () => {
  const admin = as.admin, user = await admin.get(`/v1/users/${ids.clinician2}`);
  done(await admin.patch(`/v1/users/${ids.clinician2}`, { display_name: 'Dr. Jonas Quill, MD' }, { 'if-match': user.headers.etag }));
  const [is, was] = [await made('Quill', 'Bea'), await made('Lindqvist', 'Bea')];
  const before = (await found('same_name')).length;
  assert.deepEqual((await look('same_name', { of: is, who: 'clinician2' }, { of: was, who: 'clinician2' })).slice(before).map((r) => r.of), [is]);
});

test('a patient who works here is found by name or by address, and not near a visit', async () => {
  const [named, mailed] = [await made('Okafor', 'Maya'), await made('Somebody', 'Else', { email: people.clinician.email })];
  const relative = await made('Okafor', 'Chidi');
  const expected = await made('Okafor', 'Maya', { birth_date: '1972-01-01' });
  await clinic.sql(`INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at, reason, created_by)
    SELECT clinic_id, gen_random_uuid(), id, :'doctor', :'at'::timestamptz, :'at'::timestamptz + interval '20 min', family_name, :'doctor' FROM patient WHERE id = :'expected'`, { doctor: ids.clinician, expected, at: ago(-3) });
  const all = await look('colleague', { of: named }, { of: mailed }, { of: relative }, { of: expected });
  assert.deepEqual(all.map((r) => r.of).sort(), [named, mailed].sort());
});

test('a patient of the telephone number of one’s own record is found', async () => {
  const phone = '+1 555 010 7777';
  await made('Nair', 'Priya', { phone });
  const [partner, another] = [await made('Quist', 'Lena', { phone }), await made('Quist', 'Olof', { phone: '+1 555 010 7778' })];
  assert.deepEqual((await look('household', { of: partner }, { of: another }, { of: partner, who: 'clinician' })).map((r) => [r.who, r.of]), [[ids.scheduler, partner]]);
});

test('a record that nobody else opened for a year is found', async () => {
  const [alone, shared, worked, young] = [await made('Alone', 'Ann'), await made('Shared', 'Sue'), await made('Worked', 'Wyn'), await made('Young', 'Yan')];
  await clinic.sql(`UPDATE patient SET created_at = now() - interval '3 years' WHERE id IN (:'alone', :'shared', :'worked')`, { alone, shared, worked });
  await clinic.sql(`DELETE FROM audit_log WHERE patient_id IN (:'alone', :'shared', :'worked')`, { alone, shared, worked }); // they were made by somebody just now
  assert.deepEqual((await look('dormant', { of: shared, who: 'clinician', at: ago(100) }, { of: alone }, { of: shared }, { of: young },
    { of: worked }, { of: worked, event: 'visit.booked', action: 'C' })).filter((r) => r.who === ids.scheduler), [{ who: ids.scheduler, of: alone, found: '365', usual: '' }]);
});

test('many more records than on the usual day are found, with both numbers', async () => {
  const day = Array.from({ length: 43 }, () => ({ who: 'clinician', at: ago(5) }));
  const busy = Array.from({ length: 43 }, () => ({ who: 'clinician2', at: ago(5) }));
  assert.deepEqual(await look('many_records', usualDays('clinician'), usualDays('clinician2', 20), day, busy),
    [{ who: ids.clinician, of: '', found: '43', usual: '6' }]);
});

test('hours at which somebody never worked are found, the next hour is not', async () => {
  const at = (hour, n) => Array.from({ length: n }, () => ({ who: 'clinician', at: ago(1, hour) }));
  assert.deepEqual(await look('odd_hours', at(3, 2), at(16, 5)), []);
  assert.deepEqual(await look('odd_hours', at(3, 1)), [{ who: ids.clinician, of: '', found: '3', usual: '' }]);
});

test('the same record again and again is found once, unless there is work on it', async () => {
  const [again, worked, seldom] = [randomUUID(), randomUUID(), randomUUID()];
  const on = (of, ...days) => days.map((d) => ({ of, at: ago(d) }));
  const all = await look('repeated', on(again, 9, 6, 4, 3), on(worked, 9, 6, 4), { of: worked, at: ago(5), event: 'visit.booked', action: 'C' }, on(seldom, 6, 4), on(seldom, 40));
  assert.deepEqual(all.map((r) => [r.who, r.of]), [], 'whose records there are not here');
  const [real, used] = [await made('Again', 'Ada'), await made('Used', 'Uma')];
  await clinic.sql(`DELETE FROM audit_log WHERE patient_id IN (:'real', :'used')`, { real, used });
  assert.deepEqual((await look('repeated', on(real, 9, 6, 4, 3), on(used, 9, 6, 4), { of: used, at: ago(5), event: 'visit.booked', action: 'C' })).map((r) => [r.who, r.of, r.found]),
    [[ids.scheduler, real, '3']]);
});

test('days are the clinic’s, over a change of its clocks too', async (t) => {
  const [{ was }] = await clinic.sql(`SELECT time_zone AS was FROM clinic`);
  t.after(() => clinic.sql(`UPDATE clinic SET time_zone = :'was'`, { was }));
  await clinic.sql(`UPDATE clinic SET time_zone = 'America/New_York'`);
  const [two, three] = [await made('Clock', 'Cleo'), await made('Clock', 'Clea')];
  const on = (of, ...times) => times.map((at) => ({ of, at }));
  const all = await look('repeated', on(two, '2024-03-06T15:00:00Z', '2024-03-07T04:30:00Z', '2024-03-12T15:00:00Z'), on(three, '2024-03-06T15:00:00Z', '2024-03-07T05:30:00Z', '2024-03-12T15:00:00Z'));
  assert.deepEqual([two, three].map((of) => all.filter((r) => r.of === of).length), [0, 1]);
});

test('a clock that was ahead keeps nothing from being looked at', async (t) => {
  t.after(() => clinic.sql(`DELETE FROM audit_log WHERE at > now() + interval '1 day'`));
  const namesake = await made('Nair', 'Later');
  await planted({ at: ago(-400) }, { of: namesake });
  await clinic.sql(`UPDATE access_watched SET tx = (SELECT max(tx) - 1 FROM audit_log WHERE operation = audit_word('planted')), seq = 9223372036854775807`);
  await until('what is behind it is found', async () => {
    await once();
    return (await found('same_name')).some((r) => r.of === namesake);
  });
});

test('a marked record is found, and the mark is for staff', async () => {
  const marked = await made('Marked', 'Mia', { vip: 'yes' }), plain = await made('Plain', 'Pia');
  assert.equal(done(await as.scheduler.get(`/v1/patients/${marked}`)).vip, 'yes');
  assert.equal('vip' in done(await as.patient.get(`/v1/patients/${people.patient.patient_id}`)), false);
  assert.deepEqual((await look('vip', { of: marked }, { of: plain })).map((r) => r.of), [marked]);
  const record = await as.scheduler.get(`/v1/patients/${marked}`);
  done(await as.scheduler.patch(`/v1/patients/${marked}`, { vip: null }, { 'if-match': record.headers.etag }));
  assert.equal((await look('vip', { of: marked, at: ago(3) })).length, 1, 'taken away');
});

test('many records from a new network are found', async () => {
  const from = (address, n) => Array.from({ length: n }, () => ({ who: 'clinician2', address, at: ago(1) }));
  assert.deepEqual(await look('new_network', from('198.51.100.9', 9), from('192.0.2.200', 30)), []);
  assert.deepEqual(await look('new_network', from('198.51.100.200', 1)), [{ who: ids.clinician2, of: '', found: '10', usual: '' }]);
});

//= AU-07: once, however often the log is looked through, and whatever dies
test('what was found is there once, though the job is killed at each step and the log is looked through again', async (t) => {
  const namesake = await made('Nair', 'Twice'), rows = (await found('same_name')).length;
  const relay = await PostgresRelay.before(clinic);
  const through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(() => relay.stop());
  await Promise.all([...clinic.jobs].map((one) => one.kill()));
  clinic.writeJobs('', through);
  await planted({ of: namesake });
  const [from] = await clinic.sql(`SELECT tx, seq FROM access_watched`);
  const [{ id }] = await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'access.watch', 'killed', now()) RETURNING id`);
  const ended = () => until('it is done', async () => (await clinic.sql(`SELECT state FROM job WHERE id = :'id'`, { id }))[0].state === 'done');
  const steps = await killedAtEach(clinic, relay, id, ended);
  assert.ok(steps > 3, `${steps} steps`);
  assert.equal((await found('same_name')).length, rows + 1);
  clinic.writeJobs('', direct);
  await clinic.startJobs();
  await clinic.sql(`UPDATE access_watched SET tx = :'tx', seq = :'seq'`, from);
  await watched();
  assert.equal((await found('same_name')).length, rows + 1);
});

//= AU-07: the officer's, and each change is an event
test('the officer switches rules and moves thresholds; what each came to stands beside it', async () => {
  const read = await as.compliance.get('/v1/access-rules');
  const rule = (body, name) => body.items.find((r) => r.name === name);
  const { found: n, title, least, most, ...same } = rule(done(read), 'same_name');
  assert.deepEqual([same, least, most], [{ name: 'same_name', enabled: true, threshold: 25, unit: 'patients who bear the name, at most', reviewed: 0, justified: 0 }, 1, 100000]);
  assert.ok(n >= 2 && title.length > 0);
  for (const who of ['patient', 'clinician', 'scheduler', 'admin']) {
    refused(await as[who].get('/v1/access-rules'), 404, 'not_found');
    refused(await as[who].patch('/v1/access-rules', {}, { 'if-match': '"1"' }), 404, 'not_found');
  }
  const stranger = new Client(clinic.url);
  refused(await stranger.get('/v1/access-rules'), 401, 'not_signed_in');
  refused(await stranger.patch('/v1/access-rules', {}, { 'if-match': '"1"' }), 401, 'not_signed_in');
  stranger.close();

  const set = (body, tag) => as.compliance.patch('/v1/access-rules', body, { 'if-match': tag });
  refused(await set({ same_name: { threshold: 0 } }, read.headers.etag), 422, 'invalid_field', 'same_name.threshold');
  refused(await set({ dormant: { threshold: 2191 } }, read.headers.etag), 422, 'invalid_field', 'dormant.threshold');
  refused(await set({ no_rule: { enabled: true } }, read.headers.etag), 422, 'unknown_field', 'no_rule');
  const off = await set({ same_name: { threshold: 1 }, vip: { enabled: false } }, read.headers.etag);
  assert.deepEqual([rule(done(off), 'same_name').threshold, rule(off.body, 'same_name').enabled, rule(off.body, 'vip').enabled, rule(off.body, 'vip').threshold], [1, true, false, 7]);
  refused(await set({ vip: { enabled: true } }, read.headers.etag), 412, 'stale');

  const before = [await found('same_name'), await found('vip')].map((r) => r.length);
  await planted({ of: await made('Nair', 'Third') }, { of: await made('Quiet', 'Vic', { vip: 'yes' }) });
  await watched();
  assert.deepEqual([await found('same_name'), await found('vip')].map((r) => r.length), before, 'more than one is called so, and the other is off');
  done(await set({ vip: { enabled: true }, same_name: { threshold: 25 } }, off.headers.etag));
  const events = await clinic.sql(`SELECT outcome, count(*) AS n FROM audit WHERE event = 'access_rules.updated' AND actor_id = :'who' GROUP BY 1 ORDER BY 1`, { who: ids.compliance });
  assert.equal(events.find((e) => e.outcome === 'ok').n, '2');
});

//= AU-07, AZ-06: by somebody else, with words that say nothing of the patient
test('what was found is reviewed with its reason in words', async () => {
  const items = done(await as.compliance.get('/v1/reviews?state=open&limit=100')).items.filter((v) => v.kind === 'unusual_access');
  const many = items.find((v) => v.rule === 'many_records');
  const words = new Date(`${many.day}T00:00Z`).toLocaleDateString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' });
  assert.deepEqual([many.reason, many.patient_id, many.access_until, many.actor.display_name], [`They opened 43 records on ${words}. Their usual day is 6.`, null, null, people.clinician.name]);
  assert.ok(Date.parse(many.from) <= Date.parse(ago(5)) && Date.parse(ago(5)) < Date.parse(many.to));
  for (const item of items) assert.doesNotMatch(item.reason, /Nair|Okafor|\{/);
  const one = items.find((v) => v.rule === 'same_name');
  done(await as.compliance.post(`/v1/reviews/${one.id}/sign`, { finding: 'justified', note: 'Covered the desk. CANARY-NOTE' }), 204);
  const signed = done(await as.compliance.get('/v1/reviews?state=signed&limit=100')).items.find((v) => v.id === one.id);
  assert.deepEqual([signed.note, signed.finding], ['Covered the desk. CANARY-NOTE', 'justified']);
  assert.doesNotMatch((await clinic.sql(`SELECT x::text AS whole FROM review x WHERE id = :'id'`, one))[0].whole, /CANARY/);
  const { reviewed, justified } = done(await as.compliance.get('/v1/access-rules')).items.find((r) => r.name === 'same_name');
  assert.deepEqual([reviewed, justified], [1, 1]);
  await clinic.sql(`UPDATE review SET account_id = :'who' WHERE id = :'id'`, { id: many.id, who: ids.compliance });
  refused(await as.compliance.post(`/v1/reviews/${many.id}/sign`, { finding: 'justified', note: 'x' }), 409, 'own_request');
  const report = done(await as.compliance.get('/v1/reports/unusual_access?limit=100')).items;
  assert.equal(report.find((r) => r.review_id === one.id).finding, 'justified');
  assert.equal(report.length, Number((await clinic.sql(`SELECT count(*) AS n FROM review WHERE kind = 'unusual_access'`))[0].n));
});
