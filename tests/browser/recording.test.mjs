// Recordings, by the pages: everyone is asked and can end it, what is recorded
// outlives networks, stores, sessions and browsers, and what is played is what was
// seen and heard. Each person's camera is a colour with the time in it, and their
// voice a tone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startClinic, top } from '../lib/clinic.mjs';
import { patient as patiently } from '../lib/patience.mjs';
import { Relay } from '../lib/relay.mjs';
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
let store, relay, child, killed, doctor, patient, visit, person;

/**
 * A camera that shows a colour and, in its upper corner, the time in tenths of a
 * second: twelve bits, and each turned round below itself. A microphone that hears
 * a tone.
 */
const camera = ([colour, hz]) => {
  const make = async () => {
    const canvas = document.createElement('canvas');
    const pen = canvas.getContext('2d');
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const out = audio.createMediaStreamDestination();

    canvas.width = 160;
    canvas.height = 90;
    setInterval(() => {
      const tenths = Math.floor(performance.now() / 100) & 0xfff;
      pen.fillStyle = `rgb(${colour})`;
      pen.fillRect(0, 0, 160, 90);
      for (let bit = 0; bit < 12; bit++)
        for (const row of [0, 1]) {
          pen.fillStyle = (tenths >> bit & 1) === row ? '#000' : '#fff';
          pen.fillRect(bit * 10, row * 10, 10, 10);
        }
    }, 100);
    const quieter = audio.createGain();
    quieter.gain.value = 0.3; // two of them are no more than there can be
    tone.frequency.value = hz;
    tone.connect(quieter).connect(out);
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

/**
 * The clinician's own browser, with a profile that outlives it. It reaches the
 * clinic through the relay.
 * @param {number} [aheadMs] of the true time
 */
async function openBrowser(aheadMs = 0) {
  const said = path.join(profile, 'DevToolsActivePort');

  rmSync(said, { force: true });
  child = spawn(process.env.CHROMIUM ?? SHELL, [`--user-data-dir=${profile}`,
    '--remote-debugging-port=0', '--no-sandbox', '--disable-gpu',
    '--no-first-run', '--ignore-certificate-errors', '--headless',
    '--disable-background-networking', '--allow-loopback-in-peer-connection',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    `--host-resolver-rules=MAP localhost:${portal.clinic.port} ` +
      `127.0.0.1:${relay.server.address().port}`,
    '--autoplay-policy=no-user-gesture-required', 'about:blank'],
  { stdio: 'ignore', detached: true }); // a group: it is begun by a script
  killed = new Promise((done) => child.on('exit', done));
  const port = await until('the browser', () => existsSync(said) &&
    /^(\d+)\n/.exec(readFileSync(said, 'utf8'))?.[1]);
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
  const [context] = browser.contexts();
  context.setDefaultTimeout(patiently(30_000));
  context.on('page', (page) => portal.watch(page));
  await context.addInitScript(camera, [RED, HZ.doctor]);
  await context.addInitScript((ms) => {
    const now = Date.now;
    Date.now = () => now() + ms;
  }, aheadMs);
  return context;
}

const kill = () => {
  process.kill(-child.pid, 'SIGKILL');
  return killed;
};

async function until(what, look) {
  for (const end = Date.now() + patiently(60_000); ; await sleep(100)) {
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

/** Somebody presses the button that ends it, and it is over for both. */
async function stopBy(page) {
  await sign(page).getByRole('button', { name: 'Stop recording' }).click();
  for (const each of [doctor, patient])
    await sign(each).waitFor({ state: 'detached' });
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
  store = await aStore({ behind: true });
  const clinic = await startClinic({ settings: store.settings,
    jobs: store.jobs });
  portal = new Portal(clinic, await launch([
    '--autoplay-policy=no-user-gesture-required']));
  await store.start(clinic.url);
  relay = new Relay(clinic.port);
  await relay.listen();
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
  if (child?.exitCode === null && !child.signalCode) await kill();
  relay?.stop();
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
  await stopBy(patient);
  for (const page of [doctor, patient])
    await page.getByText(/does not want to be recorded any more/).first()
      .waitFor();
  await until('it is written down', async () =>
    (await newest()).state === 'stopped');
  await record();
  await stopBy(doctor);
});

/** Recording goes on, and at least so many chunks wait to be sent. */
const chunksWait = (id, n) => until(`${n} chunks that wait`, async () =>
  await waiting(id) >= n);

let first, second;

test('what the store does not take waits; nothing is taken while the clinic is away',
  async () => {
    store.door.fault = 'away';
    await record();
    first = (await newest()).id;
    await chunksWait(first, 1);
    await sign(doctor).getByText(/parts? left to send.*takes nothing now/)
      .waitFor();
    //= RC-01: who cannot hear that somebody takes it back records nothing
    relay.cut();
    await sign(doctor).getByText('Recording pauses').waitFor();
    relay.mend();
    await sign(doctor).getByText('Recording', { exact: true }).waitFor();
    await chunksWait(first, await waiting(first) + 1);
    await sign(patient).waitFor();
    await kill();
  });

/** The text of the strip that every page shows while something is left. */
const left = () => doctor.locator('#uploads');
/** Signs in on the page that asks for it. */
async function signInAgain() {
  await doctor.getByLabel('Email').fill(person.email);
  await doctor.getByLabel('Password', { exact: true }).fill(person.password);
  await doctor.getByRole('button', { name: 'Sign in' }).click();
  await doctor.getByLabel('Code', { exact: true })
    .fill(await portal.code(person));
  await doctor.getByRole('button', { name: 'Continue' }).click();
  await until('the way in', () => new URL(doctor.url()).pathname !== '/');
}

test('after a crash the same clinician’s page has it, and another recording beside it',
  async () => {
    // and its clock is a day wrong from now on
    doctor = await portal.signIn(await openBrowser(86400e3), person);
    await left().getByText('A recording is not all sent yet').waitFor();
    await left().getByText(/\d parts? left to send/).waitFor();
    assert.deepEqual(await axe(doctor), []);
    await looks(doctor, 'left-to-send');
    await goIn(doctor, portal, visit, 'Open the room');
    // whoever recorded it has come back without it: it is over
    await until('it is over', async () =>
      (await newest()).state === 'stopped');
    await sign(patient).waitFor({ state: 'detached' });
    await doctor.getByText(/(Good|Fair|Poor) connection/).waitFor();
    await record();
    second = (await newest()).id;
    assert.notEqual(second, first);
    await chunksWait(second, 2);
  });

/** Somebody else's recording takes so much of what may be kept in this browser. */
const fillUp = (share) => doctor.evaluate(async (part) => {
  const { ChunkStore } = await import('/assets/js/chunk-store.js');
  const kept = await ChunkStore.open();
  const { mostBytes } = await kept.room();
  const tx = kept.db.transaction('recording', 'readwrite');
  tx.objectStore('recording').put({ id: 'another', account: 'another',
    startedAt: 0, made: 0, end: null, heldBytes: mostBytes * part });
  await new Promise((done) => { tx.oncomplete = done; });
  if (!part) await kept.forget('another');
  kept.db.close();
  return mostBytes;
}, share);

test('a browser that is nearly full says so, and stops when it is; what it has is kept',
  async () => {
    await doctor.evaluate(() => {
      const live = document.querySelector('#call-live');
      globalThis.said = '';
      new MutationObserver(() => { globalThis.said += live.textContent; })
        .observe(live, { childList: true });
    });
    assert.ok(await fillUp(0.9) <= 4 * 2 ** 30);
    await sign(doctor).getByText(/nearly full: the recording stops when it is/)
      .waitFor();
    await looks(doctor, 'nearly-full');
    assert.match(await doctor.evaluate(() => globalThis.said), /nearly full/);
    await sign(patient).waitFor(); // and it goes on until then
    await fillUp(1);
    await doctor.getByText(/can hold no more, so the recording has stopped/)
      .first().waitFor();
    for (const page of [doctor, patient])
      await sign(page).waitFor({ state: 'detached' });
    await until('it is written down', async () =>
      (await newest()).state === 'stopped');
    // what was kept has its end, and is sent later as any other
    const { made, total } = await until('its end', () =>
      doctor.evaluate(async (id) => {
        const { ChunkStore } = await import('/assets/js/chunk-store.js');
        const kept = await ChunkStore.open();
        const one = await kept.get(id);
        kept.db.close();
        return one.total !== null && one;
      }, second));
    assert.equal(total, made + 1);
    assert.equal(await waiting(second), total);
    await fillUp(0);
  });

/** The chunks of a recording that wait in the clinician's browser. */
const chunksOf = (recording) => doctor.evaluate(async (id) => {
  const [{ ChunkStore }, { toBase64 }] = await Promise.all([
    import('/assets/js/chunk-store.js'), import('/assets/js/chunk.js')]);
  const kept = await ChunkStore.open();
  const all = await new Promise((resolve) => {
    kept.db.transaction('chunk').objectStore('chunk')
      .getAll(IDBKeyRange.bound([id, 0], [id, Infinity])).onsuccess =
      ({ target }) => resolve(target.result);
  });
  kept.db.close();
  return all.map(({ bytes, ...rest }) => ({ ...rest, bytes: Array.from(
    { length: Math.ceil(bytes.length / 3000) }, (_, i) => toBase64(
      bytes.subarray(i * 3000, (i + 1) * 3000))).join('') }));
}, recording);

/** What the page below does: an uploader as a call has it, whose line is bad for as
 * long as `line.hurts`; what it asks for, and when, by the page's clock. */
const uploadBesideCall = async ([id, chunks]) => {
  const [{ ChunkStore }, { Uploader }, { fromBase64 }] = await Promise.all([
    import('/assets/js/chunk-store.js'), import('/assets/js/uploader.js'),
    import('/assets/js/chunk.js')]);
  const store = await ChunkStore.open();
  const line = { hurts: true, log: [], left: chunks.length,
    /** Of the n-th of a kind: when it was. */
    at: (kind, n = 0) => line.log.filter(([what]) => what === kind)[n]?.[1] };
  const note = (what) => line.log.push([what, performance.now()]);
  const go = fetch;

  globalThis.line = line;
  globalThis.fetch = (to, init) => {
    if (init.method !== 'PUT') {
      if (/chunks$/.test(to)) note('ask');
      return go(to, init);
    }
    note('put');
    return go(to, init).finally(() => note('over'));
  };
  await store.begin({ id, account: 'another', mediaType: 'video/webm',
    startedAt: 0, made: 0, heldBytes: 0, end: null, total: null,
    durationS: null });
  for (const chunk of chunks) await store.keep({ ...chunk,
    bytes: fromBase64(chunk.bytes) }, null);
  line.uploader = new Uploader({ store, id, hurts: () => line.hurts,
    onChange: (left, way) => {
      line.left = left;
      note(way);
    } });
  void line.uploader.run();
};

test('a call has the line first; a bad one is left to it; half an hour without one is no matter',
  async () => {
    const chunks = await chunksOf(second);
    await doctor.goto('about:blank'); // so that nobody else sends them
    const context = await portal.context();
    const page = await portal.signIn(context, person);
    const { clock } = context;
    const line = (kind, n = 0) => page.evaluate(([what, i]) =>
      globalThis.line.at(what, i), [kind, n]);
    const steps = (what, ms, look) => until(what, async () => {
      const seen = await look();
      if (!seen) await clock.runFor(ms);
      return seen;
    });
    let unlatch, held;
    const latch = () => {
      store.door.latch = new Promise((done) => { unlatch = done; });
    };
    /** The n-th of them takes so long, and so much longer nothing is asked for. */
    const rests = async (n, tookMs, times) => {
      await steps(`chunk ${n} is put`, 1000, () => line('put', n));
      await until('it is at the door', () => store.door.held > held + n);
      await clock.runFor(tookMs);
      unlatch();
      latch();
      const over = await steps(`chunk ${n} is there`, 10, () => line('over', n));
      const next = await steps(`chunk ${n + 1} is asked for`, 1000, () =>
        line('ask', n + 1));
      const took = over - await line('put', n);
      assert.ok(took >= tookMs, `${took} ms`);
      assert.ok(next - over >= times * took, `${next - over} after ${took} ms`);
    };

    assert.ok(chunks.length >= 3, String(chunks.length));
    store.door.fault = null;
    latch();
    ({ held } = store.door);
    await clock.install();
    await page.goto(`${portal.url}/help`);
    await clock.pauseAt(Date.now() + 3600e3);
    await page.evaluate(uploadBesideCall, [second, chunks]);
    // While the call needs all of the line it gets it, for ten seconds; and then
    // nine tenths of the time.
    const since = await steps('it waits', 0, () => line('waiting'));
    await steps('it still waits', 1000, () => line('waiting', 3));
    const asked = await steps('one goes', 1000, () => line('ask'));
    assert.ok(asked - since >= 10_000, `${asked - since} ms`);
    await rests(0, 4000, 9);
    await page.evaluate(() => { globalThis.line.hurts = false; });
    await rests(1, 5000, 1);
    await context.setOffline(true);
    unlatch();
    await steps('no line at all', 100, () => line('offline'));
    await clock.fastForward('30:00');
    const left = await page.evaluate(() => globalThis.line.left);
    assert.ok(left >= 1 && left <= chunks.length - 2, `${left} left`);
    await context.setOffline(false);
    await steps('all of it is there', 1000, () =>
      page.evaluate(() => globalThis.line.left === 0));
    await page.evaluate(() => globalThis.line.uploader.stop());
    await context.close();
    store.door.latch = Promise.resolve();
    store.door.fault = 'away';
  });

/** What may become of a chunk on its way, and what the page says of it. */
const FAULTS = [
  ['away', /takes nothing now/],
  [[507, 'InsufficientStorage'], /takes nothing now/],
  [[503, 'SlowDown'], /takes nothing now/],
  [[403, 'RequestTimeTooSkewed'], /takes nothing now/],
  [[403, 'AccessDenied'], /takes nothing now/], // the address has expired
  ['harm', /takes nothing now/],
  ['lost', /takes nothing now/]];

test('nothing that happens on the way loses a chunk', async () => {
  const both = async () => [await waiting(first), await waiting(second)];

  await doctor.goto(`${portal.url}/visits`);
  const all = await both();
  assert.ok(all[0] >= 2 && all[1] >= 3, all);
  for (const [fault, words] of FAULTS) {
    Object.assign(store.door, { fault, met: 0 });
    await until(`${fault} met both`, async () => {
      await doctor.evaluate(() => dispatchEvent(new Event('online')));
      return store.door.met >= 2;
    });
    await left().getByText(words).waitFor();
    assert.deepEqual(await both(), all, String(fault));
  }
  store.door.fault = 'away';
  relay.cut();
  await doctor.evaluate(() => dispatchEvent(new Event('online')));
  await left().getByText(/no connection to the clinic/).waitFor();
  relay.mend();
  // a session that ended, and somebody who signs out with something left
  await rows(`UPDATE session SET expires_at = now() - interval '1 minute'
    WHERE client = 'browser' AND account_id = :'id'`,
  { id: await portal.clinic.accountId(person) });
  await doctor.evaluate(() => dispatchEvent(new Event('online')));
  // two of the page's own may lead there, and one breaks off the other
  await until('the way out', () => /signed=idle/.test(doctor.url()));
  await signInAgain();
  await left().getByText(/left to send/).waitFor();
  await doctor.getByRole('button', { name: 'Sign out', exact: true }).click();
  await doctor.getByText('You are signed out.').waitFor();
  assert.deepEqual(await both(), all);
});

test('when all is well again all of it is sent, and found whole', async () => {
  store.door.fault = null;
  await signInAgain();
  await until('both are in the store', async () => (await rows(`SELECT id
    FROM recording WHERE state = 'stored' AND id IN (:'first', :'second')`,
  { first, second })).length === 2);
  await left().waitFor({ state: 'detached' });
  assert.deepEqual([await waiting(first), await waiting(second)], [0, 0]);
  // The last is a tag alone, and nothing that is stored looks like a film.
  const objects = store.files().map((file) => readFileSync(file));
  assert.ok(objects.some(({ length }) => length === 16));
  assert.ok(objects.every((object) => object.readUInt32BE(0) !== 0x1a45dfa3));
});

/** Watches the player: each frame's times as the cameras wrote them, both halves'
 * colours, and what is heard. */
const watch = () => {
  const video = document.querySelector('#video');
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const audio = new AudioContext();
  const ear = audio.createAnalyser();
  const at = (x, y) => [...pen.getImageData(x, y, 1, 1).data].slice(0, 3);
  const light = (x, y) => at(x, y).reduce((sum, value) => sum + value) / 3;
  const time = (x) => {
    let tenths = 0;
    for (let bit = 0; bit < 12; bit++) {
      const [high, low] = [15, 45].map((y) => light(x + bit * 30 + 15, 135 + y));
      if (Math.abs(high - low) < 80) return null; // blurred
      if (high > low) tenths |= 1 << bit;
    }
    return tenths;
  };
  const look = (_now, { mediaTime }) => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    pen.drawImage(video, 0, 0);
    globalThis.frames.push({ at: mediaTime, times: [time(0), time(480)],
      colours: [at(240, 350), at(720, 350)] });
    video.requestVideoFrameCallback(look);
  };

  globalThis.frames = [];
  video.requestVideoFrameCallback(look);
  ear.fftSize = 4096;
  audio.createMediaElementSource(video).connect(ear);
  const power = new Uint8Array(ear.frequencyBinCount);
  const near = (hz) => {
    const bin = Math.round(hz * 4096 / audio.sampleRate);
    return Math.max(...power.slice(bin - 2, bin + 3));
  };
  globalThis.heard = [];
  setInterval(() => {
    ear.getByteFrequencyData(power);
    globalThis.heard.push([500, 1000, 1500].map(near));
  }, 100);
};
const alike = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 60);
/** Both pictures, and both voices above what is between them. */
const bothAreThere = ({ frames, heard }) => frames.some(({ colours: [a, b] }) =>
  alike(a, RED) && alike(b, BLUE)) && heard.some(([a, between, b]) =>
  a > between + 20 && b > between + 20);

/** What the player shows: `holds` of what it is. */
async function player(what, holds) {
  let now;
  const look = async () => {
    now = await doctor.evaluate(() => {
      const video = document.querySelector('#video');
      return { at: video.currentTime, paused: video.paused, muted: video.muted,
        ended: video.ended, all: video.duration, ready: video.readyState,
        seeking: video.seeking, there: Array.from(video.buffered, (_, i) =>
          [video.buffered.start(i), video.buffered.end(i)]),
        said: document.querySelector('#note').textContent,
        frames: globalThis.frames ?? [], heard: globalThis.heard ?? [] };
    });
    return holds(now) && now;
  };

  return until(what, look).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify({ ...now,
      frames: now.frames.slice(-3), heard: now.heard.slice(-3) })}`);
  });
}
async function openPlayer() {
  await doctor.goto(`${portal.url}/recording?id=${second}`);
  await doctor.locator('#player').waitFor();
}

//= RC-02, RC-06: what is played is what was recorded
test('the player shows and lets hear what was sent', async () => {
  await doctor.goto(`${portal.url}/patient?id=${visit.patient_id}`);
  await doctor.getByRole('button', { name: 'Show recordings' }).click();
  await doctor.getByRole('link', { name: /^Open the recording/ }).first()
    .waitFor();
  await looks(doctor, 'recording-list');
  await openPlayer();
  await doctor.evaluate(watch);
  await doctor.getByRole('button', { name: 'Play' }).click();
  const timesOf = (frames, half) => frames.map(({ times }) => times[half])
    .filter((tenths) => tenths !== null);
  const span = (times) => (times.at(-1) - times[0]) & 0xfff;
  const { frames } = await player('both are seen and heard', (now) =>
    bothAreThere(now) && [0, 1].every((half) => {
      const times = timesOf(now.frames, half);
      return times.length > 2 && span(times) > 10;
    }));
  for (const half of [0, 1]) {
    const times = timesOf(frames, half);
    // the time goes on, and never back
    assert.deepEqual(times.filter((tenths, i) =>
      (tenths - times[Math.max(0, i - 1)]) & 0x800), []);
  }
  // whoever looks is named over the picture
  assert.match(await doctor.locator('#mark').innerText(),
    new RegExp(person.name));
  assert.equal(await doctor.getByText(/download/i).count(), 0);
  await doctor.locator('#title').click();
  for (const [key, holds] of [['k', ({ paused }) => paused],
    ['m', ({ muted }) => muted], ['m', ({ muted }) => !muted],
    ['ArrowLeft', ({ at }) => at < frames.at(-1).at],
    ['k', ({ paused }) => !paused]]) {
    await doctor.keyboard.press(key);
    await player(`what ${key} does`, holds);
  }
  assert.deepEqual(await axe(doctor), []);
  await looks(doctor, 'player');
  const [{ n }] = await rows(`SELECT count(*) AS n FROM audit
    WHERE operation = 'recording_playback' AND outcome = 'ok'`);
  assert.ok(Number(n) >= 1);
});

//= RC-04: who sees to it that recordings are kept sees that they are there, alone
test('compliance sees that it is there, and not what is in it', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, portal.clinic.people.compliance);

  await page.goto(`${portal.url}/recordings`);
  await page.getByRole('button', { name: /^Hold/ }).first().waitFor();
  await looks(page, 'recordings');
  await page.goto(`${portal.url}/recording?id=${second}`);
  await page.getByText(/this recording exists. Your role cannot watch it/)
    .waitFor();
  assert.equal(await page.locator('#player').isVisible(), false);
  await looks(page, 'recording-compliance');
  await context.close();
});

/** The media of a chunk, its times later. Clusters are of unknown length. */
function later(text, byMs) {
  const parts = [];
  let from = 0;

  for (let at = text.indexOf(CLUSTER); at >= 0;
    at = text.indexOf(CLUSTER, at + 4)) {
    const time = at + CLUSTER.length, n = text[time + 1] & 0x7f;
    const ms = Buffer.alloc(4);
    ms.writeUInt32BE(text.readUIntBE(time + 2, n) + byMs);
    parts.push(text.subarray(from, time), Buffer.from([0xe7, 0x84]), ms);
    from = time + 2 + n;
  }
  return Buffer.concat([...parts, text.subarray(from)]);
}
const CLUSTER = Buffer.from('1f43b67501ffffffffffffff', 'hex');
const startOf = (text) => text.readUIntBE(CLUSTER.length + 2,
  text[CLUSTER.length + 1] & 0x7f);
const MANY = 40;
/** After this part the browser that recorded had no time for a while. */
const BUSY = 30, GAP_MS = 3000;

/** The recording, so much longer: its second part again and again. */
async function lengthen() {
  const client = await portal.clinic.signIn(person);
  const { body } = await client.post(`/v1/recordings/${second}/playback`);
  client.close();
  const about = (index) => Buffer.concat([
    Buffer.from(second.replaceAll('-', ''), 'hex'), Buffer.from([0, 0, 0, index])]);
  const cipher = (make, index, last) => make('aes-256-gcm',
    Buffer.from(body.key, 'base64'), Buffer.concat([
      Buffer.from(body.nonce_prefix, 'base64'),
      Buffer.from([0, 0, 0, index, last])])).setAAD(about(index));
  const object = (piece) => new URL(piece.url).pathname.split('/').slice(2).join('/');
  const opened = (index) => {
    const sealed = store.read(object(body.chunks[index]));
    const c = cipher(createDecipheriv, index, 0).setAuthTag(sealed.subarray(-16));
    return Buffer.concat([c.update(sealed.subarray(0, -16)), c.final()]);
  };
  const [one, two] = [opened(1), opened(2)];
  const eachMs = startOf(two) - startOf(one);
  const shiftMs = (index) => (index - 1) * eachMs + (index > BUSY ? GAP_MS : 0);
  const [prefix] = object(body.chunks[0]).split('/');
  const made = [];

  for (let index = 3; index < MANY; index++) {
    const last = Number(index === MANY - 1);
    const c = cipher(createCipheriv, index, last);
    const bytes = Buffer.concat([c.update(last ? '' :
      later(one, shiftMs(index))), c.final(), c.getAuthTag()]);
    const name = `${prefix}/${randomBytes(16).toString('hex')}`;
    writeFileSync(path.join(store.folder, name), bytes);
    made.push({ index, object: name, bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  await rows(`INSERT INTO recording_chunk (clinic_id, recording_id, index, object,
      bytes, sha256, asked_at, done_at, seen_at)
    SELECT clinic_id, id, c.index, c.object, c.bytes, decode(c.sha256, 'hex'),
           now(), now(), now()
      FROM recording, jsonb_to_recordset(:'made'::jsonb)
        AS c(index bigint, object text, bytes bigint, sha256 text)
     WHERE id = :'second'
    ON CONFLICT (clinic_id, recording_id, index) DO UPDATE
       SET object = excluded.object, bytes = excluded.bytes,
           sha256 = excluded.sha256, seen_at = now();
    UPDATE recording SET chunks = ${MANY}, duration_s = :'seconds'::bigint
     WHERE id = :'second'`, { second, made: JSON.stringify(made),
    seconds: String(Math.ceil(shiftMs(MANY) / 1000)) });
  return { objects: made, /** Where a part begins, in s. */
    timeOf: (index) => (startOf(one) + shiftMs(index)) / 1000 };
}

/** Objects that were fetched since then. */
const fetched = () => new Set(store.door.asked.filter(([method]) =>
  method === 'GET').map(([, at]) => at)).size;

let long;
test('a place far on is played without what lies before it', async () => {
  long = await lengthen();
  store.door.asked.length = 0;
  await openPlayer();
  await doctor.evaluate(watch);
  const place = long.timeOf(BUSY);
  await player('all of it', ({ all }) => all > place);
  await doctor.locator('#where').fill(String(Math.floor(place)));
  await doctor.getByRole('button', { name: 'Play' }).click();
  await player('it plays there', (now) => now.at > place + 0.5 &&
    bothAreThere(now));
  // and over what is not there at all
  await doctor.evaluate(() => {
    document.querySelector('video').playbackRate = 4;
  });
  await player('it goes over a gap', ({ at }) =>
    at > long.timeOf(BUSY + 1) + 0.5);
  // The head, the end, what is played and fetched ahead, and few to find it.
  assert.ok(fetched() < MANY / 2, `${fetched()} of ${MANY}`);
  await doctor.locator('#where').focus();
  await doctor.keyboard.press('End');
  await player('its end', ({ ended }) => ended);
  assert.ok(fetched() < MANY * 3 / 4, `${fetched()} of ${MANY}`);
});

//= RC-02, RC-06: what is not what was recorded is not played, and the clinic hears
test('what was harmed in the store is not played', async () => {
  const at = ({ object }) => path.join(store.folder, object);
  const whole = (piece) => readFileSync(at(piece));
  const changed = (bytes) => {
    bytes[9] ^= 1;
    return bytes;
  };

  for (const [index, words, harm] of [
    [9, /was changed/, (piece) => writeFileSync(at(piece), changed(whole(piece)))],
    [17, /is not as long/, (piece) =>
      writeFileSync(at(piece), whole(piece).subarray(1))],
    [25, /was changed|is not as long/, (piece) =>
      writeFileSync(at(piece), whole(long.objects[1]))],
    [33, /is missing/, (piece) => rmSync(at(piece))]]) {
    harm(long.objects[index - 3]);
    await openPlayer();
    await player('all of it', ({ all }) => all > long.timeOf(MANY - 2));
    await doctor.locator('#where').fill(String(Math.ceil(long.timeOf(index))));
    await doctor.getByText(words).waitFor();
    await doctor.getByText(/It is not played\. The clinic has been told/)
      .waitFor();
    assert.equal(await doctor.locator('#player').isVisible(), false);
  }
  const told = await rows(`SELECT seq FROM audit
    WHERE operation = 'recording_chunk_fault' AND outcome = 'ok'`);
  assert.equal(told.length, 4);
});

// But of what the store was made to answer: the browser says so of each.
test('no page complained', () => assert.deepEqual(portal.complaints
  .filter((line) => !/net::ERR_|AudioContext was not allowed|status of (401|403|503|507) /
    .test(line)), []));
