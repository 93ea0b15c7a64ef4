// Dialogs and menus: one way to show, one way to close.

import { h } from './dom.js';

/**
 * Shows a dialog until it is closed, then takes it off the page.
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} the value of the button that closed it
 */
export function ask(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/**
 * Asks before something that is hard to undo.
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, text, yes }) {
  return await ask(h('dialog', { class: 'dialog',
    'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
  h('form', { method: 'dialog' },
    h('h2', { id: 'confirm-title' }, title),
    h('p', { id: 'confirm-text' }, text),
    h('div', { class: 'actions' },
      h('button', { value: 'yes', class: 'button danger' }, yes),
      h('button', { value: 'no', class: 'button', autofocus: true },
        'Go back'))))) === 'yes';
}

/** One menu at a time, and none after a press elsewhere or Escape. */
export function closingMenus() {
  const close = (/** @type {Event} */ event) => {
    for (const menu of document.querySelectorAll('.menu[open]'))
      if (event instanceof KeyboardEvent ||
          !(event.target instanceof Node && menu.contains(event.target)))
        menu.removeAttribute('open');
  };

  document.addEventListener('click', close);
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    const open = document.querySelector('.menu[open] > summary');
    close(event);
    if (open instanceof HTMLElement) open.focus();
  });
}
