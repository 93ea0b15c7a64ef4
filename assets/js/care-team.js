// Who is on a patient's care team, since when and until when. Staff add a
// clinician by name, and remove one.

import { all, del, post } from './api.js';
import { announce, fill, h, note } from './dom.js';
import { confirm } from './dialog.js';
import { words } from './form.js';
import { shortDay } from './format.js';

/** How many of those found are shown at once. */
const SHOWN = 8;

/**
 * @typedef {object} Member
 * @property {string} user_id
 * @property {string} display_name
 * @property {string} since
 * @property {string} source "explicit" or "visit"
 * @property {string | null} until
 */

/**
 * What is compared when a name is looked for: without case and accents.
 * @param {string} text
 */
const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '')
  .toLowerCase();

/** @param {Member} member */
const standing = (member) => `Since ${shortDay(member.since)}` +
  (member.until ? `, for a visit: until ${shortDay(member.until)}` : '');

/**
 * Fills a part of a page with the care team.
 * @param {HTMLElement} place
 * @param {string} patient whose
 * @param {boolean} change may it be changed here?
 */
export function careTeam(place, patient, change) {
  const path = `/v1/patients/${patient}/care-team`;
  const said = h('div', { 'aria-live': 'polite' });
  const list = h('div', {}, h('p', { class: 'muted' }, 'Loading…'));
  /** @type {Member[]} */
  let members = [];
  /** @type {{id: string, display_name: string, active?: boolean}[]} */
  let clinicians = [];

  /** @param {() => Promise<unknown>} act @param {string} done */
  async function doAndSay(act, done) {
    fill(said);
    try {
      await act();
      await load();
      fill(said, note('ok', h('p', {}, done)));
      announce(done);
    } catch (problem) {
      fill(said, note('bad', h('p', {}, words(problem))));
    }
  }

  /** @param {Member} member */
  async function remove(member) {
    const name = member.display_name;

    if (await confirm({ title: `Remove ${name} from the care team?`,
      text: `${name} can no longer open this record, nor the visits with ` +
        'this patient. A visit booked later does not bring them back: ' +
        'somebody has to add them again. Visits that are booked with them ' +
        'stay: change or cancel those.', yes: 'Remove from care team' }))
      await doAndSay(() => del(`${path}/${member.user_id}`),
        `${name} is removed from the care team.`);
  }

  /** @param {Member} member */
  const row = (member) => h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, member.display_name),
    h('span', { class: 'sub' }, standing(member))),
  change ? h('div', { class: 'do' }, h('button', { type: 'button',
    class: 'button quiet', 'aria-label':
      `Remove from care team: ${member.display_name}`,
    onclick: () => void remove(member) }, 'Remove from care team')) : null);

  async function load() {
    members = await all(path, {});
    fill(list, members.length ? h('ul', { class: 'rows plain' },
      ...members.map(row))
      : h('p', { class: 'muted' }, 'Nobody is on the care team.'));
  }

  /** @param {string} typed */
  function matches(typed) {
    const parts = plain(typed).split(/\s+/).filter(Boolean);
    const there = new Set(members.map((one) => one.user_id));

    return parts.length ? clinicians.filter((one) => !there.has(one.id) &&
      parts.every((part) => plain(one.display_name).includes(part))) : [];
  }

  function finder() {
    const found = h('div', { 'aria-live': 'polite' });
    const field = h('input', { id: 'team-find', type: 'search',
      autocomplete: 'off', spellcheck: 'false', oninput: () => offer() });

    /** @param {{id: string, display_name: string}} one */
    const foundRow = (one) => h('li', {}, h('div', { class: 'what' },
      h('span', { class: 'name' }, one.display_name)),
    h('div', { class: 'do' }, h('button', { type: 'button', class: 'button',
      'aria-label': `Add to care team: ${one.display_name}`,
      onclick: async () => {
        await doAndSay(() => post(`${path}/${one.id}`),
          `${one.display_name} is added to the care team.`);
        field.value = '';
        offer();
        field.focus();
      } }, 'Add to care team')));

    function offer() {
      const some = matches(field.value);

      fill(found, some.length ? h('ul', { class: 'rows plain' },
        ...some.slice(0, SHOWN).map(foundRow))
        : field.value.trim() && h('p', {}, 'No other clinician of that name.'),
      some.length > SHOWN && h('p', {},
        `${some.length - SHOWN} more. Type more of the name.`));
    }
    all('/v1/users', { role: 'clinician' }).then((users) => {
      clinicians = users.filter((one) => one.active !== false);
      offer();
    }).catch((problem) => fill(found, h('p', { class: 'error' },
      words(problem))));
    return h('div', { class: 'field' }, h('label', { for: 'team-find' },
      'Add a clinician by name'), field, found);
  }

  fill(place, list, said, change && finder());
  load().catch((problem) => fill(list, h('p', { class: 'error' },
    words(problem))));
}
