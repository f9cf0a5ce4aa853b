import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import type { ConfigJudges } from './check-config.ts';
import { ContractViolation } from './contract/contract-violation.ts';
import { readHealth } from './contract/read-lifecycle.ts';
import type { Instance } from './instance.ts';
import type { Part } from './part.ts';
import { missingGrants, requestedBy } from './permissions.ts';
import { bareBinding, type Question } from './question.ts';

export interface Proof {
  /** What serves, and keeps serving unless the new one is fit to. */
  before: Part;
  grants: readonly string[];
  /** The enabled ones. */
  bindings: readonly Binding[];
  requestId: string;
  launch(part: Part): Promise<Instance>;
  /** What is wrong with a configuration. */
  checkBinding(judges: Omit<ConfigJudges, 'schemas'>, binding: Binding): Promise<readonly string[]>;
}

/**
 * Starts a version that is to take over, and looks whether it can.
 *
 * @throws {WaymarkError | PluginFault} why not; then it has been ended again
 * @see docs/spec/plugin-host.md, "Reload"
 */
export async function prove(part: Part, proof: Proof): Promise<Instance> {
  if (part.fault) throw new WaymarkError(part.fault.code, part.fault.message);
  checkGreed(part, proof);
  const instance = await proof.launch(part);
  try {
    for (const binding of proof.bindings.filter(isConfigured)) {
      await checkConfig(instance, binding, proof);
    }
    await checkHealth(instance, proof);
    return instance;
  } catch (error) {
    await instance.stop('refused', proof.requestId, 0);
    throw error;
  }
}

/** What the one before asked for in vain, it may ask for again. */
function checkGreed({ manifest }: Part, { before, grants }: Proof): void {
  const known = new Set(requestedBy(before.manifest.permissions));
  const missing = missingGrants(requestedBy(manifest.permissions), grants);
  const greedy = missing.filter((permission) => !known.has(permission));
  if (greedy.length === 0) return;
  const message = `it asks for ${greedy.join(', ')}, which is not granted`;
  throw new WaymarkError('PLG_PERMISSIONS', message);
}

/** An org that gives a plugin no configuration has it on for its namespaces and integrations. */
const isConfigured = ({ scope, config }: Binding): boolean =>
  scope !== 'org' || Object.keys(config).length > 0;

async function checkConfig(instance: Instance, binding: Binding, proof: Proof): Promise<void> {
  const judges = {
    manifest: instance.part.manifest,
    ask: (question: Question) => instance.ask(question),
  };
  const [problem] = await proof.checkBinding(judges, binding);
  if (problem === undefined) return;
  const message = `the configuration in ${binding.path} does not suit it: ${problem}`;
  throw new WaymarkError('VAL_FAILED', message);
}

async function checkHealth(instance: Instance, { requestId }: Proof): Promise<void> {
  const binding = bareBinding(instance.part.id);
  const about = { method: 'plugin.health' as const, params: {}, binding, requestId };
  const answer = await instance.ask(about);
  if (answer === undefined) return;
  const { status, message = 'it does not say why' } = readHealth(answer);
  if (status === 'unhealthy') throw new ContractViolation(`it is unhealthy: ${message}`);
}
