// To whom a record was disclosed: written down with it, and told to its patient.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';

let clinic, as, id, other;
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const done = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};
const WHAT = { basis: 'court', recipient: 'CANARY-COURT of Rockingham County\n1 Court Street', data: 'Visits of 2023', purpose: 'A subpoena of 4 March', at: '2024-03-05T10:00:00Z' };
const days = (n) => new Date(Date.now() + n * 86400e3).toISOString().replace(/\.\d+/, '');
const note = (more = {}, who = as.scheduler, of = id) => who.create(`/v1/patients/${of}/disclosures`, { ...WHAT, ...more });
const list = async (who = as.patient, query = 'limit=100', of = id) => done(await who.get(`/v1/patients/${of}/disclosures?${query}`)).items;
const fresh = () => clinic.sql(`UPDATE session SET step_up_until = now() + interval '5 minutes'`);

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const role of ['patient', 'clinician', 'scheduler', 'admin', 'compliance']) as[role] = await clinic.signIn(clinic.people[role]);
  as.guest = await clinic.guest();
  id = clinic.people.patient.patient_id;
  other = clinic.patients.find((p) => p !== id);
});
after(async () => {
  for (const c of Object.values(as ?? {})) c.close();
  await clinic?.stop();
});

//= AU-09: date, recipient and address, what and why
test('a disclosure is written down by who may see the record, sealed, and told to the patient', async () => {
  const ids = [];
  for (const role of ['clinician', 'scheduler', 'compliance']) ids.push(done(await note({}, as[role]), 201).id);
  const items = await list();
  assert.deepEqual(items.map((d) => d.id).sort(), [...ids].sort());
  const mine = items.find((d) => d.id === ids[1]);
  const { created_at, ...rest } = mine;
  assert.deepEqual(rest, { id: ids[1], at: WHAT.at, basis: 'court', recipient: WHAT.recipient, data: WHAT.data, purpose: WHAT.purpose, suspended_until: null, actor: { id: await clinic.accountId(clinic.people.scheduler), display_name: clinic.people.scheduler.name } });
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60e3);
  for (const role of ['clinician', 'scheduler', 'compliance']) assert.deepEqual(await list(as[role]), items);
  const rows = await clinic.sql(`SELECT encode(recipient, 'escape') || x::text AS whole FROM disclosure x`);
  assert.equal(rows.length, 3);
  assert.ok(!/CANARY/.test(JSON.stringify(rows) + clinic.log));
  const events = (await clinic.audit(`event LIKE 'disclosure.%' AND outcome = 'ok'`)).map((e) => [e.event, e.patient_id]);
  assert.ok(events.every(([, of]) => of === id) && events.some(([e]) => e === 'disclosure.noted') && events.some(([e]) => e === 'disclosure.listed'));
});

test('what is missing or makes no sense is refused, with the field named', async () => {
  for (const field of Object.keys(WHAT)) refused(await note({ [field]: undefined }), 422, 'missing_field', field);
  for (const [more, field] of [[{ basis: 'copy' }, 'basis'], [{ basis: 'treatment' }, 'basis'], [{ recipient: ' ' }, 'recipient'], [{ data: 'x'.repeat(1001) }, 'data'], [{ at: days(1) }, 'at'],
    [{ suspended_until: days(30) }, 'suspended_until'], [{ recipient: null }, 'recipient']]) {
    const r = await note(more);
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
  const key = randomUUID(), path = `/v1/patients/${id}/disclosures`;
  const twice = [done(await as.scheduler.create(path, WHAT, key), 201), done(await as.scheduler.create(path, WHAT, key), 201)];
  assert.deepEqual(twice[0], twice[1]);
});

test('nobody else writes or reads it', async () => {
  const before = (await list(as.compliance)).length;
  for (const role of ['patient', 'admin', 'guest']) refused(await note({}, as[role]), 404, 'not_found');
  for (const role of ['admin', 'guest']) refused(await as[role].get(`/v1/patients/${id}/disclosures`), 404, 'not_found');
  refused(await as.patient.get(`/v1/patients/${other}/disclosures`), 404, 'not_found');
  await clinic.sql(`DELETE FROM care_team WHERE patient_id = :'other'`, { other });
  refused(await as.clinician.get(`/v1/patients/${other}/disclosures`), 404, 'not_found');
  refused(await note({}, as.clinician, other), 404, 'not_found');
  refused(await note({}, as.scheduler, randomUUID()), 404, 'not_found');
  assert.equal((await list(as.compliance)).length, before);
});

//= AU-09: any span of six years
test('it goes back six years, in pages, the newest first, or over a span', async () => {
  const of = other;
  const [old, young] = [days(-6 * 365.25 - 3), days(-6 * 365.25 + 3)];
  for (const at of [old, young, '2024-03-05T10:00:00Z', '2024-03-05T10:00:00Z', '2025-01-01T00:00:00Z']) done(await note({ at }, as.scheduler, of), 201);
  const all = await list(as.compliance, 'limit=100', of);
  assert.deepEqual(all.map((d) => d.at), ['2025-01-01T00:00:00Z', '2024-03-05T10:00:00Z', '2024-03-05T10:00:00Z', young]);
  const seen = [];
  for (let cursor = null; ; ) {
    const body = done(await as.compliance.get(`/v1/patients/${of}/disclosures?limit=1${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`));
    seen.push(...body.items);
    if (!(cursor = body.next_cursor)) break;
  }
  assert.deepEqual(seen, all);
  assert.deepEqual((await list(as.compliance, 'from=2024-03-05T10:00:00Z&to=2025-01-01T00:00:00Z', of)).map((d) => d.at), ['2024-03-05T10:00:00Z', '2024-03-05T10:00:00Z']);
});

//= AU-09: 164.528(a)(2)
test('what the police ask to be kept from the patient is told them when its time is over', async () => {
  for (const basis of ['police', 'oversight']) {
    const made = done(await note({ basis, suspended_until: days(30) }), 201);
    const shown = async (who) => (await list(who)).find((d) => d.id === made.id);
    assert.equal(await shown(as.patient), undefined, basis);
    assert.equal((await shown(as.compliance)).basis, basis);
    for (const by of ['event', 'day']) {
      const saw = async (who) => done(await who.get(`/v1/patients/${id}/accesses?limit=100&by=${by}`)).items.flatMap((e) => e.events ?? [e.event]);
      assert.ok(!(await saw(as.patient)).includes('disclosure.noted'), `nor from who saw the record, by ${by}`);
      assert.ok((await saw(as.compliance)).includes('disclosure.noted'), by);
    }
    await clinic.sql(`ALTER TABLE disclosure DISABLE TRIGGER disclosure_kept; UPDATE disclosure SET suspended_until = now() - interval '1 minute' WHERE id = :'id'; ALTER TABLE disclosure ENABLE TRIGGER disclosure_kept`, made);
    assert.equal((await shown(as.patient)).basis, basis);
  }
});

//= AU-09
test('a copy that staff take away is written down by itself, and one that patients take is none', async () => {
  const take = async (who) => {
    await fresh();
    const made = done(await who.create(`/v1/patients/${id}/exports`, { format: 'fhir' }), 201);
    done(await who.get(`/v1/patients/${id}/exports/${made.id}/content`));
  };
  const copies = async () => (await list()).filter((d) => d.basis === 'copy');
  await take(as.patient);
  assert.deepEqual(await copies(), []);
  await take(as.scheduler);
  await take(as.clinician);
  assert.deepEqual((await copies()).map((d) => [d.actor.display_name, d.recipient, d.data, d.purpose]).sort(), [clinic.people.clinician.name, clinic.people.scheduler.name].sort().map((name) => [name, null, null, null]));
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  const { id: never } = await fresh().then(() => as.scheduler.create(`/v1/patients/${id}/exports`, { format: 'fhir' })).then((r) => r.body);
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  refused(await as.scheduler.get(`/v1/patients/${id}/exports/${never}/content`), 403, 'step_up_required');
  assert.equal((await copies()).length, 2, 'none of what was refused');
});

test('the officer has a report of them, without what people wrote', async () => {
  const run = async (query) => done(await as.compliance.get(`/v1/reports/disclosures?from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z&limit=100&${query}`)).items;
  const all = await run(''), mine = await run(`patient_id=${id}`);
  assert.ok(all.length > mine.length && mine.length > 0 && mine.every((d) => d.patient_id === id));
  assert.equal(mine[0].created_by_name !== null, true);
  assert.ok(!/CANARY/.test(JSON.stringify(all)));
  assert.equal(done(await as.compliance.get('/v1/reports/retention?limit=100')).items.find((k) => k.kind === 'Disclosures').due, 0);
});

//= EN-05: what does not open hides nothing but itself
test('a damaged disclosure leaves the others to be read', async () => {
  const [a, b] = [done(await note(), 201).id, done(await note(), 201).id];
  await clinic.sql(`ALTER TABLE disclosure DISABLE TRIGGER disclosure_kept; UPDATE disclosure SET purpose = set_byte(purpose, 20, get_byte(purpose, 20) # 1) WHERE id = :'a'; ALTER TABLE disclosure ENABLE TRIGGER disclosure_kept`, { a });
  const items = await list();
  assert.deepEqual([a, b].map((one) => items.find((d) => d.id === one).purpose), [null, WHAT.purpose]);
  assert.match(clinic.log, /"sealed_value_refused"[^\n]*disclosure\.purpose/);
});

//= AU-09: not even by the owner
test('what was disclosed stays written down, when the record is shredded too', async () => {
  const was = (await clinic.sql(`SELECT count(*) AS n FROM disclosure`))[0].n;
  for (const role of ['epione_server', 'epione_jobs', 'epione_reporter', 'epione_owner'])
    for (const statement of [`UPDATE disclosure SET basis = 'law'`, 'DELETE FROM disclosure', 'TRUNCATE disclosure'])
      await assert.rejects(clinic.sql(`SET LOCAL ROLE ${role}; ${statement}`), /permission denied|stays written down/, `${role}: ${statement}`);
  await clinic.sql(`UPDATE record_key SET wrapped = NULL, shredded_at = now() WHERE subject_id = :'other'`, { other });
  const left = await list(as.compliance, 'limit=100', other);
  assert.deepEqual([left.length, left[0].basis, left[0].recipient, left[0].data], [4, 'court', null, null]);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM disclosure`))[0].n, was);
  refused(await note({}, as.scheduler, other), 404, 'not_found');
});
