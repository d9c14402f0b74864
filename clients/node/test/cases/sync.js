// SPDX-License-Identifier: Apache-2.0
// The three Sync forms.
'use strict';

const fs = require('fs');
const { fixture, synced, thrown } = require('../observe.js');

const spawn = (cp, ...args) => synced(cp.spawnSync(...args));
const sh = (cp, line, options) => spawn(cp, '/bin/sh', ['-c', line], options);

// What execSync and execFileSync throw has the members of a result, too.
function failed(call) {
  try {
    return { returned: String(call()) };
  } catch (error) {
    const { message, code, errno, syscall, path, spawnargs, name } = error;
    const same = error.error === undefined ? null : error.error === error;
    return { message, code, errno, syscall, path, spawnargs, name, same, ...synced({ ...error, error: undefined }) };
  }
}

const quiet = { stdio: ['pipe', 'pipe', 'pipe'] };

module.exports = {
  'status 0': (cp) => spawn(cp, 'true'),
  'status 5': (cp) => sh(cp, 'exit 5'),
  'a signal': (cp) => sh(cp, 'kill -USR2 $$'),
  'output': (cp) => sh(cp, 'echo out; echo err >&2'),
  'output as text': (cp) => sh(cp, 'printf ä; printf € >&2', { encoding: 'utf8' }),
  'output as hex': (cp) => sh(cp, 'printf abc', { encoding: 'hex' }),
  'output as buffer': (cp) => sh(cp, 'printf abc', { encoding: 'buffer' }),
  'much output': (cp) => {
    const { stdout, status } = cp.spawnSync('head', ['-c', '900000', '/dev/zero']);
    return [stdout.length, status];
  },
  'much on both': (cp) => {
    const { stdout, stderr } = cp.spawnSync('/bin/sh', ['-c', 'head -c 400000 /dev/zero; head -c 300000 /dev/zero >&2']);
    return [stdout.length, stderr.length];
  },
  'not there': (cp) => spawn(cp, 'no-such-program', ['a', 'b']),
  'not there, with an encoding': (cp) => spawn(cp, 'no-such-program', { encoding: 'utf8' }),
  'no program': (cp) => spawn(cp, '/etc/passwd'),
  'below a file': (cp) => spawn(cp, '/etc/passwd/x'),
  'a cwd that is not there': (cp) => spawn(cp, 'true', [], { cwd: '/no/such' }),
  'cwd': (cp) => spawn(cp, 'pwd', { cwd: '/usr', encoding: 'utf8' }),
  'env': (cp) => spawn(cp, '/usr/bin/env', [], { env: { A: 'b' }, encoding: 'utf8' }),
  'argv0': (cp) => spawn(cp, '/bin/sh', ['-c', 'echo $0'], { argv0: 'another', encoding: 'utf8' }),
  'shell': (cp) => spawn(cp, 'echo one; echo', ['two  words'], { shell: true, encoding: 'utf8' }),
  'a shell of choice': (cp) => spawn(cp, 'echo $0', { shell: '/bin/bash', encoding: 'utf8' }),
  'input': (cp) => spawn(cp, 'cat', { input: 'some input' }),
  'input as bytes': (cp) => spawn(cp, 'cat', { input: Buffer.from([1, 2, 255]), encoding: 'hex' }),
  'input as a view': (cp) => spawn(cp, 'cat', { input: new Uint16Array([0x4141, 0x4242]), encoding: 'utf8' }),
  'input with an encoding': (cp) => spawn(cp, 'cat', { input: '616263', encoding: 'hex' }),
  'much input': (cp) => cp.spawnSync('wc', ['-c'], { input: 'x'.repeat(2 << 20), encoding: 'utf8' }).stdout,
  'empty input': (cp) => spawn(cp, 'cat', { input: '' }),
  'input that nobody reads': (cp) => cp.spawnSync('true', { input: 'x'.repeat(1 << 20) }).status,
  'timeout': (cp) => spawn(cp, 'sleep', ['60'], { timeout: 150 }),
  'timeout and signal': (cp) => spawn(cp, 'sleep', ['60'], { timeout: 150, killSignal: 'SIGKILL' }),
  'timeout not reached': (cp) => spawn(cp, 'true', [], { timeout: 60000 }),
  'timeout and output': (cp) => sh(cp, 'echo first; exec sleep 60', { timeout: 400, encoding: 'utf8' }),
  'maxBuffer': (cp) => {
    const { error, status, signal } = synced(cp.spawnSync('/bin/sh', ['-c', 'printf 1234567890; exec sleep 60'], { maxBuffer: 5 }));
    return [error, status, signal];
  },
  'maxBuffer just met': (cp) => sh(cp, 'printf 12345', { maxBuffer: 5 }),
  'no maxBuffer': (cp) => cp.spawnSync('head', ['-c', '3000000', '/dev/zero'], { maxBuffer: Infinity }).stdout.length,
  'stdio ignore': (cp) => sh(cp, 'echo x; exit 3', { stdio: 'ignore' }),
  'stdio by entry': (cp) => sh(cp, 'echo x; echo y >&2', { stdio: ['ignore', 'pipe', 'ignore'] }),
  'a fourth pipe': (cp) => sh(cp, 'echo four >&3', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], encoding: 'utf8' }),
  'an fd': (cp) => {
    const fd = fs.openSync(fixture('note.txt'), 'r');
    const result = spawn(cp, 'cat', { stdio: [fd, 'pipe', 'pipe'], encoding: 'utf8' });
    fs.closeSync(fd);
    return result;
  },
  'a channel': (cp) => thrown(() => cp.spawnSync('true', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })),
  'an unknown stdio': (cp) => thrown(() => cp.spawnSync('true', { stdio: 'unknown' })),
  'an AbortSignal is no option of it': (cp) => spawn(cp, 'true', { signal: AbortSignal.abort() }),
  'node with a script': (cp) => spawn(cp, process.execPath, [fixture('child.js'), 'speak'], { encoding: 'utf8' }),
  'a script without #!': (cp) => spawn(cp, fixture('plain-script'), ['a'], { encoding: 'utf8' }),
  'detached': (cp) => spawn(cp, 'true', { detached: true }),
  'wrong types': (cp) => [
    () => cp.spawnSync(), () => cp.spawnSync(''), () => cp.spawnSync(1), () => cp.spawnSync('true', 1), () => cp.spawnSync('true', [], 1),
    () => cp.spawnSync('true', { timeout: -1 }), () => cp.spawnSync('true', { maxBuffer: -1 }), () => cp.spawnSync('true', { killSignal: 'x' }),
    () => cp.spawnSync('true', { input: 1 }), () => cp.spawnSync('true', { cwd: 1 }), () => cp.spawnSync('true', { shell: 1 }),
    () => cp.spawnSync('true', { argv0: 1 }), () => cp.spawnSync('true', { env: { A: '\0' } }), () => cp.spawnSync('true', { uid: 'x' }),
    () => cp.spawnSync('true', { detached: 1 }), () => cp.spawnSync('true', { encoding: 'unknown' }), () => cp.spawnSync('true', { stdio: ['x'] }),
  ].map((call) => thrown(() => { call(); })),
  'execSync': (cp) => failed(() => cp.execSync('echo out')),
  'execSync: text': (cp) => cp.execSync('echo out', { encoding: 'utf8' }),
  'execSync: status': (cp) => failed(() => cp.execSync('echo out; echo why >&2; exit 4', quiet)),
  'execSync: no such command': (cp) => failed(() => cp.execSync('no-such-command', quiet)),
  'execSync: a signal': (cp) => failed(() => cp.execSync('kill -KILL $$', quiet)),
  'execSync: timeout': (cp) => failed(() => cp.execSync('exec sleep 60', { timeout: 150 })),
  'execSync: shell': (cp) => cp.execSync('echo $0', { shell: '/bin/bash', encoding: 'utf8' }),
  'execSync: a shell that is not there': (cp) => failed(() => cp.execSync('echo', { shell: '/bin/no-such-shell' })),
  'execSync: input': (cp) => cp.execSync('cat', { input: 'typed', encoding: 'utf8' }),
  'execSync: cwd': (cp) => cp.execSync('pwd', { cwd: '/usr', encoding: 'utf8' }),
  'execSync: stdio ignore': (cp) => cp.execSync('echo x', { stdio: 'ignore' }),
  'execSync: maxBuffer': (cp) => {
    const { message, code, errno } = failed(() => cp.execSync('printf 1234567890; exec sleep 60', { maxBuffer: 5 }));
    return [message, code, errno];
  },
  'execSync: wrong types': (cp) => [
    () => cp.execSync(), () => cp.execSync(1), () => cp.execSync(''), () => cp.execSync('true', { timeout: -1 }),
    () => cp.execSync('true', { shell: 1 }), () => cp.execSync('a\0b'),
  ].map((call) => thrown(() => { call(); })),
  'execFileSync': (cp) => failed(() => cp.execFileSync('echo', ['a  b'])),
  'execFileSync: text': (cp) => cp.execFileSync('echo', ['x'], { encoding: 'utf8' }),
  'execFileSync: options, no arguments': (cp) => cp.execFileSync('pwd', { cwd: '/usr', encoding: 'utf8' }),
  'execFileSync: status': (cp) => failed(() => cp.execFileSync('/bin/sh', ['-c', 'echo why >&2; exit 4'], quiet)),
  'execFileSync: not there': (cp) => failed(() => cp.execFileSync('no-such-program', ['a'])),
  'execFileSync: argv0 in the message': (cp) => failed(() => cp.execFileSync('false', ['a'], { argv0: 'another', ...quiet })),
  'execFileSync: shell': (cp) => cp.execFileSync('echo', ['$A'], { shell: true, env: { A: 'a' }, encoding: 'utf8' }),
  'execFileSync: timeout': (cp) => failed(() => cp.execFileSync('sleep', ['60'], { timeout: 150 })),
  'execFileSync: wrong types': (cp) => [
    () => cp.execFileSync(), () => cp.execFileSync(1), () => cp.execFileSync('true', 1), () => cp.execFileSync('true', [], 1),
    () => cp.execFileSync('true', { maxBuffer: -1 }),
  ].map((call) => thrown(() => { call(); })),
};
