// Books a visit, or changes the time of one (?visit=).

import { all, get, patch, post } from './api.js';
import { buttonOf, byId, el, fill, formOf, h, icon, inputOf, note, selectOf }
  from './dom.js';
import { born, fullName, isoDay, longDay, sexName, time, utc, zone }
  from './format.js';
import { Fault, onSubmit, words } from './form.js';
import { begin } from './session.js';

const session = await begin(['clinician', 'scheduler']);
const params = new URLSearchParams(location.search);
const form = formOf('form');
const moving = params.get('visit') ?? '';
let key = crypto.randomUUID();
let etag = '';
/** @type {{id: string, name: string} | null} */
let patient = null;

/** @param {{id: string, name: string}} chosen */
function choose(chosen) {
  patient = chosen;
  el('patient-field').hidden = true;
  el('patient-chosen').hidden = false;
  el('patient-name').textContent = chosen.name;
}

/** @param {Record<string, any>} found */
function foundRow(found) {
  const name = fullName(found);
  const facts = [born(found.birth_date), sexName(found.sex ?? ''),
    found.mrn ? `Record ${found.mrn}` : '', found.phone ?? '']
    .filter(Boolean).join(' · ');

  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, name),
    h('span', { class: 'sub' }, facts)),
  h('div', { class: 'do' }, h('button', { type: 'button', class: 'button',
    'aria-label': `Choose ${name}, ${facts}`, onclick: () => {
      choose({ id: found.id, name: `${name}, ${born(found.birth_date)}` });
      selectOf('clinician').focus();
    } }, 'Choose')));
}

async function find() {
  const text = inputOf('find').value.trim();

  if (!text) return fill(el('found'), h('p', {}, 'Type a name.'));
  try {
    const { body } = await post('/v1/patients/search',
      { name: text, limit: 10 });
    fill(el('found'), body.items.length
      ? h('div', {}, h('ul', { class: 'rows plain' },
        ...body.items.map(foundRow)), body.next_cursor ? h('p', {},
        'There are more. Type more of both names.') : null)
      : h('p', {}, 'Nobody found. Check the spelling.'));
  } catch (problem) {
    fill(el('found'), note('bad', h('p', {}, words(problem))));
  }
}

async function loadClinicians() {
  const list = selectOf('clinician');
  const people = (await all('/v1/users', { role: 'clinician' }))
    .filter((user) => user.active !== false);

  fill(list, new Option('Choose', ''), ...people.map((user) =>
    new Option(user.display_name, user.id)));
  if (session.user.role === 'clinician') list.value = session.user.id;
  else if (people.length === 1) list.value = people[0].id;
}

async function loadVisit() {
  const answer = await get(`/v1/visits/${moving}`);
  const visit = answer.body;
  const start = new Date(visit.starts_at);
  const length = selectOf('duration');

  etag = answer.etag;
  el('title').textContent = 'Change a visit';
  document.title = 'Change a visit – Epione';
  buttonOf('send').textContent = 'Save the change';
  choose({ id: visit.patient_id, name: visit.patient_name });
  el('patient-other').hidden = true;
  selectOf('clinician').value = visit.clinician_id;
  inputOf('date').value = isoDay(start);
  inputOf('time').value = start.toTimeString().slice(0, 5);
  if (![...length.options].some((o) => Number(o.value) ===
      visit.duration_minutes))
    length.add(new Option(`${visit.duration_minutes} minutes`,
      String(visit.duration_minutes)));
  length.value = String(visit.duration_minutes);
  byId('reason', HTMLTextAreaElement).value = visit.reason;
}

/** @param {Record<string, string>} values */
function visitOf(values) {
  const start = new Date(`${values.date}T${values.starts_at}`);

  if (start.getTime() < Date.now() - 15 * 60_000)
    throw new Fault('starts_at', 'That time has passed. Choose a later one');
  return { clinician_id: values.clinician_id, starts_at: utc(start),
    duration_minutes: Number(values.duration_minutes),
    reason: values.reason };
}

/** @param {string} startsAt @param {string} name */
function showDone(startsAt, name) {
  const day = isoDay(new Date(startsAt));

  form.hidden = true;
  el('done').hidden = false;
  el('title').textContent = moving ? 'The visit is changed'
    : 'The visit is booked';
  fill(el('done'), h('div', { class: 'card' },
    h('p', { class: 'strong' }, `${longDay(startsAt)}, ${time(startsAt)}`),
    h('p', {}, name)),
  h('div', { class: 'actions' },
    h('a', { class: 'button primary', href: `/visits?day=${day}` },
      icon('calendar'), 'See that day'),
    h('a', { class: 'button', href: '/book' }, 'Book another')));
  el('main').focus();
}

onSubmit(form, async (values) => {
  if (!patient) throw new Fault('find', 'Find and choose the patient');
  const visit = visitOf(values);

  if (moving) await patch(`/v1/visits/${moving}`, visit, etag);
  else await post('/v1/visits', { patient_id: patient.id, ...visit }, { key });
  showDone(visit.starts_at, patient.name);
});

form.addEventListener('input', () => { key = crypto.randomUUID(); });
buttonOf('find-button').addEventListener('click', () => void find());
inputOf('find').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  void find();
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
el('zone').textContent = `Times are yours: ${zone()}.`;
try {
  await loadClinicians();
  if (moving) await loadVisit();
  // Hidden until here: what is still being read must not overwrite what
  // somebody types meanwhile.
  form.hidden = false;
  if (!moving && params.has('patient')) {
    const { body } = await get(`/v1/patients/${params.get('patient')}`);
    choose({ id: body.id, name: fullName(body) });
  }
} catch (problem) {
  form.before(note('bad', h('p', { role: 'alert' }, words(problem))));
}
