// Messages between the two ends of a visit, against npm's peer; memory of idle
// sockets and of fibers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../lib/clinic.mjs';
import { Peer } from '../lib/peer.mjs';
import { cpuUs, each, family, median, memoryKib, out, Pairs, sleep, upgrade } from './tools.mjs';

const VISITS = 250, PAIRS = 100, ROUNDS = 5;
// A socket may say 200 messages at once, and 50 a second after that (TR-09).
const TRIPS = 190, REFILL_MS = 4500;
const candidate = { candidate: 'candidate:842163049 1 udp 1677729535 192.0.2.1 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag sJm8', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: null };

async function visits(clinic, desk, patient_id, clinician_id) {
  const ids = [];
  for (let slot = 0; ids.length < VISITS; slot++) {
    const starts_at = new Date(Date.now() + 60000 * (10 + 5 * slot)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await desk.create('/v1/visits', { patient_id, clinician_id, duration_minutes: 5, starts_at, reason: 'bench' });
    if (made.status === 201) ids.push(made.body.id);
    else if (made.body?.code !== 'slot_taken') throw new Error(made.text);
  }
  return ids;
}

/** Both ends of a visit in its call: sockets open, and nothing said. */
async function call(clinic, id, patient, doctor) {
  const url = `${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`;
  const ends = [patient, doctor].map((c) => new Peer(url, { headers: { authorization: `Bearer ${c.token}` } }));
  const steps = [await patient.post(`/v1/visits/${id}/check-in`)];
  for (const e of ends) await e.hello();
  steps.push(await doctor.post(`/v1/visits/${id}/admit`));
  for (const s of steps) if (s.status !== 200) throw new Error(s.text);
  for (const e of ends) await e.hear('admitted');
  return { id, ends };
}

/** Every fiber's stack in the workers: what of its 64 KiB was ever touched. */
function stacks(pids) {
  const touched = [];
  for (const p of pids)
    for (const map of fs.readFileSync(`/proc/${p}/smaps`, 'latin1').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)) {
      const [, size, rss] = / rw-p 0+ 00:00 0[^]*\nSize: +(\d+)[^]*\nRss: +(\d+)/.exec(map) ?? [];
      // as they are mapped: stacks without huge pages and without reserve
      if (Number(size) <= 64 && /^VmFlags:.* nr nh/m.test(map)) touched.push(Number(rss));
    }
  if (touched.length === 0) throw new Error('no stack of a fiber was found');
  return touched;
}

async function startPeer() {
  const port = await freePort();
  const child = spawn(process.execPath, [fileURLToPath(new URL('peer_server.mjs', import.meta.url)), String(port), `${out}/ec.key`, `${out}/ec.crt`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await sleep(500);
  const pids = () => family(child.pid);
  const before = memoryKib(pids());
  const line = (i, side) => [upgrade(port, `/peerjs?key=peerjs&id=${side}${i}&token=t${side}${i}`), '', JSON.stringify({ type: 'CANDIDATE', dst: `${side === 'a' ? 'b' : 'a'}${i}`, payload: { candidate } })];
  const load = new Pairs(port, 'candidate:', Array.from({ length: VISITS }, (_, i) => [line(i, 'a'), line(i, 'b')]).flat());
  await load.ask('open');
  await sleep(3000);
  return { load, pid: child.pid, idle: (memoryKib(pids()) - before) / (2 * VISITS), stop: () => { load.close(); child.kill(); } };
}

async function startOurs(clinic, say) {
  const [patient, doctor, desk] = await Promise.all(['patient', 'clinician', 'scheduler'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (c) => (await c.get('/v1/session')).body.user;
  const ids = await visits(clinic, desk, (await me(patient)).patient_id, (await me(doctor)).id);
  const pids = family(clinic.server.pid), before = memoryKib(pids);
  const calls = await each(ids, 4, (id) => call(clinic, id, patient, doctor));
  await sleep(3000);
  const idle = (memoryKib(pids) - before) / (2 * VISITS), touched = stacks(pids);
  say(`signaling: ${VISITS} calls, ${idle.toFixed(1)} KiB a socket; ${touched.length} stacks`);
  const lines = calls.flatMap(({ id, ends }) => ends.map((e, i) => [
    upgrade(clinic.port, `/v1/visits/${id}/signal`, ['Sec-WebSocket-Protocol: epione.signal.v1', `Authorization: Bearer ${e.options.headers.authorization.slice(7)}`]),
    JSON.stringify({ type: 'hello', resume: e.token, last_seq: e.lastSeq }),
    JSON.stringify({ type: 'candidate', to: ends[1 - i].self, candidate })]));
  for (const { ends } of calls) for (const e of ends) e.drop();
  const load = new Pairs(clinic.port, 'candidate:', lines);
  await load.ask('open');
  for (const c of [patient, doctor, desk]) c.close();
  return { load, pid: clinic.server.pid, idle, touched, stop: () => load.close() };
}

async function round(side) {
  const before = cpuUs(side.pid), r = await side.load.ask(`go ${TRIPS} ${PAIRS}`);
  return { ...r, rate: r.trips / r.seconds, cpu: (cpuUs(side.pid) - before) / (2 * r.trips) };
}

export async function signaling(clinic, say) {
  const ours = await startOurs(clinic, say), other = await startPeer(), a = [], b = [];
  say(`signaling: peer ${other.idle.toFixed(1)} KiB a socket`);
  try {
    await sleep(REFILL_MS);
    for (let i = 0; i < ROUNDS + 1; i++) {
      a.push(await round(ours));
      const since = Date.now();
      b.push(await round(other));
      say(`signaling: ${a.at(-1).rate.toFixed(0)} trips/s p99 ${a.at(-1).p99_us} µs CPU ${a.at(-1).cpu.toFixed(1)} µs; peer ${b.at(-1).rate.toFixed(0)}/s p99 ${b.at(-1).p99_us} µs CPU ${b.at(-1).cpu.toFixed(1)} µs`);
      await sleep(Math.max(0, REFILL_MS - (Date.now() - since)));
    }
  } finally {
    ours.stop();
    other.stop();
  }
  a.shift(); // peer's code is compiled during its first round
  b.shift();
  const of = (list, key) => median(list.map((x) => x[key])), ratio = (key) => median(a.map((x, i) => x[key] / b[i][key]));
  return [
    { what: `Signaling, round trips in ${PAIRS} visits at once, against peer`, ours: `${of(a, 'rate').toFixed(0)}/s`, other: `${of(b, 'rate').toFixed(0)}/s`, ratio: ratio('rate'), aim: 3, least: true },
    { what: 'p99 of the same', ours: `${(of(a, 'p99_us') / 1000).toFixed(1)} ms`, other: `${(of(b, 'p99_us') / 1000).toFixed(1)} ms`, ratio: ratio('p99_us'), aim: 0.5, least: false },
    { what: 'Processor time of a relayed message', ours: `${of(a, 'cpu').toFixed(0)} µs`, other: `${of(b, 'cpu').toFixed(0)} µs`, ratio: ratio('cpu') },
    { what: `Memory of an idle TLS WebSocket in a call (${2 * VISITS} of them)`, ours: `${ours.idle.toFixed(1)} KiB`, other: `${other.idle.toFixed(1)} KiB`, value: ours.idle, ratio: ours.idle / other.idle, aim: 40, unit: 'KiB', least: false },
    { what: 'Memory of a fiber: touched at most, of 64 KiB mapped', ours: `${Math.max(...ours.touched)} KiB`, value: Math.max(...ours.touched), aim: 64, unit: 'KiB', least: false },
  ];
}
