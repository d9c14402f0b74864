// SPDX-License-Identifier: Apache-2.0

import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';

/** Status codes of gRPC, as the daemon answers with them. */
export declare const Code: Readonly<Record<
  | 'OK' | 'CANCELLED' | 'UNKNOWN' | 'INVALID_ARGUMENT' | 'DEADLINE_EXCEEDED' | 'NOT_FOUND' | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED' | 'RESOURCE_EXHAUSTED' | 'FAILED_PRECONDITION' | 'ABORTED' | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED' | 'INTERNAL' | 'UNAVAILABLE' | 'DATA_LOSS' | 'UNAUTHENTICATED', number>>;

/** A call that failed, or why a program never ran. `message` is the sentence a person reads. */
export declare class CribError extends Error {
  /** A negative errno; 0: none. */
  code: number;
  /** The mechanism or step that failed: "mounts", "exec". */
  step: string | null;
  /** Of gRPC; null in the result of a task. */
  status: number | null;
  /** Parts of the message. */
  subject: string | null;
  detail: string | null;
  /** Position in a list of the policy or task. */
  index: number | null;
}

/** The daemon is gone, or the connection to it was closed. */
export declare class ConnectionLost extends CribError {
  /** It was closed by close() here. Streams are then destroyed without an error. */
  ours: boolean;
}

/** `lost` bytes of a stream from `offset` on are gone: nobody read them in time. */
export declare class OutputLost extends CribError {
  offset: number;
  lost: number;
}

/** A call that the filter refused. */
export interface Denial {
  /** "socket" */
  call: string;
  /** "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)" */
  text: string;
  /** "EPERM" */
  answer: string;
  /** Inside the sandbox. */
  pid: number;
  /** So many in a row. */
  count: number;
}

/** One thing that the sandbox does, as asked and as it came about. */
export interface Receipt {
  mechanism: string;
  asked: string;
  applied: string;
}

/** How a task ended. Times are milliseconds, memory is bytes. */
export interface Result {
  verdict: 'exited' | 'signaled' | 'wall_timeout' | 'output' | 'filter' | 'setup_failed' | 'killed'
    | 'cpu_timeout' | 'memory' | 'pids';
  /** The exit status; null when there is none. */
  status: number | null;
  /** The signal that ended it; null when none did. */
  signal: number | null;
  /** Why the program never ran. */
  error: CribError | null;
  userTime: number;
  systemTime: number;
  wallTime: number;
  /** Of the whole tree; where there are no cgroups, of the largest process. */
  peakMemory: number;
  /** Processes and threads at once; 0: not known. */
  peakPids: number;
  /** The limit that was reached: 'memory', 'cpu_time'; 'timeout' is the caller's own, 'host' its memory. */
  limit: string | null;
  /** The call that a kill rule of the policy was met by. */
  call: string | null;
  receipt: Receipt[];
  denials: Denial[];
  denialsLost: number;
}

/** A message from a forked task. Its `fds` descriptors cannot be had in Node. */
export interface Message {
  type: string;
  data: Buffer;
  fds: number;
}

/** Fields of proto/policy.proto, as in a policy file; enum values by name. */
export type Policy = Record<string, unknown>;

/** A file that the daemon opens with our rights. mode: fd 0 'read', others 'write' (made or emptied). */
export interface StdioFile {
  path: string;
  mode?: 'read' | 'write' | 'append';
}

export type Stdio = 'pipe' | 'ignore' | 'pty' | StdioFile | null | undefined;

export interface SpawnOptions {
  /** Of the task's descriptors; default: 'pipe' for 0, 1 and 2. */
  stdio?: 'pipe' | 'ignore' | 'pty' | Stdio[];
  /** A name, or an inline policy; default: 'default'. */
  policy?: string | Policy;
  /** Limits of policy.proto, to tighten the policy with. */
  limits?: Record<string, unknown>;
  argv0?: string;
  /** The whole environment; default: what the policy passes of ours. */
  env?: Record<string, string>;
  /** Added to it. */
  envAdd?: Record<string, string>;
  /** Inside the sandbox. */
  cwd?: string;
  /** Host paths to be seen inside. */
  binds?: (string | { source: string; target?: string; write?: boolean })[];
  /** Empty directories in memory; size in bytes. */
  tmpfs?: (string | { target: string; size?: number })[];
  /** Host ids. */
  uid?: number;
  gid?: number;
  /** Milliseconds of wall time; then killSignal, and SIGKILL a second later. */
  timeout?: number;
  /** Default: SIGTERM. */
  killSignal?: NodeJS.Signals | number;
  /** With a message channel. */
  channel?: boolean;
  /** Size of its terminal. */
  terminal?: { rows?: number; columns?: number };
  /** It outlives the connection; Client.task() finds it again. */
  detached?: boolean;
  /** Bytes of each stream that the daemon keeps. */
  buffer?: number;
  /** Free text for list(). */
  label?: string;
}

export interface ExecOptions extends Omit<SpawnOptions, 'stdio'> {
  /** For stdin. */
  input?: string | Buffer;
  /** Bytes of stdout, and of stderr; a program that says more is killed. Default: 1 MiB. */
  maxBuffer?: number;
}

export interface Collected {
  /** The exit status; a negative signal number where a signal ended the program. */
  status: number;
  stdout: Buffer;
  stderr: Buffer;
  result: Result;
}

/** Bytes of a stream, pulled as they are read. Event `lost`: { offset, lost }; else it is an error. */
export declare class Output extends Readable {
  /** Of the next byte to be asked for. */
  offset: number;
}

/** A task's stdin; end() is the end of the input. */
export declare class Input extends Writable {
  /** Of the next byte to be taken. */
  offset: number;
}

export interface TaskEvents {
  /** The program runs. */
  started: [];
  denied: [denial: Denial];
  /** It could not be started, or the connection was lost. Nobody has to listen: wait() tells too. */
  error: [error: CribError];
  /** The program has ended. */
  exit: [result: Result];
  /** The message channel has ended. */
  disconnect: [];
  /** Nothing of the task is left, and all of its output was read. */
  close: [result: Result];
  /** A message; receiving begins with the first listener. */
  message: [message: Message];
  /** So many events are no longer kept. */
  lost: [count: number];
}

/** A program in its sandbox. */
export declare class Task extends EventEmitter<TaskEvents> {
  readonly id: number;
  /** Of the sandbox's first process, in the daemon's pid namespace; 0: not known yet. */
  pid: number;
  readonly stdin: Input | null;
  readonly stdout: Output | null;
  readonly stderr: Output | null;
  /** The stream of another piped descriptor. */
  stream(fd: number): Output | null;
  /**
   * A new stream that reads from an offset on. Asking for an offset lets the daemon forget all before
   * it, except of a detached task, which keeps its last bytes: there one can go back.
   */
  reader(fd: number, offset: number): Output;
  /** Resolves when the program has ended. A task whose output nobody reads waits for that. */
  wait(): Promise<Result>;
  /** Resolves when nothing of the task is left, and all of its output was read. */
  closed(): Promise<Result>;
  /** Sends a signal; default SIGTERM. SIGKILL ends everything that the task has started, too. */
  kill(signal?: NodeJS.Signals | number): Promise<void>;
  /** Sends the task's killSignal, and SIGKILL a second later. */
  abort(): Promise<void>;
  resize(size: { rows: number; columns: number }): Promise<void>;
  /** The daemon need not remember it any more. It must have ended. */
  forget(): Promise<void>;
  /** An InspectResponse of executor.proto. */
  inspect(): Promise<any>;
  /** Sends a message to a forked task. Resolves when the daemon has it. */
  send(type: string, data?: string | Buffer): Promise<void>;
  /** Ends the channel, after all that was sent. */
  disconnect(): Promise<void>;
  /** The next message; null when the channel has ended. Not together with `message` listeners. */
  receive(): Promise<Message | null>;
  messages(): AsyncGenerator<Message>;
}

export interface Info {
  version: string;
  /** Another one: the daemon was started anew, and its tasks are gone. */
  instance: bigint;
  uid: number;
  peerUid: number;
  policies: string[];
  widest: string;
  tasks: number;
  maxTasks: number;
  maxMessage: number;
  draining: boolean;
}

/** A connection to cribd. Tasks end with the connection that started them, detached ones aside. */
export declare class Client {
  close(): Promise<void>;
  /** Whether this connection alone keeps the process running. */
  ref(): void;
  unref(): void;
  /** Starts a program: a path with a slash, or a name searched in PATH inside the sandbox. */
  spawn(file: string, args?: string[], options?: SpawnOptions): Promise<Task>;
  /** Starts a program that uses crib/child.h, with a message channel. Default stdio: 'ignore'. */
  fork(file: string, args?: string[], options?: SpawnOptions): Promise<Task>;
  /** Runs a program to its end. A status other than 0 is no error; a program that never ran is. */
  execFile(file: string, args?: string[], options?: ExecOptions): Promise<Collected>;
  /** Runs a command line through the shell inside the sandbox. */
  exec(line: string, options?: ExecOptions & { shell?: string }): Promise<Collected>;
  /** A task by its number: a detached one after a new connection. */
  task(id: number): Promise<Task>;
  info(): Promise<Info>;
  /** TaskInfo of executor.proto, of each of our tasks. */
  list(): AsyncGenerator<any>;
  /** The effective policy of a name or an inline one; rejects when we may not use it. */
  policyCheck(policy: string | Policy): Promise<Policy>;
  /** What spawn() would do, as YAML of plan.proto. */
  plan(file: string, args?: string[], options?: SpawnOptions): Promise<string>;
  /** Calls any method of executor.proto. timeout: milliseconds until the daemon answers with code 4. */
  ask(method: string, fields?: object, options?: { timeout?: number }): Promise<any>;
}

/** Connects to cribd: `path` of its socket, also as `unix:PATH`; none: $CRIB_SOCKET, or /run/crib.sock. */
export declare function connect(path?: string): Promise<Client>;
