// SPDX-License-Identifier: Apache-2.0
// What is measured by bench_cluster: HTTP workers that say who they are.
//
//     node serve.js [WORKERS]      none: this one process serves
//
// `PORT` on a line of stdout for each that serves; of crib's workers their primary knows it.
'use strict';

const cluster = require('node:cluster');
const http = require('node:http');

const workers = Number(process.argv[2] || 0);

if (cluster.isPrimary && workers > 0) {
  cluster.on('listening', (worker, at) => console.log(at.port));
  for (let i = 0; i < workers; i++)
    cluster.fork();
} else {
  const body = `worker ${cluster.isWorker ? cluster.worker.id : 0}\n`;
  const server = http.createServer((request, response) => response.end(body));

  server.listen(0, '127.0.0.1', () => {
    if (cluster.isPrimary)
      console.log(server.address().port);
  });
}
