// What is planted in every field of a patient is found nowhere at rest.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startClinic } from '../lib/clinic.mjs';

let clinic;
before(async () => { clinic = await startClinic(); });
after(() => clinic?.stop());

const mark = () => `Canary${randomBytes(6).toString('hex')}`;
const canaries = {
  family_name: mark(), given_name: mark(), mrn: mark(), ssn: '900-55-' + String(randomBytes(2).readUInt16BE() % 9000 + 1000),
  phone: '+1999' + randomBytes(4).readUInt32BE(), email: `${mark().toLowerCase()}@demo.example`,
  line1: mark(), line2: mark(), city: mark(), language: 'tlh', contact: mark(), payer: mark(), member_id: mark(), reason: mark(), password: mark(),
};

// of an issuer that no test names otherwise
const card = '4556737586899855';
const written = ['4556 7375 8689 9855', '4556-7375-8689-9855', `Visa ${card}, 12/29`, '٤٥٥٦ 7375 8689 9855', '４５５６７３７５８６８９９８５５'];

/** All ways in which a value might have been written down: as it was sent, and as it is compared. */
function forms(value) {
  const digits = value.replace(/\D/g, '');
  return [...new Set([value, value.toLowerCase(), ...(/^[-+\d]+$/.test(value) ? [digits] : [])])].flatMap((form) => {
    const b = Buffer.from(form);
    return [b, Buffer.from(b.toString('hex')), Buffer.from(b.toString('base64').replace(/=+$/, '').slice(0, -2))];
  });
}

function* files(dir) {
  for (const name of readdirSync(dir)) {
    const full = path.join(dir, name);
    const st = statSync(full, { throwIfNoEntry: false });
    if (st?.isDirectory()) yield* files(full);
    else if (st?.isFile()) yield full;
  }
}

//= PY-01: in any text of a body or a query it is refused, naming where it stood
test('a card number is refused wherever it is written, and only there', async () => {
  const front = await clinic.signIn(clinic.people.scheduler);
  const patient = { family_name: 'Card', given_name: null, birth_date: null, sex: 'unknown' };
  const visit = { patient_id: clinic.people.patient.patient_id, clinician_id: clinic.people.clinician.id, starts_at: '2031-06-05T10:00:00Z', duration_minutes: 30, reason: 'x' };
  const refused = async (field, method, path, body) => {
    const r = await front.request(method, path, body);
    assert.deepEqual([r.status, r.body.code, r.body.field], [422, 'card_number', field], r.text);
    assert.ok(!r.text.replace(/\D/g, '').includes(card), 'and is not told back');
  };
  for (const text of written) {
    for (const field of ['family_name', 'given_name', 'language']) await refused(field, 'POST', '/v1/patients', { ...patient, [field]: text });
    await refused('address.line1', 'POST', '/v1/patients', { ...patient, address: { line1: text } });
    await refused('insurance.payer', 'POST', '/v1/patients', { ...patient, insurance: { payer: text, member_id: '1' } });
    await refused('reason', 'POST', '/v1/visits', { ...visit, reason: `knee\n${text}` });
    await refused('name', 'POST', '/v1/patients/search', { name: text });
    await refused('status', 'GET', `/v1/visits?status=${encodeURIComponent(text)}`);
    await refused('note.text', 'POST', '/v1/visits', { ...visit, note: [{ text }] });
  }
  for (const [field, body] of [['mrn', { mrn: card }], ['phone', { phone: written[0] }], ['email', { email: `${card}@demo.example` }], ['insurance.member_id', { insurance: { payer: 'x', member_id: written[1] } }]])
    await refused(field, 'POST', '/v1/patients', { ...patient, ...body });
  await refused('duration_minutes', 'POST', '/v1/visits', { ...visit, duration_minutes: Number(card) });
  await refused(undefined, 'POST', '/v1/visits', { ...visit, [written[0]]: 1 });
  const fine = await front.create('/v1/patients', { ...patient, mrn: `MRN${card}`, phone: '+378282246310005', insurance: { payer: '2026-11-28', member_id: `XYZ${card}` } });
  assert.equal(fine.status, 201, fine.text);
  await clinic.sql(`UPDATE patient SET mrn = NULL, mrn_token = NULL, insurance = NULL WHERE id = :'id'`, { id: fine.body.id });
  front.close();
});

//= EN-01: dump, heap, WAL, temporary files and logs hold no canary
//= AU-03: nor does any log
test('no canary is found in a dump, the database files, the WAL or the logs', async () => {
  const front = await clinic.signIn(clinic.people.scheduler);
  const made = await front.create('/v1/patients', {
    family_name: canaries.family_name, given_name: canaries.given_name, birth_date: '1931-02-03', sex: 'female',
    mrn: canaries.mrn, ssn: canaries.ssn, phone: canaries.phone, email: canaries.email,
    address: { line1: canaries.line1, line2: canaries.line2, city: canaries.city, state: 'IL', postal_code: '62701', country: 'US' },
    language: 'en', emergency_contact: { name: canaries.contact, phone: canaries.phone }, insurance: { payer: canaries.payer, member_id: canaries.member_id },
  });
  assert.equal(made.status, 201, made.text);
  const visit = await front.create('/v1/visits', {
    patient_id: made.body.id, clinician_id: clinic.people.clinician.id, starts_at: '2031-05-05T10:00:00Z', duration_minutes: 30, reason: canaries.reason,
  });
  assert.equal(visit.status, 201, visit.text);
  assert.equal((await front.get(`/v1/patients/${made.body.id}`)).body.family_name, canaries.family_name);
  assert.equal((await front.search({ family_name: canaries.family_name.slice(0, 9) })).body.items.length, 1);
  const wrong = await front.post('/v1/session', { email: canaries.email, password: canaries.password, client: 'api' }, { authorization: null });
  assert.equal(wrong.status, 401);
  await front.post('/v1/patients', { family_name: canaries.family_name, nonsense: canaries.reason });
  await clinic.sql('CHECKPOINT');
  const whole = (await clinic.address('super')).replace('/postgres?', '/epione?');
  writeFileSync(path.join(clinic.dir, 'dump.sql'), execFileSync('pg_dump', ['--no-password', whole], { maxBuffer: 1 << 28, env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') } }));
  writeFileSync(path.join(clinic.dir, 'server.log'), clinic.log);

  const needles = Object.entries(canaries).filter(([k]) => k !== 'language').concat([...written, card].map((v) => ['card', v])).flatMap(([k, v]) => forms(v).map((f) => [k, f]));
  let looked = 0;
  const hits = [];
  for (const file of files(clinic.dir)) {
    const content = readFileSync(file);
    looked += content.length;
    for (const [name, needle] of needles) if (content.includes(needle)) hits.push(`${name} in ${path.relative(clinic.dir, file)}`);
  }
  assert.deepEqual(hits, []);
  assert.ok(looked > 20e6, 'the WAL alone is 16 MiB');
  const control = readFileSync(path.join(clinic.dir, 'dump.sql'));
  assert.ok(control.includes(Buffer.from(made.body.id)), 'the dump is the right one: it holds the row by id');
});
