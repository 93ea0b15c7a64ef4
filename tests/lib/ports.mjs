// Ports of loopback, each for one test alone.
import { randomInt } from 'node:crypto';
import net from 'node:net';

const listens = (server, ...where) => new Promise((done) => server.once('error', () => done(false)).listen(...where, () => done(true)));
const closed = (server) => new Promise((done) => server.close(done));

/** Does nobody listen there? */
async function isFree(port) {
  const server = net.createServer();
  const free = await listens(server, port, '127.0.0.1');
  if (free) await closed(server);
  return free;
}

/** A name that one process can have at a time, until it ends: a port that is free is
 * found by others, too, before somebody listens on it. Null if another has it. */
async function named(port) {
  const server = net.createServer();
  return await listens(server, `\0epione test port ${port}`) ? server.unref() : null;
}

/**
 * A port that nobody listens on, nor any other test will, below those the kernel lends
 * to connections: there it could be taken before it is used.
 * @param {number} [n] the first of so many, one above the other
 */
export async function freePort(n = 1) {
  for (;;) {
    const port = randomInt(25000, 32000), all = Array.from({ length: n }, (_, i) => port + i);
    const names = await Promise.all(all.map(named));
    if (names.every(Boolean) && (await Promise.all(all.map(isFree))).every(Boolean)) return port;
    await Promise.all(names.filter(Boolean).map(closed));
  }
}
