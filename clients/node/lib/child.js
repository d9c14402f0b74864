// SPDX-License-Identifier: Apache-2.0
/*
 * ChildProcess, walled: Node's own does all the work, with crib-stub in the place of the program.
 *
 * Every way to start a child comes down to ChildProcess.prototype.spawn(options), and that to
 * _handle.spawn(). Before the first one fd is added, where the stub tells events; in the second the
 * program is looked for, so that Node itself makes its errors, and the stub is started. What Node
 * does at the end, _handle.onexit(), waits until all that the stub has told is read.
 */
'use strict';

const { EventEmitter } = require('events');
const { real } = require('./real.js');
const { fromStub, noStub } = require('./errors.js');
const { unrunnable } = require('./find.js');
const { guardChannel, isAllowed } = require('./guard.js');
const { NONE, ours } = require('./options.js');
const { prepare } = require('./request.js');
const { Told } = require('./told.js');

const states = new WeakMap(); // of each child: { told, control, … }
const WORDS = new Set(['pipe', 'ignore', 'inherit', 'overlapped']);

let scope = null; // what the call that is being made asks for
let always = false; // crib/register: whoever calls

/** The stdio of options as a list to which an fd can be added; null where Node has to complain of it. */
function stdioList(stdio) {
  const given = stdio || 'pipe';
  const list = typeof given === 'string' && WORDS.has(given) ? [given, given, given] : given;
  if (!Array.isArray(list)) return null;
  const whole = [...list];
  while (whole.length < 3) whole.push(undefined);
  return whole;
}

// The environment of a child is its caller's choice where that named one.
function isWhole(options) {
  if (scope?.env) return false;
  if (options.env != null) return true;
  return options.envPairs !== undefined && !('windowsVerbatimArguments' in options);
}

function start(state, options, given) {
  const want = {
    __proto__: null,
    ...options,
    envPairs: options.envPairs ?? [],
    whole: state.whole,
    env: state.env,
    fds: options.stdio.length - 1,
    ipc: options.stdio.some((entry) => entry.ipc),
  };
  const prepared = prepare(want, state.extras);
  const { stdio, detached } = options;
  if (prepared.error) {
    const file = unrunnable(prepared.error);
    return file ? given.call(state.handle, { __proto__: null, file, args: [file], envPairs: [], stdio }) : prepared.error;
  }
  const error = given.call(state.handle, { __proto__: null, ...prepared, stdio, detached });
  if (error === -2 || error === -13) throw noStub(`${prepared.file} could not be executed`);
  state.running = error === 0;
  return error;
}

function report(child, state, piece) {
  for (const denial of state.told.take(piece)) child.emit('denied', denial);
  if (state.told.listen) for (const again of state.held.splice(0)) again();
}

function listen(child, state) {
  const { control } = state;
  const ended = () => {
    state.ended = true;
    state.deliver?.();
  };
  control.setEncoding('utf8');
  control.on('data', (piece) => report(child, state, piece));
  control.on('error', () => {});
  control.on('close', ended);
  if (!state.running) return;
  const { onexit } = state.handle;
  state.handle.onexit = (code, signal) => {
    state.deliver = () => {
      state.deliver = null;
      deliver(child, state, onexit, code, signal);
    };
    if (state.ended) state.deliver();
  };
}

function deliver(child, state, onexit, code, signal) {
  const { told } = state;
  if (!signal) told.close();
  if (!told.failure) {
    onexit(code, signal);
    return;
  }
  const { spawnfile, spawnargs } = child;
  state.error = fromStub(told.failure, spawnfile ? `spawn ${spawnfile}` : 'spawn', spawnfile, spawnargs.slice(1));
  onexit(told.failure.code < 0 ? told.failure.code : -22, '');
  state.error = null;
}

function walledSpawn(child, options) {
  const list = options && typeof options === 'object' ? stdioList(options.stdio) : null;
  if (scope?.capture) throw Object.assign(scope.capture, { options });
  if (!list) return real.prototypeSpawn.call(child, options);
  const extras = scope?.extras ?? ours(options) ?? NONE;
  const handle = child._handle;
  const given = handle.spawn;
  const state = {
    told: new Told(extras.receipt), handle, extras, whole: isWhole(options), env: scope?.env, held: [], ended: false,
  };
  handle.spawn = (final) => start(state, final, given);
  states.set(child, state);
  const error = real.prototypeSpawn.call(child, { __proto__: null, ...options, stdio: [...list, 'pipe'] });
  delete handle.spawn;
  if (!child.stdio) return error;
  state.control = child.stdio.pop();
  listen(child, state);
  if (child.channel) guardChannel(child);
  return error;
}

// A worker that asks for an address before it is known what it may serve waits for that.
function passes(child, state, [message, handle]) {
  if (message?.act === 'queryServer' && !state.told.listen && !state.ended) {
    state.held.push(() => child.emit('internalMessage', message, handle));
    return false;
  }
  return isAllowed(child, message, handle, state.told.listen ?? []);
}

class ChildProcess extends real.ChildProcess {
  spawn(options) {
    return walledSpawn(this, options);
  }

  ref() {
    states.get(this)?.control?.ref();
    return super.ref();
  }

  unref() {
    states.get(this)?.control?.unref();
    return super.unref();
  }

  emit(event, ...args) {
    const state = states.get(this);
    if (event === 'error' && state?.error) args[0] = state.error;
    if (event === 'internalMessage' && state && !passes(this, state, args)) return false;
    return EventEmitter.prototype.emit.call(this, event, ...args);
  }
}

for (const name of ['denied', 'verdict', 'usage', 'receipt', 'limit']) {
  Object.defineProperty(ChildProcess.prototype, name, {
    configurable: true,
    enumerable: true,
    get() { return states.get(this)?.told[name] ?? (name === 'denied' ? [] : null); },
  });
}

function hook(options) {
  if (!(this instanceof ChildProcess)) Object.setPrototypeOf(this, ChildProcess.prototype);
  return walledSpawn(this, options);
}

/** Calls something of Node's whose children are to be walled. asked: extras, env, capture. */
function within(asked, call) {
  const before = scope;
  scope = before?.capture ? before : asked;
  real.ChildProcess.prototype.spawn = hook;
  try {
    return call();
  } finally {
    scope = before;
    if (!scope && !always) real.ChildProcess.prototype.spawn = real.prototypeSpawn;
  }
}

/** From now on all children are walled, whoever starts them. */
function wallAll() {
  always = true;
  real.ChildProcess.prototype.spawn = hook;
}

module.exports = { ChildProcess, WORDS, stdioList, wallAll, within };
