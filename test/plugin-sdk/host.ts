import { afterEach, beforeEach } from 'vitest';
import type { GuestCall, WireContext } from '../../src/plugin-sdk/wire.ts';

/** Callbacks as a plugin made them: name and parameters. */
export type Asked = [name: string, params: Record<string, unknown>];

/** A host that answers callbacks by this table, for the tests of one `describe`. */
export function standInHost(answers: Readonly<Record<string, unknown>> = {}): { asked: Asked[] } {
  const asked: Asked[] = [];
  const callSync = (name: string, params: Record<string, unknown>) => {
    asked.push([name, params]);
    return answers[name] ?? {};
  };
  beforeEach(() => {
    asked.length = 0;
    const call = async (name: string, params: Record<string, unknown>) => callSync(name, params);
    Object.assign(globalThis, { waymark: { call, callSync } });
  });
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'waymark');
  });
  return { asked };
}

export const context = (more: Partial<WireContext> = {}): WireContext => ({
  orgId: 'acme',
  namespaceId: null,
  departmentId: null,
  scope: 'org',
  config: {},
  requestId: 'request-1',
  host_callback_id: 'call-1',
  ...more,
});

export const call: GuestCall = { signal: new AbortController().signal, deadlineMs: 5000 };
