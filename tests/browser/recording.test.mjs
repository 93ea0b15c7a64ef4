// Recordings, by the pages: everyone is asked and can end it, and what was recorded
// outlives the clinic's absence, a crash, a reload and a full disk.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { top } from '../lib/clinic.mjs';
import { axe, overflow } from './portal.mjs';
import { RecordedCall, looks, sign, until } from './recorded.mjs';

const DAY_MS = 86_400_000;
const call = new RecordedCall();
before(() => call.start({ short: true }));
after(() => call.stop());

//= RC-02: what this browser seals is what docs/RECORDINGS.md says, and nothing
// else of it opens
test('a chunk is sealed as it is written down, and opens in its place alone',
  async () => {
    const table = readFileSync(path.join(top, 'docs/RECORDINGS.md'), 'utf8')
      .matchAll(/^\| (\d) \| ([01]) \| (?:`(.*)`)? ?\| `([0-9a-f]+)` \| `(.{44})` \|$/gm);
    const vector = [...table].map(([, index, last, text = '', hex, sum]) =>
      ({ index: Number(index), last: last === '1', text, hex, sum }));

    assert.equal(vector.length, 3);
    const made = await call.doctor.evaluate(async (all) => {
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
  await call.begin();
  // Nobody but the clinician has anything to press.
  await call.doctor.getByRole('button', { name: 'Record', exact: true }).waitFor();
  assert.equal(await call.patient.getByRole('button', { name: 'Record' }).count(), 0);
});

//= RC-01: asked in plain words; a no records nothing
test('everyone is asked, and one who says no is not recorded', async () => {
  await call.doctor.getByRole('button', { name: 'Record', exact: true }).click();
  await call.doctor.getByRole('button', { name: 'Ask everyone' }).click();
  const question = call.patient.getByRole('region',
    { name: 'May this visit be recorded?' });
  await question.waitFor();
  for (const words of [/picture and sound of everyone/, /kept until/,
    /can watch it/, /your choice/])
    await question.getByText(words).waitFor();
  assert.deepEqual(await axe(call.patient), []);
  await looks(call.patient, 'consent');
  for (const [width, height] of [[320, 568], [390, 844]]) {
    await call.patient.setViewportSize({ width, height });
    assert.ok(await overflow(call.patient) <= 0);
    await call.patient.getByRole('button', { name: 'No, do not record' })
      .waitFor();
  }
  await call.doctor.getByText('Waiting until everyone has agreed').waitFor();
  assert.equal(await sign(call.doctor).count(), 0);
  await call.patient.getByRole('button', { name: 'No, do not record' }).click();
  await call.doctor.getByText('Not everyone agreed. Nothing was recorded.').first()
    .waitFor();
  const { id } = await until('it is written down', async () => {
    const no = await call.newest();
    return no.state === 'stopped' && no;
  });
  assert.equal(await call.waiting(id), 0);
});

//= RC-01: the sign is on every side, and whoever takes it back ends it at once
test('whoever agreed can stop it at once', async () => {
  await call.patient.evaluate(() => {
    const live = document.querySelector('#call-live');
    globalThis.said = '';
    new MutationObserver(() => { globalThis.said += live.textContent; })
      .observe(live, { childList: true });
  });
  await call.record();
  assert.match(await call.patient.evaluate(() => globalThis.said),
    /This visit is being recorded/);
  for (const page of [call.doctor, call.patient]) {
    assert.match(await sign(page).innerText(), /Recording/);
    assert.deepEqual(await axe(page), []);
  }
  await looks(call.patient, 'recording-patient');
  await looks(call.doctor, 'recording-doctor');
  await call.stopBy(call.patient);
  for (const page of [call.doctor, call.patient])
    await page.getByText(/does not want to be recorded any more/).first()
      .waitFor();
  await until('it is written down', async () =>
    (await call.newest()).state === 'stopped');
  await call.record();
  await call.stopBy(call.doctor);
});

test('a loudspeaker that is stuck keeps nothing from being recorded', async () => {
  const speaker = call.loudspeaker();

  process.kill(speaker, 'SIGSTOP'); // for longer than a browser waits for it
  try {
    call.store.door.fault = 'away';
    await call.partsWait(await call.record(), 1);
  } finally {
    process.kill(speaker, 'SIGCONT');
    call.store.door.fault = null;
  }
  await call.stopBy(call.doctor);
});

test('of which nothing comes is no recording, and everyone is told so', async () => {
  for (const part of ['the recorder', 'the worker']) {
    await call.doctor.evaluate((silent) => {
      const [real, begin] = [setInterval, MediaRecorder.prototype.start];
      const { postMessage } = Worker.prototype;
      // a minute is a second
      globalThis.setInterval = (work, ms, ...more) =>
        real(work, ms === 1000 ? 17 : ms, ...more);
      if (silent === 'the recorder')
        MediaRecorder.prototype.start = function () { begin.call(this); };
      else Worker.prototype.postMessage = () => {};
      globalThis.heal = () => {
        globalThis.setInterval = real;
        MediaRecorder.prototype.start = begin;
        Worker.prototype.postMessage = postMessage;
      };
    }, part);
    await call.record();
    await call.doctor.getByText(/could not go on recording/).first().waitFor();
    await sign(call.patient).waitFor({ state: 'detached' });
    await until('it is written down', async () =>
      (await call.newest()).state === 'stopped');
    await call.doctor.evaluate(() => globalThis.heal());
  }
});

let first, second;

test('what the store does not take waits; nothing is taken while the clinic is away',
  async () => {
    call.store.door.fault = 'away';
    first = await call.record();
    await call.partsWait(first, 1);
    await sign(call.doctor).getByText(/parts? left to send.*takes nothing now/)
      .waitFor();
    //= RC-01: who cannot hear that somebody takes it back records nothing
    call.relay.cut();
    await sign(call.doctor).getByText('Recording pauses').waitFor();
    // the first question how it stands is lost, too
    let asked = 0;
    const stands = /\/v1\/recordings\/[^/]+$/;
    await call.doctor.route(stands, (route) => asked++ ? route.continue() : route.abort());
    call.relay.mend();
    await sign(call.doctor).getByText('Recording', { exact: true }).waitFor();
    await call.doctor.unroute(stands);
    assert.ok(asked > 1, `asked ${asked} times`);
    await call.partsWait(first, await call.waiting(first) + 1);
    await sign(call.patient).waitFor();
    await call.kill();
  });

test('after a crash the same clinician’s page has it, and another recording beside it',
  async () => {
    // and its clock is a day wrong from now on
    await call.comeBack(DAY_MS);
    await call.left().getByText('A recording is not all sent yet').waitFor();
    await call.left().getByText(/\d parts? left to send/).waitFor();
    assert.deepEqual(await axe(call.doctor), []);
    await looks(call.doctor, 'left-to-send');
    await call.goBack();
    second = await call.record();
    assert.notEqual(second, first);
    await call.partsWait(second, 2);
  });

/** Somebody else's recording takes so much of what may be kept in this browser. */
const fillUp = (share) => call.doctor.evaluate(async (part) => {
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
    await call.doctor.evaluate(() => {
      const live = document.querySelector('#call-live');
      globalThis.said = '';
      new MutationObserver(() => { globalThis.said += live.textContent; })
        .observe(live, { childList: true });
    });
    assert.ok(await fillUp(0.9) <= 4 * 2 ** 30);
    await sign(call.doctor).getByText(/nearly full: the recording stops when it is/)
      .waitFor();
    await looks(call.doctor, 'nearly-full');
    assert.match(await call.doctor.evaluate(() => globalThis.said), /nearly full/);
    await sign(call.patient).waitFor(); // and it goes on until then
    await fillUp(1);
    await call.doctor.getByText(/can hold no more, so the recording has stopped/)
      .first().waitFor();
    for (const page of [call.doctor, call.patient])
      await sign(page).waitFor({ state: 'detached' });
    await until('it is written down', async () =>
      (await call.newest()).state === 'stopped');
    // what was kept has its end, and is sent later as any other
    const { made, total } = await call.ended(second);
    assert.equal(total, made + 1);
    assert.equal(await call.waiting(second), total);
    await fillUp(0);
  });

test('after a reload in the middle of it what was recorded is all sent', async () => {
  const third = await call.record();
  await call.partsWait(third, 2);
  let asked = '';
  call.doctor.once('dialog', (dialog) => {
    asked = dialog.type();
    void dialog.accept();
  });
  await call.doctor.reload();
  assert.equal(asked, 'beforeunload');
  await call.left().getByText(/\d parts? left to send/).waitFor();
  const { made, total } = await call.ended(third);
  assert.ok(made >= 2 && total === made + 1, `${made} of ${total}`);
  // nobody records it any more, and nobody is told that they do
  await call.doctor.getByRole('button', { name: 'Open the room' }).click();
  await sign(call.patient).waitFor({ state: 'detached' });
  call.store.door.fault = null;
  await until('it is in the store', async () => {
    await call.doctor.evaluate(() => dispatchEvent(new Event('online')));
    return (await call.rows(`SELECT id FROM recording WHERE id = :'id'
      AND state = 'stored' AND chunks = :'total'`, { id: third, total })).length;
  });
  assert.equal(await call.waiting(third), 0);
});

test('no page complained', () => assert.deepEqual(call.complaints(), []));
