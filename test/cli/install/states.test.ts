import { describe, expect, it } from 'vitest';
import { type FileIdentity, type FileState, stateOf } from '../../../cli/install/states.ts';

const is = (letter: string): FileIdentity => ({ digest: `sha256:${letter}`, mode: '0644' });

describe('stateOf', () => {
  it.each<[base: string, local: string, remote: string, state: FileState]>([
    ['-', '-', 'R', 'updated'],
    ['B', 'B', 'R', 'updated'],
    ['B', 'B', 'B', 'updated'],
    ['B', 'L', 'B', 'modified'],
    ['B', 'R', 'R', 'converged'],
    ['-', 'R', 'R', 'converged'],
    ['B', 'L', 'R', 'conflict'],
    ['B', '-', 'B', 'suppressed'],
    ['B', '-', 'R', 'suppressed'],
    ['B', 'B', '-', 'removed'],
    ['B', '-', '-', 'removed'],
    ['B', 'L', '-', 'orphaned'],
    ['-', 'L', 'R', 'collision'],
  ])('base %s, local %s, remote %s is %s', (base, local, remote, state) => {
    const of = (letter: string) => (letter === '-' ? undefined : is(letter));

    expect(stateOf({ base: of(base), local: of(local), remote: of(remote) })).toBe(state);
  });

  it('takes another mode for another file', () => {
    const local: FileIdentity = { ...is('B'), mode: '0755' };

    expect(stateOf({ base: is('B'), local, remote: is('B') })).toBe('modified');
  });
});
