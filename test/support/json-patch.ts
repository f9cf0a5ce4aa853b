import type { PatchStep } from '../../src/registry/yaml-patch.ts';

/** RFC 6902 on plain JSON, as simply as can be: what the one on text is held to. Throws where a step fails. */
export function patchJson(document: unknown, steps: readonly PatchStep[]): unknown {
  const root = { '': structuredClone(document) } as Record<string, unknown>;
  for (const step of steps) {
    if (step.op === 'test') {
      if (canonical(get(root, step.path)) !== canonical(step.value)) throw new Error('test');
    } else if (step.op === 'remove') remove(root, step.path);
    else if (step.op === 'move') {
      if (step.path.startsWith(`${step.from}/`)) throw new Error('into itself');
      const value = get(root, step.from);
      if (step.path === step.from) continue;
      remove(root, step.from);
      add(root, step.path, value);
    } else if (step.op === 'copy') add(root, step.path, structuredClone(get(root, step.from)));
    else {
      const { op, path, value } = step as Extract<PatchStep, { value: unknown }>;
      if (op === 'replace') get(root, path);
      const isItem = op === 'replace' && Array.isArray(placeOf(root, path).parent);
      if (isItem) remove(root, path);
      add(root, path, structuredClone(value));
    }
  }
  return root[''];
}

type Parent = Record<string, unknown> | unknown[];

/** Every pointer starts at the member '' of a map around the document. */
function placeOf(root: unknown, pointer: string): { parent: Parent; name: string } {
  const names = pointer.split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent = root as Parent;
  for (const name of names.slice(0, -1)) parent = child(parent, name) as Parent;
  if (typeof parent !== 'object' || parent === null) throw new Error('no collection');
  return { parent, name: names.at(-1)! };
}

function child(parent: Parent, name: string): unknown {
  if (typeof parent !== 'object' || parent === null) throw new Error('no collection');
  if (Array.isArray(parent)) return parent[indexOf(name, parent.length - 1)];
  if (!Object.hasOwn(parent, name)) throw new Error('not there');
  return parent[name];
}

function indexOf(name: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(name) || Number(name) > last) throw new Error('no index');
  return Number(name);
}

function get(root: unknown, pointer: string): unknown {
  const { parent, name } = placeOf(root, pointer);
  return child(parent, name);
}

function add(root: unknown, pointer: string, value: unknown): void {
  const { parent, name } = placeOf(root, pointer);
  if (!Array.isArray(parent)) parent[name] = value;
  else {
    const index = name === '-' ? parent.length : indexOf(name, parent.length);
    parent.splice(index, 0, value);
  }
}

function remove(root: unknown, pointer: string): void {
  const { parent, name } = placeOf(root, pointer);
  if (pointer === '') throw new Error('the document');
  child(parent, name);
  if (Array.isArray(parent)) parent.splice(Number(name), 1);
  else delete parent[name];
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
