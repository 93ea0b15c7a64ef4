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
      const r = await clients[role].request(row.method, concrete(row.path), row.path === '/v1/visits' && row.method === 'POST'
        ? { patient_id: clinic.patients[0], clinician_id: clinic.people.clinician.id, starts_at: '2030-01-01T10:00:00Z', duration_minutes: 30, reason: 'x' }
        : await validBody(row), { 'if-match': '"1"' });
      assert.equal(r.status, 404, r.text);
      assert.equal(r.body.code, 'not_found');
      const [audit] = await clinic.sql(`SELECT outcome, operation, actor_role FROM audit WHERE request_id = :'id'`, { id: r.headers['x-request-id'] });
      assert.equal(audit?.outcome, 'not_found'); //= AU-01
      assert.equal(audit.actor_role, role);
    });
}

// A denied body must pass the shape, or the shape would answer first.
async function validBody(row) {
  if (row.method === 'GET' || row.method === 'DELETE') return undefined;
  const bodies = {
    'POST /v1/users': { email: 'x@demo.example', display_name: 'X', role: 'scheduler' },
    'POST /v1/patients': { family_name: 'X', given_name: 'Y', birth_date: '2000-01-01', sex: 'female' },
    'POST /v1/patients/{id}/account': { email: 'y@demo.example' },
    'POST /v1/session/totp': { code: '000000' },
  };
  return bodies[`${row.method} ${row.path}`] ?? {};
}

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
