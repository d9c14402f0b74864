// SPDX-License-Identifier: Apache-2.0
// Each case of cases/ is run with Node's own functions and with ours; what is seen must be the same.
'use strict';

const assert = require('assert');
const childProcess = require('child_process');
const { test } = require('node:test');
const crib = require('..');

for (const group of ['spawn', 'exec', 'fork', 'sync']) {
  for (const [name, run] of Object.entries(require(`./cases/${group}.js`))) {
    test(`${group}: ${name}`, { timeout: 60_000 }, async () => {
      const stock = await run(childProcess);
      const walled = await run(crib);
      assert.deepStrictEqual(walled, stock);
    });
  }
}
