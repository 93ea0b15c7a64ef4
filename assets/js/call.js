// The video visit: device check, waiting room, call, end; one page, so that
// what was allowed and connected stays so from the first step to the last.

import { get, post, Problem } from './api.js';
import { isEnterable, wayIn } from './call-way.js';
import { el, fill, h, icon, note, showOnly } from './dom.js';
import { deviceWords, Devices, NAMES } from './devices.js';
import { devicePanel } from './device-panel.js';
import { Peer } from './peer.js';
import { Signal } from './signal.js';
import { Chat } from './chat.js';
import { CallRecording } from './call-recording.js';
import { askLeave, confirmEnd, control, drawKnocks, middle, say, sayState,
  showInfo, Tile } from './call-view.js';
import { confirm } from './dialog.js';
import { nearDay, stopwatch, time } from './format.js';
import { words } from './form.js';
import { askOnIdle } from './session.js';
import { leaveLineTo } from './uploads.js';

/** @typedef {import('./devices.js').Kind} Kind */
/** @typedef {import('./signal.js').Participant} Participant */
/** @typedef {import('./signal.js').Incoming} Incoming */
/** @typedef {import('./signal.js').Welcome} Welcome */

const STAGES = ['stage-join', 'stage-check', 'stage-wait', 'stage-call', 'stage-end'];
const way = await wayIn();
/** Who waits to be let in: a patient, or a guest. */
const isPatient = way.waits;
const visitId = way.visit;
const devices = new Devices();
let stopMeter = () => {};

/** @type {any} the visit as last read */
let visit = null;
/** @type {Signal | null} */
let signal = null;
let self = '';
let admitted = false;
/** @type {Map<string, Participant>} everyone else in the room */
const people = new Map();
/** @type {Map<string, {peer: Peer, tile: Tile}>} those we talk with */
const talks = new Map();
/** @type {Map<string, ReturnType<typeof setTimeout>>} until they have left */
const awaited = new Map();
/** How long others may take to come back after the room was lost, in ms. */
const BACK_MS = 10_000;
/** For all connections of this page: by it the others know us again. */
const certificate = await RTCPeerConnection.generateCertificate(
  /** @type {any} */ ({ name: 'ECDSA', namedCurve: 'P-256' }));
/** @type {RTCIceServer[]} */
let iceServers = [];
let iceReadAt = 0;
let iceTtlS = 3600;
/** @type {MediaStream | null} */
let screenStream = null;
/** What is shared, as a recording sees it. */
const screenVideo = h('video', { muted: true, playsinline: true });
/** When the line was bad last. */
let hurtAt = -Infinity;
/** How long it has to be good before anything else uses it, in ms. */
const HURT_MS = 10_000;
let startedAt = 0;
/** The page goes, perhaps to be loaded again. */
let unloading = false;
let socketDown = false;
/** Who was here last, in words; '' while nobody was. */
let gone = '';
/** What the others were told of our tracks, so as not to repeat it. */
let told = '';
const chat = new Chat((text) =>
  [...talks.values()].filter(({ peer }) => peer.write(text)).length, say);

/** Is the line too bad to send anything else over it? */
const hurts = () => performance.now() - hurtAt < HURT_MS ||
  [...talks.values()].some(({ peer }) => !peer.connected);
leaveLineTo(() => talks.size > 0 && hurts());

const recording = new CallRecording({ account: way.account,
  visit: () => visit, send: (message) => signal?.send(message), hurts,
  sources: () => [{ video: screenStream ? screenVideo
    : /** @type {HTMLVideoElement} */ (el('self-video')),
  shows: devices.on('video') || Boolean(screenStream),
  stream: devices.stream }, ...[...talks.values()].map(({ peer, tile }) =>
    ({ video: tile.video, shows: tile.initials.hidden,
      stream: peer.remote }))],
  onChange: () => drawRecord() });

/** @param {string} stage @param {string} title */
function enter(stage, title) {
  const calling = stage === 'stage-call';

  showOnly(STAGES, stage);
  el('title').textContent = title;
  el('title').classList.toggle('unseen', calling);
  el('main').classList.toggle('in-call', calling);
  el('main').classList.toggle('middle', !calling);
  document.body.classList.toggle('calling', calling);
  document.title = `${title} – Epione`;
  el('title').focus();
}

const withWhom = () => isPatient ? visit.clinician_name : visit.patient_name;

/** @param {unknown} problem */
function complain(problem) {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

// The check

async function loadVisit() {
  visit = await way.read();
  fill(el('about'), h('p', { class: 'lead' }, `With ${withWhom()}. `,
    `${nearDay(visit.starts_at)}, ${time(visit.starts_at)}, ` +
    `${visit.duration_minutes} minutes.`));
}

function drawCheck() {
  const text = way.guest ? 'Go to the waiting room'
    : !isPatient ? 'Open the room'
    : visit.status === 'booked' ? 'Check in' : 'Go in';

  enter('stage-check', 'Check your camera and microphone');
  stopMeter = devicePanel(el('check'), devices);
  fill(el('check-actions'), h('button', { type: 'button',
    class: 'button primary big', onclick: () => void goIn() },
  icon('right'), text),
  way.guest ? null
    : h('a', { class: 'button quiet', href: '/visits' }, 'Back to visits'));
}

async function goIn() {
  fill(el('note'));
  try {
    if (isPatient && visit.status === 'booked') {
      await way.checkIn();
      await loadVisit();
    }
  } catch (problem) {
    // Somebody at the desk may have done it: then we may go in all the same.
    await loadVisit().catch(() => {});
    if (visit.status === 'booked') return complain(problem);
  }
  openSignal();
}

// The room

function openSignal() {
  signal?.leave();
  signal = new Signal(visitId, { welcome: onWelcome, message: onMessage,
    down: onDown, over: onOver }, mayTry);
  stopMeter();
  signal.open();
  if (isPatient) drawWait();
  else drawCall();
}

/** @returns {Promise<import('./signal.js').Closing | ''>} */
async function mayTry() {
  try {
    visit = await way.read();
    return ['arrived', 'in_call'].includes(visit.status) ||
      (!isPatient && visit.status === 'booked') ? '' : 'ended';
  } catch (problem) {
    if (!(problem instanceof Problem)) return 'refused';
    if (problem.status === 401) return 'session';
    return problem.status === 404 ? 'stranger' : '';
  }
}

/** Waiting is doing nothing, for good reason: one press keeps the place. */
const STILL_WAITING = { title: 'Are you still waiting?', text: 'You keep your ' +
  'place. Please tell us that you are there. If nobody answers, we sign you ' +
  'out to keep your record safe.', stay: 'I am still here', aloud: true };

/** A screen that goes dark takes the connection with it. */
function stayAwake() {
  void navigator.wakeLock?.request('screen').catch(() => {});
}

function drawWait() {
  const video = /** @type {HTMLVideoElement} */ (el('wait-video'));

  enter('stage-wait', way.guest ? 'You are in the waiting room'
    : 'You are checked in');
  video.srcObject = devices.stream;
  video.play().catch(() => {});
  el('wait-text').textContent = `${visit.clinician_name} knows that you are ` +
    'here and will let you in.';
  el('wait-place').textContent = 'Waiting for your clinician…';
  fill(el('wait-actions'), h('button', { type: 'button', class: 'button',
    onclick: () => signal?.leave() }, 'Leave the waiting room'));
  askOnIdle(STILL_WAITING);
  stayAwake();
}

/** @param {Incoming} message */
function onQueue({ position, wait_estimate_minutes: minutes }) {
  const place = position === 1 ? 'You are next.'
    : position ? `${position - 1} before you.` : '';
  const wait = minutes === 0 ? 'It should start any minute.'
    : minutes ? `About ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`
    : '';
  const text = [place, wait].filter(Boolean).join(' ');

  if (text && el('wait-place').textContent !== text) {
    el('wait-place').textContent = text;
    say(text);
  }
}

/** @param {Welcome} welcome */
function onWelcome(welcome) {
  iceServers = welcome.ice_servers ?? iceServers;
  iceReadAt = Date.now();
  recording.clinicRecords = welcome.records === true;
  drawRecord();
  // In another place, too: a recording of before is over, and is told of nowhere.
  void recording.down(false);
  if (self === welcome.self) {
    if (!welcome.resumed) roomLost(welcome);
    for (const { peer } of talks.values()) peer.signalingBack();
    sendState(true);
    return;
  }
  for (const id of [...talks.keys()]) stopTalk(id);
  people.clear();
  self = welcome.self;
  admitted = welcome.admitted;
  for (const person of welcome.participants)
    if (person.id !== self) people.set(person.id, { ...person });
  if (admitted) drawCall();
  update();
  sendState(true);
}

/**
 * The room's server process died; we have our place again, and the others will
 * have theirs in a moment. What we see of each other does not pass through it,
 * so it stays. Whoever does not come back has left.
 * @param {Welcome} welcome
 */
function roomLost(welcome) {
  const before = [...people.keys()];

  for (const person of welcome.participants)
    if (person.id !== self) HEARD.joined?.({ type: 'joined',
      participant: person });
  const gone = before.filter((id) =>
    !welcome.participants.some((person) => person.id === id));
  for (const id of gone) awaited.set(id, setTimeout(() =>
    HEARD.left?.({ type: 'left', participant: id, reason: 'lost' }), BACK_MS));
  if (welcome.admitted && !admitted) HEARD.admitted?.({ type: 'admitted',
    participant: self });
}

/** @param {string} id */
function isBack(id) {
  clearTimeout(awaited.get(id));
  awaited.delete(id);
}

/** @param {Participant | string | undefined} participant */
const idOf = (participant) => typeof participant === 'string' ? participant
  : participant?.id ?? '';

/** @type {Record<string, (message: Incoming) => void>} */
const HEARD = {
  joined({ participant }) {
    if (!participant || typeof participant === 'string') return;
    const known = people.has(participant.id);
    isBack(participant.id);
    if (participant.id !== self)
      people.set(participant.id, { ...participant });
    // An offer of before may have been lost with the room.
    if (known) talks.get(participant.id)?.peer.roomBack();
    if (!participant.admitted) say(`${participant.display_name} is waiting`);
    update();
  },
  left({ participant, reason }) {
    const person = people.get(idOf(participant));
    isBack(idOf(participant));
    if (!person) return;
    people.delete(person.id);
    stopTalk(person.id);
    gone = reason === 'lost' ? `The connection to ${person.display_name} is ` +
      'lost' : `${person.display_name} left`;
    update();
    say(gone);
  },
  admitted({ participant }) {
    const id = idOf(participant);
    const person = people.get(id);
    visit.status = 'in_call';
    if (person) person.admitted = true;
    else if (id !== self && participant && typeof participant !== 'string')
      people.set(id, { ...participant, admitted: true });
    void mayNow();
    if (id === self && !admitted) {
      admitted = true;
      drawCall();
      sendState(true);
    }
    update();
  },
  description({ from = '', description }) {
    if (description) void talkWith(from)?.peer.onDescription(description);
  },
  candidate({ from = '', candidate = null }) {
    void talkWith(from)?.peer.onCandidate(candidate);
  },
  state(message) {
    talks.get(message.from ?? '')?.tile.state(message);
  },
  queue: onQueue,
  recording({ id = '', state = '', reason }) {
    void recording.heard(id, state, reason);
  },
  error(message) {
    if (message.code === 'visit_full') return complainIn('No more people ' +
      'fit into this visit. Remove somebody first.');
    console.warn('signal error', message.code ?? '', message.ref ?? '');
  },
  ended() {},
};

/** @param {Incoming} message */
function onMessage(message) {
  HEARD[message.type]?.(message);
}

/** @param {boolean} down */
function onDown(down) {
  socketDown = down;
  if (down) void recording.down(true);
  if (!admitted)
    el('wait-place').textContent = down ? 'Reconnecting… You keep your place.'
      : 'Waiting for your clinician…';
  drawLine();
}

/** @param {import('./signal.js').Closing} why */
function onOver(why) {
  const endings = /** @type {Record<string, [string, string]>} */ ({
    ended: ['The visit has ended', 'You can close this page.'],
    left: [admitted ? 'You left the call' : 'You left the waiting room',
      'The visit is still open: you can go back in.'],
    replaced: ['This visit is open in another window',
      'Go on there, or use this window instead.'],
    stranger: ['You cannot join this visit', 'It may not be open yet, or it ' +
      'is not yours. Look at your visits, or call your clinic.'],
    removed: ['You are not in this visit any more', 'The clinician has ended ' +
      'your part in it. You can close this page.'],
    session: ['You were signed out', isPatient && !admitted
      ? 'The clinic still knows that you are checked in. Sign in to go back ' +
        'to the waiting room.' : 'Sign in again to go back in.'],
    refused: ['We could not connect', 'Load this page again.'] });
  if (way.guest) return goodbye(why, endings[why]?.[0] ?? '');
  const [title = '', text = ''] = endings[why] ?? [];
  const again = ['left', 'replaced', 'refused'].includes(why);

  recording.over();
  hush();
  askOnIdle();
  signal = null;
  admitted = false;
  enter('stage-end', title);
  el('end-text').textContent = text;
  fill(el('end-actions'), again ? h('button', { type: 'button',
    class: 'button primary', onclick: () => location.reload() },
  why === 'replaced' ? 'Use this window' : 'Go back in') : null,
  why === 'left' && visit.status === 'in_call' && !isPatient
    ? h('button', { type: 'button', class: 'button', onclick: () =>
      void endVisit() }, 'End the visit') : null,
  h('a', { class: `button ${again ? '' : 'primary'}`, href: why === 'session'
    ? `/?next=${encodeURIComponent(`/call?visit=${visitId}`)}` : '/visits' },
  why === 'session' ? 'Sign in' : 'Back to visits'));
  say(title);
}

/** What a guest is told at the end; of an ending that accounts know by others. */
const GOODBYES = /** @type {Record<string, [string, string]>} */ ({
  ended: ['The visit has ended', 'Thank you for coming.'],
  left: ['You have left the visit', 'To come back while it is open, open your ' +
    'link again.'],
  replaced: ['You opened this visit in another window', 'Go on there.'],
  session: ['This visit is not open here any more', 'It has ended, or the link ' +
    'was opened somewhere else. If it should be open, open your link again.'],
  stranger: ['You are not in this visit any more', 'If you think that this is ' +
    'wrong, call your clinic.'],
  refused: ['We could not connect', 'Open your link again.'] });

/**
 * @param {import('./signal.js').Closing} why @param {string} usual
 */
//= PA-10: a guest leaves no session and no word behind
function goodbye(why, usual) {
  if (unloading) return; // a reload comes back
  const [title, text] = GOODBYES[why] ??
    [usual, 'If you think that this is wrong, call your clinic.'];

  recording.over();
  hush();
  signal = null;
  admitted = false;
  visit = null;
  people.clear();
  enter('stage-end', title);
  el('end-text').textContent = text;
  fill(el('about'));
  fill(el('check'));
  fill(el('end-actions'), h('p', { class: 'muted' }, 'You can close this ' +
    'page. Nothing of the visit is kept in this browser.'));
  say(title);
  void way.leave();
}

/** Nobody hears, sees or reads anything any more. */
function hush() {
  for (const id of [...talks.keys()]) stopTalk(id);
  stopScreen();
  devices.stop();
  chat.wipe();
  for (const id of ['state-text', 'timer']) el(id).textContent = '';
  for (const id of ['knocks', 'device-note', 'safety-note']) fill(el(id));
}

// The talks

/** Credentials last for a while: asks for new ones in good time. */
async function freshServers() {
  if (Date.now() - iceReadAt < iceTtlS * 500) return null;
  const { body } = await get(`/v1/visits/${visitId}/ice-servers`,
    { background: true });

  iceServers = body.ice_servers;
  iceTtlS = body.ttl_s;
  iceReadAt = Date.now();
  return iceServers;
}

/**
 * @param {string} id
 * @param {import('./peer.js').Past} [past] of a talk that begins anew
 * @returns {{peer: Peer, tile: Tile} | undefined}
 */
function talkWith(id, past) {
  if (!admitted || !id || !signal) return undefined;
  const old = talks.get(id);
  if (old) return old;
  const person = people.get(id) ?? { id, role: '', admitted: true,
    display_name: withWhom(), guest: false };
  const room = signal;
  const tile = new Tile(person, isPatient || !person.guest ? undefined
    : () => void remove(person));
  const peer = new Peer({ self, id, iceServers, certificate, past,
    stream: devices.stream, send: (message) => room.send(message), freshServers,
    onStream: (stream) => tile.show(stream),
    onText: (text) => chat.heard(person.display_name, text),
    onSafety: (state) => {
      if (state === 'broken') saySpied(person.display_name);
    },
    onAnew: (had, offer) => {
      stopTalk(id);
      const { peer: next } = talkWith(id, had) ?? {};
      if (offer) void next?.onDescription(offer);
    },
    onLine: (line) => {
      tile.line(line);
      if (line === 'blocked') sayBlocked();
      else drawLine();
    },
    onReport: (report) => {
      tile.report(report);
      if (['poor', 'stalled'].includes(report.quality))
        hurtAt = performance.now();
      if (report.quality === 'poor') sayState('Connection is poor');
      else drawLine();
    } });
  const talk = { peer, tile };

  talks.set(id, talk);
  if (screenStream) void peer.replace('video', screenTrack());
  return talk;
}

/** Without this the page would try for ever and nothing would say why. */
function sayBlocked() {
  fill(el('knocks'), note('warn', h('p', {}, 'We cannot get through your ' +
    'network, or theirs. We keep trying. It may help to use another network, ' +
    'such as mobile data, or to turn off a VPN.')));
}

/** @param {string} name of who may not be at the other end alone */
function saySpied(name) {
  const text = `The connection with ${name} may not be private. Somebody ` +
    'could be in between and see and hear you. Say nothing that is private. ' +
    'Leave, and call the clinic.';

  fill(el('safety-note'), note('bad', h('p', { role: 'alert' }, text)));
}

function info() {
  showInfo([...talks.values()].map(({ peer: { safety }, tile }) =>
    ({ name: tile.person.display_name, code: safety.code,
      state: safety.state })));
}

/** @param {string} id */
function stopTalk(id) {
  talks.get(id)?.peer.close();
  talks.get(id)?.tile.remove();
  talks.delete(id);
}

/** Brings what is on the page in line with who is in the room. */
function update() {
  const inside = [...people.values()].filter((person) => person.admitted);

  if (admitted) for (const { id } of inside) talkWith(id);
  drawKnocks(!isPatient
    ? [...people.values()].filter((person) => !person.admitted) : [],
  (person) => void admit(person), (person) => void remove(person));
  drawLine();
}

/** @param {string} text */
function complainIn(text) {
  say(text);
  fill(el('knocks'), note('bad', h('p', { role: 'alert' }, text),
    h('button', { type: 'button', class: 'button', onclick: update },
      'Go back')));
}

/**
 * Guests come by a link of their own, which ends with that.
 * @param {Participant} person
 */
async function remove(person) {
  if (await confirm({ title: `Remove ${person.display_name}?`,
    text: 'They are out at once, and their link stops working.',
    yes: 'Remove' }))
    signal?.send({ type: 'remove', participant: person.id });
}

/** @param {Participant} person guests one by one; a visit has one patient */
async function admit(person) {
  if (person.guest)
    return signal?.send({ type: 'admit', participant: person.id });
  try {
    await post(`/v1/visits/${visitId}/admit`);
  } catch (problem) {
    say(words(problem));
    fill(el('knocks'), note('bad', h('p', { role: 'alert' }, words(problem)),
      h('button', { type: 'button', class: 'button', onclick: update },
        'Try again')));
  }
}

// The stage

function drawCall() {
  const video = /** @type {HTMLVideoElement} */ (el('self-video'));

  if (!el('stage-call').hidden) return;
  enter('stage-call', 'Video visit');
  video.srcObject = devices.stream;
  video.play().catch(() => {});
  el('with').textContent = withWhom();
  drawControls();
  drawLine();
  askOnIdle();
  stayAwake();
}

function drawLine() {
  const lines = [...talks.values()].map(({ peer }) => peer.connected);
  const connected = lines.length > 0 && lines.every(Boolean);

  if (el('stage-call').hidden) return;
  if (connected && !startedAt) startedAt = Date.now();
  if (connected) el('knocks').querySelector('.note')?.remove();
  // The name stands once: in the picture's corner, else here.
  el('with').hidden = talks.size > 0;
  if (!talks.size) {
    middle(...alone());
    sayState(socketDown ? 'Reconnecting…' : 'Waiting', false);
  } else {
    middle('');
    sayState(connected ? (socketDown ? 'Connected. Reconnecting to the clinic…'
      : 'Connected') : startedAt ? 'Reconnecting…' : 'Connecting…');
  }
}

/** @returns {[string, string]} what it says where the others would be */
function alone() {
  const waiting = [...people.values()].find((person) => !person.admitted);

  if (waiting && !isPatient) return [`${waiting.display_name} is waiting`,
    'Admit them when you are ready.'];
  if (gone) return [gone, 'They may come back. Stay here, or leave.'];
  return isPatient ? [`${withWhom()} will be right back`,
    'Please stay on this page.'] : ['Nobody else is here yet',
    'You will see a message when the patient comes.'];
}

function drawControls() {
  const [mic, cam] = [devices.on('audio'), devices.on('video')];
  const share = el('share');

  control('mic', { picture: mic ? 'mic' : 'mic-off', pressed: !mic,
    text: mic ? 'Mute' : missing('audio') ? 'No microphone' : 'Unmute' });
  control('cam', { picture: cam ? 'video' : 'video-off', pressed: !cam,
    text: cam ? 'Stop video' : missing('video') ? 'No camera'
      : 'Start video' });
  control('share', { picture: 'screen', pressed: Boolean(screenStream),
    text: screenStream ? 'Stop sharing' : 'Share screen' });
  share.hidden = !navigator.mediaDevices?.getDisplayMedia;
  control('info', { picture: 'info', text: 'About' });
  drawRecord();
  control('leave', { picture: 'hang-up',
    text: isPatient ? 'Leave' : 'Hang up' });
  el('self').hidden = !cam;
  drawDeviceNote();
}

/** What one may do with a visit is another once it is a call. */
async function mayNow() {
  if (isPatient) return;
  const answer = await get(`/v1/visits/${visitId}`, { background: true })
    .catch(() => null);

  if (answer) visit = answer.body;
  drawRecord();
}

function drawRecord() {
  if (!document.getElementById('record')) return;
  el('record').hidden = !recording.offered;
  control('record', { picture: 'record-dot', pressed: recording.ours,
    text: !recording.ours ? 'Record' : recording.going ? 'Stop recording'
      : 'Do not record' });
}

/** @param {Kind} kind */
const missing = (kind) => !devices.track(kind) &&
  devices.errors[kind] === 'NotFoundError';

/** What a person must know of a device that stopped in the call. */
function drawDeviceNote() {
  const kinds = /** @type {Kind[]} */ (['audio', 'video']);
  const lost = kinds.filter((kind) => devices.lost.has(kind) &&
    devices.errors[kind]);
  const silent = kinds.filter((kind) => devices.silenced(kind));
  const text = [...lost.map((kind) => {
    const { title, text: mend } = deviceWords(kind, devices.errors[kind]);
    return `${title}. ${mend}`;
  }), ...silent.map((kind) => `Your device keeps the ${NAMES[kind]} silent. ` +
    'Look for its own switch or key, or press “Try again”.')];

  if (el('device-note').dataset.text === text.join(' ')) return;
  el('device-note').dataset.text = text.join(' ');
  fill(el('device-note'), text.length ? note('warn',
    ...text.map((line) => h('p', {}, line)),
    h('button', { type: 'button', class: 'button', onclick: async () => {
      for (const kind of [...lost, ...silent]) await devices.set(kind, true);
    } }, 'Try again')) : null);
}

/** @param {boolean} [anew] also if they were told the same before */
function sendState(anew = false) {
  const state = { audio: devices.on('audio'), video: devices.on('video'),
    screen: Boolean(screenStream) };
  const text = JSON.stringify(state);

  if (!admitted || (!anew && told === text)) return;
  told = text;
  signal?.send({ type: 'state', ...state });
}

/** @param {Kind} kind */
async function toggle(kind) {
  await devices.set(kind, !devices.on(kind));
  say(`${kind === 'audio' ? 'Microphone' : 'Camera'} ` +
    `${devices.on(kind) ? 'on' : 'off'}`);
}

const screenTrack = () => screenStream?.getVideoTracks()[0] ?? null;

/** @param {MediaStreamTrack | null} track what the others see from now on */
async function sendPicture(track) {
  await Promise.all([...talks.values()].map(({ peer }) =>
    peer.replace('video', track)));
}

function stopScreen() {
  for (const track of screenStream?.getTracks() ?? []) track.stop();
  screenStream = screenVideo.srcObject = null;
}

async function toggleShare() {
  if (screenStream) {
    stopScreen();
    await sendPicture(devices.track('video') ?? null);
  } else {
    try {
      screenStream = await navigator.mediaDevices.getDisplayMedia(
        { video: true, audio: false });
    } catch {
      return say('Nothing is shared');
    }
    const track = screenTrack();
    screenVideo.srcObject = screenStream;
    screenVideo.play().catch(() => {});
    // The browser has a button of its own to stop.
    if (track) track.onended = () => { if (screenStream) void toggleShare(); };
    await sendPicture(track);
  }
  say(screenStream ? 'You share your screen' : 'You stopped sharing');
  drawControls();
  sendState();
}

/** Leaving is for oneself; ending is for everyone, and asked about twice. */
async function hangUp() {
  if (isPatient) return signal?.leave();
  const choice = visit.status === 'booked' && !people.size ? 'leave'
    : await askLeave();

  if (choice === 'leave') signal?.leave();
  if (choice === 'end') await endVisit();
}

async function endVisit() {
  if (!await confirmEnd(withWhom())) return;
  try {
    await post(`/v1/visits/${visitId}/end`);
    if (!signal) return onOver('ended');
    // The server tells the room, and us; a lost socket must not keep us here.
    setTimeout(() => { if (admitted) onOver('ended'); }, 3000);
  } catch (problem) {
    const place = el(signal ? 'knocks' : 'end-note');
    fill(place, note('bad', h('p', { role: 'alert' }, words(problem))));
  }
}

/**
 * A link that leads out of the waiting room or the call is asked about.
 * @param {MouseEvent} event
 */
async function onLink(event) {
  const link = event.target instanceof Element &&
    event.target.closest('a[href]');

  if (!signal || !(link instanceof HTMLAnchorElement) || link.hash ||
      event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
    return;
  event.preventDefault();
  const question = admitted ? { title: 'Leave the call?',
    text: 'The others stay. You can come back while the visit is open.' }
    : { title: 'Leave the waiting room?',
      text: 'Nobody can let you in while you are on another page.' };
  if (!await confirm({ ...question, yes: 'Leave' })) return;
  signal?.leave();
  location.assign(link.href);
}

const KEYS = /** @type {Record<string, () => unknown>} */ ({
  KeyM: () => toggle('audio'), KeyV: () => toggle('video'),
  KeyS: toggleShare, KeyC: () => chat.toggle(), KeyI: info, KeyH: hangUp,
  KeyR: () => recording.offered ? recording.press() : undefined });
const BUTTONS = /** @type {Record<string, () => unknown>} */ ({
  mic: () => toggle('audio'), cam: () => toggle('video'), share: toggleShare,
  'chat-button': () => chat.toggle(), info, leave: hangUp,
  record: () => recording.press() });

for (const [id, act] of Object.entries(BUTTONS))
  el(id).addEventListener('click', () => void act());
//= PA-05: the whole visit by keyboard
addEventListener('keydown', (event) => {
  if (!event.altKey || !event.shiftKey || el('stage-call').hidden ||
      document.querySelector('dialog[open]')) return;
  const act = KEYS[event.code];
  if (!act) return;
  event.preventDefault();
  void act();
});

devices.onTrack((kind, track) => {
  if (!track) say(`Your ${NAMES[kind]} stopped`);
  if (kind === 'video' && screenStream) return;
  for (const { peer } of talks.values()) void peer.replace(kind, track);
});
devices.watch(() => {
  if (el('stage-call').hidden) return;
  drawControls();
  sendState();
});
document.addEventListener('click', (event) => void onLink(event));
// The browser's own way out: Back, a reload, closing the tab.
addEventListener('beforeunload', (event) => {
  if (document.getElementById('stage-call') && admitted && talks.size)
    event.preventDefault();
});
setInterval(() => {
  // the page may have become another, such as that of a session that ended
  if (!document.getElementById('timer')) return;
  el('timer').textContent = startedAt && admitted
    ? stopwatch((Date.now() - startedAt) / 1000) : '';
}, 1000);
addEventListener('pagehide', () => {
  unloading = true;
  // Else the others would look at a still picture until the place is given up.
  if (document.getElementById('stage-call')) signal?.leave();
  devices.stop();
});

try {
  await loadVisit();
  if (['ended', 'cancelled', 'no_show'].includes(visit.status))
    onOver('ended');
  else if (isEnterable(visit)) drawCheck();
  else way.refuse();
} catch (problem) {
  if (problem instanceof Problem && problem.status === 404) onOver('stranger');
  else complain(problem);
}
