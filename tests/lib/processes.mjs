// What /proc knows of processes and their memory.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { patience } from './patience.mjs';

/** The processes that this one started: title by pid, as /proc knows them. */
export function children(parent) {
  const list = {};
  for (const pid of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(ppid) === parent && state !== 'Z') {
        list[pid] = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1')
          .replace(/\0.*$/s, '');
      }
    } catch { /* it ended just now */ }
  }
  return list;
}

export const alive = (pid) => {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
    return !/^State:\s+Z/m.test(status);
  } catch {
    return false;
  }
};

/** Waits until a test holds; false when time is up, which without a bound it is late. */
export async function eventually(test, ms) {
  const late = patience(ms);
  while (!await test()) {
    if (late())
      return false;
    await sleep(20);
  }
  return true;
}

/** Is a sequence of bytes in a process's memory? null if we may not look. */
export function remembers(pid, bytes) {
  const found = recall(pid, bytes, 0);
  return found === null ? null : found.length > 0;
}

/** What follows it, n bytes, wherever it is; null if we may not look. */
export function recall(pid, bytes, n) {
  const found = [];
  let fd;
  try {
    fd = fs.openSync(`/proc/${pid}/mem`, 'r');
  } catch {
    return null;
  }
  try {
    const maps = fs.readFileSync(`/proc/${pid}/maps`, 'latin1');
    for (const line of maps.split('\n')) {
      const m = line.match(/^([0-9a-f]+)-([0-9a-f]+) (rw|r-.*\/dev\/zero)/);
      if (m === null)
        continue;
      const from = BigInt(`0x${m[1]}`);
      const chunk = Buffer.alloc(Number(BigInt(`0x${m[2]}`) - from));
      let read = 0;
      try {
        read = fs.readSync(fd, chunk, 0, chunk.length, from);
      } catch { /* not for reading */ }
      const held = chunk.subarray(0, read);
      for (let at = held.indexOf(bytes); at >= 0;
        at = held.indexOf(bytes, at + 1))
        found.push(held.subarray(at + bytes.length, at + bytes.length + n));
    }
    return found;
  } finally {
    fs.closeSync(fd);
  }
}

/** How long a process has run, in ms of a processor. */
export const ran = (pid) =>
  Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

/** How long a process has run or wished to, in ms: who spins wishes always,
 * and on a busy machine, too, it is told from one that rests. */
export function wakeful(pid) {
  const [ran, waited] =
    fs.readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ');
  return (Number(ran) + Number(waited)) / 1e6;
}
