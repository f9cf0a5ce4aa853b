import { benchBundle } from './bundle.ts';
import { benchCheckUpdates } from './check-updates.ts';
import { benchColdCompile } from './cold-compile.ts';
import { type Figure, table } from './figure.ts';
import { benchManifest } from './manifest.ts';
import { benchMemory } from './memory.ts';
import { benchPlugin } from './plugin.ts';
import { benchPush } from './push.ts';
import { benchStates } from './states.ts';
import { benchWarmStart } from './warm-start.ts';
import { benchWatchers } from './watchers.ts';

const benches: Record<string, () => Promise<Figure[]>> = {
  manifest: benchManifest,
  'check-updates': benchCheckUpdates,
  bundle: benchBundle,
  push: benchPush,
  'cold-compile': benchColdCompile,
  'warm-start': benchWarmStart,
  watchers: benchWatchers,
  states: benchStates,
  memory: benchMemory,
  plugin: benchPlugin,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}: there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

const figures: Figure[] = [];
let hasFailed = false;
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  try {
    for (const one of await bench()) {
      console.log(JSON.stringify(one));
      figures.push(one);
    }
  } catch (error) {
    console.error(`${name} could not be measured:`, error);
    hasFailed = true;
  }
}
console.log(`\n${table(figures)}`);
// A missed target is a report; only what could not be measured is a failure.
process.exit(hasFailed ? 1 : 0);
