// The staff's pages, as each role that has them: accessible in both schemes, no
// sideways scroll on the smallest phone, and not one complaint of a policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Portal } from './portal.mjs';
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
