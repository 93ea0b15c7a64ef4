// Times as clocks on the wall show them. A zone that puts its clocks forward
// has times that never are; when it puts them back, some come twice.

import { time } from './format.js';

/** @param {Date} date @param {string} zone a name, or '' for the reader's */
const fieldsIn = (date, zone) => new Intl.DateTimeFormat('en-CA', {
  timeZone: zone || undefined, hourCycle: 'h23', year: 'numeric',
  month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
}).format(date);

/**
 * When it is that time on that day here: once, never, or twice.
 * @param {string} day YYYY-MM-DD @param {string} clock HH:MM
 * @returns {{at: Date[], beside: Date[]}} beside: what clocks show before and
 *   after a time that never is
 */
export function instants(day, clock) {
  const [year = 0, month = 1, dayOf = 1] = day.split('-').map(Number);
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  const utc = Date.UTC(year, month - 1, dayOf, hour, minute);
  const offsets = [-1, 0, 1].map((days) =>
    new Date(utc + days * 86_400_000).getTimezoneOffset());
  const tried = [...new Set(offsets)].map((minutes) =>
    new Date(utc + minutes * 60_000)).sort((a, b) => Number(a) - Number(b));
  const at = tried.filter((date) => date.getHours() === hour &&
    date.getMinutes() === minute && date.getDate() === dayOf);

  return { at, beside: at.length ? [] : tried };
}

/** @param {Date} date "Eastern Daylight Time", which it is then */
export function zoneThen(date) {
  const parts = new Intl.DateTimeFormat(undefined, { timeZoneName: 'long' })
    .formatToParts(date);

  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

/** @param {Date} date when nobody expects a visit */
export const isNight = (date) => date.getHours() < 6 || date.getHours() > 20;

/**
 * The time at the clinic, if its clocks show another than ours.
 * @param {Date} date @param {string | undefined} zone the clinic's
 */
export function clinicTime(date, zone) {
  try {
    if (!zone || fieldsIn(date, zone) === fieldsIn(date, '')) return '';
    const there = new Intl.DateTimeFormat(undefined, { timeZone: zone,
      weekday: 'short', hour: 'numeric', minute: '2-digit',
      timeZoneName: 'long' });
    return there.format(date);
  } catch {
    return ''; // a zone that this browser does not know
  }
}

/**
 * Whose times a page shows, and what the clinic's are if they differ.
 * @param {string | undefined} zone the clinic's
 */
export function zoneWords(zone) {
  const now = new Date();
  const there = clinicTime(now, zone);

  return `Times are yours: ${zoneThen(now)}.` +
    (there ? ` At the clinic it is now ${there}.` : '');
}

/** @param {string} clock HH:MM @param {Date[]} beside */
export const neverWords = (clock, beside) => `${clock} is skipped that day, ` +
  'because clocks go forward. Choose another time, such as ' +
  beside.map(time).join(' or ');
