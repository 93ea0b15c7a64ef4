// How a payment stands, as people who keep the books say it.

import { h, icon } from './dom.js';

/** @type {Record<string, [string, string, string]>} words, chip, icon */
export const STATES = {
  opening: ['Being prepared', 'quiet', 'clock'],
  open: ['Not paid yet', 'info', 'clock'],
  paid: ['Paid', 'ok', 'check'],
  failed: ['Did not work', 'warn', 'alert'],
  expired: ['Expired', 'quiet', 'cross'],
  refunding: ['Being given back', 'info', 'clock'],
  refunded: ['Given back', 'quiet', 'left'] };

/** @param {string} state */
export function stateChip(state) {
  const [text, kind, picture] = STATES[state] ?? [state, 'quiet', 'info'];

  return h('span', { class: `chip ${kind}` }, icon(picture), text);
}

/** @type {Record<string, string>} */
export const DISPUTES = {
  open: 'Disputed: the payer’s bank took the money back. Answer it at the ' +
    'processor.',
  won: 'Was disputed, and you won: the money is back.',
  lost: 'Was disputed, and you lost: the money stays with the payer.' };

/** @type {Record<string, string>} */
const DIFFERENCES = {
  amount: 'The processor says another amount. Look at it there.',
  refunded: 'The processor says another sum was given back. Look at it there.',
  missing: 'The processor does not know this payment. Look at it there.' };

/** @param {string} difference */
export const differenceWords = (difference) => DIFFERENCES[difference] ??
  'The processor says something else. Look at it there.';
