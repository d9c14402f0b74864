// SPDX-License-Identifier: Apache-2.0
// What is ours: walls, what is told of them, and that there is no way around.
'use strict';

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { test } = require('node:test');
const { promisify } = require('util');
const crib = require('..');
const { fixture, messages, shape, watch } = require('./observe.js');

const options = { timeout: 60_000 };
const sh = (line, rest) => crib.spawn('/bin/sh', ['-c', line], rest);
const text = (result) => result.stdout.toString().trim();
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z');
  } catch {
    return false;
  }
};
const gone = async (pid) => {
  for (let i = 0; i < 200 && alive(pid); i++) await new Promise((resolve) => { setTimeout(resolve, 50); });
  return !alive(pid);
};

test('a child sees none of the caller\'s files', options, () => {
  const secret = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'crib-')), 'secret');
  fs.writeFileSync(secret, 'secret', { mode: 0o644 });
  assert.notStrictEqual(crib.spawnSync('cat', [secret]).status, 0);
  assert.strictEqual(text(crib.spawnSync('cat', [secret], { binds: [secret] })), 'secret');
});

test('a cwd does not cover what the policy shows', options, () => {
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'pwd; cat shadow 2>/dev/null; ls shadow 2>/dev/null'], { cwd: '/etc' })), '/etc');
  assert.strictEqual(crib.spawnSync('/bin/sh', ['-c', 'echo >null'], { cwd: '/dev' }).status, 0);
});

test('an option of a prototype\'s is none', options, () => {
  Object.prototype.policy = 'no-such'; // eslint-disable-line no-extend-native
  try {
    assert.strictEqual(crib.spawnSync('true').status, 0);
    assert.strictEqual(crib.spawnSync('true', {}).status, 0);
  } finally {
    delete Object.prototype.policy;
  }
});

test('a child has no network', options, () => {
  assert.match(text(crib.spawnSync('cat', ['/proc/net/dev'])), /^(?!.*eth)[^]*lo:/);
});

test('the environment of Node stays outside', options, () => {
  process.env.CRIB_TEST_TOKEN = 'secret';
  assert.doesNotMatch(text(crib.spawnSync('env')), /secret/);
  assert.match(text(crib.spawnSync('env', { env: { ...process.env } })), /secret/);
  delete process.env.CRIB_TEST_TOKEN;
});

test('no variable of the task is one of the stub', options, () => {
  const env = { PATH: process.env.PATH, CRIB_SOCKET: '/no/such/socket', CRIB_POLICY: 'no-such', CRIB_STUB: '/bin/true' };
  assert.strictEqual(crib.spawnSync('true', { env }).status, 0);
});

test('a child has no fd but its own', options, () => {
  const fd = fs.openSync('/etc/passwd', 'r');
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'cd /proc/self/fd && echo *'])), '0 1 2 3');
  fs.closeSync(fd);
});

test('denied', options, async () => {
  const child = crib.spawn(process.execPath, ['-e', 'require("net").createServer().on("error", () => {}).listen(0)']);
  const told = [];
  child.on('denied', (denial) => told.push(denial));
  await watch(child);
  assert.strictEqual(told[0].call, 'socket');
  assert.match(told[0].text, /^socket\(domain=AF_INET6?,/);
  assert.strictEqual(told[0].answer, 'EPERM');
  assert.match(told[0].edit, /socket/);
  assert.deepStrictEqual(child.denied, told.slice(0, 64));
});

test('verdict and usage', options, async () => {
  const child = sh('exit 3');
  assert.strictEqual(child.verdict, null);
  const atExit = new Promise((resolve) => { child.on('exit', () => resolve(child.verdict)); });
  await watch(child);
  assert.strictEqual(await atExit, 'exited');
  assert.ok(child.usage.wallTime > 0 && child.usage.peakMemory > 0);
  assert.strictEqual(child.receipt, null);
  assert.deepStrictEqual(child.denied, []);
});

test('verdict of a signal, and of a kill', options, async () => {
  const one = sh('kill -USR1 $$');
  await watch(one);
  assert.strictEqual(one.verdict, 'signaled');
  const two = crib.spawn('sleep', ['60']);
  two.on('spawn', () => setTimeout(() => two.kill(), 200));
  assert.strictEqual((await watch(two)).signalCode, 'SIGTERM');
  assert.strictEqual(two.verdict, 'killed');
});

test('receipt', options, async () => {
  const child = crib.spawn('true', { receipt: true });
  await watch(child);
  assert.ok(child.receipt.some(({ mechanism, applied }) => mechanism === 'syscalls' && applied.startsWith('on')));
  assert.ok(crib.spawnSync('true', { receipt: true }).receipt.length > 5);
});

test('a result of the Sync forms has it all', options, () => {
  const result = crib.spawnSync('/bin/sh', ['-c', 'exit 3'], { policy: 'strict' });
  assert.strictEqual(result.verdict, 'exited');
  assert.ok(result.usage.wallTime > 0);
  assert.deepStrictEqual(result.denied, []);
});

test('a policy by name', options, () => {
  assert.strictEqual(crib.spawnSync('/bin/sh', ['-c', '(true)'], { policy: 'default' }).status, 0);
  const { status, denied } = crib.spawnSync('/bin/sh', ['-c', '(true)'], { policy: 'strict' });
  assert.notStrictEqual(status, 0);
  assert.match(denied[0].call, /fork|clone/);
});

test('a policy of a file', options, () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'crib-')), 'mine.yaml');
  fs.writeFileSync(file, 'extends: [default]\nenv:\n  set: [MINE=yes]\n');
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'echo $MINE'], { policy: file })), 'yes');
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'echo $MINE'], { policy: path.relative('.', file) })), 'yes');
});

test('a policy as an object', options, () => {
  const policy = { extends: ['default'], env: { set: ['MINE=yes'] } };
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'echo $MINE'], { policy })), 'yes');
});

test('vars of a policy', options, () => {
  const policy = { extends: ['default'], vars: [{ name: 'WHO' }], env: { set: ['MINE=${WHO}'] } };
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'echo $MINE'], { policy, vars: { WHO: 'me' } })), 'me');
});

test('CRIB_POLICY', options, () => {
  process.env.CRIB_POLICY = 'strict';
  try {
    assert.notStrictEqual(crib.spawnSync('/bin/sh', ['-c', '(true)']).status, 0);
    assert.strictEqual(crib.spawnSync('/bin/sh', ['-c', '(true)'], { policy: 'default' }).status, 0);
  } finally {
    delete process.env.CRIB_POLICY;
  }
});

test('limits', options, async () => {
  assert.strictEqual(text(crib.spawnSync('/bin/sh', ['-c', 'ulimit -n'], { limits: { open_files: 77 } })), '77');
  const child = sh('while :; do :; done', { limits: { cpu_time: '300ms' } });
  const { events, signalCode } = await watch(child);
  const [, error] = events.find(([name]) => name === 'error') ?? [];
  if (error) { // fail closed: this host lets us count no such thing
    assert.strictEqual(error.code, 'ERR_CRIB_SETUP');
    return;
  }
  assert.strictEqual(child.verdict, 'cpu_timeout');
  assert.ok(signalCode);
  assert.match(child.limit, /cpu_time/);
});

test('limits of wall time', options, async () => {
  const child = crib.spawn('sleep', ['60'], { limits: { wall_time: '200ms' } });
  assert.ok((await watch(child)).signalCode);
  assert.strictEqual(child.verdict, 'wall_timeout');
});

test('options of exec and execFile', options, async () => {
  const { child, ...rest } = { child: null, ...(await promisify(crib.exec)('echo $MINE', { policy: { extends: ['default'], env: { set: ['MINE=yes'] } } })) };
  assert.strictEqual(rest.stdout, 'yes\n');
  await assert.rejects(promisify(crib.execFile)('/bin/sh', ['-c', '(true)'], { policy: 'strict' }));
  assert.throws(() => crib.execSync('(true)', { policy: 'strict', stdio: 'pipe' }));
  assert.strictEqual(crib.execFileSync('pwd', { policy: 'strict', encoding: 'utf8' }).length > 1, true);
});

test('fork: the policy is node', options, async () => {
  const { got } = await messages(crib.fork(fixture('tries.js')));
  assert.deepStrictEqual(got, [{ spawn: 'EPERM', listen: 'EPERM', write: 'EROFS', secret: 'ENOENT' }]);
});

test('fork: limits and policy', options, async () => {
  const child = crib.fork(fixture('child.js'), ['args', 'x'], { policy: 'node', limits: { open_files: 500 }, receipt: true });
  const { got } = await messages(child);
  assert.deepStrictEqual(got, [['x']]);
  assert.ok(child.receipt.some(({ mechanism }) => mechanism.startsWith('limits.open_files')));
});

test('a child that talks nonsense ends its channel, not its parent', options, async () => {
  const child = crib.fork(fixture('nonsense.js'), ['no json\n']);
  const errors = [];
  child.on('error', (error) => errors.push(error.code));
  await watch(child, { until: 'exit' });
  assert.deepStrictEqual(errors, ['ERR_CRIB_MESSAGE']);
  assert.strictEqual(child.connected, false);
});

for (const said of [
  '{"cmd":"NODE_HANDLE","type":"net.Unknown"}', '{"cmd":"NODE_HANDLE_ACK"}', '{"cmd":"NODE_SOCKET_COUNT"}',
  '{"cmd":"NODE_CLUSTER","act":"queryServer"}', '{"cmd":"NODE_UNKNOWN"}', '{"cmd":"NODE_CLUSTER","ack":"x"}',
]) {
  test(`an internal message of no sense: ${said}`, options, async () => {
    const child = crib.fork(fixture('nonsense.js'), [`${said}\n"after"\n`]);
    assert.deepStrictEqual((await messages(child)).got, ['after']);
  });
}

test('the death of the stub ends the tree', options, async () => {
  const child = sh('sleep 61.25 & sleep 61.25');
  await new Promise((resolve) => { child.on('spawn', () => setTimeout(resolve, 300)); });
  child.kill('SIGKILL');
  const { signalCode } = await watch(child);
  assert.strictEqual(signalCode, 'SIGKILL');
});

test('the death of Node ends the tree', options, async () => {
  const parent = require('child_process').fork(fixture('parent.js'), { silent: true });
  const [pid] = await new Promise((resolve) => { parent.on('message', resolve); });
  assert.ok(alive(pid));
  parent.kill('SIGKILL');
  assert.ok(await gone(pid));
});

test('a detached child outlives Node', options, async () => {
  const parent = require('child_process').fork(fixture('parent.js'), ['detached'], { silent: true });
  const [pid] = await new Promise((resolve) => { parent.on('message', resolve); });
  await new Promise((resolve) => { parent.on('exit', resolve); parent.kill('SIGKILL'); });
  await new Promise((resolve) => { setTimeout(resolve, 300); });
  assert.ok(alive(pid));
  process.kill(pid, 'SIGKILL');
  assert.ok(await gone(pid));
});

test('an unref\'d child does not keep Node', options, () => {
  const result = require('child_process').spawnSync(process.execPath, [fixture('parent.js'), 'unref'], { timeout: 20_000 });
  assert.strictEqual(result.status, 0);
});

test('an id of another\'s', options, () => {
  if (process.getuid() === 0) {
    assert.strictEqual(text(crib.spawnSync('id', ['-u'], { uid: 4711 })), '4711');
    assert.match(crib.spawnSync('id', { uid: 0 }).error.message, /0 is refused/);
  } else {
    assert.throws(() => crib.spawn('true', { uid: 0 }), { code: 'EPERM', message: 'spawn EPERM' });
    assert.strictEqual(crib.spawnSync('true', { uid: process.getuid() }).status, 0);
  }
});

test('no stub', options, () => {
  const before = process.env.CRIB_STUB;
  process.env.CRIB_STUB = '/no/such/stub';
  try {
    for (const call of [() => crib.spawn('true'), () => crib.spawnSync('true'), () => crib.execSync('true'), () => crib.exec('true'),
      () => crib.fork(fixture('child.js')), () => crib.execFile('true')]) {
      assert.throws(call, { code: 'ERR_CRIB_NO_STUB', message: /no\/such\/stub.*nothing is run/ });
    }
  } finally {
    if (before === undefined) delete process.env.CRIB_STUB;
    else process.env.CRIB_STUB = before;
  }
});

test('a stub that is none', options, async () => {
  const before = process.env.CRIB_STUB;
  const mark = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'crib-')), 'mark');
  process.env.CRIB_STUB = '/bin/false';
  try {
    const child = crib.spawn('touch', [mark]);
    const { events } = await watch(child);
    assert.deepStrictEqual(events.map(([name]) => name), ['spawn', 'error', 'close']);
    assert.strictEqual(events[1][1].code, 'ERR_CRIB_SETUP');
    assert.strictEqual(crib.spawnSync('touch', [mark]).error.code, 'ERR_CRIB_SETUP');
    assert.strictEqual(fs.existsSync(mark), false);
  } finally {
    if (before === undefined) delete process.env.CRIB_STUB;
    else process.env.CRIB_STUB = before;
  }
});

const bad = {
  'an unknown policy': [{ policy: 'no-such-policy' }, 'ERR_CRIB_POLICY', /no policy is named 'no-such-policy'/],
  'a policy file that is not there': [{ policy: '/no/such.yaml' }, 'ERR_CRIB_POLICY', /no\/such\.yaml/],
  'a policy with a mistake': [{ policy: { extends: ['default'], limits: { memroy: 1 } } }, 'ERR_CRIB_SETUP', /memroy/],
  'an unknown limit': [{ limits: { memroy: 1 } }, 'ERR_CRIB_SETUP', /memroy/],
  'a bind of nothing': [{ binds: ['/no/such/path'] }, 'ERR_CRIB_SETUP', /no\/such\/path/],
};
for (const [name, [given, code, message]] of Object.entries(bad)) {
  test(`${name}: error, then close`, options, async () => {
    const child = crib.spawn('true', [], given);
    const errors = [];
    child.on('error', (error) => errors.push(error));
    const { events } = await watch(child);
    assert.deepStrictEqual(events.map(([event]) => event).filter((event) => event !== 'spawn'), ['error', 'close']);
    assert.strictEqual(errors[0].code, code);
    assert.match(errors[0].message, message);
    assert.strictEqual(errors[0].path, 'true');
    const { error, status } = crib.spawnSync('true', [], given);
    assert.deepStrictEqual([shape(error).code, status], [code, null]);
    assert.throws(() => crib.execSync('true', given), { code });
  });
}

test('options of the wrong type', options, () => {
  for (const given of [{ policy: 1 }, { policy: [] }, { limits: 'x' }, { receipt: 1 }, { binds: 'x' }, { binds: [1] }, { vars: 1 }, { vars: { A: 1 } }]) {
    for (const call of [() => crib.spawn('true', given), () => crib.spawnSync('true', [], given), () => crib.exec('true', given),
      () => crib.execFileSync('true', given), () => crib.fork(fixture('child.js'), given)]) {
      assert.throws(call, { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /options\.(policy|limits|receipt|binds|vars)/ });
    }
  }
  assert.throws(() => crib.spawn('true', { policy: '' }), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('no daemon where one is named', options, async () => {
  const before = process.env.CRIB_SOCKET;
  process.env.CRIB_SOCKET = '/no/such/socket';
  try {
    const errors = [];
    const child = crib.spawn('true');
    child.on('error', (error) => errors.push(error));
    await watch(child);
    assert.strictEqual(errors[0].code, 'ERR_CRIB_DAEMON');
    assert.strictEqual(crib.spawnSync('true').error.code, 'ERR_CRIB_DAEMON');
  } finally {
    if (before === undefined) delete process.env.CRIB_SOCKET;
    else process.env.CRIB_SOCKET = before;
  }
});

test('another version', options, () => {
  const { spawnSync } = require('child_process');
  const request = JSON.stringify({ version: '0.0.1', parent: process.pid, fds: 3, file: '/bin/true' });
  const { stubPath } = require('../lib/stub.js');
  const { output, status } = spawnSync(stubPath(), [request, 'true'], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  assert.strictEqual(status, 127);
  assert.match(String(output[3]), /version 0\.1\.0.*0\.0\.1/);
});

test('thirty-two at once', options, async () => {
  const all = Array.from({ length: 32 }, (_, i) => watch(sh(`echo ${i}; exit ${i}`)));
  for (const [i, seen] of (await Promise.all(all)).entries()) {
    assert.strictEqual(seen.exitCode, i);
    assert.strictEqual(seen.out, `${i}\n`);
  }
});
