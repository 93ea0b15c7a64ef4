// slowhttptest against a server on loopback: the four ways to be slow.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const MODES = {
  headers: (url) => ['-H', '-u', `${url}/`, '-i', '1', '-x', '24'],
  body: (url) => ['-B', '-u', `${url}/v1/session`, '-i', '1', '-s', '8192', '-x', '10', '-f', 'application/json'],
  range: (url) => ['-R', '-u', `${url}/app.css`, '-t', 'GET', '-a', '10', '-b', '3000'],
  read: (url) => ['-X', '-u', `${url}/app.css`, '-w', '64', '-y', '256', '-n', '1', '-z', '32', '-k', '3'],
};
export const modes = Object.keys(MODES);

/**
 * Starts one mode: so many connections, a quarter of them each second, until
 * `stop` or for so many seconds. `stop` gives what it said last of its
 * connections: {connected, pending, closed, error}.
 */
export function slow(mode, url, { connections, seconds }) {
  const child = spawn('slowhttptest', [...MODES[mode](url), '-c', String(connections), '-r', String(Math.ceil(connections / 4)),
    '-l', String(seconds), '-p', '10', '-v', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let text = '';
  child.stdout.on('data', (d) => { text = (text + d).slice(-20000); });
  const last = (word) => Number([...text.matchAll(new RegExp(`${word}:\\s*(?:\\x1b\\[[0-9;]*m)*\\s*(\\d+)`, 'g'))].at(-1)?.[1] ?? NaN);
  return {
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await ended;
      return { connected: last('connected'), pending: last('pending'), closed: last('closed'), error: last('error') };
    },
  };
}
