// Between the server and its PostgreSQL: a socket that carries bytes, and can
// lose an answer or cut connections in the place that a test wants.
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export class PostgresRelay {
  /** Puts itself between a clinic's server, which it starts anew, and its database. */
  static async between(clinic) {
    const { searchParams } = new URL(clinic.superuser.replace('@/', '@localhost/'));
    const [folder, name] = [searchParams.get('host'), `.s.PGSQL.${searchParams.get('port')}`];
    const relay = new PostgresRelay(path.join(folder, name), path.join(folder, 'relay'), name);
    await relay.listen();
    const [, conninfo, host] = readFileSync(path.join(clinic.dir, 'epione.conf'), 'utf8')
      .match(/^\s*database (\S*host=([^&\s]*)\S*)$/m);
    await clinic.restart({ database: conninfo.replace(`host=${host}`, `host=${host.replace(/\/$/, '')}/relay`) });
    return relay;
  }

  constructor(database, folder, name) {
    Object.assign(this, { folder, file: path.join(folder, name) });
    /** Asked of what the database answers: (text, pair) → is it lost? */
    this.loses = () => false;
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
        pair.said = (pair.said + data.toString('latin1')).slice(-65536);
        to.write(data);
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
