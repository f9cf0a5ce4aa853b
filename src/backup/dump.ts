/** A row as JSON has it; names are camelCase. */
export type DumpedRow = Readonly<Record<string, string | number | null>>;

/** What the database holds, in a form that every database takes. */
export interface DatabaseDump {
  /** The newest migration: a restore builds the same tables before it fills them. */
  readonly schema: string;
  /**
   * Gives table after table as of one moment. What can be made anew, and what outlives no restart,
   * such as sessions, is left out.
   */
  read(take: (table: string, rows: AsyncIterable<DumpedRow>) => Promise<void>): Promise<void>;
}

export interface DatabaseRestore {
  /** Whether this version has had that migration. */
  isKnown: (schema: string) => boolean;
  /**
   * Builds the tables of that migration, fills them in one transaction, and brings them up to date.
   *
   * @param rowsOf undefined for a table that was not dumped
   * @returns false, and nothing is written, where there are tables already
   */
  fill(
    schema: string,
    rowsOf: (table: string) => AsyncIterable<DumpedRow> | undefined,
  ): Promise<boolean>;
}
