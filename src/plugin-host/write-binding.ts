import { isDeepStrictEqual } from 'node:util';
import {
  type Committing,
  commitEdit,
  type EditResult,
  mayMoveMain,
} from '../changes/commit-edit.ts';
import { WaymarkError } from '../model/errors.ts';
import { type BindingEntry, type BindingPlace, placeOf } from './binding-place.ts';
import type { BindingSecrets } from './callbacks/binding-secrets.ts';
import { checkReferences } from './check-references.ts';
import type { BindingRef } from './contract/wire.ts';
import type { Acting, PluginHost } from './plugin-host.ts';
import type { BindingStop } from './plugin-state.ts';
import { entryWith, isOn, judgeWritten, type WrittenBinding } from './written-binding.ts';

export interface BindingWriteDeps {
  plugins: Pick<
    PluginHost,
    'find' | 'checkConfig' | 'stopBinding' | 'resumeBinding' | 'findStop' | 'settled'
  >;
  /** Of bindings. */
  bindingVault: BindingSecrets;
}

/** What somebody wants changed of one binding. */
export interface BindingChange {
  ref: BindingRef;
  pluginId: string;
  /** Of an integration's. */
  type?: string | undefined;
  /** Of the commit. */
  message: string;
  /** Also lifts what stops it provisionally. */
  isResuming?: boolean;
  /**
   * The whole entry as it is to be, secrets as text and `***` for those that
   * stay; undefined removes it. Asked again where another edit came first.
   */
  next(before: BindingEntry | undefined): BindingEntry | undefined;
}

/** Each is an edit of somebody else that came first. */
const MOST_ATTEMPTS = 5;

/**
 * Writes one binding to git: validated whole before anything is written, its
 * secrets kept apart, active here when it answers. Where people have to decide
 * first, it is proposed; only what switches it off counts at once.
 *
 * @throws {WaymarkError} as `judgeWritten`, `checkReferences` and `commitEdit`;
 *   `RES_NOT_FOUND` for a namespace, `INT_CREDENTIALS_REQUIRED` where a secret that
 *   stays was given for other origins; `RES_STATE_CONFLICT` to switch on what is
 *   stopped until people have decided
 */
export async function writeBinding(
  deps: BindingWriteDeps,
  committing: Committing,
  change: BindingChange,
): Promise<EditResult> {
  for (let attempt = 1; ; attempt += 1) {
    const planned = await plan(deps, committing, change);
    try {
      const result = await carryOut(deps, committing, planned);
      await stopOrResume(deps, committing, planned, result);
      return result;
    } catch (error) {
      if (!isOvertaken(error) || attempt === MOST_ATTEMPTS) throw error;
      await committing.runtime.refresh();
    }
  }
}

interface Planned {
  change: BindingChange;
  base: string;
  place: BindingPlace;
  next: BindingEntry | undefined;
  /** Of one that is not removed. */
  written: WrittenBinding | undefined;
}

async function plan(
  { plugins, bindingVault }: BindingWriteDeps,
  { runtime, permissions }: Committing,
  change: BindingChange,
): Promise<Planned> {
  const { ref } = change;
  const { commit: base } = runtime.view.published;
  const place = placeOf(runtime.view.published, ref);
  const { entry: before } = place;
  const next = change.next(before);
  if (!next) return { change, base, place, next, written: undefined };
  const { slug: org } = runtime.org;
  const written = await judgeWritten(plugins, { ...change, org }, { before, next });
  checkReferences(permissions, before, written);
  const { config, credentials, plugin, origins } = written;
  // What a server part would be refused when it runs is refused here.
  for (const [field, name] of [...config.kept, ...credentials.kept]) {
    if (isOn(next)) await bindingVault.read(org, ref, { field, name, plugin, origins });
  }
  return { change, base, place, next, written };
}

async function carryOut(
  { plugins, bindingVault: vault }: BindingWriteDeps,
  committing: Committing,
  { change: { ref, message }, base, place, next, written }: Planned,
): Promise<EditResult> {
  const { runtime } = committing;
  const acting = actingOf(committing);
  const { slug: org } = runtime.org;
  const edit = (entry: BindingEntry | undefined) =>
    isDeepStrictEqual(entry, place.entry)
      ? { commit: base, sequence: runtime.view.sequence }
      : commitEdit(asMover(committing), { base, message, operations: place.operations(entry) });
  if (!next || !written) {
    const result = await edit(undefined);
    // What was kept for it goes as it does when git takes it away: who asked may bind it anew.
    if ('commit' in result) await plugins.settled(org);
    return result;
  }
  const { config, credentials } = written;
  const names = {
    config: await vault.put(org, ref, config.secrets, written, acting),
    credentials: await vault.put(org, ref, credentials.secrets, written, acting),
  };
  try {
    return await edit(entryWith(next, written, names));
  } catch (error) {
    const given = new Set([...names.config.values(), ...names.credentials.values()]);
    await vault.remove(org, ref, acting, ({ name }) => given.has(name));
    throw error;
  }
}

/** A stop does not wait for those who decide; what lifts one does. */
async function stopOrResume(
  { plugins }: BindingWriteDeps,
  committing: Committing,
  { change: { ref, isResuming }, place, next }: Planned,
  result: EditResult,
): Promise<void> {
  const { slug: org } = committing.runtime.org;
  const acting = actingOf(committing);
  if ('commit' in result) {
    if (!isResuming) return;
    const stop = plugins.findStop(org, ref);
    if (mayMoveMain(asMover(committing))) await plugins.resumeBinding(org, ref, acting);
    else if (stop) throw stillStopped(stop);
  } else if (isOn(place.entry) && !isOn(next)) {
    await plugins.stopBinding(org, ref, result.change.number, acting);
  }
}

function stillStopped({ change }: BindingStop): WaymarkError {
  const message = `it is stopped until change request ${change} is merged or closed`;
  const details = { current: 'stopped', allowed: [], change };
  return new WaymarkError('RES_STATE_CONFLICT', message, { details });
}

/** Who may manage bindings may do so on `main`, though not push to it: this edit is all they make. */
const asMover = (committing: Committing): Committing => ({
  ...committing,
  permissions: committing.permissions.union(new Set(['registry:main'] as const)),
});

const actingOf = ({ actor, requestId = '' }: Committing): Acting => ({ actor, requestId });

const isOvertaken = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT';
