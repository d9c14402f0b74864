// SPDX-License-Identifier: Apache-2.0
// A connection to cribd.

import process from 'node:process';
import { CribError } from './errors.js';
import { decode, encode, errorOf, methods, number, type } from './messages.js';
import { spawnRequest, stdioOf } from './request.js';
import { Task } from './task.js';
import { Connection } from './ttrpc.js';

const SERVICE = 'crib.Executor';
const MAX_BUFFER = 1024 * 1024;
const ENOBUFS = 105;

/** Connects to cribd: `path` of its socket, also as `unix:PATH`; none: $CRIB_SOCKET, or /run/crib.sock. */
export async function connect(path) {
  const where = path || process.env.CRIB_SOCKET || '/run/crib.sock';
  return new Client(await Connection.open(where.replace(/^unix:/, '')));
}

/**
 * A connection to cribd, for any number of tasks. They end with the connection that started them,
 * detached ones aside. Options and results are explained in index.d.ts.
 */
export class Client {
  #ask = (method, fields) => this.ask(method, fields);

  constructor(connection) {
    this.connection = connection;
  }

  /** Closes the connection: its tasks are killed, detached ones aside. */
  async close() {
    await this.connection.close();
  }

  /** Whether this connection alone keeps the process running. */
  ref() {
    this.connection.ref();
  }

  unref() {
    this.connection.unref();
  }

  /** Calls a method of executor.proto. timeout: milliseconds until the daemon answers with code 4. */
  async ask(method, fields = {}, { timeout } = {}) {
    const { request, response } = methods[method];
    return decode(response, await this.connection.call(SERVICE, method, encode(request, fields), timeout));
  }

  /** Starts a program. Resolves to its Task. */
  async spawn(file, args = [], options = {}) {
    const stdio = stdioOf(options);
    const answer = await this.ask('Spawn', spawnRequest(file, args, stdio, options));
    return new Task(this.#ask, { id: number(answer.task), pid: answer.pid, stdio });
  }

  /** Starts a program that uses crib/child.h, with a message channel. */
  fork(file, args = [], options = {}) {
    return this.spawn(file, args, { stdio: 'ignore', ...options, channel: true });
  }

  /** Runs a program to its end. Resolves to { status, stdout, stderr, result }. */
  async execFile(file, args = [], { input = '', maxBuffer = MAX_BUFFER, ...options } = {}) {
    const task = await this.spawn(file, args, {
      ...options, stdio: [input.length ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    try {
      task.stdin?.on('error', () => {}).end(input); // it need not want all of it
      const [stdout, stderr] = await Promise.all([task.stdout, task.stderr].map((s) => collect(s, maxBuffer)));
      const result = await task.wait();
      if (result.error) throw result.error;
      return { status: result.status ?? -(result.signal ?? 0), stdout, stderr, result };
    } finally {
      await end(task);
    }
  }

  /** Runs a command line through the shell inside the sandbox, as execFile(). */
  exec(line, { shell = '/bin/sh', ...options } = {}) {
    return this.execFile(shell, ['-c', line], options);
  }

  /**
   * Resolves to a Task by its number: a detached one after a new connection. Streams begin at the
   * oldest byte that is kept; Task.reader() goes on from another.
   */
  async task(id) {
    const found = await this.ask('Inspect', { task: id });
    return new Task(this.#ask, {
      id,
      pid: found.info.pid,
      stdio: [0, ...found.streams.map(({ stream }) => stream)].map((fd) => ({ fd, kind: 'pipe' })),
      offsets: Object.fromEntries(found.streams.map(({ stream, first }) => [stream, number(first)])),
      written: number(found.written),
      sent: number(found.messages_sent),
      received: number(found.messages_received),
    });
  }

  /** Resolves to what the daemon says of itself and of us. */
  async info() {
    const info = await this.ask('Info');
    return {
      version: info.version,
      instance: BigInt(info.instance.toString()),
      uid: info.uid,
      peerUid: info.peer_uid,
      policies: info.policies,
      widest: info.widest,
      tasks: number(info.tasks),
      maxTasks: number(info.max_tasks),
      maxMessage: number(info.max_message),
      draining: info.draining,
    };
  }

  /** Iterates over the TaskInfo of our tasks. */
  async* list() {
    let after = 0;
    for (let more = true; more;) {
      const answer = await this.ask('List', { after });
      yield* answer.tasks;
      after = answer.tasks.at(-1)?.task ?? after;
      more = answer.more && answer.tasks.length > 0;
    }
  }

  /** May this policy, a name or an inline one, be used? Resolves to the effective one, as plain values. */
  async policyCheck(policy) {
    const answer = await this.ask('PolicyCheck', typeof policy === 'string' ? { name: policy } : { policy });
    if (!answer.ok) throw errorOf(answer.error);
    return type('Policy').toObject(answer.effective, { enums: String, longs: Number });
  }

  /** Resolves to what spawn() would do, as YAML of plan.proto. */
  async plan(file, args = [], options = {}) {
    const spawn = spawnRequest(file, args, stdioOf(options), options);
    return (await this.ask('Plan', { spawn })).plan;
  }
}

async function collect(stream, maxBuffer) {
  const parts = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part);
    size += part.length;
    if (size > maxBuffer) {
      throw new CribError(`more than ${maxBuffer} bytes of output`, { code: -ENOBUFS, step: 'output' });
    }
  }
  return Buffer.concat(parts);
}

/* Whatever came, the task is over, and the daemon need not remember it. */
async function end(task) {
  await task.forget()
    .catch(() => task.kill('SIGKILL').then(() => task.wait()).then(() => task.forget()))
    .catch(() => {}); // forgotten already, or the daemon is gone: which has been told
}
