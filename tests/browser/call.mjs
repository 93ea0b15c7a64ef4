// Two people in a call, by the pages: what several tests begin with.

/** A visit of the demo clinic's first patient that may begin now. */
export async function openVisit(portal) {
  const { clinic } = portal;
  const desk = await clinic.signIn(clinic.people.scheduler);
  const { body } = await desk.get('/v1/visits?limit=100');
  const visit = body.items.find((one) => one.status === 'booked' &&
    one.patient_id === clinic.people.patient.patient_id);

  desk.close();
  await clinic.visitSoon(visit.id);
  const doctor = [clinic.people.clinician, clinic.people.clinician2]
    .find(({ name }) => name === visit.clinician_name);
  return { visit, doctor };
}

/** The day's page on which a visit is that begins in a moment, where people are. */
export const soonPage = ({ url }) => `${url}/visits?day=${
  new Date(Date.now() + 300_000).toLocaleDateString('en-CA',
    { timeZone: 'America/New_York' })}`;

/** Opens the visit's page and goes through the check, as far as it lets one. */
export async function goIn(page, portal, visit, button) {
  await page.goto(`${portal.url}/call?visit=${visit.id}`);
  await page.getByRole('button', { name: button }).click();
}

/** The other is there; how good the line is, is not what tests of a call ask. */
export const connected = (page) =>
  page.getByText(/(Good|Fair|Poor) connection/).waitFor();

/** Both in their pages, admitted and connected. */
export async function talk(portal, [a, b] = [{}, {}]) {
  const { visit, doctor } = await openVisit(portal);
  const clinician = await portal.signIn(await portal.context(a), doctor);
  const patient = await portal.signIn(await portal.context(b),
    portal.clinic.people.patient);

  await goIn(patient, portal, visit, 'Check in');
  await goIn(clinician, portal, visit, 'Open the room');
  await clinician.getByRole('button', { name: /^Admit/ }).click();
  for (const page of [clinician, patient])
    await connected(page);
  return { visit, clinician, patient };
}
