import { enums, type PartialConfig } from 'openpgp';

/**
 * What gpg 2.2 reads: v4 keys and SEIPD v1. Without the salt notation that
 * OpenPGP.js adds, equal bytes and time give an equal signature.
 */
export const COMPATIBLE: PartialConfig = {
  aeadProtect: false,
  v6Keys: false,
  nonDeterministicSignaturesViaNotation: false,
  preferredSymmetricAlgorithm: enums.symmetric.aes256,
  preferredCompressionAlgorithm: enums.compression.uncompressed,
  showVersion: false,
  showComment: false,
};

/** Fingerprints and key ids are upper-case hex everywhere, as gpg prints them. */
export const fingerprintOf = (key: { getFingerprint(): string }): string =>
  key.getFingerprint().toUpperCase();
