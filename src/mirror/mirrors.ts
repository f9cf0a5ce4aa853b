import { mkdir, rm } from 'node:fs/promises';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Errands } from './errands.ts';
import { Mirror, type MirrorDeps, type MirrorHealth } from './mirror.ts';

/** Every mirrored org of this node. */
export class Mirrors {
  readonly #deps: Omit<MirrorDeps, 'errands'>;
  readonly #byOrg = new Map<string, Mirror>();
  readonly #ending = new Set<Promise<void>>();

  constructor(deps: Omit<MirrorDeps, 'errands'>) {
    this.#deps = deps;
  }

  /** Follows the upstreams of the orgs that are there, and of those to come. */
  async start(runtimes: Pick<OrgRuntimes, 'onOpen'>, errands: Errands): Promise<void> {
    const { scratchDir } = this.#deps;
    // A killed server leaves private keys in it.
    await rm(scratchDir, { recursive: true, force: true });
    await mkdir(scratchDir, { recursive: true, mode: 0o700 });
    runtimes.onOpen((runtime) => {
      const { slug, mode } = runtime.org;
      if (mode !== 'mirror') return;
      const mirror = new Mirror(runtime, { ...this.#deps, errands });
      this.#byOrg.set(slug, mirror);
      runtime.closing.addEventListener('abort', () => this.#forget(mirror), { once: true });
      mirror.hint();
    });
  }

  find(org: string): Mirror | undefined {
    return this.#byOrg.get(org);
  }

  /** Something may have moved upstream. Nothing happens for an org that is no mirror. */
  hint(org: string): void {
    this.#byOrg.get(org)?.hint();
  }

  /** For probes and metrics: conditions that wait for a person, and upstreams that are gone. */
  health(): MirrorHealth[] {
    return [...this.#byOrg.values()].flatMap((mirror) => mirror.health());
  }

  #forget(mirror: Mirror): void {
    const { slug } = mirror.runtime.org;
    if (this.#byOrg.get(slug) === mirror) this.#byOrg.delete(slug);
    const ending = mirror.settled().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** After the runtimes were closed: resolves when no git of a mirror runs any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#ending);
  }
}
