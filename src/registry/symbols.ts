/**
 * Object id → the path that defines it. Deriving a table costs what changed,
 * not what the registry holds: changes lie over a shared base until they are
 * many, then the base is made anew.
 */
export class SymbolTable {
  readonly #base: ReadonlyMap<string, string>;
  readonly #changes: ReadonlyMap<string, string | undefined>;

  constructor(
    base: ReadonlyMap<string, string> = new Map(),
    changes: ReadonlyMap<string, string | undefined> = new Map(),
  ) {
    this.#base = base;
    this.#changes = changes;
  }

  pathOf(id: string): string | undefined {
    return this.#changes.has(id) ? this.#changes.get(id) : this.#base.get(id);
  }

  has(id: string): boolean {
    return this.pathOf(id) !== undefined;
  }

  derive(removed: Iterable<string>, added: Iterable<readonly [string, string]>): SymbolTable {
    const changes = new Map(this.#changes);
    for (const id of removed) changes.set(id, undefined);
    for (const [id, path] of added) changes.set(id, path);
    if (changes.size < 4096) return new SymbolTable(this.#base, changes);
    const base = new Map(this.#base);
    for (const [id, path] of changes) {
      if (path === undefined) base.delete(id);
      else base.set(id, path);
    }
    return new SymbolTable(base);
  }
}
