// SPDX-License-Identifier: Apache-2.0
// A task of the daemon.

import { EventEmitter } from 'node:events';
import { State, denialOf, errorOf, number, resultOf } from './messages.js';
import { signalNumber } from './request.js';
import { CHUNK, Input, Output, WAIT } from './streams.js';

const READS = ['pipe', 'pty'];
const EAGAIN = 11;

/**
 * A program in its sandbox: made by Client.spawn(), fork() and task(). Events: started, denied, error,
 * exit, disconnect, close, message, lost; index.d.ts explains them.
 */
export class Task extends EventEmitter {
  #ask;
  #outputs = new Map();
  #sent;
  #received;
  #sending = Promise.resolve();
  #receiving = Promise.resolve();
  #pumping = false;
  #exited = resolvers();
  #closed = resolvers();

  constructor(ask, { id, pid, stdio, offsets = {}, written = 0, sent = 0, received = 0 }) {
    super();
    this.#ask = ask;
    this.id = id;
    this.pid = pid;
    this.#sent = sent;
    this.#received = received;
    for (const { fd, kind } of stdio) {
      if (fd === 0 && READS.includes(kind)) this.stdin = new Input(ask, id, written);
      if (fd > 0 && READS.includes(kind)) this.#outputs.set(fd, this.reader(fd, offsets[fd] ?? 0));
    }
    this.stdin ??= null;
    this.stdout = this.stream(1);
    this.stderr = this.stream(2);
    for (const { promise } of [this.#exited, this.#closed]) promise.catch(() => {}); // told where it is awaited
    this.on('newListener', (name) => name === 'message' && this.#pump());
    setImmediate(() => this.#watch()); // when listeners have been added
  }

  /** The Readable of another piped fd; null. */
  stream(fd) {
    return this.#outputs.get(fd) ?? null;
  }

  /**
   * A new Readable of a stream, from an offset on. Asking for an offset lets the daemon forget all
   * before it, except of a detached task, which keeps its last bytes: there one can go back.
   */
  reader(fd, offset) {
    return new Output(this.#ask, this.id, fd, offset);
  }

  /** Resolves to the Result when the program has ended. */
  wait() {
    return this.#exited.promise;
  }

  /** Resolves to the Result when nothing of the task is left, and all of its output was read. */
  closed() {
    return this.#closed.promise;
  }

  /** Sends a signal, by name or number. SIGKILL ends everything that the task has started, too. */
  async kill(signal = 'SIGTERM') {
    await this.#ask('Kill', { task: this.id, signal: signalNumber(signal) });
  }

  /** Sends the task's killSignal, and SIGKILL a second later. */
  async abort() {
    await this.#ask('Kill', { task: this.id, abort: true });
  }

  /** Sets the size of its terminal. */
  async resize({ rows, columns }) {
    await this.#ask('Resize', { task: this.id, rows, columns });
  }

  /** The daemon need not remember it any more. It must have ended. */
  async forget() {
    await this.#ask('Forget', { task: this.id });
  }

  /** Resolves to an InspectResponse of executor.proto. */
  inspect() {
    return this.#ask('Inspect', { task: this.id });
  }

  /** Sends a message to a forked task. Resolves when the daemon has it. */
  send(type, data = '') {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    return this.#inTurn(() => this.#sendChunks(type, bytes));
  }

  /** Ends the channel, after all that was sent. */
  disconnect() {
    return this.#inTurn(() => this.#sendChunk({ message: this.#sent + 1, disconnect: true }));
  }

  /** Resolves to the next message, { type, data, fds }; null when the channel has ended. */
  receive() {
    this.#receiving = this.#receiving.catch(() => {}).then(() => this.#receiveChunks());
    return this.#receiving;
  }

  /** Iterates over messages until the channel has ended. */
  async* messages() {
    for (let message = await this.receive(); message; message = await this.receive()) yield message;
  }

  #inTurn(send) {
    this.#sending = this.#sending.catch(() => {}).then(send);
    return this.#sending;
  }

  async #sendChunks(type, bytes) {
    const message = this.#sent + 1;
    let offset = 0;
    do {
      const data = bytes.subarray(offset, offset + CHUNK);
      const last = offset + data.length === bytes.length;
      await this.#sendChunk({ message, offset, last, type: offset === 0 ? type : '', data });
      offset += data.length;
    } while (offset < bytes.length);
    this.#sent = message;
  }

  async #sendChunk(fields) {
    for (;;) {
      try {
        await this.#ask('Send', { task: this.id, wait: WAIT, ...fields });
        return;
      } catch (error) {
        if (error.code !== -EAGAIN) throw error; // else the task does not read: it may again
      }
    }
  }

  async #receiveChunks() {
    const parts = [];
    let offset = 0;
    for (;;) {
      const answer = await this.#ask('Receive', { task: this.id, message: this.#received + 1, offset, wait: WAIT });
      if (!number(answer.message)) {
        if (answer.end) return null;
        continue;
      }
      if (answer.data.length) parts.push(answer.data); // an empty one need not be a Buffer
      offset += answer.data.length;
      if (answer.last) {
        this.#received++;
        return { type: answer.type, data: Buffer.concat(parts), fds: answer.fds };
      }
    }
  }

  /* Emits `message` for each, from the first listener on. */
  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for await (const message of this.messages()) this.emit('message', message);
    } catch (error) {
      this.#fail(error);
    }
  }

  /* Follows what happens until nothing of the task is left. */
  async #watch() {
    let after = 0;
    try {
      for (;;) {
        const answer = await this.#ask('Wait', { task: this.id, after, wait: WAIT });
        this.pid = answer.pid || this.pid;
        if (number(answer.lost)) this.emit('lost', number(answer.lost));
        for (const { number: n, event } of answer.events) {
          after = number(n);
          this.#tell(event);
        }
        if (answer.state >= State.ENDING) this.#exited.resolve(resultOf(answer.result));
        if (answer.state === State.ENDED) {
          this.#closed.resolve(resultOf(answer.result));
          this.emit('close', resultOf(answer.result));
          return;
        }
      }
    } catch (error) {
      this.#exited.reject(error);
      this.#closed.reject(error);
      this.#fail(error);
    }
  }

  #tell(event) {
    if (event.denied) this.emit('denied', denialOf(event.denied));
    else if (event.error) this.#fail(errorOf(event.error));
    else if (event.result) this.emit('exit', resultOf(event.result));
    else if (event.disconnected) this.emit('disconnect');
    else if (event.started) this.emit('started');
  }

  /* wait() and what else was called tell of it too: nobody has to listen. */
  #fail(error) {
    if (this.listenerCount('error')) this.emit('error', error);
  }
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
