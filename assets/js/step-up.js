// Asks for a fresh code before something sensitive, in a dialog.
//= AZ-09: export, new authenticator and the like need a fresh factor

import { post } from './api.js';
import { ask } from './dialog.js';
import { h } from './dom.js';
import { onSubmit } from './form.js';
import { limits } from './limits.js';

function codeField() {
  return h('div', { class: 'field' },
    h('label', { for: 'step-up-code' }, 'Code'),
    h('p', { class: 'hint', id: 'step-up-hint' },
      '6 numbers from your authenticator app'),
    h('input', { id: 'step-up-code', name: 'code', class: 'code',
      type: 'text', autocomplete: 'one-time-code', inputmode: 'numeric',
      required: true, pattern: '[\\p{Nd}\\p{Cf}\\s\\-]{6,}',
      'aria-describedby': 'step-up-hint',
      'data-missing': 'Enter the code',
      'data-invalid': 'The code has 6 numbers' }));
}

/**
 * @param {string} why a sentence for the person
 * @returns {Promise<boolean>} whether the server now has a fresh factor
 */
export function stepUp(why) {
  const form = h('form', { 'data-call': 'POST /v1/session/step-up' },
    h('h2', { id: 'step-up-title' }, 'Is it you?'),
    h('p', {}, why), codeField(),
    h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'button primary' }, 'Continue'),
      h('button', { type: 'button', class: 'button',
        onclick: () => dialog.close() }, 'Cancel')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'step-up-title' }, form);
  let fresh = false;

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async ({ code }) => {
    await post('/v1/session/step-up', { code });
    fresh = true;
    dialog.close();
  });
  return ask(dialog).then(() => fresh);
}
