// Pages that anybody may open and those of patients (desks.test.mjs walks the
// staff's), and what holds on each: not one complaint of a policy, no script.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readdirSync } from 'node:fs';
import { Portal, WHOLE, axe, launch } from './portal.mjs';
import { coming } from '../lib/patience.mjs';
import { bookedVisit, open, pagesOf, settling, walk } from './walk.mjs';

/** @type {Portal} */
let portal;
let visit, patient;

before(async () => {
  portal = await Portal.start();
  patient = portal.clinic.people.patient.patient_id;
  visit = await bookedVisit(portal.clinic, patient);
});
after(() => portal?.stop());

//= PA-09: nothing on any page goes against the content security policy
//= PR-12: what goes to another origin would be such a complaint
const quiet = () => {
  assert.deepEqual(portal.complaints, []);
};

//= PA-09: the policy as it is sent, and as a browser obeys it
//= PY-03: nothing of a processor of payments runs or shows on a page
test('a page runs no script that its text brings along', async () => {
  const context = await portal.context();
  const page = await context.newPage();
  const answer = await page.goto(`${portal.url}/`);
  const policy = new Map(answer.headers()['content-security-policy'].split('; ')
    .map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1).join(' ')]));

  for (const name of ['default-src', 'object-src', 'base-uri', 'frame-ancestors'])
    assert.equal(policy.get(name), "'none'", name);
  // one, whose only address is that of the worker that seals recordings
  assert.equal(policy.get('trusted-types'), 'epione-worker');
  for (const name of ['script-src', 'style-src', 'connect-src', 'form-action'])
    assert.equal(policy.get(name), "'self'", name);
  assert.equal(policy.get('require-trusted-types-for'), "'script'");
  assert.doesNotMatch([...policy.values()].join(' '), /unsafe|http|\*/);

  const before = portal.complaints.length;
  const [ran, thrown] = await page.evaluate(() => {
    const script = document.createElement('script'), button = document.createElement('button');
    let refused = 0;

    for (const attempt of [() => { script.text = 'globalThis.ran = "script"'; },
      () => { button.setAttribute('onclick', 'globalThis.ran = "handler"'); },
      () => { document.body.insertAdjacentHTML('beforeend', '<b>text</b>'); }])
      try { attempt(); } catch { refused++; }
    document.body.append(script, button);
    button.click();
    return [globalThis.ran, refused];
  });
  assert.equal(ran, undefined);
  assert.ok(thrown >= 2, 'trusted types');
  await context.close(); // what it says comes until then
  assert.notEqual(portal.complaints.splice(before).length, 0, 'and it is said');
});

//= PA-01, PA-05: each page, in both schemes and at 320 px
test('pages that need no session', async () => {
  const context = await portal.context();

  await walk(portal, context, open);
  await context.close();
  quiet();
});

test('pages of a patient', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, portal.clinic.people.patient);

  await walk(portal, context, pagesOf(visit, patient).patient);
  await page.close();
  await context.close();
  quiet();
});

test('a browser without calls says so, with a way out', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, portal.clinic.people.patient);

  await page.addInitScript(() => { delete globalThis.RTCPeerConnection; });
  for (const path of [`/call?visit=${visit.id}`, `/call#${'A'.repeat(43)}`]) {
    await page.goto('about:blank');
    await page.goto(portal.url + path);
    await page.getByRole('heading', { level: 1,
      name: 'This browser cannot make video calls' }).waitFor();
    assert.deepEqual(await axe(page), []);
  }
  await context.close();
  quiet();
});

test('what was typed and not saved is not left without asking', async () => {
  for (const [role, path, open, field] of [
    ['scheduler', '/book', '', '#reason'],
    ['scheduler', '/patient-new', '', '#line1'],
    ['scheduler', `/patient?id=${patient}`, 'Edit', '#line1'],
    ['admin', '/policy', '', '#session_hours'],
    ['admin', '/users', 'Invite someone', '#display_name']]) {
    const context = await portal.context();
    const page = await portal.signIn(context, portal.clinic.people[role]);
    const settled = settling(page);
    let asked = 0;

    page.on('dialog', (dialog) => {
      asked += dialog.type() === 'beforeunload';
      void dialog.dismiss();
    });
    await page.goto(portal.url + path);
    await settled(); // what is read late must not be what was typed
    if (open) await page.getByRole('button', { name: open }).click();
    await page.locator(field).click();
    await page.keyboard.type('1');
    await page.evaluate(() => { location.href = '/account'; });
    for (const at = Date.now(); !asked; await page.waitForTimeout(50))
      assert.ok(Date.now() - at < coming(5000), path);
    assert.equal(new URL(page.url()).pathname, path.split('?')[0]);
    await context.close();
  }
  quiet();
});

test('each page is walked by somebody', () => {
  const known = new Set([...open, ...Object.values(pagesOf(visit, patient)).flat()].map(([path]) => path.split(/[?#]/)[0]));
  const files = readdirSync(new URL('../../assets', import.meta.url))
    .filter((name) => name.endsWith('.html'))
    .map((name) => name === 'index.html' ? '/' : `/${name.slice(0, -5)}`);

  // Enrolment is walked by account.test.mjs: it needs a new account; the page
  // for a server that is away below.
  assert.deepEqual(files.filter((path) => !known.has(path)).sort(),
    ['/enrol', '/offline']);
});

test('the page for a server that is away comes back with it', async () => {
  const context = await portal.context();
  const page = await context.newPage();

  await page.route('**/readyz', (route) => route.fulfill({ status: 503 }));
  await page.goto(`${portal.url}/offline`);
  await page.getByText('Not yet. We keep looking.').waitFor();
  assert.deepEqual(await axe(page), []);
  await page.unroute('**/readyz');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await context.close();
  portal.complaints = portal.complaints.filter((text) =>
    !text.includes('/offline') || !text.includes('503'));
  quiet();
});

for (const [what, permissions, words] of [
  ['absent', ['camera', 'microphone'], 'We cannot find a camera'],
  ['refused', [], 'The browser may not use your camera']])
  test(`a camera that is ${what} is explained`, async () => {
    const bare = await launch([], what === 'absent' ? []
      : ['--use-fake-device-for-media-stream'], WHOLE);
    const context = await portal.context({ permissions }, bare);
    const page = await context.newPage();

    await page.goto(`${portal.url}/devices`);
    await page.getByText(words).waitFor();
    await page.getByText(words.replace('camera', 'microphone')).waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    assert.deepEqual(await axe(page), []);
    await bare.close();
    quiet();
  });

test('a page for another role shows nothing of it', async () => {
  const context = await portal.context();
  const page = await portal.signIn(context, portal.clinic.people.patient);

  for (const path of ['/users', '/audit', '/patients', '/policy', '/book']) {
    await page.goto(portal.url + path);
    await page.getByRole('heading', { name: 'This page is not for your role' })
      .waitFor();
  }
  const links = await page.getByRole('navigation').getByRole('link')
    .allInnerTexts();
  assert.deepEqual(links.map((text) => text.trim()),
    ['Visits', 'My record', 'Account']);
  await context.close();
});

test('a page that does not exist says so', async () => {
  const context = await portal.context();
  const page = await context.newPage();
  const answer = await page.goto(`${portal.url}/no-such-page`);

  assert.equal(answer.status(), 404);
  await context.close();
});
