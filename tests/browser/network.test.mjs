// A call over a network that misbehaves: connections that stay open and carry
// nothing. The patient's browser reaches the server through a relay of the
// test's own, which can hold its breath.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Relay } from '../lib/relay.mjs';
import { connected } from './call.mjs';
import { Portal, launch } from './portal.mjs';
import { patient as patiently } from '../lib/patience.mjs';

/** @type {Portal} */
let portal;
let relay, far, clinician, patient, doctor;

before(async () => {
  portal = await Portal.start();
  const { clinic } = portal;
  relay = new Relay(clinic.port);
  const port = await relay.listen();
  far = await launch([`--host-resolver-rules=MAP localhost:${clinic.port} ` +
    `127.0.0.1:${port}`]);
  const desk = await clinic.signIn(clinic.people.scheduler);
  const { body } = await desk.get('/v1/visits?limit=100');
  const visit = body.items.find((one) => one.status === 'booked' &&
    one.patient_id === clinic.people.patient.patient_id);
  desk.close();
  await clinic.visitSoon(visit.id);
  doctor = [clinic.people.clinician, clinic.people.clinician2]
    .find(({ name }) => name === visit.clinician_name);
  const near = await portal.context();
  const away = await portal.context({}, far);
  clinician = await portal.signIn(near, doctor);
  patient = await portal.signIn(away, clinic.people.patient);
  for (const page of [clinician, patient])
    await page.goto(`${portal.url}/call?visit=${visit.id}`);
  await patient.getByRole('button', { name: 'Check in' }).click();
  await clinician.getByRole('button', { name: 'Open the room' }).click();
  await clinician.getByRole('button', { name: /^Admit/ }).click();
  for (const page of [clinician, patient]) await connected(page);
});
after(async () => {
  await far?.close();
  relay?.stop();
  await portal?.stop();
});

test('the relay is what carries the patient', () => {
  assert.ok(relay.pairs.size > 0);
});

test('a socket that is open and dead is left; nothing said is lost', async () => {
  const decoded = () => patient.locator('.other video').evaluate((video) =>
    video.getVideoPlaybackQuality().totalVideoFrames);

  relay.freeze();
  const [start, before] = [Date.now(), await decoded()];
  // Said by each into a line that carries nothing.
  await patient.keyboard.press('Alt+Shift+KeyM');
  await clinician.keyboard.press('Alt+Shift+KeyV');
  const heard = clinician.getByText('Microphone off');

  await heard.waitFor({ state: 'attached' });
  assert.ok([...relay.pairs].some(({ frozen }) => !frozen),
    'by another connection than the dead one');
  await patient.getByText('Camera off').waitFor({ state: 'attached' });
  assert.ok(Date.now() - start < patiently(15_000), `${Date.now() - start} ms`);
  await clinician.keyboard.press('Alt+Shift+KeyV');
  await patient.getByText('Camera off').waitFor({ state: 'detached' });
  assert.ok(await decoded() > before, 'media went on meanwhile');
  assert.equal(await clinician.locator('.other').count(), 1);
  assert.deepEqual(portal.complaints, []);
});

test('when the server is away the page says so and comes back', async () => {
  await portal.clinic.stopServer('SIGKILL');
  for (const page of [clinician, patient])
    await page.getByRole('status').filter({ hasText: 'Reconnecting' })
      .waitFor();
  await portal.clinic.startServer();
  for (const page of [clinician, patient]) {
    await page.locator('#state-text', { hasText: 'Reconnecting' })
      .waitFor({ state: 'detached' });
    await connected(page);
  }
  await patient.keyboard.press('Alt+Shift+KeyM');
  await clinician.getByText('Microphone off').waitFor({ state: 'detached' });
});

/** What is said about media by whom, if a call should not come about. */
const said = [];

/** @param {string} who @param {unknown} text */
function note(who, text) {
  const { type, description } = JSON.parse(String(text));

  if (!/^(ping|pong|queue|candidate)$/.test(type))
    said.push([(Date.now() / 1000 % 1000).toFixed(1), who, type,
      description?.type, ...description?.sdp?.match(
        /^o=.*(?= IN)|x-epione-answers:.*$/gm) ?? []].join(' '));
}

/** The other's words about media come late, and one's own camera later: both
 * have offered by then, one without a picture. */
async function slow(page, cameraMs) {
  const who = cameraMs ? 'doctor' : 'patient';

  page.on('console', (message) => said.push(`${who}: ${message.text()}`));
  await page.routeWebSocket(/\/signal$/, (socket) => {
    const server = socket.connectToServer();

    socket.onMessage((text) => {
      note(`${who} says`, text);
      server.send(text);
    });
    // in the order in which they were said: a line that is late keeps it
    let before = Promise.resolve();
    server.onMessage((text) => {
      const late = /"(description|candidate)"/.test(String(text)) ? 3000 : 0;
      const due = new Promise((done) => setTimeout(done, late));

      note(`${who} hears`, text);
      before = before.then(() => due).then(() => socket.send(text))
        .catch(() => {}); // the page is gone
    });
  });
  await page.addInitScript((ms) => {
    const open = navigator.mediaDevices.getUserMedia;

    navigator.mediaDevices.getUserMedia = async (...args) => {
      await new Promise((done) => setTimeout(done, ms));
      return open.apply(navigator.mediaDevices, args);
    };
  }, cameraMs);
}

test('offers that meet are agreed on, though the camera of one comes late',
  async () => {
    const address = clinician.url(), pages = [];

    for (const [person, cameraMs] of [[doctor, 9000],
      [portal.clinic.people.patient, 0]]) {
      const page = await portal.signIn(await portal.context(), person);

      pages.push(page);
      await slow(page, cameraMs);
      await page.goto(address);
      await page.getByRole('button', { name: /^(Go in|Open the room)/ })
        .click();
    }
    // The late picture, too; how good the line is, is not this test's.
    for (const page of pages)
      await page.waitForFunction(() =>
        document.querySelector('.other video')?.getVideoPlaybackQuality()
          .totalVideoFrames > 0).catch(async (error) => {
        const shown = pages.map((one) => one.locator('main').innerText());

        throw new Error([error.message, ...said, ...await Promise.all(shown)]
          .join('\n'));
      });
  });
