// SPDX-License-Identifier: Apache-2.0
// spawn, exec, execFile and fork: Node's own, whose children are walled.
'use strict';

const { promisify } = require('util');
const { real } = require('./real.js');
const { within } = require('./child.js');
const { NONE, ours } = require('./options.js');

// The options are the first object behind the file, however many arguments there are.
function optionsOf(args) {
  return args.slice(1).find((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
}

function call(name, args) {
  const extras = ours(optionsOf(args)) ?? NONE;
  return within({ extras }, () => real[name](...args));
}

/* eslint-disable no-unused-vars -- the lengths are Node's */
function spawn(file, args, options) {
  return call('spawn', [...arguments]);
}

function exec(command, options, callback) {
  return call('exec', [...arguments]);
}

function execFile(file, args, options, callback) {
  return call('execFile', [...arguments]);
}

function fork(modulePath, args, options) {
  return call('fork', [...arguments]);
}

// The promise has the child as a property, and a failure the output.
function promising(original) {
  return (...args) => {
    let settle;
    const promise = new Promise((resolve, reject) => { settle = { resolve, reject }; });
    promise.child = original(...args, (error, stdout, stderr) => {
      if (error) settle.reject(Object.assign(error, { stdout, stderr }));
      else settle.resolve({ stdout, stderr });
    });
    return promise;
  };
}

for (const original of [exec, execFile]) {
  Object.defineProperty(original, promisify.custom, { enumerable: false, value: promising(original) });
}

module.exports = { exec, execFile, fork, optionsOf, spawn };
