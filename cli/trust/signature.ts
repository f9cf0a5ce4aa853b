import type { KeyRole } from '../../src/signing/keys.ts';
import { keysOfRole, type RootDocument } from '../../src/signing/root.ts';
import { verifyDetached } from '../../src/signing/verify.ts';
import type { SignedDocument } from '../delivery.ts';
import { type VerificationCode, VerificationError } from '../errors.ts';

/**
 * Counts only keys that the trusted root gives this role; what the signature
 * says about itself only looks them up.
 *
 * @throws {VerificationError} `SIGNATURE_INVALID`
 */
export async function checkSignature(
  { body, signature }: Pick<SignedDocument, 'body' | 'signature'>,
  root: RootDocument,
  role: KeyRole,
  what: string,
): Promise<void> {
  const { threshold } = root.roles[role];
  const keys = keysOfRole(root, role);
  await refusedAs('SIGNATURE_INVALID', what, verifyDetached({ body, signature, keys, threshold }));
}

/**
 * Whatever is thrown while verifying is a refusal: an attacker must not choose
 * the exit code. Only this machine's own faults, such as a full disk, stay what they are.
 */
export async function refusedAs<T>(
  code: VerificationCode,
  what: string,
  verified: Promise<T>,
): Promise<T> {
  try {
    return await verified;
  } catch (cause) {
    if (cause instanceof VerificationError || isSystemError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VerificationError(code, `${what}: ${reason}`, { cause });
  }
}

const isSystemError = (error: unknown): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
