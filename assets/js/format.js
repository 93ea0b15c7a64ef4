// Turns what the API says into words, in the reader's own time zone.

const day = new Intl.DateTimeFormat(undefined,
  { weekday: 'long', month: 'long', day: 'numeric' });
const dayFull = new Intl.DateTimeFormat(undefined,
  { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
const dayYear = new Intl.DateTimeFormat(undefined,
  { year: 'numeric', month: 'short', day: 'numeric' });
const clock = new Intl.DateTimeFormat(undefined,
  { hour: 'numeric', minute: '2-digit' });
const moment = new Intl.DateTimeFormat(undefined, { year: 'numeric',
  month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit',
  second: '2-digit' });

/** @param {string | Date} when */
export const fullDay = (when) => dayFull.format(new Date(when));
/** @param {string | Date} when with the year when it is not this one */
export const longDay = (when) => new Date(when).getFullYear() ===
  new Date().getFullYear() ? day.format(new Date(when)) : fullDay(when);
/** @param {string | Date} when */
export const shortDay = (when) => dayYear.format(new Date(when));
/** @param {string | Date | number} when */
export const time = (when) => clock.format(new Date(when));
/** @param {string | Date} when */
export const exact = (when) => moment.format(new Date(when));

/**
 * An amount as its currency is written; minor units are whole numbers.
 * @param {number} minor @param {string} currency such as "USD"
 */
export function money(minor, currency) {
  const format = new Intl.NumberFormat(undefined,
    { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;

  return format.format(minor / 10 ** digits);
}

/** @param {string} currency how many digits its minor unit has */
const digitsOf = (currency) => new Intl.NumberFormat('en', { style: 'currency',
  currency }).resolvedOptions().maximumFractionDigits ?? 2;

/**
 * What somebody typed as an amount, in minor units; NaN if it is none, or has
 * more digits than the currency.
 * @param {string} text @param {string} currency
 */
export function minorOf(text, currency) {
  const digits = digitsOf(currency);
  const found = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  const [, whole = '', part = ''] = found ?? [];

  return found && part.length <= digits
    ? Number(whole + part.padEnd(digits, '0')) : NaN;
}

/** @param {number} minor @param {string} currency as one types it */
export const plainAmount = (minor, currency) =>
  (minor / 10 ** digitsOf(currency)).toFixed(digitsOf(currency));

/** The reader's time zone, as people say it: "Central European Time". */
export function zone() {
  const parts = new Intl.DateTimeFormat(undefined, { timeZoneName: 'long' })
    .formatToParts(new Date());

  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

const monthYear = new Intl.DateTimeFormat(undefined,
  { year: 'numeric', month: 'long' });

/**
 * A date without a time ("1980-02-29") has no zone, and must not get one. Of
 * some birth dates only the month or the year is known.
 * @param {string} date
 */
export function birthDay(date) {
  const [year = 0, month, dayOf] = date.split('-').map(Number);

  if (!month) return String(year);
  return dayOf ? dayYear.format(new Date(year, month - 1, dayOf))
    : monthYear.format(new Date(year, month - 1));
}

/** @param {string | null | undefined} date */
export function born(date) {
  if (!date) return 'Birth date not known';
  return date.length === 10 ? `Born ${birthDay(date)} (${age(date)})`
    : `Born in ${birthDay(date)}`;
}

/**
 * @typedef {{given_name?: string | null, family_name?: string}} Named
 */

/** @param {Named} person as they are called; some have one name only */
export const fullName = (person) => [person.given_name, person.family_name]
  .filter(Boolean).join(' ');

/** @param {Named} person as they stand in a list of names */
export const listName = (person) => [person.family_name, person.given_name]
  .filter(Boolean).join(', ');

/** @param {string} date YYYY-MM-DD @param {Date} [today] */
export function age(date, today = new Date()) {
  const [year = 0, month = 1, dayOf = 1] = date.split('-').map(Number);
  const before = today.getMonth() + 1 < month ||
    (today.getMonth() + 1 === month && today.getDate() < dayOf);

  return today.getFullYear() - year - (before ? 1 : 0);
}

/** @param {Date} date the day in the reader's zone, as YYYY-MM-DD */
export function isoDay(date) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');

  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-` +
    two(date.getDate());
}

/** @param {Date} date @param {number} days */
export function addDays(date, days) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

/** @param {Date} date the contract's form: UTC, whole seconds, Z */
export const utc = (date) => date.toISOString().replace(/\.\d+Z$/, 'Z');

/** @param {string | Date} when */
export function isToday(when) {
  return isoDay(new Date(when)) === isoDay(new Date());
}

/** @param {string | Date} when "today", "tomorrow" or the day */
export function nearDay(when) {
  const that = isoDay(new Date(when));

  if (that === isoDay(new Date())) return 'Today';
  if (that === isoDay(addDays(new Date(), 1))) return 'Tomorrow';
  return longDay(when);
}

/** @param {number} seconds */
export function span(seconds) {
  const minutes = Math.round(seconds / 60);

  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} seconds`;
  if (minutes < 90) return `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}

/** @param {number} seconds as 0:07 or 1:02:03 */
export function stopwatch(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hours = Math.floor(s / 3600);
  const rest = `${Math.floor(s / 60) % 60}:${two(s % 60)}`;

  return hours ? `${hours}:${rest.padStart(5, '0')}` : rest;
}

const ROLES = /** @type {Record<string, string>} */ ({
  admin: 'Administrator', clinician: 'Clinician', scheduler: 'Scheduler',
  compliance: 'Compliance officer', patient: 'Patient',
  interpreter: 'Interpreter', family: 'Family', guest: 'Guest' });

/** @param {string} role */
export const roleName = (role) => ROLES[role] ?? role;

const STATUSES = /** @type {Record<string, [string, string, string]>} */ ({
  booked: ['Booked', 'info', 'calendar'],
  arrived: ['Waiting', 'warn', 'clock'],
  in_call: ['In call', 'ok', 'video'],
  ended: ['Ended', 'quiet', 'check'],
  cancelled: ['Cancelled', 'quiet', 'cross'],
  no_show: ['Did not come', 'quiet', 'cross'] });

/**
 * @param {string} status
 * @returns {[string, string, string]} words, kind of chip, icon
 */
export const statusWords = (status) =>
  STATUSES[status] ?? [status, 'quiet', 'info'];

const SEXES = /** @type {Record<string, string>} */ ({
  female: 'Female', male: 'Male', other: 'Other', unknown: 'Not known' });

/** @param {string} sex */
export const sexName = (sex) => SEXES[sex] ?? sex;

const LANGUAGES = /** @type {Record<string, string>} */ ({
  en: 'English', es: 'Spanish', zh: 'Chinese', vi: 'Vietnamese',
  tl: 'Tagalog', ko: 'Korean', ar: 'Arabic', fr: 'French', ru: 'Russian',
  ht: 'Haitian Creole', pt: 'Portuguese', de: 'German', pl: 'Polish',
  hi: 'Hindi', ase: 'American Sign Language' });

/** @param {string} tag BCP 47 */
export const languageName = (tag) =>
  LANGUAGES[tag] ?? LANGUAGES[tag.split('-')[0] ?? ''] ?? tag;
