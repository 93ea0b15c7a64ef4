// How our Kore is built: it stops when it should, holds what it should, and
// each of its patches has a test that bears its number.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OUT } from './lib.mjs';

const top = fileURLToPath(new URL('../..', import.meta.url));
const deps = path.join(top, 'deps/kore');
const patches = fs.readdirSync(deps).filter((f) => f.endsWith('.patch')).sort();
let dir;

before(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'edge-build-'));
});
after(() => fs.rmSync(dir, { recursive: true, force: true }));

const run = (program, ...args) => {
  const r = spawnSync(program, args, { encoding: 'utf8', cwd: top });
  return { status: r.status, text: r.stdout + r.stderr };
};

/** Makes the patched source, from a source and by a recipe of the test's. */
const patched = (source, recipe = deps) => {
  const r = run('make', '-s', '-f', `${recipe}/build.mk`, `KORE_SRC=${source}`,
    `KORE_BUILD=${dir}/build`, `${dir}/build/src/.patched`);
  fs.rmSync(`${dir}/build`, { recursive: true, force: true });
  return r;
};

test('the source as Debian ships it is taken', () => {
  assert.deepEqual(patched('/usr/share/kore'), { status: 0, text: '' });
});

test('the build stops when one byte of the source is another', () => {
  const source = `${dir}/source`;
  fs.cpSync('/usr/share/kore', source, { recursive: true });
  const file = `${source}/src/net.c`;
  const text = fs.readFileSync(file, 'latin1');
  for (const change of [() => fs.writeFileSync(file, `${text}\n`, 'latin1'),
    () => fs.rmSync(file)]) {
    change();
    const r = patched(source);
    assert.equal(r.status, 2);
    assert.match(r.text, /^deps\/kore: .* is not kore 4\.1\.0-6 as Debian 12/m);
    assert.match(r.text, /review the patches, then SHA256SUMS/);
    assert.ok(r.text.split('\n').length <= 3, r.text);
  }
});

test('the build stops when a patch does not apply exactly', () => {
  const recipe = `${dir}/recipe`;
  fs.cpSync(deps, recipe, { recursive: true });
  const file = `${recipe}/04-buffer-growth.patch`;
  const text = fs.readFileSync(file, 'utf8');
  assert.deepEqual(patched('/usr/share/kore', recipe), { status: 0, text: '' });
  // one word of the lines around: what --fuzz would have let pass
  fs.writeFileSync(file, text.replace('fatal("overflow', 'fatal("underflow'));
  const r = patched('/usr/share/kore', recipe);
  assert.equal(r.status, 2);
  assert.match(r.text, /^deps\/kore: .*04-buffer-growth\.patch does not apply/m);
});

test('each patch says why, is in the table, and has a test', () => {
  const table = fs.readFileSync(`${deps}/README.md`, 'utf8');
  const numbers = new Set();
  for (const f of fs.readdirSync(path.dirname(fileURLToPath(import.meta.url)))) {
    if (!f.endsWith('.test.mjs'))
      continue;
    const text = fs.readFileSync(path.join(top, 'tests/edge', f), 'utf8');
    for (const m of text.matchAll(/\(\s*['`]((?:\d\d )+)/g))
      m[1].trim().split(' ').forEach((n) => numbers.add(n));
  }
  for (const f of patches) {
    const text = fs.readFileSync(`${deps}/${f}`, 'utf8');
    for (const part of ['Defect:', 'Shown by:', 'Why so:'])
      assert.ok(text.split('\n--- ')[0].includes(`\n${part}`), `${f}: ${part}`);
    assert.ok(table.includes(`| \`${f.replace('.patch', '')}\` |`), f);
    assert.ok(numbers.has(f.slice(0, 2)), `${f}: no test bears its number`);
  }
  const known = patches.map((f) => f.slice(0, 2));
  assert.equal(new Set(known).size, known.length, 'a number twice');
  for (const n of numbers)
    assert.ok(known.includes(n), `tests name patch ${n}, which is not there`);
});

test('32 what nobody uses is not in the program', () => {
  const names = run('nm', '--defined-only', `${OUT}/app`).text;
  assert.match(names, / T http_response$/m);
  assert.deepEqual(names.match(/ kore_(accesslog|auth|filemap|fileref|json|jsonrpc|pgsql|python|task|curl|acme|validator)_?\w*$/gm), null);
  assert.doesNotMatch(names, / (net_send|http_response)_fileref$/m);
});

test('the lint finds what of Kore is not to be used', () => {
  const lint = (src, conf) => run('sh', 'tests/lint/kore.sh', src, conf).text;
  const write = (name, text) => {
    fs.mkdirSync(`${dir}/${path.dirname(name)}`, { recursive: true });
    fs.writeFileSync(`${dir}/${name}`, text);
  };
  assert.equal(lint('src', 'conf'), '');
  const bad = ['http_response_cookie', 'http_populate_post', 'kore_json_parse',
    'kore_websocket_broadcast', 'http_runlock_acquire', 'kore_pgsql_query',
    'kore_task_run', 'kore_filemap_create', 'kore_accesslog',
    'http_response_fileref', 'http_redirect_add', 'http_state_run'];
  write('src/a.c', bad.map((f) => `\tx = ${f}(req);\n`).join(''));
  write('conf/kore.conf', '');
  const found = lint(`${dir}/src`, `${dir}/conf`).trim().split('\n');
  assert.deepEqual(found.map((l) => l.replace(/^.*:(\w+)\($/, '$1')), bad);
  write('src/a.c', '');
  const lines = ['accesslog /x', '\tfilemap / /x', 'load ./x.so', 'redirect ^/ 301',
    '\tauthentication x {', 'validator x regex y', 'rand_file x',
    'worker_death_policy terminate', 'http_body_disk_offload 1',
    'tls_version 1.2', 'http_request_ms 10'];
  write('conf/kore.conf', `${lines.join('\n')}\nworkers 2\n`);
  const told = lint(`${dir}/src`, `${dir}/conf`).trim().split('\n');
  assert.deepEqual(told.map((l) => l.replace(/^.*?:\d+:/, '')).sort(),
    lines.sort());
});

for (const what of ['pool', 'heap'])
  test(`18 a sanitizer sees the use of freed memory: ${what}`, () => {
    const src = `${process.env.EDGE_KORE}/src`;
    const built = run('gcc', '-std=gnu11', '-g', '-fsanitize=address',
      '-D_GNU_SOURCE', '-DKORE_POOL_MALLOC', `-I${src}/include`,
      `-I${src}/include/kore`, `-I${src}/src`, '-o', `${dir}/pool`,
      `${top}/tests/edge/pool.c`, `${src}/src/mem.c`, `${src}/src/pool.c`);
    assert.deepEqual(built, { status: 0, text: '' });
    const r = run(`${dir}/pool`, ...(what === 'heap' ? ['heap'] : []));
    assert.notEqual(r.status, 0);
    assert.match(r.text, /AddressSanitizer: heap-use-after-free/);
  });
