// One browser tab of a call, as the signaling server sees it: a WebSocket of
// epione.signal.v1 that remembers what it heard and checks the row of numbers.
import { WebSocket } from 'ws';

import { patience } from './patience.mjs';

export const sdp = (lines = '') => [
  'v=0', 'o=- 46117 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, lines,
].filter(Boolean).join('\r\n') + '\r\n';

export class Peer {
  /**
   * @param {string} url wss://…/signal
   * @param {Record<string, any>} options of ws: headers, origin, agent, …
   */
  constructor(url, options = {}) {
    Object.assign(this, { url, options, lastSeq: 0, token: null, self: null, heard: [], waiters: [], gaps: [] });
  }

  /** Opens the socket; settles when it is open, or with the refusal's status. */
  open() {
    const { protocols = ['epione.signal.v1'], ...rest } = this.options;
    const ws = new WebSocket(this.url, protocols, { rejectUnauthorized: false, perMessageDeflate: false, handshakeTimeout: 60000, ...rest });
    this.ws = ws;
    this.closed = new Promise((done) => ws.on('close', (code) => { this.code = code; this.wake(); done(code); }));
    ws.on('message', (data) => this.take(ws, JSON.parse(data.toString())));
    return new Promise((done, failed) => {
      ws.on('open', () => done(this));
      ws.on('unexpected-response', (_, response) => { response.resume(); ws.terminate(); failed(Object.assign(new Error(`refused: ${response.statusCode}`), { status: response.statusCode, headers: response.headers })); });
      ws.on('error', failed);
    });
  }

  take(ws, m) {
    if (ws !== this.ws) return; // of a socket that this tab gave up
    if (m.type === 'welcome') {
      if (!m.resumed) this.lastSeq = 0;
      this.self = m.self;
      this.token = m.resume;
      this.welcome = m;
    }
    if (m.seq !== undefined) {
      if (m.seq !== this.lastSeq + 1) this.gaps.push([this.lastSeq, m.seq]);
      this.lastSeq = m.seq;
    }
    this.heard.push({ ...m, at: Date.now() });
    this.wake();
  }

  wake() { for (const w of this.waiters.splice(0)) w(); }

  say(m) { this.ws.send(typeof m === 'string' || Buffer.isBuffer(m) ? m : JSON.stringify(m)); }

  /** The first message, heard or to come, that fits; it is taken out. `ms`: a bound, as in patience.mjs. */
  async hear(type, fits = () => true, ms) {
    for (const late = patience(ms); ;) {
      const i = this.heard.findIndex((m) => m.type === type && fits(m));
      if (i >= 0) return this.heard.splice(i, 1)[0];
      if (late()) throw new Error(`no ${type}; heard ${this.heard.map((m) => m.type)}; closed ${this.code}`);
      await new Promise((done) => {
        const timer = setTimeout(done, 500);
        this.waiters.push(() => { clearTimeout(timer); done(); });
      });
    }
  }

  async hello() {
    await this.open();
    this.say({ type: 'hello' });
    return this.welcomed();
  }

  async resume() {
    await this.open();
    this.say({ type: 'hello', resume: this.token, last_seq: this.lastSeq });
    return this.welcomed();
  }

  /** The welcome; who is shown the door instead is told at once. */
  welcomed() {
    const shut = this.closed.then((code) => { throw Object.assign(new Error(`closed ${code}`), { code }); });
    return Promise.race([this.hear('welcome'), shut]);
  }

  /** The socket breaks without a word. */
  drop() {
    const ws = this.ws;
    this.ws = null;
    ws.terminate();
  }

  /** The code that the server closes with. */
  async closing(ms) {
    const late = patience(ms);
    let timer;
    const never = new Promise((_, failed) => { timer = setInterval(() => late() && failed(new Error('not closed')), 500); });
    return Promise.race([this.closed, never]).finally(() => clearInterval(timer));
  }

  stop() { this.ws?.terminate(); }
}
