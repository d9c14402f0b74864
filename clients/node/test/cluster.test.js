// SPDX-License-Identifier: Apache-2.0
// crib.cluster: walled workers under Node's own primary.
'use strict';

const assert = require('assert');
const { spawnSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { test } = require('node:test');
const { cluster } = require('..');
const { entryOf, grant } = require('../lib/guard.js');
const { fixture } = require('./observe.js');

const options = { timeout: 60_000 };
const LOOPBACK = ['tcp:127.0.0.1:*', 'tcp:[::1]:*'];

cluster.setupPrimary({ exec: fixture('worker.js') });

function get(port, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    http.get({ port, host, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve(text));
    }).on('error', reject);
  });
}

const once = (emitter, name) => new Promise((resolve) => { emitter.once(name, (...args) => resolve(args)); });

async function leave(worker) {
  const left = once(worker, 'exit');
  worker.disconnect();
  return left;
}

test('events, in their order', options, async () => {
  const seen = [];
  for (const name of ['fork', 'online', 'listening', 'disconnect', 'exit']) {
    cluster.on(name, (worker) => seen.push([name, worker.id]));
  }
  const worker = cluster.fork();
  const [address] = await once(worker, 'listening');
  assert.ok(address.port > 0);
  assert.match(await get(address.port), /^worker/);
  assert.deepStrictEqual(await leave(worker), [0, null]);
  const { id } = worker;
  assert.deepStrictEqual(seen.slice(0, 3), [['fork', id], ['online', id], ['listening', id]]);
  assert.deepStrictEqual(seen.slice(3).map(([name]) => name).sort(), ['disconnect', 'exit']);
  assert.strictEqual(worker.exitedAfterDisconnect, true);
  for (const name of ['fork', 'online', 'listening', 'disconnect', 'exit']) cluster.removeAllListeners(name);
});

test('two workers, one port, in turns', options, async () => {
  const workers = [cluster.fork(), cluster.fork()];
  const [[one], [two]] = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  assert.strictEqual(one.port, two.port);
  const answers = new Set();
  for (let i = 0; i < 6; i++) answers.add(await get(one.port));
  assert.ok(answers.size >= 1);
  await Promise.all(workers.map(leave));
});

test('messages, both ways', options, async () => {
  const worker = cluster.fork();
  const [message] = await once(worker, 'message');
  assert.strictEqual(message.address.address, '127.0.0.1'); // where it named no host
  assert.strictEqual(worker.send('x'), true);
  await leave(worker);
});

test('env: what is given, and what the policy passes', options, async () => {
  process.env.CRIB_TEST_TOKEN = 'secret';
  const worker = cluster.fork({ WANT: '{"port": 0, "host": "127.0.0.1"}' });
  const [{ address }] = await once(worker, 'message');
  assert.strictEqual(address.address, '127.0.0.1');
  delete process.env.CRIB_TEST_TOKEN;
  await leave(worker);
});

for (const [name, want, code] of [
  ['another host', { port: 0, host: '192.0.2.1' }, 'EACCES'],
  ['a path', { path: '/tmp/crib-test.sock' }, 'EACCES'],
  ['an fd of the primary', { fd: 0 }, 'EINVAL'],
]) {
  test(`${name} is not served`, options, async () => {
    const worker = cluster.fork({ WANT: JSON.stringify(want) });
    const [message] = await once(worker, 'message');
    assert.deepStrictEqual(message, { error: code });
    await leave(worker);
  });
}

test('more where the policy lists it', options, async () => {
  cluster.settings.policy = { extends: ['node'], listen: ['tcp:*:*'] };
  const worker = cluster.fork({ WANT: '{"port": 0, "host": "0.0.0.0"}' });
  const [{ address }] = await once(worker, 'message');
  assert.strictEqual(address.address, '0.0.0.0');
  assert.match(await get(address.port), /^worker/);
  await leave(worker);
  delete cluster.settings.policy;
});

test('a path that the policy lists', options, async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crib-cluster-'));
  cluster.settings.policy = { extends: ['node'], listen: [`unix:${dir}/*`] };
  const worker = cluster.fork({ WANT: JSON.stringify({ path: `${dir}/socket` }) });
  await once(worker, 'listening');
  const said = await new Promise((resolve, reject) => {
    http.get({ socketPath: `${dir}/socket`, agent: false }, (response) => response.setEncoding('utf8').on('data', resolve)).on('error', reject);
  });
  assert.match(said, /^worker/);
  await leave(worker);
  delete cluster.settings.policy;
});

test('SCHED_NONE: the workers share the socket itself', options, () => {
  const { stdout } = spawnSync(process.execPath, [fixture('sched-none.js')], { encoding: 'utf8' });
  assert.strictEqual(stdout, '200\n');
});

test('a worker that is killed', options, async () => {
  const worker = cluster.fork();
  await once(worker, 'listening');
  const end = once(worker, 'exit');
  worker.process.kill('SIGKILL');
  assert.deepStrictEqual(await end, [null, 'SIGKILL']);
  assert.strictEqual(worker.exitedAfterDisconnect, false);
  assert.strictEqual(worker.isDead(), true);
  assert.strictEqual(worker.process.verdict, null);
});

test('worker.kill()', options, async () => {
  const worker = cluster.fork();
  await once(worker, 'online');
  const end = once(worker, 'exit');
  worker.kill();
  const [status, signal] = await end;
  assert.ok(status === 0 || signal === 'SIGTERM');
});

test('cluster.disconnect()', options, async () => {
  const workers = [cluster.fork(), cluster.fork()];
  await Promise.all(workers.map((worker) => once(worker, 'listening')));
  const ends = Promise.all(workers.map((worker) => once(worker, 'exit')));
  await new Promise((resolve) => { cluster.disconnect(resolve); });
  assert.deepStrictEqual(await ends, [[0, null], [0, null]]);
  assert.deepStrictEqual(Object.keys(cluster.workers), []);
});

test('it is Node\'s own in all else', options, () => {
  const own = require('cluster');
  for (const name of ['isPrimary', 'isMaster', 'isWorker', 'workers', 'SCHED_NONE', 'SCHED_RR', 'schedulingPolicy', 'Worker', 'settings']) {
    assert.strictEqual(cluster[name], own[name], name);
  }
  assert.notStrictEqual(cluster.fork, own.fork);
  assert.strictEqual(cluster.listenerCount('x'), own.listenerCount('x'));
});

test('what may be served', () => {
  const query = { port: 80, addressType: 4 };
  assert.deepStrictEqual(grant({ ...query, address: '127.0.0.1' }, LOOPBACK), { ...query, address: '127.0.0.1' });
  assert.deepStrictEqual(grant({ ...query, address: null }, LOOPBACK), { ...query, address: '127.0.0.1' });
  assert.deepStrictEqual(grant({ ...query, address: '::1', addressType: 6 }, LOOPBACK), { ...query, address: '::1', addressType: 6 });
  assert.strictEqual(grant({ ...query, address: '127.0.0.2' }, LOOPBACK), -13);
  assert.strictEqual(grant({ ...query, address: null }, ['tcp:*:8000-8010']), -13);
  assert.strictEqual(grant({ ...query, port: 8005, address: null }, ['tcp:*:8000-8010']).port, 8005);
  assert.strictEqual(grant({ ...query, addressType: 'udp4', address: '127.0.0.1' }, LOOPBACK), -13);
  assert.strictEqual(grant({ port: -1, addressType: -1, address: '/run/app/../x' }, ['unix:/run/app/*']), -13);
  assert.strictEqual(grant({ port: -1, addressType: -1, address: '/run/app/x/y' }, ['unix:/run/app/*']), -13);
  assert.strictEqual(grant({ port: -1, addressType: -1, address: '/run/app/x' }, ['unix:/run/app/*']).port, -1);
  assert.strictEqual(grant({ ...query, fd: 3, address: null }, ['tcp:*:*']), -22);
  assert.deepStrictEqual(entryOf('tcp:[::1]:80'), { kind: 'tcp', host: '::1', range: [80, 80] });
});
