// A code that both ends of a call can compare. It is made of the fingerprints
// of both DTLS certificates: a server that sat in between would have to show
// each side another certificate, and the codes would differ.

/** @param {string} sdp @returns {string[]} sha-256 fingerprints, each once */
function fingerprints(sdp) {
  const found = [...sdp.matchAll(/^a=fingerprint:sha-256 ([0-9A-F:]+)\s*$/gim)]
    .map(([, hex = '']) => hex.toUpperCase());

  return [...new Set(found)].sort();
}

/**
 * Twenty digits in four groups (66 bits of SHA-256), the same on both sides;
 * '' while one side is not known.
 * @param {string | undefined} local SDP
 * @param {string | undefined} remote SDP
 */
export async function safetyCode(local, remote) {
  const ours = fingerprints(local ?? '');
  const theirs = fingerprints(remote ?? '');

  if (!ours.length || !theirs.length) return '';
  const both = [ours.join(','), theirs.join(',')].sort().join(' ');
  const hash = new DataView(await crypto.subtle.digest('SHA-256',
    new TextEncoder().encode(both)));

  return [0, 4, 8, 12].map((at) =>
    String(hash.getUint32(at) % 100_000).padStart(5, '0')).join(' ');
}
