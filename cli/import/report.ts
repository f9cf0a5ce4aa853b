/** Why something in the source is not, or not as it was, in the registry. */
export type NoteCode =
  | 'remote-source' // an entry whose plugin lies elsewhere
  | 'missing-folder'
  | 'not-listed' // a plugin that no entry names
  | 'listed-twice'
  | 'manifest-invalid'
  | 'manifest-generated'
  | 'manifest-completed' // with lists that only the entry had
  | 'field-in-original' // no place in the YAML: only the kept original says it
  | 'field-overruled'
  | 'field-shortened'
  | 'name-adapted'
  | 'header-invalid'
  | 'description-from-text'
  | 'entry-unsupported' // a hook handler or server that no object can express
  | 'secret-replaced'
  | 'object-refused'
  | 'path-missing' // a manifest names what is not there
  | 'file-moved'
  | 'file-dropped';

export interface Note {
  code: NoteCode;
  /** In the source. */
  path: string;
  field?: string;
  message: string;
}

/** Where the Claude layout of an imported plugin differs from its source folder. */
export interface Difference {
  plugin: string;
  /** In the plugin's folder. */
  path: string;
  change: 'added' | 'changed' | 'missing';
}

/** Depends on the source alone: no time, no machine, so that a second import gives the same. */
export interface ImportReport {
  marketplace: { id: string; name: string; entries: number };
  counts: Record<string, number>;
  plugins: { id: string; name: string; folder: string }[];
  differences: Difference[];
  notes: Note[];
}

/** The printed form: totals, then each code with its number and its first places. */
export function formatReport(report: ImportReport): string[] {
  const counts = Object.entries(report.counts).map(([name, count]) => `${count} ${name}`);
  const lines = [`${report.marketplace.name}: ${counts.join(', ')}`];
  const byCode = Map.groupBy(report.notes, ({ code }) => code);
  for (const [code, notes] of [...byCode].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push('', `${code} (${notes.length})`);
    for (const { path, field, message } of notes.slice(0, SHOWN)) {
      lines.push(`  ${path}${field ? ` ${field}` : ''}: ${message}`);
    }
    if (notes.length > SHOWN) lines.push(`  … ${notes.length - SHOWN} more in import-report.json`);
  }
  return lines;
}

const SHOWN = 5;
