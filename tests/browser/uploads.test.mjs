// Uploads of recordings, by the pages: they leave the line to the call, and what is
// recorded outlives networks, stores, sessions, browsers and clocks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { RecordedCall, until } from './recorded.mjs';

const DAY_MS = 86_400_000;
const call = new RecordedCall();
let first, second;
before(() => call.start({ short: true, aheadMs: DAY_MS }));
after(() => call.stop());

test('two recordings wait: of a browser a day ahead that died, and of one a day behind',
  async () => {
    call.store.door.fault = 'away';
    await call.begin();
    first = await call.record();
    await call.partsWait(first, 2);
    await call.kill();
    await call.comeBack(-DAY_MS);
    await call.goBack();
    second = await call.record();
    await call.partsWait(second, 3);
    await call.stopBy(call.doctor);
    for (const id of [first, second]) await call.ended(id);
  });

/** Signs in on the page that asks for it. */
async function signInAgain() {
  await call.doctor.getByLabel('Email').fill(call.person.email);
  await call.doctor.getByLabel('Password', { exact: true }).fill(call.person.password);
  await call.doctor.getByRole('button', { name: 'Sign in' }).click();
  await call.doctor.getByLabel('Code', { exact: true })
    .fill(await call.portal.code(call.person));
  await call.doctor.getByRole('button', { name: 'Continue' }).click();
  await until('the way in', () => new URL(call.doctor.url()).pathname !== '/');
}

/** The chunks of a recording that wait in the clinician's browser. */
const chunksOf = (recording) => call.doctor.evaluate(async (id) => {
  const [{ ChunkStore }, { toBase64 }] = await Promise.all([
    import('/assets/js/chunk-store.js'), import('/assets/js/chunk.js')]);
  const kept = await ChunkStore.open();
  const all = await new Promise((resolve) => {
    kept.db.transaction('chunk').objectStore('chunk')
      .getAll(IDBKeyRange.bound([id, 0], [id, Infinity])).onsuccess =
      ({ target }) => resolve(target.result);
  });
  kept.db.close();
  return all.map(({ bytes, ...rest }) => ({ ...rest, bytes: Array.from(
    { length: Math.ceil(bytes.length / 3000) }, (_, i) => toBase64(
      bytes.subarray(i * 3000, (i + 1) * 3000))).join('') }));
}, recording);

/** What the page below does: an uploader as a call has it, whose line is bad for as
 * long as `line.hurts`; what it asks for, and when, by the page's clock. */
const uploadBesideCall = async ([id, chunks]) => {
  const [{ ChunkStore }, { Uploader }, { fromBase64 }] = await Promise.all([
    import('/assets/js/chunk-store.js'), import('/assets/js/uploader.js'),
    import('/assets/js/chunk.js')]);
  const store = await ChunkStore.open();
  const line = { hurts: true, log: [], left: chunks.length,
    /** Of the n-th of a kind: when it was. */
    at: (kind, n = 0) => line.log.filter(([what]) => what === kind)[n]?.[1] };
  const note = (what) => line.log.push([what, performance.now()]);
  const go = fetch;

  globalThis.line = line;
  globalThis.fetch = (to, init) => {
    if (init.method !== 'PUT') {
      if (/chunks$/.test(to)) note('ask');
      return go(to, init);
    }
    note('put');
    return go(to, init).finally(() => note('over'));
  };
  await store.begin({ id, account: 'another', mediaType: 'video/webm',
    startedAt: 0, made: 0, heldBytes: 0, end: null, total: null,
    durationS: null });
  for (const chunk of chunks) await store.keep({ ...chunk,
    bytes: fromBase64(chunk.bytes) }, null);
  line.uploader = new Uploader({ store, id, hurts: () => line.hurts,
    onChange: (left, way) => {
      line.left = left;
      note(way);
    } });
  void line.uploader.run();
};

test('a call has the line first; a bad one is left to it; half an hour without one is no matter',
  async () => {
    const chunks = await chunksOf(second);
    await call.doctor.goto('about:blank'); // so that nobody else sends them
    const context = await call.portal.context();
    const page = await call.portal.signIn(context, call.person);
    const { clock } = context;
    const line = (kind, n = 0) => page.evaluate(([what, i]) =>
      globalThis.line.at(what, i), [kind, n]);
    const steps = (what, ms, look) => until(what, async () => {
      const seen = await look();
      if (!seen) await clock.runFor(ms);
      return seen;
    });
    let unlatch, held;
    const latch = () => {
      call.store.door.latch = new Promise((done) => { unlatch = done; });
    };
    /** The n-th of them takes so long, and so much longer nothing is asked for. */
    const rests = async (n, tookMs, times) => {
      await steps(`chunk ${n} is put`, 1000, () => line('put', n));
      await until('it is at the door', () => call.store.door.held > held + n);
      await clock.runFor(tookMs);
      unlatch();
      latch();
      const over = await steps(`chunk ${n} is there`, 10, () => line('over', n));
      const next = await steps(`chunk ${n + 1} is asked for`, 1000, () =>
        line('ask', n + 1));
      const took = over - await line('put', n);
      assert.ok(took >= tookMs, `${took} ms`);
      assert.ok(next - over >= times * took, `${next - over} after ${took} ms`);
    };

    assert.ok(chunks.length >= 3, String(chunks.length));
    call.store.door.fault = null;
    latch();
    ({ held } = call.store.door);
    await clock.install();
    await page.goto(`${call.portal.url}/help`);
    await clock.pauseAt(Date.now() + 3600e3);
    await page.evaluate(uploadBesideCall, [second, chunks]);
    // While the call needs all of the line it gets it, for ten seconds; and then
    // nine tenths of the time.
    const since = await steps('it waits', 0, () => line('waiting'));
    await steps('it still waits', 1000, () => line('waiting', 3));
    const asked = await steps('one goes', 1000, () => line('ask'));
    assert.ok(asked - since >= 10_000, `${asked - since} ms`);
    await rests(0, 4000, 9);
    await page.evaluate(() => { globalThis.line.hurts = false; });
    await rests(1, 5000, 1);
    await context.setOffline(true);
    unlatch();
    await steps('no line at all', 100, () => line('offline'));
    await clock.fastForward('30:00');
    const left = await page.evaluate(() => globalThis.line.left);
    assert.ok(left >= 1 && left <= chunks.length - 2, `${left} left`);
    await context.setOffline(false);
    await steps('all of it is there', 1000, () =>
      page.evaluate(() => globalThis.line.left === 0));
    await page.evaluate(() => globalThis.line.uploader.stop());
    await context.close();
    call.store.door.latch = Promise.resolve();
    call.store.door.fault = 'away';
  });

/** What may become of a chunk on its way, and what the page says of it. */
const FAULTS = [
  ['away', /takes nothing now/],
  [[507, 'InsufficientStorage'], /takes nothing now/],
  [[503, 'SlowDown'], /takes nothing now/],
  [[403, 'RequestTimeTooSkewed'], /takes nothing now/],
  [[403, 'AccessDenied'], /takes nothing now/], // the address has expired
  ['harm', /takes nothing now/],
  ['lost', /takes nothing now/]];

/** What is sent again after a while is sent now, again and again until it is seen. */
const hurried = (what, look) => until(what, async () => {
  await call.doctor.evaluate(() => dispatchEvent(new Event('online')))
    .catch(() => {}); // while it goes elsewhere
  return look();
});

test('nothing that happens on the way loses a chunk', async () => {
  const both = async () => [await call.waiting(first), await call.waiting(second)];

  await call.doctor.goto(`${call.portal.url}/visits`);
  const all = await both();
  assert.ok(all[0] >= 2 && all[1] >= 3, all);
  for (const [fault, words] of FAULTS) {
    Object.assign(call.store.door, { fault, met: 0 });
    await hurried(`${fault} met both`, () => call.store.door.met >= 2);
    await call.left().getByText(words).waitFor();
    assert.deepEqual(await both(), all, String(fault));
  }
  call.store.door.fault = 'away';
  call.relay.cut();
  await hurried('it says that there is no line', () =>
    call.left().getByText(/no connection to the clinic/).isVisible());
  call.relay.mend();
  // a session that ended, and somebody who signs out with something left
  await call.rows(`UPDATE session SET expires_at = now() - interval '1 minute'
    WHERE client = 'browser' AND account_id = :'id'`,
  { id: await call.portal.clinic.accountId(call.person) });
  // two of the page's own may lead there, and one breaks off the other
  await hurried('the way out', () => /signed=idle/.test(call.doctor.url()));
  await signInAgain();
  await call.left().getByText(/left to send/).waitFor();
  await call.doctor.getByRole('button', { name: 'Sign out', exact: true }).click();
  await call.doctor.getByText('You are signed out.').waitFor();
  assert.deepEqual(await both(), all);
});

test('when all is well again all of it is sent, and found whole', async () => {
  call.store.door.fault = null;
  await signInAgain();
  await until('both are in the store', async () => (await call.rows(`SELECT id
    FROM recording WHERE state = 'stored' AND id IN (:'first', :'second')`,
  { first, second })).length === 2);
  await call.left().waitFor({ state: 'detached' });
  assert.deepEqual([await call.waiting(first), await call.waiting(second)], [0, 0]);
  // The last is a tag alone, and nothing that is stored looks like a film.
  const objects = call.store.files().map((file) => readFileSync(file));
  assert.ok(objects.some(({ length }) => length === 16));
  assert.ok(objects.every((object) => object.readUInt32BE(0) !== 0x1a45dfa3));
});

test('no page complained', () => assert.deepEqual(call.complaints(), []));
