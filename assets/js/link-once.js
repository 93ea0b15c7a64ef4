// A link that lets somebody in: shown once, to hand on.

import { copy, h, icon, note } from './dom.js';

/**
 * @param {string} who gets it
 * @param {string} url
 */
export function linkOnce(who, url) {
  const button = h('button', { type: 'button', class: 'button',
    onclick: async () => {
      button.textContent = await copy(url) ? 'Copied' : 'Select the link';
    } }, icon('copy'), 'Copy the link');

  return note('ok', h('p', {}, `Give this link to ${who}. It works once, ` +
    'for 24 hours, and is shown only now.'),
  h('code', { class: 'secret' }, url), button);
}
