// Asks before something that is hard to undo.

import { h } from './dom.js';

/**
 * @param {{title: string, text: string, yes: string, no?: string,
 *          danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, no = 'Go back', danger = true }) {
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
  h('form', { method: 'dialog' },
    h('h2', { id: 'confirm-title' }, title),
    h('p', { id: 'confirm-text' }, text),
    h('div', { class: 'actions' },
      h('button', { value: 'yes',
        class: `button ${danger ? 'danger' : 'primary'}` }, yes),
      h('button', { value: 'no', class: 'button', autofocus: danger }, no))));

  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
