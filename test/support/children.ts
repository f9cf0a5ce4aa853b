import { readdir, readFile } from 'node:fs/promises';

/** Pids of this process's own children whose command line holds every one of `words`. */
export async function childrenOf(...words: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (!status.includes(`\nPPid:\t${process.pid}\n`)) continue;
    if (words.every((word) => command.includes(word))) found.push(Number(name));
  }
  return found;
}
