/** What a document says about itself, as its file has it. */
export interface Metadata {
  id?: string;
  title?: string;
  description?: string;
  labels?: Readonly<Record<string, string>>;
}

/** The same where it is no file: what is not said has a value too. */
export interface ShownMetadata {
  /** The name where there is no title. */
  displayName: string;
  description: string | null;
  labels: Readonly<Record<string, string>>;
}

/** What is not given stays; null takes away. */
export interface MetadataChange {
  displayName?: string | null;
  description?: string | null;
  /** All of them. */
  labels?: Readonly<Record<string, string>>;
}

export const shownMetadata = (name: string, metadata: Metadata = {}): ShownMetadata => ({
  displayName: metadata.title ?? name,
  description: metadata.description ?? null,
  labels: metadata.labels ?? {},
});

/** Undefined of nothing. What is written as it is shown anyway changes nothing. */
export function changedMetadata(
  name: string,
  before: Metadata = {},
  { displayName, description, labels }: MetadataChange,
): Metadata | undefined {
  const next: Metadata = { ...before };
  if (displayName !== undefined && displayName !== shownMetadata(name, before).displayName) {
    setOrDrop(next, 'title', displayName);
  }
  if (description !== undefined) setOrDrop(next, 'description', description);
  if (labels) setOrDrop(next, 'labels', Object.keys(labels).length > 0 ? labels : null);
  return Object.keys(next).length > 0 ? next : undefined;
}

function setOrDrop<K extends keyof Metadata>(
  metadata: Metadata,
  field: K,
  value: NonNullable<Metadata[K]> | null,
): void {
  if (value === null) delete metadata[field];
  else metadata[field] = value;
}
