/** What columns of JSON hold, and how they become columns of other types. */

/** Kinds of values as bits, so that a column's kinds are one number. */
const kinds = {
  boolean: 1,
  integer: 2,
  huge: 4,
  endless: 8,
  float: 16,
  text: 32,
  list: 64,
  record: 128,
} as const;

/** An aggregate over a column of JSON: which kinds of values it has. */
export const jsonKinds = (column: string): string =>
  `coalesce(bit_or(CASE json_type(${column}) WHEN 'NULL' THEN 0 WHEN 'BOOLEAN' THEN ${kinds.boolean}
    WHEN 'VARCHAR' THEN ${kinds.text} WHEN 'ARRAY' THEN ${kinds.list} WHEN 'OBJECT' THEN ${kinds.record}
    ELSE CASE WHEN ${column} IS NULL THEN 0
      WHEN NOT regexp_full_match(${column}::VARCHAR, '-?\\d+') THEN ${kinds.float}
      WHEN try_cast(${column}::VARCHAR AS BIGINT) IS NOT NULL THEN ${kinds.integer}
      WHEN try_cast(${column}::VARCHAR AS HUGEINT) IS NOT NULL THEN ${kinds.huge}
      ELSE ${kinds.endless} END END), 0)::INTEGER`;

/** LIST: what is in the lists has to be looked at. */
export function jsonTypeOf(found: number): string {
  if (found === kinds.boolean) return 'BOOLEAN';
  if (found === kinds.text || found === kinds.endless) return 'VARCHAR';
  if (found === kinds.list) return 'LIST';
  return numberType(found) ?? 'JSON';
}

export function jsonListType(found: number): string {
  if (found === kinds.boolean) return 'BOOLEAN[]';
  if (found === kinds.text) return 'VARCHAR[]';
  const type = numberType(found);
  return type === null ? 'JSON' : `${type}[]`;
}

function numberType(found: number): string | null {
  if (found === kinds.integer) return 'BIGINT';
  if (found === kinds.huge || found === (kinds.integer | kinds.huge)) return 'HUGEINT';
  const numbers = kinds.integer | kinds.huge | kinds.float;
  return found !== 0 && (found & ~numbers) === 0 ? 'DOUBLE' : null;
}

/** A column of JSON as a type that its kinds allow. */
export function fromJson(column: string, type: string): string {
  if (type === 'JSON') return `CASE WHEN json_type(${column}) = 'NULL' THEN NULL ELSE ${column} END`;
  if (type.endsWith('[]')) return `${column}::${type}`;
  const text = `(${column} ->> '$')`;
  return type === 'VARCHAR' ? text : `${text}::${type}`;
}
