// The staff's pages, as each role that has them: accessible in both schemes, no
// sideways scroll on the smallest phone, and not one complaint of a policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, Portal } from './portal.mjs';
import { bookedVisit, pagesOf, walk } from './walk.mjs';

/** @type {Portal} */
let portal;
let pages;

before(async () => {
  portal = await Portal.start();
  const { clinic } = portal;
  const patient = clinic.people.patient.patient_id;

  pages = pagesOf(await bookedVisit(clinic, patient), patient);
});
after(() => portal?.stop());

//= PA-01, PA-05: each page, in both schemes and at 320 px
for (const role of ['clinician', 'scheduler', 'admin', 'compliance'])
  test(`pages of a ${role}`, async () => {
    const context = await portal.context();
    const page = await portal.signIn(context, portal.clinic.people[role]);

    await walk(portal, context, pages[role]);
    await page.close();
    await context.close();
    assert.deepEqual(portal.complaints, []); // PA-09
  });

const GRACE = { family: 'Oduya', given: 'Grace', born: '1969-11-23' };

//= AZ-06, AZ-09, PA-05: without a mouse
test('a record is opened in an emergency, reviewed, and its patient sees it', async () => {
  const { clinic } = portal;
  const { people } = clinic;
  const desk = await clinic.signIn(people.scheduler);
  const made = await desk.create('/v1/patients', { family_name: GRACE.family, given_name: GRACE.given, birth_date: GRACE.born, sex: 'female' });
  const id = made.body.id;
  desk.close();

  const context = await portal.context({ viewport: { width: 390, height: 844 } });
  const page = await portal.signIn(context, people.clinician2);
  await page.goto(`${portal.url}/patient?id=${id}`);
  await page.getByRole('link', { name: 'emergency access' }).click();
  await page.getByRole('heading', { name: 'Emergency access' }).waitFor();
  await page.getByLabel('Last name').fill(GRACE.family);
  await page.getByLabel('Birth date').fill(GRACE.born);
  await page.keyboard.press('Enter');
  await page.getByLabel('Code', { exact: true }).fill(await portal.code(people.clinician2));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: /^Open the record of Oduya/ }).press('Enter');
  await page.getByRole('button', { name: 'Open the record', exact: true }).press('Enter');
  await page.getByRole('dialog').getByText('Say why').first().waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel('Reason').fill('She fell in the hall and does not answer.');
  await page.getByRole('button', { name: 'Open the record', exact: true }).press('Enter');
  await page.getByRole('heading', { name: `${GRACE.given} ${GRACE.family}` }).waitFor();
  await page.getByText(/by emergency access, until \d+:\d\d [AP]M\./).waitFor();
  for (const name of ['Edit', 'Invite to the portal', 'Book a visit']) assert.equal(await page.getByText(name, { exact: true }).count(), 0, name);
  assert.deepEqual(await axe(page), []);
  await context.close();

  const officers = await portal.context();
  const officer = await portal.signIn(officers, people.compliance);
  //= AU-06: the officer begins where it is seen
  await officer.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await officer.getByText('One review waits for your finding').waitFor();
  await officer.getByRole('img', { name: /^In 30 days \d+ failed sign-ins/ }).waitFor();
  await officer.getByRole('link', { name: 'Reviews 1 waiting' }).click();
  await officer.getByText('She fell in the hall').waitFor();
  await officer.getByRole('button', { name: /^Show what/ }).click();
  await officer.getByText(/: Opened a record/).first().waitFor();
  await officer.getByRole('button', { name: /^Review/ }).click();
  await officer.getByRole('button', { name: 'Sign', exact: true }).click();
  await officer.getByRole('dialog').getByText('Say what you find').first().waitFor();
  assert.deepEqual(await axe(officer), []);
  await officer.getByLabel('Finding').selectOption('justified');
  await officer.getByLabel('Note').fill('Asked the desk: it was so.');
  await officer.getByRole('button', { name: 'Sign', exact: true }).click();
  await officer.getByText('Nothing waits.').waitFor();
  await officer.getByText('Asked the desk: it was so.').waitFor();
  assert.deepEqual(await axe(officer), []);
  await officers.close();
  assert.deepEqual(portal.complaints, []);
});

//= AU-07: the officer decides what counts as unusual, and sees what each rule came to
test('the officer turns a rule off and moves another', async () => {
  const context = await portal.context({ viewport: { width: 390, height: 844 } });
  const page = await portal.signIn(context, portal.clinic.people.compliance);
  await page.goto(`${portal.url}/reviews`);
  await page.getByRole('heading', { name: 'What counts as unusual' }).waitFor();
  await page.getByText(/^0\.0 a week in the last 12 weeks; none reviewed yet$/).first().waitFor();
  const times = page.getByLabel('Times as many as usual');
  await times.fill('99');
  await page.getByRole('button', { name: 'Save rules' }).click();
  await page.getByRole('link', { name: 'Enter 2 to 20' }).waitFor();
  assert.deepEqual(await axe(page), []);
  await times.fill('4');
  await page.getByLabel('Looked for: A record that is marked').selectOption('No');
  await page.getByRole('button', { name: 'Save rules' }).click();
  await page.getByText('The rules are saved.').waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'What counts as unusual' }).waitFor();
  await page.getByLabel('Looked for: A record that is marked').waitFor();
  assert.deepEqual([await times.inputValue(), await page.getByLabel('Looked for: A record that is marked').inputValue(), await page.getByLabel('Looked for: A patient of their own family name').inputValue()], ['4', 'false', 'true']);
  assert.deepEqual(await axe(page), []);
  assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
  await context.close();
  assert.deepEqual(portal.complaints, []);
});
