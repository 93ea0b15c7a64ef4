// What a room must hear of its visit, though the worker that committed it dies
// before it could say a word, and though nobody listened when it was said.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClinic } from '../lib/clinic.mjs';
import { Peer } from '../lib/peer.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';
import { patient as patiently } from '../lib/patience.mjs';
import { children, eventually } from '../lib/processes.mjs';

let clinic, relay, doctor, patient, scheduler, ids;
let slot = 0;

before(async () => {
  clinic = await startClinic({ settings: 'join_minutes_before 1440\n' });
  doctor = await clinic.signIn(clinic.people.clinician);
  patient = await clinic.signIn(clinic.people.patient);
  scheduler = await clinic.signIn(clinic.people.scheduler);
  relay = await PostgresRelay.between(clinic);
  const me = async (client) => (await client.get('/v1/session')).body.user;
  ids = { doctor: (await me(doctor)).id, patient: (await me(patient)).patient_id };
});
after(async () => {
  await clinic?.stop();
  relay?.stop();
});

/** A visit whose patient waits in its room. */
async function waiting() {
  for (;;) {
    const starts = new Date(Date.now() + 60000 * (10 + 5 * slot++));
    const made = await scheduler.create('/v1/visits', { patient_id: ids.patient, clinician_id: ids.doctor,
      duration_minutes: 5, starts_at: starts.toISOString().replace(/\.\d+Z/, 'Z'), reason: 'told' });
    if (made.body?.code === 'slot_taken') continue; // one of the demo's own
    assert.equal(made.status, 201, made.text);
    const { id } = made.body;
    assert.equal((await patient.post(`/v1/visits/${id}/check-in`)).status, 200);
    const pat = new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`,
      { headers: { authorization: `Bearer ${patient.token}` } });
    await entered(() => pat.hello());
    return { id, pat };
  }
}

/** Into a room whose worker may have died just now: it closes with 1012, come again. */
async function entered(enter) {
  assert.ok(await eventually(() => enter().then(() => true, () => false)), 'in the room');
}

/** Hears it, by another socket if its own was at the worker that died. */
async function admitted(pat) {
  const heard = pat.hear('admitted').then(() => true);

  while (!await Promise.race([heard, pat.closed.then(() => false)]))
    await entered(() => pat.resume());
}

/** Worker that is the visit's home (src/edge/bus.c), and the other. */
function workers(id) {
  const home = 1 + Buffer.from(id.slice(-8), 'hex').readUInt32LE() % 2;
  const pid = (n) => Number(Object.entries(children(clinic.server.pid))
    .find(([, title]) => title.includes(`wrk ${n}]`))?.[0]);
  return { home: pid(home), other: pid(3 - home) };
}

test('the worker dies between the commit and its word: the room hears', async () => {
  for (let tries = 0; tries < 12; tries++) {
    const { id, pat } = await waiting();
    assert.ok(await eventually(() => Object.values(workers(id)).every(Boolean) && relay.who('LISTEN epione_visit').length === 2), 'both workers are there');
    const listened = relay.who('LISTEN epione_visit');
    const steps = new Set();
    let lost = null;

    // What says that the admission is committed never reaches the worker. The check-in
    // was a step too, maybe on the same connection, where other commits follow it.
    relay.drops = (text, pair) => { if (text.includes('visit_step')) steps.add(pair); return false; };
    relay.loses = (text, pair) => {
      if (lost === null && text.includes('COMMIT\0') && steps.has(pair)) lost = pair;
      return lost === pair;
    };
    doctor.close();
    const asked = doctor.post(`/v1/visits/${id}/admit`).catch(() => null);
    assert.ok(await eventually(() => lost !== null), 'it was committed');
    const { other } = workers(id);
    process.kill(other, 'SIGKILL');
    // its connections end together: that it listened by is one of them
    assert.ok(await eventually(() => listened.some((pair) => !relay.pairs.has(pair))), 'it is dead');
    await sleep(patiently(200));
    relay.loses = relay.drops = () => false;
    const [{ status }] = await clinic.sql("SELECT status FROM visit WHERE id = :'id'", { id });
    if (!relay.pairs.has(lost) && status === 'in_call') {
      await admitted(pat);
      pat.stop();
      await asked;
      return;
    }
    relay.cut(lost); // it was the home itself: another visit
    pat.stop();
    await asked;
    await clinic.untilReady();
  }
  assert.fail('the other worker never had the request');
});

test('what was told while nobody listened is looked up', async () => {
  const { id, pat } = await waiting();
  const stays = await waiting();

  // /readyz asked one worker; one that was started anew may not be there yet
  assert.ok(await eventually(() => relay.who('LISTEN epione_visit').length >= 2), 'each worker listens');
  relay.refusing = true;
  for (const pair of relay.who('LISTEN epione_visit')) relay.cut(pair);
  await clinic.sql("UPDATE visit SET status = 'cancelled' WHERE id = :'id'", { id });
  relay.refusing = false;
  assert.equal((await pat.hear('ended')).reason, 'cancelled');
  // and nothing happens to a room that missed nothing
  stays.pat.say({ type: 'ping', t: 1 });
  await stays.pat.hear('pong');
  assert.equal(stays.pat.ws.readyState, 1);
  pat.stop();
  stays.pat.stop();
});

test('what is no message of ours changes nothing', async () => {
  const { id, pat } = await waiting();

  for (const text of ['', 'x', `${id}`, `${id} ended now`, `${id} ENDED`, 'ended'])
    await clinic.sql("SELECT pg_notify('epione_visit', :'text')", { text });
  assert.ok(await eventually(() => (clinic.log.match(/told_nonsense/g) ?? []).length >= 6), 'each is noted');
  pat.say({ type: 'ping', t: 1 });
  await pat.hear('pong');
  assert.equal((await doctor.post(`/v1/visits/${id}/cancel`)).status === 200 ||
    (await scheduler.post(`/v1/visits/${id}/cancel`)).status === 200, true);
  assert.equal((await pat.hear('ended')).reason, 'cancelled');
  pat.stop();
});
