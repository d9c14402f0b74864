// SPDX-License-Identifier: Apache-2.0
/*
 * What a child may say to Node itself over its channel.
 *
 * Node trusts its children: text that is no JSON, a handle of an unknown type or a cluster's message
 * with odd members is an exception in the parent, and a worker may have it bind any address. A child
 * in a sandbox is trusted with none of that. docs/decisions/0011-clusters.md has the same for crib's
 * own primary.
 */
'use strict';

const net = require('net');
const os = require('os');

const { EACCES, EINVAL } = os.constants.errno;

const STREAMS = new Set(['TCP', 'Pipe']);
const HANDLES = {
  'net.Socket': STREAMS,
  'net.Server': STREAMS,
  'net.Native': STREAMS,
  'dgram.Socket': new Set(['UDP']),
  'dgram.Native': new Set(['UDP']),
};
const NOTES = new Set([
  'NODE_SOCKET_NOTIFY_CLOSE', 'NODE_SOCKET_ALL_CLOSED', 'NODE_SOCKET_GET_COUNT',
  'NODE_SOCKET_COUNT', 'NODE_DEBUG_ENABLED',
]);
const ACTS = new Set(['online', 'listening', 'close', 'exitedAfterDisconnect']);

const isText = (value) => typeof value === 'string';
const isNumber = (value) => Number.isSafeInteger(value);

/** Parts of an entry of a policy's `listen`: tcp:HOST:PORT, udp:HOST:PORT, unix:PATH. */
function entryOf(text) {
  const [, kind, rest] = /^(\w+):(.*)$/s.exec(text) ?? [];
  if (kind === 'unix') return { kind, path: rest };
  const [, host, ports] = /^(.*):([^:]+)$/s.exec(rest ?? '') ?? [];
  const [low, high = low] = (ports ?? '').split('-');
  const range = ports === '*' ? [0, 65535] : [Number(low), Number(high)];
  return { kind, host: host?.replace(/^\[(.*)\]$/s, '$1'), range };
}

// `DIR/*` is every name in that directory, not below it.
function pathFits(wanted, file) {
  if (!wanted.endsWith('/*')) return file === wanted;
  const dir = wanted.slice(0, -1);
  const name = file.slice(dir.length);
  return file.startsWith(dir) && name !== '' && !name.includes('/') && name !== '.' && name !== '..';
}

// The host that may be served, null for every one; undefined: none.
function hostFor(entry, kind, address, port) {
  if (entry.kind !== kind || port < entry.range[0] || port > entry.range[1]) return undefined;
  if (!address) return entry.host === '*' ? null : entry.host;
  return entry.host === '*' || entry.host === address ? address : undefined;
}

const addressOf = (host) => ({ address: host, addressType: host === null || net.isIPv6(host) ? 6 : 4 });

/**
 * What a worker may have bound of what it asks for: the message, with the first host that it may serve
 * where it names none; or a negative errno.
 */
function grant(message, listen) {
  const { address, port, addressType, fd } = message;
  if (fd !== undefined && fd !== null && fd !== -1) return -EINVAL;
  const entries = listen.map(entryOf);
  if (port === -1 || addressType === -1) {
    const fits = isText(address) && entries.some((entry) => entry.kind === 'unix' && pathFits(entry.path, address));
    return fits ? message : -EACCES;
  }
  const kind = isText(addressType) ? 'udp' : 'tcp';
  const everywhere = (entry) => entry.host === '*';
  const asked = !address || address === '::' || address === '0.0.0.0' ? null : address;
  const inOrder = [...entries.filter(everywhere), ...entries.filter((entry) => entry.host && !everywhere(entry))];
  for (const entry of inOrder) {
    const host = hostFor(entry, kind, asked, port);
    if (host === undefined) continue;
    if (asked || host === null) return message;
    const { addressType: type } = addressOf(host);
    return { ...message, address: host, addressType: kind === 'udp' ? `udp${type}` : type };
  }
  return -EACCES;
}

function isQuery({ index, address, port, addressType, seq, backlog, flags }) {
  return isNumber(seq) && isNumber(port) && port >= -1 && port <= 65535 && (address == null || isText(address)) &&
    [4, 6, -1, 'udp4', 'udp6', null].includes(addressType) && (index === undefined || isNumber(index)) &&
    (backlog == null || isNumber(backlog) || typeof backlog === 'boolean') && (flags == null || isNumber(flags));
}

function answersQuery(child, message, listen) {
  const granted = isQuery(message) ? grant(message, listen) : -EINVAL;
  if (typeof granted !== 'number') {
    Object.assign(message, granted);
    return true;
  }
  const { address, port, addressType, fd, index } = message;
  const key = `${address}:${port}:${addressType}:${fd}:${index}`;
  child.send({ cmd: 'NODE_CLUSTER', ack: message.seq, errno: granted, key }, () => {});
  return false;
}

function isOfCluster(child, message, listen) {
  if (message.ack !== undefined) return isNumber(message.ack);
  if (message.act === 'queryServer') return answersQuery(child, message, listen);
  if (message.act === 'close') return isText(message.key);
  return ACTS.has(message.act);
}

function isHandle({ type, dgramType, key }, handle) {
  if (!HANDLES[type]?.has(handle.constructor.name)) return false;
  if (type === 'dgram.Socket' && dgramType !== 'udp4' && dgramType !== 'udp6') return false;
  return key === undefined || isText(key);
}

/** Whether an internal message is one that Node can take from this child. What is not is dropped. */
function isAllowed(child, message, handle, listen) {
  switch (message?.cmd) {
    case 'NODE_CLUSTER':
      return isOfCluster(child, message, listen);
    case 'NODE_HANDLE':
      if (!handle || isHandle(message, handle)) return true; // where none came, Node says so
      handle.close();
      child.send({ cmd: 'NODE_HANDLE_ACK' }, () => {});
      return false;
    case 'NODE_HANDLE_ACK':
    case 'NODE_HANDLE_NACK':
      return Array.isArray(child._handleQueue); // one was sent
    default:
      return NOTES.has(message?.cmd);
  }
}

/** What cannot be parsed ends the channel, not the parent. */
function guardChannel(child) {
  const symbol = Object.getOwnPropertySymbols(child).find((one) => one.description === 'kChannelHandle');
  const channel = symbol && child[symbol];
  const onread = channel?.onread;
  if (typeof onread !== 'function') return;
  channel.onread = function guarded(...args) {
    try {
      return onread.apply(this, args);
    } catch (error) {
      const told = Object.assign(error, { code: 'ERR_CRIB_MESSAGE' });
      if (child.connected) child.disconnect();
      if (child.listenerCount('error') > 0) process.nextTick(() => child.emit('error', told));
      return undefined;
    }
  };
}

module.exports = { entryOf, grant, guardChannel, isAllowed };
