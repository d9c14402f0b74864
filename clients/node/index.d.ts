// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />

import * as childProcess from 'node:child_process';
import nodeCluster = require('node:cluster');

declare namespace crib {
  /** A policy's fields, as in a policy file: docs/policy.md. */
  type Policy = Record<string, unknown>;

  /** Limits of a policy: `{ memory: '128M', cpu_time: '10s', open_files: 64 }`. */
  type Limits = Record<string, string | number>;

  interface Walls {
    /** A name, a path, or a policy itself. Default: CRIB_POLICY; `node` for a script with a channel, else `default`. */
    policy?: string | Policy;
    /** Laid over the policy's. */
    limits?: Limits;
    /** Whether `receipt` is to be had at the end. */
    receipt?: boolean;
    /** Paths of the host that are seen inside as well, read-only unless `write`. */
    binds?: (string | { source: string; target?: string; write?: boolean })[];
    /** What the policy's `${NAME}` stand for. */
    vars?: Record<string, string>;
  }

  /** What was refused, and why. `program` and `object` come from the task: they may be forged. */
  interface Denial {
    by: 'filter' | 'files' | 'limit';
    /** "socket" */
    call: string;
    /** "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)" */
    text: string;
    /** "EPERM" */
    answer: string;
    /** Inside the sandbox. */
    pid: number;
    count: number;
    program: string;
    object: string;
    /** The entry of the policy that refused it; "": no entry names it. */
    rule: string;
    /** What would allow it. */
    edit: string;
  }

  /** Times in milliseconds, memory in bytes. */
  interface Usage {
    userTime: number;
    systemTime: number;
    wallTime: number;
    peakMemory: number;
    /** 0: not known. */
    peakPids: number;
    readBytes: number;
    writtenBytes: number;
  }

  interface Receipt {
    mechanism: string;
    asked: string;
    applied: string;
  }

  type Verdict = 'exited' | 'signaled' | 'wall_timeout' | 'output' | 'filter' | 'setup_failed' | 'killed'
    | 'cpu_timeout' | 'memory' | 'pids';

  interface Told {
    /** The first 64. */
    readonly denied: Denial[];
    /** null before the end, or where the stub itself was killed. */
    readonly verdict: Verdict | null;
    readonly usage: Usage | null;
    /** null unless it was asked for. */
    readonly receipt: Receipt[] | null;
    /** The limit that was reached. */
    readonly limit: string | null;
  }

  class ChildProcess extends childProcess.ChildProcess {
    readonly denied: Denial[];
    readonly verdict: Verdict | null;
    readonly usage: Usage | null;
    readonly receipt: Receipt[] | null;
    readonly limit: string | null;
    on(event: 'denied', listener: (denial: Denial) => void): this;
    on(event: 'close' | 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): this;
    on(event: 'disconnect' | 'spawn', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'message', listener: (message: childProcess.Serializable, handle: childProcess.SendHandle) => void): this;
    on(event: string, listener: (...args: any[]) => void): this;
  }

  type Streams = { stdin: NonNullable<ChildProcess['stdin']>; stdout: NonNullable<ChildProcess['stdout']>; stderr: NonNullable<ChildProcess['stderr']> };
  type Callback<T> = (error: childProcess.ExecException | null, stdout: T, stderr: T) => void;

  function spawn(file: string, options?: childProcess.SpawnOptionsWithoutStdio & Walls): ChildProcess & Streams;
  function spawn(file: string, args?: readonly string[], options?: childProcess.SpawnOptionsWithoutStdio & Walls): ChildProcess & Streams;
  function spawn(file: string, options: childProcess.SpawnOptions & Walls): ChildProcess;
  function spawn(file: string, args: readonly string[], options: childProcess.SpawnOptions & Walls): ChildProcess;

  function exec(command: string, callback?: Callback<string>): ChildProcess & Streams;
  function exec(command: string, options: { encoding: 'buffer' | null } & childProcess.ExecOptions & Walls, callback?: Callback<Buffer>): ChildProcess & Streams;
  function exec(command: string, options: childProcess.ExecOptions & Walls & { encoding?: string | null }, callback?: Callback<string>): ChildProcess & Streams;

  function execFile(file: string, callback?: Callback<string>): ChildProcess & Streams;
  function execFile(file: string, args: readonly string[], callback?: Callback<string>): ChildProcess & Streams;
  function execFile(file: string, options: childProcess.ExecFileOptions & Walls, callback?: Callback<string>): ChildProcess & Streams;
  function execFile(file: string, args: readonly string[] | undefined, options: childProcess.ExecFileOptions & Walls, callback?: Callback<string>): ChildProcess & Streams;

  function fork(modulePath: string | URL, options?: childProcess.ForkOptions & Walls): ChildProcess;
  function fork(modulePath: string | URL, args?: readonly string[], options?: childProcess.ForkOptions & Walls): ChildProcess;

  function spawnSync(file: string, options: { encoding: BufferEncoding } & childProcess.SpawnSyncOptions & Walls): childProcess.SpawnSyncReturns<string> & Told;
  function spawnSync(file: string, args: readonly string[], options: { encoding: BufferEncoding } & childProcess.SpawnSyncOptions & Walls): childProcess.SpawnSyncReturns<string> & Told;
  function spawnSync(file: string, options?: childProcess.SpawnSyncOptions & Walls): childProcess.SpawnSyncReturns<Buffer> & Told;
  function spawnSync(file: string, args?: readonly string[], options?: childProcess.SpawnSyncOptions & Walls): childProcess.SpawnSyncReturns<Buffer> & Told;

  function execSync(command: string, options: { encoding: BufferEncoding } & childProcess.ExecSyncOptions & Walls): string;
  function execSync(command: string, options?: childProcess.ExecSyncOptions & Walls): Buffer;

  function execFileSync(file: string, options: { encoding: BufferEncoding } & childProcess.ExecFileSyncOptions & Walls): string;
  function execFileSync(file: string, args: readonly string[], options: { encoding: BufferEncoding } & childProcess.ExecFileSyncOptions & Walls): string;
  function execFileSync(file: string, options?: childProcess.ExecFileSyncOptions & Walls): Buffer;
  function execFileSync(file: string, args?: readonly string[], options?: childProcess.ExecFileSyncOptions & Walls): Buffer;

  /** Node's cluster, whose workers are walled: `cluster.setupPrimary({ exec, policy: 'node' })`. */
  const cluster: nodeCluster.Cluster & { setupPrimary(settings?: nodeCluster.ClusterSettings & Walls): void };
}

export = crib;
