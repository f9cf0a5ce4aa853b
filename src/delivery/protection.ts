import type { RegistrySpec } from '../registry/kinds.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';

/** What a change to `main` needs, as a registry says. */
export interface Protection {
  /** `main` moves by change requests only. So it does where approvals are asked for: a push has none. */
  isByRequest: boolean;
  approvals: number;
  signedCommits: boolean;
  /** Armored OpenPGP keys of the people whose signatures count. */
  signers: readonly string[];
}

/** @param tree nothing before the first commit: then nothing is asked for */
export function protectionOf(tree: Pick<Snapshot, 'config'> | undefined): Protection {
  const [registry] = tree ? documentsOf(tree, 'Registry') : [];
  const spec: NonNullable<RegistrySpec['protection']> = registry?.spec.protection ?? {};
  const { changeRequest = false, approvals = 0, signedCommits = false, signers = [] } = spec;
  return {
    isByRequest: changeRequest || approvals > 0,
    approvals,
    signedCommits,
    signers: signers.map(({ publicKey }) => publicKey),
  };
}
