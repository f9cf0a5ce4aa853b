/**
 * Why nothing was restored, in a sentence for whoever tried: `damaged` is the archive's own
 * fault, `usage` what can be mended by calling it otherwise.
 */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
  readonly reason: 'damaged' | 'usage';

  constructor(reason: 'damaged' | 'usage', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
