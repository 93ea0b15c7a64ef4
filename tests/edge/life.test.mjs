// Processes, accepting, time-outs, ends: patches 02, 06, 13 to 17, 19, 27. Each test
// runs a server of its own; on the packaged source it fails.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import events, { once } from 'node:events';
import fs from 'node:fs';
import { test } from 'node:test';
import { OUT, SAN, alive, awake, clientHello, closeCode, connect, eventually,
  family, fields, frame, get, next, pids, resident, serve, sleep, tcp,
  websocket, who, patient }
  from './lib.mjs';

const H = 'Host: localhost\r\n';
let offset = 0;

events.defaultMaxListeners = 100;

/** A server for one test; what it left behind is looked at afterwards. */
function life(name, options, run, expected = 0) {
  test(name, async (t) => {
    const number = 30 + offset++ % 15;
    const server = await serve(`life-${number}`, number, options);
    const members = [server.child.pid, ...Object.keys(family(server))];
    try {
      await run(server, t);
    } finally {
      const code = await server.stop();
      if (expected !== null)
        assert.equal(code, expected, server.log());
      assert.ok(await eventually(() => !members.some(alive)), 'orphans');
      assert.doesNotMatch(server.log(),
        /sandbox violation|ERROR: Addr|runtime error/);
    }
  });
}

/** The status it ends with by itself; none if it does not. */
const ended = async (server) => {
  const [code] = await Promise.race([server.ended, sleep(patient(10000), [null])]);
  if (code === null)
    await server.stop('SIGKILL');
  return code;
};

async function asked(c) {
  c.write(`GET /who HTTP/1.1\r\n${H}\r\n`);
  return fields((await c.response()).body);
}

life('13 connections are spread evenly', { workers: 2 }, async (server) => {
  const open = [];
  const count = {};
  for (let i = 0; i < 40; i++) {
    const c = await connect(server);
    open.push(c);
    const { worker } = await asked(c);
    count[worker] = (count[worker] ?? 0) + 1;
  }
  for (const c of open)
    c.destroy();
  assert.ok(count[1] >= 15 && count[2] >= 15, JSON.stringify(count));
});

life('13 a stuck worker holds up none but its own', { workers: 2 },
  async (server) => {
    const c = await connect(server);
    c.write(`GET /block?2500 HTTP/1.1\r\n${H}\r\n`);
    await sleep(200);
    const at = Date.now();
    for (let i = 0; i < 6; i++)
      assert.equal((await get(server, '/bare')).status, 200);
    assert.ok(Date.now() - at < patient(1500), `took ${Date.now() - at} ms`);
    assert.equal((await c.response()).status, 200);
    c.destroy();
  });

life('13 a full worker rests', { set: { worker_max_connections: 10 } },
  async (server) => {
    const [pid] = pids(server, 'wrk');
    const open = [];
    for (let i = 0; i < 14; i++)
      open.push(await tcp(server));
    const share = await awake(pid);
    assert.ok(share < 0.25, `awake for ${share} of the time`);
    for (const s of open)
      s.destroy();
    assert.ok(await eventually(async () =>
      (await get(server, '/bare').catch(() => ({}))).status === 200));
  });

/** Kills the workers one by one, as a defect would, and waits for new ones. */
async function replace(server, times) {
  for (let i = 0; i < times; i++) {
    const [old] = pids(server, 'wrk');
    await sleep(1100); // older than a crash loop's
    process.kill(old, 'SIGKILL');
    assert.ok(await eventually(() => !alive(old) &&
      pids(server, 'wrk').length === 2));
  }
}

life('06 13 after restarts: messages once, handshakes sound', { workers: 2 },
  async (server) => {
    await replace(server, 3);
    const open = {};
    const spare = [];
    while (Object.keys(open).length < 2 && spare.length < 40) {
      const c = await connect(server);
      spare.push(c);
      open[(await asked(c)).worker] ??= c;
    }
    for (let i = 0; i < 3; i++) {
      const had = Number((await asked(open[2])).notes);
      const mine = Number((await asked(open[1])).notes);
      open[1].write(`GET /note HTTP/1.1\r\n${H}\r\n`);
      await open[1].response();
      assert.ok(await eventually(async () =>
        Number((await asked(open[2])).notes) > had));
      await sleep(100); // it might come twice
      assert.equal(Number((await asked(open[2])).notes), had + 1);
      assert.equal(Number((await asked(open[1])).notes), mine);
    }
    for (const c of spare)
      c.destroy();
    for (let i = 0; i < 25; i++) {
      const some = Array.from({ length: 8 }, () => get(server, '/bare'));
      for (const r of await Promise.all(some))
        assert.equal(r.status, 200);
    }
  });

life('11 a ready request does not wait for a timer',
  { set: { http_request_ms: 10 } }, async (server) => {
    const far = await connect(server); // holds a timer of four seconds
    far.write(`GET /sleep?4000 HTTP/1.1\r\n${H}\r\n`);
    const open = [];
    for (let i = 0; i < 3; i++)
      open.push(await connect(server));
    const at = Date.now();
    for (const c of open)
      c.write(`GET /block?50 HTTP/1.1\r\n${H}\r\n`);
    for (const c of open)
      assert.equal((await c.response(5000)).status, 200);
    assert.ok(Date.now() - at < patient(1000), `took ${Date.now() - at} ms`);
    for (const c of [...open, far])
      c.destroy();
  });

life('13 a new worker refuses nobody for want of a certificate', {},
  async (server) => {
    await sleep(1100);
    process.kill(pids(server, 'wrk')[0], 'SIGKILL');
    const many = Array.from({ length: 40 }, () => get(server, '/bare'));
    for (const r of await Promise.all(many))
      assert.equal(r.status, 200);
    assert.doesNotMatch(server.log(), /not yet complete/);
  });

const QUICK = { http_header_timeout: 2, http_body_timeout: 2 };

life('14 an idle connection is closed without a word',
  { set: { http_header_timeout: 1, http_keepalive_time: 2 } },
  async (server) => {
    const used = await connect(server);
    await asked(used);
    const fresh = await connect(server);
    for (const c of [used, fresh]) {
      assert.ok(await c.until(() => c.over, 5000));
      assert.equal(c.data.length, 0);
      c.destroy();
    }
  });

//= TR-24: slow requests end by time, with an answer
life('14 a trickle of headers or body is a 408', { set: QUICK },
  async (server) => {
    for (const text of [`GET / HTTP/1.1\r\n${H}X-Slow: `,
      `POST /echo HTTP/1.1\r\n${H}Content-Length: 1000\r\n\r\n`]) {
      const c = await connect(server);
      c.write(text);
      const timer = setInterval(() => c.write('a'), 200);
      try {
        assert.equal((await c.response(5000)).status, 408);
        assert.ok(await c.until(() => c.over, 4000));
      } finally {
        clearInterval(timer);
        c.destroy();
      }
    }
  });

const SHAKE = { tls_handshake_timeout: 2 };

life('14 a handshake cannot trickle', { set: SHAKE }, async (server) => {
  const hello = await clientHello();
  const at = Date.now();
  const s = await tcp(server);
  const gone = once(s, 'close');
  let sent = 0;
  const timer = setInterval(() => s.write(hello.subarray(sent, ++sent)), 50);
  await Promise.race([gone, sleep(patient(6000))]);
  clearInterval(timer);
  assert.ok(Date.now() - at > 1500, 'it is not the time that ended it');
  assert.ok(Date.now() - at < patient(4500), 'still open');
  s.destroy();
});

life('14 a slow download is not cut off', { set: QUICK }, async (server) => {
  const size = 60000000;
  const c = await connect(server);
  c.write(`GET /big?${size} HTTP/1.1\r\n${H}\r\n`);
  for (let i = 0; i < 10; i++) {
    c.wire.socket.pause();
    await sleep(450);
    c.wire.socket.resume();
    await sleep(2);
  }
  assert.ok(await c.until(() => c.received > size || c.over, 20000));
  assert.equal((await c.response()).body.length, size);
  c.destroy();
});

life('14 a long wait for the handler is no time-out', { set: QUICK },
  async (server) => {
    const c = await connect(server);
    c.write(`POST /sleep?3500 HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`);
    for (let i = 0; i < 18; i++) {
      await sleep(200);
      await get(server, '/bare');
    }
    assert.equal((await c.response()).status, 200);
    c.destroy();
  });

test('15 no key manager: the service ends with status 1', async () => {
  const server = await serve('life-keymgr', 50 - 1);
  const members = Object.keys(family(server));
  process.kill(pids(server, 'keymgr')[0], 'SIGKILL');
  assert.equal(await ended(server), 1);
  assert.ok(await eventually(() => !members.some(alive)));
});

test('15 a key manager that ends in peace is missed as well', async () => {
  const server = await serve('life-keymgr2', 50 - 1);
  process.kill(pids(server, 'keymgr')[0], 'SIGTERM');
  assert.equal(await ended(server), 1);
});

test('15 a killed parent leaves no orphans, the port is free', async () => {
  const server = await serve('life-orphan', 50 - 2, { workers: 2 });
  const members = Object.keys(family(server));
  assert.equal(members.length, 3);
  await server.stop('SIGKILL');
  assert.ok(await eventually(() => !members.some(alive), 2000));
  const again = await serve('life-orphan', 50 - 2);
  assert.equal(await again.stop(), 0);
});

life('38 a worker that cannot be replaced is replaced later', { workers: 2 },
  async (server) => {
    const parent = server.child.pid;
    const limit = (n) =>
      execFileSync('prlimit', ['--pid', String(parent), `--nofile=${n}:`]);
    await sleep(1100);
    const [old] = pids(server, 'wrk');
    limit(3); // those that are open stay
    try {
      process.kill(old, 'SIGKILL');
      assert.ok(await eventually(() =>
        server.log().split('cannot restart worker').length > 2, 5000));
      assert.ok(alive(parent));
      assert.equal(pids(server, 'wrk').length, 1);
      for (let i = 0; i < 10; i++)
        assert.equal((await get(server, '/bare')).status, 200);
    } finally {
      limit(8192);
    }
    assert.ok(await eventually(() => pids(server, 'wrk').length === 2, 5000));
    assert.equal((await get(server, '/bare')).status, 200);
  });

life('15 a worker told to end is replaced', { workers: 2 }, async (server) => {
  await sleep(1100);
  const [old] = pids(server, 'wrk');
  process.kill(old, 'SIGTERM');
  assert.ok(await eventually(() => !alive(old) &&
    pids(server, 'wrk').length === 2));
  assert.equal((await get(server, '/bare')).status, 200);
});

life('15 a crash loop is slow', {}, async (server) => {
  const at = Date.now();
  let deaths = 0;
  while (Date.now() - at < 3000 || (deaths < 2 && Date.now() - at < patient(3000))) {
    for (const pid of pids(server, 'wrk')) {
      process.kill(pid, 'SIGKILL');
      deaths++;
    }
    await sleep(20);
  }
  const most = 2 * (Date.now() - at) / 1000;
  assert.ok(deaths >= 2 && deaths <= most, `${deaths} deaths`);
  assert.ok(await eventually(async () =>
    (await get(server, '/bare').catch(() => ({}))).status === 200));
});

life('15 a child holds its own channel only', { workers: 2 },
  async (server) => {
    await replace(server, 1);
    const sockets = (pid) => fs.readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
    for (const pid of Object.keys(family(server)))
      assert.ok(await eventually(() => sockets(pid) <= 2),
        `${pid} holds ${sockets(pid)} sockets`);
  });

life('02 15 started by root: two users, jails, sandbox, no dumps',
  { confined: true, workers: 2 },
  async (server, t) => {
    if (process.getuid() !== 0)
      return t.skip('not root');
    assert.equal((await get(server, '/bare')).status, 200);
    const users = new Set();
    for (const [pid, title] of Object.entries(family(server))) {
      const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
      const uid = status.match(/^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m).slice(1);
      users.add(uid.join());
      assert.ok(uid.every((u) => u !== '0'), title);
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.match(status, /^Seccomp:\s+2$/m);
      assert.notEqual(fs.readlinkSync(`/proc/${pid}/root`), '/');
      // files of a process that may not be dumped belong to root
      assert.equal(fs.statSync(`/proc/${pid}/maps`).uid, 0);
    }
    assert.equal(users.size, 2);
    process.kill(pids(server, 'wrk')[0], 'SIGKILL');
    await sleep(1500);
    for (let i = 0; i < 10; i++)
      assert.equal((await get(server, '/bare')).status, 200);
  });

test('15 started by a plain user', async (t) => {
  if (process.getuid() !== 0)
    return t.skip('the other tests are this one');
  const server = await serve('life-user', 50 - 1, { user: 65534, workers: 2 });
  for (const pid of Object.keys(family(server))) {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
    assert.match(status, /^Uid:\s+65534\s+65534/m);
    assert.match(status, /^Seccomp:\s+2$/m);
  }
  assert.equal((await get(server, '/bare')).status, 200);
  assert.equal(await server.stop(), 0);
});

test('15 a killed server leaves no shared memory', async () => {
  const server = await serve('life-shm', 50 - 1);
  const segments = () => fs.readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n').filter((l) =>
      Number(l.trim().split(/\s+/)[4]) === server.child.pid).length;
  assert.equal(segments(), 1, 'the search would find nothing');
  await server.stop('SIGKILL');
  assert.ok(await eventually(() => segments() === 0));
});

life('02 what libraries ask the system for is allowed', {}, async (server) => {
  const { pid } = await who(server);
  assert.equal((await get(server, '/calls')).body, 'allowed\n');
  assert.equal((await who(server)).pid, pid);
});

life('04 a buffer that grows byte by byte is not copied for each', {},
  async (server) => {
    const { moves } = fields((await get(server, '/grow?262144')).body);
    assert.ok(Number(moves) < 30, `moved ${moves} times`);
  });

//= TR-24: a socket that only waits costs little
life('07 idle sockets do not hold buffers', {}, async (server) => {
  const [pid] = pids(server, 'wrk');
  const open = [];
  const many = async (n) => {
    for (let i = 0; i < n; i++)
      open.push(await websocket(server));
  };
  await many(50); // what is made once
  const before = resident(pid);
  await many(300);
  const each = (resident(pid) - before) / 300;
  for (const c of open)
    c.destroy();
  if (!SAN)
    assert.ok(each < 20, `${each.toFixed(1)} kB for each`);
});

life('20 a descriptor that is gone may be given up', {}, async (server) => {
  const { pid } = await who(server);
  assert.equal((await get(server, '/closed')).status, 200);
  assert.equal((await who(server)).pid, pid);
});

life('16 what was begun is finished', { workers: 2 }, async (server) => {
  const c = await connect(server);
  const ws = await websocket(server);
  const nap = 2500; // less than the server waits for
  const begun = async () => {
    c.write(`GET /sleep?${nap} HTTP/1.1\r\n${H}\r\n`);
    assert.ok(await eventually(async () =>
      (await who(server)).reqs === '2' || c.received > 0));
    return c.received === 0 || (await c.response(), false);
  };
  while (!await begun()); // it was over before anybody saw it
  const at = Date.now();
  server.child.kill('SIGTERM');
  assert.ok(await eventually(() => tcp(server)
    .then((s) => s.destroy(), () => true)));
  const r = await c.response();
  assert.equal(r.body, 'slept\n');
  assert.equal(r.headers.connection, 'close');
  assert.equal(await closeCode(ws), 1001);
  assert.equal(await ended(server), 0);
  assert.ok(Date.now() - at < nap + patient(1300));
  c.destroy();
  ws.destroy();
});

life('16 but not for ever', {}, async (server) => {
  const c = await connect(server);
  c.write(`GET /sleep?60000 HTTP/1.1\r\n${H}\r\n`);
  await sleep(100);
  const at = Date.now();
  assert.equal(await server.stop(), 0);
  assert.ok(Date.now() - at < patient(5000), `took ${Date.now() - at} ms`);
  c.destroy();
});

life('16 an idle server ends at once', { workers: 2 }, async (server) => {
  const c = await connect(server);
  await asked(c);
  const at = Date.now();
  assert.equal(await server.stop(), 0);
  assert.ok(Date.now() - at < patient(1000), `took ${Date.now() - at} ms`);
  c.destroy();
});

life('SIGHUP, for which there is nothing to do, does nothing', { workers: 2 },
  async (server) => {
    const { pid } = await who(server);
    const had = Object.keys(family(server)).sort();
    const ws = await websocket(server);
    for (const p of [server.child.pid, ...pids(server, 'wrk')])
      process.kill(p, 'SIGHUP');
    await sleep(300);
    assert.deepEqual(Object.keys(family(server)).sort(), had);
    assert.ok(alive(Number(pid)) && !ws.over);
    assert.equal((await get(server, '/bare')).status, 200);
    ws.destroy();
  });

test('17 what is not understood stops the start', async () => {
  for (const set of [{ http_header_maxx: 10 }, { accesslog: '/tmp/x' },
    { filemap: '/a b' }, { load: './x.so' }, { tls_ticket_seconds: 0 },
    { tls_ticket_seconds: 86401 }, { tls_ticket_seconds: 'often' }]) {
    const server = await serve('life-config', 50 - 3, { set, wait: false });
    assert.equal(await ended(server), 1);
    assert.match(server.log(), /unknown|not in this build|bad tls_/);
  }
});

test('15 the log is written line by line', async () => {
  const server = await serve('life-log', 50 - 4);
  await who(server);
  const lines = server.log().split('\n').filter((l) => l.includes('started'));
  assert.equal(new Set(lines).size, lines.length);
  await server.stop('SIGKILL');
  assert.match(server.log(), /key manager started/);
  if (SAN)
    assert.doesNotMatch(server.log(), /ERROR/);
});

/** Puts a certificate or key in place: a file of the suite, or bytes. */
const put = (server, name, from) => typeof from === 'string' ?
  fs.copyFileSync(`${OUT}/${from}`, `${server.dir}/${name}.pem`) :
  fs.writeFileSync(`${server.dir}/${name}.pem`, from);

/** Tells a server to reload; waits until it says what became of it. */
async function reload(server, word) {
  const count = () => server.log().split(word).length;
  const had = count();
  server.child.kill('SIGUSR1');
  assert.ok(await eventually(() => count() > had), word);
}

/** What certificate a new connection is shown; the connection works. */
async function served(server) {
  const c = await connect(server);
  const { fingerprint256 } = c.stream.getPeerCertificate();
  assert.equal((await asked(c)).worker > 0, true);
  c.destroy();
  return fingerprint256;
}

/** The workers hear of another certificate one by one. */
const everywhere = (server, holds) => eventually(async () => {
  for (let i = 0; i < 8; i++)
    if (!holds(await served(server)))
      return false;
  return true;
});

life('19 a reload takes what is sound, and nothing else', { workers: 2 },
  async (server) => {
    const first = await served(server);

    for (const [crt, key] of [[Buffer.alloc(0), 'ec.key'],
      [Buffer.from('no PEM\n'), 'ec.key'], ['ec.crt', Buffer.alloc(0)],
      ['ec2.crt', 'ec.key'], ['ec.crt', 'ec2.key']]) {
      put(server, 'crt', crt);
      put(server, 'key', key);
      await reload(server, 'stay as they were');
      await sleep(100);
      for (let i = 0; i < 4; i++)
        assert.equal(await served(server), first);
    }
    put(server, 'crt', 'ec2.crt');
    put(server, 'key', 'ec2.key');
    await reload(server, 'loaded private key');
    assert.ok(await everywhere(server, (shown) => shown !== first));
    const second = await served(server);
    for (let i = 0; i < 8; i++)
      assert.equal(await served(server), second);
    put(server, 'crt', 'rsa.crt');
    put(server, 'key', 'rsa.key');
    await reload(server, 'loaded private key');
    assert.ok(await everywhere(server, (shown) => shown !== second));
  });

test('19 a key that is not the certificate\'s stops the start', async () => {
  const server = await serve('life-pair', 50 - 5, { wait: false,
    mismatch: true });
  assert.equal(await ended(server), 1);
  assert.match(server.log(), /is not the key to/);
});

/** Files that no worker can serve, whatever the key manager thinks of them. */
async function unusable() {
  const run = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const make = (name, ...key) => run('req', '-x509', '-nodes', '-days', '30',
    '-subj', '/CN=localhost', '-newkey', ...key,
    '-keyout', `${OUT}/${name}.key`, '-out', `${OUT}/${name}.crt`);
  make('ed', 'ed25519');
  make('weak', 'rsa:1024');
  run('ec', '-in', `${OUT}/ec.key`, '-aes256', '-passout', 'pass:x',
    '-out', `${OUT}/locked.key`);
  const whole = fs.readFileSync(`${OUT}/ec.crt`, 'latin1');
  return [
    ['a broken chain', whole + whole.replace('MII', 'MIX'), 'ec.key'],
    ['a kind of key we cannot use', 'ed.crt', 'ed.key'],
    ['a key that is too short', 'weak.crt', 'weak.key'],
    ['a key with a passphrase', 'ec.crt', 'locked.key'],
  ];
}

life('27 what no worker can serve is refused in one line', { workers: 2 },
  async (server) => {
    const first = await served(server);
    for (const [what, crt, key] of await unusable()) {
      put(server, 'crt', crt.includes('\n') ? Buffer.from(crt) : crt);
      put(server, 'key', key);
      const had = server.log().split('\n').length;
      await reload(server, 'stay as they were');
      await sleep(100);
      const said = server.log().split('\n').slice(had - 1)
        .filter((l) => l !== '' && !l.includes('(re)loading'));
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0], /'.*\.pem': .*stay as they were$/, what);
      for (let i = 0; i < 4; i++)
        assert.equal(await served(server), first, what);
    }
  });

life('27 a new worker serves what the others do', { workers: 2 },
  async (server) => {
    const first = await served(server);
    put(server, 'crt', Buffer.from('no PEM\n'));
    await reload(server, 'stay as they were');
    await replace(server, 2);
    fs.rmSync(`${server.dir}/crt.pem`);
    await replace(server, 2);
    for (let i = 0; i < 8; i++)
      assert.equal(await served(server), first);
  });

/** Clients that do not stop: new connections, kept ones, and sockets. */
async function company(server) {
  const failed = [];
  const shown = new Set();
  const sockets = [];
  for (let i = 0; i < 8; i++)
    sockets.push(await websocket(server));
  let on = true;
  let handshakes = 0;
  const once = async () => {
    const c = await connect(server);
    shown.add(c.stream.getPeerCertificate().fingerprint256);
    handshakes++;
    for (let i = 0; i < 2; i++)
      await asked(c);
    c.destroy();
  };
  const talk = async (ws, text) => {
    ws.write(frame(1, text));
    const f = await next(ws);
    assert.equal(f?.data.toString(), text);
    await sleep(20);
  };
  const always = async (act) => {
    for (let i = 0; on; i++)
      await act(`n${i}`).catch((e) => { failed.push(e); on = false; });
  };
  const all = [...Array.from({ length: 6 }, () => always(once)),
    ...sockets.map((ws) => always((text) => talk(ws, text)))];
  return { failed, shown, count: () => handshakes, async leave() {
    on = false;
    await Promise.all(all);
    for (const ws of sockets) {
      assert.equal(ws.over, false);
      ws.destroy();
    }
  } };
}

//= TR-01: a certificate is renewed while visits go on
life('27 reloads drop nobody', { workers: 2 }, async (server) => {
  const load = await company(server);
  const enough = () => load.shown.size === 3 && load.count() > 40;
  for (let i = 0; (i < 24 || (i < 240 && !enough())) && load.failed.length === 0; i++) {
    const name = ['ec2', 'rsa', 'ec'][i % 3];
    put(server, 'crt', `${name}.crt`);
    if (i % 6 === 1)
      await reload(server, 'stay as they were'); // half of a renewal
    put(server, 'key', `${name}.key`);
    await reload(server, 'loaded private key');
    await sleep(60);
  }
  await load.leave();
  assert.deepEqual(load.failed, []);
  assert.equal(load.shown.size, 3);
  assert.ok(load.count() > 40, `${load.count()} handshakes`);
});
