import type { OrgRuntime } from '../delivery/runtime.ts';
import { type ServedDocument, servedDocuments } from '../delivery/served-documents.ts';
import { versionOf } from '../model/version-of.ts';
import type { Binding } from './binding.ts';
import { placeOf } from './binding-place.ts';
import { configSchemaOf } from './config-schema.ts';
import { type Config, maskSecrets } from './contract/secrets-in-config.ts';
import type { HostedPlugin } from './hosted-plugin.ts';

/** A binding's configuration as it may be seen: `***` for what is secret. */
export const shownConfig = (plugin: HostedPlugin | undefined, { config, type }: Binding): Config =>
  maskSecrets((plugin && configSchemaOf(plugin.manifest, type)) ?? {}, config);

/** A binding with the document that it stands in. */
export interface ServedBinding {
  binding: Binding;
  document: ServedDocument;
  /** For `If-Match`: of what git says of the binding alone. */
  version: string;
}

/** @param bindings of what is served now */
export async function servedBindings(
  runtime: OrgRuntime,
  bindings: readonly Binding[],
): Promise<ServedBinding[]> {
  const { published } = runtime.view;
  const documents = await servedDocuments(runtime);
  return bindings.map((binding) => ({
    binding,
    document: documents.get(binding.path)!,
    version: versionOf(placeOf(published, binding).entry ?? {}),
  }));
}
