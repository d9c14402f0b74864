// SPDX-License-Identifier: Apache-2.0
// A client of cribd: run programs in sandboxes, over a Unix socket.

export { Client, connect } from './client.js';
export { Code, ConnectionLost, CribError, OutputLost } from './errors.js';
export { Input, Output } from './streams.js';
export { Task } from './task.js';
