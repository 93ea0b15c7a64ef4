// Who may do what, walked over the tables themselves: every route for every
// role that has no right to it, and without any session.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Client, startClinic } from '../lib/clinic.mjs';

const roles = ['patient', 'clinician', 'scheduler', 'admin', 'compliance'];
const access = readFileSync(new URL('../../docs/ACCESS.md', import.meta.url), 'utf8');
const rows = [...access.matchAll(/^\| `(\w+) ([^`]+)` \| ([^|]+)\| (\w+) \|((?: [^|]+\|){5})/gm)].map(([, method, path, open, , cells]) => ({
  method, path, open: open.trim(),
  without: roles.filter((_, i) => cells.split('|')[i].trim() === '–'),
}));

let clinic;
const clients = {};
before(async () => {
  clinic = await startClinic();
  for (const role of roles) clients[role] = await clinic.signIn(clinic.people[role]);
});
after(async () => {
  for (const c of Object.values(clients)) c.close();
  await clinic?.stop();
});

const concrete = (path) => path.replace('{token}', 'A'.repeat(43)).replace(/\{\w+\}/g, () => randomUUID());
const bodyOf = (method) => (method === 'POST' || method === 'PUT' || method === 'PATCH' ? {} : undefined);

test('the table of routes is there', () => assert.ok(rows.length > 30));

//= AZ-01, IA-02: a cell that is not granted is 404; no credential is 401
for (const row of rows) {
  if (row.open === 'no session needed') continue;
  test(`${row.method} ${row.path} needs a session`, async () => {
    const nobody = new Client(clinic.url);
    const r = await nobody.request(row.method, concrete(row.path), bodyOf(row.method));
    nobody.close();
    assert.equal(r.status, 401);
    assert.equal(r.body.code, 'not_signed_in');
    assert.match(r.headers['www-authenticate'], /^Bearer /);
    assert.equal(r.headers['cache-control'], 'no-store'); //= TR-05
  });
  for (const role of row.without)
    test(`${row.method} ${row.path} is not there for ${role}`, async () => {
      for (const [body, headers] of asks(row)) {
        const r = await clients[role].request(row.method, concrete(row.path) + (row.method === 'GET' ? '?no_such=1' : ''), body, { 'if-match': '"1"', ...headers });
        assert.equal(r.status, 404, `${body} ${r.text}`);
        assert.equal(r.body.code, 'not_found');
        assert.equal(r.body.field, undefined);
        const [audit] = await clinic.sql(`SELECT outcome, operation, actor_role FROM audit WHERE request_id = :'id'`, { id: r.headers['x-request-id'] });
        assert.equal(audit?.outcome, 'not_found'); //= AU-01
        assert.equal(audit.actor_role, role);
      }
    });
}

// Who has no right to a call learns nothing of it from what is wrong with the input.
function asks({ method }) {
  if (method === 'GET' || method === 'DELETE') return [[undefined, {}]];
  return [[{}, {}], [{ no_such: 1 }, {}], ['{', {}], ['x', { 'content-type': 'text/plain' }], [{}, { 'if-match': null }]];
}

//= AZ-01: whose record it is comes before what is wrong with the request
test('about a patient of others every body is 404', async () => {
  const away = clinic.patients.find((id) => id !== clinic.people.patient.patient_id);
  await clinic.sql(`UPDATE care_team SET ended_at = now() WHERE patient_id = :'p'`, { p: away });
  for (const more of [{}, { no_such: 1 }, { reason: 7 }]) {
    const booked = await clients.clinician.post('/v1/visits', { patient_id: away, ...more });
    assert.deepEqual([booked.status, booked.body.field], [404, undefined], booked.text);
    const patched = await clients.clinician.patch(`/v1/patients/${away}`, { sex: 'x', ...more });
    assert.deepEqual([patched.status, patched.body.field], [404, undefined], patched.text);
  }
  // without a patient that could be another's, the fault is named
  for (const patient_id of [undefined, null, 7, 'x', '00000000-0000-0000-0000-000000000000']) {
    const r = await clients.clinician.post('/v1/visits', { patient_id });
    assert.deepEqual([r.status, r.body.field], [422, 'patient_id'], r.text);
  }
});

test('another clinic’s ids and ids that do not exist look the same', async () => {
  const nothing = await clients.scheduler.get(`/v1/patients/${randomUUID()}`);
  const foreign = await clients.clinician.get(`/v1/patients/${clinic.patients[5]}`);
  assert.equal(nothing.status, 404);
  assert.ok([200, 404].includes(foreign.status));
  delete nothing.body.request_id;
  if (foreign.status === 404) {
    delete foreign.body.request_id;
    assert.deepEqual(foreign.body, nothing.body);
  }
});
