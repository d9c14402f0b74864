// SPDX-License-Identifier: Apache-2.0
// Under a daemon: CRIB_TEST_DAEMON is the path of a cribd. Without it there is nothing to be seen here.
'use strict';

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawn } = require('child_process');
const { test } = require('node:test');
const crib = require('..');
const { fixture, messages, watch } = require('./observe.js');

const daemon = process.env.CRIB_TEST_DAEMON;
const options = { timeout: 60_000, skip: daemon && !process.env.CRIB_SOCKET ? false : 'no daemon is named, or all run under one' };

async function begin() {
  const socket = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'crib-daemon-')), 'socket');
  const process_ = spawn(daemon, ['--socket', socket], { stdio: 'ignore' });
  for (let i = 0; i < 200 && !fs.existsSync(socket); i++) await new Promise((resolve) => { setTimeout(resolve, 50); });
  process.env.CRIB_SOCKET = socket;
  return {
    pid: process_.pid,
    end(signal) {
      delete process.env.CRIB_SOCKET;
      return new Promise((resolve) => { process_.on('exit', resolve).kill(signal); });
    },
  };
}

test('a daemon runs it', options, async () => {
  const cribd = await begin();
  const child = crib.spawn('/bin/sh', ['-c', 'echo out; exit 3'], { receipt: true });
  const { out, exitCode } = await watch(child);
  assert.deepStrictEqual([out, exitCode, child.verdict], ['out\n', 3, 'exited']);
  assert.deepStrictEqual((await messages(crib.fork(fixture('child.js'), ['args', 'x']))).got, [['x']]);
  assert.strictEqual(crib.execSync('echo x', { encoding: 'utf8' }), 'x\n');
  assert.strictEqual(crib.spawnSync('true', { policy: 'no-such' }).error.code, 'ERR_CRIB_POLICY');
  await cribd.end();
});

test('a daemon that goes away: error, then close', options, async () => {
  const cribd = await begin();
  const child = crib.spawn('/bin/sh', ['-c', 'echo ready; exec sleep 60']);
  child.stdout.once('data', () => cribd.end('SIGKILL'));
  const { events } = await watch(child);
  assert.deepStrictEqual(events.map(([name]) => name), ['spawn', 'error', 'close']);
  assert.strictEqual(events[1][1].code, 'ERR_CRIB_DAEMON');
});

test('a daemon that goes away: a Sync form ends, too', options, async () => {
  const cribd = await begin();
  const killer = spawn('/bin/sh', ['-c', `sleep 1; kill -KILL ${cribd.pid}`], { stdio: 'ignore' });
  const { error, status } = crib.spawnSync('sleep', ['60'], { timeout: 30_000 });
  assert.deepStrictEqual([error.code, status], ['ERR_CRIB_DAEMON', null]);
  await new Promise((resolve) => { killer.on('exit', resolve); });
  delete process.env.CRIB_SOCKET;
});
