// A call that is recorded, by the pages: what the tests of recordings have in common.
// Each person's camera is a colour with the time in it, and their voice a tone. The
// clinician has a browser of their own, which can crash and come back; it reaches the
// clinic through a relay, and the store through a door.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { freePort, startClinic, top } from '../lib/clinic.mjs';
import { coming } from '../lib/patience.mjs';
import { children } from '../lib/processes.mjs';
import { Relay } from '../lib/relay.mjs';
import { aStore } from '../lib/store.mjs';
import { Portal, SHELL, launch } from './portal.mjs';
import { connected, goIn, openVisit } from './call.mjs';

export const RED = [200, 30, 30], BLUE = [30, 30, 200];
export const HZ = { doctor: 500, patient: 1500 };
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Begins a browser at the end of a narrow line. */
const NARROW = path.join(top, 'tests/lib/narrow.sh');
/** How long a part is where nothing depends on it, in ms: less to wait for. */
const SHORT_MS = 2000;

/** A script that says how long a part is, with another length. */
async function shorten(route) {
  const file = path.join(top, new URL(route.request().url()).pathname);
  const body = readFileSync(file, 'utf8').replace(
    /const (CHUNK_MS|KEY_MS) = 5000;/, `const $1 = ${SHORT_MS};`);

  await route.fulfill({ body, contentType: 'text/javascript' });
}

/**
 * A camera that shows a colour and, in its upper corner, the time in tenths of a
 * second: twelve bits, and each turned round below itself. A microphone that hears
 * a tone.
 */
const camera = ([colour, hz]) => {
  const make = async () => {
    const canvas = document.createElement('canvas');
    const pen = canvas.getContext('2d');
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const out = audio.createMediaStreamDestination();

    canvas.width = 160;
    canvas.height = 90;
    setInterval(() => {
      const tenths = Math.floor(performance.now() / 100) & 0xfff;
      pen.fillStyle = `rgb(${colour})`;
      pen.fillRect(0, 0, 160, 90);
      for (let bit = 0; bit < 12; bit++)
        for (const row of [0, 1]) {
          pen.fillStyle = (tenths >> bit & 1) === row ? '#000' : '#fff';
          pen.fillRect(bit * 10, row * 10, 10, 10);
        }
    }, 100);
    const quieter = audio.createGain();
    quieter.gain.value = 0.3; // two of them are no more than there can be
    tone.frequency.value = hz;
    tone.connect(quieter).connect(out);
    tone.start();
    return new MediaStream([...canvas.captureStream(10).getTracks(),
      ...out.stream.getTracks()]);
  };
  if (navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
      const all = await make();
      return new MediaStream(all.getTracks().filter(({ kind }) =>
        kind === 'audio' ? audio : video));
    };
};

export async function until(what, look, ms = 60_000) {
  for (const at = Date.now(); ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() - at > coming(ms)) throw new Error(`never: ${what}`);
  }
}

export const shot = async (page, name) => process.env.EPIONE_SHOTS &&
  page.screenshot({ path: `${process.env.EPIONE_SHOTS}/${name}.png` });
export const looks = async (page, name) => {
  if (!process.env.EPIONE_SHOTS) return;
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await shot(page, `${name}-${colorScheme}`);
  }
  await page.setViewportSize(size ?? { width: 1280, height: 720 });
};
/** Who is in the call, and what it goes through. */
export class RecordedCall {
  /** @type {Portal} */
  portal;
  #profile = mkdtempSync(path.join(os.tmpdir(),
    `epione-test-${process.env.EPIONE_RUN ?? ''}-profile-`));

  /**
   * A visit that may begin, and both people signed in.
   * @param {{short?: boolean, aheadMs?: number, kbit?: number}} [options] short
   *   parts; what the clinician's clock is ahead; the line of their browser, a
   *   second, if it is narrow
   */
  async start({ short = false, aheadMs = 0, kbit = 0 } = {}) {
    Object.assign(this, { short, kbit });
    this.store = await aStore({ behind: true });
    const clinic = await startClinic({ settings: this.store.settings,
      jobs: this.store.jobs });
    this.portal = new Portal(clinic, await launch([
      '--autoplay-policy=no-user-gesture-required']));
    await this.store.start(clinic.url);
    this.relay = new Relay(clinic.port);
    await this.relay.listen();
    await clinic.startJobs();
    await clinic.sql('UPDATE clinic SET recording = 1');
    ({ visit: this.visit, doctor: this.person } = await openVisit(this.portal));
    await this.comeBack(aheadMs);
    const far = await this.portal.context();
    await far.addInitScript(camera, [BLUE, HZ.patient]);
    this.patient = await this.portal.signIn(far, clinic.people.patient);
    await until('a key to sign addresses with', async () =>
      (await this.rows('SELECT day FROM store_signer')).length);
  }

  async stop() {
    if (this.child?.exitCode === null && !this.child.signalCode)
      await this.kill();
    await this.far?.close();
    for (const relay of [this.relay, ...this.doors ?? []]) relay?.stop();
    await this.portal?.stop();
    await this.store?.stop();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /**
   * The clinician's own browser, with a profile that outlives it.
   * @returns {Promise<import('playwright-core').BrowserContext>}
   */
  async #ownBrowser() {
    const said = path.join(this.#profile, 'DevToolsActivePort');
    const { clinic } = this.portal;

    rmSync(said, { force: true });
    this.child = spawn(SHELL, [
      `--user-data-dir=${this.#profile}`,
      '--remote-debugging-port=0', '--no-sandbox', '--disable-gpu',
      '--no-first-run', '--ignore-certificate-errors', '--headless',
      '--disable-background-networking', '--allow-loopback-in-peer-connection',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      `--host-resolver-rules=MAP localhost:${clinic.port} ` +
        `127.0.0.1:${this.relay.server.address().port}`,
      '--autoplay-policy=no-user-gesture-required', 'about:blank'],
    { stdio: 'ignore', detached: true }); // a group: it is begun by a script
    this.killed = new Promise((done) => this.child.on('exit', done));
    const port = await until('the browser', () => existsSync(said) &&
      /^(\d+)\n/.exec(readFileSync(said, 'utf8'))?.[1]);
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    const [context] = browser.contexts();
    context.setDefaultTimeout(coming(30_000));
    context.on('page', (page) => this.portal.watch(page));
    return context;
  }

  /** One whose line is narrow, for all that it sends and gets. */
  async #farBrowser() {
    const n = randomInt(1 << 14); // a network of four addresses, of RFC 2544's
    const [near, far] = [1, 2].map((i) => `198.18.${n >> 6}.${(n & 63) * 4 + i}`);
    const ports = [this.portal.clinic.port, this.store.port];
    const ours = [await freePort(), await freePort()];

    this.far = await launch(['--autoplay-policy=no-user-gesture-required',
      `--host-resolver-rules=${ports.map((port, i) =>
        `MAP localhost:${port} ${near}:${ours[i]}`).join(', ')}`], undefined, NARROW,
    { LINE_BROWSER: SHELL, LINE_PID: String(process.pid), LINE_NAME: `line${n}`,
      LINE_NEAR: near, LINE_FAR: far, LINE_KBIT: String(this.kbit) });
    this.doors = ports.map((port) => new Relay(port));
    for (const [i, door] of this.doors.entries()) await door.listen(ours[i], near);
    return this.portal.context({}, this.far);
  }

  /** @param {number} aheadMs of the true time */
  async #openBrowser(aheadMs) {
    const context = await (this.kbit ? this.#farBrowser() : this.#ownBrowser());

    await context.addInitScript(camera, [RED, HZ.doctor]);
    await context.addInitScript((ms) => {
      const now = Date.now;
      Date.now = () => now() + ms;
    }, aheadMs);
    if (this.short) await context.route(/\/(chunk-worker|recorder)\.js$/, shorten);
    return context;
  }

  /** The clinician's browser, and whoever signs in there.
   * @param {number} [aheadMs] its clock, of the true time */
  async comeBack(aheadMs = 0) {
    this.doctor = await this.portal.signIn(await this.#openBrowser(aheadMs),
      this.person);
  }

  kill() {
    process.kill(-this.child.pid, 'SIGKILL');
    return this.killed;
  }

  /** The part of the clinician's browser that has the loudspeaker. @returns {number} */
  loudspeaker() {
    const all = (pid) => Object.keys(children(pid)).flatMap((one) =>
      [Number(one), ...all(Number(one))]);

    return all(this.child.pid).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('audio.mojom'));
  }

  /** @param {Record<string, unknown>} [values] */
  rows(sql, values = {}) {
    return this.portal.clinic.sql(sql, values);
  }

  /** Both come, and the call is there. */
  async begin() {
    const { portal, visit, doctor, patient } = this;

    await goIn(patient, portal, visit, 'Check in');
    await goIn(doctor, portal, visit, 'Open the room');
    await doctor.getByRole('button', { name: /^Admit/ }).click();
    for (const page of [doctor, patient]) await connected(page);
  }

  /** The clinician has come back without the recording: it is over. */
  async goBack() {
    await goIn(this.doctor, this.portal, this.visit, 'Open the room');
    await until('it is over', async () =>
      (await this.newest()).state === 'stopped');
    await sign(this.patient).waitFor({ state: 'detached' });
    await connected(this.doctor);
  }

  /** @returns {Promise<any>} the visit's newest recording */
  async newest() {
    return (await this.rows(`SELECT id, state, chunks FROM recording
      WHERE visit_id = :'id' ORDER BY created_at DESC LIMIT 1`,
    { id: this.visit.id }))[0];
  }

  /** The clinician asks, the patient agrees, and it goes on. */
  async record() {
    const { doctor, patient } = this;

    await doctor.getByRole('button', { name: 'Record', exact: true }).click();
    await doctor.getByRole('button', { name: 'Ask everyone' }).click();
    await patient.getByRole('button', { name: 'Yes, record' }).click();
    for (const page of [doctor, patient]) await sign(page).waitFor();
    return (await this.newest()).id;
  }

  /** Somebody presses the button that ends it, and it is over for both. */
  async stopBy(page) {
    await sign(page).getByRole('button', { name: 'Stop recording' }).click();
    for (const each of [this.doctor, this.patient])
      await sign(each).waitFor({ state: 'detached' });
  }

  /** @returns {Promise<number>} parts that wait in the clinician's browser */
  waiting(recording) {
    return this.doctor.evaluate(async (id) => {
      const { ChunkStore } = await import('/assets/js/chunk-store.js');
      const kept = await ChunkStore.open();
      const left = await kept.left(id);
      kept.db.close();
      return left;
    }, recording);
  }

  /** @returns {Promise<any>} what is known of a recording here, once it has an end */
  ended(recording) {
    return until('its end', () => this.doctor.evaluate(async (id) => {
      const { ChunkStore } = await import('/assets/js/chunk-store.js');
      const kept = await ChunkStore.open();
      const one = await kept.get(id);
      kept.db.close();
      return one.total !== null && one;
    }, recording));
  }

  /** The strip that every page of theirs shows while something is left to send. */
  left() {
    return this.doctor.locator('#uploads');
  }

  /** What pages complained about, but of what the store was made to answer: the
   * browser says so of each. */
  complaints() {
    return this.portal.complaints.filter((line) =>
      !/net::ERR_|AudioContext was not allowed|status of (401|403|503|507) /
        .test(line));
  }

  /** Recording goes on, and at least so many parts wait to be sent. */
  partsWait(id, n) {
    return until(`${n} parts that wait`, async () => await this.waiting(id) >= n);
  }
}

/** What says on a page that it is recorded. */
export const sign = (page) => page.locator('.recsign');
