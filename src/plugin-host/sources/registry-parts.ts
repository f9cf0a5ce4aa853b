import type { KeyObject } from 'node:crypto';
import type { OrgRuntime } from '../../delivery/runtime.ts';
import type { View } from '../../delivery/view.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { PluginManifest } from '../../registry/server-manifest/manifest.ts';
import { parsePluginKey, verifyPlugin } from '../../signing/plugin-signature.ts';
import { orgPluginsOf, pluginKeysOf } from '../bindings-of.ts';
import type { Part, PartFault } from '../part.ts';
import type { StartRuntime } from '../runtime/runtime.ts';
import { makePart, type Standing, signatureFault, unreadPart } from './make-part.ts';
import {
  resolveServerPart,
  type ServerPart,
  serverPartIds,
  type VersionChoice,
} from './registry-part.ts';

export interface RegistryPartsDeps {
  /** The operator's, beside the org's own. */
  keys: readonly KeyObject[];
  sandbox: StartRuntime;
}

const NONE_ADMITTED: PartFault = {
  code: 'PLG_NOT_FOUND',
  message: 'no release of it is admitted: publish one, or change its version in registry.yaml',
};

/** Every server part of the registry that an org serves, each at the version that it chose. */
export const registryParts =
  (deps: RegistryPartsDeps) =>
  async (runtime: OrgRuntime, view: View): Promise<Part[]> => {
    const chosen = orgPluginsOf(view.published.config);
    const parts: Part[] = [];
    for (const id of serverPartIds(view)) {
      parts.push(await registryPart(deps, { runtime, view, id, choice: chosen.get(id) }));
    }
    return parts;
  };

/** One of them, at a version that is chosen now or would be; one that cannot be read says why. */
export async function registryPart(
  deps: RegistryPartsDeps,
  { runtime, view, id, choice }: Wanted,
): Promise<Part> {
  const keys = [...deps.keys, ...knownKeys(pluginKeysOf(view.published.config))];
  try {
    const part = await resolveServerPart(runtime, id, choice);
    return await toPart(runtime, id, part, { ...deps, keys });
  } catch (error) {
    if (!(error instanceof WaymarkError)) throw error;
    const { code, message } = error;
    return unreadPart({ id, source: 'registry' }, { code, message });
  }
}

interface Wanted {
  runtime: OrgRuntime;
  view: View;
  id: string;
  choice: VersionChoice | undefined;
}

/** Of one that no release is admitted of, what it would be: it can be looked at. */
async function toPart(
  runtime: OrgRuntime,
  id: string,
  admitted: ServerPart | undefined,
  deps: RegistryPartsDeps,
): Promise<Part> {
  const choice = { version: 'rolling', allowUnreleased: true };
  const part = admitted ?? (await resolveServerPart(runtime, id, choice));
  if (!part) return unreadPart({ id, source: 'registry' }, NONE_ADMITTED);
  const { files, version } = part;
  return makePart({ id, source: 'registry', files, version }, (manifest) => {
    const standing = standingOf(manifest, part, deps);
    return admitted ? standing : { ...standing, fault: NONE_ADMITTED };
  });
}

/** What is no key of `registry.yaml` signs nothing. */
const knownKeys = (texts: readonly string[]): KeyObject[] =>
  texts.flatMap((text) => {
    try {
      return [parsePluginKey(text)];
    } catch {
      return [];
    }
  });

/** A release's tag vouches for it to clients; that its author is trusted says its own signature alone. */
function standingOf(
  manifest: PluginManifest,
  { files, isReleased }: ServerPart,
  { keys, sandbox: start }: RegistryPartsDeps,
): Standing {
  const own = verifyPlugin(files, keys);
  const signature = own === 'unsigned' && isReleased ? 'signed' : own;
  const trust = own === 'signed' ? 'trusted' : 'untrusted';
  const fault = signatureFault(own) ?? processFault(manifest);
  return { signature, trust, hasNetwork: isReleased, fault, start };
}

const processFault = ({ runtime }: PluginManifest): PartFault | null =>
  runtime === 'sandbox'
    ? null
    : { code: 'PLG_INCOMPATIBLE', message: 'only plugins of the host run as a process' };
