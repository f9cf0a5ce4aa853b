const KEPT = 256;

/** How long the latest calls took. */
export class Latencies {
  readonly #kept: number[] = [];
  #next = 0;

  note(ms: number): void {
    this.#kept[this.#next] = ms;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** @param percent 1 to 100. Null before the first call. */
  percentile(percent: number): number | null {
    if (this.#kept.length === 0) return null;
    const sorted = this.#kept.toSorted((a, b) => a - b);
    const rank = Math.ceil((percent / 100) * sorted.length);
    return Math.round(sorted[rank - 1]! * 100) / 100;
  }
}
