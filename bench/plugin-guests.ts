import { startInProcess } from '../src/plugin-host/runtime/in-process.ts';
import { createSandboxes } from '../src/plugin-host/runtime/sandbox.ts';
import { LIMITS } from '../src/registry/server-manifest/limits.ts';

const SCRIPT = Buffer.from(`export default {
  'tool.call': (params) => params,
  'plugin.health': () => { for (;;); },
};`);

const host = { callback: async () => ({}) };

const { start } = createSandboxes({ graceMs: 50 });

/** A server part that gives back what it gets, and never ends its `plugin.health`. */
export const startGuest = () =>
  start(
    { id: 'bench', version: '1.0.0', digest: '', script: SCRIPT },
    { limits: { ...LIMITS, cpuSliceMs: 100 }, host },
  );

/** The same, as Waymark's own server parts run. */
export const startBuiltin = () =>
  startInProcess(() => ({ 'tool.call': (params) => params }), { host });
