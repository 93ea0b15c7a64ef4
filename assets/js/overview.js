// Where the compliance officer begins: what waits, what is due, and how often
// somebody was refused.
//= AU-06

import { get, query } from './api.js';
import { el, fill, h, icon } from './dom.js';
import { addDays, isoDay, longDay, utc } from './format.js';
import { words } from './form.js';
import { refusedChart } from './refused-chart.js';
import { begin } from './session.js';

await begin('report_list');

const SPAN_DAYS = 30;
const DAY_MS = 86_400_000;
/** After so many days something is due, where nobody decided otherwise. */
const VERIFY_DAYS = 7, REVIEW_DAYS = 183;

/** @typedef {{bad: boolean, text: string, href: string, link: string}} Point */

/** @param {string | null} at @returns {number} days since; Infinity for never */
const daysSince = (at) => at === null ? Infinity
  : Math.floor((Date.now() - Date.parse(at)) / DAY_MS);

/** @param {string | null} at */
const ago = (at) => at === null ? 'never' : longDay(at);

/** @param {number} n @param {string} one @param {string} more */
const count = (n, one, more) => n === 1 ? `One ${one}` : `${n || 'No'} ${more}`;

/** @param {any} row when the next notice of an incident is due */
function notice(row) {
  const days = row.notice_days;

  if (days === null) return '';
  if (days < 0) return `. A notice is ${count(-days, 'day', 'days').toLowerCase()} overdue`;
  return days === 0 ? '. A notice is due today'
    : `. The next notice is due in ${count(days, 'day', 'days').toLowerCase()}`;
}

/** @param {any} row @param {boolean} keyDue @returns {Point[]} */
const points = (row, keyDue) => [
  { bad: row.reviews_open > 0, href: '/reviews', link: 'Reviews',
    text: count(row.reviews_open, 'review waits', 'reviews wait') + ' for your finding' + (row.oldest_review_at
      ? `, the oldest since ${longDay(row.oldest_review_at)}` : '') },
  { bad: row.incidents_open > 0, href: '/incidents', link: 'Incidents',
    text: count(row.incidents_open, 'incident is', 'incidents are') + ' open' +
      notice(row) },
  { bad: row.approvals_waiting > 0, href: '/approvals', link: 'Approvals',
    text: count(row.approvals_waiting, 'request waits', 'requests wait') +
      ' for a second person' },
  { bad: daysSince(row.verified_at) > VERIFY_DAYS, href: '/audit', link: 'Audit',
    text: `The whole log was last checked: ${ago(row.verified_at)}. Who runs ` +
      'the server does it, by epionectl audit verify' },
  { bad: daysSince(row.access_review_at) > REVIEW_DAYS,
    href: '/reports?name=access_review', link: 'Accounts and their rights',
    text: `Accounts were last reviewed: ${ago(row.access_review_at)}` },
  { bad: row.dormant > 0, href: '/reports?name=access_review',
    link: 'Accounts and their rights', text: row.dormant === 0
      ? 'Each staff account was used in the last 90 days' : count(row.dormant,
        'staff account was', 'staff accounts were') + ' not used for 90 days' },
  { bad: row.no_factor > 0, href: '/reports?name=access_review',
    link: 'Accounts and their rights', text: row.no_factor === 0
      ? 'Each staff account that is in use has a second factor'
      : count(row.no_factor, 'staff account has', 'staff accounts have') +
        ' no second factor yet' },
  { bad: keyDue, href: '/reports?name=keys',
    link: 'Keys', text: 'The oldest key in use is of ' +
      ago(row.oldest_key_at) },
];

/** @param {Point} point */
const line = (point) => h('li', {}, h('div', { class: 'what' },
  h('span', { class: `chip ${point.bad ? 'warn' : 'ok'}` },
    icon(point.bad ? 'alert' : 'check'), point.bad ? 'Look' : 'Well'),
  h('span', {}, `${point.text}.`)),
h('div', { class: 'do' }, h('a', { class: 'button', href: point.href,
  'aria-label': `${point.link}: ${point.text}` }, point.link)));

async function attention() {
  const [{ body }, { body: keys }] = await Promise.all([
    get('/v1/reports/attention'), get('/v1/keys')]);
  const keyDue = keys.items.some((/** @type {any} */ key) =>
    key.due_at !== null && Date.parse(key.due_at) < Date.now());
  const all = points(body.items[0], keyDue);

  fill(el('attention'), h('ul', { class: 'rows plain' },
    ...all.filter((point) => point.bad).map(line),
    ...all.filter((point) => !point.bad).map(line)));
}

/**
 * Days without a refusal are days, too. Those of the rows begin at the clinic's
 * midnight; its noon is of the same date for a reader elsewhere.
 * @param {any[]} rows
 */
function everyDay(rows) {
  const known = new Map(rows.map((row) =>
    [isoDay(new Date(Date.parse(row.day) + DAY_MS / 2)), row]));

  return Array.from({ length: SPAN_DAYS }, (_, i) => {
    const day = isoDay(addDays(new Date(), i - SPAN_DAYS + 1));
    const row = known.get(day);

    return { day, signIns: row?.sign_ins ?? 0, others: row?.others ?? 0 };
  });
}

async function refused() {
  const today = new Date(`${isoDay(new Date())}T00:00`);
  const { body } = await get('/v1/reports/refused_days' + query({ limit: 100,
    from: utc(addDays(today, 1 - SPAN_DAYS)), to: utc(addDays(today, 1)) }));

  fill(el('refused'), refusedChart(everyDay(body.items)),
    h('p', {}, h('a', { href: '/reports?name=refusals' }, 'Who was refused what'),
      ' · ', h('a', { href: '/reports?name=sign_ins' }, 'Sign-ins')));
}

/** @param {string} id @param {() => Promise<void>} work */
const part = (id, work) => work().catch((problem) => fill(el(id),
  h('p', { class: 'error', role: 'alert' }, words(problem))));

await Promise.all([part('attention', attention), part('refused', refused)]);
