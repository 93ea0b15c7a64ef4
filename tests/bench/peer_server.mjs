// npm's peer on loopback, over TLS: what signaling is compared with.
import fs from 'node:fs';
import { PeerServer } from 'peer';

const [port, key, cert] = process.argv.slice(2);
PeerServer({ port: Number(port), host: '127.0.0.1', path: '/', ssl: { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } }, () => console.log('ready'));
