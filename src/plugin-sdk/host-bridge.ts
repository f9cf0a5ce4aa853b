import type { JsonObject } from './wire.ts';

/** The one global that the host gives to every plugin. */
interface HostBridge {
  call(name: string, params: JsonObject): Promise<unknown>;
  callSync(name: string, params: JsonObject): unknown;
}

/** Read at every use: a test puts its own there. */
function bridge(): HostBridge {
  const { waymark } = globalThis as { waymark?: HostBridge };
  if (!waymark) throw new Error('there is no host here: run the plugin by `waymark plugin dev`');
  return waymark;
}

/** What one call may ask of the host; the host knows by its id whose rights that has. */
export function callsOf(callbackId: string) {
  const named = (params: JsonObject) => ({ ...params, host_callback_id: callbackId });
  return {
    call: (name: string, params: JsonObject = {}) => bridge().call(name, named(params)),
    callSync: (name: string, params: JsonObject = {}) => bridge().callSync(name, named(params)),
  };
}

export type HostCall = ReturnType<typeof callsOf>['call'];
