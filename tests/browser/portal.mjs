// A browser at a clinic's portal: signs people in through the pages, and
// watches for what must never happen on any of them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { startClinic, totp } from '../lib/clinic.mjs';
import { coming } from '../lib/patience.mjs';

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
  'best-practice'];

/** The rules that look at colours: what else is right in one scheme is so in
 * the other. */
export const COLOURS = { type: 'rule',
  values: ['color-contrast', 'link-in-text-block'] };

const FAKE = ['--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream'];

/** Chromium without windows of its own, which would take half of a processor;
 * and the whole of it, whose questions for a permission are part of its windows. */
export const SHELL = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell';
export const WHOLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * @param {string[]} [flags] further ones
 * @param {string[]} [devices] flags that give a camera and a microphone
 * @param {Record<string, string>} [env] more of its environment
 */
export const launch = (flags = [], devices = FAKE, executablePath = SHELL, env = {}) => chromium.launch({
  executablePath, env: { ...process.env, ...env },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--allow-loopback-in-peer-connection', ...devices,
    ...flags] });

export class Portal {
  static async start(options = {}) {
    const clinic = await startClinic(options);

    try {
      return new Portal(clinic, await launch());
    } catch (error) {
      await clinic.stop();
      throw error;
    }
  }

  constructor(clinic, browser) {
    this.clinic = clinic;
    this.browser = browser;
    this.url = clinic.url;
    /** What pages complained about: scripts, policies, console errors. */
    this.complaints = [];
  }

  async stop() {
    await this.browser.close();
    await this.clinic.stop();
  }

  async context(options = {}, browser = this.browser) {
    const context = await browser.newContext({ ignoreHTTPSErrors: true,
      permissions: ['camera', 'microphone', 'clipboard-write'],
      locale: 'en-US', timezoneId: 'America/New_York', ...options });

    context.setDefaultTimeout(coming(30_000));
    context.on('page', (page) => this.watch(page));
    return context;
  }

  watch(page) {
    const say = (text) => this.complaints.push(`${page.url()}: ${text}`);

    page.on('pageerror', (error) => say(error.stack ?? error.message));
    page.on('console', (message) => {
      // Chromium reports each refused request; the tests cause some.
      if (['error', 'warning'].includes(message.type()) &&
          !/Failed to load resource.*\b4\d\d\b/.test(message.text()))
        say(message.text());
    });
  }

  /** A code counts once: the step that was used last is forgotten first. */
  async code(person) {
    await this.clinic.sql('UPDATE account SET totp_last_step = 0');
    return totp(person.totp_secret);
  }

  async password(page, person, password = person.password) {
    await page.goto(`${this.url}/`);
    await page.getByLabel('Email').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Signs in by the pages; answers the page on which that ends. */
  async signIn(context, person) {
    const page = await context.newPage();

    await this.password(page, person);
    await page.getByLabel('Code', { exact: true })
      .fill(await this.code(person));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL((url) => url.pathname !== '/');
    return page;
  }
}

/**
 * The accessibility faults of a page, as lines; none is right. A page's main
 * part is inert until its session is known, and has no landmark while it is.
 */
export async function axe(page, runOnly = { type: 'tag', values: RULES }) {
  await page.locator('main:not([inert])').waitFor();
  // colours that are still on their way are judged by no rule
  await page.evaluate(() => Promise.allSettled(document.getAnimations()
    .filter(({ effect }) => effect.getComputedTiming().endTime < Infinity)
    .map(({ finished }) => finished)));
  if (!await page.evaluate(() => 'axe' in globalThis))
    await page.evaluate(axeSource);
  return page.evaluate(async (only) => {
    const found = await globalThis.axe.run(document, { runOnly: only });
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) =>
      n.target.join(' ')).slice(0, 3).join(' | ')}`);
  }, runOnly);
}

/**
 * Holds the answers to some requests of a page, as a bad line does.
 * @param {(url: string) => boolean} fits
 * @returns {Promise<{held: () => number, pass: () => void, come: () =>
 *   Promise<void>}>} how many; from now on none is; they come, and were seen
 */
export async function holding(page, address, fits = () => true) {
  const all = [];
  let [held, passes, release] = [0, false, () => {}];
  const released = new Promise((done) => { release = done; });
  const hold = async (route) => {
    const response = await route.fetch();
    held++;
    await released;
    await route.fulfill({ response });
  };

  await page.route(address, (route) => {
    if (passes || !fits(route.request().url())) return route.continue();
    all.push(hold(route));
    return all.at(-1);
  });
  return { held: () => held, pass: () => { passes = true; }, async come() {
    passes = true;
    release();
    await Promise.all(all);
    await page.unroute(address);
    await page.evaluate(() => new Promise((seen) => {
      requestAnimationFrame(() => setTimeout(seen, 100));
    }));
  } };
}

/** Pixels by which the page is wider than its window. */
export const overflow = (page) => page.evaluate(() =>
  document.documentElement.scrollWidth - innerWidth);
