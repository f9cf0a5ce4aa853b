import { PluginError } from './plugin-error.ts';

/** Stands for the route contract's plugin registry: a plugin finds its own functions there. */
const offered = new Map<string, object>();

export const offer = (id: string, functions: object): void => void offered.set(id, functions);

/** The `api` of a plugin's definition. */
// biome-ignore lint/suspicious/noExplicitAny: whoever asks knows what it offers
export function usePlugin<T extends object = Record<string, any>>(id: string): T {
  const functions = offered.get(id);
  if (functions) return functions as T;
  throw new PluginError('PLUGIN_NOT_FOUND', `${id} has no api here: a plugin sees only its own`);
}
