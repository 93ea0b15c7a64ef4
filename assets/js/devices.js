// Camera and microphone: asking for them, choosing among them, saying in
// plain words what is wrong, and getting them back when they are lost.

/** @typedef {'audio'|'video'} Kind */

/** What to tell a person, by the name of the browser's error. */
const WORDS = /** @type {Record<string, [string, string]>} */ ({
  NotAllowedError: ['The browser may not use your %s',
    'Choose the small camera or lock picture beside the address of this ' +
    'page, allow the %s, then press “Try again”.'],
  NotFoundError: ['We cannot find a %s',
    'Plug one in, or turn it on, then press “Try again”.'],
  NotReadableError: ['Another program is using your %s',
    'Close other video programs, then press “Try again”.'],
  SecurityError: ['This device does not allow the %s',
    'Ask the person who looks after this device.'] });

/** For people, and for the browser's permissions. */
export const NAMES = { audio: 'microphone', video: 'camera' };
const KINDS = /** @type {Kind[]} */ (['audio', 'video']);

/**
 * @param {Kind} kind
 * @param {string} error the name of a DOMException
 * @returns {{title: string, text: string}}
 */
export function deviceWords(kind, error) {
  const [title, text] = WORDS[error] ?? ['Your %s did not start',
    'Unplug it and plug it in again, then press “Try again”.'];

  return { title: title.replace('%s', NAMES[kind]),
    text: text.replace('%s', NAMES[kind]) };
}

/** @param {Kind} kind @param {string} id '' for the system's choice */
function wish(kind, id) {
  const device = id ? { deviceId: { exact: id } } : {};

  return kind === 'audio'
    ? { audio: { ...device, echoCancellation: true, noiseSuppression: true } }
    : { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 },
      frameRate: { ideal: 30 } } };
}

/**
 * Whether to ask for a device does not mean to ask the person.
 * @param {Kind} kind
 */
async function allowed(kind) {
  try {
    const name = /** @type {PermissionName} */ (NAMES[kind]);
    return (await navigator.permissions.query({ name })).state === 'granted';
  } catch {
    return true; // a browser that cannot be asked
  }
}

/*
 * A track that ended is no track, whatever its `enabled` says: it leaves the
 * stream at once. One that is muted is there and gives nothing.
 */
export class Devices {
  /** @type {Record<Kind, string>} the person's choice, '' for none */
  chosen = { audio: '', video: '' };
  /** @type {Record<Kind, string>} the name of what went wrong, or '' */
  errors = { audio: '', video: '' };
  /** Whether the person wants to be heard and seen; outlives a track. */
  wanted = { audio: true, video: true };
  /** @type {Set<Kind>} what was there and is gone */
  lost = new Set();
  stream = new MediaStream();
  #stopped = false;
  /** @type {Array<() => void>} */
  #watchers = [];
  /** @type {Array<(kind: Kind, track: MediaStreamTrack | null) => void>} */
  #replacers = [];

  constructor() {
    navigator.mediaDevices?.addEventListener('devicechange', () => {
      // What was missing may have been plugged in.
      for (const kind of KINDS)
        if (!this.track(kind) && this.wanted[kind] &&
            this.errors[kind] !== 'NotAllowedError') void this.start(kind);
      this.#tell();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      for (const kind of this.lost) void this.#again(kind);
    });
  }

  /** @param {() => void} watcher told when anything changes */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /**
   * @param {(kind: Kind, track: MediaStreamTrack | null) => void} replacer
   *   told of new tracks, and of those that are gone
   */
  onTrack(replacer) {
    this.#replacers.push(replacer);
  }

  #tell() {
    for (const watcher of this.#watchers) watcher();
  }

  /** @param {Kind} kind @returns {MediaStreamTrack | undefined} a live one */
  track(kind) {
    return this.stream.getTracks().find((track) => track.kind === kind &&
      track.readyState === 'live');
  }

  /** @param {Kind} kind whether the others can hear or see something */
  on(kind) {
    const track = this.track(kind);

    return Boolean(track?.enabled && !track.muted);
  }

  /** @param {Kind} kind whether the device or the system keeps it silent */
  silenced(kind) {
    return Boolean(this.wanted[kind] && this.track(kind)?.muted);
  }

  /**
   * What the person's button asks for. A track that is gone or gives nothing
   * is asked for anew.
   * @param {Kind} kind
   * @param {boolean} on
   */
  async set(kind, on) {
    const track = this.track(kind);

    this.wanted[kind] = on;
    if (track) track.enabled = on;
    if (on && (!track || track.muted)) await this.start(kind);
    else this.#tell();
  }

  /** Asks for both, with one question of the browser if it can be so. */
  async startBoth() {
    if (!navigator.mediaDevices) {
      this.errors = { audio: 'SecurityError', video: 'SecurityError' };
      return this.#tell();
    }
    try {
      const both = await navigator.mediaDevices.getUserMedia(
        { ...wish('audio', this.chosen.audio),
          ...wish('video', this.chosen.video) });
      for (const track of both.getTracks()) this.#take(track);
      this.#tell();
    } catch {
      // One may be missing and the other not.
      await this.start('audio');
      await this.start('video');
    }
  }

  /** @param {Kind} kind @param {string} [id] another device */
  async start(kind, id) {
    if (id !== undefined) this.chosen[kind] = id;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(
        wish(kind, this.chosen[kind]));
      for (const track of stream.getTracks()) this.#take(track);
    } catch (error) {
      const name = error instanceof DOMException ? error.name : 'unknown';
      if (name === 'OverconstrainedError' && this.chosen[kind])
        return void await this.start(kind, '');
      if (!this.track(kind)) this.errors[kind] = name;
    }
    this.#tell();
  }

  /** @param {MediaStreamTrack} track */
  #take(track) {
    const kind = /** @type {Kind} */ (track.kind);
    const old = this.track(kind);

    this.errors[kind] = '';
    this.lost.delete(kind);
    // The answer came after the end: nobody is filmed then.
    if (this.#stopped) return track.stop();
    if (old) this.#drop(old);
    track.enabled = this.wanted[kind];
    this.stream.addTrack(track);
    track.onended = () => this.#ended(track);
    track.onmute = track.onunmute = () => this.#tell();
    for (const replacer of this.#replacers) replacer(kind, track);
  }

  /** @param {MediaStreamTrack} track */
  #drop(track) {
    track.onended = track.onmute = track.onunmute = null;
    track.stop();
    this.stream.removeTrack(track);
  }

  /**
   * Unplugged, taken away by a phone call, or no longer allowed.
   * @param {MediaStreamTrack} track
   */
  #ended(track) {
    const kind = /** @type {Kind} */ (track.kind);

    this.#drop(track);
    this.lost.add(kind);
    for (const replacer of this.#replacers) replacer(kind, null);
    this.#tell();
    void this.#again(kind);
  }

  /**
   * Takes what there is in the place of what is gone. Whoever withdrew their
   * permission is not asked by us, but by the button that they press.
   * @param {Kind} kind
   */
  async #again(kind) {
    if (!this.wanted[kind]) return;
    if (await allowed(kind)) return void await this.start(kind, '');
    this.errors[kind] = 'NotAllowedError';
    this.#tell();
  }

  /** @param {Kind} kind @returns {Promise<MediaDeviceInfo[]>} */
  async list(kind) {
    const all = await navigator.mediaDevices?.enumerateDevices() ?? [];

    return all.filter((device) => device.kind === `${kind}input` &&
      device.deviceId);
  }

  stop() {
    this.#stopped = true;
    for (const track of this.stream.getTracks()) this.#drop(track);
  }
}

/**
 * Measures how loud the microphone is, from 0 to 1, ten times a second.
 * @param {Devices} devices
 * @param {(level: number) => void} show
 * @returns {() => void} stops measuring
 */
export function measure(devices, show) {
  const samples = new Float32Array(1024);
  /** @type {AudioContext | undefined} only once there is something to hear */
  let context;
  /** @type {AnalyserNode | undefined} */
  let analyser;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  let source;
  /** @type {MediaStreamTrack | undefined} */
  let heard;
  const attach = (/** @type {MediaStreamTrack} */ track) => {
    context ??= new AudioContext();
    analyser ??= context.createAnalyser();
    source?.disconnect();
    source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    heard = track;
  };
  const timer = setInterval(() => {
    const track = devices.track('audio');
    if (track && track !== heard) attach(track);
    if (!track || !analyser) return show(0);
    void context?.resume();
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
    show(Math.min(1, Math.sqrt(power) * 4));
  }, 100);

  return () => {
    clearInterval(timer);
    void context?.close();
  };
}
