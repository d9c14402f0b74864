// SPDX-License-Identifier: Apache-2.0
// node -r crib/register, node --import crib/register: from here on child_process and cluster are ours.
'use strict';

const { syncBuiltinESMExports } = require('module');
const { KEPT, childProcess, cluster, real } = require('./lib/real.js');
const { wallAll } = require('./lib/child.js');
const { fork } = require('./lib/cluster.js');
const { stubPath } = require('./lib/stub.js');
const walled = require('./index.js');

const { cluster: _, ...functions } = walled;

stubPath(); // there is no use in beginning without it
if (!childProcess[KEPT]) {
  Object.defineProperty(childProcess, KEPT, { value: real });
  wallAll();
  Object.assign(childProcess, functions);
  if (cluster.isPrimary) cluster.fork = fork;
  syncBuiltinESMExports();
}
