// What every page has to bear: accessible in both schemes, no sideways scroll
// on the smallest phone, forms that say what they want.
import assert from 'node:assert/strict';
import { COLOURS, axe, overflow } from './portal.mjs';

const LOOKS = [['light', 1280], ['dark', 1280], ['light', 320], ['dark', 320]];

/** Pages as [path, heading, or null where it depends]: without a session, */
export const open = [['/', 'Sign in'], ['/help', 'Help'],
  ['/forgot', 'Forgot your password?'],
  ['/languages', 'Language help'],
  ['/devices', 'Test your camera and microphone'],
  ['/not-found', 'We cannot find that page'],
  ['/invitation', 'Welcome to your clinic’s portal'],
  ['/invitation#c29tZS10b2tlbi10aGF0LWlzLW5vdA',
    'Welcome to your clinic’s portal'],
  ['/call#c29tZS10b2tlbi10aGF0LWlzLW5vdA', 'This link does not work any more']];
/** and of each role, when `visit` is one of the patient's. */
export const pagesOf = (visit, patient) => ({
  patient: [['/visits', 'Your visits'], ['/patient', 'Your record'],
    ['/account', 'Your account'], ['/password', 'Change your password'],
    [`/payment?visit=${visit.id}`, 'Payment'],
    [`/call?visit=${visit.id}`, 'Check your camera and microphone']],
  clinician: [['/visits', 'Today’s visits'], ['/patients', 'Patients'],
    ['/patient-new', 'New patient'], [`/patient?id=${patient}`, null],
    ['/emergency', 'Emergency access'],
    ['/book', 'Book a visit'], [`/book?visit=${visit.id}`, 'Change a visit'],
    ['/account', 'Your account'],
    [`/call?visit=${visit.id}`, 'Check your camera and microphone'],
    // of one that is there playback.test.mjs looks at it
    [`/recording?id=${visit.id}`, 'Recording']],
  scheduler: [['/visits', 'Today’s visits'], ['/patients', 'Patients'],
    [`/guests?visit=${visit.id}`, 'Invite by link'],
    ['/payments', 'Payments'],
    ['/patient-new', 'New patient'], [`/patient?id=${patient}`, null],
    ['/book', 'Book a visit'], ['/account', 'Your account']],
  admin: [['/users', 'Users'], ['/approvals', 'Approvals'],
    ['/policy', 'Clinic policy'], ['/fees', 'Fees'],
    ['/payments', 'Payments'],
    ['/jobs', 'What failed'],
    ['/account', 'Your account']],
  compliance: [['/overview', 'Overview'], ['/audit', 'Audit'], ['/reviews', 'Reviews'],
    ['/incidents', 'Incidents'],
    // of one that is there incidents.test.mjs looks at it
    [`/incident?id=${visit.id}`, 'Incident'],
    ['/reports', 'Reports'],
    ['/reports?name=safeguards', 'Safeguards'],
    ['/reports?name=user_activity', 'What a person did'],
    ['/recordings', 'Recordings'],
    ['/account', 'Your account']],
});

/** The visit that the demo clinic booked for a patient. */
export async function bookedVisit(clinic, patient) {
  const desk = await clinic.signIn(clinic.people.scheduler);
  const visits = await desk.get('/v1/visits?limit=100');
  const visit = visits.body.items.find((one) => one.patient_id === patient);

  assert.ok(visit, 'the demo clinic books the first patient');
  desk.close();
  return visit;
}

/**
 * Waits until a page that anybody asked for has drawn what it asks for: nothing is
 * on its way, and what had come led to nothing more.
 * @returns {() => Promise<void>}
 */
export function settling(page) {
  const onTheWay = new Set();

  page.on('request', (request) => onTheWay.add(request));
  for (const end of ['requestfinished', 'requestfailed'])
    page.on(end, (request) => onTheWay.delete(request));
  page.on('framenavigated', () => onTheWay.clear());
  return async () => {
    await page.locator('main:not([inert])').waitFor();
    do {
      await page.evaluate(() => new Promise((drawn) => {
        requestAnimationFrame(() => setTimeout(drawn));
      }));
    } while (onTheWay.size);
  };
}

/** Waits until the page has drawn what it asked for. */
async function settle(page, title, settled) {
  const heading = page.getByRole('heading', { level: 1,
    ...(title ? { name: title } : {}) });

  await heading.waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  await settled();
  await page.waitForFunction(() =>
    !/Loading…/.test(document.querySelector('main')?.innerText ?? ''));
}

/** Each page of a list, [path, heading or null], in each look. */
export async function walk(portal, context, list) {
  const page = await context.newPage();
  const settled = settling(page);

  for (const [path, title] of list) {
    await page.goto(portal.url + path);
    await settle(page, title, settled);
    for (const [colorScheme, width] of LOOKS) {
      const where = `${path} ${colorScheme} ${width}`;

      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      // PA-01: no violation of WCAG 2.2 A or AA, in either scheme
      assert.deepEqual(await axe(page,
        colorScheme === 'dark' ? COLOURS : undefined), [], where);
      // PA-05: reflow at 320 px
      assert.ok(await overflow(page) <= 0, `${where}: scrolls sideways`);
    }
    // A record that one may not see has a form that nobody gets to see.
    await page.waitForFunction(() => [...document.forms].every((form) =>
      !form.dataset.call || !form.querySelector('input, textarea') ||
      form.querySelector('[data-max], [max]') ||
      /not on the care team/.test(document.querySelector('main').innerText)));
    assert.deepEqual(await formFaults(page), [], path);
    await sendEmpty(page);
  }
  await page.close();
}

/** What is wrong with the forms of a page, as lines; none is right. */
const formFaults = (page) => page.evaluate(async () => {
  const { paths } = await (await fetch('/v1/openapi.json')).json();
  const shown = (node) => !node.closest('[hidden]') && !node.disabled;
  const schemaOf = (form) => {
    const [method, path] = (form.dataset.call ?? '').split(' ');

    return path && Object.values(paths[path][method.toLowerCase()].requestBody
      .content)[0].schema;
  };
  const memberOf = (schema, name) => name.split('.').reduce((at, part) =>
    (at?.items ?? at)?.properties?.[part], schema);
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
    const most = Number(field.dataset.max);

    if (!member || field instanceof HTMLSelectElement) return [];
    if (field.type === 'number')
      return [Number(field.min) === member.minimum &&
        Number(field.max) === member.maximum ? ''
        : `goes from ${field.min} to ${field.max}`];
    if (!member.maxLength) return [];
    return [most === member.maxLength ? ''
      : `has room for ${most}, not ${member.maxLength}`];
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
});

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
