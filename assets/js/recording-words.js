// How a recording stands, in words.

import { exact, shortDay, stopwatch } from './format.js';

const STATES = /** @type {Record<string, string>} */ ({
  consent: 'Everyone is being asked', recording: 'Recording now',
  stopped: 'On its way', checking: 'Being checked', stored: 'Kept',
  incomplete: 'Parts are missing', deleting: 'Being deleted',
  deleted: 'Deleted' });

/** @param {any} recording */
export const stateOf = (recording) =>
  STATES[recording.state] ?? recording.state;

/** @param {any} recording can there be anything to watch? */
export const isThere = (recording) =>
  ['stored', 'incomplete'].includes(recording.state);

/** @param {any} recording */
export const lengthOf = (recording) => recording.duration_s === null
  ? 'Not known' : stopwatch(recording.duration_s);

/** @param {any} recording */
export const whenOf = (recording) =>
  exact(recording.started_at ?? recording.created_at);

/** @param {any} recording */
export const keptOf = (recording) => recording.state === 'deleted' ? ''
  : recording.hold ? 'On hold: it is not deleted'
    : `Until ${shortDay(recording.retention_until)}`;
