// The call's page: what fits on small windows, devices that are taken away,
// leaving and ending, and what the others are told. The browser here asks
// before it gives a camera, so that a permission can be withdrawn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startClinic } from '../lib/clinic.mjs';
import { Portal, WHOLE, axe, launch, overflow } from './portal.mjs';
import { connected, goIn, openVisit } from './call.mjs';

/** @type {Portal} */
let portal;
let clinician, patient, visit;

/** Remembers the channels of a page, for the test to speak on. */
const spy = () => {
  const make = RTCPeerConnection.prototype.createDataChannel;
  globalThis.channels = [];
  RTCPeerConnection.prototype.createDataChannel = function (...args) {
    const channel = make.apply(this, args);
    globalThis.channels.push(channel);
    return channel;
  };
  globalThis.said = [];
  document.addEventListener('DOMContentLoaded', () => {
    const line = document.querySelector('#call-live');
    if (line) new MutationObserver(() => globalThis.said.push(line.textContent))
      .observe(line, { childList: true });
  });
  const start = OscillatorNode.prototype.start;
  globalThis.notes = 0;
  OscillatorNode.prototype.start = function (...args) {
    globalThis.notes++;
    start.apply(this, args);
  };
};

/** It is said aloud, though something else may be a moment later. */
const live = (page, text) => page.waitForFunction((words) =>
  globalThis.said.includes(words), text);
const shot = async (page, name) => process.env.EPIONE_SHOTS &&
  page.screenshot({ path: `${process.env.EPIONE_SHOTS}/${name}.png` });

before(async () => {
  const clinic = await startClinic();
  portal = new Portal(clinic, await launch([],
    ['--use-fake-device-for-media-stream'], WHOLE));
  const open = await openVisit(portal);

  visit = open.visit;
  const [a, b] = [await portal.context(), await portal.context()];
  await b.addInitScript(spy);
  clinician = await portal.signIn(a, open.doctor);
  patient = await portal.signIn(b, clinic.people.patient);
});
after(() => portal?.stop());

test('the logo asks before it leaves the waiting room', async () => {
  await goIn(patient, portal, visit, 'Check in');
  await patient.getByRole('heading', { name: 'You are checked in' }).waitFor();
  await patient.locator('.brand').click();
  const dialog = patient.getByRole('dialog',
    { name: 'Leave the waiting room?' });
  assert.equal(await dialog.locator(':focus').innerText(), 'Go back');
  assert.deepEqual(await axe(patient), []);
  await patient.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.match(patient.url(), /\/call\?/);
  await patient.getByText(/You are next/).first().waitFor();
});

/** Leaves the patient so many minutes before automatic logoff. */
async function idle(minutes) {
  await portal.clinic.sql(`UPDATE session SET seen_at = now()
    - idle_s * interval '1 second' + :'left'::interval
    WHERE ended_at IS NULL AND account_id IN (SELECT id FROM account
      WHERE patient_id = :'id')`,
  { left: `${minutes} minutes`, id: visit.patient_id });
  await patient.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')));
}

/** The server has heard that somebody is there. */
const hasTime = (page) => page.waitForFunction(async () => {
  const answer = await fetch('/v1/session',
    { headers: { 'X-Background': '1' } });
  const { idle_expires_at: end } = await answer.json();
  return Date.parse(end) - Date.now() > 10 * 60_000;
});

//= SE-02: waiting is idle; PA-02: who waits is asked in time, and aloud
test('who waits is asked whether they are there, and keeps the place',
  async () => {
    await patient.setViewportSize({ width: 390, height: 844 });
    await idle(1.5);
    const dialog = patient.getByRole('alertdialog',
      { name: 'Are you still waiting?' });
    await dialog.getByText(/signed out in 2 minutes/).waitFor();
    assert.equal(await patient.title(), 'Are you still waiting?');
    assert.ok(await patient.evaluate(() => globalThis.notes) >= 2);
    assert.deepEqual(await axe(patient), []);
    for (const colorScheme of ['light', 'dark']) {
      await patient.emulateMedia({ colorScheme });
      await shot(patient, `still-waiting-${colorScheme}`);
    }
    await patient.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await patient.waitForFunction(() => /^You are checked in/.test(document.title));
    await hasTime(patient);
    await patient.getByText(/You are next/).first().waitFor();
  });

test('who does not answer is signed out, and comes back to the visit',
  async () => {
    await idle(-1);
    await patient.getByText('Please sign in to go back to your visit.')
      .waitFor();
    const row = await portal.clinic.sql(
      "SELECT status FROM visit WHERE id = :'id'", { id: visit.id });
    assert.deepEqual(row, [{ status: 'arrived' }]); // the clinic knows still
    await patient.close();
    patient = await portal.signIn(patient.context(),
      portal.clinic.people.patient);
    await goIn(patient, portal, visit, 'Go in');
    await patient.getByText(/You are next/).first().waitFor();
  });

test('the call comes about', async () => {
  await idle(1.5);
  const question = patient.getByRole('alertdialog');
  await question.waitFor();
  await goIn(clinician, portal, visit, 'Open the room');
  await clinician.getByRole('button', { name: /^Admit/ }).click();
  for (const page of [clinician, patient]) await connected(page);
  // Being let in answers for them, and a call goes on.
  await question.waitFor({ state: 'detached' });
  await hasTime(patient);
});

/** The parts of the call's bar that are outside the window or cut off. */
const clipped = (page) => page.evaluate(() =>
  [...document.querySelectorAll('.callbar .button, .callbar .label')]
    .filter((node) => node.checkVisibility()).filter((node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      return node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0 ||
        node.scrollHeight > node.clientHeight + 1 && node.clientHeight > 0 ||
        left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
    }).map((node) => node.textContent));

//= PA-05: everything can be pressed at 320 px and at 200 % of 1280 × 800
test('the controls are within every window, whole', async () => {
  await clinician.keyboard.press('Alt+Shift+KeyM'); // "Unmute" is the longest
  for (const [width, height] of [[390, 844], [844, 390], [320, 568],
    [640, 400], [1280, 800]]) {
    const size = `${width} × ${height}`;
    for (const page of [clinician, patient]) {
      await page.setViewportSize({ width, height });
      assert.deepEqual(await clipped(page), [], size);
      assert.ok(await overflow(page) <= 0, size);
      assert.equal(await page.locator('.top, .foot').and(
        page.locator(':visible')).count(), 0, size);
    }
    for (const colorScheme of ['light', 'dark']) {
      await clinician.emulateMedia({ colorScheme });
      await shot(clinician, `call-${width}-${height}-${colorScheme}`);
    }
  }
  assert.deepEqual(await axe(clinician), []);
  await clinician.keyboard.press('Alt+Shift+KeyM');
});

test('whoever comes back hears who is muted, and is seen to have left',
  async () => {
    await clinician.keyboard.press('Alt+Shift+KeyM');
    await patient.getByText('Microphone off').waitFor({ state: 'attached' });
    await patient.goto(`${portal.url}/visits`);
    await clinician.getByText('Elena Rivera-Santos left', { exact: true })
      .first().waitFor();
    assert.equal(await clinician.locator('#state-text').innerText(),
      'Waiting');
    await goIn(patient, portal, visit, 'Go in');
    for (const page of [clinician, patient]) await connected(page);
    for (const page of [clinician, patient])
      assert.equal(await page.locator('#safety-note').innerText(), '');
    await patient.getByText('Microphone off').waitFor({ state: 'attached' });
    await clinician.keyboard.press('Alt+Shift+KeyM');
    await patient.getByText('Microphone off').waitFor({ state: 'detached' });
  });

test('a permission that is withdrawn ends the picture on both sides',
  async () => {
    await patient.context().clearPermissions();
    await clinician.getByText('Microphone off').waitFor({ state: 'attached' });
    await clinician.getByText('Camera off').waitFor({ state: 'attached' });
    await clinician.locator('.initials', { hasText: 'ER' }).waitFor();
    await patient.locator('#device-note', { hasText: 'may not use your camera' })
      .waitFor();
    await patient.getByRole('button', { name: 'Unmute' }).waitFor();
    await patient.getByRole('button', { name: 'Start video' }).waitFor();
    await patient.locator('#self').waitFor({ state: 'hidden' });
    assert.deepEqual(await axe(patient), []);
    await shot(patient, 'call-withdrawn');
    assert.deepEqual(await clipped(patient), []);

    await patient.context().grantPermissions(['camera', 'microphone']);
    // Nothing is filmed before the person says so.
    await patient.getByRole('button', { name: 'Unmute' }).click();
    await live(patient, 'Microphone on');
    await clinician.getByText('Microphone off').waitFor({ state: 'detached' });
    await patient.getByRole('button', { name: 'Start video' }).click();
    await live(patient, 'Camera on');
    await clinician.getByText('Camera off').waitFor({ state: 'detached' });
    await patient.locator('#device-note .note').waitFor({ state: 'detached' });
    const seen = await patient.evaluate(() => document.querySelector(
      '#self-video').srcObject.getTracks().map((t) => t.readyState));
    assert.deepEqual(seen, ['live', 'live']);
    // and what is sent is the new track: pictures arrive again
    const decoded = () => clinician.locator('.other video').evaluate((video) =>
      video.getVideoPlaybackQuality().totalVideoFrames);
    const had = await decoded();
    await clinician.waitForFunction((n) => document.querySelector(
      '.other video').getVideoPlaybackQuality().totalVideoFrames > n + 5, had);
  });

test('a track that the device silences is off', async () => {
  const mute = (muted) => patient.evaluate((now) => {
    const [track] = document.querySelector('#self-video').srcObject
      .getAudioTracks();
    Object.defineProperty(track, 'muted', { configurable: true, value: now });
    track.dispatchEvent(new Event(now ? 'mute' : 'unmute'));
  }, muted);

  await mute(true);
  await clinician.getByText('Microphone off').waitFor({ state: 'attached' });
  await patient.getByText('Your device keeps the microphone silent').waitFor();
  await mute(false);
  await clinician.getByText('Microphone off').waitFor({ state: 'detached' });
  await patient.locator('#device-note .note').waitFor({ state: 'detached' });
});

test('hanging up and Enter leave for oneself only', async () => {
  await clinician.keyboard.press('Alt+Shift+KeyH');
  await clinician.getByRole('dialog', { name: 'Leave the call?' }).waitFor();
  assert.deepEqual(await axe(clinician), []);
  await clinician.keyboard.press('Enter');
  await clinician.getByRole('heading', { name: 'You left the call' }).waitFor();
  assert.equal(await clinician.getByText('Connected').count(), 0);
  await patient.getByText(`${visit.clinician_name} left`, { exact: true })
    .first().waitFor();
  const [{ status }] = await portal.clinic.sql(
    "SELECT status FROM visit WHERE id = :'id'", { id: visit.id });
  assert.equal(status, 'in_call');
  await clinician.getByRole('button', { name: 'Go back in' }).click();
  await clinician.getByRole('button', { name: 'Open the room' }).click();
  for (const page of [clinician, patient]) await connected(page);
});

test('what does not fit at the other end is said, and stays', async () => {
  await patient.waitForFunction(() => {
    const channel = globalThis.channels
      .findLast(({ label }) => label === 'safety');
    if (channel.readyState !== 'open') return false;
    channel.send('{"nonce":"00"}');
    return true;
  });
  await clinician.getByText(/may not be private/).waitFor();
  await clinician.keyboard.press('Alt+Shift+KeyI');
  const dialog = clinician.getByRole('dialog', { name: 'About this call' });
  await dialog.getByText(/may not be private/).waitFor();
  assert.equal(await dialog.locator('.secret').count(), 0);
  assert.deepEqual(await axe(clinician), []);
  await shot(clinician, 'call-not-private');
  await dialog.getByRole('button', { name: 'Close' }).click();
});

test('ending for everyone is asked about, with the safe answer first',
  async () => {
    await clinician.keyboard.press('Alt+Shift+KeyH');
    await clinician.getByRole('button', { name: 'End the visit' }).click();
    const dialog = clinician.getByRole('dialog',
      { name: 'End the visit for everyone?' });
    assert.equal(await dialog.locator(':focus').innerText(), 'Go back');
    await clinician.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await connected(clinician);
    // Who has left may still end it, the same way.
    await clinician.keyboard.press('Alt+Shift+KeyH');
    await clinician.keyboard.press('Enter');
    await clinician.getByRole('button', { name: 'End the visit' }).click();
    await clinician.getByRole('button', { name: 'End for everyone' }).click();
    for (const page of [clinician, patient])
      await page.getByRole('heading', { name: 'The visit has ended' })
        .waitFor();
    assert.deepEqual(await axe(clinician), []);
  });

test('the banner that says offline goes when the network is back', async () => {
  const page = await patient.context().newPage();
  // The look that comes every 20 s would take it away sooner or later.
  await page.addInitScript(() => {
    const real = globalThis.setInterval;
    globalThis.setInterval = (f, ms, ...more) => ms === 20_000 ? 0
      : real(f, ms, ...more);
  });
  await page.goto(`${portal.url}/visits`);
  await page.locator('main:not([inert])').waitFor();
  await page.context().setOffline(true);
  await page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')));
  await page.locator('#banner').waitFor();
  await page.context().setOffline(false);
  await page.locator('#banner').waitFor({ state: 'detached' });
  await page.close();
});

test('no page complained', () => assert.deepEqual(portal.complaints
  .filter((line) => !/ERR_INTERNET_DISCONNECTED/.test(line)), []));
