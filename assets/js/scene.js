// What a recording shows and lets hear: the pictures of all who are in the call
// beside each other, and the sum of their voices. It names nobody.

/**
 * @typedef {object} Source
 * @property {HTMLVideoElement} video
 * @property {boolean} shows the camera is on, or a screen is shared
 * @property {MediaStream | null} stream what is heard of them
 */

const WIDTH = 960;
const HEIGHT = 540;
/** How often it is drawn, in ms. */
export const FRAME_MS = 66;

/**
 * Where a picture goes, whole, in the middle of its place.
 * @param {number} n of how many @param {number} i which
 * @param {number} width of the picture @param {number} height
 */
function placeOf(n, i, width, height) {
  const columns = Math.ceil(Math.sqrt(n));
  const rows = Math.ceil(n / columns);
  const [w, h] = [WIDTH / columns, HEIGHT / rows];
  const scale = Math.min(w / width, h / height);

  return { x: (i % columns) * w + (w - width * scale) / 2,
    y: Math.floor(i / columns) * h + (h - height * scale) / 2,
    w: width * scale, h: height * scale };
}

/**
 * A track of pictures that are drawn when somebody says so. Where the browser
 * takes frames from a program, they flow though nobody looks at the page.
 * @param {HTMLCanvasElement} canvas
 * @returns {{track: MediaStreamTrack, drawn: () => void, end: () => void}}
 */
function pictures(canvas) {
  const { MediaStreamTrackGenerator: Generator } =
    /** @type {any} */ (globalThis);

  if (Generator) {
    const track = new Generator({ kind: 'video' });
    /** @type {WritableStreamDefaultWriter} */
    const writer = track.writable.getWriter();
    const drawn = () => {
      if (track.readyState !== 'live' || (writer.desiredSize ?? 0) <= 0) return;
      const frame = new VideoFrame(canvas,
        { timestamp: Math.round(performance.now() * 1000) });
      writer.write(frame).catch(() => frame.close());
    };
    return { track, drawn, end: () => void writer.close().catch(() => {}) };
  }
  const [track] = canvas.captureStream(0).getVideoTracks();
  if (!(track instanceof CanvasCaptureMediaStreamTrack))
    throw new Error('no track of a canvas');
  return { track, drawn: () => track.requestFrame(), end: () => track.stop() };
}

export class Scene {
  /** @type {Map<MediaStreamTrack, MediaStreamAudioSourceNode>} */
  #voices = new Map();

  /** @param {() => Source[]} sources who is in the call now */
  constructor(sources) {
    this.sources = sources;
    this.canvas = document.createElement('canvas');
    this.canvas.width = WIDTH;
    this.canvas.height = HEIGHT;
    const pen = this.canvas.getContext('2d', { alpha: false });
    if (!pen) throw new Error('no canvas');
    this.pen = pen;
    this.pictures = pictures(this.canvas);
    // Nobody listens here: a loudspeaker that is stuck must not stop it.
    this.audio = new AudioContext(/** @type {any} */ (
      { sinkId: { type: 'none' } }));
    this.sum = this.audio.createMediaStreamDestination();
    // Silence, too, is a track: a recording in which nobody speaks is as long.
    const silence = this.audio.createConstantSource();
    silence.offset.value = 0;
    silence.connect(this.sum);
    silence.start();
    this.stream = new MediaStream([this.pictures.track,
      ...this.sum.stream.getAudioTracks()]);
  }

  /** One more picture, and whoever has come since the last. */
  draw() {
    const sources = this.sources();

    this.pen.fillStyle = '#10181a';
    this.pen.fillRect(0, 0, WIDTH, HEIGHT);
    sources.forEach(({ video, shows }, i) => {
      const seen = shows && video.videoWidth > 0;
      const { x, y, w, h } = placeOf(sources.length, i,
        seen ? video.videoWidth : 16, seen ? video.videoHeight : 9);
      if (seen) this.pen.drawImage(video, x, y, w, h);
      else this.#nobody(x + w / 2, y + h / 2, h / 4);
    });
    this.pictures.drawn();
    this.#listen(sources);
  }

  /** Somebody whose camera is off. @param {number} x @param {number} y
   * @param {number} size */
  #nobody(x, y, size) {
    this.pen.fillStyle = '#4a5c61';
    this.pen.beginPath();
    this.pen.arc(x, y, size, 0, 2 * Math.PI);
    this.pen.fill();
  }

  /** @param {Source[]} sources */
  #listen(sources) {
    const tracks = new Set(sources.flatMap(({ stream }) =>
      stream?.getAudioTracks() ?? []).filter(({ readyState }) =>
      readyState === 'live'));

    for (const [track, voice] of this.#voices)
      if (!tracks.has(track)) {
        voice.disconnect();
        this.#voices.delete(track);
      }
    for (const track of tracks) {
      if (this.#voices.has(track)) continue;
      const voice = this.audio.createMediaStreamSource(
        new MediaStream([track]));
      voice.connect(this.sum);
      this.#voices.set(track, voice);
    }
    // Where it may not, the recorder gives nothing, which is seen there.
    if (this.audio.state === 'suspended')
      this.audio.resume().catch(() => {});
  }

  end() {
    for (const voice of this.#voices.values()) voice.disconnect();
    this.#voices.clear();
    this.pictures.end();
    void this.audio.close();
  }
}
