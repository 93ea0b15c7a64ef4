// Months as bars, for those who see them. The table beside it says the same, to
// the cent: the picture is named, and hidden from nobody.

import { svg } from './chart.js';
import { h } from './dom.js';
import { money } from './format.js';

/**
 * @typedef {object} Month
 * @property {string} month such as "2026-11"
 * @property {string} currency
 * @property {number} paid_minor
 * @property {number} refunded_minor
 * @property {number} disputed_minor
 * @property {number} cost_minor
 * @property {number} net_minor
 * @property {number} payout_minor
 */

const HEIGHT = 160, FLOOR = 140, STEP = 48, BAR = 18;

const name = new Intl.DateTimeFormat(undefined,
  { month: 'long', year: 'numeric', timeZone: 'UTC' });
const short = new Intl.DateTimeFormat(undefined,
  { month: 'short', timeZone: 'UTC' });

/** @param {string} month */
const dateOf = (month) => new Date(`${month}-15T00:00:00Z`);
/** @param {string} month */
export const monthName = (month) => name.format(dateOf(month));

/** @param {Month} month what went out again */
export const outOf = (month) =>
  month.refunded_minor + month.disputed_minor + month.cost_minor;

/**
 * @param {Month[]} months of one currency, the oldest first
 */
export function moneyChart(months) {
  const most = Math.max(1, ...months.map((m) =>
    Math.max(m.paid_minor, outOf(m))));
  const tall = (/** @type {number} */ n) =>
    Math.max(n > 0 ? 1 : 0, Math.round(n / most * (FLOOR - 20)));
  const bar = (/** @type {number} */ x, /** @type {number} */ n,
    /** @type {string} */ kind) => svg('rect', { x, y: FLOOR - tall(n),
    width: BAR, height: tall(n), class: kind });
  const total = months.reduce((sum, m) => sum + m.net_minor, 0);
  const currency = months[0]?.currency ?? 'USD';
  const said = `Paid, and given back or kept, in ${months.length} months. ` +
    `Together ${money(total, currency)} stay. The table says each.`;

  return h('figure', { class: 'chart' }, svg('svg', { role: 'img',
    'aria-label': said, viewBox: `0 0 ${months.length * STEP} ${HEIGHT}` },
  ...months.flatMap((m, i) => [bar(i * STEP + 4, m.paid_minor, 'paid'),
    bar(i * STEP + 6 + BAR, outOf(m), 'out'),
    svg('text', { x: i * STEP + STEP / 2, y: HEIGHT - 4,
      'text-anchor': 'middle' }, short.format(dateOf(m.month)))]),
  svg('line', { x1: 0, x2: months.length * STEP, y1: FLOOR, y2: FLOOR })),
  h('figcaption', {}, h('span', { class: 'key paid' }), 'Paid ',
    h('span', { class: 'key out' }),
    'Given back, disputed, or kept by the processor'));
}
