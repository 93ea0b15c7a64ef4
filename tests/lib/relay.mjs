// What a browser's connections go through, where a network is to misbehave.
import net from 'node:net';

/** Carries bytes to `port`; `freeze` silences what is open, both ways;
 * `cut` ends it, and lets nothing through until `mend`. */
export class Relay {
  constructor(port) {
    this.pairs = new Set();
    this.isCut = false;
    this.server = net.createServer((from) => {
      if (this.isCut) return from.destroy();
      const to = net.connect(port, '127.0.0.1');
      const pair = { from, to, frozen: false };

      this.pairs.add(pair);
      from.on('data', (data) => pair.frozen || to.write(data));
      to.on('data', (data) => pair.frozen || from.write(data));
      for (const end of [from, to]) {
        end.on('error', () => {});
        end.on('close', () => pair.frozen || this.drop(pair));
      }
    });
  }

  /** @returns {Promise<number>} the port */
  listen(port = 0, host = '127.0.0.1') {
    return new Promise((done) => this.server.listen(port, host, () =>
      done(this.server.address().port)));
  }

  drop(pair) {
    pair.from.destroy();
    pair.to.destroy();
    this.pairs.delete(pair);
  }

  freeze() {
    for (const pair of this.pairs) pair.frozen = true;
  }

  cut() {
    this.isCut = true;
    for (const pair of this.pairs) this.drop(pair);
  }

  mend() {
    this.isCut = false;
  }

  stop() {
    for (const pair of this.pairs) this.drop(pair);
    this.server.close();
  }
}
