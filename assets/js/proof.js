// Whether an event stands in the sealed log, computed here: the server that is
// checked is asked for the numbers and not for the verdict (docs/AUDIT.md). The
// newest state of the log that was seen stays in this browser, and each later one
// has to begin with it. Knows nothing of pages.
//= AU-04

import { file, get, Problem, query } from './api.js';

const NOBODY = '00000000-0000-0000-0000-000000000000';
const KEPT = 'epione.audit';
const HASH_SIZE = 32;
const ED25519 = 1;

/** A proof that fails: says in words what does not fit. */
export class Broken extends Error {}

/**
 * @typedef {object} Checkpoint
 * @property {string} origin whose log it is
 * @property {number} size
 * @property {Uint8Array<ArrayBuffer>} root
 * @property {boolean} signed false: this browser cannot check signatures
 */

/**
 * @typedef {object} Proved
 * @property {number} place in the log, from 1
 * @property {number} size of the log
 * @property {boolean} signed false: this browser cannot check signatures
 * @property {string} since when the log was seen first; '' for now
 * @property {string} leaf the event's hash
 */

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
function base64(text) {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw new Broken('the server’s answer cannot be read');
  }
}

/** @param {Uint8Array} bytes */
const textOf = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {Uint8Array} a @param {Uint8Array} b */
const same = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);

/** @param {...Uint8Array} parts */
async function sha256(...parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;

  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
}

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** @param {Uint8Array} left @param {Uint8Array} right */
const parent = (left, right) => sha256(Uint8Array.of(1), left, right);

/**
 * Of the entry, RFC 8785.
 * @param {Record<string, unknown>} event
 */
export function leafOf(event) {
  const members = Object.keys(event).sort().map((name) =>
    `${JSON.stringify(name)}:${JSON.stringify(event[name])}`);

  return sha256(Uint8Array.of(0), bytes(`{${members.join(',')}}`));
}

/** @param {unknown} list */
function hashesOf(list) {
  if (!Array.isArray(list)) throw new Broken('a part of the proof is missing');
  return list.map((text) => {
    const hash = base64(String(text));

    if (hash.length !== HASH_SIZE)
      throw new Broken('the server’s answer cannot be read');
    return hash;
  });
}

/** Both numbers on their way up the tree. */
class Way {
  /** @param {number} leaf @param {number} last */
  constructor(leaf, last) {
    this.leaf = leaf;
    this.last = last;
  }

  up() {
    this.leaf = Math.floor(this.leaf / 2);
    this.last = Math.floor(this.last / 2);
  }

  /** Does what lies beside lie on the left? */
  get right() {
    return this.leaf % 2 === 1 || this.leaf === this.last;
  }

  /** Past the levels on which there is nothing beside. */
  alone() {
    while (this.leaf % 2 === 0 && this.leaf !== 0) this.up();
  }
}

/**
 * RFC 9162 2.1.3.2
 * @param {Uint8Array} leaf @param {number} index @param {number} size
 * @param {Uint8Array[]} hashes
 * @returns {Promise<Uint8Array | null>} the root that they lead to
 */
export async function rootByInclusion(leaf, index, size, hashes) {
  const way = new Way(index, size - 1);
  let root = leaf;

  if (!(index >= 0 && index < size)) return null;
  for (const beside of hashes) {
    if (way.last === 0) return null;
    if (way.right) {
      root = await parent(beside, root);
      way.alone();
    } else root = await parent(root, beside);
    way.up();
  }
  return way.last === 0 ? root : null;
}

/**
 * RFC 9162 2.1.4.2: is the old tree the beginning of the new one?
 * @param {{size: number, root: Uint8Array}} old
 * @param {{size: number, root: Uint8Array}} now
 * @param {Uint8Array[]} hashes
 */
export async function isConsistent(old, now, hashes) {
  if (old.size === now.size)
    return hashes.length === 0 && same(old.root, now.root);
  const whole = Number.isInteger(Math.log2(old.size));
  const [first, ...rest] = whole ? [old.root, ...hashes] : hashes;
  const way = new Way(old.size - 1, now.size - 1);
  let was = first, is = first;

  if (!was || !is || old.size < 1 || old.size > now.size) return false;
  while (way.leaf % 2 === 1) way.up();
  for (const beside of rest) {
    if (way.last === 0) return false;
    if (way.right) {
      was = await parent(beside, was);
      is = await parent(beside, is);
      way.alone();
    } else is = await parent(is, beside);
    way.up();
  }
  return way.last === 0 && same(was, old.root) && same(is, now.root);
}

/**
 * @param {Uint8Array<ArrayBuffer>} raw @param {Uint8Array<ArrayBuffer>} text
 * @param {Uint8Array<ArrayBuffer>} signature
 * @returns {Promise<boolean | null>} null: this browser knows no Ed25519
 */
async function verify(raw, text, signature) {
  try {
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false,
      ['verify']);
    return await crypto.subtle.verify('Ed25519', key, signature, text);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotSupportedError')
      return null;
    throw new Broken('the signature of the log cannot be read');
  }
}

/**
 * Is a C2SP note signed by this key, in C2SP's form?
 * @param {string} note @param {string} key
 * @returns {Promise<boolean>} false: this browser cannot check signatures
 */
async function signedBy(note, key) {
  const [, name, id, typed] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/
    .exec(key.trim()) ?? [];
  const body = note.slice(0, note.indexOf('\n\n') + 1);

  if (!name || !typed)
    throw new Broken('the key of the log cannot be read');
  const raw = base64(typed);
  const hash = await sha256(bytes(`${name}\n`), raw);
  const hex = [...hash.slice(0, 4)].map((n) => n.toString(16).padStart(2, '0'));
  if (raw[0] !== ED25519 || hex.join('') !== id)
    throw new Broken('the key of the log cannot be read');
  const blob = note.split('\n').filter((l) => l.startsWith(`— ${name} `))
    .map((l) => base64(l.split(' ')[2] ?? ''))
    .find((b) => same(b.slice(0, 4), hash.slice(0, 4)));
  const signed = blob !== undefined &&
    await verify(raw.slice(1), bytes(body), blob.slice(4));
  if (signed === false)
    throw new Broken('the signature of the log is not the clinic’s');
  return signed === true;
}

/**
 * A C2SP checkpoint, by a key in C2SP's form.
 * @param {string} note @param {string} key
 * @returns {Promise<Checkpoint>}
 */
export async function checkpointOf(note, key) {
  const [origin, size, root] = note.split('\n');

  if (!root || !origin || origin !== key.split('+')[0])
    throw new Broken('the state of the log cannot be read');
  return { origin, size: Number(size), root: base64(root),
    signed: await signedBy(note, key) };
}

/**
 * Does each key say which follows it, from the one that was seen to this one?
 * @param {string} seen @param {string} now @param {unknown} notes
 */
async function follows(seen, now, notes) {
  let key = seen.trim();

  for (const note of Array.isArray(notes) ? notes.map(String) : []) {
    const [head, before, next] = note.split('\n');

    if (before !== key || !next || head !== `${key.split('+')[0]}/key`)
      continue;
    for (const one of [key, next]) await signedBy(note, one);
    key = next;
  }
  return key === now.trim();
}

/**
 * What this browser saw: nothing of anybody, sizes and hashes of logs.
 * @returns {Record<string, {size: number, root: string, key: string,
 *   since: string}>}
 */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? '{}') ?? {};
  } catch {
    return {};
  }
}

/** @param {Checkpoint} now @param {string} key */
function keep(now, key) {
  const all = kept(), was = all[now.origin];

  if (was && was.size >= now.size) return;
  all[now.origin] = { size: now.size, root: textOf(now.root), key,
    since: was?.since ?? new Date().toISOString() };
  try {
    localStorage.setItem(KEPT, JSON.stringify(all));
  } catch {
    // A browser that keeps nothing starts anew each time.
  }
}

/**
 * Is the log the one that was seen before, and longer?
 * @param {ReturnType<typeof kept>[string] | undefined} was
 * @param {Checkpoint} now @param {string} key
 * @param {(from: number, now: Checkpoint) =>
 *   Promise<{hashes: unknown, succession: unknown}>} ask
 */
async function goesOn(was, now, key, ask) {
  if (!was) return;
  if (was.size > now.size)
    throw new Broken(was.key === key
      ? 'the log is shorter than it was: events were cut off'
      : 'the log is signed with another key than before');
  const old = { size: was.size, root: base64(was.root) };
  const { hashes, succession } = await ask(was.size, now);
  if (!await follows(was.key, key, succession))
    throw new Broken('the log is signed with another key than before');
  if (!await isConsistent(old, now, hashesOf(hashes)))
    throw new Broken('the log was rewritten since this browser saw it last');
}

/**
 * @param {Uint8Array} leaf @param {any} proof @param {Checkpoint} now
 */
async function stands(leaf, proof, now) {
  const root = await rootByInclusion(leaf, proof.leaf_index, now.size,
    hashesOf(proof.hashes));

  if (proof.tree_size !== now.size || !root || !same(root, now.root))
    throw new Broken('this event is not in the sealed log as it is shown');
}

/** What the list counts since, and what it adds. */
const OWN = ['count', 'actor_name'];

/** @param {any} shown @param {any} sealed */
function compare(shown, sealed) {
  for (const name of Object.keys(shown))
    if (!OWN.includes(name) &&
        JSON.stringify(shown[name]) !== JSON.stringify(sealed[name]))
      throw new Broken('what this page shows is not what was sealed');
}

/**
 * The officer's: what is shown, and what was sealed, are the same.
 * @param {any} shown an event of the list
 * @returns {Promise<Proved>}
 */
export async function proveEvent(shown) {
  const before = kept(); // what is seen since is no smaller
  const { event } = (await get(`/v1/audit/${shown.seq}`)).body;

  compare(shown, event);
  const leaf = await leafOf(event);
  const proof = (await get(`/v1/audit/${shown.seq}/proof`)).body;
  const scope = String(proof.checkpoint).split('\n')[0]?.endsWith(NOBODY)
    ? 'nobody' : '';
  const key = await (await file(`/v1/audit/key${query({ scope })}`)).text();
  const now = await checkpointOf(proof.checkpoint, key);
  const was = before[now.origin];
  await stands(leaf, proof, now);
  await goesOn(was, now, key, async (from, { size }) => (await get(
    '/v1/audit/consistency' + query({ from, to: size, scope }))).body);
  keep(now, key);
  return { place: proof.leaf_index + 1, size: now.size, signed: now.signed,
    since: was?.since ?? '', leaf: textOf(leaf) };
}

/**
 * The patient's: what was sealed is still there; its words stay hidden.
 * @param {string} id of the patient @param {number} seq
 * @returns {Promise<Proved>}
 */
export async function proveAccess(id, seq) {
  const before = kept();
  const path = `/v1/patients/${id}/accesses/${seq}/proof`;
  let proof = (await get(path)).body;
  const was = before[String(proof.checkpoint).split('\n')[0] ?? ''];

  if (was) proof = (await get(path + query({ from: was.size }))).body;
  const now = await checkpointOf(proof.checkpoint, proof.key);
  await stands(base64(proof.leaf_hash), proof, now);
  await goesOn(was, now, proof.key, async () =>
    ({ hashes: proof.consistency, succession: proof.succession }));
  keep(now, proof.key);
  return { place: proof.leaf_index + 1, size: now.size, signed: now.signed,
    since: was?.since ?? '', leaf: proof.leaf_hash };
}

/**
 * Is that a log that is not what was sealed, and no mishap of the moment?
 * @param {unknown} problem
 * @returns {string} what does not fit; '' for a mishap
 */
export function brokenBy(problem) {
  if (problem instanceof Broken) return problem.message;
  return problem instanceof Problem && problem.code === 'seal_broken'
    ? 'the clinic’s own server finds that something was changed' : '';
}
