// What was asked for, in words.

import { roleName } from './format.js';

const KINDS = /** @type {Record<string, string>} */ ({
  invite: 'A new account', reset_password: 'A new password',
  reset_totp: 'A new password and authenticator app',
  delete_recording: 'Deletion of a recording that they made' });

const STATES = /** @type {Record<string, string>} */ ({
  waiting: 'Waiting', confirmed: 'Confirmed', refused: 'Refused',
  expired: 'Nobody confirmed it in time' });

/** @param {any} item */
export const approvalWords = (item) => item.kind === 'role'
  ? `The role ${roleName(item.role).toLowerCase()}`
  : KINDS[item.kind] ?? 'A change';

/** @param {string} state */
export const stateWords = (state) => STATES[state] ?? state;
