// SPDX-License-Identifier: Apache-2.0
// The declarations, held against a program in TypeScript, where its compiler is installed: in CRIB_NODE_MODULES.
'use strict';

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { spawnSync } = require('child_process');
const { test } = require('node:test');

const modules = process.env.CRIB_NODE_MODULES || path.join(__dirname, '../node_modules');
const compiler = path.join(modules, 'typescript/bin/tsc');
const ready = fs.existsSync(compiler) && fs.existsSync(path.join(modules, '@types/node'));

test('types', { timeout: 120_000, skip: ready ? false : 'typescript is not installed' }, () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'crib-types-'));
  fs.mkdirSync(path.join(dir, 'node_modules'));
  fs.cpSync(path.join(__dirname, '..'), path.join(dir, 'node_modules/crib'), { recursive: true, filter: (name) => !name.endsWith('node_modules') });
  fs.copyFileSync(path.join(__dirname, 'types/check.ts'), path.join(dir, 'check.ts'));
  const { status, stdout } = spawnSync(process.execPath, [
    compiler, '--noEmit', '--strict', '--module', 'node16', '--moduleResolution', 'node16', '--target', 'es2022',
    '--typeRoots', path.join(modules, '@types'), '--types', 'node', 'check.ts',
  ], { cwd: dir, encoding: 'utf8' });
  assert.strictEqual(stdout, '');
  assert.strictEqual(status, 0);
});
