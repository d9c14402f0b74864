// SPDX-License-Identifier: Apache-2.0
// Scripts of Node's: what must be seen inside, so that they can be run. As `crib fork`, a script sees
// the directory that it is in.
'use strict';

const fs = require('fs');
const path = require('path');
const { root } = require('./stub.js');

// Options of node that take the next argument as their value.
const VALUED = new Set([
  '-r', '--require', '--import', '--loader', '--experimental-loader', '-C', '--conditions', '--env-file', '--title',
  '--stack-trace-limit', '--input-type', '--inspect-port', '--icu-data-dir', '--openssl-config', '--diagnostic-dir',
]);
// These of them name modules.
const MODULES = new Set(['-r', '--require', '--import', '--loader', '--experimental-loader']);
// With these there is no script.
const NO_SCRIPT = new Set(['-e', '--eval', '-p', '--print', '-pe', '-i', '--interactive', '-v', '--version', '-h', '--help']);

const registerFile = path.join(root, 'register.js');
const insideFile = path.join(root, 'lib/inside.js');

function isNode(program) {
  const name = path.basename(program);
  if (name === 'node' || name === 'nodejs') return true;
  try {
    return fs.realpathSync(program) === fs.realpathSync(process.execPath);
  } catch {
    return false;
  }
}

function isRegister(value, cwd) {
  if (value === 'crib/register') return true;
  if (!/^[./]|^file:/.test(value)) return false;
  const file = value.startsWith('file:') ? new URL(value).pathname : path.resolve(cwd, value);
  return [file, `${file}.js`].some((name) => name === registerFile);
}

function realOf(file) {
  try {
    return fs.realpathSync(file);
  } catch {
    return null;
  }
}

function bindOf(dir, file) {
  return { source: dir === '/' ? file : dir, unless_there: true };
}

// The real directory at its own place, and where the script was named, if that is another.
function bindsFor(file) {
  const real = realOf(file) ?? realOf(`${file}.js`);
  if (!real) return [];
  const own = path.dirname(real);
  const named = path.dirname(file);
  const binds = [bindOf(own, real)];
  if (named !== own) binds.push({ ...bindOf(named, file), ...(named === '/' && { source: real, target: file }) });
  return binds;
}

function isPath(value) {
  return /^\.{0,2}\//.test(value);
}

// Where the script stands among the arguments; -1: none does.
function scriptIndex(args) {
  for (let i = 1; i < args.length; i++) {
    if (args[i] === '--') return i + 1 < args.length ? i + 1 : -1;
    if (NO_SCRIPT.has(args[i])) return -1;
    if (VALUED.has(args[i])) i++;
    else if (!args[i].startsWith('-')) return i;
  }
  return -1;
}

// crib/register needs a stub, which could do nothing inside: children of a child are in its walls.
function mendOption(args, i, cwd, binds) {
  const [name, joined] = args[i].split(/=(.*)/s);
  const at = joined === undefined ? i + 1 : i;
  const value = joined ?? args[i + 1];
  if (!MODULES.has(name) || value === undefined) return;
  if (isRegister(value, cwd)) {
    if (at === i) args[i] = `--require=${insideFile}`;
    else args.splice(i, 2, '--require', insideFile);
  } else if (isPath(value)) {
    const file = path.resolve(cwd, value);
    args[at] = at === i ? `${name}=${file}` : file;
    binds.push(...bindsFor(file));
  }
}

/**
 * The arguments of a `node` with its script's path made absolute, and what must be bound for them.
 */
function nodeArguments(given, cwd) {
  const args = [...given];
  const binds = [];
  const index = scriptIndex(args);
  for (let i = 1; i < (index < 0 ? args.length : index); i++) mendOption(args, i, cwd, binds);
  if (args.some((arg) => arg.includes(insideFile))) binds.push({ source: root, unless_there: true });
  if (index > 0) {
    const file = path.resolve(cwd, args[index]);
    const found = bindsFor(file);
    if (found.length) args[index] = file;
    // A worker of a cluster is mostly its primary's own script, which requires this package.
    binds.push(...found, { source: root, unless_there: true });
  }
  return { args, binds, isScript: index > 0 };
}

/** NODE_OPTIONS that would load crib/register inside, mended. */
function mendNodeOptions(value, cwd, binds) {
  if (!value.includes('register')) return value;
  const words = ['node', ...value.split(/ +/).filter(Boolean)];
  for (let i = 1; i < words.length; i++) mendOption(words, i, cwd, binds);
  binds.push({ source: root, unless_there: true });
  return words.slice(1).join(' ');
}

module.exports = { insideFile, isNode, mendNodeOptions, nodeArguments };
