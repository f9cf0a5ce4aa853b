import { setImmediate } from 'node:timers/promises';
import type { FileChange } from '../git/edit-tree.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import { isError } from '../model/diagnostic.ts';
import { invalidField } from '../model/errors.ts';
import { checkTreeEntry } from '../registry/tree-rules.ts';
import { type PatchStep, patchFile } from '../registry/yaml-patch.ts';
import { EditedTree } from './edited-tree.ts';

/** One step of an edit. Each sees what those before it made. */
export type Operation =
  /** The file's whole content, in UTF-8 unless it says that it is in base64. */
  | { op: 'upsert'; path: string; content: string; encoding?: 'base64' }
  /** RFC 6902 on the document that the file holds. */
  | { op: 'patch'; path: string; patch: readonly PatchStep[] }
  /** A file, or a folder with all that is in it. */
  | { op: 'rename'; path: string; to: string }
  | { op: 'remove'; path: string };

/** Of all documents that one edit patches: each KiB holds everyone else up for 2 ms. */
const MOST_PATCHED_BYTES = 512 * 1024;

/**
 * What the operations change of a commit's tree, for `editTree`; nothing where
 * they come to the same files.
 *
 * @param base a commit
 * @throws {WaymarkError} `VAL_FAILED` that names the operation's field at fault;
 *   `REG_CORRUPT` for a base that is not there
 */
export async function applyOperations(
  objects: ObjectPool,
  base: string,
  operations: readonly Operation[],
): Promise<FileChange[]> {
  const tree = new EditedTree(objects, (await objects.readCommit(base)).tree);
  let patchedBytes = 0;
  for (const [i, operation] of operations.entries()) {
    const field = `operations.${i}`;
    checkPath(`${field}.path`, operation.path);
    if (operation.op === 'patch') {
      patchedBytes += (await tree.read(operation.path))?.length ?? 0;
      if (patchedBytes > MOST_PATCHED_BYTES) throw tooMuchPatched(field);
      await setImmediate(); // whoever waits is served between two documents
    }
    await apply(tree, operation, field);
  }
  return await tree.changes();
}

async function apply(tree: EditedTree, operation: Operation, field: string): Promise<void> {
  const { path } = operation;
  switch (operation.op) {
    case 'upsert':
      if ((await tree.filesAt(path)).some((file) => file !== path)) {
        throw invalidField(`${field}.path`, `${path} is a folder`);
      }
      tree.write(path, bytesOf(operation, field));
      return;
    case 'patch':
      tree.write(path, await patch(tree, operation, field));
      return;
    case 'rename':
      checkPath(`${field}.to`, operation.to);
      await rename(tree, operation, field);
      return;
    case 'remove':
      for (const file of await filesAt(tree, path, field)) tree.remove(file);
  }
}

function bytesOf(
  { content, encoding }: Extract<Operation, { op: 'upsert' }>,
  field: string,
): Buffer {
  if (encoding === undefined) return Buffer.from(content);
  const bytes = Buffer.from(content, 'base64');
  // Node reads what it can of a text that is not base64.
  if (bytes.toString('base64') === content) return bytes;
  throw invalidField(`${field}.content`, 'is not base64, padded and without line ends');
}

async function patch(
  tree: EditedTree,
  { path, patch: steps }: Extract<Operation, { op: 'patch' }>,
  field: string,
): Promise<Buffer> {
  if (!path.endsWith('.yaml')) {
    throw invalidField(`${field}.path`, 'only a document, which ends in .yaml, is patched');
  }
  const bytes = await tree.read(path);
  if (!bytes) throw notThere(`${field}.path`, path);
  const patched = patchFile(bytes, steps);
  if (patched.ok) return patched.value;
  const { step, message } = patched.error;
  throw invalidField(step === undefined ? `${field}.patch` : `${field}.patch.${step}`, message);
}

async function rename(
  tree: EditedTree,
  { path, to }: Extract<Operation, { op: 'rename' }>,
  field: string,
): Promise<void> {
  const files = await filesAt(tree, path, field);
  if (`${to}/`.startsWith(`${path}/`)) {
    throw invalidField(`${field}.to`, `${to} is ${path} itself, or is in it`);
  }
  if ((await tree.filesAt(to)).length > 0)
    throw invalidField(`${field}.to`, `${to} is there already`);
  for (const file of files) await tree.move(file, to + file.slice(path.length));
}

async function filesAt(tree: EditedTree, path: string, field: string): Promise<string[]> {
  const files = await tree.filesAt(path);
  if (files.length === 0) throw notThere(`${field}.path`, path);
  return files;
}

const tooMuchPatched = (field: string) =>
  invalidField(
    field,
    `the documents that are patched have more than ${MOST_PATCHED_BYTES / 1024} KiB together`,
    'too_large',
  );

const notThere = (field: string, path: string) =>
  invalidField(field, `there is no ${path}`, 'not_found');

/** By the rules for every name in a registry, before any of it is written. */
function checkPath(field: string, path: string): void {
  const names = path.split('/');
  for (const [i, name] of names.entries()) {
    const folder = names.slice(0, i).join('/');
    const fault = checkTreeEntry(folder, Buffer.from(name), '100644').find(isError);
    if (fault) throw invalidField(field, fault.message, fault.code);
  }
}
