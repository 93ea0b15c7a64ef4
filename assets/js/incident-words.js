// What the words of an incident mean to who reads them.

import { fullDay } from './format.js';

export const KINDS = /** @type {Record<string, string>} */ ({
  access: 'Somebody saw what they should not', recipient: 'Sent to the wrong person',
  device: 'A device was lost or stolen', backup: 'A copy of the data was lost or stolen',
  credentials: 'A password or key got known', malware: 'Malicious software',
  outage: 'Data were lost or not in reach', other: 'Something else' });

/** The four of 45 CFR 164.402(2): their title, and what is asked. */
export const FACTORS = /** @type {Record<string, [string, string]>} */ ({
  nature: ['Nature and extent', 'Which data were it, and how easily is a person known by them?'],
  recipient: ['Who got it', 'Who had the data, and do they have to keep them to themselves?'],
  acquired: ['Acquired or viewed', 'Did anybody really take or see the data?'],
  mitigation: ['Mitigated', 'How far is the risk less by what was done?'] });

export const FINDINGS = /** @type {Record<string, string>} */ ({
  lowers: 'Makes harm less likely', raises: 'Makes harm more likely', unclear: 'Not clear' });

export const NOTICES = /** @type {Record<string, string>} */ ({
  people: 'Those affected', media: 'The media', secretary: 'The Secretary of Health' });

export const CONCLUSIONS = /** @type {Record<string, string>} */ ({
  low_probability: 'No breach: a low probability that data were compromised', breach: 'A breach' });

export const ACTS = /** @type {Record<string, string>} */ ({
  note: 'Note', detection: 'Detected', containment: 'Contained', recovery: 'Recovered',
  delay: 'The police asked to wait', ...Object.fromEntries(Object.entries(FACTORS)
    .map(([name, [title]]) => [name, title])), ...Object.fromEntries(Object.entries(NOTICES)
    .map(([name, title]) => [`notice_${name}`, `Told: ${title.toLowerCase()}`])) });

/** A day has no zone; its noon is that day in all of them. @param {string} day */
export const dayWords = (day) => fullDay(`${day}T12:00:00`);

/** @param {number} n */
const days = (n) => n === 1 ? 'one day' : `${n} days`;

/** How long there is for a notice, and how that looks. @param {any} notice
 * @returns {[string, string]} */
export function dueWords(notice) {
  if (notice.given_on) return ['ok', `Told on ${dayWords(notice.given_on)}`];
  if (notice.days_left === null) return ['', `Was due by ${dayWords(notice.due_on)}`];
  if (notice.days_left < 0) return ['bad', `Overdue by ${days(-notice.days_left)}`];
  return [notice.days_left <= 14 ? 'warn' : 'info', notice.days_left === 0
    ? 'Due today' : `Due in ${days(notice.days_left)}`];
}
