import { WaymarkError } from '../../model/errors.ts';
import type { PluginContent } from '../../model/object.ts';
import { renderClaude } from './claude.ts';
import type { Layout, ReadBytes, RenderedPlugin } from './rendered.ts';

/**
 * The plugin as one client tool reads it. Depends on the content alone: the
 * same content gives the same bytes on every machine.
 *
 * @throws {WaymarkError} `VAL_FAILED` for a layout that is not rendered yet
 */
export async function renderLayout(
  layout: Layout,
  content: PluginContent,
  read: ReadBytes,
): Promise<RenderedPlugin> {
  if (layout === 'claude') return renderClaude(content, read);
  throw new WaymarkError(
    'VAL_FAILED',
    `layout ${layout} cannot be rendered yet: ask for raw or claude`,
    { validationErrors: [{ field: 'layout', message: 'raw or claude', code: 'unsupported' }] },
  );
}
