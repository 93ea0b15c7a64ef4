// The signaling client: one WebSocket to a visit, kept alive over bad
// networks. It knows the protocol `epione.signal.v1`, not the page and not
// WebRTC. What it promises:
//
//   - after a loss it comes back by itself, with the place it had (`resume`),
//     and hands on what was missed, in order, nothing twice;
//   - a socket that is open but dead is noticed within DEAD_MS;
//   - what is sent while the socket is down waits, up to a bound, and what
//     was lost on its way is sent again: the server says what it received.

/**
 * @typedef {object} Participant
 * @property {string} id of its place in the room; stable over a resume
 * @property {string} role
 * @property {string} display_name
 * @property {boolean} admitted
 * @property {boolean} [guest] came by a link
 */

/**
 * @typedef {object} Welcome
 * @property {'welcome'} type
 * @property {string} self our own participant's id
 * @property {string} role
 * @property {boolean} admitted
 * @property {Participant[]} participants
 * @property {RTCIceServer[]} ice_servers
 * @property {boolean} [records] the clinic records calls
 * @property {string} resume token that takes this place again
 * @property {boolean} resumed what was missed follows, nothing else changed
 * @property {number} [received] how many of our messages the server handled
 */

/**
 * What the server says, after `welcome`. `participant` is an object in
 * `joined`; in `left` and `admitted` it may be the id alone.
 * @typedef {object} Incoming
 * @property {'joined'|'left'|'admitted'|'description'|'candidate'|'state'
 *   |'queue'|'ended'|'error'|'pong'|'welcome'|'recording'} type
 * @property {number} [seq] from 1 without a gap, per recipient
 * @property {string} [from] participant's id, stamped by the server
 * @property {Participant | string} [participant]
 * @property {'left'|'lost'|'removed'|string} [reason] with left, ended and
 *   recording
 * @property {RTCSessionDescriptionInit} [description]
 * @property {RTCIceCandidateInit | null} [candidate]
 * @property {boolean} [audio]
 * @property {boolean} [video]
 * @property {boolean} [screen]
 * @property {number} [position] in the queue, from 1
 * @property {number | null} [wait_estimate_minutes]
 * @property {string} [id] of a recording
 * @property {string} [state] of that recording
 * @property {string} [code] of an error
 * @property {string} [ref]
 */

/**
 * What a client may say.
 * @typedef {{type: 'description', to: string,
 *            description: RTCSessionDescriptionInit}
 *         | {type: 'candidate', to: string,
 *            candidate: RTCIceCandidateInit | null}
 *         | {type: 'admit' | 'remove', participant: string}
 *         | {type: 'state', audio: boolean, video: boolean, screen: boolean}
 *         | {type: 'consent', recording: string, given: boolean}
 *         | {type: 'leave'}} Outgoing
 */

/**
 * @typedef {object} Handlers
 * @property {(welcome: Welcome) => void} welcome first, and after each loss
 * @property {(message: Incoming) => void} message
 * @property {(down: boolean) => void} down the socket is lost, or back
 * @property {(why: Closing) => void} over it will not come back by itself
 */

/**
 * @typedef {'session'|'stranger'|'replaced'|'ended'|'removed'|'refused'|'left'}
 *   Closing
 */

/** Close codes after which a new attempt is of no use. */
const FINAL = /** @type {Record<number, Closing>} */ ({ 4401: 'session',
  4403: 'stranger', 4409: 'replaced', 4410: 'ended' });
const PROTOCOL = 'epione.signal.v1';
const PING_MS = 4000;
const DEAD_MS = 10_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** A server that is busy is not helped by haste. */
const SLOW_WAIT_MS = 3000;
const QUEUE_MOST = 200;

export class Signal {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Outgoing[]} waiting for a socket */
  #queue = [];
  /** @type {Outgoing[]} sent, and perhaps lost on the way */
  #sent = [];
  /** How many messages were sent before the first of #sent. */
  #sentBefore = 0;
  #resume = '';
  #lastSeq = 0;
  #welcomed = false;
  #everWelcomed = false;
  #over = false;
  #waitMs = FIRST_WAIT_MS;
  #heardAt = 0;
  #down = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pulse;

  /**
   * @param {string} visit id
   * @param {Handlers} handlers
   * @param {() => Promise<Closing | ''>} mayTry asked after an attempt that
   *   never opened, since a browser does not tell the reason of a refusal
   */
  constructor(visit, handlers, mayTry) {
    this.url = `wss://${location.host}/v1/visits/${visit}/signal`;
    this.handlers = handlers;
    this.mayTry = mayTry;
    this.hurry = this.hurry.bind(this);
  }

  /** Connects; later calls do nothing. */
  open() {
    if (this.#pulse !== undefined || this.#over) return;
    this.#pulse = setInterval(() => this.#beat(), PING_MS);
    addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    this.#connect();
  }

  /** Says goodbye and gives the place up. */
  leave() {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify({ type: 'leave' }));
    this.#end('left');
  }

  /** The network is back, or the laptop awake: do not wait out the delay. */
  hurry() {
    if (document.hidden || this.#over) return;
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#beat();
    if (this.#socket?.readyState === WebSocket.CONNECTING) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#connect();
  }

  /** @param {Outgoing} message */
  send(message) {
    if (this.#over) return;
    if (this.#welcomed && this.#socket?.readyState === WebSocket.OPEN)
      return this.#transmit(message);
    // Only the newest state counts; of the rest the oldest give way.
    if (message.type === 'state')
      this.#queue = this.#queue.filter(({ type }) => type !== 'state');
    this.#queue.push(message);
    if (this.#queue.length > QUEUE_MOST) this.#queue.shift();
  }

  /** @param {Outgoing} message */
  #transmit(message) {
    this.#socket?.send(JSON.stringify(message));
    this.#sent.push(message);
    if (this.#sent.length <= QUEUE_MOST) return;
    this.#sent.shift();
    this.#sentBefore++;
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#drop();
    const socket = new WebSocket(this.url, PROTOCOL);
    let opened = false;

    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#heardAt = performance.now();
      socket.send(JSON.stringify(this.#resume
        ? { type: 'hello', resume: this.#resume, last_seq: this.#lastSeq }
        : { type: 'hello' }));
    };
    socket.onmessage = ({ data }) => this.#hear(String(data));
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) void this.#lost(code, opened);
    };
  }

  /** Lets go of a socket without hearing from it again. */
  #drop() {
    const socket = this.#socket;

    this.#socket = null;
    this.#welcomed = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState <= WebSocket.OPEN) socket.close();
  }

  /** @param {number} code @param {boolean} opened */
  async #lost(code, opened) {
    const final = FINAL[code];

    this.#drop();
    if (final) return this.#end(final);
    if (!this.#down) {
      this.#down = true;
      this.handlers.down(true);
    }
    if (!opened) {
      const refusal = await this.mayTry();
      if (refusal) return this.#end(refusal);
    }
    if (this.#over || this.#socket) return;
    const wait = code === 4429 ? SLOW_WAIT_MS : this.#waitMs;
    // Jitter: a hundred browsers must not come back in step.
    this.#retry = setTimeout(() => this.#connect(),
      wait * (0.75 + Math.random() / 2));
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }

  /** @param {Closing} why */
  #end(why) {
    if (this.#over) return;
    this.#over = true;
    this.#drop();
    clearTimeout(this.#retry);
    clearInterval(this.#pulse);
    removeEventListener('online', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.#queue = [];
    this.#resume = '';
    this.handlers.over(why);
  }

  #beat() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.#heardAt > DEAD_MS)
      return void this.#lost(1006, true);
    this.#socket.send(JSON.stringify(
      { type: 'ping', t: Math.round(performance.now()) }));
  }

  /** @param {string} text */
  #hear(text) {
    /** @type {Incoming & Welcome} */
    let message;

    this.#heardAt = performance.now();
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (/** @type {string} */ (message.type) === 'welcome')
      return this.#welcome(message);
    if (/** @type {Incoming} */ (message).type === 'pong') return;
    if (typeof message.seq === 'number') {
      if (message.seq <= this.#lastSeq) return; // a repetition
      this.#lastSeq = message.seq;
    }
    this.handlers.message(message);
    if (/** @type {Incoming} */ (message).type === 'ended')
      this.#end(message.reason === 'removed' ? 'removed' : 'ended');
  }

  /** @param {Welcome & {seq?: number}} welcome */
  #welcome(welcome) {
    const lost = welcome.resumed && welcome.received !== undefined
      ? this.#sent.slice(Math.max(0, welcome.received - this.#sentBefore))
      : [];

    this.#welcomed = true;
    this.#waitMs = FIRST_WAIT_MS;
    this.#resume = welcome.resume;
    this.#sent = [];
    this.#sentBefore = welcome.received ?? 0;
    if (!welcome.resumed) {
      this.#lastSeq = welcome.seq ?? 0;
      // What waited was for participants of a room that is no more.
      if (this.#everWelcomed) this.#queue = [];
    }
    this.#everWelcomed = true;
    const waiting = [...lost, ...this.#queue];
    this.#queue = [];
    for (const message of waiting) this.send(message);
    if (this.#down) {
      this.#down = false;
      this.handlers.down(false);
    }
    this.handlers.welcome(welcome);
  }
}
