import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of real marketplaces: `WAYMARK_TEST_DATA`, else beside the project. */
const root = path.resolve(
  process.env['WAYMARK_TEST_DATA'] ?? path.join(import.meta.dirname, '../../../shared/data'),
);

export const testData = (name: string): string => path.join(root, name);

export const hasTestData = existsSync(root);

if (!hasTestData) {
  console.warn('No real marketplaces to test on: WAYMARK_TEST_DATA names no folder.');
}
