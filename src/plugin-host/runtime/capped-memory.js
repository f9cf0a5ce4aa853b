// @ts-check

const PAGE = 64 * 1024;
/** What the engine's module asks for, and so the least that a limit can be. */
const FIRST_PAGES = 256;
/** How often the engine's allocator asks for one growth, for less and less to spare. */
const ATTEMPTS = 3;

/**
 * Memory that ends. The engine's own limit and the thread's are no caps
 * (justjake/quickjs-emscripten#255, nodejs/node#65019); the memory's maximum is.
 *
 * @param {number} limitMb
 * @param {() => void} exhausted whoever meets the end is told of, even if the script caught its
 *   error: what it was doing is half done
 */
export function cappedMemory(limitMb, exhausted) {
  const maximum = Math.max(FIRST_PAGES, Math.ceil((limitMb * 1024 * 1024) / PAGE));
  const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum });
  const grow = memory.grow.bind(memory);
  let refused = 0;
  memory.grow = (pages) => {
    try {
      const before = grow(pages);
      refused = 0;
      return before;
    } catch (error) {
      if (++refused >= ATTEMPTS) exhausted();
      throw error;
    }
  };
  return memory;
}
