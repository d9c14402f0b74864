// SPDX-License-Identifier: Apache-2.0
// ttrpc: requests out, responses in, over one Unix socket.
//
// A frame is ten bytes, u32 big-endian length, u32 big-endian stream id, u8 type, u8 flags, and the
// payload. Any number of calls can be under way at once.

import net from 'node:net';
import { Code, ConnectionLost, CribError } from './errors.js';
import { decode, encode, errorOf, type } from './messages.js';

const HEADER = 10;
const MAX = 4 * 1024 * 1024;
const REQUEST = 1;
const RESPONSE = 2;
const ETIMEDOUT = 110;
const EMSGSIZE = 90;

const Request = type('ttrpc.Request');
const Response = type('ttrpc.Response');
const Detail = type('Error');

function errorOfStatus(status) {
  const detail = status.details.find((any) => any.type_url.endsWith('/crib.Error'));
  if (detail) return errorOf(decode(Detail, detail.value), status.code);
  return new CribError(status.message, { status: status.code });
}

/** A connection to a ttrpc server. */
export class Connection {
  #socket;
  #pending = new Map();
  #next = 1;
  #lost = null;
  #chunks = [];
  #held = 0;

  /**
   * Milliseconds by which an answer may be later than the deadline that the server was told; after
   * that the call fails here.
   */
  grace = 5000;

  /** Resolves when it is connected. */
  static async open(path) {
    const connection = new Connection();
    const socket = net.connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    connection.#take(socket);
    return connection;
  }

  #take(socket) {
    this.#socket = socket;
    socket.removeAllListeners('error');
    socket.on('data', (chunk) => this.#feed(chunk));
    socket.on('error', (error) => this.#lose(`the daemon is gone: ${error.message}`));
    socket.on('close', () => this.#lose('the daemon has closed the connection'));
  }

  /** Resolves to the response's payload. timeout: milliseconds; the deadline that the server keeps. */
  call(service, method, payload, timeout) {
    return new Promise((resolve, reject) => {
      if (this.#lost) throw this.#lost;
      const data = encode(Request, {
        service, method, payload, timeout_nano: timeout === undefined ? 0 : Math.max(1, Math.round(timeout * 1e6)),
      });
      if (data.length > MAX) {
        throw new CribError(`${method}: a request of ${data.length} bytes, at most ${MAX} may be`,
          { code: -EMSGSIZE, status: Code.INVALID_ARGUMENT });
      }
      this.#register(method, timeout, { resolve, reject });
      this.#send(data);
    });
  }

  #register(method, timeout, call) {
    if (this.#next > 0xffffffff) throw new CribError('no stream id is left: connect anew', { status: Code.UNAVAILABLE });
    this.#pending.set(this.#next, call);
    if (timeout === undefined) return;
    call.timer = setTimeout(() => {
      call.reject(new CribError(`${method}: no answer came in time`,
        { code: -ETIMEDOUT, status: Code.DEADLINE_EXCEEDED }));
    }, timeout + this.grace);
  }

  #send(data) {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(data.length, 0);
    header.writeUInt32BE(this.#next, 4);
    header[8] = REQUEST;
    this.#next += 2;
    this.#socket.cork();
    this.#socket.write(header);
    this.#socket.write(data);
    this.#socket.uncork();
  }

  /** Closes; what is under way fails with ConnectionLost. */
  async close() {
    this.#lose('the connection was closed', true);
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once('close', resolve));
  }

  /** Whether this connection alone keeps the process running. */
  ref() {
    this.#socket.ref();
  }

  unref() {
    this.#socket.unref();
  }

  #lose(why, ours = false) {
    this.#lost ??= new ConnectionLost(why, ours);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#lost);
    }
    this.#pending.clear();
    this.#socket.destroy();
  }

  #feed(chunk) {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (!this.#lost && this.#takeFrame());
  }

  /** Returns whether there was a whole frame. */
  #takeFrame() {
    if (this.#held < HEADER) return false;
    if (this.#chunks[0].length < HEADER) this.#chunks = [Buffer.concat(this.#chunks)];
    const head = this.#chunks[0];
    const length = head.readUInt32BE(0);
    if (length > MAX || head[8] !== RESPONSE) {
      this.#lose(`the daemon sent a frame of type ${head[8]} and ${length} bytes`);
      return false;
    }
    if (this.#held < HEADER + length) return false;
    const data = this.#chunks.length === 1 ? head : Buffer.concat(this.#chunks);
    this.#chunks = data.length > HEADER + length ? [data.subarray(HEADER + length)] : [];
    this.#held = data.length - HEADER - length;
    this.#answer(data.readUInt32BE(4), data.subarray(HEADER, HEADER + length));
    return true;
  }

  #answer(stream, data) {
    let status, payload, error;
    try {
      ({ status, payload } = decode(Response, data));
      error = status?.code ? errorOfStatus(status) : null;
    } catch (fault) {
      this.#lose(`the daemon sent what is not understood: ${fault.message}`);
      return;
    }
    const call = this.#pending.get(stream);
    if (!call) return;
    this.#pending.delete(stream);
    clearTimeout(call.timer);
    if (error) call.reject(error);
    else call.resolve(payload.length ? payload : Buffer.alloc(0));
  }
}
