// Recordings, by the pages: what a browser seals, and that everyone in the call is
// asked and can end it. Each person's camera is a colour, and their voice a tone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startClinic, top } from '../lib/clinic.mjs';
import { patient as patiently } from '../lib/patience.mjs';
import { aStore } from '../lib/store.mjs';
import { Portal, SHELL, axe, launch, overflow } from './portal.mjs';
import { goIn, openVisit } from './call.mjs';

const RED = [200, 30, 30], BLUE = [30, 30, 200];
const HZ = { doctor: 500, patient: 1500 };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const profile = mkdtempSync(path.join(os.tmpdir(),
  `epione-test-${process.env.EPIONE_RUN ?? ''}-profile-`));
/** @type {Portal} */
let portal;
let store, child, killed, doctorBrowser, doctor, patient, visit, person;

/** A camera that shows a colour, and a microphone that hears a tone. */
const camera = ([colour, hz]) => {
  const make = async () => {
    const canvas = document.createElement('canvas');
    const pen = canvas.getContext('2d');
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const out = audio.createMediaStreamDestination();

    canvas.width = 320;
    canvas.height = 180;
    let beat = 0;
    setInterval(() => {
      pen.fillStyle = `rgb(${colour})`;
      pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = beat++ % 2 ? '#fff' : '#000'; // so that it is never still
      pen.fillRect(0, 0, 20, 20);
    }, 100);
    tone.frequency.value = hz;
    tone.connect(out);
    tone.start();
    return new MediaStream([...canvas.captureStream(10).getTracks(),
      ...out.stream.getTracks()]);
  };
  if (navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
      const all = await make();
      return new MediaStream(all.getTracks().filter(({ kind }) =>
        kind === 'audio' ? audio : video));
    };
};

/** The clinician's own browser, with a profile that outlives it. */
async function openBrowser() {
  const said = path.join(profile, 'DevToolsActivePort');

  rmSync(said, { force: true });
  child = spawn(process.env.CHROMIUM ?? SHELL, [`--user-data-dir=${profile}`,
    '--remote-debugging-port=0', '--no-sandbox', '--disable-gpu',
    '--no-first-run', '--ignore-certificate-errors', '--headless',
    '--disable-background-networking', '--allow-loopback-in-peer-connection',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required', 'about:blank'],
  { stdio: 'ignore', detached: true }); // a group: it is begun by a script
  killed = new Promise((done) => child.on('exit', done));
  const port = await until('the browser', () => existsSync(said) &&
    /^(\d+)\n/.exec(readFileSync(said, 'utf8'))?.[1]);
  doctorBrowser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
  const [context] = doctorBrowser.contexts();
  context.setDefaultTimeout(patiently(30_000));
  context.on('page', (page) => portal.watch(page));
  await context.addInitScript(camera, [RED, HZ.doctor]);
  return context;
}

async function until(what, look) {
  for (const end = Date.now() + patiently(90_000); ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

const shot = async (page, name) => process.env.EPIONE_SHOTS &&
  page.screenshot({ path: `${process.env.EPIONE_SHOTS}/${name}.png` });
const looks = async (page, name) => {
  if (!process.env.EPIONE_SHOTS) return;
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `${name}-${colorScheme}`);
  }
  await page.setViewportSize(size ?? { width: 1280, height: 720 });
};
const sign = (page) => page.locator('.recsign');
const rows = (sql, values = {}) => portal.clinic.sql(sql, values);

/** @returns {Promise<any>} the visit's newest recording */
const newest = async () => (await rows(`SELECT id, state, chunks FROM recording
  WHERE visit_id = :'id' ORDER BY created_at DESC LIMIT 1`,
{ id: visit.id }))[0];

/** The clinician asks, the patient agrees, and it goes on. */
async function record() {
  await doctor.getByRole('button', { name: 'Record', exact: true }).click();
  await doctor.getByRole('button', { name: 'Ask everyone' }).click();
  await patient.getByRole('button', { name: 'Yes, record' }).click();
  for (const page of [doctor, patient]) await sign(page).waitFor();
}

/** Chunks of a recording that wait in the clinician's browser. */
const waiting = (recording) => doctor.evaluate(async (id) => {
  const { ChunkStore } = await import('/assets/js/chunk-store.js');
  const kept = await ChunkStore.open();
  const left = await kept.left(id);
  kept.db.close();
  return left;
}, recording);

before(async () => {
  store = await aStore();
  const clinic = await startClinic({ settings: store.settings,
    jobs: store.jobs });
  portal = new Portal(clinic, await launch());
  await store.start(clinic.url);
  await clinic.startJobs();
  await clinic.sql('UPDATE clinic SET recording = 1');
  const open = await openVisit(portal);

  ({ visit, doctor: person } = open);
  const [a, b] = [await openBrowser(), await portal.context()];
  await b.addInitScript(camera, [BLUE, HZ.patient]);
  doctor = await portal.signIn(a, person);
  patient = await portal.signIn(b, clinic.people.patient);
  await until('a key to sign addresses with', async () =>
    (await rows('SELECT day FROM store_signer')).length);
});
after(async () => {
  if (child) process.kill(-child.pid, 'SIGKILL');
  await killed;
  await portal?.stop();
  await store?.stop();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

//= RC-02: what this browser seals is what docs/RECORDINGS.md says, and nothing
// else of it opens
test('a chunk is sealed as it is written down, and opens in its place alone',
  async () => {
    const table = readFileSync(path.join(top, 'docs/RECORDINGS.md'), 'utf8')
      .matchAll(/^\| (\d) \| ([01]) \| (?:`(.*)`)? ?\| `([0-9a-f]+)` \| `(.{44})` \|$/gm);
    const vector = [...table].map(([, index, last, text = '', hex, sum]) =>
      ({ index: Number(index), last: last === '1', text, hex, sum }));

    assert.equal(vector.length, 3);
    const made = await doctor.evaluate(async (all) => {
      const { keyOf, open, seal, sha256, toBase64 } =
        await import('/assets/js/chunk.js');
      const raw = toBase64(Uint8Array.from({ length: 32 }, (_, i) => i));
      const [enc, dec] = [await keyOf(raw, 'encrypt'), await keyOf(raw, 'decrypt')];
      const place = (index, last) => ({ index, last,
        recording: '00112233-4455-6677-8899-aabbccddeeff',
        prefix: Uint8Array.from([32, 33, 34, 35, 36, 37, 38]) });
      const opens = (at, bytes) => open(dec, at, bytes).then(() => true, () => false);
      const out = [];

      for (const { index, last, text } of all) {
        const bytes = await seal(enc, place(index, last),
          new TextEncoder().encode(text));
        const other = place(index, last);
        other.recording = other.recording.replace('00', '01');
        const changed = bytes.slice();
        changed[0] ^= 1;
        out.push({ hex: [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(''),
          sum: toBase64(await sha256(bytes)),
          opens: [await opens(place(index, last), bytes),
            await opens(place(index + 1, last), bytes),
            await opens(place(index, !last), bytes),
            await opens(other, bytes),
            await opens(place(index, last), changed),
            await opens(place(index, last), bytes.slice(0, -1))] });
      }
      return out;
    }, vector);
    assert.deepEqual(made.map(({ hex, sum }) => ({ hex, sum })),
      vector.map(({ hex, sum }) => ({ hex, sum })));
    for (const { opens } of made)
      assert.deepEqual(opens, [true, false, false, false, false, false]);
  });

test('the call comes about', async () => {
  await goIn(patient, portal, visit, 'Check in');
  await goIn(doctor, portal, visit, 'Open the room');
  await doctor.getByRole('button', { name: /^Admit/ }).click();
  for (const page of [doctor, patient])
    await page.getByText(/(Good|Fair|Poor) connection/).waitFor();
  // Nobody but the clinician has anything to press.
  await doctor.getByRole('button', { name: 'Record', exact: true }).waitFor();
  assert.equal(await patient.getByRole('button', { name: 'Record' }).count(), 0);
});

//= RC-01: asked in plain words; a no records nothing
test('everyone is asked, and one who says no is not recorded', async () => {
  await doctor.getByRole('button', { name: 'Record', exact: true }).click();
  await doctor.getByRole('button', { name: 'Ask everyone' }).click();
  const question = patient.getByRole('region',
    { name: 'May this visit be recorded?' });
  await question.waitFor();
  for (const words of [/picture and sound of everyone/, /kept until/,
    /can watch it/, /your choice/])
    await question.getByText(words).waitFor();
  assert.deepEqual(await axe(patient), []);
  await looks(patient, 'consent');
  for (const [width, height] of [[320, 568], [390, 844]]) {
    await patient.setViewportSize({ width, height });
    assert.ok(await overflow(patient) <= 0);
    await patient.getByRole('button', { name: 'No, do not record' })
      .waitFor();
  }
  await doctor.getByText('Waiting until everyone has agreed').waitFor();
  assert.equal(await sign(doctor).count(), 0);
  await patient.getByRole('button', { name: 'No, do not record' }).click();
  await doctor.getByText('Not everyone agreed. Nothing was recorded.').first()
    .waitFor();
  const { id } = await until('it is written down', async () => {
    const no = await newest();
    return no.state === 'stopped' && no;
  });
  assert.equal(await waiting(id), 0);
});

//= RC-01: the sign is on every side, and whoever takes it back ends it at once
test('whoever agreed can stop it at once', async () => {
  await patient.evaluate(() => {
    const live = document.querySelector('#call-live');
    globalThis.said = '';
    new MutationObserver(() => { globalThis.said += live.textContent; })
      .observe(live, { childList: true });
  });
  await record();
  assert.match(await patient.evaluate(() => globalThis.said),
    /This visit is being recorded/);
  for (const page of [doctor, patient]) {
    assert.match(await sign(page).innerText(), /Recording/);
    assert.deepEqual(await axe(page), []);
  }
  await looks(patient, 'recording-patient');
  await looks(doctor, 'recording-doctor');
  await patient.locator('.recsign').getByRole('button',
    { name: 'Stop recording' }).click();
  for (const page of [doctor, patient]) {
    await sign(page).waitFor({ state: 'detached' });
    await page.getByText(/does not want to be recorded any more/).first()
      .waitFor();
  }
  await until('it is written down', async () =>
    (await newest()).state === 'stopped');
});

test('no page complained', () => assert.deepEqual(portal.complaints
  .filter((line) => !/net::ERR_|AudioContext was not allowed/.test(line)), []));
