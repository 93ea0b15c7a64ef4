// The officer's reports by the page: found, asked, read, and taken away.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { coming } from '../lib/patience.mjs';
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

const cells = (name) => page.getByRole('table').getByRole('row').filter({ hasText: name }).getByRole('cell');

test('the days of the overview can be read on a phone', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${portal.url}/overview`);
  await page.locator('.chart text').first().waitFor();
  const picture = await page.locator('.chart svg').boundingBox();
  for (const day of await page.locator('.chart text').all()) {
    const { x, width, height } = await day.boundingBox();
    assert.ok(height >= 10 && x >= picture.x - 1 && x + width <= picture.x + picture.width + 1, JSON.stringify({ x, width, height, picture }));
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});

test('a report is found by its question, asked and read', async () => {
  await page.getByRole('link', { name: 'Reports' }).click();
  await page.getByText('Who has an account, with which rights').waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole('link', { name: 'Accounts and their rights' }).click();
  await page.getByRole('heading', { level: 1, name: 'Accounts and their rights' }).waitFor();
  await page.getByText('164.308(a)(4)(ii)(C)').waitFor();
  await page.getByLabel('Dormant after so many days').fill('0');
  await page.getByRole('button', { name: 'Run report' }).click();
  await page.getByText('Enter 1 to 3650').first().waitFor();
  await page.getByLabel('Dormant after so many days').fill('90');
  await page.keyboard.press('Enter');
  await cells(portal.clinic.people.clinician.name).first().waitFor();
  assert.ok((await cells(portal.clinic.people.clinician.name).allTextContents()).some((t) => t.includes('authenticator')));
  assert.match(await page.locator('#count').textContent(), /^\d+ lines$/);
  assert.deepEqual(await axe(page), []);
});

test('who has to be chosen is asked for, and a time that is too long is said where it is', async () => {
  await page.goto(`${portal.url}/reports?name=user_activity`);
  await page.getByRole('button', { name: 'Run report' }).click();
  await page.getByRole('alert').getByText('Find and choose the person first').waitFor();
  await page.getByRole('searchbox', { name: 'Person' }).fill(portal.clinic.people.compliance.name.split(' ')[0]);
  await page.getByRole('button', { name: 'Find person' }).click();
  await page.getByRole('button', { name: `Choose ${portal.clinic.people.compliance.name}` }).click();
  await page.getByRole('button', { name: 'Run report' }).click();
  await cells('Ran a report').first().waitFor();
  await page.getByLabel('From').fill('1926-01-01');
  await page.getByRole('button', { name: 'Run report' }).click();
  await page.getByText('2200 days at most').first().waitFor();
  await page.locator('.field.wrong #from').waitFor();
});

//= AZ-09
test('a report is taken away with a fresh code', async () => {
  await page.goto(`${portal.url}/reports?name=safeguards`);
  await portal.clinic.sql('UPDATE session SET step_up_until = NULL');
  await page.getByRole('button', { name: 'Download as a file' }).click();
  await page.getByLabel('Code').fill(await portal.code(portal.clinic.people.compliance));
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  const text = readFileSync(await download.path(), 'utf8');
  assert.match(download.suggestedFilename(), /^safeguards \d{4}-\d\d-\d\d\.csv$/);
  assert.ok(text.startsWith('"rule","safeguard","met","evidence","duty"\r\n') && text.includes('"164.312(b)"'));
});

//= AZ-09
test('a file is made while one does other things, and taken with a fresh code', async () => {
  const jobs = await portal.clinic.startJobs();
  await page.goto(`${portal.url}/reports?name=access_review`);
  await page.getByLabel('A file that is kept for a week').selectOption('Paper (PDF)');
  await page.getByRole('button', { name: 'Make a file' }).click();
  await page.getByText('The file is being made.').waitFor();
  await page.getByRole('heading', { name: 'Your files' }).waitFor();
  await page.locator('#live').getByText(/^Accounts and their rights is made: \d+ lines\.$/).waitFor();
  await page.goto(`${portal.url}/reports`);
  const row = page.getByRole('row').filter({ hasText: 'Accounts and their rights' });
  await row.getByText(/^\d+ lines, until /).waitFor();
  assert.deepEqual(await axe(page), []);
  await portal.clinic.sql('UPDATE session SET step_up_until = NULL');
  await row.getByRole('button', { name: /^Download Accounts and their rights, Paper \(PDF\)/ }).click();
  await page.getByLabel('Code').fill(await portal.code(portal.clinic.people.compliance));
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  assert.match(download.suggestedFilename(), /^access_review \d{4}-\d\d-\d\d\.pdf$/);
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-');
  await row.getByText('SHA-256').click();
  await row.getByText(createHash('sha256').update(bytes).digest('hex')).waitFor();

  await page.goto(`${portal.url}/reports?name=access`);
  await page.getByLabel('From').fill('1926-01-01');
  await page.getByRole('button', { name: 'Make a file' }).click();
  await page.getByText('2200 days at most').first().waitFor();
  await page.locator('.field.wrong #from').waitFor();

  // what is read on is not taken away by a file that is being made
  await jobs.kill();
  await page.goto(`${portal.url}/reports?name=access`);
  await page.getByRole('button', { name: 'Make a file' }).click();
  await page.getByText('Waits for its turn').waitFor();
  await row.getByText('SHA-256').click();
  await row.getByRole('button', { name: /^Download/ }).focus();
  await portal.clinic.sql(`UPDATE report_run SET parts = 1, lines = 1234 WHERE done_at IS NULL`);
  await page.getByText('Being made: 1,234 lines so far').waitFor();
  await row.locator('details[open]').waitFor();
  assert.equal(await row.getByRole('button', { name: /^Download/ }).evaluate((button) => button === document.activeElement), true);

  await page.goto(`${portal.url}/reports?name=user_activity`);
  await page.getByRole('button', { name: 'Make a file' }).click();
  await page.getByRole('alert').getByText('Find and choose the person first').waitFor();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${portal.url}/reports?name=access_review`);
    await page.getByRole('button', { name: /^Download Accounts/ }).waitFor();
    assert.deepEqual(await axe(page), []);
    assert.equal(await overflow(page), 0);
    if (process.env.EPIONE_TEST_SHOTS) await page.screenshot({ path: `${process.env.EPIONE_TEST_SHOTS}/files-${colorScheme}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});

//= PA-01: on a phone, in both schemes
test('reports are read on a phone, in the light and in the dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${portal.url}/reports?name=safeguards`);
    await page.getByRole('button', { name: 'Run report' }).click();
    await page.getByRole('table', { name: 'Safeguards' }).waitFor();
    assert.deepEqual(await axe(page), []);
    assert.equal(await overflow(page), 0);
  }
  assert.deepEqual(portal.complaints, []);
});

test('an administrator names who gets a checkpoint, and nothing else is saved with it', async () => {
  const desk = await portal.signIn(await portal.context(), portal.clinic.people.admin);
  await desk.goto(`${portal.url}/policy`);
  await desk.getByLabel('Longest session, in hours').fill('9');
  await desk.getByLabel('Address that gets a checkpoint each day').fill('nobody');
  await desk.getByRole('button', { name: 'Save log policy' }).click();
  await desk.getByText('Enter an email address, such as').first().waitFor();
  await desk.getByLabel('Address that gets a checkpoint each day').fill('records@auditor.example');
  await desk.getByRole('button', { name: 'Save log policy' }).click();
  await desk.getByText('The policy is saved.').waitFor();
  const stands = async () => (await portal.clinic.sql(`SELECT checkpoint_mail, session_hours FROM clinic WHERE name LIKE 'Harbor%'`))[0];
  assert.deepEqual(await stands(), { checkpoint_mail: 'records@auditor.example', session_hours: '12' });
  assert.equal(await desk.getByLabel('Longest session, in hours').inputValue(), '9', 'what is typed elsewhere stays');
  await desk.getByRole('button', { name: 'Save policy' }).click();
  await desk.getByText('The policy is saved.').waitFor();
  for (const at = Date.now(); (await stands()).session_hours !== '9';) assert.ok(Date.now() - at < coming(30_000), 'not saved');
  assert.equal((await stands()).checkpoint_mail, 'records@auditor.example');
  await desk.setViewportSize({ width: 390, height: 800 });
  await desk.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await axe(desk), []);
  assert.equal(await overflow(desk), 0);
  await desk.close();
});
