// Refusals of each day as bars, with the table beside it that says the same.

import { svg } from './chart.js';
import { h, table } from './dom.js';
import { longDay } from './format.js';

const HEIGHT = 160, FLOOR = 140, STEP = 20, BAR = 14;

/** @typedef {{day: string, signIns: number, others: number}} Day */

/** A day has no zone; its noon is that day in all of them. @param {Day} d */
const dayName = (d) => longDay(`${d.day}T12:00:00`);

/** @param {Day[]} days the oldest first */
function picture(days) {
  const most = Math.max(1, ...days.map((d) => d.signIns + d.others));
  const tall = (/** @type {number} */ n) =>
    Math.max(n > 0 ? 1 : 0, Math.round(n / most * (FLOOR - 20)));
  const bar = (/** @type {number} */ x, /** @type {number} */ under,
    /** @type {number} */ n, /** @type {string} */ kind) => svg('rect', { x,
    y: FLOOR - under - tall(n), width: BAR, height: tall(n), class: kind });
  const sum = (/** @type {'signIns' | 'others'} */ of) =>
    days.reduce((all, d) => all + d[of], 0);
  const said = `In ${days.length} days ${sum('signIns')} failed sign-ins, and ` +
    `${sum('others')} other refusals. The table says each day.`;

  return svg('svg', { role: 'img', 'aria-label': said,
    viewBox: `0 0 ${days.length * STEP} ${HEIGHT}` },
  ...days.flatMap((d, i) => [bar(i * STEP + 3, 0, d.signIns, 'paid'),
    bar(i * STEP + 3, tall(d.signIns), d.others, 'out'), ...i % 7 === 0
      ? [svg('text', i + 7 < days.length // the last has no room on its right
        ? { x: i * STEP + 3, y: HEIGHT - 4 }
        : { x: i * STEP + 3 + BAR, y: HEIGHT - 4, 'text-anchor': 'end' },
      d.day.slice(5))] : []]),
  svg('line', { x1: 0, x2: days.length * STEP, y1: FLOOR, y2: FLOOR }));
}

/** @param {Day[]} days the oldest first */
export function refusedChart(days) {
  const told = days.filter((d) => d.signIns + d.others > 0).reverse();

  return h('figure', { class: 'chart' }, picture(days),
    h('figcaption', {}, h('span', { class: 'key paid' }), 'Failed sign-ins ',
      h('span', { class: 'key out' }), 'Refused otherwise'),
    told.length ? h('details', {}, h('summary', {}, 'As a table'),
      table('Refused, newest first', ['Day', 'Failed sign-ins', 'Otherwise'],
        told.map((d) => [dayName(d), String(d.signIns), String(d.others)])))
      : h('p', { class: 'muted' }, 'Nobody was refused.'));
}
