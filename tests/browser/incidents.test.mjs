// The officer's incidents by the page, from the day of discovery until one is closed; and
// the disclosures of a record.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Portal, axe, overflow } from './portal.mjs';

/** @type {Portal} */
let portal;
let context, page;

before(async () => {
  portal = await Portal.start();
  context = await portal.context();
  page = await portal.signIn(context, portal.clinic.people.compliance);
});
after(() => portal?.stop());

const local = (ms) => {
  const at = new Date(ms - 5 * 3600e3); // the browser's zone is behind by four hours, or five
  return at.toISOString().slice(0, 16);
};
const dialog = () => page.getByRole('dialog');
const say = async (text) => {
  await dialog().getByLabel('What to write down').fill(text);
  await dialog().getByRole('button', { name: 'Write down' }).click();
  await dialog().waitFor({ state: 'detached' });
};

//= OP-05, PR-07
test('an incident is written down, and its deadlines stand there', async () => {
  await page.getByRole('link', { name: 'Incidents', exact: true }).first().click();
  await page.getByText('Nothing is open.').waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole('button', { name: 'Write down an incident' }).click();
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Write down an incident' }).press('Enter');
  await dialog().getByRole('button', { name: 'Write down' }).click();
  await dialog().getByText('Choose what it is').first().waitFor();
  await dialog().getByLabel('Kind').selectOption('device');
  await dialog().getByLabel('Title').fill('The laptop of room 3');
  await dialog().getByLabel('Discovered').fill(local(Date.now() - 20 * 86400e3));
  await dialog().getByRole('button', { name: 'Write down' }).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'The laptop of room 3' }).waitFor();
  assert.equal(await page.getByText('Due in 40 days').count(), 3, 'while nobody knows how many');
  await page.getByText('Not known yet: counted as many').waitFor();
  assert.deepEqual(await axe(page), []);
});

test('what is known is changed, and the deadlines with it', async () => {
  await page.getByRole('button', { name: 'Change what is known' }).click();
  await dialog().getByLabel('How many people').fill('3');
  await dialog().getByLabel('Of them, in the state where most live').fill('5');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await dialog().getByText('of one state there cannot be more than of all').first().waitFor();
  await dialog().getByLabel('Of them, in the state where most live').fill('3');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await page.getByText('None is due').waitFor();
  assert.equal(await page.getByText('Due in 40 days').count(), 1);
});

//= PR-08
test('it is judged by four factors, by keyboard, and closes when all are there', async () => {
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await dialog().getByLabel('What was it?').selectOption('breach');
  await dialog().getByLabel('Outcome').fill('Laptops are encrypted now');
  await dialog().getByRole('button', { name: 'Close it for good' }).click();
  await dialog().getByText('One of the four factors is not judged yet').first().waitFor();
  await dialog().getByRole('button', { name: 'Go back' }).click();
  for (const factor of ['Nature and extent', 'Who got it', 'Acquired or viewed', 'Mitigated']) {
    await page.getByRole('button', { name: `Judge: ${factor}` }).press('Enter');
    await dialog().getByRole('button', { name: 'Write down' }).press('Enter');
    await dialog().getByText('Fill in: What to write down').first().waitFor();
    await dialog().getByLabel('What do you find?').selectOption('raises');
    await say(`Of ${factor}`);
    await page.getByRole('button', { name: `Judge anew: ${factor}` }).waitFor();
  }
  for (const whom of ['Those affected', 'The Secretary of Health']) {
    await page.getByRole('button', { name: `Note that it was given: ${whom}` }).click();
    await say('By letter');
    await page.getByRole('button', { name: `Note that it was given: ${whom}` }).waitFor({ state: 'detached' });
  }
  assert.equal(await page.getByText(/^Told on /).count(), 2);
  await page.getByRole('button', { name: 'Add what was done' }).click();
  await dialog().getByLabel('Kind').selectOption('delay');
  await dialog().getByLabel('Until').fill('2099-01-01');
  await say('The sheriff asked for it');
  await page.getByText('The police asked to wait until').waitFor();
});

test('an event and a person are linked', async () => {
  await page.getByLabel('Number of an event').fill('999999999');
  await page.getByRole('button', { name: 'Add the event' }).click();
  await page.getByText('There is no such event in the log of your clinic').first().waitFor();
  await page.getByLabel('Number of an event').fill('1');
  await page.getByRole('button', { name: 'Add the event' }).click();
  await page.getByText('Event 1 of the log').waitFor();
  await page.getByRole('searchbox', { name: 'Person' }).fill(portal.clinic.people.clinician.name.split(' ').at(-1));
  await page.getByRole('button', { name: 'Find person' }).click();
  await page.getByRole('button', { name: `Choose ${portal.clinic.people.clinician.name}` }).first().click();
  await page.getByRole('button', { name: 'Add the person' }).click();
  await page.locator('#links-title + ul').getByText(portal.clinic.people.clinician.name).waitFor();
  assert.deepEqual(await axe(page), []);
});

//= PA-01: on a phone, in both schemes
test('it is read on a phone, in the light and in the dark, closed, and then stays', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 800 });
    for (const where of [page.url(), `${portal.url}/incidents`]) {
      await page.goto(where);
      await page.getByText('The laptop of room 3').first().waitFor();
      assert.deepEqual(await axe(page), [], `${colorScheme} ${where}`);
      assert.equal(await overflow(page), 0, where);
    }
    await page.goBack();
  }
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await dialog().getByLabel('What was it?').selectOption('breach');
  await dialog().getByLabel('Outcome').fill('Laptops are encrypted now');
  await dialog().getByRole('button', { name: 'Close it for good' }).click();
  await page.getByText('Laptops are encrypted now').waitFor();
  assert.equal(await page.getByRole('button', { name: /^(Judge|Note|Add|Close|Change)/ }).count(), 0);
  await page.setViewportSize({ width: 1280, height: 720 });
  assert.deepEqual(portal.complaints, []);
});

//= AU-09
test('staff write down to whom a record was given, and the patient reads it', async () => {
  const desk = await portal.signIn(await portal.context(), portal.clinic.people.scheduler);
  await desk.goto(`${portal.url}/patient?id=${portal.clinic.people.patient.patient_id}`);
  await desk.getByRole('button', { name: 'Write one down' }).click();
  const form = desk.getByRole('dialog');
  await form.getByLabel('On which ground').selectOption('court');
  await form.getByLabel('To whom (required)', { exact: true }).fill('Rockingham County Court');
  await form.getByLabel('What of the record').fill('Visits of 2023');
  await form.getByLabel('What for').fill('A subpoena');
  await form.getByLabel('When').fill(local(Date.now() - 86400e3));
  assert.deepEqual(await axe(desk), []);
  await form.getByRole('button', { name: 'Write down' }).press('Enter');
  await desk.getByRole('table', { name: 'Disclosures' }).getByText('Rockingham County Court').waitFor();
  const patient = await portal.signIn(await portal.context(), portal.clinic.people.patient);
  await patient.goto(`${portal.url}/patient`);
  await patient.setViewportSize({ width: 390, height: 800 });
  await patient.getByRole('button', { name: 'Show disclosures' }).click();
  await patient.getByRole('table', { name: 'Disclosures' }).getByText('Rockingham County Court').waitFor();
  assert.equal(await patient.getByRole('button', { name: 'Write one down' }).count(), 0);
  assert.deepEqual(await axe(patient), []);
  assert.equal(await overflow(patient), 0);
  assert.deepEqual(portal.complaints, []);
});
