import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Semaphore } from '../git/semaphore.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';

/** What a guess costs: 2^`logN` blocks of 128 · `r` bytes, `p` times over. */
export interface ScryptCost {
  logN: number;
  r: number;
  p: number;
}

/** `hash` gives, and `isRight` takes, `$scrypt$ln=15,r=8,p=3$<salt>$<key>`, both in base64. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * Takes as long for somebody without a password as for anybody else.
   *
   * @throws {WaymarkError} `RES_UNAVAILABLE` when too many are being looked at
   */
  isRight(password: string, hash: string | null | undefined): Promise<boolean>;
}

/** Of the settings that OWASP gives as equally strong, one that needs 32 MiB rather than 128. */
const OWASP: ScryptCost = { logN: 15, r: 8, p: 3 };

/** Each takes a thread of libuv's four, which files need too, for a fifth of a second. */
const AT_ONCE = 2;
const WAITING = 32;

const SHORTEST_CHARACTERS = 12;
const LONGEST_BYTES = 1024;
const KEY_BYTES = 32;
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/;

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** @param cost less only where nothing is to be protected, as in tests */
export function createPasswords(cost: ScryptCost = OWASP): Passwords {
  const slots = new Semaphore(AT_ONCE, WAITING);
  let nobodys: Promise<string> | undefined;

  async function hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await keyOf(password, salt, cost, slots);
    return `$scrypt$ln=${cost.logN},r=${cost.r},p=${cost.p}$${plain(salt)}$${plain(key)}`;
  }

  async function isRight(password: string, stored: string | null | undefined): Promise<boolean> {
    nobodys ??= makeNobodys();
    nobodys.catch(() => {}); // where it is not waited for
    const { salt, key, ...atCost } = partsOf(stored ?? (await nobodys));
    const presented = await keyOf(password, salt, atCost, slots);
    return timingSafeEqual(presented, key) && Boolean(stored);
  }

  async function makeNobodys(): Promise<string> {
    try {
      return await hash(randomBytes(16).toString('hex'));
    } catch (error) {
      // Else whoever is not there would be told apart for good.
      nobodys = undefined;
      throw error;
    }
  }

  return { hash, isRight };
}

/** @throws {WaymarkError} `VAL_FAILED` for one that is too short or too long */
export function checkNewPassword(password: string): void {
  const text = normal(password);
  if (Array.from(text).length < SHORTEST_CHARACTERS) {
    throw invalidField('password', `use at least ${SHORTEST_CHARACTERS} characters`, 'minLength');
  }
  if (Buffer.byteLength(text) > LONGEST_BYTES) {
    throw invalidField('password', `use at most ${LONGEST_BYTES} bytes`, 'maxLength');
  }
}

/** One text, however a keyboard composes its letters. */
const normal = (password: string): string => password.normalize('NFKC');

async function keyOf(
  password: string,
  salt: Buffer,
  { logN, r, p }: ScryptCost,
  slots: Semaphore,
): Promise<Buffer> {
  const release = await slots.acquire();
  if (!release) {
    throw new WaymarkError('RES_UNAVAILABLE', 'too many people log in just now: try again');
  }
  try {
    const N = 2 ** logN;
    return await derive(normal(password), salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r });
  } finally {
    release();
  }
}

function partsOf(stored: string): ScryptCost & { salt: Buffer; key: Buffer } {
  const [, logN, r, p, salt, key] = FORM.exec(stored) ?? [];
  if (!salt || !key) throw new TypeError('a stored password hash has an unknown form');
  return {
    logN: Number(logN),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  };
}

const plain = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
