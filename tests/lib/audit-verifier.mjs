// A second opinion of the sealed log, written from docs/AUDIT.md alone: nothing of
// the C is looked at here, nor does anything of this look at trees in the database.
import { createHash, createPublicKey, verify } from 'node:crypto';

const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();

/** RFC 8785, for what an event has: texts, integers, lists and null. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object')
    return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
  return JSON.stringify(value);
}

/** RFC 6962 2.1 */
export const leafHash = (event) => sha256(Buffer.of(0), canonical(event));
const parent = (a, b) => sha256(Buffer.of(1), a, b);
export function rootOf(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return parent(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

/** RFC 9162 2.1.3.2: the root that an inclusion proof leads to. */
export function rootByInclusion(leaf, index, size, hashes) {
  if (index >= size) throw new Error('the leaf is not of this tree');
  let fn = index, sn = size - 1, r = leaf;
  for (const p of hashes) {
    if (sn === 0) throw new Error('the proof is too long');
    if (fn % 2 === 1 || fn === sn) {
      r = parent(p, r);
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else r = parent(r, p);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0) throw new Error('the proof is too short');
  return r;
}

/** RFC 9162 2.1.4.2: is the tree of `from` leaves the beginning of that of `to`? */
export function isConsistent(from, oldRoot, to, newRoot, hashes) {
  if (from === to) return hashes.length === 0 && oldRoot.equals(newRoot);
  if (from === 0) return hashes.length === 0;
  const path = [...hashes];
  if (Number.isInteger(Math.log2(from))) path.unshift(oldRoot);
  let fn = from - 1, sn = to - 1;
  while (fn % 2 === 1) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
  let fr = path[0], sr = path[0];
  if (!fr) return false;
  for (const c of path.slice(1)) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = parent(c, fr);
      sr = parent(c, sr);
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else sr = parent(sr, c);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && fr.equals(oldRoot) && sr.equals(newRoot);
}

/** C2SP vkey: {name, id, key}. */
export function keyRead(text) {
  const [, name, id, base64] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim());
  const typed = Buffer.from(base64, 'base64');
  if (typed.length !== 33 || typed[0] !== 1) throw new Error('not an Ed25519 key');
  if (sha256(name, '\n', typed).subarray(0, 4).toString('hex') !== id) throw new Error('the id is not of this key');
  return { name, id, key: typed.subarray(1) };
}

/** The lines of a C2SP note, once one of its signatures is the key's. */
function noteRead(note, vkey) {
  const { name, id, key } = keyRead(vkey);
  const end = note.indexOf('\n\n');
  const body = note.slice(0, end + 1);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const signed = note.slice(end + 2).split('\n').some((line) => {
    const [dash, who, blob] = line.split(' ');
    if (dash !== '—' || who !== name || !blob) return false;
    const bytes = Buffer.from(blob, 'base64');
    return bytes.subarray(0, 4).toString('hex') === id && verify(null, Buffer.from(body), publicKey, bytes.subarray(4));
  });
  if (!signed) throw new Error('not signed by this key');
  return body.split('\n');
}

/** What a checkpoint says, once its signature is the key's: {origin, size, root}. */
export function checkpointRead(note, vkey) {
  const [origin, size, root] = noteRead(note, vkey);
  if (origin !== keyRead(vkey).name) throw new Error('another log');
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') };
}

/** The key to which one that is trusted leads, by what each says of the next. */
export function keyAfter(vkey, succession) {
  let now = vkey.trim();
  for (const note of succession) {
    if (note.split('\n')[1] !== now) continue;
    const [head, , next] = noteRead(note, now);
    if (head !== `${keyRead(now).name}/key`) throw new Error('no succession');
    noteRead(note, next);
    now = next;
  }
  return now;
}
