/** Rows that one statement removes: whoever else writes waits no longer than for these. */
export const SWEPT_AT_ONCE = 1000;

/** Again until nothing is left to remove. Answers how many rows. */
export async function inPortions(remove: () => Promise<bigint>): Promise<number> {
  let total = 0;
  for (let count = await remove(); count > 0n; count = await remove()) total += Number(count);
  return total;
}
