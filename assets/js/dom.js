// Builds elements. Text is always text: nothing here parses markup, so
// nothing that a person typed can become a part of the page.
//= PA-11: stored text is rendered as text nodes only
//= PA-09: works under require-trusted-types-for 'script'

/** @typedef {Node | string | null | undefined | false} Child */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | EventListener | null>} [props]
 *   attributes; true sets an empty one, false and null leave it out; a
 *   function listens to the event that its name says after "on"
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);

  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function')
      node.addEventListener(name.replace(/^on/, ''), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  put(node, ...children);
  return node;
}

/** @param {Element} node @param {...Child} children */
export function put(node, ...children) {
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      node.append(child);
}

/** @param {Element} node @param {...Child} children */
export function fill(node, ...children) {
  node.replaceChildren();
  put(node, ...children);
}

/**
 * A picture of the sprite; for sighted users only, the text says the same.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');

  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  use.setAttribute('href', `/assets/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * The element of this page with that id, which the page's author promised.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const node = document.getElementById(id);

  if (!(node instanceof type)) throw new Error(`no ${type.name} #${id}`);
  return node;
}

/** @param {string} id */
export const el = (id) => byId(id, HTMLElement);
/** @param {string} id */
export const formOf = (id) => byId(id, HTMLFormElement);
/** @param {string} id */
export const inputOf = (id) => byId(id, HTMLInputElement);
/** @param {string} id */
export const selectOf = (id) => byId(id, HTMLSelectElement);
/** @param {string} id */
export const buttonOf = (id) => byId(id, HTMLButtonElement);

/**
 * Shows one of several parts of a page and hides the rest.
 * @param {string[]} ids
 * @param {string} shown
 */
export function showOnly(ids, shown) {
  for (const id of ids) el(id).hidden = id !== shown;
}

/**
 * Says something to everyone, also to those who cannot see it appear.
 * @param {string} text
 */
export function announce(text) {
  const live = document.getElementById('live') ?? document.body.appendChild(
    h('div', { id: 'live', class: 'unseen', role: 'status' }));

  live.textContent = '';
  // A region must change to be read: the same words twice are two events.
  setTimeout(() => { live.textContent = text; }, 50);
}

/**
 * A message in the page. `kind` is ok, info, warn or bad.
 * @param {string} kind
 * @param {...Child} children
 */
export function note(kind, ...children) {
  const names = /** @type {Record<string, string>} */ ({
    ok: 'check', info: 'info', warn: 'alert', bad: 'alert' });
  const body = h('div', { class: 'note-body' }, ...children);

  return h('div', { class: `note ${kind}` }, icon(names[kind] ?? 'info'), body);
}

/**
 * Copies text; answers whether that worked.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A list of rows as a table that may be stacked on a phone. The roles are
 * said in full because CSS that changes display also takes the meaning away.
 * @param {string} caption
 * @param {string[]} heads
 * @param {Child[][]} rows
 */
export function table(caption, heads, rows) {
  const head = h('tr', { role: 'row' }, ...heads.map((text) =>
    h('th', { role: 'columnheader', scope: 'col' }, text)));
  const body = rows.map((cells) => h('tr', { role: 'row' },
    ...cells.map((cell, i) => h('td', { role: 'cell' },
      h('span', { class: 'cell-name', 'aria-hidden': 'true' }, heads[i] ?? ''),
      h('div', { class: 'cell' }, cell)))));

  return h('table', { role: 'table' },
    h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, head),
    h('tbody', { role: 'rowgroup' }, ...body));
}

/**
 * Reading goes on where the new rows of a table begin.
 * @param {HTMLElement} place @param {number} index
 */
export function readOn(place, index) {
  const row = place.querySelectorAll('tbody tr')[index];

  if (!(row instanceof HTMLElement)) return;
  row.tabIndex = -1;
  row.focus();
}

/**
 * Name and value pairs.
 * @param {Array<[string, Child]>} pairs those without a value are left out
 */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, ...pairs.filter(([, value]) => value)
    .map(([name, value]) => h('div', {}, h('dt', {}, name),
      h('dd', {}, value))));
}
