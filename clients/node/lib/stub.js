// SPDX-License-Identifier: Apache-2.0
// Where crib-stub is.
'use strict';

const fs = require('fs');
const path = require('path');
const { noStub } = require('./errors.js');

const root = path.join(__dirname, '..');
let found = null;

function usable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

// Beside the command `crib`, wherever that was installed.
function besideCommand() {
  for (const dir of (process.env.PATH ?? '').split(':')) {
    if (!dir.startsWith('/') || !usable(path.join(dir, 'crib'))) continue;
    return path.join(path.dirname(fs.realpathSync(path.join(dir, 'crib'))), '../libexec/crib/crib-stub');
  }
  return null;
}

// A checkout's own, the one that was built last.
function ownBuilds() {
  return ['release', 'dev'].map((preset) => path.join(root, `../../build/${preset}/executor/stub/crib-stub`))
    .filter(usable).sort((one, other) => fs.statSync(other).mtimeMs - fs.statSync(one).mtimeMs);
}

function places() {
  return [
    path.join(root, 'bin/crib-stub'),
    ...ownBuilds(),
    besideCommand(),
    '/usr/local/libexec/crib/crib-stub',
    '/usr/libexec/crib/crib-stub',
  ].filter(Boolean);
}

/** The stub's path. Throws ERR_CRIB_NO_STUB. */
function stubPath() {
  const named = process.env.CRIB_STUB;
  if (named) {
    if (!usable(named)) throw noStub(`CRIB_STUB is ${named}, which is no program`);
    return path.resolve(named);
  }
  if (found && usable(found)) return found;
  found = places().find(usable) ?? null;
  if (!found) throw noStub('crib-stub is not found: install crib, or name its path in CRIB_STUB');
  return found;
}

module.exports = { root, stubPath };
