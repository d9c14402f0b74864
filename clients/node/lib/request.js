// SPDX-License-Identifier: Apache-2.0
// From what Node would start to what crib-stub is asked: proto/stub.proto.
'use strict';

const os = require('os');
const path = require('path');
const { findProgram, checkDirectory, isShellText } = require('./find.js');
const { policyFields, viewFields } = require('./options.js');
const { isNode, mendNodeOptions, nodeArguments } = require('./script.js');
const { stubPath } = require('./stub.js');
const { version } = require('../package.json');

const { EPERM } = os.constants.errno;

function here() {
  try {
    return process.cwd();
  } catch {
    return undefined; // it is gone
  }
}

function valueIn(pairs, name) {
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

// As an ordinary user, libuv could set no other id than our own.
function checkIds({ uid, gid }) {
  if (process.getuid() === 0) return 0;
  const other = (id, own) => id !== undefined && id !== null && id !== own;
  return other(uid, process.getuid()) || other(gid, process.getgid()) ? -EPERM : 0;
}

function idFields({ uid, gid }) {
  if (process.getuid() !== 0) return {};
  return { ...(uid != null && { uid }), ...(gid != null && { gid }) };
}

// What a channel, or a worker of a cluster, needs in its environment.
function channelPairs(pairs) {
  return pairs.filter((pair) => /^NODE_(CHANNEL_|UNIQUE_ID=)/.test(pair));
}

/*
 * file, args: what is to be executed, argv[0] among args. A text without `#!` is the shell's, and a
 * script of Node's must be seen inside.
 */
function programOf(want, cwd) {
  const found = findProgram(want.file, cwd, valueIn(want.envPairs, 'PATH'));
  if (found.error) return found;
  const args = want.args?.length ? want.args : [want.file];
  if (isShellText(found.path)) return { file: '/bin/sh', args: ['/bin/sh', found.path, ...args.slice(1)], binds: [{ source: found.path }] };
  if (!isNode(found.path)) return { file: found.path, args, binds: [] };
  return { file: found.path, node: true, ...nodeArguments(args, cwd) };
}

function environmentOf(want, program, cwd) {
  if (!want.whole) return { env: [...channelPairs(want.envPairs), ...(want.env ?? [])], envPairs: want.envPairs };
  if (!program.node) return { env: [], envPairs: want.envPairs };
  const envPairs = want.envPairs.map((pair) => (pair.startsWith('NODE_OPTIONS=')
    ? `NODE_OPTIONS=${mendNodeOptions(pair.slice(13), cwd, program.binds)}` : pair));
  return { env: [], envPairs };
}

/**
 * What the stub is started with.
 * want: file, args, cwd, envPairs, uid, gid, detached; whole: the environment is the task's own, else
 * env is added to what the policy passes; fds: how many the task has; ipc: a channel is among them
 * extras: what lib/options.js found
 * Returns { error: errno } where Node's own child would have failed, or { file, args, envPairs }.
 */
function prepare(want, extras) {
  const file = stubPath();
  const at = here();
  const cwd = want.cwd == null ? at ?? '/' : path.resolve(at ?? '/', want.cwd);
  const error = (want.cwd == null ? 0 : checkDirectory(cwd)) || checkIds(want);
  if (error) return { error };
  const program = programOf(want, cwd);
  if (program.error) return { error: program.error };
  const { env, envPairs } = environmentOf(want, program, cwd);
  const view = viewFields(extras, cwd);
  if (want.cwd != null) view.binds.push({ source: cwd, unless_there: true });
  const request = {
    version,
    parent: process.pid,
    fds: want.fds,
    file: program.file,
    at,
    ...(want.cwd != null && { cwd }),
    whole_env: want.whole,
    env,
    socket: process.env.CRIB_SOCKET,
    ...policyFields(extras, program.isScript && want.ipc ? 'node' : 'default'),
    vars: view.vars,
    binds: [...view.binds, ...program.binds],
    ...idFields(want),
    detached: Boolean(want.detached),
  };
  return { file, args: ['crib-stub', JSON.stringify(request), ...program.args], envPairs };
}

module.exports = { prepare };
