// What was to happen without anybody waiting for it, and did not: mail above
// all. Whom a message was for is known by the account; its text is not shown.

import { get, post, Problem, query } from './api.js';
import { announce, el, fill, h, icon, note, put, table } from './dom.js';
import { exact } from './format.js';
import { words } from './form.js';
import { begin } from './session.js';

await begin('job_list');

const KINDS = /** @type {Record<string, string>} */ ({
  'mail.send': 'Message', 'payment.open': 'Page of a payment',
  'payment.fetch': 'News of a payment', 'payment.refund': 'Refund' });
const WHYS = /** @type {Record<string, string>} */ ({
  mail_refused: 'The mail server refused it. Check the email address.',
  mail_delayed: 'The mail server could not be reached for two days.',
  payment_delayed: 'The payment processor could not be reached.' });

/** @param {any} job who it was for: the account, as people know it */
async function nameOf(job) {
  if (!job.record_id) return '';
  try {
    return (await get(`/v1/users/${job.record_id}`)).body.display_name;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return '';
    throw problem;
  }
}

/** @param {any} job @param {string} who */
async function retry(job, who) {
  try {
    await post(`/v1/jobs/${job.id}/retry`);
    const said = `The message${who ? ` to ${who}` : ''} is tried again.`;

    fill(el('note'), note('ok', h('p', { role: 'status' }, said)));
    announce(said);
    await load();
  } catch (problem) {
    fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
  }
}

/** @param {any} job @param {string} who */
const row = (job, who) => [
  who || KINDS[job.kind] || 'Other work', exact(job.created_at),
  WHYS[job.error_code] ?? 'Something went wrong on our side.',
  h('button', { type: 'button', class: 'button',
    'aria-label': `Try again${who ? `: ${who}` : ''}`,
    onclick: () => void retry(job, who) }, 'Try again')];

/** @type {any[][]} */
let rows = [];

/** @param {string} [cursor] of the page to add; none begins anew */
async function load(cursor) {
  const { body } = await get(`/v1/jobs${query({ state: 'dead', cursor })}`);
  const names = await Promise.all(body.items.map(nameOf));
  const more = body.items.map((/** @type {any} */ job,
    /** @type {number} */ i) => row(job, names[i]));

  rows = cursor ? [...rows, ...more] : more;
  fill(el('list'), rows.length
    ? table('Mail that failed', ['For', 'Asked for', 'What went wrong', ''],
      rows)
    : h('p', { class: 'muted' }, 'Nothing failed.'));
  fill(el('more'));
  if (body.next_cursor)
    put(el('more'), h('button', { type: 'button', class: 'button',
      onclick: () => void load(body.next_cursor) }, icon('plus'),
    'Show more'));
}

await load().catch((problem) => {
  fill(el('list'));
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
});
