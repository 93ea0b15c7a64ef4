// One record: what this role may see of it, and changing it. Two people who
// change it at once are told so; nobody's words are lost without notice.
//= IN-05: PATCH carries the ETag that was read; a stale one is 412

import { accesses } from './accesses.js';
import { get, patch, post, Problem } from './api.js';
import { careTeam } from './care-team.js';
import { disclosures } from './disclosures.js';
import { announce, buttonOf, el, facts, fill, formOf, h, icon, note, table }
  from './dom.js';
import { age, birthDay, fullName, languageName, sexName, shortDay, statusWords,
  time } from './format.js';
import { asKept, askBeforeLeaving, clearErrors, onSubmit, words }
  from './form.js';
import { linkOnce } from './link-once.js';
import { limits } from './limits.js';
import { fillForm, toPatch } from './person.js';
import { recordCopy } from './record-copy.js';
import { recordings } from './recording-list.js';
import { begin, isOwn, may } from './session.js';

const session = await begin('visit_list');
const own = isOwn(session);
const params = new URLSearchParams(location.search);
const id = own ? session.user.patient_id ?? ''
  : params.get('id') ?? '';
const form = formOf('form');
const saved = askBeforeLeaving(form);
/** @type {{patient: Record<string, any>, etag: string}} */
let loaded = { patient: {}, etag: '' };

/** What patients may change in their own record; staff may change it all. */
const OWN = ['preferred_name', 'phone', 'email', 'address.', 'language',
  'emergency_contact.'];

/** @param {Record<string, any> | undefined} address */
function addressText(address) {
  if (!address) return '';
  const place = [address.city, address.state, address.postal_code]
    .filter(Boolean).join(' ');

  return [address.line1, address.line2, place, address.country]
    .filter(Boolean).join('\n');
}

/** @param {string | null | undefined} date */
function birthWords(date) {
  if (!date) return 'Not known';
  return date.length === 10 ? `${birthDay(date)} (${age(date)} years)`
    : birthDay(date);
}

/** @param {Record<string, any>} p */
function show(p) {
  const name = fullName(p);

  el('title').textContent = own ? 'Your record' : name;
  fill(el('view'), h('section', { class: 'card', 'aria-labelledby': 'who' },
    h('h2', { id: 'who' }, 'Who'), factsOf([['Name', name],
      ['Preferred name', p.preferred_name],
      ['Birth date', birthWords(p.birth_date)],
      ['Sex', p.sex ? sexName(p.sex) : ''], ['Record number', p.mrn],
      ['Language', p.language ? languageName(p.language) : ''],
      ['Marked record', p.vip ? 'Yes: each look at it may be reviewed' : '']])),
  h('section', { class: 'card', 'aria-labelledby': 'reach' },
    h('h2', { id: 'reach' }, own ? 'How we reach you'
      : 'How to reach them'), factsOf([['Phone', p.phone],
      ['Email', p.email], ['Address', addressText(p.address)],
      ['Emergency contact', p.emergency_contact
        ? [p.emergency_contact.name, p.emergency_contact.phone]
          .filter(Boolean).join('\n') : ''],
      ['Insurance', p.insurance ? [p.insurance.payer, p.insurance.member_id]
        .filter(Boolean).join('\n') : '']])), extras(p));
}

/** @param {Array<[string, string | undefined]>} pairs */
function factsOf(pairs) {
  return pairs.some(([, value]) => value) ? facts(pairs)
    : h('p', { class: 'muted' }, 'Nothing yet.');
}

/**
 * One more part of the page, filled when its data has come.
 * @param {string} id @param {string} title
 * @param {...import('./dom.js').Child} children
 */
const part = (id, title, ...children) => h('section', { class: 'card',
  'aria-labelledby': id }, h('h2', { id }, title), ...children);

/** @param {Record<string, any>} p */
function extras(p) {
  const visits = h('div', {}, h('p', { class: 'muted' }, 'Loading…'));

  const team = h('div', { class: 'stack-s' });
  const seen = h('div', { class: 'stack-s' });
  const recorded = recordingsPart(p);

  careTeam(team, id, may(p, 'care_team_add'));
  if (may(p, 'patient_accesses')) {
    accesses(seen, id);
    return h('div', { class: 'stack' }, part('team', 'Your care team',
      h('p', { class: 'muted' }, 'These clinicians can open your record.'),
      team), part('seen', 'Who opened your record', h('p', { class: 'muted' },
      'Each look at your record is written down: who, when, what they did ' +
      'and why. Your own are left out.'), seen), recorded, disclosuresPart(p),
    copyPart(p));
  }
  if (may(p, 'visit_book')) void loadVisits(visits);
  return h('div', { class: 'stack' },
    may(p, 'visit_book') ? part('visits', 'Visits', visits) : null,
    recorded, part('team', 'Care team', h('p', { class: 'muted' }, 'These clinicians ' +
      'can open this record. A visit adds its clinician for a time.'), team),
    may(p, 'patient_account') ? part('portal', 'Portal account',
      h('p', { class: 'muted' }, 'With an account the patient can check in ' +
        'and join video visits.'), inviteButton()) : null, disclosuresPart(p),
    copyPart(p));
}

/** @param {Record<string, any>} p */
function recordingsPart(p) {
  const place = h('div', { class: 'stack-s' });

  if (!may(session, 'recording_list') || !may(p, 'patient_patch')) return null;
  recordings(place, id);
  return part('recordings', 'Recordings', h('p', { class: 'muted' }, own
    ? 'Visits that were recorded because everyone in them agreed. Each look ' +
      'at one is written down.' : 'Visits that were recorded because ' +
      'everyone in them agreed.'), place);
}

/** @param {Record<string, any>} p */
function disclosuresPart(p) {
  const place = h('div', { class: 'stack-s' });

  if (!may(p, 'disclosure_list')) return null;
  disclosures(place, id, may(p, 'disclosure_add'));
  return part('disclosures', 'Disclosures', h('p', { class: 'muted' }, own
    ? 'To whom else your record was given, in the last six years. Who cares ' +
      'for you, pays, or runs the clinic is left out.'
    : 'To whom the record was given, other than who cares for the patient, ' +
      'pays, or runs the clinic. The patient sees this.'), place);
}

/** @param {Record<string, any>} p */
function copyPart(p) {
  const place = h('div', { class: 'stack-s' });

  if (!may(p, 'export_create')) return null;
  recordCopy(place, id, own);
  return part('copy', own ? 'A copy of your record' : 'A copy of the record',
    place);
}

/** @param {HTMLElement} place */
async function loadVisits(place) {
  try {
    const { body } = await get(`/v1/visits?patient_id=${id}&limit=100`);
    const rows = body.items.reverse().slice(0, 20).map((/** @type {any} */
      visit) => [`${shortDay(visit.starts_at)}, ${time(visit.starts_at)}`,
      visit.clinician_name, visit.reason, statusWords(visit.status)[0]]);

    fill(place, rows.length ? table('Visits, newest first',
      ['When', 'With', 'Reason', 'Status'], rows)
      : h('p', { class: 'muted' }, 'No visits yet.'));
  } catch (problem) {
    fill(place, h('p', { class: 'error' }, words(problem)));
  }
}

/** @param {unknown} problem */
function inviteWords(problem) {
  const code = problem instanceof Problem ? problem.code : '';

  if (code === 'missing_field')
    return 'This record has no email address. Add it, then invite the patient.';
  if (code === 'email_taken')
    return 'Another account has the email address of this record. Check the ' +
      'address.';
  return code === 'already_done' ? 'This patient has an account already.'
    : words(problem);
}

function inviteButton() {
  let key = crypto.randomUUID();
  const place = h('div', { 'aria-live': 'polite' });

  return h('div', { class: 'stack-s' }, h('button', { type: 'button',
    class: 'button', onclick: async () => {
      try {
        const { body } = await post(`/v1/patients/${id}/account`, {}, { key });
        fill(place, linkOnce('the patient', body));
        key = crypto.randomUUID();
      } catch (problem) {
        fill(place, note('bad', h('p', {}, inviteWords(problem))));
      }
    } }, 'Invite to the portal'), place);
}

/** Leaves in the form only what this role may change. */
function trimForm() {
  const mine = (/** @type {string} */ name) => !own ||
    OWN.some((known) => name.startsWith(known));

  for (const field of form.querySelectorAll('input, select')) {
    if (!(field instanceof HTMLInputElement ||
          field instanceof HTMLSelectElement) || mine(field.name)) continue;
    field.disabled = true;
    field.closest('.field')?.setAttribute('hidden', '');
  }
  for (const set of form.querySelectorAll('fieldset'))
    set.hidden = !set.querySelector('.field:not([hidden])');
}

async function load() {
  const answer = await get(`/v1/patients/${id}`);

  loaded = { patient: answer.body, etag: answer.etag };
  show(loaded.patient);
}

/** @param {boolean} editing */
function edit(editing) {
  form.hidden = !editing;
  el('view').hidden = editing;
  el('page-actions').hidden = editing;
  if (!editing) return;
  clearErrors(form);
  fillForm(form, loaded.patient);
  asKept(form);
  const first = form.querySelector('.field:not([hidden]) input');
  if (first instanceof HTMLElement) first.focus();
}

/**
 * Someone else saved first: shows what is stored now beside what was typed.
 * The next press of the button saves over it, knowingly.
 */
async function explainConflict() {
  const typed = new FormData(form);
  const before = loaded.patient;

  await load();
  fillForm(form, { ...loaded.patient });
  const differing = [...typed.keys()].filter((name) => {
    const field = form.elements.namedItem(name);
    return (field instanceof HTMLInputElement ||
      field instanceof HTMLSelectElement) &&
      field.value !== typed.get(name) &&
      field.value !== memberText(before, name);
  });
  for (const [name, value] of typed) restore(name, String(value), before);
  throw new Problem(412, { code: 'stale', title:
    'Someone else changed this record while you did. ' + (differing.length
    ? 'Their change touches what you typed: check it, then save again.'
    : 'We kept what you typed. Check it, then save again.') });
}

/** @param {Record<string, any>} patient @param {string} name */
function memberText(patient, name) {
  const [first = '', second] = name.split('.');

  return String((second ? patient[first]?.[second] : patient[first]) ?? '');
}

/**
 * Puts back what the person typed; what they left alone shows what is stored.
 * @param {string} name @param {string} value
 * @param {Record<string, any>} before
 */
function restore(name, value, before) {
  const field = form.elements.namedItem(name);

  if ((field instanceof HTMLInputElement ||
       field instanceof HTMLSelectElement) &&
      value !== memberText(before, name)) field.value = value;
}

onSubmit(form, async (values) => {
  const changes = toPatch(loaded.patient, values);

  if (!Object.keys(changes).length) return edit(false);
  try {
    await patch(`/v1/patients/${id}`, changes, loaded.etag);
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 412)
      await explainConflict();
    throw problem;
  }
  await load();
  edit(false);
  saved();
  fill(el('note'), note('ok', h('p', { role: 'status' }, 'Saved.')));
  announce('Saved');
});

buttonOf('cancel').addEventListener('click', () => {
  edit(false);
  saved();
  el('page-actions').querySelector('button')?.focus();
});

function actions() {
  fill(el('page-actions'), may(loaded.patient, 'visit_book')
    ? h('a', { class: 'button primary', href: `/book?patient=${id}` },
      'Book a visit') : null,
  may(loaded.patient, 'patient_patch') ? h('button', { type: 'button',
    class: 'button', onclick: () => edit(true) }, icon('edit'), own
    ? 'Change how we reach you' : 'Edit') : null);
}

/** Who sees the record by emergency access alone reads and changes nothing. */
function sayEmergency() {
  const until = Number(params.get('until')) * 1000;

  if (may(loaded.patient, 'patient_patch')) return;
  fill(el('note'), note('warn', h('p', {}, 'You see this record by emergency ' +
    `access, ${until > Date.now() ? `until ${time(until)}` : 'for a short ' +
    'time'}. Each look is recorded and reviewed.`)));
}

/** @param {unknown} problem */
function refusalWords(problem) {
  if (!(problem instanceof Problem) || problem.status !== 404)
    return [words(problem)];
  return ['This record does not exist, or you are not on the care team.',
    may(session, 'emergency_search') ? h('span', {}, ' In an emergency: ',
      h('a', { href: '/emergency' }, 'emergency access'), '.') : null];
}

if (params.has('new'))
  fill(el('note'), note('ok', h('p', {}, 'The patient is added.')));
try {
  await load();
  trimForm();
  void limits(form).catch(() => {}); // the server judges, too
  actions();
  sayEmergency();
} catch (problem) {
  fill(el('view'), note('warn', h('p', { role: 'alert' },
    ...refusalWords(problem))));
}
