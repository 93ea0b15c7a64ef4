// The database as its superuser sees it: what a test looks up, sets and holds.
// Connections are kept, as a new one for each question was a third of the
// processor time of the suites.
import pg from 'pg';

/** All values as PostgreSQL writes them, NULL as nothing. */
const asText = { getTypeParser: () => (value) => value };

const written = (text, params) => text.replace(/:'(\w+)'/g, (name, key) => (key in params ? pg.escapeLiteral(String(params[key])) : name));

export class Superuser {
  /** @param {string} url  of the database, with the password */
  constructor(url) {
    this.url = url;
    this.idle = [];
  }

  /**
   * Rows as objects of strings; params by :'name'. Several statements are one
   * transaction, and the rows are those of the last that answers with columns (a
   * SELECT of none has no rows here).
   * @param {string} text
   * @param {Record<string, any>} [params]
   * @returns {Promise<Record<string, string>[]>}
   */
  async sql(text, params = {}) {
    const client = await this.take();
    try {
      const results = [await client.query({ text: written(text, params), types: asText })].flat();
      const last = results.findLast((r) => r.fields.length > 0);
      return (last?.rows ?? []).map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? ''])));
    } finally {
      await this.give(client);
    }
  }

  /** Keeps what a transaction takes, such as a lock; answers what lets it go. */
  async hold(text, params = {}) {
    const client = await this.take();
    try {
      await client.query('BEGIN');
      await client.query(written(text, params));
    } catch (e) {
      await client.end();
      throw e;
    }
    client.unref();
    return async () => {
      client.ref();
      await client.query('COMMIT');
      await this.give(client);
    };
  }

  /** A connection that answers: one that went with the database is not asked again. */
  async take() {
    for (let client; (client = this.idle.pop()); ) {
      client.ref();
      if (await client.query('SELECT 1').then(() => true, () => false)) return client;
      await client.end().catch(() => {});
    }
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => {}); // the question says so itself; who asks none need not know
    await client.connect();
    return client;
  }

  /** Nothing of what was set, locked or begun is left to the next question. */
  async give(client) {
    if (await client.query('ROLLBACK').then(() => client.query('DISCARD ALL')).then(() => true, () => false)) {
      client.unref();
      this.idle.push(client);
    } else await client.end().catch(() => {});
  }

  async close() {
    await Promise.all(this.idle.splice(0).map((client) => {
      client.ref(); // or nothing would wait for its end
      return client.end().catch(() => {});
    }));
  }
}
