// SPDX-License-Identifier: Apache-2.0
// What can be seen of a child, in a form that two runs can be compared by.
'use strict';

const path = require('path');

const fixture = (name) => path.join(__dirname, 'fixtures', name);

/** An error without its trace. */
function shape(error) {
  if (!error) return error;
  const { name, message, code, errno, syscall, path: file, spawnargs, killed, signal, cmd, status } = error;
  return { name, message, code, errno, syscall, file, spawnargs, killed, signal, cmd, status };
}

/** What a call throws, or what it returns. */
function thrown(call) {
  try {
    return { returned: call() };
  } catch (error) {
    return { threw: shape(error) };
  }
}

/** All that is told of a child until its close, and what it has written. */
function watch(child, { until = 'close' } = {}) {
  const seen = { events: [], out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (piece) => { seen.out += piece; });
  child.stderr?.setEncoding('utf8').on('data', (piece) => { seen.err += piece; });
  for (const name of ['spawn', 'exit', 'disconnect', 'close']) {
    child.on(name, (...args) => seen.events.push([name, ...args]));
  }
  child.on('error', (error) => seen.events.push(['error', shape(error)]));
  return new Promise((resolve) => {
    const done = () => {
      const { exitCode, signalCode, killed, spawnfile, spawnargs } = child;
      resolve({ ...seen, exitCode, signalCode, killed, spawnfile, spawnargs });
    };
    child.on(until, done);
    if (until !== 'close') child.on('close', done); // it never ran
  });
}

/** The arguments of a callback in the style of exec. */
function called(call) {
  return new Promise((resolve) => {
    call((error, stdout, stderr) => resolve({ error: shape(error), stdout, stderr }));
  });
}

/** All that is told of a child with a channel until both it and that have ended, whose order is by chance. */
function watchForked(child) {
  const ends = [];
  if (child.connected) ends.push(new Promise((resolve) => { child.on('disconnect', resolve); }));
  const seen = watch(child, { until: 'exit' });
  return Promise.all([seen, ...ends]).then(([{ events, ...rest }]) => (
    { ...rest, events: events.filter(([name]) => name !== 'disconnect' && name !== 'close') }));
}

/** The messages of a child, and its end. then: called with the child when `count` of them are there. */
async function messages(child, { count = Infinity, then = () => {} } = {}) {
  const got = [];
  child.on('message', (message) => {
    got.push(message);
    if (got.length === count) then(child);
  });
  const { events, out, err } = await watchForked(child);
  return { got, events, out, err };
}

/** A result of the Sync forms without what differs by nature. */
function synced(result) {
  const { status, signal, output, stdout, stderr, error } = result;
  const text = (one) => (Buffer.isBuffer(one) ? `<Buffer ${one}>` : one);
  return {
    status, signal, output: output?.map(text), stdout: text(stdout), stderr: text(stderr), error: shape(error),
    hasPid: result.pid > 0,
  };
}

module.exports = { called, fixture, messages, shape, synced, thrown, watch, watchForked };
