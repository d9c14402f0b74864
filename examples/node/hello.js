// SPDX-License-Identifier: Apache-2.0
// The parent greets, the child greets back. Both halves are here, and neither knows of crib:
//
//     node hello.js                                      Node's parent and child
//     echo '{"hello":"child"}' | crib fork hello.js      the same child in a sandbox
'use strict';

const { fork } = require('node:child_process');

function parent() {
  const child = fork(__filename);

  child.on('message', (message) => {
    console.log('parent got:', message);
    child.disconnect();
  });
  child.on('exit', (code) => console.log('child exited with', code));
  child.send({ hello: 'child' });
}

function child() {
  process.on('message', (message) => {
    console.log('child got:', message);
    process.send({ hello: 'parent' });
  });
}

if (process.send)
  child();
else
  parent();
