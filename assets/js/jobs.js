// Jobs that failed: mail, and calls to the payment processor. The account says
// who a message was for; its text is not shown.

import { get, post, Problem, query } from './api.js';
import { announce, el, fill, h, icon, note, put, table } from './dom.js';
import { exact } from './format.js';
import { words } from './form.js';
import { begin } from './session.js';

await begin('job_list');

const KINDS = /** @type {Record<string, string>} */ ({
  'mail.send': 'Message', 'account.reset': 'Link for a new password',
  'payment.open': 'Page of a payment',
  'payment.fetch': 'News of a payment', 'payment.refund': 'Refund',
  'payment.receipt': 'Receipt',
  'checkpoint.send': 'Checkpoint of the audit log' });
const WHYS = /** @type {Record<string, string>} */ ({
  payment_refused: 'The payment processor refused it.',
  mail_refused: 'The mail server refused it. Check the email address.',
  mail_delayed: 'The mail server could not be reached for too long.',
  link_expired: 'The link is no longer good. Its owner can ask for another.',
  payment_delayed: 'The payment processor could not be reached.' });

/** @param {any} job is it about a person's mailbox? */
const isMail = (job) => ['mail.send', 'account.reset'].includes(job.kind);

/** @param {any} job who a message was for: the account, as people know it */
async function nameOf(job) {
  if (!job.record_id || !isMail(job)) return '';
  try {
    return (await get(`/v1/users/${job.record_id}`)).body.display_name;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return '';
    throw problem;
  }
}

/** @param {any} job */
const whatOf = (job) => KINDS[job.kind] ?? 'Other work';

/** @param {any} job @param {string} who */
async function retry(job, who) {
  try {
    await post(`/v1/jobs/${job.id}/retry`);
    const said = isMail(job)
      ? `The message${who ? ` to ${who}` : ''} is tried again.`
      : `${whatOf(job)}: it is tried again.`;

    fill(el('note'), note('ok', h('p', { role: 'status' }, said)));
    announce(said);
    await load();
  } catch (problem) {
    fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
  }
}

/** @param {any} job @param {string} who */
const row = (job, who) => [
  whatOf(job), job.kind.startsWith('payment.') && job.record_id
    ? h('a', { href: '/payments' }, 'See payments') : who,
  exact(job.created_at),
  WHYS[job.error_code] ?? 'Something went wrong on our side.',
  h('button', { type: 'button', class: 'button',
    'aria-label': `Try again: ${who || whatOf(job)}`,
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
    ? table('What failed', ['What', 'For', 'Asked for', 'What went wrong', ''],
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
