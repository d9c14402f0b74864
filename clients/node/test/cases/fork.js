// SPDX-License-Identifier: Apache-2.0
// fork(), messages and handles.
'use strict';

const net = require('net');
const { pathToFileURL } = require('url');
const { fixture, messages, shape, thrown, watch, watchForked } = require('../observe.js');

const file = fixture('child.js');
const start = (cp, what, options) => cp.fork(file, [].concat(what), options);

// Sends one, gets it back.
async function backAndForth(cp, message, options) {
  const child = start(cp, 'echoOnce', options);
  child.send(message);
  return (await messages(child)).got;
}

function connectTo(port) {
  return new Promise((resolve, reject) => {
    let text = '';
    net.connect(port, '127.0.0.1').setEncoding('utf8').on('data', (piece) => { text += piece; })
      .on('end', () => resolve(text)).on('error', reject);
  });
}

const listening = (server) => new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server.address().port)); });

module.exports = {
  'arguments': (cp) => messages(cp.fork(file, ['args', 'a', 'b c', ''])),
  'a URL': (cp) => messages(cp.fork(pathToFileURL(file), ['args', 'a'])),
  'a name without its ending': (cp) => messages(cp.fork(file.replace(/\.js$/, ''), ['args', 'a'])),
  'options without arguments': (cp) => messages(cp.fork(fixture('says-hello.js'), { env: { A: '1' } })),
  'cwd': (cp) => messages(cp.fork('child.js', ['args', 'x'], { cwd: fixture('') })),
  'an ES module': (cp) => messages(cp.fork(fixture('module.mjs'))),
  'a script that is not there': async (cp) => {
    const { events, err } = await watch(cp.fork('/no/such/script.js', { silent: true }));
    return [events, /Cannot find module/.test(err)];
  },
  'text': (cp) => backAndForth(cp, 'a text with \n and \u2028 and 😀'),
  'an object': (cp) => backAndForth(cp, { a: [1, 2.5, null, true], b: { c: 'd' } }),
  'a number': (cp) => backAndForth(cp, 4.25),
  'false': (cp) => backAndForth(cp, false),
  'null': (cp) => backAndForth(cp, null),
  'half a pair of surrogates': (cp) => backAndForth(cp, '\ud83d'),
  'a megabyte': async (cp) => (await backAndForth(cp, 'x'.repeat(1 << 20)))[0].length,
  'internal looking': (cp) => backAndForth(cp, { cmd: 'NODE' }),
  'a Map, advanced': async (cp) => {
    const child = start(cp, 'advanced', { serialization: 'advanced' });
    child.send(new Map([['a', 1n], ['b', new Date(0)]]));
    return (await messages(child)).got;
  },
  'a Buffer, advanced': async (cp) => {
    const child = start(cp, 'advanced', { serialization: 'advanced' });
    child.send({ bytes: Buffer.from('abc') });
    return (await messages(child)).got;
  },
  'a thousand messages': async (cp) => {
    const { got } = await messages(start(cp, ['many', '1000']));
    return [got.length, got.every((value, i) => value === (i === 999 ? 'last' : i + 1))];
  },
  'a callback of send': async (cp) => {
    const child = start(cp, 'echoOnce');
    const sent = await new Promise((resolve) => { child.send('x', resolve); });
    return [sent, (await messages(child)).got];
  },
  'what send returns': async (cp) => {
    const child = start(cp, 'echoOnce');
    const first = child.send('x');
    await messages(child);
    return first;
  },
  'back-pressure': async (cp) => {
    const child = start(cp, 'stay');
    await new Promise((resolve) => { child.once('message', resolve); });
    let full = true;
    for (let i = 0; i < 2000 && full; i++) full = child.send('x'.repeat(64 << 10));
    child.kill('SIGKILL');
    child.on('error', () => {});
    await watch(child, { until: 'exit' });
    return full;
  },
  'send after the end': async (cp) => {
    const child = start(cp, ['exit', '0']);
    await watch(child);
    const returned = child.send('x', () => {});
    const error = await new Promise((resolve) => { child.on('error', resolve); child.send('y'); });
    return [returned, shape(error)];
  },
  'send after disconnect': async (cp) => {
    const child = start(cp, 'echo');
    child.disconnect();
    const error = await new Promise((resolve) => { child.send('x', resolve); });
    const seen = await watchForked(child);
    return [shape(error), child.connected, seen.events];
  },
  'wrong messages': async (cp) => {
    const child = start(cp, 'stay');
    const errors = [[], [undefined], [() => {}], [Symbol('x')], ['x', {}], ['x', null, 'x'], [10n]]
      .map((args) => thrown(() => child.send(...args)));
    child.kill('SIGKILL');
    await watch(child, { until: 'exit' });
    return errors;
  },
  'wrong messages of the child': (cp) => messages(start(cp, 'sendErrors')),
  'disconnect by the parent': async (cp) => {
    const child = start(cp, 'connected');
    const seen = await messages(child, { count: 1, then: () => child.disconnect() });
    return [seen, child.connected, child.channel];
  },
  'disconnect by the child': async (cp) => {
    const child = start(cp, ['many', '1']);
    const { events } = await watch(child);
    return events.map(([name]) => name).sort();
  },
  'disconnect twice': async (cp) => {
    const child = start(cp, 'echo');
    child.disconnect();
    const error = await new Promise((resolve) => { child.on('error', resolve); child.disconnect(); });
    await watchForked(child);
    return shape(error);
  },
  'a status': (cp) => watch(start(cp, ['exit', '9'])),
  'kill': async (cp) => {
    const child = start(cp, 'stay');
    return messages(child, { count: 1, then: () => child.kill() });
  },
  'a signal that is handled': async (cp) => {
    const child = start(cp, 'stubborn');
    child.once('message', () => child.kill());
    return messages(child, { count: 2, then: () => child.kill('SIGKILL') });
  },
  'silent': (cp) => watch(start(cp, 'speak', { silent: true })),
  'silent, with input': (cp) => {
    const child = start(cp, 'cat', { silent: true });
    child.stdin.end('typed');
    return watch(child);
  },
  'stdio pipe': (cp) => watch(start(cp, 'speak', { stdio: 'pipe' })),
  'stdio with a channel at 4': async (cp) => {
    const child = start(cp, ['args', 'x'], { stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ipc'] });
    return [child.stdio.map(Boolean), await messages(child)];
  },
  'stdio without a channel': (cp) => thrown(() => cp.fork(file, { stdio: ['pipe', 'pipe', 'pipe'] })),
  'an unknown stdio': (cp) => thrown(() => cp.fork(file, { stdio: 'unknown' })),
  'execArgv': (cp) => messages(cp.fork(file, ['execArgv'], { execArgv: ['--no-warnings', '--max-old-space-size=100'] })),
  'execPath': (cp) => messages(cp.fork(file, ['args', 'x'], { execPath: process.execPath })),
  'an execPath that is not there': async (cp) => {
    const { events } = await watch(cp.fork(file, { execPath: '/no/such/node' }));
    return events.filter(([name]) => name !== 'disconnect');
  },
  'argv0': (cp) => messages(cp.fork(file, ['argv0'], { argv0: 'another' })),
  'env': (cp) => messages(cp.fork(file, ['env', 'A'], { env: { A: 'value' } })),
  'no variables of the channel': (cp) => messages(start(cp, 'channelVars')),
  'connected and channel': async (cp) => {
    const child = start(cp, 'echoOnce');
    const before = [child.connected, typeof child.channel, typeof child.channel.ref, child.channel === child._channel];
    child.channel.unref();
    child.channel.ref();
    child.send('x');
    await watch(child);
    return [before, child.connected, child.channel];
  },
  'abort': async (cp) => {
    const stop = new AbortController();
    const child = start(cp, 'stay', { signal: stop.signal });
    child.once('message', () => stop.abort());
    const { events } = await watchForked(child);
    return events;
  },
  'timeout': async (cp) => (await watchForked(start(cp, 'stay', { timeout: 400, killSignal: 'SIGKILL' }))).events,
  'a server': async (cp) => {
    const server = net.createServer();
    const port = await listening(server);
    const child = start(cp, 'serve');
    child.send('serve', server);
    server.close();
    await new Promise((resolve) => { child.once('message', resolve); });
    const said = await connectTo(port);
    child.send('enough');
    await watchForked(child);
    return said;
  },
  'a connection': async (cp) => {
    const child = start(cp, 'socket');
    const server = net.createServer((socket) => { child.send('it is', socket); });
    const said = await connectTo(await listening(server));
    server.close();
    await watchForked(child);
    return said;
  },
  'a channel of spawn': async (cp) => {
    const child = cp.spawn(process.execPath, [file, 'args', 'x'], { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
    return messages(child);
  },
  'no channel of spawn': async (cp) => {
    const child = cp.spawn('true');
    await watch(child);
    return [child.send, child.disconnect, child.connected];
  },
  'wrong types': (cp) => [
    () => cp.fork(), () => cp.fork(1), () => cp.fork(file, 1), () => cp.fork(file, 'x'),
    () => cp.fork(file, [], 1), () => cp.fork(file, [], 'x'), () => cp.fork('a\0'), () => cp.fork(file, ['a\0']),
    () => cp.fork(file, { serialization: 'x' }), () => cp.fork(file, { execPath: 'a\0' }), () => cp.fork(file, { execArgv: ['a\0'] }),
    () => cp.fork(file, { timeout: 'x' }), () => cp.fork(file, { killSignal: 'x' }), () => cp.fork(file, { stdio: 1 }),
  ].map((call) => thrown(() => { call(); })),
};
