// Every page, as every role that has it: accessible in both schemes, no
// sideways scroll on the smallest phone, and not one complaint of a policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readdirSync } from 'node:fs';
import { COLOURS, Portal, WHOLE, axe, launch, overflow } from './portal.mjs';
import { patient as patiently } from '../lib/patience.mjs';

const LOOKS = [['light', 1280], ['dark', 1280], ['light', 320], ['dark', 320]];
/** @type {Portal} */
let portal;
let visit, patient;

before(async () => {
  portal = await Portal.start();
  const { clinic } = portal;
  const desk = await clinic.signIn(clinic.people.scheduler);
  const visits = await desk.get('/v1/visits?limit=100');

  patient = clinic.people.patient.patient_id;
  visit = visits.body.items.find((one) => one.patient_id === patient);
  assert.ok(visit, 'the demo clinic books the first patient');
  desk.close();
});
after(() => portal?.stop());

const open = [['/', 'Sign in'], ['/help', 'Help'],
  ['/languages', 'Language help'],
  ['/devices', 'Test your camera and microphone'],
  ['/not-found', 'We cannot find that page'],
  ['/invitation', 'Welcome to your clinic’s portal'],
  ['/invitation#c29tZS10b2tlbi10aGF0LWlzLW5vdA',
    'Welcome to your clinic’s portal'],];
const pages = {
  patient: () => [['/visits', 'Your visits'], ['/patient', 'Your record'],
    ['/account', 'Your account'], ['/password', 'Change your password'],
    [`/payment?visit=${visit.id}`, 'Payment'],
    [`/call?visit=${visit.id}`, 'Check your camera and microphone']],
  clinician: () => [['/visits', 'Today’s visits'], ['/patients', 'Patients'],
    ['/patient-new', 'New patient'], [`/patient?id=${patient}`, null],
    ['/book', 'Book a visit'], [`/book?visit=${visit.id}`, 'Change a visit'],
    ['/account', 'Your account'],
    [`/call?visit=${visit.id}`, 'Check your camera and microphone'],
    // of one that is there recording.test.mjs looks at it
    [`/recording?id=${visit.id}`, 'Recording']],
  scheduler: () => [['/visits', 'Today’s visits'], ['/patients', 'Patients'],
    ['/patient-new', 'New patient'], [`/patient?id=${patient}`, null],
    ['/book', 'Book a visit'], ['/account', 'Your account']],
  admin: () => [['/users', 'Users'], ['/approvals', 'Approvals'],
    ['/policy', 'Clinic policy'],
    ['/jobs', 'Mail that failed'],
    ['/account', 'Your account']],
  compliance: () => [['/audit', 'Audit'], ['/recordings', 'Recordings'],
    ['/account', 'Your account']],
};

/** Waits until the page has drawn what it asked for. */
async function settle(page, title) {
  const heading = page.getByRole('heading', { level: 1,
    ...(title ? { name: title } : {}) });

  await heading.waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  await page.waitForFunction(() =>
    !/Loading…/.test(document.querySelector('main')?.innerText ?? ''));
}

async function walk(context, list) {
  const page = await context.newPage();

  for (const [path, title] of list) {
    await page.goto(portal.url + path);
    await settle(page, title);
    for (const [colorScheme, width] of LOOKS) {
      const where = `${path} ${colorScheme} ${width}`;

      await page.setViewportSize({ width, height: 800 });
      // colours that are still on their way are judged by no rule
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      //= PA-01: no violation of WCAG 2.2 A or AA, in either scheme
      assert.deepEqual(await axe(page,
        colorScheme === 'dark' ? COLOURS : undefined), [], where);
      //= PA-05: reflow at 320 px
      assert.ok(await overflow(page) <= 0, `${where}: scrolls sideways`);
    }
    // A record that one may not see has a form that nobody gets to see.
    await page.waitForFunction(() => [...document.forms].every((form) =>
      !form.dataset.call || form.querySelector('[data-max], [max]') ||
      /not on the care team/.test(document.querySelector('main').innerText)));
    assert.deepEqual(await formFaults(page), [], path);
    await sendEmpty(page);
  }
  await page.close();
}

/** Forms that people sign in with say their limits themselves: nobody may read
 * the description yet. */
const CALLS = { '/#password-form': 'POST /v1/session',
  '/#code-form': 'POST /v1/session/totp',
  '/#recovery-form': 'POST /v1/session/recovery',
  '/password#form': 'PUT /v1/account/password',
  '/invitation#form': 'POST /v1/invitations/{token}/accept' };

/** What is wrong with the forms of a page, as lines; none is right. */
const formFaults = (page) => page.evaluate(async (calls) => {
  const { paths } = await (await fetch('/v1/openapi.json')).json();
  const shown = (node) => !node.closest('[hidden]') && !node.disabled;
  const schemaOf = (form) => {
    const [method, path] = (form.dataset.call ??
      calls[`${location.pathname}#${form.id}`] ?? '').split(' ');

    return path && Object.values(paths[path][method.toLowerCase()].requestBody
      .content)[0].schema;
  };
  const memberOf = (schema, name) => name.split('.').reduce((at, part) =>
    at?.properties?.[part], schema);
  const labelFaults = (field) => {
    const label = field.labels?.[0];
    const ids = (field.getAttribute('aria-describedby') ?? '').split(' ')
      .filter(Boolean);

    return [label?.textContent.trim() && !label.matches('.unseen') ||
      !shown(field) ? '' : 'has no label',
      /optional/i.test(label?.textContent ?? '') ? 'says optional' : '',
      ids.every((id) => document.getElementById(id)) ? ''
        : 'is described by nothing'];
  };
  const limitFaults = (field, schema) => {
    const member = schema && memberOf(schema, field.name);
    const most = Number(field.dataset.max ?? field.getAttribute('maxlength'));

    if (!member || field instanceof HTMLSelectElement) return [];
    if (field.type === 'number')
      return [Number(field.min) === member.minimum &&
        Number(field.max) === member.maximum ? ''
        : `goes from ${field.min} to ${field.max}`];
    // A code may be typed with what an app puts between its digits.
    if (!member.maxLength || field.classList.contains('code')) return [];
    // Of passwords the policy says more, and only when one is chosen.
    const right = field.type === 'password' ? most <= member.maxLength
      : most === member.maxLength;

    return [right ? '' : `has room for ${most}, not ${member.maxLength}`];
  };
  const requiredFaults = (fields, schema) => {
    const asked = fields.filter((field) => shown(field) &&
      !['search', 'checkbox'].includes(field.type));
    const mixed = asked.some((field) => field.required) &&
      asked.some((field) => !field.required);

    return asked.flatMap((field) => {
      const marked = Boolean(field.labels?.[0]?.querySelector('.required'));
      const member = schema && memberOf(schema, field.name);
      const needed = schema?.required?.includes(field.name) &&
        ![member.type].flat().includes('null');

      return [marked === (mixed && field.required) ? ''
        : `${field.name} is ${marked ? '' : 'not '}marked as required`,
      needed && !field.required ? `${field.name} is not required` : ''];
    });
  };

  return [...document.forms].flatMap((form) => {
    const unseen = form.hidden && !form.querySelector('[data-max], [max]');
    const schema = unseen ? null : schemaOf(form);
    const fields = [...form.elements].filter((node) =>
      node.matches('input, select, textarea'));

    return [...fields.flatMap((field) => [...labelFaults(field),
      ...limitFaults(field, schema)].filter(Boolean)
      .map((text) => `${field.id} ${text}`)),
    ...requiredFaults(fields, schema).filter(Boolean)]
      .map((text) => `#${form.id}: ${text}`);
  });
}, CALLS);

/** Sends a form empty: each field that is missing has to say so. */
async function sendEmpty(page) {
  for (const form of await page.locator('form:visible').all()) {
    const missing = await form.locator('[required]:visible:enabled')
      .evaluateAll((all) => all.filter((node) => node.validity.valueMissing)
        .map((node) => node.id));

    if (!missing.length) continue;
    await form.evaluate((node) => node.requestSubmit());
    await form.locator('.summary:focus').waitFor();
    for (const id of missing) {
      const field = page.locator(`[id="${id}"]`);
      const said = await field.getAttribute('aria-describedby');

      assert.equal(await field.getAttribute('aria-invalid'), 'true', id);
      assert.match(await page.locator(`[id="${said.split(' ').at(-1)}"]`)
        .innerText(), /\w+ \w+/, id);
    }
    assert.equal(await form.locator('.summary a').count(), missing.length);
    assert.deepEqual(await axe(page), [], page.url());
  }
}

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
  assert.notEqual(portal.complaints.splice(before).length, 0, 'and it is said');
  await context.close();
});

test('pages that need no session', async () => {
  const context = await portal.context();

  await walk(context, open);
  await context.close();
  quiet();
});

for (const [role, list] of Object.entries(pages))
  test(`pages of a ${role}`, async () => {
    const context = await portal.context();
    const page = await portal.signIn(context, portal.clinic.people[role]);

    await walk(context, list());
    await page.close();
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
    let asked = 0;

    page.on('dialog', (dialog) => {
      asked += dialog.type() === 'beforeunload';
      void dialog.dismiss();
    });
    await page.goto(portal.url + path);
    if (open) await page.getByRole('button', { name: open }).click();
    await page.locator(field).click();
    await page.keyboard.type('1');
    await page.evaluate(() => { location.href = '/account'; });
    for (const end = Date.now() + patiently(5000); !asked;
      await page.waitForTimeout(50)) assert.ok(Date.now() < end, path);
    assert.equal(new URL(page.url()).pathname, path.split('?')[0]);
    await context.close();
  }
  quiet();
});

test('each page is walked by somebody', () => {
  const known = new Set([...open, ...Object.values(pages)
    .flatMap((list) => list())].map(([path]) => path.split(/[?#]/)[0]));
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
