// SPDX-License-Identifier: Apache-2.0
// The Node client against a server that answers as nobody should.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Code, ConnectionLost, CribError, OutputLost, connect } from 'crib/client';

const dir = mkdtempSync(path.join(tmpdir(), 'crib-'));
after(() => rmSync(dir, { recursive: true }));
let sockets = 0;

/* Protobuf by hand, so that the client's own encoder is not what it is compared with. */
const varint = (n) => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);
const bytes = (number, data) => Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(data.length)]), Buffer.from(data)]);
const integer = (number, n) => Buffer.from([...varint(number * 8), ...varint(n)]);

function frame(stream, payload = '', { kind = 2, status } = {}) {
  const data = Buffer.concat([status ? bytes(1, status) : Buffer.alloc(0), bytes(2, payload)]);
  const header = Buffer.alloc(10);
  header.writeUInt32BE(data.length);
  header.writeUInt32BE(stream, 4);
  header[8] = kind;
  return Buffer.concat([header, data]);
}

/** A server whose `talk` gets the connection when `size` bytes have come, and those bytes. */
async function served(size, talk, use) {
  const where = path.join(dir, `${++sockets}`);
  const server = net.createServer((conn) => {
    let got = Buffer.alloc(0);
    conn.on('error', () => {});
    conn.on('data', (data) => {
      const before = got.length;
      got = Buffer.concat([got, data]);
      if (before < size && got.length >= size) talk(conn, got);
    });
  });
  await new Promise((resolve) => server.listen(where, resolve));
  const client = await connect(where);
  try {
    await use(client);
  } finally {
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

const REQUEST = 10 + 12; // bytes of call('s', 'm', 'p') without a deadline: 10 + 9
const call = (client, timeout) => client.connection.call('s', 'm', Buffer.from('p'), timeout);

/** Whatever is answered so, all calls fail. */
const lost = (name, answer) => test(name, () => served(2 * (REQUEST - 3), answer, async (client) => {
  await Promise.all([call(client), call(client)].map((one) => assert.rejects(one, ConnectionLost)));
  await assert.rejects(call(client), ConnectionLost);
}));

test('the bytes of a request', () => served(REQUEST, (conn, got) => {
  conn.end(frame(1, got.equals(Buffer.from(
    '0000000c000000010100' + '0a0173' + '12016d' + '1a0170' + '20e807', 'hex')) ? 'right' : got.toString('hex')));
}, async (client) => assert.equal((await call(client, 0.001)).toString(), 'right')));

test('answers out of order, in pieces', () => served(2 * (REQUEST - 3), async (conn) => {
  for (const byte of Buffer.concat([frame(3, 'second'), frame(99, "nobody's"), frame(1, 'first')])) {
    await new Promise((resolve) => conn.write(Buffer.from([byte]), resolve));
  }
}, async (client) => {
  const answers = await Promise.all([call(client), call(client)]);
  assert.deepEqual(answers.map(String), ['first', 'second']);
}));

lost('gone in the middle of an answer', (conn) => conn.end(frame(1, 'x'.repeat(100)).subarray(0, 50)));
lost('a length of 4 GiB', (conn) => conn.write(Buffer.from('ffffffff000000010200', 'hex')));
lost('a type that is unknown', (conn) => conn.write(frame(1, '', { kind: 3 })));
lost('rubbish', (conn) => conn.write(Buffer.from('00000002000000010200ffff', 'hex')));

test('the detail of an error', () => {
  const detail = Buffer.concat([bytes(2, 'mounts'), bytes(3, 'mounts[2] /x: not there'), integer(5, 2)]);
  const any = Buffer.concat([bytes(1, 'type.googleapis.com/crib.Error'), bytes(2, detail)]);
  const status = Buffer.concat([integer(1, 5), bytes(2, 'short'), bytes(3, any)]);
  return served(REQUEST - 3, (conn) => conn.write(frame(1, '', { status })), (client) => assert.rejects(
    call(client), { name: 'CribError', message: 'mounts[2] /x: not there', step: 'mounts', status: 5, index: 2, subject: null }));
});

test('no answer in time', () => served(REQUEST, () => {}, async (client) => {
  client.connection.grace = 10;
  await assert.rejects(call(client, 10), { status: Code.DEADLINE_EXCEEDED });
}));

test('a request that is too large', () => served(REQUEST - 3, (conn) => conn.write(frame(1, 'fine')), async (client) => {
  const large = client.connection.call('s', 'm', Buffer.alloc(4 << 20));
  await assert.rejects(large, (error) => error instanceof CribError && error.code === -90);
  assert.equal((await call(client)).toString(), 'fine');
}));

test('fields that the schema does not have', () => served(1, () => {}, async (client) => {
  await assert.rejects(client.spawn('true', [], { policy: { mountz: [] } }), TypeError);
  await assert.rejects(client.spawn('true', [], { policy: { landlock: 'perhaps' } }), TypeError);
  await assert.rejects(client.spawn('true', [], { stdio: ['inherit'] }), TypeError);
}));

test('errors are what they are', () => {
  const error = new OutputLost(5, 7);
  assert.deepEqual([error.name, error.offset, error.lost, error instanceof CribError], ['OutputLost', 5, 7, true]);
});
