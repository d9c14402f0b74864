// SPDX-License-Identifier: Apache-2.0
/*
 * cluster, with walled workers: Node's own primary, held to what the workers' policy lists under
 * `listen` (lib/guard.js). settings.policy, .limits, .binds and .vars say what each worker may do.
 */
'use strict';

const { cluster, real } = require('./real.js');
const { within } = require('./child.js');
const { NONE, ours } = require('./options.js');

/** As cluster.fork(): the worker's environment is what its policy passes, and env. */
function fork(env) {
  const extras = ours(cluster.settings) ?? NONE;
  const pairs = Object.entries(env ?? {}).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  return within({ extras, env: pairs }, () => real.clusterFork.call(cluster, env));
}

// The same object in all else: what happens to it happens to Node's.
const walled = new Proxy(cluster, {
  get(target, name) {
    return name === 'fork' && target.isPrimary ? fork : Reflect.get(target, name);
  },
});

module.exports = { cluster: walled, fork };
