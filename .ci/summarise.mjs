// Prints `N passed, N failed` from vitest's JSON report; fails when anything failed, or nothing ran.
import { readFileSync } from 'node:fs';

const { passed, failed, skipped } = read(process.argv[2]);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function read(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    const skipped = report.numPendingTests + report.numTodoTests;
    const counts = { passed: report.numPassedTests, failed: report.numFailedTests, skipped };
    // A file that does not load has no test that could fail.
    const hasHiddenFault = !report.success && counts.failed === 0;
    return hasHiddenFault ? { ...counts, failed: Math.max(1, report.numFailedTestSuites) } : counts;
  } catch {
    // It ended before the tests did.
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
