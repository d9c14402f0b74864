// SPDX-License-Identifier: Apache-2.0
// crib/register: programs that know nothing of us.
'use strict';

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const { test } = require('node:test');

const options = { timeout: 60_000 };
const home = path.join(__dirname, '..');

// A program in a directory of its own, where the package is installed as `npm install DIR` does it.
function run(files, args, env = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crib-app-'));
  fs.mkdirSync(path.join(dir, 'node_modules'));
  fs.symlinkSync(home, path.join(dir, 'node_modules/crib'));
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), content);
  fs.chmodSync(dir, 0o755);
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8', env: { ...process.env, ...env } });
  return { status, stdout, stderr };
}

const LOOK = 'const {spawnSync, ...cp} = require("child_process"); console.log(spawnSync("cat", ["/proc/net/route"]).stdout.toString().split("\\n").length < 3, spawnSync("true").verdict);';
// Where /proc is another, process 1 is crib's.
const INSIDE = 'cat /proc/1/comm';
const inside = /crib-init/;

test('require, with -r', options, () => {
  const { stdout } = run({ 'a.js': `console.log(require('child_process').execSync('${INSIDE}').toString())` }, ['-r', 'crib/register', 'a.js']);
  assert.match(stdout, inside);
});

test('node:, with --require', options, () => {
  const { stdout } = run({ 'a.js': `require('node:child_process').exec('${INSIDE}', (e, out) => console.log(out))` }, ['--require=crib/register', 'a.js']);
  assert.match(stdout, inside);
});

test('ESM, with --import', options, () => {
  const source = `import cp, { execSync, spawnSync as s } from 'node:child_process';
    console.log(execSync('${INSIDE}').toString(), s('cat', ['/proc/1/comm']).stdout.toString(), cp.execSync('${INSIDE}').toString());`;
  const { stdout, stderr } = run({ 'a.mjs': source }, ['--import', 'crib/register', 'a.mjs']);
  assert.strictEqual(stdout.match(/crib-init/g)?.length, 3, stderr);
});

test('NODE_OPTIONS', options, () => {
  const { stdout } = run({ 'a.js': `console.log(require('child_process').execFileSync('cat', ['/proc/1/comm']).toString())` }, ['a.js'], { NODE_OPTIONS: '-r crib/register' });
  assert.match(stdout, inside);
});

test('CRIB_POLICY', options, () => {
  const { stdout } = run({ 'a.js': LOOK }, ['-r', 'crib/register', 'a.js'], { CRIB_POLICY: 'strict' });
  assert.match(stdout, /exited/);
});

test('the package, registered', options, () => {
  const source = `const cp = require('child_process'); const crib = require('crib');
    console.log(cp.spawn === crib.spawn, crib.spawnSync('${INSIDE}', { shell: true }).stdout.toString(), cp.spawnSync('true', { policy: 'nope' }).error.code);`;
  const { stdout } = run({ 'a.js': source }, ['-r', 'crib/register', 'a.js']);
  assert.match(stdout, /^true \S*crib-init\n ERR_CRIB_POLICY/);
});

test('without the package being registered, Node\'s own stay as they are', options, () => {
  const source = `const cp = require('child_process'); const before = { ...cp, proto: cp.ChildProcess.prototype.spawn };
    const crib = require('crib'); crib.spawnSync('true');
    crib.spawn('true').on('close', () => console.log(cp.spawn === before.spawn, cp.ChildProcess.prototype.spawn === before.proto, cp.spawnSync('true').verdict));`;
  const { stdout } = run({ 'a.js': source }, ['a.js']);
  assert.strictEqual(stdout, 'true true undefined\n');
});

test('a reference taken before is walled, too', options, () => {
  const source = `const { spawn } = require('child_process'); require('crib/register');
    spawn('cat', ['/proc/1/comm'], { stdio: ['ignore', 'inherit', 'inherit'] });`;
  assert.match(run({ 'a.js': source }, ['a.js']).stdout, inside);
});

test('a ChildProcess made by hand is walled, too', options, () => {
  const source = `const { ChildProcess } = require('child_process'); require('crib/register');
    new ChildProcess().spawn({ file: 'cat', args: ['cat', '/proc/1/comm'], envPairs: ['PATH=/bin:/usr/bin'], stdio: ['ignore', 'inherit', 'inherit'] });`;
  assert.match(run({ 'a.js': source }, ['a.js']).stdout, inside);
});

test('a forked child', options, () => {
  const source = `require('child_process').fork('./b.js').on('message', (m) => console.log(JSON.stringify(m)));`;
  const child = `process.send([process.execArgv.length, require('child_process').spawnSync('true').error?.code], () => process.disconnect());`;
  for (const args of [['-r', 'crib/register'], ['--import', 'crib/register'], ['--require=crib/register']]) {
    const { stdout, stderr } = run({ 'a.js': source, 'b.js': child }, [...args, 'a.js']);
    assert.match(stdout, /^\[[12],"EPERM"\]/, stderr);
  }
});

test('a child of a forked child is in its walls', options, () => {
  const source = `require('child_process').fork('./b.js', { policy: 'default' }).on('message', (m) => console.log(m));`;
  const child = `process.send(require('child_process').execSync('${INSIDE}').toString(), () => process.disconnect());`;
  const { stdout, stderr } = run({ 'a.js': source, 'b.js': child }, ['-r', 'crib/register', 'a.js']);
  assert.match(stdout, inside, stderr);
});

test('walls within walls are not promised', options, () => {
  const source = `require('child_process').fork('./b.js', { policy: 'default' }).on('message', (m) => console.log(m));`;
  const child = `let code; try { code = require('child_process').spawnSync('true', { policy: 'strict' }).error?.code } catch (e) { ({ code } = e) } process.send(code, () => process.disconnect());`;
  const { stdout, stderr } = run({ 'a.js': source, 'b.js': child }, ['-r', 'crib/register', 'a.js']);
  assert.match(stdout, /^ERR_CRIB_/, stderr);
});

test('cluster', options, () => {
  const source = `const cluster = require('cluster'); const http = require('http');
    if (cluster.isPrimary) {
      const worker = cluster.fork();
      cluster.on('listening', (w, { port }) => http.get({ port, host: '127.0.0.1' }, (r) => r.setEncoding('utf8').on('data', console.log).on('end', () => worker.kill())));
    } else http.createServer((q, r) => r.end(require('fs').readFileSync('/proc/1/comm'))).listen(0);`;
  const { stdout, stderr } = run({ 'a.js': source }, ['-r', 'crib/register', 'a.js']);
  assert.match(stdout, inside, stderr);
});

test('no stub: the program does not begin', options, () => {
  const { status, stdout, stderr } = run({ 'a.js': 'console.log("began")' }, ['-r', 'crib/register', 'a.js'], { CRIB_STUB: '/no/such' });
  assert.notStrictEqual(status, 0);
  assert.strictEqual(stdout, '');
  assert.match(stderr, /ERR_CRIB_NO_STUB/);
});

test('the policy project: the files around', options, () => {
  const source = `const cp = require('child_process');
    console.log(cp.execSync('pwd; cat b.js; echo $MINE').toString());
    cp.fork('./b.js').on('message', (m) => console.log(m)).on('exit', (code) => console.log('status', code));`;
  const { stdout, stderr } = run({ 'a.js': source, 'b.js': 'process.send("said"); process.disconnect();' }, ['-r', 'crib/register', 'a.js'],
    { CRIB_POLICY: 'project', MINE: 'passed' });
  assert.match(stdout, /^\/.*\nprocess\.send[^]*passed\n[^]*said\nstatus 0/, stderr);
});

test('a worker thread', options, () => {
  const source = `const { Worker, isMainThread } = require('worker_threads');
    if (isMainThread) new Worker(__filename); else console.log(require('child_process').execSync('${INSIDE}').toString());`;
  assert.match(run({ 'a.js': source }, ['-r', 'crib/register', 'a.js']).stdout, inside);
});
