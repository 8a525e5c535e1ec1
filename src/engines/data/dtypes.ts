/**
 * The types of columns by the names that pandas gives them. Whole numbers and booleans that have nulls stay what they
 * are (`Int64`, `boolean`, pandas' nullable types) where pandas by default would make floats or objects of them.
 */

const names: Readonly<Record<string, readonly [plain: string, nullable: string]>> = {
  TINYINT: ['int8', 'Int8'],
  SMALLINT: ['int16', 'Int16'],
  INTEGER: ['int32', 'Int32'],
  BIGINT: ['int64', 'Int64'],
  UTINYINT: ['uint8', 'UInt8'],
  USMALLINT: ['uint16', 'UInt16'],
  UINTEGER: ['uint32', 'UInt32'],
  UBIGINT: ['uint64', 'UInt64'],
  HUGEINT: ['int128', 'Int128'],
  UHUGEINT: ['uint128', 'UInt128'],
  FLOAT: ['float32', 'float32'],
  DOUBLE: ['float64', 'float64'],
  BOOLEAN: ['bool', 'boolean'],
  TIMESTAMP: ['datetime64[us]', 'datetime64[us]'],
  TIMESTAMP_S: ['datetime64[s]', 'datetime64[s]'],
  TIMESTAMP_MS: ['datetime64[ms]', 'datetime64[ms]'],
  TIMESTAMP_NS: ['datetime64[ns]', 'datetime64[ns]'],
  'TIMESTAMP WITH TIME ZONE': ['datetime64[us, UTC]', 'datetime64[us, UTC]'],
  DATE: ['date', 'date'],
  TIME: ['time', 'time'],
  INTERVAL: ['timedelta64[us]', 'timedelta64[us]'],
};

/** @param type as DuckDB writes it, e.g. BIGINT or VARCHAR */
export function dtypeOf(type: string, nullable: boolean): string {
  const [plain, withNulls] = names[type] ?? [];
  if (plain !== undefined && withNulls !== undefined) return nullable ? withNulls : plain;
  if (type.startsWith('DECIMAL')) return 'decimal';
  return 'object';
}

/** By the names of columns. */
export const dtypesOf = (
  columns: readonly { readonly name: string; readonly type: string; readonly nullable: boolean }[],
): Record<string, string> =>
  Object.fromEntries(columns.map(({ name, type, nullable }) => [name, dtypeOf(type, nullable)]));

export type Family = 'number' | 'text' | 'boolean' | 'date' | 'other';

const integers = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'HUGEINT',
  'UHUGEINT',
]);

export const isInteger = (type: string): boolean => integers.has(type);
export const isFloat = (type: string): boolean => type === 'DOUBLE' || type === 'FLOAT';

/** What can be compared with what. Columns of mixed content are `other`. */
export function familyOf(type: string): Family {
  if (isInteger(type) || isFloat(type) || type.startsWith('DECIMAL')) return 'number';
  if (type === 'VARCHAR' || type === 'UUID' || type.startsWith('ENUM')) return 'text';
  if (type === 'BOOLEAN') return 'boolean';
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) return 'date';
  return 'other';
}
