// SPDX-License-Identifier: Apache-2.0
// client.js ROUNDS STUB CRIBD - children of Node's own and ours, in turns in one process; then under a daemon
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const stock = require('child_process');

const [, , rounds, stub, daemon] = process.argv;
process.env.CRIB_STUB = path.resolve(stub);
const crib = require('../../clients/node');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crib-bench-'));
const now = () => Number(process.hrtime.bigint()) / 1e6;
const ended = (child) => new Promise((resolve, reject) => { child.on('close', resolve).on('error', reject); });
const fork = (cp, name) => cp.fork(path.join(dir, name), { env: { PATH: process.env.PATH } });

fs.chmodSync(dir, 0o755);
fs.writeFileSync(path.join(dir, 'first.js'), 'process.send(1, () => process.disconnect())');
fs.writeFileSync(path.join(dir, 'echo.js'), 'process.on("message", (m) => process.send(m))');

async function timed(run) {
  const start = now();
  await run();
  return now() - start;
}

const spawned = (cp) => timed(() => ended(cp.spawn('/bin/true')));
const many = (cp) => timed(() => Promise.all(Array.from({ length: 32 }, () => ended(cp.spawn('/bin/true')))));
const executed = (cp) => timed(() => new Promise((resolve) => { cp.execFile('/bin/true', resolve); }));
const blocked = (cp) => timed(async () => cp.spawnSync('/bin/true'));

async function first(cp) {
  const start = now();
  const child = fork(cp, 'first.js');
  const took = new Promise((resolve) => { child.once('message', () => resolve(now() - start)); });
  await ended(child);
  return took;
}

// `count` messages there and back, so many of them on their way at once.
const messages = (count, size, ahead) => async (cp) => {
  const child = fork(cp, 'echo.js');
  const text = 'x'.repeat(size);
  const back = () => new Promise((resolve) => { child.once('message', resolve); });
  child.send(text);
  await back();
  const took = await timed(() => new Promise((resolve) => {
    let sent = 0;
    let got = 0;
    const send = () => { if (sent++ < count) child.send(text); };
    child.on('message', () => {
      send();
      if (++got === count) resolve();
    });
    for (let i = 0; i < ahead; i++) send();
  }));
  child.disconnect();
  await new Promise((resolve) => { child.on('exit', resolve); }); // its close never comes, in Node
  return took;
};

const output = (bytes) => (cp) => timed(() => {
  const child = cp.spawn('head', ['-c', String(bytes), '/dev/zero'], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.resume();
  return ended(child);
});

const n = Number(rounds);
const rows = [
  ['spawn to close', spawned, n * 10],
  ['32 at once', many, n],
  ['execFile', executed, n * 5],
  ['spawnSync', blocked, n * 5],
  ['fork to first message', first, n],
  ['1,000 round trips', messages(1000, 10, 1), n],
  ['1,000 of 1 KiB', messages(1000, 1 << 10, 16), n],
  ['1,000 of 64 KiB', messages(1000, 1 << 16, 16), n],
  ['stdout of 256 MiB', output(256 << 20), n],
];

const median = (list) => list.sort((one, other) => one - other)[list.length >> 1];

async function measure(title) {
  console.log(`\n${title.padEnd(28)}${'node'.padStart(10)}${'crib'.padStart(10)}   ms, medians`);
  for (const [name, run, count] of rows) {
    const took = [[], []];
    for (let i = 0; i < count; i++) {
      for (const [at, cp] of [stock, crib].entries()) took[at].push(await run(cp));
    }
    const [own, ours] = took.map(median);
    console.log(`${name.padEnd(28)}${own.toFixed(2).padStart(10)}${ours.toFixed(2).padStart(10)}   ${(own / ours).toFixed(2)} ×`);
  }
}

async function main() {
  await measure('Node, embedded');
  const socket = path.join(dir, 'socket');
  const cribd = stock.spawn(daemon, ['--socket', socket], { stdio: 'ignore' });
  while (!fs.existsSync(socket)) await new Promise((resolve) => { setTimeout(resolve, 20); });
  process.env.CRIB_SOCKET = socket;
  await measure('Node, under cribd');
  cribd.kill();
  await ended(cribd);
  fs.rmSync(dir, { recursive: true });
}

main();
