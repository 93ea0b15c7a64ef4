// Who may do what, walked over the tables themselves: every route for every
// role that has no right to it, and without any session.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Client, startClinic } from '../lib/clinic.mjs';
import { secondClinic } from '../lib/second.mjs';

const roles = ['patient', 'clinician', 'scheduler', 'admin', 'compliance', 'guest'];
const access = readFileSync(new URL('../../docs/ACCESS.md', import.meta.url), 'utf8');
const rows = [...access.matchAll(/^\| `(\w+) ([^`]+)` \| ([^|]+)\| (\w+) \|((?: [^|]+\|){6})/gm)].map(([, method, path, open, , cells]) => ({
  method, path, open: open.trim(),
  without: roles.filter((_, i) => cells.split('|')[i].trim() === '–'),
}));

let clinic;
const clients = {};
before(async () => {
  clinic = await startClinic();
  for (const role of roles) clients[role] = role === 'guest' ? await clinic.guest() : await clinic.signIn(clinic.people[role]);
});
after(async () => {
  for (const c of Object.values(clients)) c.close();
  await clinic?.stop();
});

const concrete = (path) => path.replace('{token}', 'A'.repeat(43)).replace('{index}', '0').replace('{seq}', '1').replace(/\{\w+\}/g, () => randomUUID());
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
      const ids = [];
      for (const [body, headers] of asks(row)) {
        const r = await clients[role].request(row.method, concrete(row.path) + (row.method === 'GET' ? '?no_such=1' : ''), body, { 'if-match': '"1"', ...headers });
        assert.equal(r.status, 404, `${body} ${r.text}`);
        assert.equal(r.body.code, 'not_found');
        assert.equal(r.body.field, undefined);
        ids.push(r.headers['x-request-id']);
      }
      //= AU-01
      const audit = await clinic.sql(`SELECT request_id, outcome, actor_role FROM audit WHERE request_id = ANY (:'ids')`, { ids: `{${ids}}` });
      assert.deepEqual(ids.map((id) => audit.find((one) => one.request_id === id)), ids.map((id) => ({ request_id: id, outcome: 'not_found', actor_role: role })));
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
  await clinic.sql(`UPDATE care_team SET until = now() WHERE patient_id = :'p'`, { p: away });
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

const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const operation = (row) => document.paths[row.path][row.method.toLowerCase()].operationId;

//= AZ-01: what a page offers is what the tables grant, and nothing that would be refused
test('a session says what its actor may do', async () => {
  for (const role of roles) {
    const granted = rows.filter((row) => (role === 'guest' ? /any session|`guest`/ : /any session|`active`/).test(row.open) && !row.path.includes('{') && !row.without.includes(role));
    const { body } = await clients[role].get('/v1/session');
    assert.deepEqual(body.may, granted.map(operation), role);
  }
  const half = new Client(clinic.url, { role: 'admin' });
  const { email, password } = clinic.people.admin;
  assert.equal((await half.post('/v1/session', { email, password, client: 'api' })).status, 200);
  assert.deepEqual((await half.get('/v1/session')).body.may, ['session_read', 'session_totp', 'session_recovery', 'session_delete']);
  half.close();
});

test('a record says what this actor may do with it', async () => {
  const { patient_id } = clinic.people.patient;
  const may = async (role, path) => (await clients[role].get(path)).body.may?.sort();
  const record = `/v1/patients/${patient_id}`;
  assert.deepEqual(await may('patient', record), ['care_team_list', 'disclosure_list', 'export_content', 'export_create', 'export_read', 'patient_access_proof', 'patient_accesses', 'patient_patch', 'patient_read']);
  const desk = await may('scheduler', record);
  for (const name of ['patient_read', 'patient_patch', 'patient_account', 'care_team_add', 'visit_book']) assert.ok(desk.includes(name), name);
  assert.ok(!desk.includes('patient_accesses'));
  assert.deepEqual(await may('admin', '/v1/clinic/policy'), ['policy_patch', 'policy_read']);
  assert.deepEqual(await may('compliance', '/v1/clinic/policy'), ['policy_read']);
  const patched = await clients.patient.patch(record, { language: 'sv' }, { 'if-match': (await clients.patient.get(record)).headers.etag });
  assert.deepEqual(patched.body.may.sort(), ['care_team_list', 'disclosure_list', 'export_content', 'export_create', 'export_read', 'patient_access_proof', 'patient_accesses', 'patient_patch', 'patient_read']);
});

test('a visit says what this actor may do with it now, in a list too', async () => {
  const { patient_id } = clinic.people.patient;
  const { body: { items: doctors } } = await clients.scheduler.get('/v1/users?role=clinician');
  const me = (await clients.clinician.get('/v1/session')).body.user.id;
  assert.ok(doctors.some((d) => d.id === me));
  await clinic.sql(`UPDATE visit SET status = 'cancelled', ended_at = now() WHERE status IN ('booked', 'arrived', 'in_call')`);
  const at = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '');
  const made = await clients.scheduler.create('/v1/visits', { patient_id, clinician_id: me, starts_at: at, duration_minutes: 30, reason: 'x' });
  assert.equal(made.status, 201, made.text);
  const path = `/v1/visits/${made.body.id}`;
  const steps = ['visit_patch', 'visit_check_in', 'visit_admit', 'visit_end', 'visit_cancel', 'visit_no_show', 'visit_signal'];
  const right = { patient: ['check_in', 'cancel', 'signal'], clinician: ['patch', 'admit', 'end', 'cancel', 'no_show', 'signal'], scheduler: ['patch', 'check_in', 'cancel', 'no_show'] };
  const possible = { booked: ['patch', 'check_in', 'cancel', 'no_show', 'signal'], arrived: ['admit', 'end', 'cancel', 'signal'], in_call: ['end', 'signal'], ended: [] };
  for (const [status, now] of Object.entries(possible)) {
    await clinic.sql(`UPDATE visit SET status = :'s' WHERE id = :'id'`, { s: status, id: made.body.id });
    for (const role of Object.keys(right)) {
      const wanted = steps.filter((s) => now.includes(s.slice(6)) && right[role].includes(s.slice(6)));
      const one = (await clients[role].get(path)).body.may, listed = (await clients[role].get(`/v1/visits?patient_id=${patient_id}`)).body.items.find((v) => v.id === made.body.id).may;
      assert.deepEqual(one.filter((s) => steps.includes(s)), wanted, `${role}, ${status}`);
      assert.deepEqual(listed, one);
      // and the calls agree: what is not said is refused
      for (const step of ['check_in', 'admit', 'end', 'cancel', 'no_show'].filter((s) => !wanted.includes(`visit_${s}`)))
        assert.ok([404, 409].includes((await clients[role].post(`${path}/${step.replace('_', '-')}`)).status), `${role}, ${status}, ${step}`);
    }
  }
  // outside of its window it can be moved, but not entered
  await clinic.sql(`UPDATE visit SET status = 'booked', starts_at = now() + interval '3 days', ends_at = now() + interval '3 days 1 hour' WHERE id = :'id'`, { id: made.body.id });
  const early = (await clients.scheduler.get(path)).body.may;
  assert.deepEqual([early.includes('visit_patch'), early.includes('visit_check_in')], [true, false]);
});

//= IA-02: what stands in the place of an id says nothing to those without a session
test('an address with an id that is none needs a session as others do', async () => {
  const nobody = new Client(clinic.url);
  for (const [method, path] of [['GET', '/v1/patients/x'], ['PATCH', '/v1/visits/1'], ['GET', `/v1/visits/${randomUUID().toUpperCase()}`], ['POST', '/v1/users/%20/unlock'], ['DELETE', `/v1/patients/${randomUUID()}/care-team/me`]]) {
    const r = await nobody.request(method, path);
    assert.deepEqual([r.status, r.body.code], [401, 'not_signed_in'], path);
    const known = await clients.admin.request(method, path);
    assert.deepEqual([known.status, known.body.code], [404, 'not_found'], path);
    const [audit] = await clinic.sql(`SELECT outcome, record_id FROM audit WHERE request_id = :'id'`, { id: known.headers['x-request-id'] });
    assert.deepEqual(audit, { outcome: 'not_found', record_id: '' });
  }
  for (const path of ['/v1/nothing', '/v1/patients/', '/v1/patients//accesses', '/v1/patients/x/y/z'])
    assert.equal((await nobody.get(path)).status, 404, path);
  nobody.close();
});

//= IN-05: a version counts changes
test('a patch of nothing changes nothing, but needs the version that was seen', async () => {
  const { headers: { etag } } = await clients.admin.get('/v1/clinic/policy');
  const same = await clients.admin.patch('/v1/clinic/policy', {}, { 'if-match': etag });
  assert.deepEqual([same.status, same.headers.etag], [200, etag], same.text);
  assert.equal((await clients.admin.patch('/v1/clinic/policy', {}, { 'if-match': '"9999"' })).status, 412);
});

test('the description says what can be sent and what can come back', () => {
  const at = (method, path) => document.paths[path][method];
  const refusals = (method, path) => Object.keys(at(method, path).responses);
  assert.ok(refusals('post', '/v1/session').includes('401'));
  for (const status of ['401', '404', '409', '410']) assert.ok(refusals('post', '/v1/invitations/{token}/accept').includes(status), status);
  for (const path of ['check-in', 'admit', 'end', 'cancel', 'no-show']) assert.ok(refusals('post', `/v1/visits/{id}/${path}`).includes('409'), path);
  for (const path of ['ice-servers', 'signal']) assert.ok(refusals('get', `/v1/visits/{id}/${path}`).includes('409'), path);
  const names = at('get', '/v1/session').parameters.map((p) => p.name);
  assert.deepEqual(names, ['X-Background']);
  // a text of white space is none, for the description as for us
  const { family_name: name } = at('post', '/v1/patients').requestBody.content['application/json'].schema.properties;
  for (const [text, right] of [[' ', false], ['\u3000\n', false], [' x ', true]]) assert.equal(new RegExp(name.pattern, 'u').test(text), right, JSON.stringify(text));
});

//= AZ-09: and what the operation did by then is undone
test('what is grave needs a fresh code, each by its row', async () => {
  const second = await secondClinic(clinic, 'Grave');
  const { ids, as } = second;
  const alone = () => clinic.sql(`UPDATE care_team SET until = now() WHERE clinic_id = :'id'`, second);
  const recording = (hold) => () => clinic.sql(`UPDATE recording SET state = 'stored', hold_at = ${hold ? 'now(), hold_by = clinician_id' : 'NULL, hold_by = NULL'} WHERE id = :'id'`, { id: ids.recordings });
  const reason = { reason: 'x' };
  /** Who asks what, and what has to be so that nothing else is wrong with it. */
  const well = {
    approval_confirm: [as.compliance, ids.approvals, {}],
    emergency_search: [as.clinician, '', { family_name: 'Elsewhere', birth_date: '1970-01-01' }],
    emergency_open: [as.clinician, ids.patients, reason, alone],
    export_create: [as.patient, ids.patients, { format: 'fhir' }],
    export_content: [as.patient, ids.patients],
    recording_delete: [as.compliance, ids.recordings, reason, recording(false)],
    recording_hold: [as.compliance, ids.recordings, reason, recording(false)],
    recording_release: [as.compliance, ids.recordings, reason, recording(true)],
    payment_export: [as.admin, ''],
    payment_refund: [as.scheduler, ids.payments, reason],
    audit_export: [as.compliance, ''],
    report_run_content: [as.compliance, ids['report-runs'], undefined, () => clinic.sql(`UPDATE report_run SET written = true, done_at = now(), sha256 = sha256('') WHERE id = :'id'`, { id: ids['report-runs'] })],
  };
  const grave = Object.entries(document.paths).flatMap(([path, calls]) => Object.entries(calls).filter(([, call]) => call['x-fresh']).map(([method, call]) => [method.toUpperCase(), path, call.operationId]));
  assert.deepEqual(grave.map(([,, name]) => name).sort(), Object.keys(well).sort());
  const state = () => clinic.sql(`SELECT (SELECT array_agg(a.state) FROM approval a) AS asked, (SELECT array_agg(g::text) FROM recording g) AS kept, (SELECT count(*) FROM payment_refund) AS refunds, (SELECT count(*) FROM review) AS reviews, (SELECT count(*) FROM export) AS exports`);
  for (const [method, path, name] of grave) {
    const [client, id, body, prepare] = well[name];
    await prepare?.();
    const before = await state();
    await clinic.sql(`UPDATE session SET step_up_until = now() - interval '1 minute' WHERE clinic_id = :'id'`, second);
    const r = await client.request(method, path.replace('{id}', id).replace('{export_id}', second.exported), body, { 'idempotency-key': randomUUID() });
    assert.deepEqual([r.status, r.body?.code], [403, 'step_up_required'], `${name}: ${r.text}`);
    assert.deepEqual(await state(), before, name);
    await clinic.sql(`UPDATE session SET step_up_until = now() + interval '5 minutes' WHERE clinic_id = :'id'`, second);
    const done = await client.request(method, path.replace('{id}', id).replace('{export_id}', second.exported), body, { 'idempotency-key': randomUUID() });
    assert.ok(done.status < 300, `${name}: ${done.status} ${done.text}`);
  }
  second.close();
});

//= AZ-04, AZ-01: each id that an address, a query or a body can hold, of a clinic that is really another
test('another clinic’s ids and ids that do not exist look the same', async () => {
  const second = await secondClinic(clinic);
  const { ids } = second;
  const word = (path) => /^\/v1\/(?:account\/)?([\w-]+)\/\{id\}/.exec(path)?.[1];
  const calls = rows.filter((row) => word(row.path));
  assert.deepEqual([...new Set(calls.map((row) => word(row.path)))].sort(), Object.keys(ids).sort(), 'one of each');
  const ask = (client, method, path, body = bodyOf(method)) => client.request(method, path, body, { 'if-match': '"1"', ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}) });
  const [{ seq }] = await clinic.sql(`SELECT max(seq) AS seq FROM audit_log WHERE patient_id = :'id' AND outcome IS NULL`, { id: ids.patients });
  clients.guest.close();
  clients.guest = await clinic.guest(); // the one of before left with the visit
  const at = (row, id, user) => row.path.replace('{id}', id).replace('{user_id}', user).replace('{invitation_id}', second.invitation).replace('{export_id}', second.exported).replace('{session_id}', second.device).replace('{index}', '0').replace('{seq}', seq);
  const bodies = { '/v1/reviews/{id}/sign': { finding: 'unclear', note: 'x' }, '/v1/incidents/{id}/close': { conclusion: 'breach', outcome: 'x' }, '/v1/incidents/{id}/actions': { kind: 'note', text: 'x' } };
  const bodyFor = (row) => (row.method === 'POST' ? bodies[row.path] : undefined);
  const same = async (role, row, [foreign, theirs], [none, nobody]) => {
    const [there, nowhere] = [await ask(clients[role], row.method, foreign, theirs ?? bodyFor(row)), await ask(clients[role], row.method, none, nobody ?? bodyFor(row))];
    const what = `${role}: ${row.method} ${foreign}`;
    assert.equal(there.status, nowhere.status, `${what}: ${there.text}`);
    for (const r of [there, nowhere]) for (const own of ['request_id', 'instance']) delete r.body[own];
    assert.deepEqual(there.body, nowhere.body, what);
    return there.status;
  };
  const everything = () => Promise.all(['clinic', 'account', 'patient', 'visit', 'guest', 'care_team', 'approval', 'invitation', 'job', 'record_key', 'recording', 'recording_chunk', 'recording_consent', 'review', 'payment', 'payment_difference', 'payment_refund', 'ledger', 'fee', 'export', 'incident', 'incident_entry', 'incident_link', 'disclosure', 'access_rule'].map((t) => clinic.sql(`SELECT x::text FROM ${t} x WHERE ${t === 'clinic' ? 'id' : 'clinic_id'} = '${second.id}' ORDER BY 1`)));
  const before = await everything();
  const mine = { patient: clinic.people.patient.patient_id, user: clinic.people.clinician.id };

  for (const row of calls)
    for (const role of roles.filter((r) => !row.without.includes(r))) {
      const user = /user_id/.test(row.path) ? [second.people.clinician, mine.user] : [''];
      for (const u of user) assert.equal(await same(role, row, [at(row, ids[word(row.path)], u)], [at(row, randomUUID(), u)]), 404, `${role}: ${row.method} ${row.path}`);
      if (user[1]) assert.equal(await same(role, row, [at(row, mine.patient, user[0])], [at(row, mine.patient, randomUUID())]), 404, `${role}: ${row.method} ${row.path}`);
    }
  const visit = { patient_id: mine.patient, clinician_id: mine.user, starts_at: '2030-01-01T10:00:00Z', duration_minutes: 30, reason: 'x' };
  for (const [name, id] of [['patient_id', ids.patients], ['clinician_id', second.people.clinician]])
    assert.ok([404, 422].includes(await same('scheduler', { method: 'POST' }, ['/v1/visits', { ...visit, [name]: id }], ['/v1/visits', { ...visit, [name]: randomUUID() }])), name);
  for (const [role, path] of [['scheduler', '/v1/visits?patient_id='], ['scheduler', '/v1/visits?clinician_id='], ['compliance', '/v1/audit?actor_id=']])
    for (const id of [ids.patients, ...Object.values(second.people)]) await same(role, { method: 'GET' }, [path + id], [path + randomUUID()]);
  // what was done here to learn of their patient is an event here, what they did is not
  const about = async (client) => {
    const r = await client.get(`/v1/audit?limit=100&patient_id=${ids.patients}`);
    assert.equal(r.status, 200, r.text);
    return [...new Set(r.body.items.map((e) => Object.values(second.people).includes(e.actor_id)))];
  };
  assert.ok(!(await about(clients.compliance)).includes(true));
  assert.deepEqual(await about(second.as.compliance), [true]);
  for (const terms of [{ mrn: 'THEIRS-1' }, { family_name: 'Elsewhere' }, { email: 'una@elsewhere.example' }]) {
    assert.deepEqual((await clients.scheduler.search(terms)).body.items, []);
    assert.deepEqual((await second.as.scheduler.search(terms)).body.items.map((p) => p.id), [ids.patients], 'their own find them');
  }
  for (const [role, path] of [['admin', '/v1/users'], ['admin', '/v1/jobs'], ['compliance', '/v1/approvals'], ['scheduler', '/v1/visits']]) {
    const { text } = await clients[role].get(`${path}?limit=100`);
    for (const id of [...Object.values(ids), ...Object.values(second.people)]) assert.ok(!text.includes(id), `${path} names ${id}`);
  }
  assert.deepEqual(await everything(), before, 'and nothing of it is changed');

  // the same calls of their own people find something there
  for (const row of Object.keys(ids).flatMap((w) => calls.filter((c) => word(c.path) === w))) {
    const role = ['patient', 'compliance', 'scheduler', 'clinician', 'admin'].find((r) => !row.without.includes(r) && !(r === 'patient' && /users|sessions|approvals/.test(row.path)));
    const client = /sessions/.test(row.path) ? second.as.admin : second.as[role];
    const r = await ask(client, row.method, at(row, ids[word(row.path)], second.people.clinician));
    assert.notEqual(r.status, 404, `${role} of theirs: ${row.method} ${row.path}: ${r.text}`);
  }
  second.close();
});
