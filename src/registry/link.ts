import type { Diagnostic } from '../model/diagnostic.ts';
import type { Fragment } from './fragment.ts';
import { linkConfig } from './link-config.ts';
import { pointError, type Unlinked } from './unlinked.ts';

/**
 * The references of the fragments given. All of them at first, and when a
 * definition has gone; else only the changed ones, since the others' targets
 * still stand.
 */
export function linkFragments(tree: Unlinked, fragments: Iterable<Fragment>): Diagnostic[] {
  return [...fragments].flatMap((fragment) => [
    ...fragment.objects.flatMap((object) =>
      object.requires.flatMap((id, i) => {
        if (tree.symbols.has(id)) return [];
        const path = `${fragment.root}/${object.documentPath}`;
        return [
          pointError(path, `/spec/requires/${i}`, 'unknown-object', `no object is named ${id}`),
        ];
      }),
    ),
    ...linkPlugin(tree, fragment),
  ]);
}

function linkPlugin(tree: Unlinked, { root, plugin, objects }: Fragment): Diagnostic[] {
  if (!plugin) return [];
  const path = `${root}/plugin.yaml`;
  const sharedIds = new Set(tree.shared?.objects.map(({ id }) => id));
  const own = new Set(objects.map(({ id }) => id));
  const diagnostics = plugin.include.flatMap((id, i) => {
    if (sharedIds.has(id)) return [];
    const isElsewhere = tree.symbols.has(id);
    const message = isElsewhere ? `${id} is not shared` : `no object is named ${id}`;
    const hint = 'only objects under objects/ can be included';
    return [pointError(path, `/spec/include/${i}`, 'unknown-object', message, hint)];
  });
  plugin.exclude.forEach((id, i) => {
    if (own.has(id) || plugin.include.includes(id)) return;
    const message = `${id} is no object of this plugin`;
    diagnostics.push(pointError(path, `/spec/exclude/${i}`, 'unknown-object', message));
  });
  for (const id of Object.keys(plugin.requires)) {
    if (tree.plugins.has(id)) continue;
    const message = `no plugin is named ${id}`;
    diagnostics.push(pointError(path, `/spec/requires/${id}`, 'unknown-plugin', message));
  }
  return diagnostics;
}

/**
 * Plugins that need each other in a ring: none of them could be installed
 * first. The walk keeps its own stack, since a chain may be as long as the
 * registry has plugins.
 */
export function findCycles(plugins: ReadonlyMap<string, Fragment>): Diagnostic[] {
  const requiresOf = (id: string) => Object.keys(plugins.get(id)?.plugin?.requires ?? {});
  const done = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  for (const start of plugins.keys()) {
    const stack = [{ id: start, left: requiresOf(start) }];
    const trail = new Set([start]);
    while (stack.length > 0 && !done.has(start)) {
      const { id, left } = stack.at(-1)!;
      const next = left.shift();
      if (next === undefined) {
        done.add(id);
        trail.delete(id);
        stack.pop();
      } else if (trail.has(next)) diagnostics.push(ringError(id, next, [...trail]));
      else if (!done.has(next)) {
        trail.add(next);
        stack.push({ id: next, left: requiresOf(next) });
      }
    }
  }
  return diagnostics;
}

function ringError(id: string, next: string, trail: readonly string[]): Diagnostic {
  const ring = [...trail.slice(trail.indexOf(next)), next].join(' → ');
  const path = `plugins/${id}/plugin.yaml`;
  return pointError(path, `/spec/requires/${next}`, 'cycle', `requires form a ring: ${ring}`);
}

export function linkAll(tree: Unlinked): Diagnostic[] {
  const fragments = [...tree.plugins.values(), ...(tree.shared ? [tree.shared] : [])];
  return [...linkFragments(tree, fragments), ...findCycles(tree.plugins), ...linkConfig(tree)];
}
