// SPDX-License-Identifier: Apache-2.0
// What a program in TypeScript may write, and what not.
import * as cp from 'crib';
import crib = require('crib');
import 'crib/register';
const child: cp.ChildProcess = cp.fork('./child.js', { policy: 'node', limits: { memory: '128M' } });
child.on('denied', ({ text, edit }) => console.error(text, edit));
child.on('exit', (code) => console.log(code, child.verdict, child.usage?.peakMemory));
export const out: string = crib.execSync('x', { encoding: 'utf8', policy: 'strict' });
const r = crib.spawnSync('x', ['y'], { receipt: true }); const b: Buffer = r.stdout; console.log(r.verdict, r.receipt?.[0].applied, out, b);
crib.cluster.setupPrimary({ exec: 'x', policy: 'node' }); crib.cluster.fork({ A: 1 });
crib.exec('x', (e, o) => console.log(o.length)); crib.spawn('x').stdout.on('data', () => {});
// @ts-expect-error
crib.spawn('x', { policy: 1 });
