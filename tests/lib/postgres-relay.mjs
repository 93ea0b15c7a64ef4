// Between the server and its PostgreSQL: a socket that carries bytes, and can
// lose an answer or cut connections in the place that a test wants.
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export class PostgresRelay {
  /** Puts itself between a clinic's server, which it starts anew, and its database. */
  static async between(clinic) {
    const relay = await PostgresRelay.before(clinic);
    await clinic.restart({ database: relay.through(clinic, 'epione.conf') });
    return relay;
  }

  /** Before a clinic's database, for whoever goes through it. */
  static async before(clinic) {
    const { searchParams } = new URL(clinic.superuser.replace('@/', '@localhost/'));
    const [folder, name] = [searchParams.get('host'), `.s.PGSQL.${searchParams.get('port')}`];
    const relay = new PostgresRelay(path.join(folder, name), path.join(folder, 'relay'), name);
    await relay.listen();
    return relay;
  }

  /** A configuration's database, by way of here. */
  through(clinic, file) {
    const [, conninfo, host] = readFileSync(path.join(clinic.dir, file), 'utf8')
      .match(/^\s*database (\S*host=([^&\s]*)\S*)$/m);
    return conninfo.replace(`host=${host}`, `host=${host.replace(/\/$/, '')}/relay`);
  }

  constructor(database, folder, name) {
    Object.assign(this, { folder, file: path.join(folder, name) });
    /** Asked of what the database answers: (text, pair) → is it lost? */
    this.loses = () => false;
    /** Asked of what is said to it: (text, pair) → is it lost? */
    this.drops = () => false;
    this.pairs = new Set();
    this.refusing = false;
    this.server = net.createServer((from) => {
      if (this.refusing) return void from.destroy();
      const to = net.connect(database);
      const pair = { from, to, said: '' };
      this.pairs.add(pair);
      for (const end of [from, to]) {
        end.on('error', () => {});
        end.on('close', () => this.cut(pair));
      }
      from.on('data', (data) => {
        const text = data.toString('latin1');
        pair.said = (pair.said + text).slice(-65536);
        if (!this.drops(text, pair)) to.write(data);
      });
      to.on('data', (data) => this.loses(data.toString('latin1'), pair) || from.write(data));
    });
  }

  listen() {
    mkdirSync(this.folder, { recursive: true });
    chmodSync(this.folder, 0o755);
    return new Promise((done) => this.server.listen(this.file, () => { chmodSync(this.file, 0o777); done(); }));
  }

  /** Those that said so, such as LISTEN. */
  who(text) { return [...this.pairs].filter(({ said }) => said.includes(text)); }

  cut(pair) {
    this.pairs.delete(pair);
    pair.from.destroy();
    pair.to.destroy();
  }

  stop() {
    for (const pair of this.pairs) this.cut(pair);
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
