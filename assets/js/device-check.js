// The readiness check before a visit; open to everyone, signed in or not.

import { el, fill, h, note } from './dom.js';
import { Devices } from './devices.js';
import { devicePanel } from './device-panel.js';

const devices = new Devices();

devices.watch(() => {
  const ready = !devices.errors.audio && !devices.errors.video &&
    devices.track('audio') && devices.track('video');

  fill(el('verdict'), ready ? note('ok', h('p', {}, 'Your camera and ' +
    'microphone work. You are ready for your visit.'),
  h('p', {}, h('a', { href: '/' }, 'Go to your visits'))) : null);
});
devicePanel(el('check'), devices);
addEventListener('pagehide', () => devices.stop());
