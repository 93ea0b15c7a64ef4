// The officer's reports: what is planted stands in them, line by line, and nothing
// of another clinic.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Client, startClinic, totp } from '../lib/clinic.mjs';
import { secondClinic } from '../lib/second.mjs';

let clinic, as, own, theirs, staff, patient, other, alone;
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const run = async (name, query = '') => {
  const r = await as.compliance.get(`/v1/reports/${name}?${query}`);
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};
const only = (rows, ...members) => rows.map((r) => members.map((m) => r[m]));
const lines = (text) => text.trimEnd().split('\r\n');
const table = (name, query = '') => as.compliance.get(`/v1/reports/${name}?${query}`, { accept: 'text/csv' });
/** A span long ago, where nothing is but what is planted there. */
const past = 'from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z';

/** Puts an event into the log, as of then. */
async function plant({ at, clinic_id = own, event, action = 'R', outcome = null, actor = null, role = 'clinician', of = null, record = null, returned = null, address = '192.0.2.7', count = null }) {
  const [{ seq }] = await clinic.sql(`INSERT INTO audit_log (at, clinic_id, event, action, outcome, actor_id, actor_role, patient_id, record_id, returned, address, count, request_id, operation, purpose)
    VALUES (:'at', :'clinic_id', audit_word(:'event'), :'action', CASE WHEN :'outcome' <> '' THEN audit_word(:'outcome') END, nullif(:'actor', '')::uuid, CASE WHEN :'actor' <> '' THEN audit_word(:'role') END,
      nullif(:'of', '')::uuid, nullif(:'record', '')::uuid, nullif(:'returned', '')::uuid[], :'address', nullif(:'count', '')::integer, gen_random_uuid(), audit_word('planted'), audit_word('TREAT')) RETURNING seq`,
  { at, clinic_id, event, action, outcome: outcome ?? '', actor: actor ?? '', role, of: of ?? '', record: record ?? '', returned: returned ?? '', address, count: count ?? '' });
  return Number(seq);
}

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
  // while the clinic has the server for itself
  [{ own }] = await clinic.sql(`SELECT id AS own FROM clinic`);
  await plant({ at: '2024-04-08T09:00:00Z', clinic_id: '00000000-0000-0000-0000-000000000000', event: 'session.created', action: 'E', outcome: 'invalid_credentials', count: 9 });
  alone = await run('refusals', 'from=2024-04-01T00:00:00Z&to=2024-04-30T00:00:00Z');
  theirs = await secondClinic(clinic);
  staff = clinic.people.clinician.id ?? await clinic.accountId(clinic.people.clinician);
  ([patient, other] = clinic.patients);
});
after(async () => {
  theirs?.close();
  for (const c of Object.values(as ?? {})) c.close();
  await clinic?.stop();
});

test('the list says what each report answers, takes and shows', async () => {
  const { body: { items, next_cursor } } = await as.compliance.get('/v1/reports');
  assert.equal(next_cursor, null);
  assert.deepEqual(items.map((r) => r.name), ['access', 'access_review', 'accounts_changed', 'attention', 'breach_scope', 'consents', 'disclosures', 'emergency_access', 'incidents', 'keys', 'passwords',
    'patient_access', 'payments', 'recordings', 'refusals', 'refused_days', 'reports_run', 'retention', 'safeguards', 'sign_ins', 'unusual_access', 'user_activity']);
  for (const r of items) {
    assert.match(r.description, /\?/, r.name);
    assert.match(r.safeguards, /^45 CFR 164\./, r.name);
    const [row] = await run(r.name, r.parameters.filter((p, i) => p.required || (p.one && r.parameters.findIndex((q) => q.one) === i)).map((p) => `${p.name}=${p.kind === 'patient' ? patient : staff}`).join('&'));
    if (row) assert.deepEqual(Object.keys(row), r.columns.map((c) => c.name), r.name);
  }
  const review = items.find((r) => r.name === 'access_review');
  assert.deepEqual(review.parameters.map((p) => [p.name, p.kind, p.min, p.max, p.choices, p.default, p.required]), [
    ['who', 'choice', null, null, ['staff', 'patients'], 'staff', false], ['dormant_days', 'int', 1, 3650, [], '90', false]]);
  assert.deepEqual(review.columns.filter((c) => c.sealed).map((c) => c.name), ['name', 'granted_by_name', 'confirmed_by_name']);
  for (const who of ['patient', 'clinician', 'scheduler', 'admin']) refused(await as[who].get('/v1/reports'), 404, 'not_found');
});

//= AU-07: by user, patient, period, action
test('what was done, by whom, to whose record', async () => {
  const name = clinic.people.clinician.name;
  const read = await plant({ at: '2024-03-05T10:00:00Z', event: 'patient.read', actor: staff, of: patient });
  const found = await plant({ at: '2024-03-05T11:00:00Z', event: 'patient.searched', actor: staff, returned: `{${patient},${other}}`, count: 3 });
  const changed = await plant({ at: '2024-03-06T09:00:00Z', event: 'patient.updated', action: 'U', actor: clinic.people.scheduler.id ?? await clinic.accountId(clinic.people.scheduler), role: 'scheduler', of: other });
  const denied = await plant({ at: '2024-03-07T09:00:00Z', event: 'patient.read', actor: staff, of: other, outcome: 'not_found' });
  await plant({ at: '2024-03-05T10:30:00Z', clinic_id: theirs.id, event: 'patient.read', actor: theirs.people.clinician, of: patient });
  await plant({ at: '2024-03-05T10:31:00Z', clinic_id: theirs.id, event: 'patient.read', actor: staff, of: patient, outcome: 'not_found' });

  assert.deepEqual(only(await run('access', past), 'seq', 'at', 'event', 'actor_name', 'actor_role', 'patient_id', 'returned', 'times', 'address'), [
    [changed, '2024-03-06T09:00:00Z', 'patient.updated', clinic.people.scheduler.name, 'scheduler', other, 0, 1, '192.0.2.7'],
    [found, '2024-03-05T11:00:00Z', 'patient.searched', name, 'clinician', null, 2, 3, '192.0.2.7'],
    [read, '2024-03-05T10:00:00Z', 'patient.read', name, 'clinician', patient, 0, 1, '192.0.2.7']]);
  assert.deepEqual(only(await run('access', `${past}&actor_id=${staff}`), 'seq'), [[found], [read]]);
  assert.deepEqual(only(await run('access', `${past}&action=U`), 'seq'), [[changed]]);
  assert.deepEqual(await run('access', `${past}&actor_id=${theirs.people.clinician}`), []);

  //= AU-12: who searched and got them stands there, too
  assert.deepEqual(only(await run('patient_access', `${past}&patient_id=${patient}`), 'seq', 'how', 'actor_name', 'event'), [
    [found, 'in a list', name, 'patient.searched'], [read, 'record', name, 'patient.read']]);
  assert.deepEqual(only(await run('user_activity', `${past}&actor_id=${staff}`), 'seq', 'outcome', 'patient_id'), [
    [denied, 'not_found', other], [found, 'ok', null], [read, 'ok', patient]]);
  const stranger = await plant({ at: '2024-03-08T09:00:00Z', clinic_id: '00000000-0000-0000-0000-000000000000', event: 'session.created', action: 'E', outcome: 'invalid_credentials' });
  assert.deepEqual(only(await run('refusals', past), 'seq', 'outcome', 'actor_name', 'patient_id'), [[denied, 'not_found', name, other]], 'with two clinics strangers are the operator’s');
  assert.ok(stranger > denied);
  assert.deepEqual(only(alone, 'at', 'outcome', 'actor_id', 'times'), [['2024-04-08T09:00:00Z', 'invalid_credentials', null, 9]], 'with one they are its own');
  assert.deepEqual(await run('refusals', `${past}&actor_id=${theirs.people.clinician}`), []);
});

test('sign-ins are counted by account, network and hour', async () => {
  const span = 'from=2024-05-01T00:00:00Z&to=2024-05-31T00:00:00Z', one = { actor: staff, action: 'E', address: '198.51.100.9' };
  await plant({ ...one, at: '2024-05-05T10:00:00Z', event: 'session.created' });
  await plant({ ...one, at: '2024-05-05T10:01:00Z', event: 'session.factor', outcome: 'invalid_code', count: 4 });
  await plant({ ...one, at: '2024-05-05T10:02:00Z', event: 'session.factor' });
  await plant({ ...one, at: '2024-05-05T12:02:00Z', event: 'session.recovered', address: '2001:db8:1:2:3::4' });
  await plant({ ...one, at: '2024-05-05T12:03:00Z', event: 'session.ended' });
  await plant({ ...one, at: '2024-05-05T12:03:00Z', clinic_id: theirs.id, event: 'session.factor' });
  assert.deepEqual(only(await run('sign_ins', span), 'hour', 'actor_name', 'network', 'signed_in', 'failed'), [
    ['2024-05-05T10:00:00Z', clinic.people.clinician.name, '198.51.100.0/24', 1, 4],
    ['2024-05-05T12:00:00Z', clinic.people.clinician.name, '2001:db8:1:2::/64', 1, 0]]);
  assert.deepEqual(await run('sign_ins', `${span}&actor_id=${theirs.people.clinician}`), []);
});

//= AZ-12: user, role, last sign-in, last change, who granted
test('accounts are reviewed: rights, who gave them, use and protection', async () => {
  const admin = await clinic.accountId(clinic.people.admin), officer = await clinic.accountId(clinic.people.compliance);
  await clinic.sql(`UPDATE account SET last_sign_in_at = now() - interval '100 days', password_changed_at = now() - interval '12 days 1 hour' WHERE id = :'staff'`, { staff });
  await clinic.sql(`INSERT INTO approval (clinic_id, id, kind, account_id, role, requested_by, created_at, expires_at, state, decided_by, decided_at)
    VALUES (:'own', gen_random_uuid(), 'role', :'staff', 'clinician', :'admin', now(), now(), 'confirmed', :'officer', '2036-06-01T08:00:00Z')`, { own, staff, admin, officer });
  const all = await run('access_review', 'limit=100'), mine = all.find((a) => a.account_id === staff);
  const { account_id, created_at, ...rest } = mine;
  assert.ok(Date.parse(rest.last_sign_in_at) < Date.now() - 99 * 864e5);
  delete rest.last_sign_in_at;
  assert.deepEqual(rest, { name: clinic.people.clinician.name, role: 'clinician', state: 'active', granted_by: admin, granted_by_name: clinic.people.admin.name,
    confirmed_by: officer, confirmed_by_name: clinic.people.compliance.name, changed_at: '2036-06-01T08:00:00Z', password_days: 12, factor: 'authenticator', dormant: true });
  const ids = (await clinic.sql(`SELECT id FROM account WHERE clinic_id = :'own' AND role <> 'patient' ORDER BY id`, { own })).map((r) => r.id);
  assert.deepEqual(all.map((a) => a.account_id), ids);
  assert.deepEqual((await run('access_review', 'dormant_days=101&limit=100')).filter((a) => a.dormant && a.account_id === staff), []);
  const patients = await run('access_review', 'who=patients&limit=100');
  assert.ok(patients.length > 0 && patients.every((a) => a.role === 'patient' && a.name === null), 'patients are ids');

  const span = 'from=2024-06-01T00:00:00Z&to=2024-06-30T00:00:00Z';
  const joined = await plant({ at: '2024-06-03T08:00:00Z', event: 'user.created', action: 'C', actor: admin, role: 'admin', record: staff });
  const left = await plant({ at: '2024-06-04T08:00:00Z', event: 'user.deactivated', action: 'U', actor: admin, role: 'admin', record: staff });
  await plant({ at: '2024-06-04T08:10:00Z', event: 'user.deactivated', action: 'U', outcome: 'own_account', actor: admin, role: 'admin', record: admin });
  await plant({ at: '2024-06-04T08:20:00Z', event: 'visit.booked', action: 'C', actor: staff });
  await plant({ at: '2024-06-04T08:30:00Z', clinic_id: theirs.id, event: 'user.created', action: 'C', actor: theirs.people.admin, record: theirs.people.clinician });
  const [{ approval }] = await clinic.sql(`SELECT id AS approval FROM approval WHERE account_id = :'staff' AND kind = 'role'`, { staff });
  const right = await plant({ at: '2024-06-05T08:00:00Z', event: 'approval.confirmed', action: 'E', actor: officer, role: 'compliance', record: approval });
  assert.deepEqual(only(await run('accounts_changed', span), 'seq', 'event', 'account_id', 'name', 'detail', 'actor_name'), [
    [right, 'approval.confirmed', staff, clinic.people.clinician.name, 'role: clinician', clinic.people.compliance.name],
    [left, 'user.deactivated', staff, clinic.people.clinician.name, null, clinic.people.admin.name],
    [joined, 'user.created', staff, clinic.people.clinician.name, null, clinic.people.admin.name]]);
});

// A deviation from the standards is said, with what makes up for it
test('the policy of passwords is held against the standards', async () => {
  const rule = async (name) => (await run('passwords', 'limit=100')).find((r) => r.rule === name);
  await clinic.sql(`UPDATE clinic SET password_max_age_days = 90 WHERE id = :'own'`, { own });
  const on = await rule('Passwords that run out');
  assert.deepEqual([on.here, on.differs], ['after 90 days', true]);
  assert.match(on.standard, /SP 800-63B-4.*6\.2\.10/);
  assert.match(on.compensation, /0 days turns it off/);
  await clinic.sql(`UPDATE clinic SET password_max_age_days = 0 WHERE id = :'own'`, { own });
  const off = await rule('Passwords that run out');
  assert.deepEqual([off.here, off.differs, off.compensation], ['never, unless marked as known to others', false, null]);
  await clinic.sql(`UPDATE clinic SET password_max_age_days = 90 WHERE id = :'own'`, { own });
});

test('keys, recordings, consents and payments are listed as they stand', async () => {
  const keys = await clinic.sql(`SELECT class, version FROM class_key WHERE clinic_id = :'own' ORDER BY class, version DESC`, { own });
  const shown = await run('keys', 'limit=100');
  assert.deepEqual(only(shown, 'class', 'version'), keys.map((k) => [k.class, Number(k.version)]));
  assert.ok(shown.some((k) => k.class === 'patient' && k.newest && k.age_days === 0));

  const [{ visit }] = await clinic.sql(`SELECT id AS visit FROM visit WHERE clinic_id = :'own' AND patient_id = :'patient' LIMIT 1`, { own, patient });
  const [{ recording }] = await clinic.sql(`INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, prefix, state, duration_s, created_at, check_from, keep_until, hold_at, hold_by)
    VALUES (:'own', gen_random_uuid(), :'visit', :'patient', :'staff', md5(random()::text), 'stored', 61, '2024-03-09T10:00:00Z', now(), '2034-03-09T10:00:00Z', '2024-03-10T10:00:00Z', :'staff') RETURNING id AS recording`, { own, visit, patient, staff });
  await clinic.sql(`UPDATE recording SET created_at = '2024-03-09T10:00:00Z' WHERE id = :'id'`, { id: theirs.ids.recordings });
  assert.deepEqual(only(await run('recordings', past), 'recording_id', 'patient_id', 'clinician_name', 'state', 'duration_s', 'keep_until', 'hold_by_name', 'deleted_at'), [
    [recording, patient, clinic.people.clinician.name, 'stored', 61, '2034-03-09T10:00:00Z', clinic.people.clinician.name, null]]);

  await clinic.sql(`INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording, at)
    VALUES (:'own', gen_random_uuid(), :'recording', :'staff', 'clinician', true, 2, '2024-03-09T10:00:00Z'), (:'own', gen_random_uuid(), :'recording', :'staff', 'clinician', false, 2, '2024-03-09T10:00:05Z'),
      (:'their', gen_random_uuid(), :'theirs', :'them', 'clinician', true, 2, '2024-03-09T10:00:00Z')`, { own, recording, staff, their: theirs.id, theirs: theirs.ids.recordings, them: theirs.people.clinician });
  assert.deepEqual(only(await run('consents', past), 'at', 'recording_id', 'patient_id', 'name', 'given', 'wording'), [
    ['2024-03-09T10:00:00Z', recording, patient, clinic.people.clinician.name, true, 2], ['2024-03-09T10:00:05Z', recording, patient, clinic.people.clinician.name, false, 2]]);

  await clinic.sql(`WITH fee AS (INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency) VALUES (:'own', gen_random_uuid(), 'told', 'Told', 4500, 'USD') RETURNING id)
    INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor, currency, created_by, state, paid_at, created_at, difference, refunded_minor)
    SELECT :'own', gen_random_uuid(), :'visit', :'patient', fee.id, 4500, 'USD', :'staff', 'paid', '2024-03-09T11:00:00Z', '2024-03-09T10:00:00Z', '=amount', 500 FROM fee`, { own, visit, patient, staff });
  await clinic.sql(`UPDATE payment SET created_at = '2024-03-09T10:00:00Z' WHERE id = :'id'`, { id: theirs.ids.payments });
  assert.deepEqual(only(await run('payments', past), 'patient_id', 'amount_minor', 'currency', 'state', 'paid_at', 'refunded_minor', 'difference', 'restricted', 'created_by_name'), [
    [patient, 4500, 'USD', 'paid', '2024-03-09T11:00:00Z', 500, '=amount', false, clinic.people.clinician.name]]);

  const kept = Object.fromEntries((await run('retention')).map((r) => [r.kind, r]));
  const [{ n, held }] = await clinic.sql(`SELECT count(*) AS n, count(hold_at) AS held FROM recording WHERE clinic_id = :'own'`, { own });
  assert.deepEqual([kept.Recordings.count, kept.Recordings.held, kept.Recordings.oldest_at], [Number(n), Number(held), '2024-03-09T10:00:00Z']);
  assert.equal(kept['Audit log'].oldest_at, '2024-03-05T10:00:00Z');
  assert.equal(kept['Payments and receipts'].count, Number((await clinic.sql(`SELECT count(*) AS n FROM payment WHERE clinic_id = :'own'`, { own }))[0].n));
});

//= AZ-06: who opened records outside of their care, and what the review found
test('emergency access stands with its review', async () => {
  const away = clinic.patients.at(-1), officer = await clinic.accountId(clinic.people.compliance);
  await clinic.sql(`UPDATE care_team SET until = now() WHERE account_id = :'staff' AND patient_id = :'away'; UPDATE session SET step_up_until = now() + interval '1 hour' WHERE account_id = :'staff'`, { staff, away });
  const made = async () => {
    const r = await as.clinician.create(`/v1/patients/${away}/emergency-access`, { reason: 'Collapsed in the street' });
    assert.ok(r.status < 300, r.text);
  };
  await made();
  const mine = async () => (await run('emergency_access', 'limit=100')).filter((r) => r.patient_id === away);
  const [waits] = await mine();
  assert.deepEqual([waits.name, waits.finding, waits.signed_at, waits.signed_by_name, waits.open_days], [clinic.people.clinician.name, null, null, null, 0]);
  await clinic.sql(`UPDATE review SET finding = 'justified', signed_at = now(), signed_by = :'officer' WHERE id = :'id'`, { officer, id: waits.review_id });
  const [signed] = await mine();
  assert.deepEqual([signed.finding, signed.signed_by_name, signed.open_days], ['justified', clinic.people.compliance.name, null]);
  assert.ok(!JSON.stringify(await mine()).includes('street'), 'its reason is sealed, and read at the review alone');
  assert.deepEqual((await run('emergency_access', 'limit=100')).filter((r) => r.review_id === theirs.ids.reviews), []);
});

test('each rule has what meets it, evidence of now, and what is left to the clinic', async () => {
  const rows = await run('safeguards', 'limit=100');
  for (const family of ['164.308', '164.310', '164.312', '164.314', '164.316']) assert.ok(rows.some((r) => r.rule.startsWith(family)), family);
  const of = (rule) => rows.find((r) => r.rule === rule);
  const today = (evidence, said) => assert.ok(Math.abs(Date.parse(new RegExp(`^${said} (\\d{4}-\\d\\d-\\d\\d)`).exec(evidence)?.[1]) - Date.now()) < 2 * 864e5, evidence);
  await run('access_review');
  today((await run('safeguards', 'limit=100')).find((r) => r.rule === '164.308(a)(4)(ii)(B), (C)').evidence, 'last review');
  assert.equal(of('164.312(b)').evidence, 'last verified never');
  await plant({ at: new Date().toISOString(), event: 'audit.verified', action: 'E' });
  today((await run('safeguards', 'limit=100')).find((r) => r.rule === '164.312(b)').evidence, 'last verified');
  assert.match(of('164.308(a)(7)(ii)(A), (B)').duty, /restore/);
});

//= AU-12: running a report is an event that names it and its parameters
test('who ran which report stands in the log, its parameters by their digest', async () => {
  await run('user_activity', `${past}&actor_id=${staff}`);
  const parameters = JSON.stringify({ actor_id: staff, from: '2024-03-01T00:00:00Z', to: '2024-03-31T00:00:00Z' });
  const [e] = (await clinic.audit(`event = 'report.run' AND operation = 'report_user_activity'`)).slice(-1);
  const digest = createHash('sha256').update(`user_activity ${parameters}`).digest();
  digest[6] = 0x80 | (digest[6] & 15);
  digest[8] = 0x80 | (digest[8] & 63);
  assert.equal(e.record_id.replaceAll('-', ''), digest.subarray(0, 16).toString('hex'));
  assert.deepEqual([e.outcome, e.actor_role, e.patient_id], ['ok', 'compliance', '']);
  const [newest] = await run('reports_run');
  assert.deepEqual([newest.report, newest.parameters, newest.actor_name], ['user_activity', parameters, clinic.people.compliance.name]);
  await run('patient_access', `${past}&patient_id=${patient}`);
  assert.equal((await clinic.audit(`operation = 'report_patient_access'`)).at(-1).patient_id, patient, 'whose record was asked about');
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM report_asked WHERE clinic_id = :'their' AND report <> 'keys'`, { their: theirs.id }))[0].n, '0');
});

test('what a report does not take is one error that names it, and nothing is run', async () => {
  const [{ n }] = await clinic.sql('SELECT count(*) AS n FROM report_asked');
  const ask = (query) => as.compliance.get(`/v1/reports/${query}`);
  refused(await ask('access?from=1926-01-01T00:00:00Z'), 422, 'invalid_field', 'from');
  refused(await ask('access?from=2024-01-01T00:00:00Z&to=2124-01-01T00:00:00Z'), 422, 'invalid_field', 'from');
  refused(await ask('access?from=2024-02-01T00:00:00Z&to=2024-01-01T00:00:00Z'), 422, 'invalid_field', 'to');
  refused(await ask('access?from=yesterday'), 422, 'invalid_field', 'from');
  refused(await ask('access?action=X'), 422, 'invalid_field', 'action');
  refused(await ask('access?since=2024-01-01T00:00:00Z'), 422, 'unknown_field', 'since');
  refused(await ask('access_review?dormant_days=0'), 422, 'invalid_field', 'dormant_days');
  for (const odd of ['3651', '+9', '%209', '%2B9']) refused(await ask(`access_review?dormant_days=${odd}`), 422, 'invalid_field', 'dormant_days');
  refused(await ask('access_review?from=2024-01-01T00:00:00Z'), 422, 'unknown_field', 'from');
  refused(await ask('patient_access'), 422, 'missing_field', 'patient_id');
  refused(await ask('user_activity?actor_id=x'), 422, 'invalid_field', 'actor_id');
  refused(await ask('nothing'), 404, 'not_found');
  assert.equal((await clinic.sql('SELECT count(*) AS n FROM report_asked'))[0].n, n);
});

//= AZ-09, AU-07: a copy asks for a fresh code; a spreadsheet runs nothing of it
test('a report is taken away as a table, all of it, made harmless', async () => {
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  refused(await table('payments', past), 403, 'step_up_required');
  await clinic.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: await clinic.accountId(clinic.people.compliance) });
  assert.equal((await as.compliance.post('/v1/session/step-up', { code: totp(clinic.people.compliance.totp_secret) })).status, 200);
  const paid = await table('payments', past);
  assert.match(paid.headers['content-type'], /^text\/csv/);
  assert.equal(paid.headers['content-disposition'], 'attachment; filename="payments.csv"');
  const [head, row, ...none] = lines(paid.text);
  assert.deepEqual(none, []);
  assert.ok(head.startsWith('"created_at","payment_id","visit_id","patient_id","amount_minor"'), head);
  assert.ok(row.includes(`,"'=amount",`) && row.includes('"2024-03-09T10:00:00Z"'), row);

  const span = 'from=2024-08-01T00:00:00Z&to=2024-08-31T00:00:00Z';
  await clinic.sql(`INSERT INTO audit_log (at, clinic_id, event, action, actor_id, actor_role, request_id, operation, purpose)
    SELECT timestamptz '2024-08-02T00:00:00Z' + n / 3 * interval '1 second', :'own', audit_word('visit.read'), 'R', :'staff', audit_word('clinician'), gen_random_uuid(), audit_word('planted'), audit_word('TREAT') FROM generate_series(1, 450) n`, { own, staff });
  const seqs = (await clinic.sql(`SELECT seq FROM audit_log WHERE clinic_id = :'own' AND at >= '2024-08-01Z' AND at < '2024-08-31Z' ORDER BY at DESC, seq DESC`, { own })).map((r) => r.seq);
  const [, ...all] = lines((await table('access', span)).text);
  assert.deepEqual(all.map((l) => l.split(',').at(-1)), seqs.map((s) => `"${s}"`));
  const paged = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await as.compliance.get(`/v1/reports/access?${span}&limit=70${cursor}`);
    paged.push(...body.items.map((e) => String(e.seq)));
    cursor = body.next_cursor && `&cursor=${body.next_cursor}`;
  }
  assert.deepEqual(paged, seqs);
  for (const [name, query] of [['access_review', ''], ['recordings', past], ['sign_ins', 'from=2024-05-01T00:00:00Z&to=2024-05-31T00:00:00Z'], ['accounts_changed', 'from=2024-06-01T00:00:00Z&to=2024-06-30T00:00:00Z']]) {
    const full = await run(name, `${query}&limit=100`), one = [];
    for (let cursor = ''; cursor !== null;) {
      const { body } = await as.compliance.get(`/v1/reports/${name}?${query}&limit=1${cursor}`);
      one.push(...body.items);
      cursor = body.next_cursor && `&cursor=${body.next_cursor}`;
    }
    assert.deepEqual(one, full, name);
  }
});

//= AZ-04: the second lock: by a role that reads no sealed value and no key
test('reports are read by a role of their own, and the server is itself again afterwards', async () => {
  await clinic.sql('REVOKE SELECT ON payment FROM epione_reporter; REVOKE SELECT (clinic_id, id, visit_id, patient_id, amount_minor, currency, state, refunded_minor, dispute, difference, restricted, paid_at, created_at, created_by) ON payment FROM epione_reporter');
  assert.equal((await as.compliance.get(`/v1/reports/payments?${past}`)).status, 500);
  assert.equal((await as.scheduler.get('/v1/payments')).status, 200, 'the server’s own role still may');
  await clinic.sql('GRANT SELECT (clinic_id, id, visit_id, patient_id, amount_minor, currency, state, refunded_minor, dispute, difference, restricted, paid_at, created_at, created_by) ON payment TO epione_reporter');
  assert.equal((await run('payments', past)).length, 1);
  const rights = await clinic.sql(`SELECT has_table_privilege('epione_reporter', c.oid, 'INSERT') OR has_table_privilege('epione_reporter', c.oid, 'UPDATE') OR has_table_privilege('epione_reporter', c.oid, 'DELETE') AS writes,
      has_any_column_privilege('epione_reporter', 'record_key', 'SELECT') AS keys FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`);
  assert.ok(rights.every((r) => r.writes === 'f' && r.keys === 'f'));
  const sealed = await clinic.sql(`SELECT c.relname, a.attname FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
      WHERE d.description LIKE 'sealed:%' AND has_column_privilege('epione_reporter', c.oid, a.attnum, 'SELECT')`);
  assert.deepEqual(sealed, []);
});

//= AU-06, AU-07
test('what needs attention, and what was refused, by day of the clinic', async () => {
  await clinic.sql(`UPDATE clinic SET time_zone = 'America/New_York' WHERE id = :'own'`, { own });
  const by = { actor: staff, clinic_id: own };
  for (const at of ['2023-03-05T04:59:59Z', '2023-03-05T05:00:00Z']) await plant({ ...by, at, event: 'session.factor', action: 'E', outcome: 'invalid_code' });
  await plant({ ...by, at: '2023-03-05T12:00:00Z', event: 'patient.read', outcome: 'not_found', count: 3 });
  await plant({ ...by, at: '2023-03-05T12:00:00Z', event: 'patient.read', of: patient });
  await plant({ at: '2023-03-05T12:00:00Z', clinic_id: theirs.id, event: 'patient.read', actor: staff, outcome: 'not_found' });
  assert.deepEqual(only(await run('refused_days', 'from=2023-03-01T00:00:00Z&to=2023-03-31T00:00:00Z'), 'day', 'sign_ins', 'others'), [
    ['2023-03-04T05:00:00Z', 1, 0], ['2023-03-05T05:00:00Z', 1, 3]]);
  await clinic.sql(`UPDATE clinic SET time_zone = 'UTC' WHERE id = :'own'`, { own });

  await clinic.sql(`DELETE FROM review WHERE clinic_id = :'own'`, { own });
  const before = (await run('attention'))[0];
  assert.deepEqual([before.reviews_open, before.oldest_review_at], [0, null]);
  await clinic.sql(`INSERT INTO review (clinic_id, id, kind, patient_id, account_id, reason, created_at, access_until)
    SELECT :'own', gen_random_uuid(), 'emergency_access', p.id, :'staff', p.family_name, '2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z' FROM patient p WHERE p.id = :'patient'`, { own, staff, patient });
  await plant({ at: new Date(Date.now() - 3600e3).toISOString(), clinic_id: own, event: 'audit.verified', action: 'E' });
  await run('access_review');
  const after = (await run('attention'))[0];
  assert.deepEqual([after.reviews_open, after.oldest_review_at], [1, '2024-01-02T03:04:05Z']);
  const [{ verified, reviewed }] = await clinic.sql(`SELECT max(at) FILTER (WHERE event = 'audit.verified') AS verified, max(at) FILTER (WHERE operation = 'report_access_review') AS reviewed FROM audit WHERE clinic_id = :'own' AND outcome = 'ok'`, { own });
  for (const [said, at] of [[after.verified_at, verified], [after.access_review_at, reviewed]]) assert.equal(Math.floor(Date.parse(said) / 1000), Math.floor(Date.parse(at) / 1000));
  await clinic.sql(`DELETE FROM review WHERE clinic_id = :'own'`, { own });
});
