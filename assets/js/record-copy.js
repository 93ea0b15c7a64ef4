// A copy of a record as a file, for another clinic or an app to read.

import { post } from './api.js';
import { fill, h } from './dom.js';
import { takeAway } from './download.js';

/** @param {boolean} own */
const about = (own) => own
  ? 'What the clinic has about you here, as one file: who you are, who cared ' +
    'for you, your visits, your payments, and which calls were recorded. The ' +
    'sound and picture of a recording are not in it. The file (FHIR, JSON) is ' +
    'made for another clinic or an app to read.'
  : 'What you may see of this record, as one file (FHIR, JSON) for another ' +
    'clinic or an app to read. The sound and picture of a recording are not ' +
    'in it.';

/**
 * @param {HTMLElement} place
 * @param {string} patient id
 * @param {boolean} own the reader's
 */
export function recordCopy(place, patient, own) {
  const state = h('p', { role: 'status' });
  const button = h('button', { type: 'button', class: 'button' }, own
    ? 'Take a copy of your record' : 'Take a copy of the record');
  let key = crypto.randomUUID();

  /** Asked for once, however often the file is tried. */
  async function path() {
    const { body } = await post(`/v1/patients/${patient}/exports`,
      { format: 'fhir' }, { key });

    return `/v1/patients/${patient}/exports/${body.id}/content`;
  }

  button.addEventListener('click', async () => {
    button.disabled = true;
    await takeAway({ path, name: 'record', kind: 'json',
      wait: 'Preparing the file.',
      why: 'A copy of a record leaves the clinic’s system, so it needs a ' +
        'fresh code.',
      done: own ? 'The file is among your downloads. Keep it where only you ' +
        'can open it.' : 'The file is among your downloads. Give it to nobody ' +
        'but the patient, or whom they name.',
      says: (...what) => fill(state, ...what) });
    key = crypto.randomUUID();
    button.disabled = false;
    button.focus();
  });
  fill(place, h('p', { class: 'muted' }, about(own)), button, state);
}
