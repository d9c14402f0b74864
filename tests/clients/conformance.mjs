// SPDX-License-Identifier: Apache-2.0
// conformance.mjs SOCKET MODULE LIST - what conformance.txt lists, with the Node client

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { CribError, Code, ConnectionLost, OutputLost, connect } from 'crib/client';

const MIB = 1024 * 1024;
const { ENOBUFS, ENOENT } = constants.errno;
const { SIGKILL, SIGTERM } = constants.signals;
const [socket, module, list] = process.argv.slice(2);
const client = await connect(socket);
const same = assert.deepEqual;

/** Resolves to the error of it. */
async function fails(promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CribError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const sha256 = (hash) => hash.digest('hex');

/** What `seq` prints. */
const lines = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => `${first + i}\n`).join('');

/** Resolves to the first `size` bytes of a stream. */
async function take(stream, size) {
  const parts = [];
  let have = 0;
  while (have < size) {
    const part = stream.read(Math.min(size - have, stream.readableLength || 1));
    if (part) {
      parts.push(part);
      have += part.length;
    } else if (stream.readableEnded) {
      break;
    } else {
      const done = new AbortController();
      await Promise.race(['readable', 'end'].map((name) => once(stream, name, { signal: done.signal })))
        .finally(() => done.abort());
    }
  }
  return Buffer.concat(parts);
}

/** Resolves to a stream's next line. */
async function line(stream) {
  let got = '';
  while (!got.endsWith('\n')) got += await take(stream, 1);
  return got;
}

const steps = {
  async info() {
    const info = await client.info();
    assert(info.version);
    assert(info.policies.includes('default') && info.policies.includes('strict'));
    same(info.peerUid, process.getuid());
  },

  async streams() {
    const script = 'while read -r l; do echo "out $l"; echo "err $l" >&2; done; exit 3';
    const task = await client.spawn('/bin/sh', ['-c', script]);
    task.stdin.write('one\n');
    task.stdin.end('two\n');
    same(await Promise.all([text(task.stdout), text(task.stderr)]), ['out one\nout two\n', 'err one\nerr two\n']);
    const result = await task.wait();
    same([result.verdict, result.status, result.signal], ['exited', 3, null]);
    assert(result.receipt.length > 0 && result.wallTime > 0);
  },

  async large() {
    const task = await client.spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'] });
    const wanted = createHash('sha256');
    const writing = (async () => {
      const block = randomBytes(MIB);
      for (let i = 0; i < 64; i++) {
        const part = Buffer.from(block);
        part.writeUInt32BE(i);
        wanted.update(part);
        if (!task.stdin.write(part)) await once(task.stdin, 'drain');
      }
      task.stdin.end();
    })();
    const got = createHash('sha256');
    let size = 0;
    for await (const part of task.stdout) {
      got.update(part);
      size += part.length;
    }
    await writing;
    same([size, sha256(got)], [64 * MIB, sha256(wanted)]);
    same((await task.wait()).status, 0);
  },

  async exec() {
    const done = await client.exec('cat; echo err >&2; exit 7', { input: 'out\n' });
    same([done.status, done.stdout.toString(), done.stderr.toString()], [7, 'out\n', 'err\n']);
    same((await client.exec('kill -9 $$')).status, -SIGKILL);
    same((await fails(client.exec('seq 100000', { maxBuffer: 1000 }))).code, -ENOBUFS);
  },

  async kill() {
    const task = await client.spawn('sleep', ['1000']);
    const seen = [];
    for (const name of ['started', 'exit']) task.on(name, () => seen.push(name));
    await once(task, 'started');
    await task.kill('SIGTERM');
    const result = await task.wait();
    same([result.verdict, result.status, result.signal], ['killed', null, SIGTERM]);
    task.stdout.resume();
    task.stderr.resume();
    await task.closed();
    same(seen, ['started', 'exit']);
  },

  async timeout() {
    const task = await client.spawn('sleep', ['1000'], { timeout: 200 });
    same((await task.wait()).verdict, 'wall_timeout');
  },

  async 'setup-failed'() {
    const error = await fails(client.execFile('/no/such/program'));
    same(error.code, -ENOENT);
    assert(error.step && error.message.includes('/no/such/program'), error.message);
  },

  async messages() {
    const task = await client.fork(module, ['echo']);
    const sent = [['text', Buffer.from('hello')], ['none', Buffer.alloc(0)], ['blob', randomBytes(3 * MIB)]];
    await Promise.all(sent.map(([type, data]) => task.send(type, data)));
    for (const [type, data] of sent) {
      const message = await task.receive();
      same([message.type, message.data.equals(data), message.fds], [type, true, 0]);
    }
    const heard = once(task, 'message');
    await task.send('text', 'again');
    same((await heard)[0].data.toString(), 'again');
    await task.disconnect();
    same((await task.wait()).status, 0);
  },

  async denied() {
    const task = await client.spawn(module, ['socket']);
    const wanted = 'socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)';
    const [denial] = await once(task, 'denied');
    same([denial.call, denial.text, denial.answer], ['socket', wanted, 'EPERM']);
    same(await text(task.stdout), 'Operation not permitted\n');
    same((await task.wait()).denials.map((d) => d.text), [wanted]);
  },

  async refused() {
    const policy = { extends: ['default'], mounts: [{ source: '/no/such', target: '/srv' }] };
    const error = await fails(client.spawn('true', [], { policy }));
    same([error.step, error.code, error.status], ['mounts', -ENOENT, Code.NOT_FOUND]);
    assert(error.message.includes('/no/such'), error.message);
  },

  async policy() {
    const effective = await client.policyCheck({ extends: ['default'], limits: { open_files: 7 } });
    same([effective.limits.open_files, effective.extends ?? []], [7, []]);
    const error = await fails(client.policyCheck({ caps: { keep: ['CAP_NONE_SUCH'] } }));
    assert(error.message.includes('CAP_NONE_SUCH'), error.message);
    assert((await client.plan('/usr/bin/true')).includes('/usr/bin/true'));
    same((await client.exec('ulimit -n', { limits: { open_files: 77 } })).stdout.toString(), '77\n');
  },

  async 'unknown-method'() {
    const none = Buffer.alloc(0);
    for (const name of [['crib.Executor', 'NoSuchMethod'], ['crib.NoSuchService', 'Info']]) {
      same((await fails(client.connection.call(...name, none))).status, Code.UNIMPLEMENTED);
    }
  },

  async deadline() {
    client.connection.grace = 60000; // so that it is the daemon that keeps the time
    const task = await client.spawn('sleep', ['1000']);
    const error = await fails(client.ask('Wait', { task: task.id, until: 'ENDED', wait: 60000 }, { timeout: 200 }));
    same(error.status, Code.DEADLINE_EXCEEDED);
    await task.kill('SIGKILL');
    same((await task.wait()).verdict, 'killed');
  },

  async files() {
    const dir = await mkdtemp(path.join(tmpdir(), 'crib-'));
    try {
      const [source, target] = ['in', 'out'].map((name) => path.join(dir, name));
      await writeFile(source, 'from a file\n');
      for (let i = 0; i < 2; i++) {
        const stdio = [{ path: source }, { path: target, mode: 'append' }, 'ignore'];
        same((await (await client.spawn('cat', [], { stdio })).wait()).status, 0);
      }
      same(await readFile(target, 'utf8'), 'from a file\nfrom a file\n');
    } finally {
      await rm(dir, { recursive: true });
    }
  },

  async terminal() {
    const task = await client.spawn('/bin/sh', ['-c', 'stty size; read x; stty size'],
      { stdio: 'pty', terminal: { rows: 31, columns: 97 } });
    same(await line(task.stdout), '31 97\r\n');
    await task.resize({ rows: 33, columns: 99 });
    task.stdin.write('\n');
    assert((await text(task.stdout)).includes('33 99\r\n'));
    same((await task.wait()).status, 0);
  },

  async list() {
    const task = await client.spawn('cat', [], { label: 'a label', stdio: ['pipe', 'ignore', 'ignore'] });
    const found = [];
    for await (const info of client.list()) if (Number(info.task) === task.id) found.push(info);
    same(found.map((i) => [i.label, i.file.toString(), i.policy]), [['a label', 'cat', 'default']]);
    same((await fails(task.forget())).status, Code.FAILED_PRECONDITION);
    task.stdin.end();
    same((await task.closed()).status, 0);
    await task.forget();
    same((await fails(task.inspect())).status, Code.NOT_FOUND);
  },

  async reconnect() {
    const first = await connect(socket);
    const { id } = await first.spawn('/bin/sh', ['-c', 'seq 1 20000; read x; seq 20001 40000'], { detached: true });
    const begin = await take((await first.task(id)).reader(1, 0), 50000);
    same(begin.length, 50000);
    await first.close();
    const task = await client.task(id);
    task.stdin.write('go on\n');
    const rest = await text(task.reader(1, begin.length));
    assert(begin.toString() + rest === lines(1, 40000), 'there is a gap, or something twice');
    same((await task.wait()).status, 0);
    await task.forget();
  },

  async lost() {
    const task = await client.spawn('seq', ['100000'],
      { detached: true, buffer: 4096, stdio: ['ignore', 'pipe', 'ignore'] });
    same((await task.wait()).status, 0);
    const wanted = lines(1, 100000);
    const error = await fails(text(task.reader(1, 0)));
    assert(error instanceof OutputLost && error.lost > 0);
    same(error.offset, 0);
    const told = [];
    const reader = task.reader(1, 0).on('lost', (lost) => told.push(lost));
    same(await text(reader), wanted.slice(error.lost));
    same(told, [{ offset: 0, lost: error.lost }]);
    await task.forget();
  },

  async 'two-clients'() {
    const other = await connect(socket);
    const four = (from) => Promise.all(Array.from({ length: 4 }, () => from.spawn('cat')));
    const [ours, theirs] = [await four(client), await four(other)];
    ours.forEach((task, i) => task.stdin.write(`ours ${i}\n`));
    theirs.forEach((task, i) => task.stdin.write(`theirs ${i}\n`));
    same(await Promise.all(theirs.map((task) => line(task.stdout))), [0, 1, 2, 3].map((i) => `theirs ${i}\n`));
    await other.close();
    for (const [i, task] of ours.entries()) {
      task.stdin.end('still\n');
      same(await text(task.stdout), `ours ${i}\nstill\n`);
      same((await task.wait()).status, 0);
    }
    assert((await fails(theirs[0].wait())) instanceof ConnectionLost);
  },
};

/** The steps that are ours. */
async function names() {
  const found = [];
  for (const entry of (await readFile(list, 'utf8')).split('\n')) {
    const only = /\(([^()]*)\)$/.exec(entry)?.[1] ?? 'node';
    if (entry && entry[0] !== '#' && only.includes('node')) found.push(entry.split(' ')[0]);
  }
  return found;
}

const wanted = await names();
console.log(`1..${wanted.length}`);
for (const [i, name] of wanted.entries()) {
  try {
    await steps[name]();
    console.log(`ok ${i + 1} ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`not ok ${i + 1} ${name}`);
    console.log(String(error.stack).replace(/^/gm, '# '));
  }
}
await client.close();
