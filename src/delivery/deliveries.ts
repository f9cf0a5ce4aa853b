import type { OrgRuntimes } from './runtimes.ts';
import { type DeliveryDeps, OrgDelivery } from './service.ts';
import { Watchers } from './watch.ts';

/** The delivery of every org on this node. */
export class Deliveries {
  readonly watchers = new Watchers();
  readonly #bySlug = new Map<string, OrgDelivery>();
  readonly #runtimes: OrgRuntimes;

  constructor(runtimes: OrgRuntimes, deps: DeliveryDeps) {
    this.#runtimes = runtimes;
    runtimes.onOpen((runtime) =>
      this.#bySlug.set(runtime.org.slug, new OrgDelivery(runtime, deps)),
    );
  }

  /** Undefined for an org that is not there, or no longer. */
  find(slug: string): OrgDelivery | undefined {
    const delivery = this.#bySlug.get(slug);
    return delivery && this.#runtimes.find(slug) === delivery.runtime ? delivery : undefined;
  }
}
