import { WaymarkError } from '../model/errors.ts';
import { SANDBOXES_PER_NODE, SANDBOXES_PER_ORG } from '../registry/server-manifest/limits.ts';

/** Whatever takes up one sandbox. */
export interface Occupant {
  org: string;
  /** Of its last call, in milliseconds since the Unix epoch; undefined while it is busy. */
  idleSinceMs(): number | undefined;
  /** Stops it, unless it has become busy. */
  vacate(): Promise<void>;
}

/** How many sandboxes there are at once. The one that is idle longest makes room. */
export class Places {
  readonly #taken = new Set<Occupant>();
  readonly #perOrg: number;
  readonly #perNode: number;

  constructor(perOrg = SANDBOXES_PER_ORG, perNode = SANDBOXES_PER_NODE) {
    this.#perOrg = perOrg;
    this.#perNode = perNode;
  }

  /** @throws {WaymarkError} `PLG_BUSY` when all of the others are at work */
  async take(occupant: Occupant): Promise<void> {
    if (this.#taken.has(occupant)) return;
    const ofOrg = [...this.#taken].filter(({ org }) => org === occupant.org);
    const rivals = ofOrg.length >= this.#perOrg ? ofOrg : [...this.#taken];
    const isFull = rivals === ofOrg || this.#taken.size >= this.#perNode;
    const idle = isFull ? longestIdle(rivals) : undefined;
    if (isFull && !idle) {
      throw new WaymarkError('PLG_BUSY', 'all sandboxes are at work: retry');
    }
    // At once, so that no two starts count on the same one.
    if (idle) this.#taken.delete(idle);
    this.#taken.add(occupant);
    await idle?.vacate();
  }

  release(occupant: Occupant): void {
    this.#taken.delete(occupant);
  }
}

function longestIdle(occupants: readonly Occupant[]): Occupant | undefined {
  let longest: Occupant | undefined;
  let sinceMs = Number.POSITIVE_INFINITY;
  for (const occupant of occupants) {
    const idleSinceMs = occupant.idleSinceMs();
    if (idleSinceMs === undefined || idleSinceMs >= sinceMs) continue;
    longest = occupant;
    sinceMs = idleSinceMs;
  }
  return longest;
}
