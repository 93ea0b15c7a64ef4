// A TURN client of a few messages (RFC 8489, RFC 8656), enough to ask a real
// coturn what it grants and what it refuses. It relays nothing.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';

import { patience } from './patience.mjs';

const COOKIE = 0x2112a442;
const ALLOCATE = 0x0003, CREATE_PERMISSION = 0x0008, BINDING = 0x0001;
const USERNAME = 0x0006, MESSAGE_INTEGRITY = 0x0008, ERROR_CODE = 0x0009,
  LIFETIME = 0x000d, XOR_PEER_ADDRESS = 0x0012, REALM = 0x0014, NONCE = 0x0015,
  REQUESTED_ADDRESS_FAMILY = 0x0017, REQUESTED_TRANSPORT = 0x0019;

/** @param {string} ip */
function ipv6Bytes(ip) {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  if (dotted) {
    const [, head, a, b, c, d] = dotted;
    ip = `${head}${((+a << 8) | +b).toString(16)}:${((+c << 8) | +d).toString(16)}`;
  }
  const [left, right] = ip.split('::').map((half) => half.split(':').filter(Boolean));
  const all = right === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(all.flatMap((h) => [parseInt(h, 16) >> 8, parseInt(h, 16) & 255]));
}

/** @param {string} ip @param {Buffer} id */
function xorAddress(ip, id) {
  const v6 = net.isIPv6(ip);
  const address = v6 ? ipv6Bytes(ip) : Buffer.from(ip.split('.').map(Number));
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE);
  id.copy(mask, 4);
  const out = Buffer.from([0, v6 ? 2 : 1, 0x12 ^ 0x21, 0x34 ^ 0x12, ...address]);
  for (let i = 0; i < address.length; i++) out[4 + i] ^= mask[i];
  return out;
}

/** @param {number} type @param {Buffer} id @param {[number, Buffer][]} attributes @param {Buffer} [key] */
function encode(type, id, attributes, key) {
  const parts = attributes.flatMap(([kind, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(kind);
    head.writeUInt16BE(value.length, 2);
    return [head, value, Buffer.alloc(-value.length & 3)];
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(type);
  head.writeUInt16BE(body.length + (key ? 24 : 0), 2);
  head.writeUInt32BE(COOKIE, 4);
  id.copy(head, 8);
  const message = Buffer.concat([head, body]);
  if (!key) return message;
  const mac = createHmac('sha1', key).update(message).digest();
  return Buffer.concat([message, Buffer.from([0, MESSAGE_INTEGRITY, 0, 20]), mac]);
}

/** @param {Buffer} message */
function decode(message) {
  /** @type {Map<number, Buffer>} */
  const attributes = new Map();
  for (let at = 20; at + 4 <= message.length;) {
    const n = message.readUInt16BE(at + 2);
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + n));
    at += 4 + n + (-n & 3);
  }
  const error = attributes.get(ERROR_CODE);
  return { type: message.readUInt16BE(0), id: message.subarray(8, 20), attributes, error: error ? (error[2] & 7) * 100 + error[3] : 0 };
}

export class TurnClient {
  /** @param {number} port @param {{username: string, credential: string}} [login] */
  constructor(port, login) {
    this.port = port;
    this.login = login;
    this.socket = dgram.createSocket('udp4');
  }

  close() { this.socket.close(); }

  /** @param {number} type @param {[number, Buffer][]} attributes */
  async ask(type, attributes, signed = false) {
    const id = randomBytes(12);
    const extra = signed ? [[USERNAME, Buffer.from(this.login.username)], [REALM, this.realm], [NONCE, this.nonce]] : [];
    const built = attributes.map(([k, v]) => [k, typeof v === 'string' ? xorAddress(v, id) : v]);
    const key = signed ? createHash('md5').update(`${this.login.username}:${this.realm}:${this.login.credential}`).digest() : undefined;
    const message = encode(type, id, /** @type {any} */ ([...built, ...extra]), key);
    for (const late = patience(); !late();) {
      const answer = await this.exchange(message, id);
      if (answer) return answer;
    }
    throw new Error('the TURN server does not answer');
  }

  exchange(message, id) {
    return new Promise((done) => {
      const heard = (m) => {
        const answer = decode(m);
        if (answer.id.equals(id)) finish(answer);
      };
      const timer = setTimeout(() => finish(null), 500);
      const finish = (answer) => {
        clearTimeout(timer);
        this.socket.off('message', heard);
        done(answer);
      };
      this.socket.on('message', heard);
      this.socket.send(message, this.port, '127.0.0.1');
    });
  }

  /** Whether the server answers at all. */
  async bind() { return (await this.ask(BINDING, [])).type === 0x0101; }

  /** One allocation by the long-term credential: the STUN error, 0 for success. */
  async allocate({ family = 4 } = {}) {
    const wanted = [[REQUESTED_TRANSPORT, Buffer.from([17, 0, 0, 0])], ...(family === 6 ? [[REQUESTED_ADDRESS_FAMILY, Buffer.from([2, 0, 0, 0])]] : [])];
    const first = await this.ask(ALLOCATE, /** @type {any} */ (wanted));
    if (!this.login || first.error !== 401) return first.error;
    this.realm = first.attributes.get(REALM);
    this.nonce = first.attributes.get(NONCE);
    const second = await this.ask(ALLOCATE, /** @type {any} */ (wanted), true);
    this.lifetime = second.attributes.get(LIFETIME)?.readUInt32BE(0);
    return second.error;
  }

  /** May this peer be reached through the relay? The STUN error, 0 for yes. */
  async permit(ip) {
    return (await this.ask(CREATE_PERMISSION, /** @type {any} */ ([[XOR_PEER_ADDRESS, ip]]), true)).error;
  }
}
