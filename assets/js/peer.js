// One other participant's media: RTCPeerConnection by the W3C "perfect
// negotiation" pattern, ICE restarts until the media flows again, and the
// quality of the line in words. Knows nothing of the page.

import { Safety } from './safety.js';

/** @typedef {import('./signal.js').Outgoing} Outgoing */
/** @typedef {import('./safety.js').SafetyState} SafetyState */

/** @typedef {'connecting'|'connected'|'reconnecting'|'blocked'} Line */
/** @typedef {'good'|'fair'|'poor'|'stalled'|'unknown'} Quality */

/**
 * @typedef {object} Report
 * @property {Quality} quality
 * @property {boolean} relayed through a TURN server
 * @property {number} framesDecoded of the other's picture, since the start
 */

/**
 * @typedef {object} Past
 * @property {number} attempts to find a path, since there was one
 * @property {string} keys the other's fingerprints that a code was shown for,
 *   or ''
 */

/**
 * @typedef {object} PeerOptions
 * @property {string} self our own id
 * @property {string} id the other's
 * @property {RTCIceServer[]} iceServers
 * @property {MediaStream} stream what we send
 * @property {(message: Outgoing) => void} send
 * @property {() => Promise<RTCIceServer[] | null>} freshServers
 *   credentials that still hold; null to keep those we have
 * @property {(stream: MediaStream) => void} onStream
 * @property {RTCCertificate} certificate ours, the same in every connection
 * @property {Past} [past] of the connection in whose place this one comes
 * @property {(past: Past, offer?: RTCSessionDescriptionInit) => void} onAnew
 *   nothing can be agreed on over this connection any more: a new Peer has to,
 *   which begins with the other's offer, if there is one
 * @property {(line: Line) => void} onLine
 * @property {(report: Report) => void} onReport
 * @property {(text: string) => void} onText what the other wrote
 * @property {(state: SafetyState) => void} onSafety whether there is a code to
 *   compare, or somebody in between
 */

/** How long a short dip may last before the path is sought anew, in ms. */
const DIP_MS = 3000;
/** How long the first attempt gets, in ms; each gets twice as long as the last. */
const ATTEMPT_MS = 8000;
/**
 * As much as any attempt gets. An answer takes as long as the line is slow: if
 * each were given up before it came, none would ever be taken.
 */
const ATTEMPT_MAX_MS = 32_000;
const REPORT_MS = 2000;
/**
 * How long the polite one lets the other offer first, in ms: two that meet cost
 * a connection, as the polite one's is begun anew.
 */
const YIELD_MS = 2000;
/** After so many attempts it is time to say that the network is to blame. */
const ATTEMPTS = 3;

/** Names, in an answer, the offer that it answers: no browser looks at it. */
const ANSWERS = 'a=x-epione-answers:';

/**
 * Which connection a description is of, and which of its descriptions it is (RFC
 * 8829, 5.2.1: the first number stays with the connection, the second grows).
 * @param {string | undefined} sdp
 */
function origin(sdp = '') {
  const [, connection = '', version = ''] =
    /^o=\S+ (\d+) (\d+) /m.exec(sdp) ?? [];

  return { connection, version };
}

/** @param {string | undefined} sdp */
function nameOf(sdp) {
  const { connection, version } = origin(sdp);
  return `${connection} ${version}`;
}

/** @param {number} loss 0 to 1 @param {number} rttS @returns {Quality} */
function judge(loss, rttS) {
  if (loss > 0.1 || rttS > 0.8) return 'poor';
  if (loss > 0.03 || rttS > 0.35) return 'fair';
  return 'good';
}

export class Peer {
  #makingOffer = false;
  #ignoreOffer = false;
  #settingAnswer = false;
  #closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #dip;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #yield;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #reporter;
  /** @type {Line} */
  #line = 'connecting';
  #last = { received: 0, lost: 0 };
  #attempts = 0;
  /** A description could not be taken: this connection is good for nothing. */
  #spoilt = false;
  /** @type {Map<string, RTCRtpSender>} by the kind of track */
  #senders = new Map();
  /** @type {RTCDataChannel} */
  #safetyChannel;

  /** @param {PeerOptions} options */
  constructor(options) {
    this.options = options;
    /** The lower id is the polite one: it gives way when two offers meet. */
    this.polite = options.self < options.id;
    this.remote = new MediaStream();
    this.#attempts = options.past?.attempts ?? 0;
    this.pc = new RTCPeerConnection({ iceServers: options.iceServers,
      bundlePolicy: 'max-bundle', certificates: [options.certificate] });
    this.#listen();
    // Both ends make the same channel, so that it needs no event to begin.
    this.chat = this.pc.createDataChannel('chat', { negotiated: true, id: 0 });
    this.chat.onmessage = ({ data }) => {
      if (typeof data === 'string') options.onText(data);
    };
    this.#safetyChannel = this.pc.createDataChannel('safety',
      { negotiated: true, id: 1 });
    this.safety = this.#safety();
    for (const track of options.stream.getTracks())
      this.#senders.set(track.kind, this.pc.addTrack(track, options.stream));
    this.#reporter = setInterval(() => void this.#report(), REPORT_MS);
    this.#armDip(this.#patience());
  }

  #patience() {
    return Math.min(ATTEMPT_MS * 2 ** this.#attempts, ATTEMPT_MAX_MS);
  }

  /** It has a channel of its own: nothing that people write reaches it. */
  #safety() {
    const channel = this.#safetyChannel;
    const safety = new Safety((text) => {
      if (channel.readyState === 'open') channel.send(text);
    }, (state) => this.#closed || this.options.onSafety(state),
    this.options.past?.keys);

    channel.onopen = () => this.#keysKnown();
    channel.onmessage = ({ data }) => void safety.heard(String(data));
    return safety;
  }

  /** The channel may open before the browser has said that it took an answer. */
  #keysKnown() {
    const { localDescription: local, remoteDescription: remote } = this.pc;

    if (this.#safetyChannel.readyState === 'open')
      void this.safety.begin(local?.sdp, remote?.sdp);
    this.safety.check(local?.sdp, remote?.sdp);
  }

  #listen() {
    const { pc, options } = this;

    pc.onnegotiationneeded = () => this.#negotiate();
    pc.onicecandidate = ({ candidate }) => options.send({ type: 'candidate',
      to: options.id, candidate: candidate ? candidate.toJSON() : null });
    pc.ontrack = ({ track }) => {
      for (const old of this.remote.getTracks())
        if (old.kind === track.kind) this.remote.removeTrack(old);
      this.remote.addTrack(track);
      options.onStream(this.remote);
    };
    pc.oniceconnectionstatechange = pc.onconnectionstatechange =
      () => this.#lineChanged();
  }

  #lineChanged() {
    const state = this.pc.iceConnectionState;

    if (this.connected) {
      clearTimeout(this.#dip);
      this.#dip = undefined;
      this.#attempts = 0;
      this.#say('connected');
    } else if (state === 'disconnected') {
      this.#say('reconnecting');
      this.#armDip(DIP_MS);
    } else if (state === 'failed') {
      if (this.#line !== 'blocked') this.#say('reconnecting');
      if (this.polite) this.#armDip(0);
      else void this.restart();
    }
  }

  /** @param {Line} line */
  #say(line) {
    if (line === this.#line || this.#closed) return;
    this.#line = line;
    this.options.onLine(line);
  }

  /** A path alone is no connection: the keys must have been agreed on, too. */
  get connected() {
    const { pc } = this;

    return ['connected', 'completed'].includes(pc.iceConnectionState) &&
      pc.connectionState === 'connected';
  }

  /** @param {number} ms */
  #armDip(ms) {
    clearTimeout(this.#dip);
    this.#dip = setTimeout(() => void this.restart(),
      ms + (this.polite ? YIELD_MS : 0));
  }

  #negotiate() {
    if (!this.polite || this.pc.remoteDescription) return void this.#offer();
    clearTimeout(this.#yield);
    this.#yield = setTimeout(() => {
      if (!this.#closed && !this.pc.remoteDescription) void this.#offer();
    }, YIELD_MS);
  }

  /**
   * Looks for a new path, again and again until there is one. An offer that
   * was never answered is taken back first, else nothing new can be offered.
   */
  async restart() {
    if (this.#closed || this.connected) return;
    this.#attempts++;
    this.#armDip(this.#patience());
    if (this.#attempts >= ATTEMPTS) this.#say('blocked');
    const servers = await this.options.freshServers().catch(() => null);
    if (this.#closed || this.connected) return;
    if (this.#spoilt || this.#neverAnswered) return this.#anew();
    try {
      if (servers) this.pc.setConfiguration({ ...this.pc.getConfiguration(),
        iceServers: servers });
      await this.#takeBack();
      this.pc.restartIce();
    } catch (error) {
      console.warn('restart', error);
    }
  }

  /**
   * The signaling is back, and has sent again what was lost: that may be all
   * that was missing. If not, a new path is sought soon.
   */
  signalingBack() {
    if (!this.#closed && !this.connected) this.#armDip(DIP_MS);
  }

  /**
   * The room is a new one, which knows nothing of what was said in the old: an
   * offer that is not answered yet never will be.
   */
  async roomBack() {
    if (this.#closed || this.pc.signalingState !== 'have-local-offer') return;
    if (this.#neverAnswered) return this.#anew();
    try {
      await this.#takeBack();
      await this.#offer();
    } catch (error) {
      if (!this.#closed) console.warn('room', error);
    }
  }

  /**
   * Chromium does not take the first offer of a connection back whole: what is
   * offered or answered next fails (no SCTP transport, no BUNDLE group).
   */
  get #neverAnswered() {
    return this.pc.signalingState === 'have-local-offer' &&
      !this.pc.currentRemoteDescription;
  }

  /** An offer that was never answered; if it is answered just now, so be it. */
  async #takeBack() {
    const waits = () => this.pc.signalingState === 'have-local-offer';

    if (!waits()) return;
    try {
      await this.pc.setLocalDescription({ type: 'rollback' });
    } catch (error) {
      if (waits()) throw error;
    }
  }

  async #offer() {
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      if (this.pc.localDescription) this.#describe(this.pc.localDescription);
    } catch (error) {
      if (!this.#closed) console.warn('offer', error);
    } finally {
      this.#makingOffer = false;
    }
  }

  /**
   * An answer names its offer: one that comes late must not be taken for the
   * answer to a later offer.
   * @param {RTCSessionDescription} description
   */
  #describe({ type, sdp }) {
    const named = type !== 'answer' ? sdp :
      `${sdp}${ANSWERS}${nameOf(this.pc.remoteDescription?.sdp)}\r\n`;

    this.options.send({ type: 'description', to: this.options.id,
      description: { type, sdp: named } });
  }

  /** @param {RTCSessionDescriptionInit} description */
  async onDescription(description) {
    const { pc } = this;
    const ready = !this.#makingOffer &&
      (pc.signalingState === 'stable' || this.#settingAnswer);
    const collision = description.type === 'offer' && !ready;

    this.#ignoreOffer = !this.polite && collision;
    if (this.#ignoreOffer || this.#closed || this.#answersNothing(description))
      return;
    if (this.#isOfAnother(description) ||
        (collision && !pc.currentRemoteDescription))
      return this.#anew(description);
    const fresh = !pc.localDescription && !pc.remoteDescription;
    try {
      await this.#take(description);
    } catch (error) {
      this.#settingAnswer = false;
      if (this.#closed) return;
      if (description.type === 'offer' && !this.connected && !fresh)
        return this.#anew(description);
      this.#spoilt = true;
      console.warn('description', error);
    }
  }

  /** @param {RTCSessionDescriptionInit} description */
  async #take(description) {
    const { pc } = this;

    this.#settingAnswer = description.type === 'answer';
    await pc.setRemoteDescription(description);
    this.#settingAnswer = false;
    this.#keysKnown();
    if (description.type !== 'offer') return;
    await pc.setLocalDescription();
    this.#keysKnown();
    if (pc.localDescription) this.#describe(pc.localDescription);
  }

  /**
   * An answer to an offer that was taken back, or made by the connection before
   * this one.
   * @param {RTCSessionDescriptionInit} description
   */
  #answersNothing({ type, sdp = '' }) {
    if (type !== 'answer') return false;
    if (this.pc.signalingState !== 'have-local-offer') return true;
    const at = sdp.indexOf(ANSWERS);
    const name = sdp.slice(at + ANSWERS.length).trim();

    return at >= 0 && name !== nameOf(this.pc.localDescription?.sdp);
  }

  /**
   * The other has begun anew: nothing that was agreed on holds any more.
   * @param {RTCSessionDescriptionInit} description
   */
  #isOfAnother({ sdp }) {
    const known = this.pc.remoteDescription?.sdp;

    return known !== undefined &&
      origin(known).connection !== origin(sdp).connection;
  }

  /** @param {RTCSessionDescriptionInit} [description] an answer is of no use */
  #anew(description) {
    const past = { attempts: this.#attempts, keys: this.safety.shownFor };

    this.options.onAnew(past,
      description?.type === 'offer' ? description : undefined);
  }

  /** @param {RTCIceCandidateInit | null} candidate */
  async onCandidate(candidate) {
    try {
      await this.pc.addIceCandidate(candidate ?? undefined);
    } catch (error) {
      if (!this.#ignoreOffer && !this.#closed)
        console.warn('candidate', error);
    }
  }

  /**
   * Sends another picture or sound in the place of the one before, or none;
   * needs a new negotiation only the first time.
   * @param {'audio'|'video'} kind
   * @param {MediaStreamTrack | null} track
   */
  async replace(kind, track) {
    const sender = this.#senders.get(kind);

    if (this.#closed) return;
    if (sender) await sender.replaceTrack(track);
    else if (track)
      this.#senders.set(kind, this.pc.addTrack(track, this.options.stream));
  }

  /** @param {string} text @returns {boolean} whether it is on its way */
  write(text) {
    if (this.chat.readyState !== 'open') return false;
    this.chat.send(text);
    return true;
  }

  async #report() {
    if (this.#closed || !this.connected) return;
    const stats = [...(await this.pc.getStats()).values()];
    const inbound = stats.filter(({ type }) => type === 'inbound-rtp');
    const sum = (/** @type {string} */ name) =>
      inbound.reduce((all, one) => all + (one[name] ?? 0), 0);
    const received = sum('packetsReceived') - this.#last.received;
    const lost = sum('packetsLost') - this.#last.lost;
    const pair = stats.find(({ type, nominated, state }) =>
      type === 'candidate-pair' && nominated && state === 'succeeded');
    const local = stats.find(({ id }) => id === pair?.localCandidateId);

    this.#last = { received: sum('packetsReceived'), lost: sum('packetsLost') };
    const loss = Math.max(0, lost) / Math.max(1, received + Math.max(0, lost));
    /** @type {Quality} */
    const quality = !inbound.length ? 'unknown' : received <= 0 ? 'stalled'
      : judge(loss, pair?.currentRoundTripTime ?? 0);
    this.options.onReport({ quality, relayed: local?.candidateType === 'relay',
      framesDecoded: sum('framesDecoded') });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#dip);
    clearTimeout(this.#yield);
    clearInterval(this.#reporter);
    this.pc.onnegotiationneeded = this.pc.onicecandidate = null;
    this.pc.ontrack = this.pc.oniceconnectionstatechange = null;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
