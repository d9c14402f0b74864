// SPDX-License-Identifier: Apache-2.0
// Node's own functions, as they were before crib/register put ours in their place.
'use strict';

const childProcess = require('child_process');
const cluster = require('cluster');

// Another copy of this package may have registered itself before.
const KEPT = Symbol.for('crib.real');

const real = childProcess[KEPT] ?? {
  ...childProcess,
  prototypeSpawn: childProcess.ChildProcess.prototype.spawn,
  clusterFork: cluster.fork,
  clusterWorker: cluster.Worker,
};

module.exports = { childProcess, cluster, KEPT, real };
