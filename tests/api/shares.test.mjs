// The root key in shares: any so many make it, and what is wrong is said in a line.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { top } from '../lib/clinic.mjs';

let dir, root;
const at = (...names) => path.join(dir, ...names);
/** epionectl key …, with something on its standard input. */
const ctl = (args, input = '') => new Promise((done) => {
  const child = execFile(path.join(top, process.env.BUILD ?? 'build', 'epionectl'), ['key', ...args], (error, stdout, stderr) => done({ code: error?.code ?? 0, stdout, stderr }));
  child.stdin.end(input);
});
const well = async (...args) => {
  const r = await ctl(...args);
  assert.deepEqual([r.code, r.stderr], [0, ''], r.stderr);
  return r.stdout.trim().split('\n');
};
const refused = async (says, ...args) => {
  const r = await ctl(...args);
  assert.notEqual(r.code, 0);
  assert.match(r.stderr, says);
  assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
};
let splits = 0;
const split = async (shares, needed) => {
  const folder = mkdtempSync(at(`split-${splits++}-`));
  return (await well(['split', '--root-key', root, '--shares', String(shares), '--needed', String(needed), folder])).map((file) => readFileSync(file, 'utf8'));
};
let made = 0;
const combine = (shares) => ctl(['combine', at(`made-${++made}`)], shares.join(''));
const same = async (shares) => {
  const r = await combine(shares);
  assert.deepEqual([r.code, r.stderr], [0, '']);
  assert.equal(readFileSync(at(`made-${made}`), 'utf8'), readFileSync(root, 'utf8'));
  assert.equal(statSync(at(`made-${made}`)).mode & 0o777, 0o400);
};

before(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-`));
  root = at('root.key');
  await well(['init', root]);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** All ways to take n of a list. */
const choose = (list, n) => n === 0 ? [[]] : list.flatMap((one, i) => choose(list.slice(i + 1), n - 1).map((rest) => [one, ...rest]));

//= EN-06
test('any three of five make the key, in any order, and two do not', async () => {
  const shares = await split(5, 3);
  assert.equal(shares.length, 5);
  for (const three of choose(shares, 3)) await same(three.reverse());
  await same(shares);
  await same([shares[4], shares[4], '\n', shares[0], shares[2]]);
  for (const two of choose(shares, 2)) assert.match((await combine(two)).stderr, /^epionectl: 2 shares came, and 3 are needed\n$/);
  assert.match((await combine([])).stderr, /no share came/);
  assert.ok(shares.every((s) => !s.includes(readFileSync(root, 'utf8').trim())));
});

test('two of two, and twenty of twenty', async () => {
  await same(await split(2, 2));
  const all = await split(20, 20);
  await same(all);
  assert.match((await combine(all.slice(1))).stderr, /19 shares came, and 20 are needed/);
});

//= EN-06: by another hand, from docs/KEYS.md alone
test('a share is what the paper says it is', async () => {
  const times = (a, b) => {
    let product = 0;
    for (let x = a, y = b; y; y >>= 1, x = x & 0x80 ? (x << 1) ^ 0x11d : x << 1) if (y & 1) product ^= x;
    return product;
  };
  const inverse = (a) => Array.from({ length: 255 }, (_, i) => i + 1).find((b) => times(a, b) === 1);
  const lines = (await split(4, 3)).map((s) => s.trim().split('\n').at(-1));
  const read = lines.map((line) => {
    const [word, set, number, shares, needed, check, share, sum] = line.split(' ');
    const text = line.slice(0, line.lastIndexOf(' '));
    assert.deepEqual([word, shares, needed], ['epione-share-1', '4', '3']);
    assert.equal(sum, createHash('sha256').update(`epione share\0${text}`).digest('hex').slice(0, 8));
    return { set, number: Number(number), check, share: Buffer.from(share, 'hex') };
  });
  const three = [read[3], read[0], read[2]];
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => three.reduce((value, s) => value ^ three.filter((o) => o !== s)
    .reduce((part, o) => times(part, times(o.number, inverse(o.number ^ s.number))), s.share[i]), 0)));
  assert.equal(`${key.toString('hex')}\n`, readFileSync(root, 'utf8'));
  assert.equal(three[0].check, createHash('sha256').update('epione root key\0').update(key).digest('hex').slice(0, 16));
  assert.deepEqual([new Set(read.map((s) => s.set)).size, read.map((s) => s.number)], [1, [1, 2, 3, 4]]);
});

test('a slip, shares of two splits and what is there already are said', async () => {
  const [shares, others] = [await split(3, 2), await split(3, 2)];
  const last = (s) => s.trim().split('\n').at(-1);
  for (const [i, c] of [...last(shares[0])].entries()) {
    if (c === ' ') continue;
    const typed = last(shares[0]).slice(0, i) + (c === '1' ? '2' : '1') + last(shares[0]).slice(i + 1);
    const r = await combine([`${typed}\n`, shares[1]]);
    assert.deepEqual([r.code, existsSync(at(`made-${made}`))], [1, false], typed);
    assert.match(r.stderr, /^epionectl: line 1 is no share, or has a slip in it\n$/, typed);
  }
  assert.match((await combine([shares[0], others[1]])).stderr, /share 2 was not made together with share 1/);
  assert.match((await combine(['x'.repeat(2000)])).stderr, /line 1 is no share/);
  await refused(/never overwritten/, ['combine', root], shares.join(''));
  for (const [n, k] of [['1', '1'], ['21', '2'], ['3', '4'], ['3', '1'], ['3', 'x'], ['-3', '2'], ['3', '2x']])
    await refused(/--shares is 2 to 20/, ['split', '--root-key', root, '--shares', n, '--needed', k, dir]);
  await refused(/No such file/, ['split', '--root-key', root, '--shares', '3', '--needed', '2', at('nowhere')]);
  const open = at('open.key');
  writeFileSync(open, readFileSync(root), { mode: 0o644 });
  const r = await ctl(['split', '--root-key', open, '--shares', '3', '--needed', '2', dir]);
  assert.match(r.stderr, /must have mode 0400 or 0600/);
});

test('all shares are written, or none', async () => {
  const folder = mkdtempSync(at('half-'));
  writeFileSync(path.join(folder, 'share-3.txt'), 'mine');
  await refused(/share-3\.txt: File exists/, ['split', '--root-key', root, '--shares', '3', '--needed', '2', folder]);
  assert.deepEqual(readdirSync(folder), ['share-3.txt']);
});
