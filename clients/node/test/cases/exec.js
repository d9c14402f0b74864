// SPDX-License-Identifier: Apache-2.0
// exec() and execFile(), with callbacks and promises.
'use strict';

const { promisify } = require('util');
const { called, shape, thrown } = require('../observe.js');

const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ error: shape(error), out: error.stdout, err: error.stderr }));
const exec = (cp, line, options) => called((done) => cp.exec(line, options, done));
const execFile = (cp, file, args, options) => called((done) => cp.execFile(file, args, options, done));

// Output in a Buffer, as text and as what it is.
const opened = ({ error, stdout, stderr }) => [error, Buffer.isBuffer(stdout), Buffer.isBuffer(stderr), String(stdout), String(stderr)];

module.exports = {
  'exec: output': (cp) => exec(cp, 'echo out; echo err >&2'),
  'exec: status': (cp) => exec(cp, 'echo why >&2; exit 7'),
  'exec: no such command': (cp) => exec(cp, 'no-such-command'),
  'exec: a signal': (cp) => exec(cp, 'kill -KILL $$'),
  'exec: without options': (cp) => called((done) => cp.exec('echo x', done)),
  'exec: without a callback': (cp) => new Promise((resolve) => { cp.exec('exit 3').on('close', (...args) => resolve(args)); }),
  'exec: cwd': (cp) => exec(cp, 'pwd', { cwd: '/usr' }),
  'exec: a cwd that is not there': (cp) => exec(cp, 'pwd', { cwd: '/no/such' }),
  'exec: env': (cp) => exec(cp, 'echo $A-$B', { env: { A: '1', B: '2' } }),
  'exec: shell': (cp) => exec(cp, 'echo $0', { shell: '/bin/bash' }),
  'exec: a shell that is not there': (cp) => exec(cp, 'echo', { shell: '/bin/no-such-shell' }),
  'exec: encoding buffer': async (cp) => opened(await exec(cp, 'printf "\\377x"', { encoding: 'buffer' })),
  'exec: encoding null': async (cp) => opened(await exec(cp, 'echo x', { encoding: null })),
  'exec: encoding hex': (cp) => exec(cp, 'printf abc', { encoding: 'hex' }),
  'exec: encoding base64': (cp) => exec(cp, 'printf abcd', { encoding: 'base64' }),
  'exec: an unknown encoding': async (cp) => opened(await exec(cp, 'echo x', { encoding: 'unknown' })),
  'exec: text in pieces': async (cp) => (await exec(cp, 'for i in 1 2 3 4 5 6 7 8 9; do printf ä€; sleep 0.01; done')).stdout,
  'exec: timeout': (cp) => exec(cp, 'exec sleep 60', { timeout: 150 }),
  'exec: timeout and signal': (cp) => exec(cp, 'exec sleep 60', { timeout: 150, killSignal: 'SIGKILL' }),
  'exec: timeout not reached': (cp) => exec(cp, 'echo x', { timeout: 60000 }),
  'exec: maxBuffer': (cp) => exec(cp, 'printf 123456789', { maxBuffer: 5 }),
  'exec: maxBuffer just met': (cp) => exec(cp, 'printf 12345', { maxBuffer: 5 }),
  'exec: maxBuffer of stderr': (cp) => exec(cp, 'printf 123456789 >&2', { maxBuffer: 5 }),
  'exec: maxBuffer by default': async (cp) => {
    const { error, stdout } = await exec(cp, 'head -c 1100000 /dev/zero | tr "\\0" x');
    return [error, stdout.length];
  },
  'exec: no maxBuffer': async (cp) => {
    const { error, stdout } = await exec(cp, 'head -c 3000000 /dev/zero | tr "\\0" x', { maxBuffer: Infinity });
    return [error, stdout.length];
  },
  'exec: maxBuffer 0 and no output': (cp) => exec(cp, 'true', { maxBuffer: 0 }),
  'exec: stdio is not an option of it': (cp) => exec(cp, 'echo x', { stdio: 'ignore' }),
  'exec: stdin is open': (cp) => called((done) => cp.exec('cat', done).stdin.end('typed')),
  'exec: kill': (cp) => called((done) => cp.exec('exec sleep 60', done).kill()),
  'exec: abort': (cp) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    return exec(cp, 'exec sleep 60', { signal: stop.signal });
  },
  'exec: aborted before': (cp) => exec(cp, 'exec sleep 60', { signal: AbortSignal.abort() }),
  'exec: wrong types': (cp) => [
    () => cp.exec(), () => cp.exec(1), () => cp.exec(''), () => cp.exec('true', { timeout: -1 }), () => cp.exec('a\0b'),
    () => cp.exec('true', { maxBuffer: -1 }), () => cp.exec('true', { maxBuffer: 'x' }), () => cp.exec('true', { killSignal: 'x' }),
    () => cp.exec('true', { cwd: 1 }), () => cp.exec('true', { shell: 1 }), () => cp.exec('true', { signal: 'x' }),
  ].map((call) => thrown(() => { call(); })),
  'exec: promisified': (cp) => settled(promisify(cp.exec)('echo out; echo err >&2')),
  'exec: promisified, failed': (cp) => settled(promisify(cp.exec)('echo out; echo err >&2; exit 3')),
  'exec: promisified, with a child': async (cp) => {
    const promise = promisify(cp.exec)('exec sleep 60');
    const { child } = promise;
    child.kill();
    return [child instanceof cp.ChildProcess, await settled(promise)];
  },
  'exec: promisified, aborted': (cp) => settled(promisify(cp.exec)('sleep 60', { signal: AbortSignal.abort() })),
  'execFile: output': (cp) => execFile(cp, 'printf', ['%s', 'a  b']),
  'execFile: status': (cp) => execFile(cp, '/bin/sh', ['-c', 'echo why >&2; exit 42']),
  'execFile: a signal': (cp) => execFile(cp, '/bin/sh', ['-c', 'kill -TERM $$']),
  'execFile: not there': (cp) => execFile(cp, 'no-such-program', ['a']),
  'execFile: no program': (cp) => execFile(cp, '/etc/passwd', []),
  'execFile: only a callback': (cp) => called((done) => cp.execFile('true', done)),
  'execFile: options, no arguments': (cp) => called((done) => cp.execFile('pwd', { cwd: '/usr' }, done)),
  'execFile: arguments, no options': (cp) => called((done) => cp.execFile('echo', ['x'], done)),
  'execFile: shell': (cp) => execFile(cp, 'echo', ['$A'], { shell: true, env: { A: 'a' } }),
  'execFile: buffers': async (cp) => opened(await execFile(cp, 'echo', ['x'], { encoding: 'buffer' })),
  'execFile: timeout': (cp) => execFile(cp, 'sleep', ['60'], { timeout: 150 }),
  'execFile: maxBuffer': (cp) => execFile(cp, 'echo', ['123456789'], { maxBuffer: 4 }),
  'execFile: node': (cp) => execFile(cp, process.execPath, ['-p', '6*7']),
  'execFile: abort': (cp) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    return execFile(cp, 'sleep', ['60'], { signal: stop.signal });
  },
  'execFile: wrong types': (cp) => [
    () => cp.execFile(), () => cp.execFile(1), () => cp.execFile('true', 'x'), () => cp.execFile('true', [], 'x'),
    () => cp.execFile('true', [], {}, 'x'), () => cp.execFile('true', { maxBuffer: NaN }), () => cp.execFile('true', { timeout: 1.5 }),
  ].map((call) => thrown(() => { call(); })),
  'execFile: promisified': (cp) => settled(promisify(cp.execFile)('echo', ['x'])),
  'execFile: promisified, not there': (cp) => settled(promisify(cp.execFile)('no-such-program')),
};
