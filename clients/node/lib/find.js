// SPDX-License-Identifier: Apache-2.0
// Finds a program as execvp(3) does, so that what is wrong with it is known before anything is started.
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');

const { ENOENT, EACCES, ENOTDIR } = os.constants.errno;

// 0, or a negative errno.
function runnable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile() ? 0 : -EACCES;
  } catch (error) {
    return error.errno ?? -EACCES;
  }
}

function searched(file, cwd, searchPath) {
  let refused = -ENOENT;
  for (const dir of searchPath.split(':')) {
    const candidate = path.resolve(cwd, dir || '.', file);
    const error = runnable(candidate);
    if (error === 0) return { path: candidate };
    if (error === -EACCES) refused = error;
    else if (error !== -ENOENT && error !== -ENOTDIR) return { error };
  }
  return { error: refused };
}

/** The program's absolute path, or the errno that execvp(3) would have given. */
function findProgram(file, cwd, searchPath) {
  if (file === '') return { error: -ENOENT };
  if (!file.includes('/')) return searched(file, cwd, searchPath ?? '/bin:/usr/bin');
  const whole = path.resolve(cwd, file);
  const error = file.endsWith('/') ? -EACCES : runnable(whole);
  return error === 0 ? { path: whole } : { error };
}

/** 0, or the errno that chdir(2) would have given. */
function checkDirectory(dir) {
  try {
    if (!fs.statSync(dir).isDirectory()) return -ENOTDIR;
    fs.accessSync(dir, fs.constants.X_OK);
    return 0;
  } catch (error) {
    return error.errno ?? -ENOENT;
  }
}

/**
 * What Node can be told to execute, to fail with this errno as it would have with the program; undefined
 * where it knows no other end of such a failure than an exception.
 */
function unrunnable(errno) {
  return { [-ENOENT]: '/proc/self/crib/no-such-program', [-EACCES]: '/dev/null' }[errno];
}

/** Whether execvp(3) would hand the file to a shell: a text without `#!`. */
function isShellText(file) {
  const head = Buffer.alloc(4);
  let fd = -1;
  try {
    fd = fs.openSync(file, 'r');
    const length = fs.readSync(fd, head, 0, 4, 0);
    return head.toString('latin1', 0, 2) !== '#!' && (length < 4 || head.toString('latin1') !== '\x7fELF');
  } catch {
    return false;
  } finally {
    if (fd >= 0) fs.closeSync(fd);
  }
}

module.exports = { checkDirectory, findProgram, isShellText, unrunnable };
