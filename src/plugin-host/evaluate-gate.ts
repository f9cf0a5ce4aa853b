import { WaymarkError } from '../model/errors.ts';
import { PluginFault } from './contract/fault.ts';
import { type GateVerdict, readGateVerdict } from './contract/read-orchestration.ts';
import type { PluginHost } from './plugin-host.ts';

/** What a plugin's gate is asked, of one release on its way into one environment. */
export interface GateQuestion {
  org: string;
  /** `<plugin>.<name>`. */
  gate: string;
  config: Readonly<Record<string, unknown>>;
  promotion: object;
  release: object;
  environment: object;
  /** RFC 3339. */
  now: string;
  requestId: string;
}

/**
 * What a plugin's gate says. One that cannot be asked, or answers nonsense, is an
 * `error`, which lets nothing pass: hooks fail open, gates fail closed.
 *
 * @see docs/spec/plugin-host.md, "Gates"
 */
export async function evaluateGate(
  plugins: Pick<PluginHost, 'find' | 'call'>,
  { org, gate, requestId, ...asked }: GateQuestion,
): Promise<GateVerdict> {
  const [pluginId = '', name = ''] = gate.split('.', 2);
  const known = plugins.find(org, pluginId)?.manifest.gates ?? [];
  if (!known.some((one) => one.name === name)) return failed(`there is no gate ${gate}`);
  const params = { gate: name, ...asked };
  const call = { org, pluginId, requestId, method: 'gate.evaluate' as const, params };
  try {
    return (await plugins.call({
      ...call,
      isRepeatable: true,
      read: readGateVerdict,
    })) as GateVerdict;
  } catch (error) {
    return failed(tellOf(gate, error));
  }
}

const failed = (message: string): GateVerdict => ({
  status: 'error',
  reasonCode: 'GATE_EVALUATION_ERROR',
  message,
});

/** What else is thrown is a bug, of which only the log is told. */
function tellOf(gate: string, error: unknown): string {
  const isTold = error instanceof WaymarkError || error instanceof PluginFault;
  return isTold ? `${gate}: ${error.code}` : `${gate} failed`;
}
