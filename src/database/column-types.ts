import { type ColumnDataType, type ColumnDefinitionBuilder, type Expression, sql } from 'kysely';
import type { DialectName } from './dialect.ts';

type DataType = ColumnDataType | Expression<unknown>;

/** The column types that the two databases name differently. */
export interface ColumnTypes {
  /** Compared by bytes, so that both databases sort names alike. */
  text: DataType;
  bytes: DataType;
  /** 64 bits. */
  integer: DataType;
}

export const columnTypes: Record<DialectName, ColumnTypes> = {
  sqlite: { text: 'text', bytes: 'blob', integer: 'integer' },
  postgres: { text: sql`text collate "C"`, bytes: 'bytea', integer: 'bigint' },
};

/**
 * A row that goes with its org. The database checks it, so that a request still
 * under way when an org is removed leaves nothing to the next one of that name.
 */
export const owned = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
  column.notNull().references('org.slug').onDelete('cascade');
