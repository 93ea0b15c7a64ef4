// Ways in and out: wrong passwords, invitation and enrolment, recovery codes,
// an expired password, logoff with a warning, and leaving without a trace.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { authenticator } from 'otplib';
import { Client } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';
import { coming } from '../lib/patience.mjs';
import { Portal, axe, holding, overflow } from './portal.mjs';

/** @type {Portal} */
let portal;
let people;

before(async () => {
  portal = await Portal.start();
  people = portal.clinic.people;
});
after(() => portal?.stop());

test('a wrong password is told in the page, and has the focus', async () => {
  const context = await portal.context();
  const page = await context.newPage();

  await portal.password(page, people.clinician, 'not the password at all');
  const summary = page.getByRole('alert');
  await summary.getByText('not right').waitFor();
  assert.ok(await summary.evaluate((node) => node === document.activeElement));
  assert.match(await page.title(), /^Problem: /);
  assert.equal(await page.getByLabel('Email').inputValue(),
    people.clinician.email);
  assert.deepEqual(await axe(page), []);

  // A wrong code blames its field.
  await portal.password(page, people.clinician);
  const code = page.getByLabel('Code', { exact: true });
  assert.equal(await code.getAttribute('autocomplete'), 'one-time-code');
  await code.fill('000 000');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  assert.deepEqual(await axe(page), []);
  await context.close();
});

//= PA-03: what is pasted with spaces is taken
test('a code with a space in it is a code', async () => {
  const context = await portal.context();
  const page = await context.newPage();

  await portal.password(page, people.scheduler);
  const code = await portal.code(people.scheduler);
  await page.getByLabel('Code', { exact: true })
    .fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Today’s visits' }).waitFor();
  await context.close();
});

test('invitation, password, authenticator, recovery codes, back in', async () => {
  const context = await portal.context();
  const admin = await portal.signIn(context, people.admin);

  await admin.getByRole('button', { name: 'Invite someone' }).click();
  await admin.getByLabel('Name').fill('Nora Example');
  await admin.getByLabel('Email').fill('nora@demo.example');
  await admin.getByLabel('Role').selectOption('scheduler');
  await admin.getByRole('button', { name: 'Invite', exact: true }).click();
  const link = await admin.locator('.secret').innerText();
  assert.ok(link.startsWith(`${portal.url}/invitation#`), link);
  const row = admin.getByRole('listitem').filter({ hasText: 'Nora Example' });
  await row.getByText('Waiting for a second person').waitFor();
  await admin.waitForFunction(() =>
    document.activeElement?.textContent?.includes('Nora Example'));

  const own = await portal.context({ acceptDownloads: true });
  const page = await own.newPage();
  const password = 'a kettle for seven winters';
  await page.goto(link);
  assert.equal(new URL(page.url()).hash, '', 'the token is off the bar');

  // Not before a second person agrees, who then has the phrase.
  await page.getByText('a second person at your clinic has to confirm').waitFor();
  assert.deepEqual(await axe(page), []);
  const office = await portal.context();
  const officer = await portal.signIn(office, people.compliance);
  await officer.goto(`${portal.url}/approvals`);
  await officer.getByRole('button', { name: 'Confirm: A new account, Nora Example' })
    .click();
  await officer.getByRole('button', { name: 'Confirm', exact: true }).click();
  await officer.getByLabel('Code', { exact: true })
    .fill(await portal.code(people.compliance));
  await officer.getByRole('button', { name: 'Continue' }).click();
  const shown = officer.getByRole('dialog').locator('.secret');
  const phrase = await shown.innerText();
  assert.deepEqual(await axe(officer), []);
  await officer.getByRole('button', { name: 'I have it' }).click();
  await officer.getByText('Confirmed: A new account').waitFor();
  await office.close();

  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByLabel('Phrase').fill(phrase.toUpperCase().replaceAll('-', ' '));
  await page.getByLabel('Password', { exact: true }).fill('password1');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.waitForURL('**/enrol');
  await page.getByRole('img', { name: /QR code/ }).waitFor();
  const secret = (await page.locator('#secret').innerText())
    .replaceAll(' ', '');
  assert.match(secret, /^[A-Z2-7]{32}$/);
  const qr = page.getByRole('img', { name: /QR code/ });
  assert.ok(await qr.evaluate(async (img) => {
    await img.decode();
    return img.naturalWidth > 0;
  }));
  assert.deepEqual(await axe(page), []);
  await page.getByLabel('Code', { exact: true }).fill(authenticator.generate(secret));
  await page.getByRole('button', { name: 'Turn it on' }).click();
  await page.getByRole('heading', { name: 'Save your recovery codes' })
    .waitFor();
  const codes = await page.locator('#codes li').allInnerTexts();
  assert.equal(new Set(codes).size, 10);
  assert.deepEqual(await axe(page), []);
  const [file] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click()]);
  assert.equal(file.suggestedFilename(), 'epione-recovery-codes.txt');
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByRole('alert').waitFor(); // not before they are saved
  await page.getByLabel('I have saved them').check();
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.waitForURL('**/visits');
  await own.close();

  // The link works once.
  const late = await portal.context();
  const second = await late.newPage();
  await second.goto(link);
  await second.getByText('This link does not work any more').waitFor();

  await portal.password(second, { email: 'nora@demo.example', password });
  await second.getByRole('button', { name: /recovery code/ }).click();
  await second.getByLabel('Recovery code').fill(codes[0]);
  await second.getByRole('button', { name: 'Continue' }).click();
  await second.waitForURL('**/visits');
  await late.close();
  await context.close();
});

//= IA-08: another authenticator needs a fresh code of the present one
test('a new authenticator app takes the place of the old', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.compliance);

  await page.goto(`${portal.url}/account`);
  await page.getByRole('link', { name: 'Set up a new app' }).click();
  const dialog = page.getByRole('dialog', { name: 'Is it you?' });
  // What the sign-in proved a moment ago may be fresh enough.
  await dialog.or(page.getByRole('img', { name: /QR code/ })).first().waitFor();
  if (await dialog.isVisible()) {
    assert.deepEqual(await axe(page), []);
    await dialog.getByLabel('Code').fill(await portal.code(people.compliance));
    await dialog.getByRole('button', { name: 'Continue' }).click();
  }
  await page.getByRole('img', { name: /QR code/ }).waitFor();
  const secret = (await page.locator('#secret').innerText())
    .replaceAll(' ', '');
  assert.notEqual(secret, people.compliance.totp_secret);
  await page.getByLabel('Code', { exact: true })
    .fill(authenticator.generate(secret));
  await page.getByRole('button', { name: 'Turn it on' }).click();
  await page.getByLabel('I have saved them').check();
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.waitForURL('**/overview');
  people.compliance.totp_secret = secret;
  await context.close();
  const again = await portal.context();
  await portal.signIn(again, people.compliance);
  await again.close();
});

test('an administrator renames, deactivates and brings back', async () => {
  const [context, theirs] = [await portal.context(), await portal.context()];
  const page = await portal.signIn(context, people.admin);
  const far = await portal.signIn(theirs, people.scheduler);
  const row = page.getByRole('listitem').filter({ hasText: /Priya/ });
  const act = async (name) => {
    await row.getByLabel(/^Actions for/).click();
    await row.getByRole('button', { name }).click();
  };

  // a patient's name is the record's
  const patient = page.locator('#list').getByRole('listitem').first();
  await row.waitFor();
  await page.locator('#filter').selectOption('patient');
  await row.waitFor({ state: 'detached' });
  await patient.getByLabel(/^Actions for/).click();
  await patient.getByRole('button', { name: 'Deactivate' }).waitFor();
  assert.equal(await patient.getByRole('button', { name: 'Change name or role' })
    .count(), 0);
  await page.locator('#filter').selectOption('');
  await act('Change name or role');
  await page.getByRole('dialog').getByLabel('Name').fill('Priya N. Nair');
  assert.deepEqual(await axe(page), []);
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Priya N. Nair').waitFor();
  await act('Deactivate');
  await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' })
    .click();
  await row.getByText('Deactivated').waitFor();
  //= AZ-05: who is deactivated is out at the next request
  await far.goto(`${portal.url}/patients`);
  await far.getByRole('heading', { name: 'Sign in' }).waitFor();
  await row.getByRole('button', { name: /^Reactivate/ }).click();
  await row.getByText('Deactivated').waitFor({ state: 'detached' });
  await context.close();
  await theirs.close();
});

test('an answer that comes late does not take the place of a later one', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.admin);
  await page.getByText(people.admin.email).waitFor();
  const every = await holding(page, /\/v1\/users(\?|$)/, (url) =>
    !url.includes('role='));

  await page.goto(`${portal.url}/users`);
  await page.locator('#filter').selectOption('patient');
  await page.getByText(people.patient.email).waitFor();
  await every.come();
  assert.equal(every.held(), 1);
  assert.equal(await page.getByText(people.admin.email).count(), 0);

  // nor is anybody warned who has said meanwhile that they are there
  const look = () => page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')));
  const age = (left) => portal.clinic.sql(`UPDATE session SET seen_at =
    now() - idle_s * interval '1 second' + :'left'::interval
    WHERE account_id = :'id' AND ended_at IS NULL`, { left, id: people.admin.id });
  const ends = () => page.waitForResponse('**/v1/session');
  people.admin.id = await portal.clinic.accountId(people.admin);
  await age('90 seconds');
  const old = await holding(page, '**/v1/session');
  await look();
  while (!old.held()) await page.waitForTimeout(20);
  old.pass();
  await age('10 minutes');
  await Promise.all([ends(), look()]);
  await old.come();
  assert.equal(await page.getByRole('alertdialog').count(), 0);
  await context.close();
});

test('the visits of one day never stand under another', async () => {
  const context = await portal.context();
  const before = portal.complaints.length;
  const page = await portal.signIn(context, people.clinician);
  const today = await holding(page, /\/v1\/visits\?/);

  await page.goto(`${portal.url}/visits`);
  while (!today.held()) await page.waitForTimeout(20);
  today.pass();
  await page.route(({ pathname }) => pathname === '/v1/visits', (route) =>
    route.abort());
  await page.getByRole('button', { name: 'Day after' }).click();
  await page.locator('#note').getByRole('alert').waitFor();
  await today.come();
  assert.equal(await page.locator('#list').innerText(), 'Loading…');
  await context.close();
  // a browser says so of each question that is lost, and there is nothing else to say
  const said = portal.complaints.splice(before);
  assert.ok(said.length && said.every((line) => /ERR_FAILED$/.test(line)), said.join('\n'));
});

//= IA-15: an expired password opens the change page and nothing else
test('an expired password must be changed first', async () => {
  const context = await portal.context();
  const person = people.clinician2;

  await portal.clinic.sql(`UPDATE account SET password_changed_at =
    now() - interval '91 days' WHERE id = :'id'`,
  { id: await accountOf(person) });
  const page = await portal.signIn(context, person);
  await page.waitForURL('**/password');
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  //= IA-12: the page asks for what the server does
  await page.getByText('At least 12 letters, numbers or signs.').waitFor();
  await page.goto(`${portal.url}/visits`);
  await page.waitForURL('**/password');
  await page.getByLabel('Current password', { exact: true })
    .fill(person.password);
  await page.getByLabel('New password', { exact: true })
    .fill('eleven quiet lamps by the lake');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.waitForURL('**/visits');
  await context.close();
});

async function accountOf(person) {
  const client = await portal.clinic.signIn(person);
  const { body } = await client.get('/v1/session');

  client.close();
  return body.user.id;
}

//= PA-02: the warning comes ahead of logoff, and one key extends
test('before automatic logoff a warning comes, and Enter extends', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.patient);
  const look = () => page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange')));
  const age = (minutes) => portal.clinic.sql(`UPDATE session SET seen_at =
    now() - idle_s * interval '1 second' + :'left'::interval
    WHERE account_id = :'id' AND ended_at IS NULL`,
  { id, left: `${minutes} minutes` });
  const id = await accountOf(people.patient);

  await page.getByRole('heading', { name: 'Your visits' }).waitFor();
  for (let i = 0; i < 10; i++) {
    const dialog = page.getByRole('alertdialog');
    // an answer that is under way may be of before
    for (const at = Date.now(); !await dialog.isVisible();
      await page.waitForTimeout(200)) {
      assert.ok(Date.now() - at < coming(120_000), 'no warning came');
      await age(1.5);
      await look();
    }
    await dialog.getByText(/signed out in 2 minutes/).waitFor();
    if (i === 0) assert.deepEqual(await axe(page), []);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await assert.doesNotReject(page.waitForFunction(async () => {
      const answer = await fetch('/v1/session',
        { headers: { 'X-Background': '1' } });
      const { idle_expires_at: end } = await answer.json();
      return Date.parse(end) - Date.now() > 10 * 60_000;
    }));
  }
  //= SE-02: what the page asks by itself keeps nobody signed in
  await age(-1);
  await look();
  await page.waitForURL(/\/\?signed=idle&next=%2Fvisits/);
  await context.close();
});

//= PA-10: after sign-out nothing of a patient is left, nor comes Back
test('sign-out leaves nothing behind, and Back shows nothing', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.patient);
  const other = await context.newPage();
  const name = people.patient.name;

  await other.goto(`${portal.url}/patient`);
  await other.getByText('Record number').or(other.getByText('Birth date'))
    .first().waitFor();
  await page.getByRole('heading', { name: 'Your visits' }).waitFor();
  await page.goto(`${portal.url}/account`);
  await page.getByText('This one', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByText('You are signed out.').waitFor();
  await other.waitForURL(/\/\?signed=out/);
  await page.goBack();
  await page.waitForURL(/\/\?signed=idle&next=%2Fvisits/);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  for (const one of [page, other]) {
    assert.ok(!(await one.content()).includes(name), one.url());
    const left = await one.evaluate(async () => [localStorage.length,
      sessionStorage.length, (await indexedDB.databases()).length,
      (await caches.keys()).length, document.cookie]);
    assert.deepEqual(left, [0, 0, 0, 0, '']);
  }
  // what it is known by, so that others' guesses do not make its people wait
  assert.deepEqual((await context.cookies()).map((c) => c.name),
    ['__Host-epione-device']);
  await context.close();
});

//= SE-06: people end their own sessions from where they are
test('another device is signed out from the account page', async () => {
  const [here, there] = [await portal.context(), await portal.context()];
  const page = await portal.signIn(here, people.scheduler);
  const far = await portal.signIn(there, people.scheduler);

  await page.goto(`${portal.url}/account`);
  await page.getByText('This one', { exact: true }).waitFor();
  // Devices of earlier tests are there too: all but this one go.
  const buttons = page.getByRole('button',
    { name: /^Sign out \w+ on|^Sign out A program/ });
  for (let left = await buttons.count(); left > 0; left--) {
    await buttons.first().click();
    await page.getByRole('button', { name: 'Sign it out' }).click();
    await page.waitForFunction((n) => [...document.querySelectorAll(
      '#devices .do button')].length < n, left);
  }
  await far.goto(`${portal.url}/visits`);
  await far.getByRole('heading', { name: 'Sign in' }).waitFor();
  await here.close();
  await there.close();
});

//= SE-06: and an administrator those of others
test('an administrator sees where somebody is signed in, and signs them out', async () => {
  const [here, there] = [await portal.context(), await portal.context()];
  await portal.clinic.sql(`UPDATE session SET ended_at = now() WHERE account_id = :'id'`,
    { id: await portal.clinic.accountId(people.scheduler) });
  const far = await portal.signIn(there, people.scheduler);
  const page = await portal.signIn(here, people.admin);

  await page.setViewportSize({ width: 390, height: 844 });
  const row = page.getByRole('listitem').filter({ hasText: people.scheduler.email });
  await row.locator('summary').click();
  await row.getByRole('button', { name: 'Sign-in and devices' }).click();
  const sheet = page.getByRole('dialog', { name: /Priya/ }); // renamed above
  await sheet.getByText('Authenticator app').waitFor();
  await sheet.getByText(/last used/).waitFor();
  assert.equal(await sheet.getByRole('listitem').count(), 1);
  assert.deepEqual(await axe(page), []);
  assert.ok(await overflow(page) <= 0);
  await sheet.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.getByRole('dialog', { name: 'Sign out everywhere?' })
    .getByRole('button', { name: 'Sign out everywhere' }).click();
  await sheet.getByText('Not signed in anywhere.').waitFor();
  await sheet.getByText('is signed out everywhere').waitFor();
  assert.ok(await sheet.getByRole('button', { name: 'Close' })
    .evaluate((node) => node === document.activeElement));
  await far.goto(`${portal.url}/visits`);
  await far.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await here.close();
  await there.close();
});

//= IA-09: who is at home gets in while others guess, and sees that they do
test('strangers who guess make strangers wait; the account page tells', async () => {
  const context = await portal.context();
  const person = people.scheduler;
  await (await portal.signIn(context, person)).close();
  await portal.clinic.sql('UPDATE session SET ended_at = now()');
  const far = new Client(portal.url, { from: '127.0.66.6' });
  const guess = () => far.post('/v1/session', { email: person.email,
    password: 'not the password', client: 'api' });
  for (let i = 0; i < 5; i++) assert.equal((await guess()).status, 401);
  assert.equal((await guess()).status, 429);
  far.close();

  // without the cookie, on a network where others guess: told what to do
  await portal.clinic.sql(`DELETE FROM attempt WHERE failures = 0;
    UPDATE attempt SET source = account_id`);
  const stranger = await portal.context();
  const page = await stranger.newPage();
  await portal.password(page, person);
  await page.getByRole('alert').getByText('or call your clinic').waitFor();
  assert.deepEqual(await axe(page), []);
  await stranger.close();

  const home = await portal.signIn(context, person);
  await home.goto(`${portal.url}/account`);
  await home.getByText('5 tries have failed since.').waitFor();
  assert.deepEqual(await axe(home), []);
  await context.close();
  await portal.clinic.sql('DELETE FROM attempt'); // what follows is no stranger's
});

test('no page complained', () => assert.deepEqual(portal.complaints, []));

//= IA-15: what expires while a page is open leads to its page
test('a password that expires in mid-session leads to the page for a new one', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.clinician);
  const id = await page.evaluate(async () => (await (await fetch('/v1/session')).json()).user.id);

  await portal.clinic.sql(`UPDATE account SET password_changed_at = now() - interval '10 years' WHERE id = :'id'`, { id });
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  await portal.clinic.sql(`UPDATE account SET password_changed_at = now() WHERE id = :'id'`, { id });
  await context.close();
});

test('an answer that does not come whole is told, and the page goes on', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, people.scheduler);
  const thrown = [];

  page.on('pageerror', (e) => thrown.push(e.message));
  await page.route('**/v1/session', (route) => route.fulfill({ status: 200, contentType: 'application/json', body: '{"state":' }));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('alert').getByText('cannot reach').waitFor();
  await page.unroute('**/v1/session');
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('alert').waitFor({ state: 'detached' });
  assert.deepEqual(thrown, []);
  await context.close();
});

test('an address pasted with what cannot be seen signs in', async () => {
  const context = await portal.context();
  const page = await context.newPage();

  await portal.password(page, { ...people.scheduler, email: `\u200b${people.scheduler.email}\ufeff` });
  await page.getByLabel('Code', { exact: true }).waitFor();
  await context.close();
});

//= IA-19: the link of the mail leads to a new password, and on to the code
test('a forgotten password is replaced by its owner, with a link by mail', async () => {
  const { clinic } = portal, person = people.scheduler;
  const box = await startMailbox();
  appendFileSync(path.join(clinic.dir, 'epione.conf'), box.settings);
  clinic.writeJobs(box.jobs);
  await clinic.stopServer();
  await clinic.startServer();
  await clinic.startJobs();
  const context = await portal.context({ viewport: { width: 390, height: 800 } });
  const page = await context.newPage();

  await page.goto(portal.url);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Forgot your password?' }).waitFor();
  await page.getByRole('button', { name: 'Send me a link' }).click();
  await page.getByRole('alert').getByText('Enter your email').waitFor();
  await page.getByLabel('Email').fill(`\u200b${person.email}`);
  await page.getByRole('button', { name: 'Send me a link' }).click();
  await page.getByRole('heading', { name: 'Look in your mailbox' }).waitFor();
  assert.ok(await page.evaluate(() => document.activeElement?.id === 'main'), 'a screen reader reads on from there');
  assert.deepEqual(await axe(page), []);

  const mailed = () => box.messages.find((m) => m.to.includes(person.email));
  for (const at = Date.now(); !mailed(); await page.waitForTimeout(50)) assert.ok(Date.now() - at < coming(60_000), 'no mail');
  const link = mailed().mail.text.match(/https:\S+#[\w-]{43}/)[0];
  await page.goto(link);
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token is off the bar');
  assert.deepEqual(await axe(page), []);
  person.password = 'five lanterns over the quarry';
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Enter your code' }).waitFor();
  await page.getByLabel('Code', { exact: true }).fill(await portal.code(person));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Today’s visits' }).waitFor();

  await page.goto(link);
  await page.getByText('This link does not work any more').waitFor();
  await page.getByRole('link', { name: 'Ask for another link' }).click();
  await page.getByRole('heading', { name: 'Forgot your password?' }).waitFor();
  await context.close();
  await box.close();
});
