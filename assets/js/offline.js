// Waits for the server and goes back to the start.

import { el } from './dom.js';

const LOOK_MS = 5000;

async function look() {
  try {
    const answer = await fetch('/readyz', { cache: 'no-store' });
    if (answer.ok) return location.replace('/');
    el('state').textContent = 'Not yet. We keep looking.';
  } catch {
    el('state').textContent = 'No answer. Check your own internet, too.';
  }
  setTimeout(() => void look(), LOOK_MS);
}

void look();
