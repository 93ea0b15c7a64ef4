// Booking by the page: the right patient, and the right time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Portal, axe, overflow } from './portal.mjs';

/** @type {Portal} */
let portal;
let page, desk, doctor;

const YEAR = new Date().getFullYear() + 1;
/** The n-th Sunday of a month of that year. */
const sunday = (month, n) => {
  const before = new Date(Date.UTC(YEAR, month - 1, 1)).getUTCDay();
  const day = 1 + (7 - before) % 7 + 7 * (n - 1);
  return [YEAR, month, day].map((part) => String(part).padStart(2, '0')).join('-');
};
/** When clocks are set forward in New York, and back: 01:30 comes twice that night. */
const [FORWARD, BACK] = [sunday(3, 2), sunday(11, 1)];

before(async () => {
  portal = await Portal.start();
  page = await portal.signIn(await portal.context(),
    portal.clinic.people.scheduler);
  desk = await portal.clinic.signIn(portal.clinic.people.scheduler);
  const { body } = await desk.get('/v1/users?role=clinician');
  [doctor] = body.items;
});
after(async () => {
  desk?.close();
  await portal?.stop();
});

const patientOf = async (more) => {
  const r = await desk.create('/v1/patients', { family_name: 'Nguyen',
    given_name: 'Ha', birth_date: '1980-02-03', sex: 'female', ...more });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};
const bookOf = async (patient_id, starts_at) => {
  const r = await desk.create('/v1/visits', { patient_id, starts_at,
    clinician_id: doctor.id, duration_minutes: 30, reason: 'Cough' });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};
const read = async (id) => (await desk.get(`/v1/visits/${id}`)).body;
const find = async (name) => {
  await page.goto(`${portal.url}/book`);
  await page.getByLabel('Patient').fill(name);
  await page.getByRole('button', { name: 'Find' }).click();
};
const fillIn = async (day, clock) => {
  await page.getByLabel('Clinician').selectOption(doctor.id);
  await page.getByLabel('Date').fill(day);
  await page.getByLabel('Start time').fill(clock);
  await page.getByLabel('Reason for the visit').fill('Cough');
};
const send = () => page.getByRole('button', { name: /^(Book visit|Save the change)$/ }).click();
const heading = (name) => page.getByRole('heading', { name }).waitFor();

test('two of one name and birth date are told apart, also by ear', async () => {
  await patientOf({ mrn: 'A-17', phone: '+1 555 010 2244' });
  await patientOf({ sex: 'male' });
  for (const typed of ['Ha Nguyen', 'nguyen ha']) {
    await find(typed);
    await page.getByRole('button', { name: 'Choose Ha Nguyen, Born Feb 3, ' +
      '1980' }).first().waitFor();
    const names = await page.getByRole('button', { name: /^Choose Ha/ })
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    assert.equal(new Set(names).size, 2, names.join('\n'));
    assert.ok(names.some((name) => /Female, record number A-17, phone /
      .test(name)));
  }
  await page.getByRole('button', { name: /^Choose Ha.*A-17/ }).click();
  await page.locator('#patient-about').getByText(/A-17/).waitFor();
  assert.deepEqual(await axe(page), []);
});

test('twelve of one name are shown in pages, which the page says', async () => {
  for (let i = 0; i < 12; i++)
    await patientOf({ family_name: 'Manyfold', given_name: `M${i}x` });
  await find('Manyfold');
  await page.getByText('There are more.').waitFor();
  const choose = page.getByRole('button', { name: /^Choose M/ });
  assert.equal(await choose.count(), 10);
  await page.getByRole('button', { name: 'Show more' }).click();
  await choose.nth(11).waitFor();
  assert.equal(await choose.count(), 12);
  assert.equal(await page.getByText('There are more.').count(), 0);
  assert.ok(await choose.nth(10).evaluate((node) =>
    node === document.activeElement));
});

test('a visit keeps its time to the second when only its reason is changed', async () => {
  const patient = await patientOf({ given_name: 'Second' });
  const id = await bookOf(patient, `${BACK}T06:30:41Z`); // the second time
  await page.goto(`${portal.url}/book?visit=${id}`);
  await page.getByLabel('Which of the two?').waitFor();
  assert.match(await page.getByLabel('Which of the two?').inputValue(),
    /T06:30:00Z$/);
  await page.getByLabel('Reason for the visit').fill('Cough, fever');
  await send();
  await heading('The visit is changed');
  const { starts_at, reason } = await read(id);
  assert.deepEqual([starts_at, reason], [`${BACK}T06:30:41Z`,
    'Cough, fever']);

  await page.goto(`${portal.url}/book?visit=${id}`);
  await page.getByLabel('Length').selectOption('60');
  await send();
  await heading('The visit is changed');
  assert.equal((await read(id)).starts_at, `${BACK}T06:30:41Z`);
  await page.goto(`${portal.url}/book?visit=${id}`);
  await page.getByLabel('Which of the two?').waitFor();
  await send();
  await heading('Nothing was changed');

  await page.goto(`${portal.url}/book?visit=${id}`);
  await page.getByLabel('Which of the two?').selectOption({ index: 1 });
  await send();
  await page.getByRole('button', { name: 'Yes, at night' }).click();
  await heading('The visit is changed');
  assert.equal((await read(id)).starts_at, `${BACK}T05:30:00Z`);
});

test('a time that never is or comes twice is asked about', async () => {
  const patient = await patientOf({ given_name: 'Clock' });
  await page.goto(`${portal.url}/book?patient=${patient}`);
  await page.getByText('Clock Nguyen').waitFor();
  await fillIn(FORWARD, '02:30');
  await send();
  await page.getByRole('alert').getByText(
    /02:30 is skipped that day.*such as 1:30 AM or 3:30 AM/).waitFor();
  await fillIn(BACK, '01:30');
  await send();
  await page.getByRole('alert').getByText(/Say which of the two/).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel('Which of the two?').selectOption({ label:
    'The second 1:30 AM (Eastern Standard Time)' });
  await send();
  await page.getByRole('button', { name: 'Go back' }).click(); // at night?
  await send();
  await page.getByRole('button', { name: 'Yes, at night' }).click();
  await heading('The visit is booked');
  const { body } = await desk.get(`/v1/visits?patient_id=${patient}`);
  assert.deepEqual(body.items.map((v) => v.starts_at),
    [`${BACK}T06:30:00Z`]);
});

test('the confirmation says year, clinician, length and the clinic’s time', async () => {
  const patient = await patientOf({ given_name: 'Farther' });
  const year = new Date().getFullYear() + 3;
  await page.goto(`${portal.url}/book?patient=${patient}`);
  await page.getByText('Farther Nguyen').waitFor();
  await fillIn(`${year}-06-17`, '14:15');
  await page.getByText(`June 17, ${year}, 2:15 PM. At the clinic: `).waitFor();
  await send();
  await heading('The visit is booked');
  const said = await page.locator('#done').innerText();
  for (const word of [`June 17, ${year}, 2:15 PM`, 'Farther Nguyen',
    doctor.display_name, '30 minutes', '6:15 PM'])
    assert.ok(said.includes(word), `${word} in ${said}`);
  assert.deepEqual(await axe(page), []);
});

test('who books with a clinician taken off the care team is told', async () => {
  const patient = await patientOf({ given_name: 'Apart' });
  const path = `/v1/patients/${patient}/care-team/${doctor.id}`;
  assert.equal((await desk.post(path)).status, 204);
  assert.equal((await desk.delete(path)).status, 204);
  await page.goto(`${portal.url}/book?patient=${patient}`);
  await page.getByText('Apart Nguyen').waitFor();
  await fillIn('2031-05-06', '10:00');
  await send();
  await page.getByText(/was removed from this patient’s care team/).waitFor();
});

test('a visit that crosses midnight is on both days’ lists', async () => {
  const id = await bookOf(await patientOf({ given_name: 'Midnight' }),
    '2031-03-05T04:50:00Z'); // 23:50 to 00:20 in New York
  for (const day of ['2031-03-04', '2031-03-05']) {
    await page.goto(`${portal.url}/visits?day=${day}`);
    await page.getByText('Midnight Nguyen').waitFor();
  }
  await desk.post(`/v1/visits/${id}/cancel`);
});

test('booking and care team fit a small phone, light and dark', async () => {
  const patient = await patientOf({ given_name: 'Small' });
  await desk.post(`/v1/patients/${patient}/care-team/${doctor.id}`);
  const shots = process.env.EPIONE_SHOTS;
  for (const [path, ready] of [[`/book?patient=${patient}`, 'Small Nguyen'],
    [`/patient?id=${patient}`, 'Add a clinician by name'],
    ['/visits', 'Times are yours']])
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const width of [320, 390]) {
        await page.setViewportSize({ width, height: 844 });
        await page.goto(portal.url + path);
        await page.getByText(ready).first().waitFor();
        assert.ok(await overflow(page) <= 0, `${path} at ${width}`);
      }
      assert.deepEqual(await axe(page), []);
      if (shots) await page.screenshot({ fullPage: true,
        path: `${shots}/${path.slice(1, 5)}-${colorScheme}.png` });
    }
});

test('no page complained', () => assert.deepEqual(portal.complaints, []));
