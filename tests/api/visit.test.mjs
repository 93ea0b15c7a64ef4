// Visits: booking, moving, the steps of a visit, and who may take them.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import https from 'node:https';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';

let clinic, as, people;
let slot = 0;

const iso = (s) => new Date(Math.floor(s) * 1000).toISOString().replace('.000', '');
const now = () => Date.now() / 1000;
/** A time of its own for each test, far from the others. */
const free = () => iso(now() + 40 * 86400 + 3600 * slot++);
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);

const patientOf = async (who = as.scheduler) => {
  const r = await who.create('/v1/patients', { family_name: 'Visitor', given_name: `V${randomUUID().slice(0, 6)}`, birth_date: '1970-01-01', sex: 'other' });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};
const booking = (more) => ({ clinician_id: people.clinician.id, starts_at: free(), duration_minutes: 30, reason: 'Sore throat', ...more });
const book = async (more = {}) => {
  const r = await as.scheduler.create('/v1/visits', booking({ patient_id: more.patient_id ?? (await patientOf()), ...more }));
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};
const read = async (who, id) => {
  const r = await who.get(`/v1/visits/${id}`);
  assert.equal(r.status, 200, r.text);
  return r.body;
};
const set = (id, status) => clinic.sql(`UPDATE visit SET status = :'status', starts_at = CASE WHEN :'status' IN ('ended', 'cancelled', 'no_show') THEN starts_at ELSE starts_at END WHERE id = :'id'`, { id, status });
const patch = (who, id, version, body) => who.patch(`/v1/visits/${id}`, body, { 'if-match': `"${version}"` });

/** The status that an upgrade to the visit's room is answered with. */
const join = (who, id) => new Promise((done, failed) => {
  const rq = https.request(`${clinic.url}/v1/visits/${id}/signal`, {
    agent: false, rejectUnauthorized: false,
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64'), 'sec-websocket-protocol': 'epione.signal.v1', authorization: `Bearer ${who.token}` },
  });
  rq.on('upgrade', (rs, socket) => { socket.destroy(); done(rs.statusCode); });
  rq.on('response', (rs) => { rs.resume(); done(rs.statusCode); });
  rq.on('error', failed);
  rq.end();
});

before(async () => {
  clinic = await startClinic();
  people = clinic.people;
  as = {};
  for (const [name, person] of Object.entries(people)) as[name] = await clinic.signIn(person);
  await clinic.sql(`UPDATE visit SET status = 'cancelled'`); // the demo's, which lie around the time it was made
});
after(() => clinic?.stop());

test('the desk books, the clinician joins the care team, and both see the visit', async () => {
  const patient_id = await patientOf();
  refused(await as.clinician.get(`/v1/patients/${patient_id}`), 404, 'not_found');
  const body = booking({ patient_id, reason: 'Cough,\nthree weeks' });
  const made = await as.scheduler.create('/v1/visits', body);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.body.status, made.headers.etag], ['booked', '"1"']);

  const seen = await as.clinician.get(`/v1/visits/${made.body.id}`);
  assert.equal(seen.headers.etag, '"1"');
  const { patient_name, clinician_name, may, ...rest } = seen.body;
  const start = Date.parse(body.starts_at) / 1000; // settings: 30 minutes before, 120 after its end
  assert.deepEqual(rest, { ...body, id: made.body.id, status: 'booked', arrived_at: null, fee: null, pay_when: 'before', due: false, version: 1, opens_at: iso(start - 30 * 60), closes_at: iso(start + 150 * 60) });
  assert.ok(may.includes('visit_patch'));
  assert.match(patient_name, /^V\w{6} Visitor$/);
  assert.equal(clinician_name, people.clinician.name);
  assert.equal((await as.clinician.get(`/v1/patients/${patient_id}`)).status, 200);
  const [row] = await clinic.audit(`event = 'visit.booked' AND record_id = '${made.body.id}'`);
  assert.deepEqual([row.outcome, row.patient_id], ['ok', patient_id]);
});

test('a booking is refused where it must be', async () => {
  const patient_id = await patientOf();
  await clinic.sql(`UPDATE account SET deactivated_at = now() WHERE id = :'id'`, { id: people.clinician2.id });
  const cases = [
    [{ starts_at: iso(now() - 16 * 60) }, 422, 'invalid_field', 'starts_at'],
    [{ starts_at: 'tomorrow' }, 422, 'invalid_field', 'starts_at'],
    [{ duration_minutes: 4 }, 422, 'invalid_field', 'duration_minutes'],
    [{ duration_minutes: 481 }, 422, 'invalid_field', 'duration_minutes'],
    [{ duration_minutes: '30' }, 422, 'invalid_field', 'duration_minutes'],
    [{ reason: '' }, 422, 'invalid_field', 'reason'],
    [{ reason: 'x'.repeat(501) }, 422, 'invalid_field', 'reason'],
    [{ reason: undefined }, 422, 'missing_field', 'reason'],
    [{ clinician_id: randomUUID() }, 422, 'invalid_field', 'clinician_id'],
    [{ clinician_id: people.scheduler.id }, 422, 'invalid_field', 'clinician_id'],
    [{ clinician_id: people.clinician2.id }, 422, 'invalid_field', 'clinician_id'],
    [{ status: 'in_call' }, 422, 'unknown_field', 'status'],
    [{ patient_id: randomUUID() }, 404, 'not_found', undefined],
  ];
  for (const [more, status, code, field] of cases)
    refused(await as.scheduler.create('/v1/visits', booking({ patient_id, ...more })), status, code, field);
  await clinic.sql(`UPDATE account SET deactivated_at = NULL WHERE id = :'id'`, { id: people.clinician2.id });
  for (const who of ['admin', 'compliance', 'patient'])
    refused(await as[who].create('/v1/visits', booking({ patient_id })), 404, 'not_found');
  refused(await as.clinician.create('/v1/visits', booking({ patient_id })), 404, 'not_found');
  assert.equal((await as.clinician.create('/v1/visits', booking({ patient_id: await patientOf(as.clinician), starts_at: iso(now() + 90 * 86400 - 14 * 60) }))).status, 201);
});

//= IN-04: two bookings that arrive together cannot both stand
test('of fifty bookings of one slot one stands', async () => {
  const patients = await Promise.all(Array.from({ length: 10 }, () => patientOf()));
  const starts_at = free();
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => as.scheduler.create('/v1/visits', booking({ patient_id: patients[i % 10], starts_at }))));
  const tally = all.reduce((t, r) => ({ ...t, [`${r.status} ${r.body.code ?? ''}`]: (t[`${r.status} ${r.body.code ?? ''}`] ?? 0) + 1 }), {});
  assert.deepEqual(tally, { '201 ': 1, '409 slot_taken': 49 });
});

test('neither clinician nor patient is in two visits at once; the end is free', async () => {
  const patient_id = await patientOf(), starts_at = free();
  const s = Date.parse(starts_at) / 1000;
  await book({ patient_id, starts_at });
  refused(await as.scheduler.create('/v1/visits', booking({ patient_id, clinician_id: people.clinician2.id, starts_at: iso(s + 29 * 60) })), 409, 'slot_taken', 'starts_at');
  await book({ starts_at: iso(s + 30 * 60), duration_minutes: 5 });
  const third = await book({ starts_at: iso(s + 40 * 60), duration_minutes: 5 });
  refused(await as.scheduler.create('/v1/visits', booking({ patient_id: await patientOf(), starts_at: iso(s + 40 * 60) })), 409, 'slot_taken', 'starts_at');
  assert.equal((await as.scheduler.post(`/v1/visits/${third}/cancel`)).status, 200);
  await book({ starts_at: iso(s + 40 * 60), duration_minutes: 5 });
});

//= AZ-01: patients see their own, clinicians their own and their patients'
test('a list holds what its reader may see, filtered and in pages', async () => {
  const mine = people.patient.patient_id, base = now() + 200 * 86400;
  const at = (h) => iso(base + h * 3600);
  const own = [];
  for (let i = 0; i < 5; i++) own.push(await book({ patient_id: mine, starts_at: at(i * 2) }));
  const other = await book({ clinician_id: people.clinician2.id, starts_at: at(1) });
  const span = `from=${at(-1)}&to=${at(24)}`;
  const list = async (who, query) => {
    const r = await who.get(`/v1/visits?${span}&${query}`);
    assert.equal(r.status, 200, r.text);
    return r.body.items.map((v) => v.id);
  };
  assert.deepEqual(await list(as.patient, ''), own);
  assert.deepEqual(await list(as.clinician, ''), own);
  assert.deepEqual(await list(as.clinician2, ''), [other]);
  assert.deepEqual(await list(as.scheduler, ''), [own[0], other, ...own.slice(1)]);
  assert.deepEqual(await list(as.scheduler, `clinician_id=${people.clinician2.id}`), [other]);
  assert.deepEqual(await list(as.patient, `clinician_id=${people.clinician2.id}`), []);
  assert.deepEqual(await list(as.patient2, `patient_id=${mine}`), []);
  assert.deepEqual(await list(as.scheduler, `patient_id=${mine}&status=cancelled`), []);
  assert.equal((await as.scheduler.post(`/v1/visits/${own[1]}/cancel`)).status, 200);
  assert.deepEqual(await list(as.scheduler, `patient_id=${mine}&status=cancelled`), [own[1]]);
  assert.deepEqual((await as.scheduler.get(`/v1/visits?from=${at(2)}&to=${at(4)}&patient_id=${mine}`)).body.items.map((v) => v.id), [own[1]]);

  const paged = [];
  let cursor = '';
  do {
    const r = await as.patient.get(`/v1/visits?${span}&limit=2${cursor}`);
    paged.push(...r.body.items.map((v) => v.id));
    const [row] = await clinic.audit(`request_id = '${r.headers['x-request-id']}'`);
    for (const id of [...r.body.items.map((v) => v.id), mine]) assert.ok(row.returned.includes(id));
    cursor = r.body.next_cursor ? `&cursor=${r.body.next_cursor}` : '';
  } while (cursor);
  assert.deepEqual(paged, own);

  await as.clinician.post(`/v1/patients/${mine}/care-team/${people.clinician2.id}`);
  assert.equal((await list(as.clinician2, '')).length, 6);
  await as.clinician.delete(`/v1/patients/${mine}/care-team/${people.clinician2.id}`);
  refused(await as.scheduler.get('/v1/visits?status=gone'), 422, 'invalid_field', 'status');
  for (const who of ['admin', 'compliance']) refused(await as[who].get('/v1/visits'), 404, 'not_found');
});

test('a list holds what reaches into its span, and what is going on', async () => {
  const midnight = Math.floor(now() / 86400 + 300) * 86400;
  const over = await book({ starts_at: iso(midnight - 600), duration_minutes: 20 });
  const list = async (from, to, more = '') => (await as.scheduler.get(`/v1/visits?from=${iso(from)}&to=${iso(to)}${more}`)).body.items.map((v) => v.id);
  for (const [from, to, there] of [[0, 86400, true], [-86400, 0, true], [599, 700, true], [600, 700, false], [-700, -600, false], [-700, -599, true]])
    assert.equal((await list(midnight + from, midnight + to)).includes(over), there, `${from} to ${to}`);
  // in pages, what came before the span first
  const next = await book({ starts_at: iso(midnight + 3600) });
  const page = (await as.scheduler.get(`/v1/visits?from=${iso(midnight)}&to=${iso(midnight + 86400)}&limit=1`)).body;
  assert.deepEqual(page.items.map((v) => v.id), [over]);
  assert.deepEqual(await list(midnight, midnight + 86400, `&limit=1&cursor=${page.next_cursor}`), [next]);

  // ran over its time into the next day, and is in call: the way back in
  const long = await book({ duration_minutes: 5 });
  await clinic.sql(`UPDATE visit SET status = 'in_call', starts_at = now() - interval '40 min', ends_at = now() - interval '10 min' WHERE id = :'id'`, { id: long });
  assert.ok((await list(now() - 300, now() + 300)).includes(long));
  assert.ok(!(await list(now() + 10, now() + 300)).includes(long));
  await set(long, 'ended');
  assert.ok(!(await list(now() - 300, now() + 300)).includes(long));
  await set(over, 'cancelled');
  await set(next, 'cancelled');
});

test('who waits or is in the call is there until the window closes, then the visit has ended', async () => {
  const id = await book({ duration_minutes: 5 });
  const ends = (minutes) => clinic.sql(`UPDATE visit SET starts_at = now() - interval '8 hours', ends_at = now() - :'m' * interval '1 min' WHERE id = :'id'`, { id, m: String(minutes) });
  for (const status of ['in_call', 'arrived']) {
    await set(id, status);
    await ends(119); // settings: 120 minutes after its end
    const at = async (s) => (await as.scheduler.get(`/v1/visits?status=${s}&limit=100&from=${iso(now() - 60)}`)).body.items.some((v) => v.id === id);
    assert.deepEqual([(await read(as.clinician, id)).status, await at(status)], [status, true]);
    await ends(121);
    assert.deepEqual([(await read(as.clinician, id)).status, await at(status)], ['ended', false]);
    const ended = (await as.scheduler.get(`/v1/visits?status=ended&from=${iso(now() - 9 * 3600)}&to=${iso(now())}`)).body.items;
    assert.equal(ended.find((v) => v.id === id)?.status, 'ended');
    assert.ok(!(await as.scheduler.get('/v1/visits?status=' + status)).body.items.some((v) => v.id === id));
    for (const step of ['admit', 'end', 'cancel']) refused(await as.clinician.post(`/v1/visits/${id}/${step}`), 409, 'wrong_status');
    assert.equal(await join(as.clinician, id), 409);
  }
  await set(id, 'cancelled');
});

test('without dates a list is of about now; one patient’s is whole, and a visit may be years away', async () => {
  const patient_id = await patientOf();
  const id = await book({ patient_id, starts_at: iso(now() + 3 * 366 * 86400) });
  const has = async (who, query) => {
    const items = [];
    for (let cursor = ''; cursor !== null;) {
      const { body } = await who.get(`/v1/visits?limit=100${query}${cursor && `&cursor=${cursor}`}`);
      items.push(...body.items);
      cursor = body.next_cursor;
    }
    return items.some((v) => v.id === id);
  };
  assert.equal(await has(as.scheduler, ''), false);
  assert.equal(await has(as.scheduler, `&from=${iso(now() + 3 * 365 * 86400)}`), true);
  assert.equal(await has(as.scheduler, `&to=${iso(now() + 4 * 366 * 86400)}`), true);
  for (const who of [as.scheduler, as.clinician]) assert.equal(await has(who, `&patient_id=${patient_id}`), true);
  await set(id, 'cancelled');
});

test('a visit of others looks like one that does not exist', async () => {
  const id = await book();
  const bare = (r) => [r.status, { ...r.body, request_id: null }];
  const calls = [
    (w, v) => w.get(`/v1/visits/${v}`), (w, v) => patch(w, v, 1, { reason: 'x' }),
    ...['check-in', 'admit', 'end', 'cancel', 'no-show'].map((s) => (w, v) => w.post(`/v1/visits/${v}/${s}`)),
    (w, v) => w.get(`/v1/visits/${v}/ice-servers`),
  ];
  for (const who of ['clinician2', 'patient', 'patient2', 'admin', 'compliance'])
    for (const call of calls) {
      const there = await call(as[who], id);
      assert.equal(there.status, 404, `${who} ${call}`);
      assert.deepEqual(bare(there), bare(await call(as[who], randomUUID())));
    }
  assert.equal((await read(as.scheduler, id)).version, 1);
});

test('roles that see a visit take only their own steps', async () => {
  const id = await book({ patient_id: people.patient.patient_id });
  const step = (who, s) => as[who].post(`/v1/visits/${id}/${s}`);
  for (const s of ['admit', 'end', 'no-show']) refused(await step('patient', s), 404, 'not_found');
  for (const s of ['admit', 'end']) refused(await step('scheduler', s), 404, 'not_found');
  refused(await step('clinician', 'check-in'), 404, 'not_found');
  refused(await patch(as.patient, id, 1, { reason: 'other' }), 404, 'not_found');
  assert.equal((await step('patient', 'cancel')).status, 200);
});

test('a visit is moved on the version that was seen, while it is booked', async () => {
  const id = await book();
  const v = await read(as.scheduler, id);
  refused(await as.scheduler.patch(`/v1/visits/${id}`, { reason: 'x' }), 428, 'precondition_required');
  refused(await patch(as.scheduler, id, 2, { reason: 'x' }), 412, 'stale');
  for (const [body, code, field] of [
    [{ reason: null }, 'invalid_field', 'reason'],
    [{ starts_at: iso(now() - 3600) }, 'invalid_field', 'starts_at'],
    [{ clinician_id: people.scheduler.id }, 'invalid_field', 'clinician_id'],
    [{ status: 'ended' }, 'unknown_field', 'status'],
    [{ patient_id: randomUUID() }, 'unknown_field', 'patient_id'],
    [{ version: 7 }, 'unknown_field', 'version'],
  ])
    refused(await patch(as.scheduler, id, 1, body), 422, code, field);

  const starts_at = free();
  const moved = await patch(as.scheduler, id, 1, { starts_at, clinician_id: people.clinician2.id });
  assert.equal(moved.status, 200, moved.text);
  assert.equal(moved.headers.etag, '"2"');
  assert.deepEqual(moved.body, { ...v, starts_at, opens_at: moved.body.opens_at, closes_at: moved.body.closes_at, clinician_id: people.clinician2.id, clinician_name: people.clinician2.name, version: 2 });
  assert.equal((await as.clinician2.get(`/v1/patients/${v.patient_id}`)).status, 200);

  const there = await book({ clinician_id: people.clinician2.id });
  const { starts_at: taken } = await read(as.scheduler, there);
  refused(await patch(as.scheduler, id, 2, { starts_at: taken }), 409, 'slot_taken', 'starts_at');
  const longer = await patch(as.clinician2, id, 2, { duration_minutes: 45, reason: 'Sore throat, fever' });
  assert.deepEqual([longer.body.duration_minutes, longer.body.reason, longer.body.starts_at], [45, 'Sore throat, fever', starts_at]);
  await set(id, 'arrived');
  refused(await patch(as.scheduler, id, 3, { reason: 'x' }), 409, 'wrong_status');
});

// The whole machine, written down a second time: status × step → status.
const machine = {
  'check-in': { booked: 'arrived' },
  admit: { arrived: 'in_call' },
  end: { arrived: 'ended', in_call: 'ended' },
  cancel: { booked: 'cancelled', arrived: 'cancelled' },
  'no-show': { booked: 'no_show' },
};
test('every step from every status goes where it may, and nowhere else', async () => {
  const id = await book({ starts_at: iso(now() + 600), clinician_id: people.clinician2.id, duration_minutes: 5 });
  const who = { 'check-in': 'scheduler', admit: 'clinician2', end: 'clinician2', cancel: 'scheduler', 'no-show': 'scheduler' };
  for (const [step, moves] of Object.entries(machine))
    for (const from of ['booked', 'arrived', 'in_call', 'ended', 'cancelled', 'no_show']) {
      await set(id, from);
      const { version } = await read(as.scheduler, id);
      const r = await as[who[step]].post(`/v1/visits/${id}/${step}`);
      if (!moves[from]) refused(r, 409, 'wrong_status');
      else assert.deepEqual([r.status, r.body.status, r.body.version, r.headers.etag], [200, moves[from], version + 1, `"${version + 1}"`], `${step} from ${from}`);
      assert.equal((await read(as.scheduler, id)).status, moves[from] ?? from);
    }
});

test('of steps that arrive together one is taken', async () => {
  for (let round = 0; round < 5; round++) {
    const id = await book();
    await set(id, 'arrived');
    const all = await Promise.all(['admit', 'admit', 'cancel', 'cancel'].map((s) => as.clinician.post(`/v1/visits/${id}/${s}`)));
    const { status, version } = await read(as.scheduler, id);
    assert.ok(['in_call', 'cancelled'].includes(status));
    assert.deepEqual(all.map((r) => r.status).sort(), [200, 409, 409, 409], status);
    assert.equal(version, 2);
    const rows = await clinic.audit(`record_id = '${id}' AND event IN ('visit.admitted', 'visit.cancelled')`);
    assert.deepEqual(rows.map((r) => r.outcome).sort(), ['ok', 'wrong_status', 'wrong_status', 'wrong_status']);
  }
});

test('a visit runs its course, and every step is in the audit trail', async () => {
  const { patient_id } = people.patient;
  const id = await book({ patient_id, starts_at: iso(now() + 600) });
  const step = async (who, name) => {
    const r = await as[who].post(`/v1/visits/${id}/${name}`);
    assert.equal(r.status, 200, r.text);
    return r.body;
  };
  const arrived = await step('patient', 'check-in');
  assert.ok(Math.abs(Date.parse(arrived.arrived_at) / 1000 - now()) < 60);
  await step('clinician', 'admit');
  await step('clinician', 'end');
  const [times] = await clinic.sql(`SELECT arrived_at <= admitted_at AND admitted_at <= ended_at AS ordered FROM visit WHERE id = :'id'`, { id });
  assert.equal(times.ordered, 't');
  const rows = await clinic.audit(`record_id = '${id}' AND outcome = 'ok'`);
  assert.deepEqual(rows.map((r) => [r.event, r.actor_role, r.patient_id]), [
    ['visit.booked', 'scheduler', patient_id], ['visit.checked_in', 'patient', patient_id],
    ['visit.admitted', 'clinician', patient_id], ['visit.ended', 'clinician', patient_id],
  ]);
});

test('a booking and a sign-in take three round trips to the database, a record one', async () => {
  const trips = async () => [...(await as.scheduler.get('/metrics')).text.matchAll(/^epione_database_round_trips_total\S* (\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
  /** The least of some, until it is so few: what the server does by itself is counted, too. */
  const least = async (what, few, times = 6) => {
    const all = [];
    for (let i = 0; i < times || (i < 60 && Math.min(...all) > few); i++) {
      const before = await trips();
      await what();
      all.push(await trips() - before);
    }
    return Math.min(...all);
  };
  const patient_id = await patientOf();
  assert.equal(await least(() => book({ patient_id }), 3), 3);
  assert.equal(await least(() => as.scheduler.get(`/v1/patients/${patient_id}`), 1), 1); // of whom the worker knows
  const { email, password } = people.clinician2;
  assert.equal(await least(() => new Client(clinic.url).post('/v1/session', { email, password, client: 'api' }), 3, 3), 3);
});

//= TR-11: the call opens a while before the visit and closes a while after
test('check-in and call open around the time of the visit alone', async () => {
  const patient_id = people.patient2.patient_id;
  const id = await book({ patient_id, starts_at: iso(now() + 80 * 86400) });
  await clinic.sql(`UPDATE visit SET status = 'cancelled' WHERE id <> :'id'`, { id }); // out of the way
  const start = (s) => clinic.sql(`UPDATE visit SET starts_at = to_timestamp(:'s'), ends_at = to_timestamp(:'s') + interval '30 min' WHERE id = :'id'`, { id, s: String(Math.floor(now() + s)) });
  const open = async () => {
    const ice = await as.patient2.get(`/v1/visits/${id}/ice-servers`);
    const room = [await join(as.patient2, id), await join(as.clinician, id)];
    const checked = await as.patient2.post(`/v1/visits/${id}/check-in`);
    if (checked.status === 200) await set(id, 'booked');
    return [ice.status, checked.status, ...room.map((s) => (s === 101 ? 200 : s))];
  };
  const all = (status) => [status, status, status, status];
  assert.deepEqual(await open(), all(409));
  for (const [s, expected] of [[31 * 60, 409], [29 * 60, 200], [-10 * 60, 200], [-149 * 60, 200], [-151 * 60, 409]]) {
    await start(s);
    assert.deepEqual(await open(), all(expected), `${s} s`);
  }
  await start(600);
  for (const who of ['clinician2', 'patient', 'scheduler', 'admin', 'compliance']) assert.equal(await join(as[who], id), 404, who);
  for (const status of ['ended', 'cancelled', 'no_show']) {
    await set(id, status);
    refused(await as.patient2.get(`/v1/visits/${id}/ice-servers`), 409, 'wrong_status');
    assert.equal(await join(as.patient2, id), 409, status);
  }
});
