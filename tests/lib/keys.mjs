// Keys and what lies under them, by the format of docs/KEYS.md: a second hand beside
// the server's own.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const id = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
const number = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const name = (text) => { const b = Buffer.alloc(8); b.write(text); return b; };
const under = (key, info) => Buffer.from(hkdfSync('sha256', key, '', info, 32));
const hex = (b) => `\\x${b.toString('hex')}`;
const bytes = (text) => Buffer.from(text.slice(2), 'hex');

export const versionOf = (envelope) => envelope.readUInt32BE(1);

/** `about`: what is authenticated after the head. */
function seal(key, version, info, about, text) {
  const head = Buffer.concat([Buffer.from([1]), number(version)]), nonce = randomBytes(12);
  const c = createCipheriv('aes-256-gcm', under(key, info), nonce).setAAD(Buffer.concat([head, ...about]));
  return Buffer.concat([head, nonce, c.update(text), c.final(), c.getAuthTag()]);
}
function open(key, info, about, envelope) {
  const d = createDecipheriv('aes-256-gcm', under(key, info), envelope.subarray(5, 17)).setAAD(Buffer.concat([envelope.subarray(0, 5), ...about]));
  d.setAuthTag(envelope.subarray(-16));
  return Buffer.concat([d.update(envelope.subarray(17, -16)), d.final()]);
}

/** The keys of a test's clinic, which is the only one there. */
export class Keys {
  constructor(clinic) {
    this.clinic = clinic;
    this.root = Buffer.from(readFileSync(path.join(clinic.dir, 'root.key'), 'utf8').trim(), 'hex');
  }

  async own() {
    this.id ??= (await this.clinic.sql('SELECT id FROM clinic'))[0].id;
    return this.id;
  }

  about(clinic, kind, subject, version) { return [id(clinic), name(kind), subject === null ? Buffer.alloc(16) : id(subject), number(version)]; }

  /** A further version of a class key, stored; its number. */
  async newClassKey(kind, clinic = null) {
    const of = clinic ?? await this.own();
    const [{ next }] = await this.clinic.sql(`SELECT max(version) + 1 AS next FROM class_key WHERE clinic_id = :'of' AND class = :'kind'`, { of, kind });
    const wrapped = seal(this.root, 1, 'epione wrap\0class', this.about(of, kind, null, Number(next)), randomBytes(32));
    await this.clinic.sql(`INSERT INTO class_key (clinic_id, class, version, wrapped) VALUES (:'of', :'kind', ${next}, :'wrapped')`, { of, kind, wrapped: hex(wrapped) });
    return Number(next);
  }

  async classKey(kind, version) {
    const of = await this.own();
    const [{ wrapped }] = await this.clinic.sql(`SELECT wrapped FROM class_key WHERE clinic_id = :'of' AND class = :'kind' AND version = ${version}`, { of, kind });
    return open(this.root, 'epione wrap\0class', this.about(of, kind, null, version), bytes(wrapped));
  }

  /** A further version of a subject's record key, under the newest class key. */
  async newRecordKey(kind, subject) {
    const of = await this.own();
    const [{ newest }] = await this.clinic.sql(`SELECT max(version) AS newest FROM class_key WHERE clinic_id = :'of' AND class = :'kind'`, { of, kind });
    const [{ next }] = await this.clinic.sql(`SELECT max(version) + 1 AS next FROM record_key WHERE subject_id = :'subject'`, { subject });
    const wrapped = seal(await this.classKey(kind, Number(newest)), Number(newest), 'epione wrap\0record', this.about(of, kind, subject, Number(next)), randomBytes(32));
    await this.clinic.sql(`INSERT INTO record_key (clinic_id, subject_id, class, version, wrapped) VALUES (:'of', :'subject', :'kind', ${next}, :'wrapped')`, { of, subject, kind, wrapped: hex(wrapped) });
    return Number(next);
  }

  async recordKey(kind, subject, version) {
    const [{ wrapped }] = await this.clinic.sql(`SELECT wrapped FROM record_key WHERE subject_id = :'subject' AND version = ${version}`, { subject });
    return open(await this.classKey(kind, versionOf(bytes(wrapped))), 'epione wrap\0record', this.about(await this.own(), kind, subject, version), bytes(wrapped));
  }

  /** What a sealed column says, its row being the subject's own. */
  async text(kind, subject, column) {
    const [{ value }] = await this.clinic.sql(`SELECT ${column} AS value FROM ${kind} WHERE id = :'subject'`, { subject });
    const key = await this.recordKey(kind, subject, versionOf(bytes(value)));
    return open(key, `${kind}.${column}`, [id(await this.own()), id(subject), Buffer.from(`${kind}.${column}`)], bytes(value)).toString();
  }
}
