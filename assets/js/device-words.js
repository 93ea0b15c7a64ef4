// What is said of a device that is signed in.

import { exact } from './format.js';

/** @param {string | undefined} agent the User-Agent header, in words */
export function deviceName(agent = '') {
  const browser = [['Edg/', 'Edge'], ['OPR/', 'Opera'],
    ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']]
    .find(([mark = '']) => agent.includes(mark))?.[1] ?? 'A program';
  const system = [['Android', 'Android'], ['iPhone', 'iPhone'],
    ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS', 'Mac'],
    ['CrOS', 'Chromebook'], ['Linux', 'Linux']]
    .find(([mark = '']) => agent.includes(mark))?.[1];

  return system ? `${browser} on ${system}` : browser;
}

/**
 * @param {{created_at: string, seen_at?: string, address?: string}} device
 */
export const deviceUse = (device) => [`Since ${exact(device.created_at)}`,
  device.seen_at ? `last used ${exact(device.seen_at)}` : '',
  device.address ? `from ${device.address}` : ''].filter(Boolean).join(', ');
