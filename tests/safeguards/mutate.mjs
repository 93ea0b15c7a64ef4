// Is each safeguard's test able to fail? Takes a control out (mutations.mjs), in
// a copy of the tree, builds it, and runs the one test that is said to hold it:
// green before, red without. Says so in a line for each, and counts.
//
// What it takes: mutate.mjs --help.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { mutations } from './mutations.mjs';

const top = fileURLToPath(new URL('../..', import.meta.url));
const read = (dir, file) => readFileSync(path.join(dir, file), 'utf8');

/** What is wrong with an entry of the list, or null. */
function complaint(m) {
  if ('none' in m) return m.none ? null : 'it says not why there is none';
  const { id, file, from, to, test, name, says = name, needs = [] } = m;
  if ('untried' in m && Object.keys(m)[0] !== 'untried') return 'untried stands first, or SAFEGUARDS.md takes it for seen';
  if (!existsSync(path.join(top, file))) return `there is no ${file}`;
  const times = read(top, file).split(from).length - 1;
  if (times !== 1) return `${file} has ${times} times, not once: ${from.split('\n')[0].trim()}`;
  if (from === to) return 'it changes nothing';
  if (!existsSync(path.join(top, test))) return `there is no ${test}`;
  for (const called of [says, ...needs]) if (!read(top, test).replaceAll("\\'", "'").includes(called)) return `${test} has no test called: ${called}`;
  if (!new RegExp(`= ?[A-Z, 0-9-]*\\b${id}\\b`).test(read(top, test))) return `${test} does not carry the mark of ${id}`;
  return null;
}

/** The tree as it stands, built as far as it is, in a folder of its own. */
function copy() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-mutate-'));
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: top });
  execFileSync('xargs', ['-0', 'cp', '-a', '--parents', '-t', dir], { cwd: top, input: files });
  mkdirSync(path.join(dir, 'build'));
  for (const f of readdirSync(path.join(top, 'build')).filter((f) => /^(obj|gen|kore|sqlgen|epione.*|lib.*\.a|clinic-.*\.tar)$/.test(f)))
    execFileSync('cp', ['-a', path.join(top, 'build', f), path.join(dir, 'build')]);
  symlinkSync(path.join(top, 'tests/node_modules'), path.join(dir, 'tests/node_modules'));
  const vectors = 'tests/vectors/wycheproof';
  if (existsSync(path.join(top, vectors))) cpSync(path.join(top, vectors), path.join(dir, vectors), { recursive: true });
  return dir;
}

const run = (dir, command, ...args) => {
  const r = spawnSync(command, args, { cwd: dir, encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 28, env: { ...process.env, ...environment, BUILD: 'build', MAKEFLAGS: '' } });
  return { code: r.status, out: `${r.stdout}${r.stderr}` };
};
const make = (dir, ...targets) => run(dir, 'make', '--no-print-directory', '-j2', ...targets);
const last = (out, n = 15) => out.trimEnd().split('\n').slice(-n).join('\n');

/** Of the tests' processes: what has to fail is not waited for as long as what has to come. */
let environment = {};

/** Builds what the test needs: 'built', or the compiler's words. */
function build(dir, { file, test }) {
  // who makes the tests' clinics is built anew only where it changed
  const needed = test.startsWith('tests/unit/') ? [`build/unit/${path.basename(test, '.c')}`]
    : test.startsWith('tests/db/') || /^src\/(ctl|demo)\//.test(file) ? ['all'] : ['build/epione', 'build/epione-jobs'];
  const r = make(dir, ...needed);
  return r.code === 0 ? 'built' : last(r.out);
}

/** What the last test that failed complained of. */
let reason = '';

/** What a run of the one test says, or of the whole file. */
function runNode(dir, { test, name, needs = [], whole }) {
  const quoted = [...needs, name].map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return run(dir, process.execPath, '--test', '--test-reporter=tap', ...(whole ? [] : [`--test-name-pattern=^(${quoted.join('|')})$`]), test).out;
}

/** Runs the one test: 'green', 'red', or what came instead of either. `wholes` has
 * what files said that were run whole without a change, for all that is in them. */
function outcome(dir, m, wholes = null) {
  const { test, name, needs = [], whole } = m;
  const base = path.basename(test).replace(/(_test)?\.(c|sh)$/, '');
  if (test.endsWith('.c')) {
    const { out } = test.startsWith('tests/unit/') ? run(dir, `build/unit/${base}_test`) : run(dir, 'sh', 'tests/db/run.sh', base);
    const said = [...out.matchAll(/^\[ +(OK|FAILED|ERROR) +\] (\w+)$/gm)].find(([, , n]) => n === name)?.[1];
    if (said) return said === 'OK' ? 'green' : 'red';
    return /Test failed with exception|Sanitizer/.test(out) ? 'red' : last(out);
  }
  if (test.endsWith('.sh')) {
    const { out } = run(dir, 'sh', 'tests/db/run.sh', base);
    const said = out.split('\n').find((l) => /^(ok|FAIL) +/.test(l) && l.replace(/^\w+ +/, '').startsWith(name));
    return said ? (said.startsWith('ok') ? 'green' : 'red') : last(out);
  }
  const out = wholes?.get(test) ?? runNode(dir, m);
  if (whole) wholes?.set(test, out);
  const results = [...out.matchAll(/^ *(not ok|ok) \d+ - (.*)(?<!# SKIP.*)$\n *---\n((?:.*\n)*?) *\.\.\.$/gm)]
    .filter(([, , title]) => !title.includes('# SKIP') && (whole ? title === name : !needs.includes(title)));
  if (results.length === 0) return last(out);
  const failed = results.filter(([, said]) => said === 'not ok');
  if (failed.length === 0) return 'green';
  // that nothing starts is no proof
  const why = failed.map(([, , , text]) => text).find((text) => /failureType: '(testCodeFailure|testTimeoutFailure)'/.test(text));
  if (!why) return last(out, 40);
  reason = /error: (?:\|-\n)?\s*'?(.*)/.exec(why)?.[1].slice(0, 160) ?? '';
  return 'red';
}

function prove(dir, m, known, wholes) {
  const key = `${m.test}\n${m.name}`;
  if (!known.has(key)) {
    const made = build(dir, m);
    known.set(key, made === 'built' ? outcome(dir, m, m.whole && wholes) : made);
  }
  if (known.get(key) !== 'green') return `is not green with the control in place: ${known.get(key)}`;
  const whole = read(dir, m.file);
  writeFileSync(path.join(dir, m.file), whole.replace(m.from, () => m.to));
  try {
    const made = build(dir, m);
    if (made !== 'built') return `does not build without the control: ${made}`;
    environment = { EPIONE_PATIENCE: '3' };
    const seen = outcome(dir, m);
    return seen === 'red' ? null : `stays ${seen}`;
  } finally {
    environment = {};
    writeFileSync(path.join(dir, m.file), whole);
  }
}

const USAGE = `usage: node tests/safeguards/mutate.mjs [--untried | --check] [ID|FILE...]
  ID|FILE...  those of some controls, or of some files of tests; all without one
  --untried   those that nobody has seen yet
  --check     only whether each still applies
`;
const args = process.argv.slice(2);
const unknown = args.find((a) => a.startsWith('-') && !['--untried', '--check'].includes(a));
if (unknown) {
  const asked = unknown === '--help' || unknown === '-h';
  process[asked ? 'stdout' : 'stderr'].write(asked ? USAGE : `mutate.mjs: ${unknown}? see --help\n`);
  process.exit(asked ? 0 : 2);
}
const wanted = args.filter((a) => !a.startsWith('-'));
const means = (w, m) => w === m.id || m.test?.startsWith(w);
const chosen = mutations.filter((m) => (wanted.length === 0 || wanted.some((w) => means(w, m))) && (!args.includes('--untried') || m.untried));
const faults = chosen.map((m) => [m, complaint(m)]).filter(([, c]) => c);
for (const [m, c] of faults) console.error(`tests/safeguards/mutations.mjs: ${m.id}: ${c}`);
for (const id of wanted.filter((w) => !mutations.some((m) => means(w, m)))) console.error(`tests/safeguards/mutations.mjs: nothing for ${id}`);
if (faults.length > 0 || chosen.length === 0) process.exit(1);
if (args.includes('--check')) process.exit(0);
const tried = chosen.filter((m) => !m.none);

const dir = copy();
let green = 0;
try {
  const [known, wholes] = [new Map(), new Map()];
  for (const m of tried) {
    reason = '';
    const why = prove(dir, m, known, wholes);
    console.log(`${why ? 'GREEN' : 'red  '}  ${m.id}  ${m.test}: ${m.name}`);
    if (!why && reason) console.log(`       ${reason}`);
    if (why) {
      green++;
      console.log(`       without ${m.file}: ${m.from.split('\n')[0].trim()}\n       it ${why.replace(/\n/g, '\n       ')}`);
    }
  }
} finally {
  if (!process.env.EPIONE_TEST_KEEP) rmSync(dir, { recursive: true, force: true });
}
console.log(`${tried.length - green} seen failing, ${green} not`);
process.exit(green === 0 ? 0 : 1);
