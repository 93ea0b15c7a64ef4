// A whole clinic of the test's own: private PostgreSQL, keys, certificate,
// demo people, and the server, in a temporary folder that goes away again.
import { spawn, execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

import { described } from './described.mjs';
import { freePort } from './ports.mjs';
import { Superuser } from './superuser.mjs';

export { freePort };
const run = promisify(execFile);
export const top = fileURLToPath(new URL('../..', import.meta.url));
const script = path.join(top, 'tools/clinic.sh');
const cluster = path.join(top, 'tools/cluster.sh');
const template = path.join(top, 'tests/lib/template.sh');

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** RFC 6238 with Node's own HMAC: a second opinion beside liboath. */
export function totp(secret, at = Date.now() / 1000) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const c of secret.replace(/=+$/, '')) bits += alphabet.indexOf(c).toString(2).padStart(5, '0');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30)));
  const mac = createHmac('sha1', key).update(step).digest();
  const code = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(code % 1_000_000).padStart(6, '0');
}

/** Every exchange of the suites, so that the last one can say what was never tried. */
const record = process.env.EPIONE_COVERAGE;
function note(method, url, status, role) {
  if (record) appendFileSync(record, JSON.stringify({ method, path: url.split('?')[0], status, role }) + '\n');
}

/** One client: a browser's cookies (of the session, and of the browser itself) or an API client's token. */
export class Client {
  constructor(url, { role = 'anonymous', browser = false, from = undefined } = {}) {
    Object.assign(this, { url, role, browser, token: null, cookie: null, device: null, agent: new https.Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 64, localAddress: from }) });
  }

  /** @returns {Promise<{status: number, headers: Record<string, any>, body: any, text: string, bytes: Buffer}>} */
  request(method, target, body, headers = {}) {
    const raw = body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const all = { ...(raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(raw) }), ...headers };
    if (raw === undefined && !['GET', 'HEAD', 'DELETE', 'OPTIONS'].includes(method)) all['content-length'] = 0;
    if (this.token && !all.authorization) all.authorization = `Bearer ${this.token}`;
    if (!all.cookie) all.cookie = [this.cookie, this.device].filter(Boolean).join('; ') || null;
    if (this.browser && method !== 'GET' && all.origin === undefined) all.origin = this.url;
    for (const k of Object.keys(all)) if (all[k] === null) delete all[k];
    return new Promise((done, failed) => {
      const rq = https.request(this.url + target, { method, headers: all, agent: this.agent }, (rs) => {
        const parts = [];
        rs.on('data', (d) => parts.push(d));
        rs.on('error', failed);
        rs.on('end', () => {
          const bytes = Buffer.concat(parts), text = bytes.toString('utf8');
          let parsed = null;
          if (/json/.test(rs.headers['content-type'] ?? '') && text !== '') parsed = JSON.parse(text);
          const set = rs.headers['set-cookie']?.find((c) => c.startsWith('__Host-epione='));
          if (set && this.browser) this.cookie = /=;/.test(set) ? null : set.split(';')[0];
          const known = rs.headers['set-cookie']?.find((c) => c.startsWith('__Host-epione-device='));
          if (known && this.browser) this.device = known.split(';')[0];
          if (parsed?.token && !this.browser) this.token = parsed.token;
          note(method, target, rs.statusCode, this.role);
          const answer = { status: rs.statusCode ?? 0, headers: rs.headers, body: parsed, text, bytes };
          try {
            described(method, target, answer);
            done(answer);
          } catch (wrong) {
            failed(wrong);
          }
        });
      });
      // the server closed what was idle just as we asked: nothing was taken
      rq.on('error', (e) => (rq.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(e.code) ? done(this.request(method, target, body, headers)) : failed(e)));
      rq.setTimeout(120_000, () => rq.destroy(new Error('no answer within two minutes')));
      rq.end(raw);
    });
  }

  get(target, headers) { return this.request('GET', target, undefined, headers); }
  delete(target, headers) { return this.request('DELETE', target, undefined, headers); }
  post(target, body, headers) { return this.request('POST', target, body, headers); }
  put(target, body, headers) { return this.request('PUT', target, body, headers); }
  patch(target, body, headers) { return this.request('PATCH', target, body, headers); }
  search(terms) { return this.post('/v1/patients/search', terms); }
  create(target, body, key = randomUUID()) { return this.post(target, body, { 'idempotency-key': key }); }
  close() { this.agent.destroy(); }
}

/**
 * Starts a clinic. `settings` are further lines of epione.conf, `mail`
 * those that it gets once its people are made, `jobs` of epione-jobs.conf.
 * people: admin, clinician, clinician2, scheduler, compliance, patient, patient2,
 * each {role, name, email, password, totp_secret (totpSecret), recovery_codes, id?, patient_id?}.
 */
export async function startClinic({ settings = '', mail = '', jobs = '', env = {} } = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-`));
  await run('chmod', ['0711', dir]);
  const port = await freePort();
  const environment = {
    ...process.env,
    EPIONE_SETTINGS: `requests_per_minute 1000000\nsign_ins_per_minute 100000\nresets_per_minute 100000\nssn_searches_per_minute 100000\nconnections_per_address 100000\nnew_connections_per_minute 1000000\n${settings}`,
    EPIONE_MAIL_SETTINGS: mail,
    EPIONE_JOBS_SETTINGS: jobs,
    ...env,
  };
  try {
    return await begin(dir, port, environment);
  } catch (e) {
    await run(cluster, ['teardown', path.join(dir, 'pg')]).catch(() => {});
    rmSync(dir, { recursive: true, force: true });
    throw e;
  }
}

/** The clinic of a folder that clinic.sh has prepared, for `port`; it starts nothing. */
export async function clinicIn(dir, port, environment = process.env) {
  const made = JSON.parse(readFileSync(path.join(dir, 'people.json'), 'utf8'));
  const people = {};
  for (const p of made.people) {
    const name = people[p.role] ? p.role + '2' : p.role;
    people[name] = { ...p, totpSecret: p.totp_secret };
  }
  const superuser = (await run(cluster, ['url', path.join(dir, 'pg'), 'super'])).stdout.trim().replace('/postgres?', '/epione?');
  return new Clinic({ dir, port, url: `https://localhost:${port}`, people, patients: made.patients, superuser, environment });
}

async function begin(dir, port, environment) {
  const packed = (await run('sh', [template])).stdout.trim();
  await run('sh', [script, 'prepare', dir, String(port)], { env: { ...environment, EPIONE_TEMPLATE: packed }, maxBuffer: 1 << 24 });
  const clinic = await clinicIn(dir, port, environment);
  try {
    await clinic.startServer();
  } catch (e) {
    await clinic.stopServer('SIGKILL');
    throw e;
  }
  return clinic;
}

export class Clinic {
  constructor(fields) {
    Object.assign(this, fields);
    this.db = new Superuser(this.superuser);
    this.log = '';
  }

  async startServer() {
    this.server = spawn('sh', [script, 'server', this.dir], { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [this.server.stdout, this.server.stderr])
      s.on('data', (d) => {
        this.log += d;
        if (process.env.EPIONE_TEST_LOG) process.stderr.write(d);
      });
    this.exited = new Promise((done) => this.server.on('exit', (code, signal) => done({ code, signal })));
    await this.untilReady();
  }

  /** epionectl as the operator runs it, on this clinic's database: what it prints. */
  async operator(...args) {
    const { stdout } = await this.ctl(...args, '--config', path.join(this.dir, 'epione.conf'), '--database', await this.address('owner'));
    return stdout.trim();
  }

  /** The database for a command line, which is everybody's to read: without the password. */
  async address(role) {
    return (await run(cluster, ['address', path.join(this.dir, 'pg'), role])).stdout.trim();
  }

  /** epionectl, with the passwords of the database's roles; rejects if it fails. */
  ctl(...args) {
    return run(path.join(top, process.env.BUILD ?? 'build', 'epionectl'), args, { env: { ...process.env, PGPASSFILE: path.join(this.dir, 'pg/pgpass') } });
  }

  /** Other further lines for epione-jobs.conf, for whoever starts next; and another database. */
  writeJobs(lines, database = null) {
    const file = path.join(this.dir, 'epione-jobs.conf');
    const own = readFileSync(file, 'utf8').split('\n').filter((l) => /^(origin|database|root_key) /.test(l))
      .map((l) => database && l.startsWith('database ') ? `database ${database}` : l);
    writeFileSync(file, `${own.join('\n')}\n${lines}`, { mode: 0o600 });
  }

  /** The demo's pretend processor beside the server, at the CHECKOUT_PORT of its environment. Answers when this resolves; ends with the clinic. */
  async startCheckout() {
    const child = spawn('sh', [script, 'checkout', this.dir], { env: this.environment, stdio: ['ignore', 'ignore', 'pipe'] });
    const checkout = { log: '', exited: new Promise((done) => child.on('exit', done)), kill: null };
    checkout.kill = (signal = 'SIGTERM') => { child.kill(signal); return checkout.exited; };
    child.stderr.on('data', (d) => { checkout.log += d; });
    (this.jobs ??= new Set()).add(checkout);
    void checkout.exited.then(() => this.jobs.delete(checkout));
    const page = `http://localhost:${this.environment.CHECKOUT_PORT}/`;
    for (const end = Date.now() + 60000; !await fetch(page).then((r) => r.ok, () => false); await sleep(50))
      if (child.exitCode !== null || Date.now() > end) throw new Error(`the pretend processor is not there:\n${checkout.log}`);
    return page;
  }

  /** One more epione-jobs beside the server: {log, kill(signal) → {code, signal}}. Ready when this resolves. */
  async startJobs() {
    const child = spawn('sh', [script, 'jobs', this.dir], { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const jobs = { log: '', pid: child.pid, exited: new Promise((done) => child.on('exit', (code, signal) => done({ code, signal }))), kill: null };
    jobs.kill = (signal = 'SIGTERM') => { child.kill(signal); return jobs.exited; };
    for (const s of [child.stdout, child.stderr])
      s.on('data', (d) => {
        jobs.log += d;
        if (process.env.EPIONE_TEST_LOG) process.stderr.write(d);
      });
    (this.jobs ??= new Set()).add(jobs);
    void jobs.exited.then(() => this.jobs.delete(jobs));
    for (const end = Date.now() + 120_000; !/"ready"/.test(jobs.log); await sleep(50))
      if (child.exitCode !== null || Date.now() > end) throw new Error(`epione-jobs is not ready:\n${jobs.log.slice(-2000)}`);
    return jobs;
  }

  /** Starts the server anew with other values of settings that epione.conf has. */
  async restart(settings) {
    const file = path.join(this.dir, 'epione.conf');
    let text = readFileSync(file, 'utf8');
    for (const [name, value] of Object.entries(settings)) {
      const line = new RegExp(`^${name} .*$`, 'm');
      if (!line.test(text)) throw new Error(`epione.conf does not set ${name}`);
      text = text.replace(line, `${name} ${value}`);
    }
    writeFileSync(file, text, { mode: 0o600 });
    await this.stopServer();
    await this.startServer();
  }

  /** Brings a visit forward to where people may come in; whatever else of its people
   * is about now makes room, as it lies wherever the demo clinic was booked. */
  async visitSoon(id) {
    this.madeRoom = (this.madeRoom ?? 39) + 1; // no two of them meet there
    await this.sql(`UPDATE visit v SET starts_at = v.starts_at + :'days'::interval, ends_at = v.ends_at + :'days'::interval
      FROM visit o WHERE o.id = :'id' AND v.id <> o.id AND v.ends_at > now() AND v.starts_at < now() + interval '1 hour'
        AND (v.clinician_id = o.clinician_id OR v.patient_id = o.patient_id)`, { id, days: `${this.madeRoom} days` });
    await this.sql(`UPDATE visit SET starts_at = now() + interval '5 minutes', ends_at = now() + interval '35 minutes'
      WHERE id = :'id'`, { id });
  }

  /** /readyz answers 200, or throws with the server's last words. */
  async untilReady(ms = 120_000) {
    const probe = new Client(this.url);
    for (const end = Date.now() + ms; ; await sleep(100)) {
      const r = await probe.get('/readyz').catch(() => null);
      if (r?.status === 200) break;
      if (this.server.exitCode !== null || Date.now() > end) throw new Error(`the server is not ready:\n${this.log.slice(-2000)}`);
    }
    probe.close();
  }

  async stopServer(signal = 'SIGTERM') {
    this.server.kill(signal);
    return this.exited;
  }

  /** What the log has, for closing.mjs; before a test takes from it, too. */
  async noteAudit() {
    if (record)
      for (const a of await this.sql(`SELECT DISTINCT operation, outcome FROM audit`).catch(() => []))
        appendFileSync(record, JSON.stringify({ audit: true, ...a }) + '\n');
  }

  async stop() {
    await this.noteAudit();
    await Promise.all([...(this.jobs ?? [])].map((j) => j.kill('SIGKILL')));
    this.second?.close();
    await this.db.close();
    await this.stopServer();
    await run('sh', [script, 'stop', this.dir]).catch(() => {});
    if (!process.env.EPIONE_TEST_KEEP) rmSync(this.dir, { recursive: true, force: true });
  }

  async database(command) {
    return run(cluster, [command, path.join(this.dir, 'pg')], { env: this.environment });
  }

  /** Keeps what a transaction takes, such as a lock; answers what lets it go. */
  hold(text, params) { return this.db.hold(text, params); }

  /** Rows as objects of strings, as superuser; params by :'name'. */
  sql(text, params) { return this.db.sql(text, params); }

  /** Audit rows, oldest first. */
  audit(where = 'true') {
    return this.sql(`SELECT event, outcome, actor_id, actor_role, patient_id, record_id, returned::text, request_id, operation, clinic_id FROM audit WHERE ${where} ORDER BY seq`);
  }

  /** A visit by link: invited by the desk, and joined. Of a visit that may begin now, unless it is said which.
   * @returns {Promise<Client & {visit: string, invitation: string, link: string}>} */
  async guest({ visit, role = 'family', name = 'A guest', birth_date, browser = false } = {}) {
    const desk = await this.signIn(this.people.scheduler);
    if (!visit) {
      const booked = (await desk.get('/v1/visits?status=booked&limit=100')).body.items.find((v) => v.patient_id === this.people.patient.patient_id);
      await this.visitSoon(visit = booked.id);
    }
    const made = await desk.create(`/v1/visits/${visit}/invitations`, { role, display_name: name });
    if (made.status !== 201) throw new Error(`invitation: ${made.status} ${made.text}`);
    desk.close();
    const client = new Client(this.url, { role: 'guest', browser });
    const link = made.body.join_url.split('#')[1];
    const joined = await client.post(`/v1/invitations/${link}/join`, { ...(birth_date ? { birth_date } : {}), client: browser ? 'browser' : 'api' });
    if (joined.status !== 200) throw new Error(`join: ${joined.status} ${joined.text}`);
    return Object.assign(client, { visit, invitation: made.body.id, link });
  }

  /** Signs in with password and code; a code counts once, so the last step is forgotten first. */
  async signIn(person, { browser = false } = {}) {
    const client = new Client(this.url, { role: person.role, browser });
    const first = await client.post('/v1/session', { email: person.email, password: person.password, client: browser ? 'browser' : 'api' }, { origin: browser ? this.url : null });
    if (first.status !== 200) throw new Error(`sign-in: ${first.status} ${first.text}`);
    await this.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: person.id ?? (await this.accountId(person)) });
    const second = await client.post('/v1/session/totp', { code: totp(person.totp_secret) });
    if (second.status !== 200) throw new Error(`code: ${second.status} ${second.text}`);
    return client;
  }

  /**
   * The second person: the officer confirms with a fresh factor what an answer
   * says is waiting, and reads the phrase.
   * @returns {Promise<string>} the phrase
   */
  async confirm({ approval }) {
    const officer = this.people.compliance;
    if (!this.second || (await this.second.get('/v1/session')).status !== 200) this.second = await this.signIn(officer);
    const confirmed = () => this.second.post(`/v1/approvals/${approval.id}/confirm`);
    let r = await confirmed();
    if (r.body?.code === 'step_up_required') {
      await this.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, officer);
      const fresh = await this.second.post('/v1/session/step-up', { code: totp(officer.totp_secret) });
      if (fresh.status !== 200) throw new Error(`step-up: ${fresh.status} ${fresh.text}`);
      r = await confirmed();
    }
    if (r.status !== 200) throw new Error(`confirm: ${r.status} ${r.text}`);
    return r.body.phrase;
  }

  async accountId(person) {
    if (!person.id) {
      const rows = await this.sql(`SELECT account_id FROM session WHERE hash = sha256(convert_to(:'token', 'UTF8')) UNION SELECT id FROM account WHERE role = :'role' AND (patient_id::text = :'patient' OR :'patient' = '') LIMIT 1`, { token: person.token ?? '', role: person.role, patient: person.patient_id ?? '' });
      person.id = rows[0].account_id;
    }
    return person.id;
  }
}

/** clinic.signIn as a function, for suites that read better so. */
export const signIn = (clinic, person, options) => clinic.signIn(person, options);
