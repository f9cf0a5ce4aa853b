import type { GitError } from './run.ts';

export type RemoteReason =
  | 'credentials-refused'
  | 'host-key-refused'
  | 'redirected'
  | 'not-found'
  | 'certificate-refused'
  | 'timed-out'
  | 'unreachable'
  | 'damaged'
  | 'push-refused'
  | 'too-large'
  | 'storage-full'
  | 'stopped'
  | 'failed';

/**
 * Why a remote gave nothing. `message` is for the org's people: it names no host,
 * address or path. The cause is git's own words, for the log.
 */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly reason: RemoteReason;

  constructor(reason: RemoteReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** By what git, curl and ssh write, in English since they run with `LC_ALL=C`; the first that fits. */
const SIGNS: [RegExp, RemoteReason, string][] = [
  [/No space left|Disk quota/, 'storage-full', 'there is no room for what it sends'],
  [
    /Host key verification failed|host key.*changed/i,
    'host-key-refused',
    'its host key is not one that knownHosts names',
  ],
  [
    /Authentication failed|could not read (Username|Password)|error: 40[13]\b|HTTP 40[13]\b|Permission denied/,
    'credentials-refused',
    'it refuses the credentials',
  ],
  [
    /error: 3\d\d\b|HTTP 3\d\d\b|redirect/i,
    'redirected',
    'it redirects to another address, which is not followed',
  ],
  [
    /error: 404\b|repository .*not found|does not appear to be a git repository|no such repository/i,
    'not-found',
    'it has no repository there',
  ],
  [/certificate/i, 'certificate-refused', 'its certificate is not trusted'],
  [/timed? ?out|Operation too slow/i, 'timed-out', 'it did not answer in time'],
  [
    /\[(remote )?rejected\]|pre-receive hook declined|protected branch/,
    'push-refused',
    'it takes no such push',
  ],
  [
    /fsck|index-pack|unpack-objects|inflate|bad object|corrupt|File too large|did not send all/i,
    'damaged',
    'it sends objects that are damaged, or larger than is taken',
  ],
  [
    /unable to access|Could not resolve|Failed to connect|Connection (refused|reset|closed)|Could not read from remote|hung up|No route/i,
    'unreachable',
    'it cannot be reached',
  ],
];

export function remoteFault(cause: GitError): RemoteError {
  const sign = SIGNS.find(([pattern]) => pattern.test(cause.stderr));
  if (cause.signal === 'SIGXFSZ' || cause.signal === 'SIGXCPU') {
    return new RemoteError('too-large', 'the upstream: it sends too much', { cause });
  }
  if (!sign) return new RemoteError('failed', 'the upstream: git failed, see the log', { cause });
  const [, reason, message] = sign;
  return new RemoteError(reason, `the upstream: ${message}`, { cause });
}
