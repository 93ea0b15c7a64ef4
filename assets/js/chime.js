// Two soft notes, and a buzz where the device can: for who has put it aside.

const NOTES = [[0, 660], [0.25, 880]];
const NOTE_S = 0.6;

/** Plays once. Silent where the browser wants a press first. */
export function chime() {
  const context = new AudioContext();

  for (const [at = 0, pitch = 0] of NOTES) {
    const volume = context.createGain();
    const tone = context.createOscillator();
    const start = context.currentTime + at;

    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.2, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + NOTE_S);
  }
  setTimeout(() => void context.close(), 2000);
  navigator.vibrate?.([200, 100, 200]);
}
