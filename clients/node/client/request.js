// SPDX-License-Identifier: Apache-2.0
// Options of a spawn, as the fields of a SpawnRequest.

import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

/** NAME=VALUE entries of an object. */
const environment = (env) => Object.entries(env).map(([name, value]) => `${name}=${value}`);

/** A signal's number, from its name or number. */
export function signalNumber(signal) {
  if (typeof signal === 'number') return signal;
  const number = os.constants.signals[signal];
  if (number === undefined) throw new TypeError(`no signal is named ${signal}`);
  return number;
}

function stdioEntry(what, fd) {
  const kinds = { pipe: 'pipe', ignore: 'null', pty: 'pty' };
  if (what === null || what === undefined) return { fd, kind: 'null' };
  if (typeof what === 'string' && kinds[what]) return { fd, kind: kinds[what] };
  if (typeof what === 'object' && what.path) {
    return { fd, kind: 'file', path: what.path, mode: what.mode ?? (fd === 0 ? 'read' : 'write') };
  }
  throw new TypeError(`stdio[${fd}]: 'pipe', 'ignore', 'pty' or { path, mode } can be`);
}

/** Entries of a task's stdio, from Node's form of it; a message channel comes behind all others. */
export function stdioOf({ stdio = 'pipe', channel = false }) {
  const entries = (typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio).map(stdioEntry);
  if (channel) entries.push({ fd: Math.max(3, entries.length), kind: 'channel' });
  return entries;
}

function policyOf(policy, limits) {
  if (typeof (policy ?? '') === 'string') {
    if (!limits) return { name: policy ?? '' };
    policy = { extends: [policy || 'default'] };
  }
  return { name: '', inline: limits ? { ...policy, limits: { ...policy.limits, ...limits } } : policy };
}

function mountOf(bind) {
  const { source, target, write } = typeof bind === 'string' ? { source: bind } : bind;
  const real = path.resolve(source);
  return { type: 'bind', source: real, target: target ?? real, write: write || undefined };
}

const tmpfsOf = (tmpfs) => ({ type: 'tmpfs', ...(typeof tmpfs === 'string' ? { target: tmpfs } : tmpfs) });

/** index.d.ts explains the options. */
export function spawnRequest(file, args, stdio, options) {
  const { name, inline } = policyOf(options.policy, options.limits);
  return {
    task: {
      file,
      args,
      argv0: options.argv0,
      clear_env: options.env ? true : undefined,
      env: [...environment(options.env ?? {}), ...environment(options.envAdd ?? {})],
      cwd: options.cwd,
      stdio,
      uid: options.uid,
      gid: options.gid,
      timeout: options.timeout === undefined ? undefined : Math.max(1, Math.round(options.timeout)),
      kill_signal: options.killSignal === undefined ? undefined : signalNumber(options.killSignal),
      mounts: [...(options.binds ?? []).map(mountOf), ...(options.tmpfs ?? []).map(tmpfsOf)],
      policy: inline,
      terminal: options.terminal,
    },
    policy: name,
    detached: options.detached ?? false,
    cwd: process.cwd(),
    env: environment(process.env),
    buffer: options.buffer ?? 0,
    label: options.label ?? '',
  };
}
