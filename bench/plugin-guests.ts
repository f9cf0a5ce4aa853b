import { createSandboxes } from '../src/plugin-host/runtime/sandbox.ts';
import { LIMITS } from '../src/registry/server-manifest/limits.ts';

const SCRIPT = Buffer.from(`export default {
  'tool.call': (params) => params,
  'plugin.health': () => { for (;;); },
};`);

const { start } = createSandboxes({ graceMs: 50 });

/** A server part that gives back what it gets, and never ends its `plugin.health`. */
export const startGuest = () =>
  start(
    { id: 'bench', version: '1.0.0', digest: '', script: SCRIPT },
    { limits: { ...LIMITS, cpuSliceMs: 100 }, host: { callback: async () => ({}) } },
  );
