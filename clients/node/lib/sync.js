// SPDX-License-Identifier: Apache-2.0
// spawnSync, execSync and execFileSync.
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const { real } = require('./real.js');
const { optionsOf } = require('./async.js');
const { WORDS, stdioList, within } = require('./child.js');
const { fromStub, system } = require('./errors.js');
const { unrunnable } = require('./find.js');
const { NONE, ours } = require('./options.js');
const { prepare } = require('./request.js');
const { Told } = require('./told.js');

let eventsFd = -1;

// A file without a name, since a pipe would count as output. There is one call at a time.
function eventsFile() {
  if (eventsFd >= 0) {
    fs.ftruncateSync(eventsFd);
    return eventsFd;
  }
  const name = path.join(os.tmpdir(), `.crib-${process.pid}-${process.hrtime.bigint()}`);
  eventsFd = fs.openSync(name, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_APPEND, 0o600);
  fs.unlinkSync(name);
  return eventsFd;
}

function readEvents(wantsReceipt) {
  const told = new Told(wantsReceipt);
  const size = fs.fstatSync(eventsFd).size;
  const data = Buffer.alloc(size);
  fs.readSync(eventsFd, data, 0, size, 0);
  told.take(data.toString());
  return told;
}

// Node's own reading of the arguments, with its own complaints; nothing is started.
function normalized(name, args) {
  const options = optionsOf(args);
  const without = args.map((one) => (one === options && options ? { ...options, signal: undefined } : one));
  const capture = { captured: true };
  try {
    within({ capture }, () => real[name](...without));
  } catch (error) {
    if (error !== capture) throw error;
  }
  return capture.options;
}

function pairsToEnv(pairs) {
  const env = Object.create(null);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    env[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return env;
}

// Node's options for the stub in the place of the program.
function forStub(options, envPairs, stdio) {
  const { encoding, input } = options;
  return {
    __proto__: null,
    ...options,
    ...(typeof input === 'string' && encoding && { input: Buffer.from(input, encoding) }),
    argv0: 'crib-stub',
    cwd: undefined,
    encoding: undefined,
    env: pairsToEnv(envPairs),
    gid: undefined,
    shell: false,
    stdio,
    uid: undefined,
  };
}

function mendError(result, file, args) {
  const { error } = result;
  if (error) result.error = system(error.errno, `spawnSync ${file}`, { path: file, spawnargs: args });
}

function decode(result, { encoding }, count) {
  if (!result.output) return;
  result.output.length = count;
  if (encoding && encoding !== 'buffer') {
    result.output = result.output.map((one) => one && one.toString(encoding));
  }
  [, result.stdout, result.stderr] = result.output;
}

function neverRan(result, error) {
  Object.assign(result, { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null });
}

function finish(result, told, file, args) {
  Object.assign(result, { verdict: told.verdict, usage: told.usage, denied: told.denied, limit: told.limit, receipt: told.receipt });
  if (!result.signal && !result.error) told.close();
  if (!told.failure || result.error) return;
  const syscall = `spawnSync ${file}`;
  neverRan(result, fromStub(told.failure, syscall, file, args) ??
    system(told.failure.code, syscall, { path: file, spawnargs: args }));
}

// Node fails at it itself, so that all else about it is Node's.
function failing(errno, want, options) {
  const given = { ...forStub(options, [], options.stdio), argv0: undefined, encoding: options.encoding };
  const result = real.spawnSync(unrunnable(errno) ?? unrunnable(-os.constants.errno.ENOENT), given);
  result.error = system(errno, `spawnSync ${want.file}`, { path: want.file, spawnargs: want.args.slice(1) });
  return result;
}

// Of words that it does not know Node makes no entry at all here.
function syncList(stdio) {
  const list = stdioList(stdio)?.filter((one) => !ArrayBuffer.isView(one) && (typeof one !== 'string' || WORDS.has(one) || one === 'ipc'));
  while (list && list.length < 3) list.push('ignore');
  return list;
}

function spawnSync(file, args, options) {
  const given = [...arguments];
  const extras = ours(optionsOf(given)) ?? NONE;
  const want = normalized('spawn', given);
  const list = syncList(want.stdio);
  const whole = want.env != null;
  const prepared = prepare({ __proto__: null, ...want, whole, fds: list?.length, ipc: false }, extras);
  if (prepared.error) return failing(prepared.error, want, want);
  if (!list) return real.spawnSync(prepared.file, want); // whose complaint comes before anything runs
  const result = real.spawnSync(prepared.file, prepared.args.slice(1), forStub(want, prepared.envPairs, [...list, eventsFile()]));
  const rest = want.args.slice(1);
  mendError(result, want.file, rest);
  decode(result, want, list.length);
  finish(result, readEvents(extras.receipt), want.file, rest);
  return result;
}

// The error of a run that did not end with 0; null.
function failureOf(result, command) {
  if (result.error) return Object.assign(result.error, result);
  if (result.status === 0) return null;
  const said = result.stderr?.length ? `\n${result.stderr.toString()}` : '';
  return Object.assign(new Error(`Command failed: ${command}${said}`), result);
}

function outputOf(result, options, command) {
  if (!options?.stdio && result.stderr) process.stderr.write(result.stderr);
  const error = failureOf(result, command);
  if (error) throw error;
  return result.stdout;
}

function execFileSync(file, args, options) {
  const given = [...arguments];
  const own = optionsOf(given);
  const list = Array.isArray(args) ? args : [];
  return outputOf(spawnSync(...given), own, [own?.argv0 || file, ...list].join(' '));
}

function execSync(command, options) {
  const own = { ...optionsOf([...arguments]) };
  normalized('exec', [command, own]);
  const shell = typeof own.shell === 'string' ? own.shell : true;
  return outputOf(spawnSync(command, { ...own, shell }), own, command);
}

module.exports = { execFileSync, execSync, spawnSync };
