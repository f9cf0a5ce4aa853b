import { ROLE_NAME } from '../identity/roles.ts';
import { GRANTABLE, PLUGIN_SCOPE } from '../model/permissions.ts';

// A text that must be two things has two patterns: one that says both would try every way to split
// a long text that it refuses.
export const NOT_BLANK = '\\S';
export const ONE_LINE = '^[^\\p{Cc}]*$';
/** What a database or a commit cannot hold, or would steer the terminal of who reads it, is none. */
export const PLAIN = '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$';
export const EMAIL = '^[^@\\s]+@[^@\\s]+$';
export const OID = '^[0-9a-f]{40}$';
export const FINGERPRINT = '^[0-9A-F]{40}$';
export const BASE64 = '^[A-Za-z0-9+/]+={0,2}$';
/** Of whatever is one file of a registry, and of roles. */
export const NAME = ROLE_NAME;
/** As definitions.json has it. */
const LABEL = '^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$';
/** What a key may be narrowed to. */
export const SCOPE = `^(?:${[...GRANTABLE].join('|')})$|${PLUGIN_SCOPE}`;

const sentences: ReadonlyMap<string, string> = new Map([
  [NOT_BLANK, 'must not be blank'],
  [ONE_LINE, 'must be one line, without control characters'],
  [PLAIN, 'must have no control characters but tabs and line ends'],
  [EMAIL, 'must be an e-mail address'],
  [OID, 'must be a full object id: 40 hexadecimal digits, in lower case'],
  [FINGERPRINT, 'must be a fingerprint: 40 hexadecimal digits, in upper case'],
  [BASE64, 'must be base64'],
  [SCOPE, 'must be a permission, plugin:<id>:read or plugin:<id>:write'],
  [LABEL, 'must be letters, digits, dots, slashes, hyphens and underscores, 128 at most'],
  [NAME, 'must be lower-case letters, digits and single hyphens, 63 at most'],
]);

/** How a text is refused that does not match; undefined for a pattern that no body has. */
export const sentenceOf = (pattern: string): string | undefined => sentences.get(pattern);
