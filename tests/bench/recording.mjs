// What a recording costs the call that is recorded, the browser, the line and the
// server, and how soon it is played. Two browsers, a call between them, the demo's
// store behind a door that can be narrow.
import { Portal, launch } from '../browser/portal.mjs';
import { goIn, openVisit } from '../browser/call.mjs';
import { startClinic } from '../lib/clinic.mjs';
import { aStore } from '../lib/store.mjs';
import { cpuUs, descendants, each, median, ownUs, sleep } from './tools.mjs';

const TURNS = 3, TURN_S = 8;
/** A line to the store that carries just what is recorded, and how many parts that
 * are sent one after the other are looked at, each with the rest after it. */
const CHUNK_S = 5, PARTS = 5;
const PRESIGN_S = 3, WIDE = 16, LOOKS = 5, SEALED_MINUTES = 30;

const media = (ms) => ms === undefined ? '–' : `${ms.toFixed(0)} ms`;

/** A browser, and what all its processes have taken of the processor, in µs. */
async function aBrowser() {
  const before = new Set(descendants(process.pid));
  const browser = await launch();
  const [pid] = descendants(process.pid).filter((p) => !before.has(p));
  return { browser, us: () => descendants(pid).concat(pid).reduce((sum, p) => sum + ownUs(p), 0) };
}

/** Ends one way or another. */
async function until(what, look) {
  for (const end = Date.now() + 300_000; ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

/** The call goes on for some seconds: processor time of the clinician's browser, and
 * pictures that the patient saw, both a second. */
async function turn(us, patient) {
  const frames = () => patient.locator('.other video').evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  const [cpu, seen, at] = [us(), await frames(), performance.now()];
  await sleep(TURN_S * 1000);
  const s = (performance.now() - at) / 1000;
  return { cpu: (us() - cpu) / s, frames: (await frames() - seen) / s };
}

async function record(doctor, patient) {
  await doctor.getByRole('button', { name: 'Record', exact: true }).click();
  await doctor.getByRole('button', { name: 'Ask everyone' }).click();
  await patient.getByRole('button', { name: 'Yes, record' }).click();
  await doctor.locator('.recsign').waitFor();
}

async function stop(doctor, patient) {
  await doctor.locator('.recsign').getByRole('button', { name: 'Stop recording' }).click();
  await patient.locator('.recsign').waitFor({ state: 'detached' });
}

/** Which part of the line was taken from where one begins to where another does. */
const shareOf = (from, to, line) => (to.passed - from.passed) / ((to.at - from.at) / 1000 * line);

/** Sealing and hashing of what one minute of video is, in µs of processor. */
async function sealing(page, us) {
  const work = (minutes) => page.evaluate(async (n) => {
    const { keyOf, seal, sha256, toBase64 } = await import('/assets/js/chunk.js');
    const key = await keyOf(toBase64(crypto.getRandomValues(new Uint8Array(32))), 'encrypt');
    const text = new Uint8Array((600_000 + 48_000) / 8 * 5);
    for (let index = 0; index < n * 12; index++)
      await sha256(await seal(key, { recording: crypto.randomUUID(), prefix: new Uint8Array(7), index, last: false }, text));
  }, minutes);
  await work(1);
  const before = us();
  await work(SEALED_MINUTES);
  return (us() - before) / SEALED_MINUTES;
}

/** Addresses a second of one recording, each for another chunk. */
async function presigning(clinic, client, id) {
  const before = cpuUs(clinic.server.pid), at = performance.now();
  let n = 0;
  const asks = Array.from({ length: WIDE }, (_, i) => 1000 + i); // behind its own
  await each(asks, WIDE, async (first) => {
    for (let index = first; performance.now() - at < PRESIGN_S * 1000; index += WIDE) {
      const r = await client.post(`/v1/recordings/${id}/chunks`, { index, bytes: 400_000, sha256: `${'A'.repeat(43)}=` });
      if (r.status !== 200) throw new Error(r.text);
      n++;
    }
  });
  return { rate: n / (performance.now() - at) * 1000, cpu: (cpuUs(clinic.server.pid) - before) / n };
}

/** How long after the click on Play, and after the page was asked for, a picture is
 * there, in ms. */
async function playing(page, url) {
  await page.goto(url);
  await page.locator('#player').waitFor();
  return page.evaluate(() => new Promise((done) => {
    const video = document.querySelector('#video');
    const from = performance.now();
    video.addEventListener('playing', () => video.requestVideoFrameCallback((now) =>
      done({ click: now - from, page: now })), { once: true });
    document.querySelector('#play').click();
  }));
}

export async function recording(_, say) {
  const store = await aStore({ behind: true });
  const clinic = await startClinic({ settings: `join_minutes_before 1440\njoin_minutes_after 1440\n${store.settings}`, jobs: store.jobs });
  const ours = await aBrowser();
  const portal = new Portal(clinic, ours.browser);
  const far = await launch();
  try {
    await store.start(clinic.url);
    await clinic.startJobs();
    await clinic.sql('UPDATE clinic SET recording = 1');
    await until('a key to sign with', async () => (await clinic.sql('SELECT day FROM store_signer')).length > 0);
    const { visit, doctor: person } = await openVisit(portal);
    const doctor = await portal.signIn(await portal.context(), person);
    const sealed = await sealing(doctor, ours.us);
    say(`recording: ${(sealed / 1000).toFixed(1)} ms of processor to seal a minute`);
    const patient = await portal.signIn(await portal.context({}, far), clinic.people.patient);
    await goIn(patient, portal, visit, 'Check in');
    await goIn(doctor, portal, visit, 'Open the room');
    await doctor.getByRole('button', { name: /^Admit/ }).click();
    for (const page of [doctor, patient]) await page.getByText(/(Good|Fair|Poor) connection/).waitFor();

    const without = [], beside = [];
    for (let i = 0; i < TURNS; i++) {
      without.push(await turn(ours.us, patient));
      if (i === TURNS - 1) store.door.fault = 'away'; // so that something waits for the narrow line
      await record(doctor, patient);
      beside.push(await turn(ours.us, patient));
      if (i < TURNS - 1) await stop(doctor, patient);
      const [a, b] = [beside.at(-1), without.at(-1)];
      say(`recording: ${(a.cpu / 1e4).toFixed(0)} % of a core and ${a.frames.toFixed(1)} pictures a second, without ${(b.cpu / 1e4).toFixed(0)} % and ${b.frames.toFixed(1)}`);
    }
    const ids = (await clinic.sql('SELECT id FROM recording ORDER BY created_at')).map(({ id }) => id);
    const [{ bytes }] = await clinic.sql('SELECT max(bytes) AS bytes FROM recording_chunk');
    const line = store.door.rate = Number(bytes) / CHUNK_S;
    store.door.puts.length = 0;
    store.door.fault = null;
    await until('parts and their rests', () => store.door.puts.length > PARTS);
    const shares = store.door.puts.slice(1, PARTS + 1).map((put, i) => shareOf(store.door.puts[i], put, line));
    const share = shareOf(store.door.puts[0], store.door.puts[PARTS], line);
    store.door.rate = Infinity;
    say(`recording: ${(100 * share).toFixed(0)} % of a line of ${line.toFixed(0)} bytes a second (${shares.map((one) => (100 * one).toFixed(0)).join(', ')})`);
    await stop(doctor, patient);

    const client = await clinic.signIn(person);
    const signed = await presigning(clinic, client, ids.at(-1));
    client.close();
    say(`recording: ${signed.rate.toFixed(0)} addresses a second, ${signed.cpu.toFixed(0)} µs each`);
    await until('it is stored', async () => (await clinic.sql(`SELECT id FROM recording WHERE id = :'id' AND state = 'stored'`, { id: ids[1] })).length);
    const looks = [];
    for (let i = 0; i < LOOKS; i++) looks.push(await playing(doctor, `${portal.url}/recording?id=${ids[1]}`));
    say(`recording: played after ${looks.map(({ click }) => media(click)).join(', ')}`);

    const ratio = (what) => median(beside.map((b, i) => b[what] / without[i][what]));
    const of = (list, what) => median(list.map((one) => one[what]));
    return [
      { what: 'Processor time of the browser that records, against the same call unrecorded', ours: `${(of(beside, 'cpu') / 1e4).toFixed(0)} % of a core`, other: `${(of(without, 'cpu') / 1e4).toFixed(0)} %`, ratio: ratio('cpu') },
      { what: 'Pictures a second that the other side sees of it meanwhile', ours: of(beside, 'frames').toFixed(1), other: of(without, 'frames').toFixed(1), ratio: ratio('frames'), aim: 0.9, least: true },
      { what: 'Share of a line as wide as what is recorded that uploads take beside the call', ours: `${(100 * share).toFixed(0)} %`, value: share, aim: 0.5, least: false },
      { what: 'Processor time to seal and hash a minute of video', ours: `${(sealed / 1000).toFixed(0)} ms` },
      { what: `Chunks presigned, ${WIDE} clients; beside it the server's processor time of one`, ours: `${signed.rate.toFixed(0)}/s`, other: `${signed.cpu.toFixed(0)} µs` },
      { what: 'First picture after the click on Play; beside it after the page was asked for', ours: media(of(looks, 'click')), other: media(of(looks, 'page')) },
    ];
  } finally {
    await far.close();
    await portal.stop();
    await store.stop();
  }
}
