// Paying for a visit on the page of the demo's pretend processor, whichever way
// one comes back from it, and what the desk sees of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { freePort } from '../lib/clinic.mjs';
import { coming } from '../lib/patience.mjs';
import { COLOURS, Portal, axe, overflow } from './portal.mjs';

/** @type {Portal} */
let portal;
let page, office, desk, checkout, doctor;
let days = 20;

before(async () => {
  const CHECKOUT_PORT = String(await freePort());
  portal = await Portal.start({ env: { CHECKOUT_PORT } });
  checkout = await portal.clinic.startCheckout();
  await portal.clinic.startJobs();
  desk = await portal.clinic.signIn(portal.clinic.people.scheduler);
  [doctor] = (await desk.get('/v1/users?role=clinician')).body.items;
  page = await portal.signIn(await portal.context(),
    portal.clinic.people.patient);
  office = await portal.signIn(await portal.context(),
    portal.clinic.people.scheduler);
});
after(async () => {
  desk?.close();
  await portal?.stop();
});

async function visit() {
  const at = new Date(Date.now() + days++ * 864e5).toISOString()
    .replace(/\.\d+/, '');
  const r = await desk.create('/v1/visits', {
    patient_id: portal.clinic.people.patient.patient_id, starts_at: at,
    clinician_id: doctor.id, duration_minutes: 30, reason: 'Cough',
    fee_code: 'video' });

  assert.equal(r.status, 201, r.text);
  return r.body.id;
}
/** As the desk books one by the page, with its fee. */
async function visitByPage() {
  const { name, patient_id: patient } = portal.clinic.people.patient;
  const day = new Date(Date.now() + days++ * 864e5).toISOString().slice(0, 10);

  await office.goto(`${portal.url}/book`);
  await office.getByLabel('Patient').fill(name);
  await button(office, 'Find').click();
  await button(office, new RegExp(`^Choose ${name}`)).first().click();
  await office.getByLabel('Clinician').selectOption(doctor.id);
  await office.getByLabel('Date').fill(day);
  await office.getByLabel('Start time').fill('10:00');
  await office.getByLabel('Reason for the visit').fill('Cough');
  await office.getByLabel('What it costs').selectOption('video');
  await button(office, 'Book visit').click();
  await office.getByRole('heading', { name: 'The visit is booked' }).waitFor();
  const { body } = await desk.get(`/v1/payments/due?patient_id=${patient}`);
  return body.items[0].visit_id;
}
/** Looks at a list until one of it is as it should be. */
async function until(list, look) {
  for (const at = Date.now(); !(await desk.get(list)).body.items.some(look);
    await new Promise((done) => setTimeout(done, 200)))
    assert.ok(Date.now() - at < coming(60_000), list);
}
const button = (on, name) => on.getByRole('button', { name });
/** From the page of a visit's payment to the processor's. */
async function goPay(on = page) {
  const id = await visit();

  await on.goto(`${portal.url}/payment?visit=${id}`);
  await button(on, 'Pay $45.00').click();
  await on.waitForURL((url) => url.href.startsWith(checkout));
  return id;
}
const says = (text, on = page) => on.locator('main').getByText(text).waitFor();

const shot = (on, name) => process.env.SHOTS ? on.screenshot({
  path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : null;
/** How a page looks in both schemes, on a phone too. SHOTS=FOLDER keeps it. */
async function looks(on, name) {
  for (const [colorScheme, width] of [['light', 1280], ['dark', 390]]) {
    await on.setViewportSize({ width, height: 800 });
    await on.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await axe(on, width === 390 ? COLOURS : undefined), [],
      `${name} ${colorScheme}`);
    assert.ok(await overflow(on) <= 0, `${name} ${width}`);
    await shot(on, `${name}-${colorScheme}-${width}`);
  }
  await on.emulateMedia({ colorScheme: 'light' });
  await on.setViewportSize({ width: 1280, height: 800 });
}

test('the administrator says what visits cost', async () => {
  const admin = await portal.signIn(await portal.context(),
    portal.clinic.people.admin);
  const dialog = admin.getByRole('dialog');
  const add = async (code, title, amount, currency) => {
    await button(admin, 'Add a fee').click();
    await dialog.getByLabel('Short name').fill(code);
    await dialog.getByLabel('Name', { exact: true }).fill(title);
    await dialog.getByLabel('Amount').fill(amount);
    await dialog.getByLabel('Currency').selectOption(currency);
    await button(dialog, 'Save').click();
  };

  await admin.goto(`${portal.url}/payments`);
  await says('Nothing was paid in the last twelve months.', admin);
  await admin.getByRole('link', { name: 'Change what visits cost' }).click();
  await says('No fees: visits cost nothing.', admin);
  await add('video', 'Video visit', '45,5', 'JPY');
  await dialog.getByText('Enter an amount, such as 45.00').first().waitFor();
  await dialog.getByLabel('Currency').selectOption('USD');
  await button(dialog, 'Save').click();
  await says('Video visit is saved.', admin);
  await add('yen', 'In yen', '4500', 'JPY');
  await says('¥4,500', admin);
  await button(admin, 'Change Video visit').click();
  await dialog.getByLabel('Amount').fill('45');
  await button(dialog, 'Save').click();
  await says('$45.00', admin);
  await looks(admin, 'fees');
  await button(admin, 'Take off In yen').click();
  await button(dialog, 'Take it off').click();
  await says('In yen is off the list.', admin);
  assert.equal(await admin.getByText('¥4,500').count(), 0);
  await admin.getByLabel('When patients are asked to pay')
    .selectOption('check_in');
  await button(admin, 'Save').click();
  await says('Saved.', admin);
  const { body } = await desk.get('/v1/clinic/fees');
  assert.deepEqual([body.items, body.pay_when], [[{ code: 'video',
    title: 'Video visit', amount_minor: 4500, currency: 'USD' }], 'check_in']);
  await admin.context().close();
});

//= PY-02: the page of a payment has no place for a card
//= PY-03: what is the processor's runs on its own page, to which one goes by a link
test('two clicks pay, and the page to come back to says so', async () => {
  const id = await visitByPage();

  await page.goto(`${portal.url}/payment?visit=${id}`);
  await button(page, 'Pay $45.00').waitFor();
  await looks(page, 'payment');
  assert.equal(await page.locator('input, textarea, select, iframe, object, ' +
    'embed').count(), 0);
  assert.deepEqual(await page.evaluate(() => [...document.scripts]
    .map((script) => new URL(script.src).origin)
    .filter((origin) => origin !== location.origin)), []);
  await button(page, 'Pay $45.00').click();
  await page.waitForURL((url) => url.href.startsWith(checkout));
  assert.match(await page.locator('main').innerText(), /45\.00 USD/);
  await button(page, 'Pay').click();
  await says(/^Paid on .*Thank you\.$/);
  assert.equal(await button(page, /^Pay/).count(), 0);
  // the receipt is drawn a moment later, and the page looks for it
  const link = page.getByRole('link', { name: 'Receipt (PDF)' });
  await link.waitFor();
  await looks(page, 'payment-paid');
  const download = page.waitForEvent('download');
  await link.click();
  const file = await (await download).path();
  assert.match(readFileSync(file, 'latin1'), /^%PDF-/);
});

test('who goes back, is declined or is too late can try again', async () => {
  const id = await goPay();

  await button(page, 'Try a card that is declined').click();
  await says('The card was declined.');
  await page.goBack();
  await page.goBack();
  await says(/^Not paid yet\./);
  // the same page to pay at, and not another
  await button(page, 'Pay $45.00').click();
  await page.waitForURL((url) => url.href.startsWith(checkout));
  await button(page, 'Let the page expire').click();
  await page.getByRole('link', { name: 'Back to the clinic' }).click();
  await says('The page to pay at has closed, and nothing was taken.');
  await button(page, 'Pay $45.00').click();
  await page.waitForURL((url) => url.href.startsWith(checkout));
  await button(page, 'Pay').click();
  await says(/^Paid on/);
  const { body } = await desk.get(`/v1/payments?visit_id=${id}`);
  assert.deepEqual(body.items.map((p) => p.state), ['paid', 'expired']);
});

test('in two windows one pays once, and a closed one has paid', async () => {
  const id = await goPay(), other = await page.context().newPage();

  await other.goto(`${portal.url}/payment?visit=${id}`);
  await button(other, 'Pay $45.00').click();
  await other.waitForURL((url) => url.href.startsWith(checkout));
  assert.equal(other.url(), page.url());
  await button(page, 'Pay').click();
  await says(/^Paid on/);
  await button(other, 'Pay').click();
  await says('This is paid.', other);
  await other.close();
  const { body } = await desk.get(`/v1/payments?visit_id=${id}`);
  assert.deepEqual(body.items.map((p) => [p.state, p.amount_minor]),
    [['paid', 4500]]);
});

//= AZ-07: whoever does not pay goes in all the same
test('who owes is asked when the clinic wants it, and goes in either way',
  async () => {
    const id = await visit();
    const at = async (when) => {
      await portal.clinic.sql('UPDATE clinic SET pay_when = :\'when\'',
        { when });
      await page.goto(`${portal.url}/visits`);
      await page.getByRole('heading', { name: 'Your next visit' }).waitFor();
      return page.locator('main').innerText();
    };

    await portal.clinic.sql(`UPDATE visit SET status = 'cancelled'
      WHERE patient_id = :'patient' AND id <> :'id'`, { id,
      patient: portal.clinic.people.patient.patient_id });
    assert.match(await at('before'), /Please pay \$45\.00 before the visit/);
    assert.doesNotMatch(await at('check_in'), /Please pay/);
    await portal.clinic.visitSoon(id);
    assert.match(await at('check_in'), /Please pay \$45\.00 as you check in/);
    assert.doesNotMatch(await at('after'), /Please pay/);
    await at('check_in');
    await looks(page, 'visits-due');
    const checkIn = page.getByRole('link', { name: /^Check in/ });
    await checkIn.click();
    await button(page.getByRole('dialog'), 'Pay now').click();
    await page.waitForURL((url) => url.pathname === '/payment');
    await page.goBack();
    await checkIn.click();
    await button(page.getByRole('dialog'), 'Check in and pay later').click();
    await page.waitForURL((url) => url.pathname === '/call');
    await at('after');
    await checkIn.click();
    await page.waitForURL((url) => url.pathname === '/call');
    await portal.clinic.sql(`UPDATE visit SET status = 'ended'
      WHERE id = :'id'`, { id });
    await page.goto(`${portal.url}/visits`);
    await says('Not paid yet');
  });

test('the desk sees who owes, gives back with a fresh code, and takes a file',
  async () => {
    const name = portal.clinic.people.patient.name;
    const due = office.locator('#due'), list = office.locator('#list');
    const owed = await visit();
    const gives = (text) => office.waitForFunction((wanted) =>
      document.querySelector('#list')?.textContent.includes(wanted), text);

    await office.goto(`${portal.url}/payments`);
    await due.getByRole('cell', { name, exact: true })
      .first().waitFor();
    // and the one that ended before
    assert.equal(await due.locator('tbody tr').count(), 2);
    await button(list, `Give back…: ${name}, $45.00`).first().waitFor();
    await looks(office, 'payments');
    await button(list, `Give back…: ${name}, $45.00`).first().click();
    const dialog = office.getByRole('dialog');
    await dialog.getByLabel('Amount in USD').fill('50');
    await dialog.getByLabel('Reason').fill('Too long a wait');
    await button(dialog, 'Give back').click();
    await dialog.getByText('Enter an amount of up to $45.00').first()
      .waitFor();
    await dialog.getByLabel('Amount in USD').fill('20.00');
    await portal.clinic.sql('UPDATE session SET step_up_until = NULL');
    await button(dialog, 'Give back').click();
    await dialog.getByLabel('Code')
      .fill(await portal.code(portal.clinic.people.scheduler));
    await button(dialog, 'Continue').click();
    await says('The money is on its way back.', office);
    await until('/v1/payments?state=paid', (p) => p.refunded_minor === 2000);
    await office.reload();
    await gives('$20.00 given back');
    const download = office.waitForEvent('download');
    await button(office, 'Download as a file').click();
    assert.match((await download).suggestedFilename(), /^payments .*\.csv$/);
    // by keyboard and ear: the chart has a name, its table says the same
    assert.match(await office.getByRole('img', { name: /^Paid, and given/ })
      .getAttribute('aria-label'), /stay/);
    await office.getByRole('table', { name: 'Months, USD' })
      .getByText('$20.00').first().waitFor();
    await office.getByLabel('Status').selectOption('expired');
    await button(office, 'Show payments').click();
    await gives('Expired');
    await due.getByRole('link', { name: /^Open: / }).first().click();
    await office.waitForURL((url) => url.search.includes(owed));
    await says('Video visit', office);
  });

test('a bank that takes money back is seen at the desk', async () => {
  const other = await office.context().newPage();

  await other.goto(checkout);
  await button(other, 'The payer’s bank takes it back').first().click();
  await button(other, 'The clinic loses').waitFor();
  await other.close();
  await until('/v1/payments?differs=true', (p) => p.dispute === 'open');
  await office.goto(`${portal.url}/payments`);
  await office.getByLabel('Only what needs a look').check();
  await button(office, 'Show payments').click();
  await says(/^Disputed: the payer/, office);
});

test('no page complained', () => assert.deepEqual(portal.complaints, []));
