// SPDX-License-Identifier: Apache-2.0
// HTTP workers that share a port. Each destroys itself at its third request, and is replaced:
//
//     node cluster.js                    Node's primary, which is the first half of this file
//     crib cluster -n 2 cluster.js       crib's primary: only the second half runs, in sandboxes
'use strict';

const cluster = require('node:cluster');
const http = require('node:http');

const REQUESTS = 3;
const port = Number(process.env.PORT || 8080);

function primary(workers) {
  cluster.on('fork', (worker) => console.log(`fork ${worker.id} (pid ${worker.process.pid})`));
  cluster.on('online', (worker) => console.log(`online ${worker.id}`));
  cluster.on('listening', (worker, at) => {
    console.log(`listening ${worker.id} ${at.address || '*'}:${at.port}`);
  });
  cluster.on('message', (worker, message) => console.log(`message ${worker.id}`, message));
  cluster.on('disconnect', (worker) => console.log(`disconnect ${worker.id}`));
  cluster.on('exit', (worker, code, signal) => {
    console.log(`exit ${worker.id} (${signal || code})`);
    cluster.fork();
  });
  for (let i = 0; i < workers; i++)
    cluster.fork();
}

function worker() {
  const { id } = cluster.worker;
  let count = 0;

  const server = http.createServer((request, response) => {
    count++;
    process.send({ id, pid: process.pid, count });
    if (count === REQUESTS)
      response.on('close', () => cluster.worker.destroy());
    response.setHeader('Connection', 'close');
    response.end(`worker ${id}, request ${count}\n`);
  });

  server.listen(port);
}

if (cluster.isPrimary)
  primary(2);
else
  worker();
