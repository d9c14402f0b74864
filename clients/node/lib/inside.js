// SPDX-License-Identifier: Apache-2.0
/*
 * What crib/register is in a child that is walled already. Whatever the child starts is inside the
 * same walls, which mostly leave no room for others within; so only what asks for walls of its own
 * goes through the stub, and fails where they cannot be had.
 */
'use strict';

const { syncBuiltinESMExports } = require('module');
const { childProcess, real } = require('./real.js');
const { optionsOf } = require('./async.js');
const { ours } = require('./options.js');
const walled = require('../index.js');

for (const name of ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync']) {
  const both = function both(...args) {
    return (ours(optionsOf(args)) ? walled[name] : real[name])(...args);
  };
  Object.defineProperties(both, Object.getOwnPropertyDescriptors(real[name]));
  childProcess[name] = both;
}
syncBuiltinESMExports();
