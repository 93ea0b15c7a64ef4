// The part of a page in which a person sees, hears and chooses their camera
// and microphone.

import { fill, h, icon, note } from './dom.js';
import { deviceWords, measure } from './devices.js';

/** @typedef {import('./devices.js').Devices} Devices */
/** @typedef {import('./devices.js').Kind} Kind */

const LABELS = { audio: 'Microphone', video: 'Camera' };

/**
 * @param {Devices} devices
 * @param {Kind} kind
 */
function picker(devices, kind) {
  const select = h('select', { id: `choose-${kind}`, onchange: () =>
    void devices.start(kind, select.value) });
  const draw = async () => {
    const list = await devices.list(kind);
    const now = devices.track(kind)?.getSettings().deviceId ?? '';

    fill(select, ...(list.length ? list.map((device, i) => new Option(
      device.label || `${LABELS[kind]} ${i + 1}`, device.deviceId))
      : [new Option('None found', '')]));
    select.disabled = !list.length;
    if (now) select.value = now;
  };

  devices.watch(() => void draw());
  void draw();
  return h('div', { class: 'field' },
    h('label', { for: select.id }, LABELS[kind]), select);
}

/** @param {Devices} devices */
function preview(devices) {
  const video = h('video', { class: 'mirror', autoplay: true, muted: true,
    playsinline: true });
  const over = h('div', { class: 'over' }, icon('video-off'),
    h('p', {}, 'No picture'));

  // No stream before it has a track: an empty one holds up the page's load.
  video.muted = true;
  video.hidden = true;
  devices.watch(() => {
    const track = devices.track('video');
    over.hidden = Boolean(track);
    video.hidden = !over.hidden;
    // A stream whose tracks changed is not always drawn again by itself.
    if (!over.hidden) return;
    video.srcObject = devices.stream;
    video.play().catch(() => {});
  });
  return h('figure', { class: 'preview' }, video, over,
    h('figcaption', { class: 'unseen' }, 'Your own picture'));
}

/** @param {Devices} devices @param {() => void} again */
function faults(devices, again) {
  const place = h('div', { class: 'stack-s', 'aria-live': 'polite' });
  const draw = () => {
    const wrong = /** @type {Kind[]} */ (['video', 'audio'])
      .filter((kind) => devices.errors[kind]);

    fill(place, ...wrong.map((kind) => {
      const { title, text } = deviceWords(kind, devices.errors[kind]);
      return note('warn', h('p', { class: 'strong' }, title),
        h('p', {}, text));
    }), wrong.length ? h('button', { type: 'button', class: 'button',
      onclick: again }, 'Try again') : null);
  };

  devices.watch(draw);
  return place;
}

/**
 * Fills `place` and asks the browser for the devices.
 * @param {HTMLElement} place
 * @param {Devices} devices
 * @returns {() => void} stops the meter
 */
export function devicePanel(place, devices) {
  const meter = h('meter', { class: 'level', id: 'mic-level', min: '0',
    max: '1', low: '0.05', value: '0' });
  const heard = h('p', { class: 'hint', id: 'heard' },
    'Say a few words: the bar moves when we hear you.');
  let loud = 0;
  const stop = measure(devices, (level) => {
    meter.value = level;
    loud += level > 0.08 ? 1 : 0;
    if (loud === 8) heard.textContent = 'We hear you.';
  });

  fill(place, preview(devices), faults(devices,
    () => void devices.startBoth()),
  h('div', { class: 'row' }, picker(devices, 'video'),
    picker(devices, 'audio')),
  h('div', { class: 'field' }, h('label', { for: meter.id },
    'Microphone level'), meter, heard));
  void devices.startBoth();
  return stop;
}
