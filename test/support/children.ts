import { readdir, readFile } from 'node:fs/promises';

/** Pids of the processes whose command line holds every one of `words`. */
export async function processesOf(...words: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (words.every((word) => command.includes(word))) found.push(Number(name));
  }
  return found;
}

/** Those of them that this process started itself. */
export async function childrenOf(...words: string[]): Promise<number[]> {
  const pids = await processesOf(...words);
  const statuses = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')),
  );
  return pids.filter((_pid, index) => statuses[index]?.includes(`\nPPid:\t${process.pid}\n`));
}
