// One recording: what it is, who agreed to it, and a player for whoever may
// watch it. Who looks is named over the picture, so that a picture of the
// screen says whose screen it was.

import { get, Problem } from './api.js';
import { announce, buttonOf, el, facts, fill, h, icon, inputOf, note }
  from './dom.js';
import { exact, roleName, stopwatch } from './format.js';
import { words } from './form.js';
import { Player, Refused } from './player.js';
import { isThere, keptOf, lengthOf, stateOf, whenOf }
  from './recording-words.js';
import { begin, may } from './session.js';

const session = await begin('recording_list');
const id = new URLSearchParams(location.search).get('id') ?? '';
const video = /** @type {HTMLVideoElement} */ (el('video'));
const where = inputOf('where');
/** Somebody holds it: it does not move by itself. */
let held = false;
/** How far an arrow goes, in s. */
const STEP_S = 5;

const FAULTS = /** @type {Record<import('./player.js').Fault, string>} */ ({
  missing: 'is missing', size: 'is not as long as what was recorded',
  checksum: 'was changed or damaged', seal: 'is not what was recorded' });

/** @param {unknown} problem */
function faultWords(problem) {
  if (problem instanceof Refused)
    return `Part ${problem.index + 1} of this recording ` +
      `${FAULTS[problem.fault]}. It is not played. The clinic has been told, ` +
      'and looks at it.';
  if (problem instanceof DOMException && problem.name === 'NotSupportedError')
    return 'This browser cannot play the recording. Use a current Chrome, ' +
      'Edge or Firefox.';
  return words(problem);
}

/** @param {unknown} problem */
function complain(problem) {
  el('player').hidden = true;
  fill(el('note'), note('bad', h('p', { role: 'alert' }, faultWords(problem)),
    problem instanceof Problem && problem.status !== 404
      ? h('button', { type: 'button', class: 'button',
        onclick: () => location.reload() }, 'Try again') : null));
}

/** @param {any} recording */
function show(recording) {
  const people = recording.participants.map((/** @type {any} */ person) =>
    h('li', {}, h('span', { class: 'strong' }, person.display_name ??
      'Somebody'), ` (${roleName(person.role).toLowerCase()}) ` +
      `${person.given ? 'agreed' : 'did not agree'}, ${exact(person.at)}`));

  fill(el('view'), h('section', { class: 'card', 'aria-labelledby': 'what' },
    h('h2', { id: 'what' }, 'What it is'), facts([
      ['Recorded', whenOf(recording)], ['Length', lengthOf(recording)],
      ['State', stateOf(recording)], ['Kept', keptOf(recording)]])),
  h('section', { class: 'card', 'aria-labelledby': 'agreed' },
    h('h2', { id: 'agreed' }, 'Who was asked'),
    h('ul', { class: 'stack-s' }, ...people)));
}

// The player

/** Names whoever looks, and when. */
function drawMark() {
  const text = `${session.user.display_name} · ${exact(new Date())}`;

  fill(el('mark'), ...[1, 2, 3].map(() => h('span', {}, text)));
}

function drawControls() {
  const playing = !video.paused && !video.ended;
  const at = Math.floor(video.currentTime);
  const all = Number.isFinite(video.duration) ? video.duration : 0;

  fill(buttonOf('play'), icon(playing ? 'pause' : 'play'),
    h('span', {}, playing ? 'Pause' : 'Play'));
  fill(buttonOf('mute'), icon(video.muted ? 'sound-off' : 'sound'),
    h('span', {}, video.muted ? 'Sound off' : 'Sound on'));
  buttonOf('mute').setAttribute('aria-pressed', String(video.muted));
  fill(buttonOf('full'), icon('full'), h('span', {},
    document.fullscreenElement ? 'Small' : 'Full screen'));
  where.max = String(Math.ceil(all));
  if (!held) where.value = String(at);
  where.setAttribute('aria-valuetext', `${stopwatch(at)} of ${stopwatch(all)}`);
  el('clock').textContent = `${stopwatch(at)} / ${stopwatch(all)}`;
}

/** @param {number} seconds */
function goTo(seconds) {
  video.currentTime = Math.min(Math.max(0, seconds), video.duration || 0);
}

/** Whether there is something to play: what is asked for before it has come is
 * played then, as a browser forgets it. @type {Promise<boolean>} */
let ready = Promise.resolve(false);

async function playOrPause() {
  if (!video.paused) return video.pause();
  if (await ready) await video.play().catch(() => announce('It could not be played'));
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await el('player').requestFullscreen?.().catch(() => {});
}

const KEYS = /** @type {Record<string, () => unknown>} */ ({
  k: playOrPause, m: () => { video.muted = !video.muted; }, f: fullScreen,
  arrowleft: () => goTo(video.currentTime - STEP_S),
  arrowright: () => goTo(video.currentTime + STEP_S) });

function listen() {
  for (const kind of ['play', 'pause', 'ended', 'timeupdate', 'volumechange',
    'durationchange']) video.addEventListener(kind, drawControls);
  // What the browser offers to save would be a still picture without the mark.
  video.addEventListener('contextmenu', (event) => event.preventDefault());
  video.addEventListener('click', () => void playOrPause());
  document.addEventListener('fullscreenchange', drawControls);
  buttonOf('play').addEventListener('click', () => void playOrPause());
  buttonOf('mute').addEventListener('click', () => KEYS.m?.());
  buttonOf('full').addEventListener('click', () => void fullScreen());
  where.addEventListener('pointerdown', () => { held = true; });
  where.addEventListener('change', () => {
    held = false;
    goTo(Number(where.value));
  });
  addEventListener('keydown', (event) => {
    const act = KEYS[event.key.toLowerCase()];
    if (!act || event.altKey || event.ctrlKey || event.metaKey ||
        event.target === where || el('player').hidden) return;
    event.preventDefault();
    void act();
  });
}

/** @param {any} recording */
async function play(recording) {
  const player = new Player(video, recording, complain);

  drawMark();
  setInterval(drawMark, 1000);
  listen();
  drawControls();
  addEventListener('pagehide', () => player.end());
  el('player').hidden = false;
  const begun = player.begin();
  ready = begun.then(() => true, () => false);
  const whole = await begun;
  if (!whole || recording.state === 'incomplete')
    fill(el('note'), note('warn', h('p', { role: 'alert' }, whole
      ? 'Parts of this recording are missing. It stops at the first of them.'
      : 'The end of this recording is missing. What you see is not all of it.'
    )));
}

try {
  const { body } = await get(`/v1/recordings/${id}`);
  show(body);
  if (may(body, 'recording_playback')) await play(body).catch(complain);
  else fill(el('note'), note('info', h('p', {}, isThere(body)
    ? 'You can see that this recording exists. Your role cannot watch it.'
    : 'There is nothing to watch yet, or any more.')));
} catch (problem) {
  fill(el('view'));
  complain(problem instanceof Problem && problem.status === 404
    ? new Problem(404, { title: 'This recording does not exist, or you are ' +
      'not on the care team.' }) : problem);
}
