// SPDX-License-Identifier: Apache-2.0
// spawn(): every case is run with Node's own and with ours, and must look the same.
'use strict';

const fs = require('fs');
const { ChildProcess } = require('child_process');
const { pathToFileURL } = require('url');
const { fixture, thrown, watch } = require('../observe.js');

const sh = (cp, line, options) => cp.spawn('/bin/sh', ['-c', line], options);
const node = process.execPath;

const stream = (child, fd) => new Promise((resolve) => {
  let text = '';
  child.stdio[fd].setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve(text));
});

module.exports = {
  'status 0': (cp) => watch(cp.spawn('true')),
  'status 3': (cp) => watch(sh(cp, 'exit 3')),
  'status 255': (cp) => watch(sh(cp, 'exit 255')),
  'stdout and stderr': (cp) => watch(sh(cp, 'echo out; echo err >&2')),
  'no arguments': (cp) => watch(cp.spawn('pwd', { cwd: '/usr' })),
  'arguments as they are': (cp) => watch(cp.spawn('printf', ['%s|', 'a b', '', '"c"', '$HOME', 'ä€😀'])),
  'a signal of its own': (cp) => watch(sh(cp, 'kill -USR1 $$')),
  'SIGABRT of its own': (cp) => watch(sh(cp, 'kill -ABRT $$')),
  'a name that is not there': (cp) => watch(cp.spawn('no-such-program', ['a', 'b'])),
  'a path that is not there': (cp) => watch(cp.spawn('/no/such/program')),
  'a file that is no program': (cp) => watch(cp.spawn('/etc/passwd')),
  'a directory': (cp) => watch(cp.spawn('/usr')),
  'a directory with a slash': (cp) => watch(cp.spawn('/usr/')),
  'below a file': (cp) => thrown(() => cp.spawn('/etc/passwd/x')),
  'a cwd that is not there': (cp) => watch(cp.spawn('true', [], { cwd: '/no/such/directory' })),
  'a cwd that is a file': (cp) => thrown(() => cp.spawn('true', [], { cwd: '/etc/passwd' })),
  'cwd': (cp) => watch(cp.spawn('pwd', [], { cwd: '/usr/bin' })),
  'cwd as a URL': (cp) => watch(cp.spawn('pwd', [], { cwd: pathToFileURL('/usr/lib') })),
  'a cwd of the caller': (cp) => watch(cp.spawn('cat', ['note.txt'], { cwd: fixture('') })),
  'a file relative to cwd': (cp) => watch(cp.spawn('./env', ['true'], { cwd: '/usr/bin' })),
  'PATH of the child': (cp) => watch(cp.spawn('true', [], { env: { PATH: '/nowhere' } })),
  'no PATH': (cp) => watch(cp.spawn('true', [], { env: {} })),
  'env': (cp) => watch(cp.spawn('/usr/bin/env', [], { env: { A: '1', B: 'two words', C: '' } })),
  'env with undefined': (cp) => watch(cp.spawn('/usr/bin/env', [], { env: { A: undefined, B: '2' } })),
  'env inherited': (cp) => watch(cp.spawn('/usr/bin/env', [], { env: Object.create({ FROM: 'prototype' }) })),
  'env with a null byte': (cp) => thrown(() => cp.spawn('true', [], { env: { A: 'x\0y' } })),
  'argv0': (cp) => watch(cp.spawn('/bin/sh', ['-c', 'echo $0'], { argv0: 'another' })),
  'argv0 of node': (cp) => watch(cp.spawn(node, ['-p', 'process.argv0'], { argv0: 'another' })),
  'shell': (cp) => watch(cp.spawn('echo one; echo', ['two   words'], { shell: true })),
  'a shell of choice': (cp) => watch(cp.spawn('echo $0', [], { shell: '/bin/bash' })),
  'a shell that is not there': (cp) => watch(cp.spawn('echo', [], { shell: '/bin/no-such-shell' })),
  'input': (cp) => {
    const child = cp.spawn('cat');
    child.stdin.end('through cat');
    return watch(child);
  },
  'much input': async (cp) => {
    const child = cp.spawn('wc', ['-c']);
    child.stdin.end(Buffer.alloc(3 << 20, 'x'));
    return watch(child);
  },
  'much output': async (cp) => {
    const { out, events } = await watch(sh(cp, 'head -c 3000000 /dev/zero | tr "\\0" x'));
    return [out.length, events];
  },
  'input that nobody reads': async (cp) => {
    const child = cp.spawn('true');
    const errors = [];
    child.stdin.on('error', (error) => errors.push(error.code));
    await watch(child);
    return new Promise((resolve) => { child.stdin.write('x', (error) => resolve([error?.code !== undefined])); });
  },
  'stdio ignore': async (cp) => {
    const child = sh(cp, 'echo x; read y; exit 5', { stdio: 'ignore' });
    return [child.stdin, child.stdout, child.stderr, child.stdio, await watch(child)];
  },
  'stdio by entry': async (cp) => {
    const child = sh(cp, 'echo x; echo y >&2', { stdio: ['ignore', 'pipe', 'ignore'] });
    return [child.stdin, child.stderr, child.stdio.map(Boolean), await watch(child)];
  },
  'stdio null and undefined': async (cp) => {
    const child = sh(cp, 'echo x', { stdio: [null, undefined, null, null] });
    return [child.stdio.map(Boolean), await watch(child)];
  },
  'stdio overlapped': (cp) => watch(sh(cp, 'echo x', { stdio: ['overlapped', 'overlapped', 'pipe'] })),
  'a fourth pipe': async (cp) => {
    const child = sh(cp, 'echo four >&3', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    return [child.stdio.length, await stream(child, 3)];
  },
  'a sixth pipe both ways': async (cp) => {
    const child = sh(cp, 'cat <&5 >&5', { stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'ignore', 'pipe'] });
    child.stdio[5].end('back and forth');
    return [child.stdio.map(Boolean), await stream(child, 5)];
  },
  'an fd by number': async (cp) => {
    const fd = fs.openSync(fixture('note.txt'), 'r');
    const seen = await watch(cp.spawn('cat', [], { stdio: [fd, 'pipe', 'pipe'] }));
    fs.closeSync(fd);
    return seen;
  },
  'a stream with an fd': async (cp) => {
    const file = fs.createReadStream(fixture('note.txt'));
    await new Promise((resolve) => { file.on('open', resolve); });
    const seen = await watch(cp.spawn('cat', [], { stdio: [file, 'pipe', 'pipe'] }));
    file.destroy();
    return seen;
  },
  'another child\'s stdout': async (cp) => {
    const one = sh(cp, 'echo from one', { stdio: ['ignore', 'pipe', 'inherit'] });
    const two = cp.spawn('cat', [], { stdio: [one.stdout, 'pipe', 'inherit'] });
    return watch(two);
  },
  'an output closed early': async (cp) => {
    const child = sh(cp, 'exec >&-; read x; exit 4');
    await new Promise((resolve) => { child.stdout.on('end', resolve).resume(); });
    child.stdin.end('\n');
    return watch(child);
  },
  'an unknown word': (cp) => thrown(() => cp.spawn('true', [], { stdio: 'unknown' })),
  'an unknown word in a list': (cp) => thrown(() => cp.spawn('true', [], { stdio: ['pipe', 'unknown'] })),
  'two channels': (cp) => thrown(() => cp.spawn('true', [], { stdio: ['ipc', 'pipe', 'ipc'] })),
  'kill': async (cp) => {
    const child = cp.spawn('sleep', ['60']);
    return [child.kill(), await watch(child), child.kill()];
  },
  'kill by name': (cp) => {
    const child = cp.spawn('sleep', ['60']);
    child.kill('SIGKILL');
    return watch(child);
  },
  'kill by number': async (cp) => {
    const child = sh(cp, 'trap "exit 9" INT; echo ready; while :; do sleep 0.05; done');
    child.stdout.once('data', () => child.kill(2));
    return watch(child);
  },
  'kill with 0': async (cp) => {
    const child = cp.spawn('sleep', ['60']);
    const first = [child.kill(0), child.killed];
    child.kill('SIGKILL');
    return [first, await watch(child), child.kill(0)];
  },
  'an unknown signal': async (cp) => {
    const child = cp.spawn('true');
    return [thrown(() => child.kill('SIGNONE')), thrown(() => child.kill(4711)), await watch(child)];
  },
  'a signal that is handled': async (cp) => {
    const child = sh(cp, 'trap "echo got it; exit 0" HUP; echo ready; while :; do sleep 0.05; done');
    child.stdout.once('data', () => child.kill('SIGHUP'));
    return watch(child);
  },
  'timeout': (cp) => watch(cp.spawn('sleep', ['60'], { timeout: 150 })),
  'timeout with a signal': (cp) => watch(cp.spawn('sleep', ['60'], { timeout: 150, killSignal: 'SIGKILL' })),
  'a timeout not reached': (cp) => watch(cp.spawn('true', [], { timeout: 60000 })),
  'abort': async (cp) => {
    const stop = new AbortController();
    const child = cp.spawn('sleep', ['60'], { signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    return watch(child);
  },
  'abort with a reason and a signal': async (cp) => {
    const stop = new AbortController();
    const child = cp.spawn('sleep', ['60'], { signal: stop.signal, killSignal: 'SIGKILL' });
    child.on('error', (error) => { child.cause = error.cause?.message; });
    stop.abort(new Error('enough'));
    return [await watch(child), child.cause];
  },
  'aborted before': (cp) => watch(cp.spawn('sleep', ['60'], { signal: AbortSignal.abort() })),
  'instanceof': async (cp) => {
    const child = cp.spawn('true');
    await watch(child);
    return [child instanceof cp.ChildProcess, child instanceof ChildProcess, cp.ChildProcess.name];
  },
  'properties while it runs': async (cp) => {
    const child = cp.spawn('true');
    const { connected, exitCode, signalCode, killed, pid } = child;
    await watch(child);
    return [connected, exitCode, signalCode, killed, typeof pid, Number.isInteger(pid), child.channel];
  },
  'ref and unref': async (cp) => {
    const child = cp.spawn('true');
    child.unref();
    child.ref();
    return watch(child);
  },
  'by the constructor': async (cp) => {
    const child = new cp.ChildProcess();
    child.spawn({ file: '/bin/echo', args: ['echo', 'hello'], envPairs: ['A=1'], stdio: 'pipe' });
    return watch(child);
  },
  'the constructor\'s complaints': (cp) => [
    undefined, null, 'x', 1, {}, { file: 1 }, { file: 'x', args: 1 }, { file: 'x', envPairs: 1, stdio: ['ipc'] },
  ].map((options) => thrown(() => new cp.ChildProcess().spawn(options))),
  'a script without #!': (cp) => watch(cp.spawn(fixture('plain-script'), ['a', 'b'])),
  'a script with #!': (cp) => watch(cp.spawn(fixture('script'), ['a', 'b'])),
  'node with a script': (cp) => watch(cp.spawn(node, [fixture('child.js'), 'speak'])),
  'node with a relative script': (cp) => watch(cp.spawn(node, ['child.js', 'exit', '6'], { cwd: fixture('') })),
  'node that throws': async (cp) => {
    const { events, err } = await watch(cp.spawn(node, [fixture('child.js'), 'throws']));
    return [events, /on purpose/.test(err)];
  },
  'node -e': (cp) => watch(cp.spawn(node, ['-e', 'console.log(1 + 1)'])),
  'detached': (cp) => watch(cp.spawn('true', [], { detached: true, stdio: 'ignore' })),
  'wrong types': (cp) => [
    () => cp.spawn(), () => cp.spawn(''), () => cp.spawn(1), () => cp.spawn(null), () => cp.spawn('a\0b'),
    () => cp.spawn('true', 1), () => cp.spawn('true', [], 1), () => cp.spawn('true', ['a\0b']), () => cp.spawn('true', [], 'x'),
    () => cp.spawn('true', [], { cwd: 1 }), () => cp.spawn('true', [], { cwd: 'a\0' }), () => cp.spawn('true', [], { detached: 1 }),
    () => cp.spawn('true', [], { uid: 'x' }), () => cp.spawn('true', [], { gid: 1.5 }), () => cp.spawn('true', [], { shell: 1 }),
    () => cp.spawn('true', [], { argv0: 1 }), () => cp.spawn('true', [], { windowsHide: 1 }),
    () => cp.spawn('true', [], { windowsVerbatimArguments: 1 }), () => cp.spawn('true', [], { timeout: -1 }),
    () => cp.spawn('true', [], { timeout: 'x' }), () => cp.spawn('true', [], { killSignal: 'x' }),
    () => cp.spawn('true', [], { signal: 1 }), () => cp.spawn('true', [], { serialization: 'x' }),
  ].map((call) => thrown(() => { call().on('error', () => {}); })),
  'dispose': async (cp) => {
    if (!Symbol.dispose || !cp.ChildProcess.prototype[Symbol.dispose]) return 'none';
    const child = cp.spawn('sleep', ['60']);
    child[Symbol.dispose]();
    return watch(child);
  },
};
