// Reports as files, which the server makes by itself: asked for, waited for and taken
// away, also by who went elsewhere meanwhile.
//= AZ-09: a file that leaves the clinic's system needs a fresh code

import { get, post } from './api.js';
import { announce, el, fill, h, table } from './dom.js';
import { takeAway } from './download.js';
import { exact, fullDay } from './format.js';

/**
 * @typedef {object} Run
 * @property {string} id
 * @property {string} report
 * @property {'csv' | 'json' | 'pdf'} format
 * @property {'waiting' | 'running' | 'done' | 'failed' | 'expired'} state
 * @property {{lines: number, bytes: number}} progress
 * @property {string | null} sha256
 * @property {string | null} error
 * @property {string} created_at
 * @property {string} expires_at
 */

const LOOK_MS = 2000;
const SHOWN = 25;

export const FORMATS = { csv: 'Table (CSV)', pdf: 'Paper (PDF)',
  json: 'For programs (JSON)' };

const FAILURES = /** @type {Record<string, string>} */ ({
  report_too_long: 'Too long for a paper: choose fewer days, or a table.',
  not_found: 'Who asked for it may not run it any more.' });

/** @type {Run[]} */
let runs = [];
/** @type {Map<string, string>} */
let titles = new Map();
let looking = 0;

/** @param {number} n */
const lines = (n) => n === 1 ? '1 line' : `${n.toLocaleString()} lines`;

/** @param {Run} run */
const isOpen = (run) => ['waiting', 'running'].includes(run.state);

/** @param {Run} run */
const titleOf = (run) => titles.get(run.report) ?? run.report;

/** @param {Run} run */
function stateOf(run) {
  switch (run.state) {
    case 'waiting': return 'Waits for its turn';
    case 'running': return `Being made: ${lines(run.progress.lines)} so far`;
    case 'done': return `${lines(run.progress.lines)}, until ${
      fullDay(run.expires_at)}`;
    case 'failed': return FAILURES[run.error ?? ''] ??
      'It could not be made. Ask for it again; if it stays so, tell who runs the server.';
    default: return 'No longer to be had';
  }
}

/** @param {Run} run */
const take = (run) => takeAway({
  path: `/v1/report-runs/${run.id}/content`, name: run.report,
  kind: run.format, wait: 'Fetching the file.',
  why: 'A copy leaves the clinic’s system, so it needs a fresh code.',
  done: 'The file is among your downloads. Patients are in it by their ids: ' +
    'keep it where only those can see it who may see this page.',
  says: (...what) => fill(el('file-state'), ...what),
});

/** @param {Run} run */
const taking = (run) => run.state === 'done' && h('button', { type: 'button',
  class: 'button', 'aria-label': `Download ${titleOf(run)}, ${
    FORMATS[run.format]}, of ${exact(run.created_at)}`,
  onclick: () => void take(run) }, 'Download');

/** @param {Run} run */
const digest = (run) => run.sha256 && h('details', { class: 'small' },
  h('summary', {}, 'SHA-256'), h('code', {}, run.sha256));

const drawn = () => table('Your files',
  ['Report', 'Kind', 'Asked for', 'State', 'File'],
  runs.map((run) => [titleOf(run), FORMATS[run.format],
    h('span', { class: 'nowrap' }, exact(run.created_at)),
    h('div', {}, stateOf(run), digest(run)), taking(run)]));

/** Rows that did not change keep the focus, and what was opened in them.
 * @param {Run[]} before */
function draw(before) {
  const list = el('file-list');
  const shown = list.querySelectorAll('tbody tr');

  el('files').hidden = runs.length === 0;
  if (before.length !== runs.length ||
      before.some((run, i) => run.id !== runs[i]?.id))
    return fill(list, runs.length > 0 && drawn());
  drawn().querySelectorAll('tbody tr').forEach((row, i) => {
    if (JSON.stringify(before[i]) !== JSON.stringify(runs[i]))
      shown[i]?.replaceWith(row);
  });
}

/** Says how those went that were being made. @param {Run[]} before */
function tell(before) {
  const over = runs.filter((run) => !isOpen(run) &&
    before.some((was) => was.id === run.id && isOpen(was)));

  if (over.length > 0)
    announce(over.map((run) => run.state === 'done'
      ? `${titleOf(run)} is made: ${lines(run.progress.lines)}.`
      : `${titleOf(run)}: ${stateOf(run)}`).join(' '));
}

/** @param {boolean} background */
async function look(background) {
  clearTimeout(looking);
  const { body } = await get(`/v1/report-runs?limit=${SHOWN}`, { background });
  const before = runs;

  runs = body.items;
  draw(before);
  tell(before);
  if (runs.some(isOpen)) lookAgain();
}

/** A look that fails is tried again: the file is made without us. */
function lookAgain() {
  looking = window.setTimeout(() => void look(true).catch(lookAgain), LOOK_MS);
}

/** @param {Map<string, string>} names titles of reports, by name */
export async function showFiles(names) {
  titles = names;
  await look(false);
}

/**
 * @param {string} report @param {string} format
 * @param {Record<string, unknown>} parameters
 * @param {string} key of this wish (Idempotency-Key)
 */
export async function makeFile(report, format, parameters, key) {
  await post('/v1/report-runs', { report, format, parameters }, { key });
  el('file-state').textContent = 'The file is being made. You can leave this ' +
    'page: it is listed here when you come back.';
  await look(false);
}
