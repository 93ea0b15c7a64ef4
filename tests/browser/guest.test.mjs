// A visit by link, as a patient meets it: the mail, the birth date, the camera, the
// waiting room, the call, and nothing left behind; and how the clinic sends them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startMailbox } from '../lib/mailbox.mjs';
import { coming, patient as patiently } from '../lib/patience.mjs';
import { openVisit, soonPage } from './call.mjs';
import { Portal, axe, overflow } from './portal.mjs';

const BORN = { month: 'March', day: '7', year: '1958' };
/** @type {Portal} */
let portal;
let box, visit, clinician, guests, guest, doctor;

/** Remembers each connection of a page, for the test to look at. */
const spy = () => {
  const Real = RTCPeerConnection;
  globalThis.peers = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      globalThis.peers.push(this);
    }
  };
};

/** Pictures of each open connection that were decoded so far. */
const frames = (page) => page.evaluate(async () => {
  const sums = [];
  for (const pc of globalThis.peers) {
    if (pc.connectionState === 'closed') continue;
    let sum = 0;
    for (const one of (await pc.getStats()).values())
      if (one.type === 'inbound-rtp' && one.kind === 'video')
        sum += one.framesDecoded ?? 0;
    sums.push(sum);
  }
  return sums;
});

/** Waits until pictures come from so many others. */
async function seesOthers(page, many, what) {
  for (const at = Date.now(); ;) {
    const sums = await frames(page);
    if (sums.filter((sum) => sum >= 5).length === many) return;
    assert.ok(Date.now() - at < coming(60_000), `${what}: ${sums}`);
    await page.waitForTimeout(200);
  }
}

const shot = async (page, name) => {
  if (!process.env.EPIONE_SHOTS) return;
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ fullPage: true,
      path: `${process.env.EPIONE_SHOTS}/${name}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: 'light' });
};
const PHONE = { viewport: { width: 390, height: 844 } };

async function fine(page, name) {
  assert.deepEqual(await axe(page), [], name);
  assert.ok(await overflow(page) <= 0, name);
  await shot(page, name);
}

async function linkOf(name) {
  await guests.getByText(`Give this link to ${name}`).waitFor();
  return guests.locator('#made code').innerText();
}

async function invite(who, name, email = '') {
  await guests.getByLabel('Who is it?').selectOption({ label: who });
  await guests.getByLabel('Name').fill(name);
  await guests.getByLabel(/^Email/).fill(email);
  await guests.getByRole('button', { name: 'Make a link' }).click();
}

async function sayBirthDate(page, { month, day, year }) {
  await page.getByLabel('Month').selectOption(month);
  await page.getByLabel('Day').fill(day);
  await page.getByLabel('Year').fill(year);
  await page.keyboard.press('Enter');
}

before(async () => {
  box = await startMailbox();
  portal = await Portal.start({ mail: box.settings, jobs: box.jobs });
  await portal.clinic.startJobs();
  ({ visit, doctor } = await openVisit(portal));
  const desk = await portal.clinic.signIn(portal.clinic.people.scheduler);
  const path = `/v1/patients/${visit.patient_id}`;
  const { headers } = await desk.get(path);
  const r = await desk.patch(path, { birth_date: '1958-03-07' },
    { 'if-match': headers.etag });
  assert.equal(r.status, 200, r.text);
  desk.close();
  const context = await portal.context();
  await context.addInitScript(spy);
  clinician = await portal.signIn(context, doctor);
  guests = await context.newPage();
});
after(async () => {
  await portal?.stop();
  await box?.close();
});

test('the clinician invites the patient by link', async () => {
  await clinician.goto(soonPage(portal));
  await clinician.locator('summary').first().waitFor();
  const row = clinician.getByRole('listitem').filter({ has:
    clinician.getByText(visit.patient_name) }).first();
  await row.locator('summary').click();
  const href = await row.getByRole('link', { name: 'Invite by link' })
    .getAttribute('href');
  await guests.setViewportSize(PHONE.viewport);
  await guests.goto(portal.url + href);
  await guests.getByText('Nobody yet.').waitFor();
  await fine(guests, 'invite');
  await guests.getByRole('button', { name: 'Make a link' }).click();
  await guests.getByText('Choose who it is').first().waitFor();
  await invite('The patient', 'Pat by phone', 'pat@example.org');
  await guests.getByText(/on its way to pat@example.org/).waitFor();
  await guests.getByText('Not opened yet').waitFor();
  await guests.getByText('Mail sent').waitFor();
  await fine(guests, 'invited');
  // an address that takes no mail: it is said, with what to do
  box.refuse = (to) => (to.startsWith('gone') ? 550 : null);
  await invite('Family, or who cares for them', 'Gone', 'gone@example.org');
  await guests.getByText('Mail came back').waitFor();
  await guests.getByText(/Ask for the right one/).waitFor();
  await fine(guests, 'mail-refused');
  await guests.getByRole('button', { name: 'End the link of Gone' }).click();
  await guests.getByRole('button', { name: 'End the link', exact: true }).click();
  await guests.getByText('Mail came back').waitFor({ state: 'detached' });
  box.refuse = () => null;
});

//= PA-05: without an account, on a telephone, by keyboard
test('the patient opens the mailed link and is in the waiting room in time',
  async () => {
    const at = Date.now();
    let letter;

    while (!(letter = box.messages.find((m) => m.to[0] === 'pat@example.org'))) {
      assert.ok(Date.now() - at < coming(30_000), 'no mail');
      await new Promise((done) => setTimeout(done, 100));
    }
    const [link] = /https:\S+\/call#\S+/.exec(letter.mail.text);
    const context = await portal.context(PHONE);
    await context.addInitScript(spy);
    guest = await context.newPage();
    const requests = [];
    guest.on('request', (request) => requests.push(request.url()));
    const tapped = Date.now();
    await guest.goto(link);
    await guest.getByText('When were you born?').waitFor();
    assert.ok(!(await guest.evaluate(() => location.href)).includes('#'));
    await fine(guest, 'guest-birth-date');
    await sayBirthDate(guest, BORN);
    await guest.getByLabel('Camera').waitFor();
    await fine(guest, 'guest-check');
    await guest.getByRole('button', { name: 'Go to the waiting room' })
      .press('Enter');
    await guest.getByRole('heading', { name: 'You are in the waiting room' })
      .waitFor();
    assert.ok(Date.now() - tapped < patiently(30_000));
    await guest.getByText(/You are next/).first().waitFor();
    await fine(guest, 'guest-waits');
    await guests.getByText('Opened: waits').waitFor();
    assert.ok(!requests.some((url) => url.includes('?token')));
    await guest.reload(); // a reload is no way out
    await guest.getByRole('button', { name: 'Go to the waiting room' }).click();
    await guest.getByRole('heading', { name: 'You are in the waiting room' })
      .waitFor();
  });

test('the clinician lets them in, and each sees the other', async () => {
  await clinician.goto(`${portal.url}/call?visit=${visit.id}`);
  await clinician.getByRole('button', { name: /Open the room|Go in/ }).click();
  await clinician.getByText('Pat by phone is waiting (Patient, by link)')
    .waitFor();
  await fine(clinician, 'clinician-knock');
  await clinician.getByRole('button', { name: 'Admit Pat by phone' }).click();
  for (const page of [clinician, guest]) await seesOthers(page, 1, page.url());
  await guests.getByText('In the visit', { exact: true }).waitFor();
  await fine(guest, 'guest-call');
  await fine(clinician, 'clinician-call');
});

test('a third comes by a link, is seen by both, and is removed', async () => {
  await invite('An interpreter', 'Ines Interpreter');
  const link = await linkOf('Ines Interpreter');
  const context = await portal.context(PHONE);
  await context.addInitScript(spy);
  const third = await context.newPage();
  await third.goto(link);
  await third.getByText(/has invited you/).waitFor();
  assert.equal(await third.getByText('When were you born?').isVisible(), false);
  await third.getByRole('button', { name: 'Continue' }).click();
  await third.getByRole('button', { name: 'Go to the waiting room' }).click();
  await clinician.getByRole('button', { name: 'Admit Ines Interpreter' }).click();
  for (const page of [clinician, guest, third])
    await seesOthers(page, 2, page.url());
  await clinician.getByRole('button', { name: 'Remove Ines Interpreter' })
    .click();
  await clinician.getByRole('button', { name: 'Remove', exact: true }).last()
    .click();
  const asked = Date.now();
  await third.getByRole('heading', { name: 'You are not in this visit any more' })
    .waitFor();
  assert.ok(Date.now() - asked < patiently(5000)); //= AZ-05
  await fine(third, 'guest-removed');
  await third.goto(link);
  await third.getByRole('heading', { name: 'This link does not work any more' })
    .waitFor();
  await fine(third, 'guest-dead-link');
  await context.close();
});

//= PA-10: nothing is left in the browser
test('the visit ends with a goodbye, and nothing stays', async () => {
  await clinician.getByRole('button', { name: 'Hang up' }).click();
  await clinician.getByRole('button', { name: 'End the visit…' }).click();
  await clinician.getByRole('button', { name: 'End for everyone' }).click();
  await guest.getByRole('heading', { name: 'The visit has ended' }).waitFor();
  await guest.getByText('Nothing of the visit is kept in this browser')
    .waitFor();
  await fine(guest, 'guest-goodbye');
  const at = Date.now();
  while ((await guest.context().cookies()).some((c) =>
    c.name === '__Host-epione' && c.value)) {
    assert.ok(Date.now() - at < coming(10_000), 'a cookie stays');
    await guest.waitForTimeout(100);
  }
  const kept = await guest.evaluate(async () => [localStorage.length,
    sessionStorage.length, (await caches.keys()).length,
    document.body.textContent.includes('1958')]);
  assert.deepEqual(kept, [0, 0, 0, false]);
  await guest.reload();
  await guest.getByRole('heading', { name: 'You have left the visit' }).waitFor();
  assert.deepEqual(portal.complaints, []);
});

//= IA-19: three wrong ones end the link
test('three wrong birth dates end a link', async () => {
  const desk = await portal.clinic.signIn(portal.clinic.people.scheduler);
  const other = await desk.create('/v1/visits', { reason: 'Again',
    patient_id: visit.patient_id, clinician_id: visit.clinician_id,
    starts_at: new Date(Date.now() + 600_000).toISOString()
      .replace(/\.\d+/, ''), duration_minutes: 20 });
  assert.equal(other.status, 201, other.text);
  const made = await desk.create(`/v1/visits/${other.body.id}/invitations`,
    { role: 'patient', display_name: 'Pat' });
  desk.close();
  assert.equal(made.status, 201, made.text);
  const page = await (await portal.context(PHONE)).newPage();
  await page.goto(made.body.join_url);
  for (const year of ['1957', '1956', '1955']) {
    await page.getByText('When were you born?').waitFor();
    await sayBirthDate(page, { ...BORN, year });
    await page.getByText(/not the birth date that the clinic has/).first().waitFor();
  }
  await fine(page, 'guest-wrong-date');
  await sayBirthDate(page, BORN);
  await page.getByRole('heading', { name: 'This link does not work any more' })
    .waitFor();
});
