// A call, and the upload of its recording, on one narrow line: the clinician's
// browser is in a network of its own, and all that it sends and gets goes through
// the kernel's token bucket, with a queue as long as those of bad lines are.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inOwnNetwork, noNetwork as skip } from '../lib/network.mjs';
import { RecordedCall, sleep, until } from './recorded.mjs';

inOwnNetwork();
const KBIT = 400, LOOK_S = 10, PARTS = 3;
const call = new RecordedCall();
before(() => skip || call.start({ kbit: KBIT }));
after(() => skip || call.stop());

/** Pictures a second that the patient sees of the clinician, for so long. */
async function seen() {
  const look = () => call.patient.locator('.other video').evaluate((video) =>
    [video.getVideoPlaybackQuality().totalVideoFrames, performance.now()]);
  const [n, at] = await look();
  await sleep(LOOK_S * 1000);
  const [m, now] = await look();
  return (m - n) / (now - at) * 1000;
}

test('a call keeps its pictures beside the parts of its recording, which take half of the line',
  { skip }, async () => {
    const { door } = call.store;

    door.fault = 'away';
    await call.begin();
    const id = await call.record();
    await call.partsWait(id, PARTS);
    const alone = await seen();
    door.puts.length = 0;
    door.fault = null;
    await until('a part is on its way', async () => {
      await call.doctor.evaluate(() => dispatchEvent(new Event('online')));
      return door.puts.length > 0;
    });
    const looks = [];
    await until('its pictures', async () => {
      looks.push(await seen());
      return looks.at(-1) >= 0.9 * alone;
    }).catch((error) => {
      throw new Error(`${error.message}: ${looks} beside, ${alone} alone`);
    });
    // longer, where the line is found to be a bad one meanwhile
    await until('parts and their rests', () => door.puts.length > PARTS, 240_000);
    const [from, to] = [door.puts[0], door.puts[PARTS]];
    const kbit = (to.passed - from.passed) * 8 / (to.at - from.at);
    assert.ok(kbit <= KBIT / 2, `${kbit} of ${KBIT} kbit/s`);
  });
