// A button that proves an event, and what came of it in words.

import { copy, fill, h, icon, note } from './dom.js';
import { words } from './form.js';
import { fullDay } from './format.js';
import { brokenBy } from './proof.js';

/** @param {import('./proof.js').Proved} proved */
function limits(proved) {
  const seen = proved.since
    ? 'It begins exactly as it did when this browser saw it first, on ' +
      `${fullDay(proved.since)}.`
    : 'This browser remembers the log as it is now, and checks the next time ' +
      'that none of it was rewritten.';

  return [seen, proved.signed ? '' : 'This browser cannot check who signed ' +
    'the log. A current version of Chrome, Edge, Firefox or Safari can.']
    .filter(Boolean).map((text) => h('p', {}, text));
}

/** @param {string} leaf */
function numberOf(leaf) {
  const button = h('button', { type: 'button', class: 'linkish',
    onclick: async () => {
      button.textContent = await copy(leaf) ? 'Copied' : 'Not copied';
    } }, 'Copy the number');

  return h('details', {}, h('summary', {}, 'For an auditor'),
    h('p', { class: 'small' }, 'Whoever is shown the full entry computes ' +
      'this number from it (SHA-256):'),
    h('p', { class: 'mono' }, leaf), button);
}

/**
 * @param {object} what
 * @param {string} what.label of the button, for those who do not see its line
 * @param {() => Promise<import('./proof.js').Proved>} what.prove
 * @param {(place: string) => string} what.right says what is proved
 * @param {string} what.hidden what is not; '' for nothing
 * @param {string} what.next what to do if it fails
 */
export function prover({ label, prove, right, hidden, next }) {
  const place = h('div', { role: 'status' });
  const wrong = h('div', { role: 'alert' });
  const button = h('button', { type: 'button', class: 'linkish',
    'aria-label': `Prove it: ${label}` }, 'Prove it');

  /** @param {import('./proof.js').Proved} proved */
  function good(proved) {
    const number = new Intl.NumberFormat();
    const where = `number ${number.format(proved.place)} of ` +
      number.format(proved.size);

    fill(place, note('ok', h('p', {}, h('strong', {}, 'Proved. '),
      right(where)), ...limits(proved), hidden && h('p', {}, hidden),
    numberOf(proved.leaf)));
  }

  /** @param {unknown} problem */
  function bad(problem) {
    const broken = brokenBy(problem);

    fill(place);
    fill(wrong, broken ? note('bad', h('p', {}, h('strong', {},
      `Not proved: ${broken}.`)), h('p', {}, next))
      : h('p', { class: 'error' }, icon('alert'), words(problem)));
  }

  button.addEventListener('click', async () => {
    button.disabled = true;
    fill(wrong);
    fill(place, h('p', { class: 'muted' }, 'Your browser computes it…'));
    try {
      good(await prove());
    } catch (problem) {
      bad(problem);
    }
    button.disabled = false;
    button.focus({ preventScroll: true });
  });
  return h('div', { class: 'proof' }, button, place, wrong);
}
