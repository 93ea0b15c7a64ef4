// A mail relay of the test's own: takes messages over TLS with a sign-in, on the
// loopback, under a certificate made for it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

import { freePort } from './ports.mjs';

/**
 * {port, ca, secret, messages, settings, …}. `secure`: TLS from the first byte;
 * else STARTTLS. refuse(address) answers an SMTP status for a recipient, or
 * null; before(message) runs before a message is taken, and may throw.
 */
export async function startMailbox({ port = 0, secure = true, starttls = true, certificateFor = 'localhost', dir = null } = {}) {
  const own = dir === null;
  dir ??= mkdtempSync(path.join(os.tmpdir(), 'epione-mailbox-'));
  if (own) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path.join(dir, 'key.pem'),
      '-out', path.join(dir, 'ca.pem'), '-days', '2', '-subj', '/CN=mail', '-addext', `subjectAltName=DNS:${certificateFor}`], { stdio: 'ignore' });
    writeFileSync(path.join(dir, 'secret'), 'correct horse\n', { mode: 0o400 });
  }
  const box = { dir, ca: path.join(dir, 'ca.pem'), messages: [], sessions: 0, refuse: () => null, before: null, port: 0, settings: '', close: null };
  const server = new SMTPServer({
    secure,
    key: readFileSync(path.join(dir, 'key.pem')),
    cert: readFileSync(box.ca),
    authOptional: false,
    disabledCommands: starttls ? [] : ['STARTTLS'],
    onConnect: (_, done) => { box.sessions++; done(); },
    onAuth: ({ username, password }, _, done) => done(...(username === 'app' && password === 'correct horse' ? [null, { user: 'app' }] : [new Error('no')])),
    onRcptTo: ({ address }, _, done) => {
      const status = box.refuse(address);
      done(status ? Object.assign(new Error('not here'), { responseCode: status }) : null);
    },
    onData: (stream, session, done) => {
      const parts = [];
      stream.on('data', (d) => parts.push(d));
      stream.on('end', async () => {
        try {
          const raw = Buffer.concat(parts).toString('latin1');
          const mail = await simpleParser(Buffer.concat(parts));
          await box.before?.(mail);
          box.messages.push({ raw, secure: session.secure, from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((r) => r.address), mail });
          done();
        } catch (e) {
          done(e);
        }
      });
    },
  });
  port ||= await freePort(); // one that is away for a while comes back there
  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  server.on('error', () => {}); // a peer that does not trust us hangs up
  box.port = port;
  box.settings = `smtp_url ${secure ? 'smtps' : 'smtp'}://localhost:${box.port}\nsmtp_from no-reply@clinic.example\n`;
  box.jobs = `${box.settings}smtp_user app\nsmtp_password ${path.join(dir, 'secret')}\nsmtp_ca ${box.ca}\n`;
  box.close = (keep = false) => new Promise((done) => server.close(() => {
    if (!keep) rmSync(dir, { recursive: true, force: true });
    done();
  }));
  return box;
}
