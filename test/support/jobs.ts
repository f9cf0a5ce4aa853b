import type { Logger } from '../../src/audit/logger.ts';

export const silentLog: Logger = { info() {}, warn() {}, error() {} };
