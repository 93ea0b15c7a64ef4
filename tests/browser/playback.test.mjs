// Playing recordings, by the pages: what is played is what was seen and heard, and
// what is not is not played.
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { axe } from './portal.mjs';
import { BLUE, RED, RecordedCall, looks, until } from './recorded.mjs';

const call = new RecordedCall();
let recording;
before(async () => {
  await call.start();
  await call.begin();
});
after(() => call.stop());

test('a recording comes about', async () => {
  recording = await call.record();
  await until('three parts in the store', async () => (await call.rows(`SELECT index
    FROM recording_chunk WHERE recording_id = :'recording' AND done_at IS NOT NULL`,
  { recording })).length >= 3);
  await call.stopBy(call.doctor);
  await until('all of it', async () => (await call.newest()).state === 'stored');
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
    now = await call.doctor.evaluate(() => {
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
  await call.doctor.goto(`${call.portal.url}/recording?id=${recording}`);
  await call.doctor.locator('#player').waitFor();
}

//= RC-02, RC-06: what is played is what was recorded
test('the player shows and lets hear what was sent', async () => {
  await call.doctor.goto(`${call.portal.url}/patient?id=${call.visit.patient_id}`);
  await call.doctor.getByRole('button', { name: 'Show recordings' }).click();
  await call.doctor.getByRole('link', { name: /^Open the recording/ }).first()
    .waitFor();
  await looks(call.doctor, 'recording-list');
  await openPlayer();
  await call.doctor.evaluate(watch);
  await call.doctor.getByRole('button', { name: 'Play' }).click();
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
  assert.match(await call.doctor.locator('#mark').innerText(),
    new RegExp(call.person.name));
  assert.equal(await call.doctor.getByText(/download/i).count(), 0);
  await call.doctor.locator('#title').click();
  for (const [key, holds] of [['k', ({ paused }) => paused],
    ['m', ({ muted }) => muted], ['m', ({ muted }) => !muted],
    ['ArrowLeft', ({ at }) => at < frames.at(-1).at],
    ['k', ({ paused }) => !paused]]) {
    await call.doctor.keyboard.press(key);
    await player(`what ${key} does`, holds);
  }
  assert.deepEqual(await axe(call.doctor), []);
  await looks(call.doctor, 'player');
  const [{ n }] = await call.rows(`SELECT count(*) AS n FROM audit
    WHERE operation = 'recording_playback' AND outcome = 'ok'`);
  assert.ok(Number(n) >= 1);
});

//= RC-04: who sees to it that recordings are kept sees that they are there, alone
test('compliance sees that it is there, and not what is in it', async () => {
  const context = await call.portal.context();
  const page = await call.portal.signIn(context, call.portal.clinic.people.compliance);

  await page.goto(`${call.portal.url}/recordings`);
  await page.getByRole('button', { name: /^Hold/ }).first().waitFor();
  await looks(page, 'recordings');
  await page.goto(`${call.portal.url}/recording?id=${recording}`);
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

/** @returns {[number, number, number]} an element's id, where its body begins, and
 * how long it is */
function element(text, at) {
  const lengthOf = (where) => Math.clz32(text[where]) - 23;
  const body = at + lengthOf(at), from = body + lengthOf(body);
  const size = text.readUIntBE(body, Math.min(from - body, 6)) &
    (2 ** (7 * Math.min(from - body, 4)) - 1);
  return [text.readUIntBE(at, body - at), from, size];
}

/** Which track has the pictures, as a block says it. */
const picturesOf = (head) => 0x80 | head[head.lastIndexOf(Buffer.from('d781', 'hex'),
  head.indexOf(Buffer.from('838101', 'hex'))) + 2];

/** The media of a chunk without its pictures but the first: the browser that made
 * it had no time to draw. */
function sparse(text, track) {
  const parts = [];
  let pictures = 0, from = 0;

  for (let at = 0, end; at < text.length; at = end) {
    const [id, body, size] = element(text, at);
    end = id === CLUSTER.readUInt32BE() ? body : body + size;
    if (id !== 0xa3 || text[body] !== track || ++pictures === 1) continue;
    parts.push(text.subarray(from, at));
    from = end;
  }
  assert.ok(pictures > 1, `${pictures} pictures`);
  return Buffer.concat([...parts, text.subarray(from)]);
}
const MANY = 40;
/** Of this part there is one picture, and all the sound. */
const SPARSE = 12;
/** After this part the browser that recorded had no time for a while. */
const BUSY = 30, GAP_MS = 3000;

/** The recording, so much longer: its second part again and again. */
async function lengthen() {
  const client = await call.portal.clinic.signIn(call.person);
  const { body } = await client.post(`/v1/recordings/${recording}/playback`);
  client.close();
  const about = (index) => Buffer.concat([
    Buffer.from(recording.replaceAll('-', ''), 'hex'), Buffer.from([0, 0, 0, index])]);
  const cipher = (make, index, last) => make('aes-256-gcm',
    Buffer.from(body.key, 'base64'), Buffer.concat([
      Buffer.from(body.nonce_prefix, 'base64'),
      Buffer.from([0, 0, 0, index, last])])).setAAD(about(index));
  const object = (piece) => new URL(piece.url).pathname.split('/').slice(2).join('/');
  const opened = (index) => {
    const sealed = call.store.read(object(body.chunks[index]));
    const c = cipher(createDecipheriv, index, 0).setAuthTag(sealed.subarray(-16));
    return Buffer.concat([c.update(sealed.subarray(0, -16)), c.final()]);
  };
  const [head, one, two] = [0, 1, 2].map(opened);
  const eachMs = startOf(two) - startOf(one);
  const shiftMs = (index) => (index - 1) * eachMs + (index > BUSY ? GAP_MS : 0);
  const [prefix] = object(body.chunks[0]).split('/');
  const made = [];

  for (let index = 3; index < MANY; index++) {
    const last = Number(index === MANY - 1);
    const c = cipher(createCipheriv, index, last);
    const media = last ? Buffer.alloc(0) : later(one, shiftMs(index));
    const bytes = Buffer.concat([c.update(index === SPARSE ?
      sparse(media, picturesOf(head)) : media), c.final(), c.getAuthTag()]);
    const name = `${prefix}/${randomBytes(16).toString('hex')}`;
    writeFileSync(path.join(call.store.folder, name), bytes);
    made.push({ index, object: name, bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  await call.rows(`INSERT INTO recording_chunk (clinic_id, recording_id, index, object,
      bytes, sha256, asked_at, done_at, seen_at)
    SELECT clinic_id, id, c.index, c.object, c.bytes, decode(c.sha256, 'hex'),
           now(), now(), now()
      FROM recording, jsonb_to_recordset(:'made'::jsonb)
        AS c(index bigint, object text, bytes bigint, sha256 text)
     WHERE id = :'recording'
    ON CONFLICT (clinic_id, recording_id, index) DO UPDATE
       SET object = excluded.object, bytes = excluded.bytes,
           sha256 = excluded.sha256, seen_at = now();
    UPDATE recording SET chunks = ${MANY}, duration_s = :'recordings'::bigint
     WHERE id = :'recording'`, { recording, made: JSON.stringify(made),
    recordings: String(Math.ceil(shiftMs(MANY) / 1000)) });
  return { objects: made, /** Where a part begins, in s. */
    timeOf: (index) => (startOf(one) + shiftMs(index)) / 1000 };
}

/** Objects that were fetched since then. */
const fetched = () => new Set(call.store.door.asked.filter(([method]) =>
  method === 'GET').map(([, at]) => at)).size;

let long;
test('a place far on is played without what lies before it', async () => {
  long = await lengthen();
  call.store.door.asked.length = 0;
  await openPlayer();
  await call.doctor.evaluate(watch);
  const place = long.timeOf(BUSY);
  await player('all of it', ({ all }) => all > place);
  await call.doctor.locator('#where').fill(String(Math.floor(place)));
  await call.doctor.getByRole('button', { name: 'Play' }).click();
  await player('it plays there', (now) => now.at > place + 0.5 &&
    bothAreThere(now));
  // and over what is not there at all
  await call.doctor.evaluate(() => {
    document.querySelector('video').playbackRate = 4;
  });
  await player('it goes over a gap', ({ at }) =>
    at > long.timeOf(BUSY + 1) + 0.5);
  // The head, the end, what is played and fetched ahead, and few to find it.
  assert.ok(fetched() < MANY / 2, `${fetched()} of ${MANY}`);
  await call.doctor.locator('#where').focus();
  await call.doctor.keyboard.press('End');
  await player('its end', ({ ended }) => ended);
  assert.ok(fetched() < MANY * 3 / 4, `${fetched()} of ${MANY}`);
});

test('a part with a single picture is heard to its end', async () => {
  const [from, to] = [SPARSE, SPARSE + 1].map((index) => long.timeOf(index));

  await openPlayer();
  await call.doctor.evaluate(watch);
  await player('all of it', ({ all }) => all > to);
  await call.doctor.locator('#where').fill(String(Math.ceil(from)));
  await player('the place', (now) => !now.seeking && now.at >= from &&
    now.at < to &&
    now.ready > 2);
  await call.doctor.evaluate(() => {
    globalThis.leaps = [];
    const video = document.querySelector('#video');
    video.addEventListener('seeking', () =>
      globalThis.leaps.push(video.currentTime));
  });
  await call.doctor.getByRole('button', { name: 'Play' }).click();
  const { there } = await player('what comes after it', (now) =>
    now.at > to + 0.5 && bothAreThere(now));
  assert.deepEqual(await call.doctor.evaluate(() => globalThis.leaps), []);
  assert.ok(there.some(([start, end]) => start <= from + 0.2 && end > to + 0.5),
    JSON.stringify(there));
});

//= RC-02, RC-06: what is not what was recorded is not played, and the clinic hears
test('a store that is silent is not waited for without a word', async () => {
  const page = await call.doctor.context().newPage();
  let asked = 0;

  await page.clock.install();
  await page.route(`http://localhost:${call.store.port}/**`, () => { asked++; }); // and no answer
  await page.goto(`${call.portal.url}/recording?id=${recording}`);
  for (const times of [1, 2]) { // its address may have ended: it has a second one
    await until('a chunk is asked for', () => asked === times);
    await page.clock.fastForward(125_000);
  }
  await page.getByText('recordings are kept does not answer').waitFor();
  await page.close();
});

test('who asks for it before it has come sees it play then', async () => {
  const page = await call.doctor.context().newPage();
  let come;
  const held = new Promise((done) => { come = done; });

  await page.route(`http://localhost:${call.store.port}/**`, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${call.portal.url}/recording?id=${recording}`);
  await page.getByRole('button', { name: 'Play' }).click();
  come();
  await page.waitForFunction(() => document.querySelector('video').currentTime > 0);
  await page.close();
});

test('what was harmed in the store is not played', async () => {
  const at = ({ object }) => path.join(call.store.folder, object);
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
    const piece = long.objects[index - 3], sound = whole(piece);
    harm(piece);
    await openPlayer();
    await player('all of it', ({ all }) => all > long.timeOf(MANY - 2));
    await call.doctor.locator('#where').fill(String(Math.ceil(long.timeOf(index))));
    await player(`part ${index}`, ({ said }) => words.test(said) &&
      /It is not played\. The clinic has been told/.test(said));
    assert.equal(await call.doctor.locator('#player').isVisible(), false);
    writeFileSync(at(piece), sound); // the next is all that is wrong
  }
  // the page says so first
  await until('all that the clinic was told', async () => (await call.rows(
    `SELECT seq FROM audit WHERE operation = 'recording_chunk_fault'
      AND outcome = 'ok'`)).length >= 4);
  assert.equal((await call.rows(`SELECT seq FROM audit
    WHERE operation = 'recording_chunk_fault' AND outcome = 'ok'`)).length, 4);
});

test('no page complained', () => assert.deepEqual(call.complaints(), []));
