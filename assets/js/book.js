// Books a visit, or changes one (?visit=). What nobody touched is not sent: a
// visit that is not moved keeps its time to the second.

import { all, get, patch, post } from './api.js';
import { buttonOf, byId, el, fill, formOf, h, icon, inputOf, note, selectOf }
  from './dom.js';
import { confirm } from './dialog.js';
import { fullDay, isoDay, money, time, utc } from './format.js';
import { askBeforeLeaving, Fault, onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { foundOf, patientFinder } from './patient-finder.js';
import { begin } from './session.js';
import { clinicTime, instants, isNight, neverWords, zoneThen, zoneWords }
  from './wall-time.js';

/** @typedef {import('./patient-finder.js').Found} Found */

const session = await begin('visit_book');
const params = new URLSearchParams(location.search);
const form = formOf('form');
const saved = askBeforeLeaving(form);
const moving = params.get('visit') ?? '';
const clinicZone = session.user.time_zone;
let key = crypto.randomUUID();
let etag = '';
/** @type {Found | null} */
let patient = null;
/** What the fields said when the visit was read. */
let before = /** @type {Record<string, string>} */ ({});
/** When the visit that is changed starts. */
let startsAt = '';

/** @param {Found} chosen */
function choose(chosen) {
  patient = chosen;
  key = crypto.randomUUID();
  el('patient-field').hidden = true;
  el('patient-chosen').hidden = false;
  el('patient-name').textContent = chosen.name;
  el('patient-about').textContent = chosen.about;
}

async function loadClinicians() {
  const list = selectOf('clinician');
  const people = (await all('/v1/users', { role: 'clinician' }))
    .filter((user) => user.active !== false);

  fill(list, new Option('Choose', ''), ...people.map((user) =>
    new Option(user.display_name, user.id)));
  if (people.some(({ id }) => id === session.user.id))
    list.value = session.user.id;
  else if (people.length === 1) list.value = people[0].id;
}

/** Only where the clinic has fees, and once: a visit keeps what it was booked
 * with. */
async function loadFees() {
  const { body } = await get('/v1/clinic/fees');

  if (moving || !body.items.length) return;
  selectOf('fee').append(...body.items.map((/** @type {any} */ fee) =>
    new Option(`${fee.title}, ${money(fee.amount_minor, fee.currency)}`,
      fee.code)));
  el('fee-field').hidden = false;
}

/** @param {number} minutes */
function chooseLength(minutes) {
  const length = selectOf('duration');

  if (![...length.options].some((o) => Number(o.value) === minutes))
    length.add(new Option(`${minutes} minutes`, String(minutes)));
  length.value = String(minutes);
}

/** What the fields say, as they are compared. */
const fieldsNow = () => ({ clinician_id: selectOf('clinician').value,
  start: [inputOf('date').value, inputOf('time').value,
    selectOf('which').value].join(' '),
  duration_minutes: selectOf('duration').value,
  reason: byId('reason', HTMLTextAreaElement).value.trim() });

async function loadVisit() {
  const answer = await get(`/v1/visits/${moving}`);
  const visit = answer.body;
  const start = new Date(visit.starts_at);

  etag = answer.etag;
  startsAt = visit.starts_at;
  el('title').textContent = 'Change a visit';
  document.title = 'Change a visit – Epione';
  buttonOf('send').textContent = 'Save the change';
  choose({ id: visit.patient_id, name: visit.patient_name, about: '' });
  el('patient-other').hidden = true;
  selectOf('clinician').value = visit.clinician_id;
  inputOf('date').value = isoDay(start);
  if (inputOf('date').value < inputOf('date').min)
    inputOf('date').min = inputOf('date').value;
  inputOf('time').value = start.toTimeString().slice(0, 5);
  chooseLength(visit.duration_minutes);
  byId('reason', HTMLTextAreaElement).value = visit.reason;
  askWhich();
  selectOf('which').value = utc(new Date(
    Math.floor(start.getTime() / 60_000) * 60_000));
  before = fieldsNow();
}

/** A time that comes twice is asked about: which of the two? */
function askWhich() {
  const which = selectOf('which');
  const { at } = chosen();
  const twice = at.length > 1;
  const options = at.map((date, i) => new Option(
    `The ${i ? 'second' : 'first'} ${time(date)} (${zoneThen(date)})`,
    utc(date)));

  el('which-field').hidden = !twice;
  which.disabled = !twice;
  fill(which, new Option('Choose', ''), ...(twice ? options : []));
}

/** When the fields say that it starts. */
function chosen() {
  const day = inputOf('date').value;
  const clock = inputOf('time').value;

  return day && clock ? instants(day, clock) : { at: [], beside: [] };
}

/** Says what a time comes to before anybody books it. */
function sayWhen() {
  const { at: [at], beside } = chosen();

  if (!at) {
    el('when').textContent = beside.length
      ? `${neverWords(inputOf('time').value, beside)}.` : '';
    return;
  }
  const there = clinicTime(at, clinicZone);
  el('when').textContent = `${fullDay(at)}, ${time(at)}` +
    (isNight(at) ? ', at night.' : '.') +
    (there ? ` At the clinic: ${there}.` : '');
}

/** @param {Record<string, string>} values @returns {Date} */
function startOf(values) {
  const { at, beside } = chosen();
  const start = at.length > 1 ? at.find((date) => utc(date) === values.which)
    : at[0];

  if (!start && beside.length)
    throw new Fault('starts_at', neverWords(values.starts_at ?? '', beside));
  if (!start)
    throw new Fault('which', 'This time comes twice. Say which of the two');
  if (start.getTime() < Date.now() - 15 * 60_000)
    throw new Fault('starts_at', 'That time has passed. Choose a later one');
  return start;
}

/**
 * What to send: all of a new visit, and of one that is there what was changed.
 * @param {Record<string, string>} values
 */
function visitOf(values) {
  const now = /** @type {Record<string, string>} */ (fieldsNow());
  const touched = (/** @type {string} */ name) => now[name] !== before[name];

  return { ...(touched('clinician_id')
    && { clinician_id: values.clinician_id }),
  ...(touched('start') && { starts_at: utc(startOf(values)) }),
  ...(touched('duration_minutes')
    && { duration_minutes: Number(values.duration_minutes) }),
  ...(touched('reason') && { reason: values.reason }),
  ...(values.fee_code && { fee_code: values.fee_code }) };
}

/** @param {string | undefined} start as it is sent @returns whether to go on */
async function isMeant(start) {
  if (!start || !isNight(new Date(start))) return true;
  return confirm({ title: `${time(start)} is at night`,
    text: `${fullDay(start)}, ${time(start)}. Is that the time you mean?`,
    yes: 'Yes, at night' });
}

/** Warns of a clinician who was taken off the care team: the visit is shut to
 * them. @param {string} clinician @param {string} name */
async function offTeam(clinician, name) {
  const team = await all(`/v1/patients/${patient?.id}/care-team`, {})
    .catch(() => null);

  return team && !team.some((one) => one.user_id === clinician)
    ? note('warn', h('p', {}, `${name} was removed from this patient’s care ` +
      'team and cannot open this visit. Add them to the care team again, or ' +
      'choose another clinician.'), h('a', { href:
      `/patient?id=${patient?.id}` }, 'See the record')) : null;
}

/** @param {string} start @param {string} title */
async function showDone(start, title) {
  const clinician = selectOf('clinician');
  const name = clinician.selectedOptions[0]?.text ?? '';
  const there = clinicTime(new Date(start), clinicZone);
  saved();
  const apart = await offTeam(clinician.value, name);

  form.hidden = true;
  el('done').hidden = false;
  el('title').textContent = title;
  fill(el('done'), h('div', { class: 'card' },
    h('p', { class: 'strong' }, `${fullDay(start)}, ${time(start)}`),
    there && h('p', { class: 'muted' }, `At the clinic: ${there}`),
    h('p', {}, `${patient?.name} with ${name}, `,
      selectOf('duration').selectedOptions[0]?.text ?? '')),
  apart,
  h('div', { class: 'actions' }, h('a', { class: 'button primary',
    href: `/visits?day=${isoDay(new Date(start))}` },
  icon('calendar'), 'See that day'),
  h('a', { class: 'button', href: '/book' }, 'Book another')));
  el('main').focus();
}

onSubmit(form, async (values) => {
  if (!patient) throw new Fault('find', 'Find and choose the patient');
  const visit = visitOf(values);

  if (!await isMeant(visit.starts_at)) return;
  if (!moving) {
    await post('/v1/visits', { patient_id: patient.id, ...visit }, { key });
    return showDone(visit.starts_at ?? '', 'The visit is booked');
  }
  if (!Object.keys(visit).length)
    return showDone(startsAt, 'Nothing was changed');
  await patch(`/v1/visits/${moving}`, visit, etag);
  await showDone(visit.starts_at ?? startsAt, 'The visit is changed');
});

void limits(form).catch(() => {}); // the server judges, too
form.addEventListener('input', () => { key = crypto.randomUUID(); });
for (const id of ['date', 'time'])
  inputOf(id).addEventListener('input', () => {
    askWhich();
    sayWhen();
  });
patientFinder(inputOf('find'), buttonOf('find-button'), el('found'),
  (found) => {
    choose(found);
    selectOf('clinician').focus();
  });
buttonOf('patient-other').addEventListener('click', () => {
  patient = null;
  key = crypto.randomUUID();
  el('patient-field').hidden = false;
  el('patient-chosen').hidden = true;
  inputOf('find').focus();
});

inputOf('date').min = isoDay(new Date());
inputOf('date').value = isoDay(new Date());
el('zone').textContent = zoneWords(clinicZone);
try {
  await Promise.all([loadClinicians(), loadFees()]);
  if (moving) await loadVisit();
  sayWhen();
  // Hidden until here: what is still being read must not overwrite what
  // somebody types meanwhile.
  form.hidden = false;
  if (!moving && params.has('patient')) {
    const { body } = await get(`/v1/patients/${params.get('patient')}`);
    choose(foundOf(body));
  }
} catch (problem) {
  form.before(note('bad', h('p', { role: 'alert' }, words(problem))));
}
