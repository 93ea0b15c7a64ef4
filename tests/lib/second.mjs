// A second clinic of the same installation, with people of its own who are
// signed in, and one of each thing that an address can name.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { Client } from './clinic.mjs';

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+/, '');
const made = (r) => {
  assert.equal(r.status, 201, r.text);
  return r.body;
};

/** A session of whom the operator added: as if signed in with both factors just now. */
async function enter(clinic, account, role) {
  const client = new Client(clinic.url, { role });
  client.token = randomBytes(32).toString('base64url');
  await clinic.sql(`UPDATE account SET totp_confirmed_at = now() WHERE id = :'account';
    INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at, seen_at, idle_s, expires_at, factor_at, step_up_until)
    SELECT clinic_id, gen_random_uuid(), id, sha256(convert_to(:'token', 'UTF8')), 'api', '127.0.0.1', now(), now(), 3600, now() + interval '1 hour', now(), now() + interval '1 hour'
      FROM account WHERE id = :'account'`, { account, token: client.token });
  return client;
}

/** {id, as: {role: Client}, people: {role: id}, invitation, device, ids: {users, patients, visits, …: by the word in the address}, close()} */
export async function secondClinic(clinic, name = 'Elsewhere') {
  const id = await clinic.operator('clinic', 'add', '--name', name);
  const as = {}, people = {};
  const only = async (role) => (await clinic.sql(`SELECT id FROM account WHERE clinic_id = :'id' AND role = :'role'`, { id, role }))[0].id;
  for (const role of ['admin', 'clinician', 'scheduler', 'compliance']) {
    await clinic.operator('user', 'add', '--clinic', name, '--role', role, '--name', `Their ${role}`, '--email', `${role}@elsewhere.example`);
    people[role] = await only(role);
    as[role] = await enter(clinic, people[role], role);
  }
  const patient = made(await as.scheduler.create('/v1/patients', { family_name: 'Elsewhere', given_name: 'Una', birth_date: '1970-01-01', sex: 'other', mrn: 'THEIRS-1', email: 'una@elsewhere.example' })).id;
  made(await as.scheduler.create(`/v1/patients/${patient}/account`, {}));
  people.patient = await only('patient');
  as.patient = await enter(clinic, people.patient, 'patient');
  const visit = made(await as.scheduler.create('/v1/visits', { patient_id: patient, clinician_id: people.clinician, starts_at: iso(Date.now() + 60e3), duration_minutes: 30, reason: 'Theirs' })).id;
  const invited = made(await as.admin.create('/v1/users', { email: 'new@elsewhere.example', display_name: 'New', role: 'clinician' }));
  const guest = made(await as.scheduler.create(`/v1/visits/${visit}/invitations`, { role: 'family', display_name: 'Theirs' })).id;
  const [{ invitation }] = await clinic.sql(`SELECT id AS invitation FROM invitation WHERE account_id = :'account'`, { account: invited.id });
  const [{ session }] = await clinic.sql(`SELECT id AS session FROM session WHERE account_id = :'a'`, { a: people.admin });
  const [{ session: device }] = await clinic.sql(`SELECT id AS session FROM session WHERE account_id = :'a'`, { a: people.clinician });
  const [{ job }] = await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at, state, ended_at) VALUES (:'id', gen_random_uuid(), 'mail.send', 'theirs', now(), 'dead', now()) RETURNING id AS job`, { id });
  const [{ recording }] = await clinic.sql(`INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, prefix, created_at, check_from, keep_until)
    VALUES (:'id', gen_random_uuid(), :'visit', :'patient', :'clinician', md5(random()::text), now(), now(), now() + interval '1 day') RETURNING id AS recording`, { id, visit, patient, clinician: people.clinician });
  await clinic.sql(`INSERT INTO recording_chunk (clinic_id, recording_id, index, object, bytes, sha256, asked_at) VALUES (:'id', :'recording', 0, md5('a') || '/' || md5('b'), 16, sha256('x'), now())`, { id, recording });
  const [{ difference }] = await clinic.sql(`INSERT INTO payment_difference (clinic_id, id, reference, kind, amount_minor, currency, moved_at) VALUES (:'id', gen_random_uuid(), 'txn_second', 'charge', 100, 'USD', now()) RETURNING id AS difference`, { id });
  const [{ payment }] = await clinic.sql(`WITH fee AS (INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency) VALUES (:'id', gen_random_uuid(), 'x', 'X', 100, 'USD') RETURNING id)
    INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor, currency, created_by, state, paid_at)
    SELECT :'id', gen_random_uuid(), :'visit', :'patient', fee.id, 100, 'USD', :'visit', 'paid', now() FROM fee RETURNING id AS payment`, { id, visit, patient });
  const stranger = made(await as.scheduler.create('/v1/patients', { family_name: 'Stranger', given_name: 'Sam', birth_date: '1971-01-01', sex: 'other' })).id;
  const review = made(await as.clinician.create(`/v1/patients/${stranger}/emergency-access`, { reason: 'Theirs' })).id;
  await clinic.sql(`INSERT INTO payment_receipt (clinic_id, payment_id, refunded_minor, pdf) VALUES (:'id', :'payment', 0, '\\x25504446')`, { id, payment });
  const exported = made(await as.patient.create(`/v1/patients/${patient}/exports`, { format: 'fhir' })).id;
  const run = made(await as.compliance.create('/v1/report-runs', { report: 'keys', format: 'csv' })).id;
  const incident = made(await as.compliance.create('/v1/incidents', { kind: 'other', title: 'Theirs', discovered_at: iso(Date.now() - 60e3) })).id;
  return {
    id, as, people, invitation: guest, device, exported,
    // in an order in which all can be done: the last ones are deactivated
    ids: { recordings: recording, 'payment-differences': difference, payments: payment, visits: visit, patients: patient, approvals: invited.approval.id, reviews: review, incidents: incident, invitations: invitation, jobs: job, sessions: session, 'report-runs': run, users: people.clinician },
    close: () => Object.values(as).forEach((c) => c.close()),
  };
}
