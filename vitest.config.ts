import { defineConfig } from 'vitest/config';

/** Where `.ci/run` reads the counts from. */
const report = process.env['WAYMARK_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    coverage: { provider: 'v8', include: ['src/**', 'cli/**'] },
  },
});
