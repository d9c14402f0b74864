// SPDX-License-Identifier: Apache-2.0
// A child that doubles even numbers, refuses odd ones, and leaves when it is told `done`:
//
//     node doubler.js 20 21
//     echo '{"cmd":"double","number":20}' | crib fork doubler.js
'use strict';

const { fork } = require('node:child_process');

function double(number) {
  if (!Number.isInteger(number))
    return { error: 'this is no whole number' };
  if (number % 2 !== 0)
    return { error: 'the number is odd' };
  return { answer: 2 * number };
}

function child() {
  process.on('message', ({ cmd, number }) => {
    if (cmd === 'double')
      process.send(double(number));
    else if (cmd === 'done')
      process.disconnect();
    else
      process.send({ error: `no such command: ${cmd}` });
  });
}

function parent(numbers) {
  const child = fork(__filename);
  const ask = () => {
    if (numbers.length > 0)
      child.send({ cmd: 'double', number: Number(numbers.shift()) });
    else
      child.send({ cmd: 'done' });
  };

  child.on('message', (message) => {
    console.log(message);
    ask();
  });
  child.on('exit', (code) => console.log('child exited with', code));
  ask();
}

if (process.send)
  child();
else
  parent(process.argv.length > 2 ? process.argv.slice(2) : ['20', '21']);
