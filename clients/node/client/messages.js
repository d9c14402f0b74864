// SPDX-License-Identifier: Apache-2.0
// Protobuf messages from plain objects, and plain objects from protobuf messages.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { CribError } from './errors.js';

/* In the installed package the schemas are beside us; in a checkout they are the project's own. */
const folder = ['../proto/', '../../../proto/']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(`${path}executor.proto`));
const root = new protobuf.Root();
root.loadSync(['executor', 'ttrpc'].map((name) => `${folder}${name}.proto`), { keepCase: true });

/** A message type of package crib. */
export const type = (name) => root.lookupType(`crib.${name}`);

/** The request and response types of every method of the service, by its name. */
export const methods = Object.fromEntries(
  root.lookupService('crib.Executor').methodsArray.map((method) => {
    method.resolve();
    return [method.name, { request: method.resolvedRequestType, response: method.resolvedResponseType }];
  }));

export const State = Object.freeze(root.lookupEnum('crib.TaskState').values);

/**
 * A message's bytes, from an object of its fields, named as in the schema.
 *
 * Unlike in protobuf's JSON, what is bytes in the schema (paths, NAME=VALUE) is given as it is, as a
 * string or bytes. Enum values are given by name or number.
 */
export function encode(of, object) {
  return Buffer.from(of.encode(plain(of, object)).finish());
}

export const decode = (of, bytes) => of.decode(bytes);

function plain(of, object) {
  const message = {};
  for (const [name, given] of Object.entries(object)) {
    const field = of.fields[name]?.resolve();
    if (!field) throw new TypeError(`${of.name} has no field '${name}'`);
    if (given === undefined || given === null) continue;
    message[name] = field.repeated ? Array.from(given, (item) => value(field, item)) : value(field, given);
  }
  return message;
}

function value(field, given) {
  if (field.resolvedType instanceof protobuf.Type) return plain(field.resolvedType, given);
  if (field.resolvedType instanceof protobuf.Enum && typeof given === 'string') {
    const number = field.resolvedType.values[given];
    if (number === undefined) throw new TypeError(`'${field.name}' has no value '${given}'`);
    return number;
  }
  if (field.type === 'bytes') return typeof given === 'string' ? Buffer.from(given) : given;
  return given;
}

/** A 64-bit field as a number: offsets, sizes and times are all below 2^53. */
export const number = (field) => Number(field?.toString() ?? 0);

/** The CribError of a crib.Error. */
export function errorOf(message, status = null) {
  const part = (name) => (Object.hasOwn(message, name) ? message[name] : null);
  return new CribError(message.text, {
    code: message.code, step: part('step'), status, subject: part('subject'), detail: part('detail'),
    index: part('index'),
  });
}

export const denialOf = (denial) => ({
  call: denial.call, text: denial.text, answer: denial.answer, pid: denial.pid, count: number(denial.count),
});

const Verdict = type('Result').lookupEnum('Verdict').valuesById;

/** How a task ended: index.d.ts says what is in it. Times are milliseconds. */
export function resultOf(result) {
  const verdict = Verdict[result.verdict];
  const usage = result.usage ?? {};
  return {
    verdict,
    status: verdict === 'exited' ? result.status : null,
    signal: result.signal || null,
    error: result.error ? errorOf(result.error) : null,
    userTime: number(usage.user_time) / 1000,
    systemTime: number(usage.system_time) / 1000,
    wallTime: number(usage.wall_time) / 1000,
    peakMemory: number(usage.peak_memory),
    peakPids: number(usage.peak_pids),
    limit: result.limit || null,
    call: result.call || null,
    receipt: result.receipt.map(({ mechanism, asked, applied }) => ({ mechanism, asked, applied })),
    denials: result.denials.map(denialOf),
    denialsLost: number(result.denials_lost),
  };
}
