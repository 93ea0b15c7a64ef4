// Text beside a call. It goes from browser to browser, encrypted like the
// picture, and is kept nowhere: when the call ends it is gone.

import { buttonOf, el, fill, formOf, h, icon, inputOf } from './dom.js';
import { time } from './format.js';

/** Longest message, in UTF-16 units. */
const LONGEST = 2000;

export class Chat {
  #unread = 0;

  /**
   * @param {(text: string) => number} send answers how many it went to
   * @param {(words: string) => void} say tells the person something
   */
  constructor(send, say) {
    this.say = say;
    this.drawButton();
    inputOf('chat-text').maxLength = LONGEST;
    formOf('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = inputOf('chat-text').value.trim();
      if (!text) return;
      if (send(text) === 0) return say('Nobody is here to read it yet');
      this.#add('You', text);
      inputOf('chat-text').value = '';
    });
    buttonOf('chat-close').addEventListener('click', () => this.toggle());
    el('chat').addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.toggle();
    });
  }

  get open() {
    return !el('chat').hidden;
  }

  toggle() {
    el('chat').hidden = !el('chat').hidden;
    this.#unread = 0;
    this.drawButton();
    if (this.open) inputOf('chat-text').focus();
    else buttonOf('chat-button').focus();
  }

  /** @param {string} from @param {string} text what another person wrote */
  heard(from, text) {
    this.#add(from, text.slice(0, LONGEST));
    if (!this.open) {
      this.#unread++;
      this.say(`Message from ${from}`);
    }
    this.drawButton();
  }

  drawButton() {
    fill(buttonOf('chat-button'), icon('chat'), h('span', { class: 'label' },
      this.#unread ? `Chat (${this.#unread})` : 'Chat'));
    buttonOf('chat-button').setAttribute('aria-expanded', String(this.open));
  }

  /** @param {string} from @param {string} text */
  #add(from, text) {
    const line = h('li', {}, h('p', { class: 'small' },
      h('span', { class: 'strong' }, from), ` ${time(Date.now())}`),
    h('p', {}, text));

    el('chat-lines').append(line);
    line.scrollIntoView({ block: 'nearest' });
  }

  //= PA-10: nothing that was written stays on the page
  wipe() {
    fill(el('chat-lines'));
    el('chat').hidden = true;
    this.#unread = 0;
  }
}
