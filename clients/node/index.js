// SPDX-License-Identifier: Apache-2.0
// A client of cribd: run programs in sandboxes, over a Unix socket.

export { Client, connect } from './lib/client.js';
export { Code, ConnectionLost, CribError, OutputLost } from './lib/errors.js';
export { Input, Output } from './lib/streams.js';
export { Task } from './lib/task.js';
