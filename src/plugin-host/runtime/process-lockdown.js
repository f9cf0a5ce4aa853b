// @ts-check
// Loaded before the script: what could reach other processes, or get round the permissions.

import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

const REACHING = [
  'kill',
  '_kill',
  'binding',
  '_linkedBinding',
  'dlopen',
  '_debugProcess',
  '_debugEnd',
  'setuid',
  'setgid',
  'seteuid',
  'setegid',
  'setgroups',
  'initgroups',
];

for (const name of REACHING) {
  Object.defineProperty(process, name, { value: undefined, writable: false, configurable: false });
}
Object.defineProperty(os, 'setPriority', { value: undefined, writable: false });
syncBuiltinESMExports();
