import { type CallRecord, configOf } from './callbacks/call-records.ts';

/** What a guest sees of the configuration that a call is about. */
export type ConfigFor = (
  call: Pick<CallRecord, 'guest' | 'binding' | 'overlay'>,
) => Promise<Readonly<Record<string, unknown>>>;

export const configFor: ConfigFor = async (call) => configOf(call as CallRecord);
