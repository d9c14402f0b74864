// SPDX-License-Identifier: Apache-2.0
// The options that are ours, taken from among Node's.
'use strict';

const fs = require('fs');
const path = require('path');
const { argType, argValue } = require('./errors.js');
const { root } = require('./stub.js');

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function checkStrings(name, list) {
  if (!Array.isArray(list)) throw argType(name, 'an instance of Array', list);
  for (const entry of list) if (typeof entry !== 'string') throw argType(`${name}[]`, 'of type string', entry);
}

function checkBinds(list) {
  if (!Array.isArray(list)) throw argType('options.binds', 'an instance of Array', list);
  for (const entry of list) {
    const source = isObject(entry) ? entry.source : entry;
    if (typeof source !== 'string') throw argType('options.binds[]', 'of type string or an instance of Object', entry);
  }
}

const CHECKS = {
  policy(value) {
    if (typeof value !== 'string' && !isObject(value)) {
      throw argType('options.policy', 'of type string or an instance of Object', value);
    }
    if (value === '') throw argValue('options.policy', value, 'cannot be empty');
    if (typeof value === 'string' && value.includes('\0')) {
      throw argValue('options.policy', value, 'must be a string without null bytes');
    }
  },
  limits(value) {
    if (!isObject(value)) throw argType('options.limits', 'an instance of Object', value);
  },
  receipt(value) {
    if (typeof value !== 'boolean') throw argType('options.receipt', 'of type boolean', value);
  },
  binds: checkBinds,
  vars(value) {
    if (!isObject(value)) throw argType('options.vars', 'an instance of Object', value);
    checkStrings('options.vars', Object.values(value));
  },
};

/** What of an options object is ours, checked; null where nothing is. */
function ours(options) {
  if (!isObject(options)) return null;
  let found = null;
  for (const [name, check] of Object.entries(CHECKS)) {
    if (!Object.hasOwn(options, name) || options[name] === undefined || options[name] === null) continue;
    check(options[name]);
    found ??= { __proto__: null };
    found[name] = options[name];
  }
  return found;
}

// Names are crib's, and the host's own come first; but the package has some, which are files to crib.
function absolute(name) {
  if (name.includes('/')) return path.resolve(name);
  if (fs.existsSync(`/etc/crib/policies/${name}.yaml`)) return name;
  const own = path.join(root, 'policies', `${name}.yaml`);
  return /^[\w-]+$/.test(name) && fs.existsSync(own) ? own : name;
}

/** The fields of a StubRequest that name the policy. */
function policyFields(extras, fallback) {
  const policy = extras.policy ?? (process.env.CRIB_POLICY || fallback);
  if (typeof policy === 'string' && !extras.limits) return { policy: absolute(policy) };
  const own = typeof policy === 'string' ? { extends: [absolute(policy)] } : { ...policy };
  if (extras.limits) own.limits = { ...own.limits, ...extras.limits };
  return { own_policy: JSON.stringify(own) };
}

/** The fields of a StubRequest that add to what is seen inside. */
function viewFields(extras, cwd) {
  const binds = (extras.binds ?? []).map((entry) => {
    const { source, target, write } = isObject(entry) ? entry : { source: entry };
    return { source: path.resolve(cwd, source), target, write };
  });
  const vars = Object.entries(extras.vars ?? {}).map(([name, value]) => `${name}=${value}`);
  return { binds, vars };
}

/** What is asked where nothing is: no prototype of anybody's has a say. */
const NONE = Object.freeze({ __proto__: null });

module.exports = { NONE, ours, policyFields, viewFields };
