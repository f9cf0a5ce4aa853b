import type { PluginContent } from '../../model/object.ts';
import type { ReadBytes, RenderedPlugin } from './rendered.ts';

export async function renderClaude(
  _content: PluginContent,
  _read: ReadBytes,
): Promise<RenderedPlugin> {
  return { items: [], files: [] };
}
