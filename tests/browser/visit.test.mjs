// A whole visit between two browsers: check in, wait, admit, talk both ways,
// share a screen, lose the signaling and come back, hang up; and the audit
// names each step.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { coming } from '../lib/patience.mjs';
import { children } from '../lib/processes.mjs';
import { connected, soonPage } from './call.mjs';
import { Portal, axe, overflow } from './portal.mjs';

/** @type {Portal} */
let portal;
let clinician, patient, visit;

/** Remembers each connection and socket of a page, for the test to look at. */
const spy = () => {
  const Real = RTCPeerConnection, Socket = WebSocket;
  globalThis.seen = { peers: [], sockets: [] };
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      globalThis.seen.peers.push(this);
    }
  };
  globalThis.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      globalThis.seen.sockets.push(this);
    }
  };
};

/** Pictures of the other side that were decoded so far. */
const frames = (page) => page.evaluate(async () => {
  let sum = 0;
  for (const pc of globalThis.seen.peers) {
    if (pc.connectionState === 'closed') continue;
    for (const one of (await pc.getStats()).values())
      if (one.type === 'inbound-rtp' && one.kind === 'video')
        sum += one.framesDecoded ?? 0;
  }
  return sum;
});

async function framesGrow(page, what) {
  let start = await frames(page);
  const at = Date.now();

  for (let now = start; now < start + 5; now = await frames(page)) {
    assert.ok(Date.now() - at < coming(60_000), `${what}: stays at ${start} pictures`);
    start = Math.min(start, now); // those of a connection that was closed go
    await page.waitForTimeout(200);
  }
}

before(async () => {
  portal = await Portal.start();
  const { people } = portal.clinic;
  const desk = await portal.clinic.signIn(people.scheduler);
  const list = await desk.get('/v1/visits?limit=100');

  visit = list.body.items.find((one) =>
    one.patient_id === people.patient.patient_id && one.status === 'booked');
  assert.ok(visit, 'the demo clinic books the first patient');
  desk.close();
  const names = [people.clinician, people.clinician2];
  const doctor = names.find(({ name }) => name === visit.clinician_name);
  const [a, b] = [await portal.context(), await portal.context()];
  await a.addInitScript(spy);
  await b.addInitScript(spy);
  // Inside the window in which a patient may check in.
  await portal.clinic.visitSoon(visit.id);
  clinician = await portal.signIn(a, doctor);
  patient = await portal.signIn(b, people.patient);
});
after(() => portal?.stop());

test('the patient checks in and waits', async () => {
  await patient.getByRole('link', { name: /^Check in/ }).click();
  await patient.getByLabel('Camera').waitFor();
  await patient.getByText('We hear you.').waitFor();
  await patient.getByRole('button', { name: 'Check in' }).click();
  await patient.getByRole('heading', { name: 'You are checked in' }).waitFor();
  await patient.getByText(/You are next/).first().waitFor();
  assert.deepEqual(await axe(patient), []);
});

test('the clinician sees who waits, and admits', async () => {
  await clinician.goto(soonPage(portal));
  await clinician.getByRole('link', { name: /^Start visit/ }).first().click();
  await clinician.getByRole('button', { name: 'Open the room' }).click();
  const admit = clinician.getByRole('button', { name: /^Admit/ });
  await admit.waitFor();
  assert.deepEqual(await axe(clinician), []);
  await admit.click();
  await patient.getByRole('button', { name: 'Leave' }).waitFor();
});

test('each sees the other', async () => {
  for (const page of [clinician, patient])
    await page.locator('.other video').waitFor();
  await framesGrow(clinician, 'the clinician');
  await framesGrow(patient, 'the patient');
  for (const page of [clinician, patient]) {
    await page.getByRole('status').filter({ hasText: 'Connected' }).waitFor();
    await connected(page);
    assert.deepEqual(await axe(page), []);
  }
  await patient.setViewportSize({ width: 320, height: 640 });
  assert.ok(await overflow(patient) <= 0);
  assert.deepEqual(await axe(patient), []);
  if (process.env.EPIONE_SHOTS) for (const [name, page] of
    [['clinician', clinician], ['patient', patient]])
    await page.screenshot({ path: `${process.env.EPIONE_SHOTS}/${name}.png` });
});

//= PA-05: the whole visit by keyboard
test('keys turn the microphone and the camera off and on', async () => {
  await clinician.keyboard.press('Alt+Shift+KeyM');
  await patient.getByText('Microphone off').waitFor({ state: 'attached' });
  await clinician.keyboard.press('Alt+Shift+KeyV');
  await patient.getByText('Camera off').waitFor({ state: 'attached' });
  await clinician.keyboard.press('Alt+Shift+KeyV');
  await clinician.keyboard.press('Alt+Shift+KeyM');
  await patient.getByText('Camera off').waitFor({ state: 'detached' });
});

test('both sides show the same safety code', async () => {
  const codes = [];

  for (const page of [clinician, patient]) {
    await page.keyboard.press('Alt+Shift+KeyI');
    const dialog = page.getByRole('dialog', { name: 'About this call' });
    await dialog.waitFor();
    // what both have to agree on first, is not known at once
    while (!await dialog.locator('.secret').count()) {
      await dialog.getByRole('button', { name: 'Close' }).click();
      await page.keyboard.press('Alt+Shift+KeyI');
      await dialog.waitFor();
    }
    codes.push(await dialog.locator('.secret').innerText());
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole('button', { name: 'Close' }).click();
  }
  assert.match(codes[0], /^\d{5} \d{5} \d{5} \d{5}$/);
  assert.equal(codes[0], codes[1]);
});

test('what one writes the other reads, as text', async () => {
  const hostile = '<img src=x onerror="globalThis.struck=1">';

  await patient.getByRole('button', { name: 'Chat' }).click();
  await patient.getByLabel('Message').fill(hostile);
  await patient.keyboard.press('Enter');
  await clinician.getByRole('button', { name: 'Chat (1)' }).click();
  await clinician.getByRole('log').getByText(hostile).waitFor();
  assert.equal(await clinician.evaluate(() => globalThis.struck), undefined);
  for (const page of [clinician, patient]) {
    assert.deepEqual(await axe(page), []);
    if (process.env.EPIONE_SHOTS && page === clinician)
      await page.screenshot({ path: `${process.env.EPIONE_SHOTS}/chat.png` });
    await page.keyboard.press('Escape');
    await page.getByRole('log').waitFor({ state: 'hidden' });
  }
});

test('the patient shares a screen, and stops', async () => {
  await patient.keyboard.press('Alt+Shift+KeyS');
  await clinician.getByText('Shares the screen').waitFor({ state: 'attached' });
  await framesGrow(clinician, 'the clinician, of the screen');
  await patient.keyboard.press('Alt+Shift+KeyS');
  await clinician.getByText('Shares the screen').waitFor({ state: 'detached' });
  await framesGrow(clinician, 'the clinician, of the camera again');
});

test('a lost socket comes back to its place; the picture goes on', async () => {
  const pieces = (page) => page.evaluate(() => globalThis.seen.peers.length);
  const before = [await pieces(clinician), await pieces(patient)];

  await patient.evaluate(() => globalThis.seen.sockets.at(-1).close());
  await patient.waitForFunction(() => globalThis.seen.sockets.length > 1 &&
    globalThis.seen.sockets.at(-1).readyState === WebSocket.OPEN);
  await framesGrow(clinician, 'the clinician, after the loss');
  await framesGrow(patient, 'the patient, after the loss');
  assert.deepEqual([await pieces(clinician), await pieces(patient)], before);
  await clinician.keyboard.press('Alt+Shift+KeyM');
  await patient.getByText('Microphone off').waitFor({ state: 'attached' });
  await clinician.keyboard.press('Alt+Shift+KeyM');
});

/** Process of the worker that is the visit's home (src/edge/bus.c). */
const home = () => {
  const tail = Buffer.from(visit.id.slice(-8), 'hex').readUInt32LE();
  const [pid] = Object.entries(children(portal.clinic.server.pid))
    .find(([, title]) => title.includes(`wrk ${1 + tail % 2}]`));
  return Number(pid);
};

test('the worker that holds the room dies; the picture goes on', async () => {
  const pieces = (page) => page.evaluate(() => globalThis.seen.peers.length);
  const sockets = (page) => page.evaluate(() => globalThis.seen.sockets.length);
  const before = [await pieces(clinician), await pieces(patient)];
  const had = [await sockets(clinician), await sockets(patient)];

  process.kill(home(), 'SIGKILL');
  for (const [i, page] of [clinician, patient].entries())
    await page.waitForFunction((n) => globalThis.seen.sockets.length > n &&
      globalThis.seen.sockets.at(-1).readyState === WebSocket.OPEN, had[i]);
  await framesGrow(clinician, 'the clinician, after the death');
  await framesGrow(patient, 'the patient, after the death');
  assert.deepEqual([await pieces(clinician), await pieces(patient)], before);
  assert.equal(await clinician.locator('.other').count(), 1);
  // signaling works again, and in a new offer too
  await patient.keyboard.press('Alt+Shift+KeyM');
  await clinician.getByText('Microphone off').waitFor({ state: 'attached' });
  await patient.keyboard.press('Alt+Shift+KeyM');
  await patient.evaluate(() => {
    for (const pc of globalThis.seen.peers) pc.restartIce();
  });
  await framesGrow(clinician, 'the clinician, after a new offer');
  await clinician.waitForTimeout(11_000); // longer than others may take
  assert.deepEqual([await pieces(clinician), await pieces(patient)], before);
  await framesGrow(clinician, 'the clinician, later');
});

test('a page that is loaded anew goes back into the call', async () => {
  await patient.reload();
  await patient.getByRole('button', { name: 'Go in' }).click();
  await framesGrow(clinician, 'the clinician, after the reload');
  await framesGrow(patient, 'the patient, after the reload');
  assert.equal(await clinician.locator('.other').count(), 1);
});

test('a failed path is sought anew', async () => {
  // Both ends forget the path: an ICE restart by the pages themselves.
  await patient.evaluate(() => {
    for (const pc of globalThis.seen.peers) pc.restartIce();
  });
  await framesGrow(clinician, 'the clinician, after the restart');
  await framesGrow(patient, 'the patient, after the restart');
});

test('the clinician ends the visit for everyone', async () => {
  const filming = await patient.evaluateHandle(() => [...document.querySelectorAll('video')]
    .flatMap((video) => video.srcObject?.getTracks() ?? []));
  assert.ok(await filming.evaluate((tracks) => tracks.some((t) => t.kind === 'video' && t.readyState === 'live')));
  await clinician.getByRole('button', { name: 'Hang up' }).click();
  await clinician.getByRole('button', { name: 'End the visit' }).click();
  await clinician.getByRole('button', { name: 'End for everyone' }).click();
  for (const page of [clinician, patient])
    await page.getByRole('heading', { name: 'The visit has ended' }).waitFor();
  assert.deepEqual(await axe(patient), []);
  // The camera is off: nobody is filmed after the visit.
  assert.deepEqual(await filming.evaluate((tracks) => tracks.filter((t) => t.readyState !== 'ended').map((t) => t.kind)), []);
});

test('the audit names each step', async () => {
  const rows = await portal.clinic.audit(`record_id = '${visit.id}'`);
  const steps = rows.filter(({ outcome }) => outcome === 'ok')
    .map(({ event, actor_role: role }) => `${event} ${role}`);

  for (const step of ['visit.checked_in patient', 'visit.joined patient',
    'visit.joined clinician', 'visit.admitted clinician',
    'visit.ended clinician'])
    assert.ok(steps.includes(step), `${step} is missing: ${steps}`);
  assert.ok(rows.every((row) => row.patient_id === visit.patient_id));
});

test('no page complained', () => assert.deepEqual(portal.complaints, []));
