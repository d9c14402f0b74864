// SPDX-License-Identifier: Apache-2.0
// What the stub tells of its task: lines of JSON, each an Event of task.proto.
'use strict';

const MOST_DENIALS = 64; // as the result keeps

// Times in milliseconds, memory in bytes.
function usageOf(told = {}) {
  return {
    userTime: (told.user_time ?? 0) / 1000,
    systemTime: (told.system_time ?? 0) / 1000,
    wallTime: (told.wall_time ?? 0) / 1000,
    peakMemory: told.peak_memory ?? 0,
    peakPids: told.peak_pids ?? 0,
    readBytes: told.read_bytes ?? 0,
    writtenBytes: told.written_bytes ?? 0,
  };
}

const text = (value) => (typeof value === 'object' && value !== null
  ? Buffer.from(value.base64 ?? '', 'base64').toString('latin1') : value ?? '');

function denialOf(told) {
  return {
    by: told.by ?? 'filter',
    call: told.call ?? '',
    text: told.text ?? '',
    answer: told.answer ?? '',
    pid: told.pid ?? 0,
    count: told.count ?? 1,
    program: text(told.program),
    object: text(told.object),
    rule: told.rule ?? '',
    edit: told.edit ?? '',
  };
}

// A stub of another version may say anything.
function eventOf(line) {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return { error: { code: -71, step: 'version', text: `crib-stub says what this package does not know: ${line.slice(0, 80)}` } };
  }
}

class Told {
  started = false;
  failure = null; // an Error of task.proto: it never ran, or was lost
  denied = [];
  verdict = null;
  usage = null;
  receipt = null;
  limit = null;
  listen = null; // the addresses that a worker may serve; null: not known yet

  #rest = '';
  #wantsReceipt;

  constructor(wantsReceipt) {
    this.#wantsReceipt = wantsReceipt;
  }

  /** Takes a piece of text; returns the denials that are new in it. */
  take(piece) {
    const lines = (this.#rest + piece).split('\n');
    const fresh = [];
    this.#rest = lines.pop();
    for (const line of lines) {
      const event = eventOf(line);
      if (event.started) this.started = true;
      if (event.view) this.listen = event.view.listen ?? [];
      if (event.denied) fresh.push(denialOf(event.denied));
      if (event.error) this.#fail(event.error);
      if (event.result) this.#end(event.result);
    }
    this.denied.push(...fresh.slice(0, MOST_DENIALS - this.denied.length));
    return fresh;
  }

  /** A stub that has ended by itself, and told nothing of a task, is none, or has failed. */
  close() {
    if (this.started || this.verdict) return;
    this.failure ??= { code: -71, step: 'stub', text: 'crib-stub ended before it told anything' };
  }

  // While it runs, only the loss of its daemon ends it.
  #fail(error) {
    if (!this.started || error.code === -104) this.failure ??= error;
  }

  #end(result) {
    this.verdict = result.verdict;
    this.usage = usageOf(result.usage);
    this.limit = result.limit ?? null;
    if (result.verdict === 'setup_failed') this.failure ??= result.error ?? { code: -22, text: 'set-up failed' };
    if (this.#wantsReceipt) this.receipt = result.receipt ?? [];
    if (result.denials && !this.denied.length) this.denied = result.denials.map(denialOf);
  }
}

module.exports = { Told };
