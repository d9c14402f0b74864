// SPDX-License-Identifier: Apache-2.0
// A task's streams as streams of Node.

import { Readable, Writable } from 'node:stream';
import { Code, OutputLost } from './errors.js';
import { number } from './messages.js';

export const CHUNK = 1024 * 1024; // bytes of one call
export const WAIT = 30_000; // ms: a call that waits, waits so long at most, and is repeated
const READ_AHEAD = 256 * 1024;

// A connection that is closed here ends its streams without an error: one was asked for.

/** Bytes of a stream, pulled as they are read: who does not read makes the task wait. */
export class Output extends Readable {
  #ask;
  #task;
  #stream;

  /** Of the next byte to be asked for; what is in the stream's buffer lies before it. */
  offset;

  constructor(ask, task, stream, offset) {
    super({ highWaterMark: READ_AHEAD });
    this.#ask = ask;
    this.#task = task;
    this.#stream = stream;
    this.offset = offset;
  }

  _read() {
    this.#pull().catch((error) => this.destroy(error.ours ? null : error));
  }

  async #pull() {
    while (!this.destroyed) {
      const answer = await this.#ask('Read', {
        task: this.#task, stream: this.#stream, offset: this.offset, max: CHUNK, wait: WAIT,
      });
      this.#tell(number(answer.lost));
      this.offset = number(answer.offset) + answer.data.length;
      if (answer.data.length) this.push(answer.data);
      if (answer.end) this.push(null);
      if (answer.data.length || answer.end) return;
    }
  }

  /* Who does not listen for losses gets an error: output with a hole is no output. */
  #tell(lost) {
    if (lost === 0) return;
    if (this.listenerCount('lost') === 0) throw new OutputLost(this.offset, lost);
    this.emit('lost', { offset: this.offset, lost });
  }
}

/** A task's stdin; end() is the end of the input. */
export class Input extends Writable {
  #ask;
  #task;

  /** Of the next byte to be taken. */
  offset;

  constructor(ask, task, offset) {
    super();
    this.#ask = ask;
    this.#task = task;
    this.offset = offset;
  }

  _write(chunk, _encoding, done) {
    this.#push(chunk).then(() => done(), (error) => (error.ours ? this.destroy() : done(error)));
  }

  async #push(chunk) {
    const end = this.offset + chunk.length;
    while (this.offset < end) {
      const rest = chunk.subarray(chunk.length - (end - this.offset));
      try {
        const answer = await this.#ask('Write', {
          task: this.#task, offset: this.offset, data: rest.subarray(0, CHUNK), wait: WAIT,
        });
        this.offset = number(answer.offset);
      } catch (error) {
        throw error.status === Code.FAILED_PRECONDITION ? brokenPipe(error) : error;
      }
    }
  }

  _final(done) {
    this.#ask('CloseStdin', { task: this.#task, offset: this.offset }).then(() => done(), (error) => {
      const over = [Code.FAILED_PRECONDITION, Code.NOT_FOUND].includes(error.status);
      done(over || error.ours ? null : error); // over: the task has ended before its input
    });
  }
}

function brokenPipe(error) {
  return Object.assign(new Error('write EPIPE', { cause: error }), { code: 'EPIPE', syscall: 'write' });
}
