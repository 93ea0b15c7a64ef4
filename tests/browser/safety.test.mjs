// The safety code against a signaling server that lies: it stands between two
// connections of the portal's own code, with certificates of its own. Real
// RTCPeerConnections, all in one page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Portal } from './portal.mjs';

/** @type {Portal} */
let portal;
let page;

/** What the cases below share, in the page. */
const tools = async () => {
  const { Peer } = await import('/assets/js/peer.js');
  const { Safety } = await import('/assets/js/safety.js');
  const until = async (what, holds) => {
    for (let i = 0; i < 1200 && !holds(); i++)
      await new Promise((done) => setTimeout(done, 50));
    if (!holds()) throw new Error(`never: ${what}`);
  };

  const certificates = {};
  for (const self of ['a', 'b', 'z'])
    certificates[self] = await RTCPeerConnection.generateCertificate(
      { name: 'ECDSA', namedCurve: 'P-256' });

  /**
   * The portal's end of a connection; says to `to.hear` what it signals, which
   * takes `delayMs`.
   */
  const end = (self, id, to,
    { delayMs = 0, stream = new MediaStream() } = {}) => {
    const seen = { lines: [], states: [], anew: 0 };
    const made = { seen };
    const begin = (past) => new Peer({ self, id, iceServers: [], stream, past,
      certificate: certificates[self], freshServers: async () => null,
      send: (message) => setTimeout(() => to.hear(message), delayMs),
      onStream() {}, onReport() {}, onText() {},
      onAnew: (had, offer) => {
        made.peer.close();
        made.peer = begin(had);
        seen.anew++;
        if (offer) void made.peer.onDescription(offer);
      },
      onLine: (line) => seen.lines.push(line),
      onSafety: (state) => seen.states.push(state) });
    made.hear = ({ type, description, candidate }) =>
      type === 'description' ? made.peer.onDescription(description)
        : made.peer.onCandidate(candidate);
    made.peer = begin();
    return made;
  };

  /** Mallory's end: answers, and hands on what the safety channel brings. */
  const mallory = (to, heard) => {
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel('safety',
      { negotiated: true, id: 1 });
    const waiting = [];
    const say = (text) => channel.readyState === 'open' ? channel.send(text)
      : waiting.push(text);
    pc.createDataChannel('chat', { negotiated: true, id: 0 });
    channel.onopen = () => waiting.splice(0).forEach((text) => say(text));
    channel.onmessage = ({ data }) => heard(data, say);
    pc.onicecandidate = ({ candidate }) => to.hear(
      { type: 'candidate', candidate: candidate?.toJSON() ?? null });
    const hear = async ({ type, description, candidate }) => {
      if (type !== 'description')
        return pc.addIceCandidate(candidate ?? undefined).catch(() => {});
      await pc.setRemoteDescription(description);
      await pc.setLocalDescription();
      to.hear({ type: 'description',
        description: pc.localDescription.toJSON() });
    };
    return { pc, hear, say };
  };
  // An end whose id is the higher one offers at once.
  globalThis.safety = { Safety, until, end, mallory };
};

before(async () => {
  portal = await Portal.start();
  page = await (await portal.context()).newPage();
  await page.goto(`${portal.url}/devices`);
  await page.getByText('Your camera and microphone work').waitFor();
  await page.evaluate(tools);
});
after(() => portal?.stop());

test('with nobody in between both ends have the same code', async () => {
  const [a, b] = await page.evaluate(async () => {
    const { end, until } = globalThis.safety;
    const a = end('a', 'b', { hear: (m) => b.hear(m) });
    const b = end('b', 'a', a);
    await until('agreed', () => a.peer.safety.code && b.peer.safety.code);
    return [a.peer.safety.code, b.peer.safety.code];
  });

  assert.match(a, /^\d{5} \d{5} \d{5} \d{5}$/);
  assert.equal(a, b);
});

test('a channel that opens before its answer is known of waits for it',
  async () => {
    const [a, b, states] = await page.evaluate(async () => {
      const { end, until } = globalThis.safety;
      const a = end('z', 'b', { hear: (m) => b.hear(m) });
      const b = end('b', 'z', a);
      const { pc } = a.peer;
      const set = pc.setRemoteDescription.bind(pc);
      let known = null;
      Object.defineProperty(pc, 'remoteDescription', { get: () => known });
      pc.setRemoteDescription = async (description) => {
        await set(description);
        await until('open', () => a.peer.chat.readyState === 'open');
        await new Promise((done) => setTimeout(done, 50));
        known = description;
      };
      await until('agreed', () => a.peer.safety.code && b.peer.safety.code);
      return [a.peer.safety.code, b.peer.safety.code, a.seen.states];
    });

    assert.equal(a, b);
    assert.deepEqual(states, ['agreed']);
  });

test('who speaks the protocol with each end shows them other codes',
  async () => {
    const [a, b] = await page.evaluate(async () => {
      const { end, until } = globalThis.safety;
      const a = end('a', 'b', { hear: (m) => toA.hear(m) });
      const toA = end('b', 'a', a);
      const b = end('b', 'a', { hear: (m) => toB.hear(m) });
      const toB = end('a', 'b', b);
      await until('agreed', () => a.peer.safety.code && b.peer.safety.code);
      return [a.peer.safety.code, b.peer.safety.code];
    });

    assert.match(a, /^\d{5} /);
    assert.notEqual(a, b);
  });

test('who hands on what the ends say is noticed by both', async () => {
  const seen = await page.evaluate(async () => {
    const { end, mallory, until } = globalThis.safety;
    let toB;
    const a = end('z', 'b', { hear: (m) => toA.hear(m) });
    const toA = mallory(a, (text) => toB.say(text));
    const b = end('z', 'a', { hear: (m) => toB.hear(m) });
    toB = mallory(b, (text) => toA.say(text));
    await until('broken', () => [a, b].every(({ peer }) =>
      peer.safety.state === 'broken'));
    return [a, b].map(({ peer, seen: { states } }) =>
      [peer.connected, peer.safety.code, states]);
  });

  // The line stands all the same: only the code tells.
  assert.deepEqual(seen, [[true, '', ['broken']], [true, '', ['broken']]]);
});

test('an answer that takes longer than an attempt is taken all the same',
  async () => {
    const line = await page.evaluate(async () => {
      const { end, until } = globalThis.safety;
      const delayMs = 4500;
      const stream = await navigator.mediaDevices.getUserMedia(
        { audio: true, video: true });
      // Both offer before they have heard anything, one without a picture.
      const call = async (withPicture) => {
        const made = (self, id, to) => end(self, id, to, { delayMs,
          ...(self === withPicture && { stream }) });
        const a = made('a', 'b', { hear: (m) => b.hear(m) });
        const b = made('b', 'a', a);
        await until('agreed', () => a.peer.safety.code && b.peer.safety.code);
        return [a.peer.connected, b.peer.connected,
          a.peer.safety.code === b.peer.safety.code];
      };
      return Promise.all([call('a'), call('b')]);
    });

    assert.deepEqual(line, [[true, true, true], [true, true, true]]);
  });

test('a connection begun anew has the keys that were compared, or is told of',
  async () => {
    const [states, code, spied] = await page.evaluate(async () => {
      const { end, until } = globalThis.safety;
      const codes = () => [a, b].map(({ peer }) => peer.safety.code);
      const a = end('a', 'b', { hear: (m) => b.hear(m) });
      let b = end('b', 'a', a);
      await until('agreed', () => codes().every(Boolean));
      const [before] = codes();
      b.peer.close();
      b = end('b', 'a', a);
      await until('agreed anew', () => a.seen.anew === 1 &&
        codes().every((code) => code && code !== before));
      const known = [a.seen.states.join(), codes()[0] === codes()[1]];
      b.peer.close();
      b = end('z', 'a', a); // another's certificate in its place
      await until('broken', () => a.peer.safety.state === 'broken');
      return [...known, a.peer.safety.code];
    });

    assert.deepEqual([states, code, spied], ['agreed,agreed', true, '']);
  });

test('a number is told only to who has committed to one', async () => {
  const [heard, code] = await page.evaluate(async () => {
    const { end, mallory, until } = globalThis.safety;
    const heard = [];
    const a = end('z', 'b', { hear: (m) => m0.hear(m) });
    const m0 = mallory(a, (text, say) => {
      heard.push(Object.keys(JSON.parse(text)).join());
      say(JSON.stringify({ nonce: 'ab'.repeat(32) }));
    });
    await until('broken', () => a.peer.safety.state === 'broken');
    return [heard, a.peer.safety.code];
  });

  assert.deepEqual([heard, code], [['commit'], '']);
});

test('a number that was not the one committed to gives no code', async () => {
  const [heard, code] = await page.evaluate(async () => {
    const { end, mallory, until } = globalThis.safety;
    const heard = [];
    const a = end('z', 'b', { hear: (m) => m0.hear(m) });
    const m0 = mallory(a, (text, say) => {
      heard.push(Object.keys(JSON.parse(text)).join());
      say(heard.length === 1 ? JSON.stringify({ commit: 'cd'.repeat(32) })
        : JSON.stringify({ nonce: 'ab'.repeat(32) }));
    });
    await until('broken', () => a.peer.safety.state === 'broken');
    return [heard, a.peer.safety.code];
  });

  assert.deepEqual([heard, code], [['commit', 'nonce'], '']);
});

test('with fingerprints swapped alone nobody is connected', async () => {
  const lines = await page.evaluate(async () => {
    const { end, until } = globalThis.safety;
    const other = await RTCPeerConnection.generateCertificate(
      { name: 'ECDSA', namedCurve: 'P-256' });
    const { value } = other.getFingerprints()[0];
    const swap = (m) => m.type !== 'description' ? m : { ...m,
      description: { ...m.description, sdp: m.description.sdp.replace(
        /(a=fingerprint:sha-256 )\S+/g, `$1${value.toUpperCase()}`) } };
    const a = end('a', 'z', { hear: (m) => b.hear(swap(m)) });
    const b = end('z', 'a', { hear: (m) => a.hear(swap(m)) });
    await until('a path', () => ['connected', 'completed'].includes(
      b.peer.pc.iceConnectionState));
    await until('a refusal', () => [a, b].some(({ peer: { pc } }) =>
      pc.connectionState === 'failed'));
    const all = [...a.seen.lines, ...b.seen.lines];
    a.peer.close();
    b.peer.close();
    return all;
  });

  assert.ok(!lines.includes('connected'), `${lines}`);
});

/** Two ends without a network: what each has read as the descriptions. */
const pair = (local, remote) => page.evaluate(async ([own, others]) => {
  const { Safety, until } = globalThis.safety;
  const a = new Safety((text) => setTimeout(() => b.heard(text)), () => {});
  const b = new Safety((text) => setTimeout(() => a.heard(text)), () => {});
  await Promise.all([a.begin(own[0], own[1]), b.begin(others[0], others[1])]);
  await until('an end', () => a.state !== 'waiting' && b.state !== 'waiting');
  a.check(own[0], 'v=0\r\n');
  const now = a.state;
  a.check(own[0], own[1].replace('BB', 'CC'));
  return [now, b.state, a.state, a.code];
}, [local, remote]);
const sdp = (...lines) => ['v=0', ...lines.map((text) =>
  `a=fingerprint:${text}`), ''].join('\r\n');

test('every fingerprint counts, whatever its hash; and none may change',
  async () => {
    const [a, b] = [sdp('sha-256 AA:01'), sdp('sha-256 BB:02')];
    const more = sdp('sha-256 BB:02', 'sha-512 EE:05');

    assert.deepEqual(await pair([a, b], [b, a]),
      ['agreed', 'agreed', 'broken', '']);
    assert.deepEqual(await pair([a, more], [b, a]),
      ['broken', 'broken', 'broken', '']);
    assert.deepEqual(await page.evaluate(async ([one]) => {
      const { Safety } = globalThis.safety;
      const said = [];
      const mirror = new Safety((text) => said.push(text), () => {});
      await mirror.begin(one, one); // its own certificate, reflected
      return [mirror.state, said];
    }, [a]), ['broken', []]);
  });
