// A store of recordings of the test's own: the demo's, in a folder.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { freePort, top } from './clinic.mjs';

/**
 * {port, settings (of epione.conf), jobs (of epione-jobs.conf), credentials, files(), start(origin), stop()}:
 * settings are known before it runs, as the clinic's origin is before its own.
 */
export async function aStore() {
  const dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-store-`));
  const folder = path.join(dir, 'objects'), credentials = path.join(dir, 'credentials');
  const port = await freePort();
  const settings = `store_endpoint http://localhost:${port}\nstore_bucket recordings\n`;
  writeFileSync(credentials, 'TESTKEY TESTSECRETTESTSECRET\n', { mode: 0o600 });
  let child, exited;
  const store = {
    port, folder, credentials, settings,
    jobs: `${settings}store_credentials ${credentials}\n`,
    /** Paths of its objects. */
    files: () => readdirSync(folder).flatMap((d) => readdirSync(path.join(folder, d)).map((f) => path.join(folder, d, f))),
    read: (object) => readFileSync(path.join(folder, object)),
    async start(origin) {
      child = spawn(path.join(top, process.env.BUILD ?? 'build', 'epionectl'), ['demo', 'store', folder, credentials, String(port), origin], { stdio: 'inherit' });
      exited = new Promise((done) => child.on('exit', done));
      for (const end = Date.now() + 30000; ; await new Promise((done) => setTimeout(done, 50))) {
        if (await fetch(`http://localhost:${port}/recordings`).then((r) => r.status === 403, () => false)) return;
        if (child.exitCode !== null || Date.now() > end) throw new Error('the store does not start');
      }
    },
    halt: () => { child?.kill(); return exited; },
    async stop() {
      await store.halt();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return store;
}
