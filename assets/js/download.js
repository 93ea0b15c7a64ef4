// A copy that leaves the clinic's system, as a file among the downloads.
//= AZ-09: it asks for a fresh code

import { file, Problem } from './api.js';
import { h, icon } from './dom.js';
import { words } from './form.js';
import { isoDay } from './format.js';
import { stepUp } from './step-up.js';

/** @param {Blob} content @param {string} name @param {string} kind its ending */
function save(content, name, kind) {
  const url = URL.createObjectURL(content);

  h('a', { href: url, download: `${name} ${isoDay(new Date())}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * @typedef {object} Copy
 * @property {string | (() => Promise<string>)} path or what asks for it first
 * @property {string} [accept] where the same address answers in other forms too
 * @property {string} name of the file, before the day
 * @property {string} [kind] what the name ends with, if not csv
 * @property {string} wait what to say until it is there
 * @property {string} why it needs a fresh code
 * @property {string} done what to say then
 * @property {(...what: Array<string | Node>) => void} says
 */

/** @param {Copy} copy */
export async function takeAway(copy) {
  copy.says(copy.wait);
  try {
    const path = typeof copy.path === 'string' ? copy.path : await copy.path();

    save(await file(path, copy.accept), copy.name, copy.kind ?? 'csv');
    copy.says(copy.done);
  } catch (problem) {
    copy.says();
    if (problem instanceof Problem && problem.code === 'step_up_required') {
      if (await stepUp(copy.why)) await takeAway(copy);
      return;
    }
    copy.says(h('span', { class: 'error', role: 'alert' }, icon('alert'),
      words(problem)));
  }
}
