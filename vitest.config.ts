import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where `.ci/run` reads the counts from. */
const report = process.env['WAYMARK_TEST_REPORT'];

/** `npm run test:faults` does everything as often as it was promised. */
const isFull = process.env['WAYMARK_FAULTS'] === 'full';

/** Kills and restarts take longest: begun last, they would leave one of two workers idle. */
class FaultsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { true: faults = [], false: others = [] } = Object.groupBy(
      await super.sort(files),
      ({ moduleId }) => `${moduleId.includes('/test/faults/')}` as const,
    );
    return [...faults, ...others];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Tests wait for children more than they compute, and a shared machine may be slow: a
    // time-out is for what hangs.
    maxWorkers: 2,
    sequence: { sequencer: FaultsFirst },
    testTimeout: isFull ? 1_800_000 : 300_000,
    hookTimeout: isFull ? 600_000 : 300_000,
    expect: { poll: { interval: 20, timeout: 90_000 } },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    coverage: { provider: 'v8', include: ['src/**', 'cli/**'] },
  },
});
