import {
  fieldsAt,
  flagAt,
  type JsonMap,
  mapAt,
  numberAt,
  oneOf,
  optional,
  textAt,
  timeAt,
} from './shape.ts';

export const GATE_STATUSES = ['pass', 'fail', 'wait', 'error', 'skipped'] as const;

export interface GateVerdict {
  status: (typeof GATE_STATUSES)[number];
  reasonCode?: string;
  message: string;
  retryAt?: string;
}

/**
 * The answer to `gate.evaluate`.
 *
 * @throws {ContractViolation}
 */
export const readGateVerdict = (value: unknown): GateVerdict =>
  fieldsAt(['status', 'reasonCode', 'message', 'retryAt'], (fields, at) => ({
    status: oneOf(GATE_STATUSES)(fields.status, at('status')),
    ...optional('reasonCode', fields.reasonCode, at('reasonCode'), textAt(100)),
    message: textAt(2000)(fields.message, at('message')),
    ...optional('retryAt', fields.retryAt, at('retryAt'), timeAt),
  }))(value, 'gate.evaluate');

export const STEP_STATUSES = ['running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const;

export interface StepProgress {
  status: (typeof STEP_STATUSES)[number];
  /** What the next `step.poll` is given again. */
  state?: unknown;
  outputs?: JsonMap;
  error?: { code: string; message: string; isRetryable: boolean };
  pollAfterSec?: number;
}

const errorAt = fieldsAt(['code', 'message', 'retryable'], (fields, at) => ({
  code: textAt(100)(fields.code, at('code')),
  message: textAt(2000)(fields.message, at('message')),
  isRetryable: flagAt(fields.retryable ?? false, at('retryable')),
}));

/** Between two polls, in seconds. */
const POLL = { least: 1, most: 3600 };

/**
 * The answer to `step.start`, `step.poll` and `step.cancel`.
 *
 * @throws {ContractViolation}
 */
export const readStepProgress = (value: unknown): StepProgress =>
  fieldsAt(['status', 'state', 'outputs', 'error', 'pollAfterSec'], (fields, at) => ({
    status: oneOf(STEP_STATUSES)(fields.status, at('status')),
    ...optional('state', fields.state, at('state'), (state) => state),
    ...optional('outputs', fields.outputs, at('outputs'), mapAt),
    ...optional('error', fields.error, at('error'), errorAt),
    ...optional(
      'pollAfterSec',
      fields.pollAfterSec,
      at('pollAfterSec'),
      numberAt(POLL.least, POLL.most),
    ),
  }))(value, 'step');
