// The day's visits for staff, the next visit for a patient. Each row has at
// most one obvious next step; the rest is in a menu.

import { all, post, query, serverNow } from './api.js';
import { announce, buttonOf, el, fill, h, icon, inputOf, note }
  from './dom.js';
import { addDays, isoDay, isToday, longDay, money, nearDay, shortDay,
  statusWords, time, utc } from './format.js';
import { ask, closingMenus, confirm } from './dialog.js';
import { words } from './form.js';
import { begin, isOwn, may } from './session.js';
import { clinicTime, zoneWords } from './wall-time.js';

/**
 * @typedef {object} Visit
 * @property {string} id
 * @property {string} patient_id
 * @property {string} patient_name
 * @property {string} clinician_id
 * @property {string} clinician_name
 * @property {string} starts_at
 * @property {number} duration_minutes
 * @property {string} opens_at from when on one can check in and go in
 * @property {string} closes_at
 * @property {string} reason
 * @property {string} status
 * @property {{title: string, amount_minor: number, currency: string} | null} fee
 * @property {boolean} due it costs something that is not paid
 * @property {'before' | 'check_in' | 'after'} pay_when as the clinic wants it
 * @property {string[]} may the operations that are open to this person
 */

/** How often the list is read again, in ms. */
const FRESH_MS = 10_000;

const session = await begin('visit_list');
const own = isOwn(session);
const params = new URLSearchParams(location.search);
let dayShown = /^\d{4}-\d{2}-\d{2}$/.test(params.get('day') ?? '')
  ? new Date(`${params.get('day')}T00:00`) : new Date();
let shown = '';
/** How often the list was asked for, and which answer is drawn. */
let [asked, drawn] = [0, 0];

/** @param {Visit} visit */
const endOf = (visit) =>
  Date.parse(visit.starts_at) + visit.duration_minutes * 60_000;
/** @param {Visit} visit */
const isOpen = (visit) =>
  ['booked', 'arrived', 'in_call'].includes(visit.status);
/** @param {Visit} visit may one check in and go in now? */
const isEnterable = (visit) => Date.parse(visit.opens_at) <= serverNow() &&
  serverNow() < Date.parse(visit.closes_at);
/** @param {Visit} visit */
const callLink = (visit) => `/call?visit=${visit.id}`;

/** @param {Visit} visit */
function chip(visit) {
  const missed = visit.status === 'booked' &&
    Date.parse(visit.closes_at) <= serverNow();
  const [text, kind, picture] = missed ? ['Not held', 'quiet', 'cross']
    : statusWords(visit.status);

  return h('span', { class: `chip ${kind}` }, icon(picture), text);
}

/** @param {unknown} problem */
function complain(problem) {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

/**
 * A button that does one thing to a visit and reads the list again.
 * @param {Visit} visit
 * @param {{step: string, text: string, done: string, kind?: string,
 *          ask?: {title: string, text: string, yes: string}}} what
 */
function stepButton(visit, { step, text, done, kind = '', ask }) {
  const label = own ? text : `${text}: ${visit.patient_name}`;

  return h('button', { type: 'button', class: `button ${kind}`,
    'aria-label': label, onclick: async () => {
      if (ask && !await confirm(ask)) return;
      try {
        fill(el('note'));
        await post(`/v1/visits/${visit.id}/${step}`);
        announce(done);
      } catch (problem) {
        complain(problem);
      }
      await show(true);
    } }, text);
}

/** @param {Visit} visit @param {string} text @param {string} kind */
function callButton(visit, text, kind) {
  const whom = own ? visit.clinician_name : visit.patient_name;

  return h('a', { class: `button ${kind}`, href: callLink(visit),
    'aria-label': `${text}: visit with ${whom}` }, icon('video'), text);
}

/** @param {Visit} visit what can be done once it opens, or when that is */
function bookedStep(visit) {
  if (Date.parse(visit.opens_at) > serverNow() && isToday(visit.starts_at))
    return h('span', { class: 'muted small' }, `Opens ${time(visit.opens_at)}`);
  if (!isEnterable(visit)) return null;
  return may(visit, 'visit_check_in')
    ? stepButton(visit, { step: 'check-in', text: 'Check in',
      done: `${visit.patient_name} is checked in`, kind: 'primary' })
    : may(visit, 'visit_signal') ? callButton(visit, 'Open room', '') : null;
}

/** @param {Visit} visit the one obvious next step of a member of staff */
function nextStep(visit) {
  if (visit.status === 'booked') return bookedStep(visit);
  if (!may(visit, 'visit_signal')) return null;
  if (visit.status === 'arrived')
    return callButton(visit, 'Start visit', 'primary');
  return visit.status === 'in_call'
    ? callButton(visit, 'Go back to call', 'primary') : null;
}

/** @param {Visit} visit */
function moreSteps(visit) {
  const steps = [h('a', { class: 'button quiet',
    href: `/patient?id=${visit.patient_id}` }, 'See the record')];

  if (may(visit, 'guest_invite')) steps.push(
    h('a', { class: 'button quiet', href: `/guests?visit=${visit.id}` },
      'Invite by link'));
  if (may(visit, 'visit_patch')) steps.push(
    h('a', { class: 'button quiet', href: `/book?visit=${visit.id}` },
      'Change the time'));
  if (may(visit, 'visit_no_show') &&
      Date.parse(visit.starts_at) < serverNow()) steps.push(
    /** @type {any} */ (stepButton(visit, { step: 'no-show', kind: 'quiet',
      text: 'Did not come', done: 'Marked as did not come' })));
  if (may(visit, 'visit_cancel')) steps.push(
    /** @type {any} */ (cancelButton(visit)));
  return h('details', { class: 'menu' },
    h('summary', { class: 'button quiet', 'aria-label':
      `More for ${visit.patient_name}` }, 'More'), h('div', {}, ...steps));
}

/** @param {Visit} visit @param {string} [kind] */
function cancelButton(visit, kind = 'quiet') {
  return stepButton(visit, { step: 'cancel', text: 'Cancel visit', kind,
    done: 'The visit is cancelled', ask: { title: 'Cancel this visit?',
      text: `${longDay(visit.starts_at)}, ${time(visit.starts_at)}. ` +
        'This cannot be undone.', yes: 'Cancel the visit' } });
}

/** @param {Visit} visit */
function staffRow(visit) {
  const now = ['arrived', 'in_call'].includes(visit.status);

  return h('li', { class: now ? 'now' : isOpen(visit) ? null : 'over' },
    h('div', { class: 'time' }, time(visit.starts_at),
      h('small', {}, `${visit.duration_minutes} min`)),
    h('div', { class: 'what' },
      h('span', { class: 'name' }, visit.patient_name), chip(visit),
      h('span', { class: 'sub' }, visit.clinician_id !== session.user.id
        ? `${visit.clinician_name} · ${visit.reason}` : visit.reason)),
    h('div', { class: 'do' }, nextStep(visit), moreSteps(visit)));
}

/** @param {Visit[]} visits */
function staffList(visits) {
  if (!visits.length)
    return [h('div', { class: 'card empty' }, h('p', {},
      'No visits on this day.'))];
  const waiting = visits.filter(({ status }) => status === 'arrived').length;
  const sum = `${visits.length} ${visits.length === 1 ? 'visit' : 'visits'}` +
    (waiting ? `, ${waiting} waiting` : '');

  return [h('p', { class: 'muted' }, sum),
    h('ul', { class: 'rows' }, ...visits.map(staffRow))];
}

/** @param {Visit} visit */
const cost = (visit) => visit.fee
  ? money(visit.fee.amount_minor, visit.fee.currency) : '';

/** @param {Visit} visit to where it is paid, or was, if it costs something */
function payLink(visit) {
  if (!visit.fee || visit.status === 'cancelled') return null;
  const text = visit.due ? `Pay ${cost(visit)}` : 'Payment';

  return h('a', { class: 'button', href: `/payment?visit=${visit.id}`,
    'aria-label': `${text}: visit on ${longDay(visit.starts_at)}` }, text);
}

/** @param {Visit} visit is it the time at which the clinic wants its money? */
function isAsked(visit) {
  if (!visit.due) return false;
  return visit.pay_when === 'before' || visit.status === 'ended' ||
    (visit.pay_when === 'check_in' &&
      serverNow() >= Date.parse(visit.opens_at));
}

/** @param {Visit} visit */
const payNote = (visit) => !isAsked(visit) ? null : note('info', h('p', {},
  visit.status === 'ended' ? `${cost(visit)} is still to be paid.`
    : `Please pay ${cost(visit)} ${visit.pay_when === 'before'
      ? 'before the visit' : 'as you check in'}. Your visit takes place ` +
      'whether it is paid or not.'));

/**
 * The way in. Who owes is asked on it, and never held up.
 * @param {Visit} visit @param {string} kind
 */
//= AZ-07: whoever does not pay goes in all the same
function checkIn(visit, kind) {
  const link = callButton(visit, 'Check in', kind);

  if (visit.due && visit.pay_when !== 'after')
    link.addEventListener('click', (event) => {
      event.preventDefault();
      void askToPay(visit);
    });
  return link;
}

/** @param {Visit} visit */
async function askToPay(visit) {
  const way = await ask(h('dialog', { class: 'dialog',
    'aria-labelledby': 'pay-title', 'aria-describedby': 'pay-text' },
  h('form', { method: 'dialog' },
    h('h2', { id: 'pay-title' }, `Pay ${cost(visit)} now?`),
    h('p', { id: 'pay-text' }, 'You can pay now and come back here to check ' +
      'in, or pay later. Your visit takes place either way.'),
    h('div', { class: 'actions' },
      h('button', { value: 'pay', class: 'button primary' }, 'Pay now'),
      h('button', { value: 'later', class: 'button' },
        'Check in and pay later')))));

  if (way === 'pay') location.assign(`/payment?visit=${visit.id}`);
  if (way === 'later') location.assign(callLink(visit));
}

/** @param {Visit} visit @returns {HTMLElement} what a patient does next */
function patientStep(visit) {
  const opens = Date.parse(visit.opens_at);

  if (visit.status === 'in_call')
    return callButton(visit, 'Join', 'primary big');
  if (visit.status === 'arrived')
    return callButton(visit, 'Go to the waiting room', 'primary big');
  if (serverNow() >= opens)
    return checkIn(visit, 'primary big');
  return h('div', { class: 'stack-s' },
    h('p', {}, `You can check in from ${isToday(visit.starts_at) ? ''
      : `${longDay(visit.starts_at)}, `}${time(opens)}.`),
    h('a', { class: 'button', href: '/devices' }, icon('device'),
      'Test your camera and microphone'));
}

/** @param {Visit} visit */
function hero(visit) {
  return h('section', { class: 'card hero', 'aria-labelledby': 'next' },
    h('h2', { id: 'next' }, 'Your next visit'),
    h('div', {}, h('p', { class: 'when' },
      `${nearDay(visit.starts_at)}, ${time(visit.starts_at)}`),
    h('p', {}, `With ${visit.clinician_name}, `,
      `${visit.duration_minutes} minutes`),
    h('p', { class: 'muted' }, visit.reason)), payNote(visit),
    h('div', { class: 'actions' }, patientStep(visit), payLink(visit),
      may(visit, 'visit_cancel') ? cancelButton(visit) : null));
}

/** @param {Visit} visit */
function patientRow(visit) {
  return h('li', {}, h('div', { class: 'time' }, shortDay(visit.starts_at),
    h('small', {}, time(visit.starts_at))),
  h('div', { class: 'what' }, h('span', { class: 'name' },
    visit.clinician_name), chip(visit),
  h('span', { class: 'sub' }, visit.reason), isAsked(visit)
    ? h('span', { class: 'chip warn' }, icon('alert'), 'Not paid yet') : null),
  h('div', { class: 'do' }, visit.status === 'booked' && isEnterable(visit)
    ? checkIn(visit, 'primary') : null,
  payLink(visit), may(visit, 'visit_cancel') ? cancelButton(visit) : null));
}

/** @param {string} id @param {string} title @param {Visit[]} visits */
function patientPart(id, title, visits) {
  return visits.length ? h('section', { class: 'stack-s',
    'aria-labelledby': id }, h('h2', { id }, title),
  h('ul', { class: 'rows' }, ...visits.map(patientRow))) : null;
}

/** @param {Visit[]} visits of a patient, earliest first */
function patientList(visits) {
  // Who comes late still can, as long as the visit is open.
  const coming = visits.filter((visit) => isOpen(visit) &&
    (visit.status !== 'booked' || Date.parse(visit.closes_at) > serverNow()));
  const past = visits.filter((visit) => !coming.includes(visit)).reverse();
  const first = coming.find(({ status }) => status !== 'booked') ??
    coming.find((visit) => endOf(visit) > serverNow()) ?? coming[0];

  return [first ? hero(first) : h('div', { class: 'card empty' },
    h('p', {}, 'You have no visit planned. Call your clinic to book one.')),
  patientPart('coming', 'Other visits', coming.filter((visit) => visit !== first)),
  patientPart('past', 'Before', past.slice(0, 20))];
}

function range() {
  if (own)
    return { from: utc(addDays(new Date(), -180)) };
  const start = new Date(dayShown.getFullYear(), dayShown.getMonth(),
    dayShown.getDate());
  return { from: utc(start), to: utc(addDays(start, 1)) };
}

/** @param {boolean} background */
async function show(background) {
  const mine = ++asked, day = dayShown;
  /** @type {Visit[]} */
  const visits = await all('/v1/visits', range(), { background });
  // Older than what is there, or of a day that is not asked for any more.
  if (mine < drawn || day !== dayShown) return;
  drawn = mine;
  const minute = Math.floor(serverNow() / 60_000);
  const state = JSON.stringify([visits, minute, isoDay(dayShown)]);

  // Only a change is drawn: an open menu and the focus stay where they are.
  if (state === shown) return;
  if (background && el('list').contains(document.activeElement) &&
      document.querySelector('.menu[open]')) return;
  shown = state;
  const focused = document.activeElement?.getAttribute('aria-label');
  fill(el('list'), ...(own ? patientList(visits)
    : staffList(visits)));
  if (focused) for (const node of el('list').querySelectorAll('[aria-label]'))
    if (node.getAttribute('aria-label') === focused &&
        node instanceof HTMLElement) node.focus();
}

/** @param {Date} day */
async function goTo(day) {
  dayShown = day;
  inputOf('day').value = isoDay(day);
  buttonOf('today').hidden = isToday(day);
  el('title').textContent = isToday(day) ? 'Today’s visits'
    : `Visits on ${longDay(day)}`;
  history.replaceState(null, '', isToday(day) ? location.pathname
    : location.pathname + query({ day: isoDay(day) }));
  await show(false).catch(complain);
}

function setUpStaff() {
  fill(el('page-actions'), h('a', { class: 'button', href: '/book' },
    icon('plus'), 'Book a visit'));
  el('daybar').hidden = false;
  buttonOf('before').addEventListener('click',
    () => void goTo(addDays(dayShown, -1)));
  buttonOf('after').addEventListener('click',
    () => void goTo(addDays(dayShown, 1)));
  buttonOf('today').addEventListener('click', () => void goTo(new Date()));
  inputOf('day').addEventListener('change', () => {
    const value = inputOf('day').value;
    if (value) void goTo(new Date(`${value}T00:00`));
  });
  closingMenus();
}

function warnCodes() {
  const left = sessionStorage.getItem('codes-left');

  if (left === null) return;
  sessionStorage.removeItem('codes-left');
  fill(el('note'), note('warn', h('p', {}, `You have ${left} recovery codes ` +
    'left. ', h('a', { href: '/enrol?again=1' }, 'Get new ones'))));
}

warnCodes();
if (clinicTime(new Date(), session.user.time_zone))
  el('zone').textContent = zoneWords(session.user.time_zone);
if (own) {
  el('title').textContent = 'Your visits';
  await show(false).catch(complain);
} else {
  setUpStaff();
  await goTo(dayShown);
}
setInterval(() => {
  if (!document.hidden) void show(true).catch(() => {});
}, FRESH_MS);
