// SPDX-License-Identifier: Apache-2.0
// Errors in Node's shapes.
'use strict';

const { inspect, getSystemErrorName } = require('util');

function received(value) {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    return value.constructor?.name
      ? ` Received an instance of ${value.constructor.name}`
      : ` Received ${inspect(value, { depth: -1 })}`;
  }
  const text = inspect(value, { colors: false }).slice(0, 28);
  return ` Received type ${typeof value} (${text})`;
}

function coded(error, code, rest) {
  error.code = code;
  // As Node's own: the code stands in the trace, not in the name.
  Object.defineProperty(error, 'toString', {
    value() { return `${this.name} [${code}]: ${this.message}`; }, configurable: true, writable: true,
  });
  return Object.assign(error, rest);
}

function argType(name, expected, value) {
  return coded(new TypeError(`The "${name}" property must be ${expected}.${received(value)}`), 'ERR_INVALID_ARG_TYPE');
}

function argValue(name, value, reason) {
  return coded(new TypeError(`The property '${name}' ${reason}. Received ${inspect(value)}`), 'ERR_INVALID_ARG_VALUE');
}

// What a system call of Node's own would have given. code: a negative errno.
function system(code, syscall, rest) {
  const name = getSystemErrorName(code);
  return Object.assign(new Error(`${syscall} ${name}`), { errno: code, code: name, syscall }, rest);
}

function noStub(detail) {
  return coded(new Error(`crib: ${detail}; nothing is run without it`), 'ERR_CRIB_NO_STUB');
}

// What the stub's steps are called where a program can look at it.
const CODES = { policy: 'ERR_CRIB_POLICY', version: 'ERR_CRIB_VERSION', daemon: 'ERR_CRIB_DAEMON' };

// Where Node's own child would have failed at the same thing, its error is Node's.
function isNodes({ step, code }) {
  return (step === 'program' || step === 'exec' || step === 'cwd') && code < 0;
}

/**
 * Why a program never ran, or was lost: from an Error of task.proto. Null where Node's own error says it.
 */
function fromStub(told, syscall, file, args) {
  if (isNodes(told)) return null;
  const error = coded(new Error(`${syscall}: ${told.text}`), CODES[told.step] ?? 'ERR_CRIB_SETUP');
  if (told.code === -104) error.code = 'ERR_CRIB_DAEMON';
  return Object.assign(error, { errno: told.code, syscall, path: file, spawnargs: args, step: told.step ?? null });
}

module.exports = { argType, argValue, coded, fromStub, isNodes, noStub, received, system };
