import type { PluginSettings } from '../config/plugins.ts';
import type { Part } from './part.ts';
import type { HostPluginState, PluginStateStore } from './plugin-state.ts';
import type { StartRuntime } from './runtime/runtime.ts';
import { readHostFolder } from './sources/host-folder.ts';

export interface SitePartsDeps {
  settings: Pick<PluginSettings, 'dir' | 'keys' | 'allowUnsigned'>;
  builtins: readonly Part[];
  states: Pick<PluginStateStore, 'hostPlugins'>;
  sandbox: StartRuntime;
  process: StartRuntime;
}

/** What every org has: Waymark's own server parts, then the host's. */
export class SiteParts {
  readonly #deps: SitePartsDeps;
  #host: readonly Part[] = [];
  #states: ReadonlyMap<string, HostPluginState> = new Map();

  constructor(deps: SitePartsDeps) {
    this.#deps = deps;
  }

  /** In the order in which an id is taken. */
  get all(): readonly Part[] {
    return [...this.#deps.builtins, ...this.#host];
  }

  find(id: string): Part | undefined {
    return this.all.find((part) => part.id === id);
  }

  stateOf(id: string): HostPluginState {
    return this.#states.get(id) ?? { id, isEnabled: true, approvedDigest: null };
  }

  /** What site admins have said, here or on another node. Answers whether that is news. */
  async readStates(): Promise<boolean> {
    const states = await this.#deps.states.hostPlugins();
    const before = JSON.stringify([...this.#states.values()]);
    this.#states = new Map(states.map((state) => [state.id, state]));
    return before !== JSON.stringify(states);
  }

  /** Looks at what lies there, and at what site admins have said of it. */
  async read(): Promise<void> {
    const { settings, sandbox, process } = this.#deps;
    await this.readStates();
    const approvedDigest = (id: string) => this.stateOf(id).approvedDigest;
    this.#host = await readHostFolder({ ...settings, sandbox, process, approvedDigest });
  }
}
