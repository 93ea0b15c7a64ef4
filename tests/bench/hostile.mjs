// How long a quiet client waits beside others that mean harm.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { top } from '../lib/clinic.mjs';
import { modes, slow as attack } from '../lib/slow.mjs';
import { setUp } from './reading.mjs';
import { median, out, sleep, upgrade, wrk } from './tools.mjs';

const ADDRESS = '127.0.0.66'; // theirs; wrk's is 127.0.0.1
const PER_MINUTE = 6000; // what one address may: more than the quiet client asks
const CONNECTS = 2400; // the default
const SECONDS = 8, ROUNDS = 3, WARM_MS = 3000;
const SLOW = { connections: 1000, warm: 4500, seconds: 4 };

const script = path.join(top, 'tests/bench/quiet.lua');
/** A signed-in reader of patients, who pauses between reads. */
const quiet = (clinic, at, seconds) => wrk(clinic.url + at.target, { connections: 16, seconds, token: at.token, script });
const ms = (us) => `${(us / 1000).toFixed(1)} ms`;

/** The program that means harm; `stop` gives what it did. */
function harm(clinic, kind, threads, texts) {
  // it may have all that is left of the machine, and no more: it is the server
  // that is measured, not who gets the processor. Priorities count within a
  // session (autogroup) only, so it has one of its own, and that is nice too
  const last = 'echo 19 >/proc/self/autogroup 2>/dev/null; exec chrt -i 0 "$@"';
  const child = spawn('sh', ['-c', last, 'sh', `${out}/hostile`, kind, ADDRESS, String(clinic.port), String(threads), ...texts], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (d) => { text += d; });
  const ended = once(child, 'exit');
  return async () => { child.stdin.end(); await ended; return JSON.parse(text); };
}

/** A visit's socket, for who floods it. */
async function socketOf(clinic) {
  const [patient, doctor, desk] = await Promise.all(['patient', 'clinician', 'scheduler'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (c) => (await c.get('/v1/session')).body.user;
  const ids = { patient_id: (await me(patient)).patient_id, clinician_id: (await me(doctor)).id };
  for (let slot = 0; ; slot++) {
    const starts_at = new Date(Date.now() + 60000 * (10 + 5 * slot)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await desk.create('/v1/visits', { ...ids, duration_minutes: 5, starts_at, reason: 'bench' });
    if (made.body?.code === 'slot_taken') continue;
    if (made.status !== 201) throw new Error(made.text);
    for (const c of [patient, desk]) c.close();
    const head = upgrade(clinic.port, `/v1/visits/${made.body.id}/signal`, ['Sec-WebSocket-Protocol: epione.signal.v1', `Authorization: Bearer ${doctor.token}`]);
    doctor.close();
    return [head, JSON.stringify({ type: 'hello' }), JSON.stringify({ type: 'ping', t: 'x'.repeat(60) })];
  }
}

const KINDS = [
  ['requests', 32, 'one address that asks all it can, and is refused by its rate limit'],
  ['headers', 16, 'clients that send headers without end, and come again'],
  ['churn', 8, 'clients that shake hands and hang up'],
  ['messages', 8, 'WebSockets that say all they can, are thrown out, and come again'],
];

async function beside(clinic, at, [kind, threads, what], texts, say) {
  const alone = [], with_ = [], ratios = [], rates = [], resets = [];
  for (let i = 0; i < ROUNDS; i++) {
    const a = await quiet(clinic, at, SECONDS), end = harm(clinic, kind, threads, texts);
    await sleep(WARM_MS);
    const b = await quiet(clinic, at, SECONDS), did = await end();
    if (did.done === 0) throw new Error(`${kind}: ${JSON.stringify(did)}`);
    alone.push(a.p99);
    with_.push(b.p99);
    ratios.push(b.p99 / a.p99);
    rates.push(did.done / did.seconds);
    resets.push(did.unopened / did.seconds);
    say(`hostile: p99 ${ms(a.p99)} alone, ${ms(b.p99)} beside ${kind}: ${JSON.stringify(did)}`);
    await sleep(1000);
  }
  return { what: `p99 of a quiet reader beside ${what} (${median(rates).toFixed(0)}/s, and ${median(resets).toFixed(0)}/s that no connection was had for), against alone`, ours: ms(median(with_)), other: ms(median(alone)), ratio: median(ratios), aim: 2, least: false };
}

export async function hostile(clinic, say) {
  const at = await setUp(clinic), socket = await socketOf(clinic), rows = [];
  at.doctor.close();
  await clinic.restart({ requests_per_minute: PER_MINUTE, new_connections_per_minute: CONNECTS });
  try {
    await quiet(clinic, at, 2);
    for (const row of KINDS) {
      const texts = row[0] === 'requests' ? [`GET /v1/session HTTP/1.1\\nHost: localhost:${clinic.port}`] : row[0] === 'messages' ? socket : [];
      rows.push(await beside(clinic, at, row, texts, say));
    }
  } finally {
    await clinic.restart({ requests_per_minute: 1000000, new_connections_per_minute: 1000000 });
  }
  return rows;
}

export async function slow(clinic, say) {
  const at = await setUp(clinic), rows = [];
  at.doctor.close();
  await quiet(clinic, at, 2);
  const all = [], alone = (await quiet(clinic, at, SLOW.seconds)).p99;
  for (const mode of modes) {
    const a = attack(mode, clinic.url, { connections: SLOW.connections, seconds: 60 });
    await sleep(SLOW.warm);
    const r = await quiet(clinic, at, SLOW.seconds), did = await a.stop();
    say(`slow: p99 ${ms(r.p99)} beside ${mode}: ${JSON.stringify(did)}; alone ${ms(alone)}`);
    all.push(r.p99);
    rows.push(`${mode} ${ms(r.p99)}`);
    await sleep(500);
  }
  const worst = Math.max(...all);
  return [{ what: `p99 of a quiet reader beside ${SLOW.connections} connections of slowhttptest, the worst of its modes (${rows.join(', ')}), against alone`, ours: ms(worst), other: ms(alone), value: worst / 1000, ratio: worst / alone, aim: 100, unit: 'ms', least: false }];
}
