// SPDX-License-Identifier: Apache-2.0
// child_process and cluster, each child in a sandbox.
'use strict';

const { real } = require('./lib/real.js');
const { ChildProcess } = require('./lib/child.js');
const { exec, execFile, fork, spawn } = require('./lib/async.js');
const { execFileSync, execSync, spawnSync } = require('./lib/sync.js');
const { cluster } = require('./lib/cluster.js');

const { _forkChild } = real;

module.exports = { ChildProcess, _forkChild, cluster, exec, execFile, execFileSync, execSync, fork, spawn, spawnSync };
