// SPDX-License-Identifier: Apache-2.0
// What can go wrong: every error of the daemon is a CribError.

/** Status codes of gRPC, as the daemon answers with them. */
export const Code = Object.freeze({
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
});

/**
 * A call that failed, or why a program never ran.
 *
 * `message` is the sentence a person reads; `code` a negative errno (0: none), `step` the mechanism
 * or step that failed ("mounts", "exec"; null), `status` the status code of gRPC (null in a result).
 */
export class CribError extends Error {
  constructor(text, { code = 0, step = null, status = null, subject = null, detail = null, index = null } = {}) {
    super(text);
    this.name = new.target.name;
    Object.assign(this, { code, step, status, subject, detail, index });
  }
}

/** The daemon is gone, or the connection to it was closed; `ours`: by close() here. */
export class ConnectionLost extends CribError {
  constructor(text, ours = false) {
    super(text, { code: -104, status: Code.UNAVAILABLE });
    this.ours = ours;
  }
}

/** `lost` bytes of a stream from `offset` on are gone: nobody read them in time. */
export class OutputLost extends CribError {
  constructor(offset, lost) {
    super(`${lost} bytes of output from ${offset} on are lost`, { status: Code.DATA_LOSS });
    this.offset = offset;
    this.lost = lost;
  }
}
