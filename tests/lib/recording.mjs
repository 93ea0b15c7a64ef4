// Recordings by the API: one that everybody agreed to, and its parts, by a second hand.
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

import { Peer } from './peer.mjs';

const ok = (r, status = 200) => {
  if (r.status !== status) throw new Error(`${r.status} instead of ${status}: ${r.text}`);
  return r.body;
};

//= RC-02: the format of docs/RECORDINGS.md
const nonce = (prefix, index, last) => { const n = Buffer.alloc(12); Buffer.from(prefix, 'base64').copy(n); n.writeUInt32BE(index, 7); n[11] = last ? 1 : 0; return n; };
const aad = (id, index) => { const b = Buffer.alloc(20); Buffer.from(id.replaceAll('-', ''), 'hex').copy(b); b.writeUInt32BE(index, 16); return b; };

/** A part as it is put into the store. @param {{id: string, key: string, nonce_prefix: string}} r */
export function seal(r, index, last, text) {
  const c = createCipheriv('aes-256-gcm', Buffer.from(r.key, 'base64'), nonce(r.nonce_prefix, index, last));
  c.setAAD(aad(r.id, index));
  return Buffer.concat([c.update(text), c.final(), c.getAuthTag()]);
}

/** What it was, or throws. @param {{key: string, nonce_prefix: string}} r */
export function unseal(r, id, index, last, object) {
  const d = createDecipheriv('aes-256-gcm', Buffer.from(r.key, 'base64'), nonce(r.nonce_prefix, index, last));
  d.setAAD(aad(id, index));
  d.setAuthTag(object.subarray(-16));
  return Buffer.concat([d.update(object.subarray(0, -16)), d.final()]);
}

export const sha256 = (b) => createHash('sha256').update(b).digest('base64');

/** A visit of the demo clinic's first patient and their clinician that may begin now. */
async function visitNow(clinic) {
  const desk = await clinic.signIn(clinic.people.scheduler);
  let visit;
  for (let day = 200; !visit; day++) {
    const made = await desk.create('/v1/visits', { patient_id: clinic.people.patient.patient_id, clinician_id: await clinic.accountId(clinic.people.clinician), duration_minutes: 5, starts_at: new Date(Date.now() + day * 86400e3).toISOString().replace(/\.\d+Z/, 'Z'), reason: 'recorded' });
    if (made.body?.code !== 'slot_taken') visit = ok(made, 201);
  }
  desk.close();
  await clinic.visitSoon(visit.id);
  return visit;
}

/** Both of them in a call that they agreed to record: {id, key, nonce_prefix, leave()}. */
export async function agreed(clinic, doctor, patient) {
  const visit = await visitNow(clinic);
  ok(await patient.post(`/v1/visits/${visit.id}/check-in`));
  const peer = (client) => new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${visit.id}/signal`, { headers: { authorization: `Bearer ${client.token}` } });
  const [pat, doc] = [peer(patient), peer(doctor)];
  for (const p of [pat, doc]) await p.hello();
  ok(await doctor.post(`/v1/visits/${visit.id}/admit`));
  await pat.hear('admitted');
  const made = ok(await doctor.create(`/v1/visits/${visit.id}/recordings`, {}), 201);
  await pat.hear('recording', (m) => m.id === made.id);
  pat.say({ type: 'consent', recording: made.id, given: true });
  await doc.hear('recording', (m) => m.id === made.id && m.state === 'recording');
  return { ...made, leave: () => [pat, doc].forEach((p) => p.ws.close()) };
}

/** {url, headers}: where a part may be put, and what has to be said there. */
export const presign = async (doctor, r, index, object) => ok(await doctor.post(`/v1/recordings/${r.id}/chunks`, { index, bytes: object.length, sha256: sha256(object) }));

/** Puts a part into the store, and says so. */
export async function upload(doctor, r, index, object) {
  const { url, headers } = await presign(doctor, r, index, object);
  const put = await fetch(url, { method: 'PUT', headers, body: object });
  if (put.status !== 200) throw new Error(`${put.status}: ${await put.text()}`);
  ok(await doctor.post(`/v1/recordings/${r.id}/chunks/${index}/done`));
}
