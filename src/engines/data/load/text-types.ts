/**
 * What columns of texts hold, by the rules of pandas: booleans, whole numbers, numbers, or texts. Dates stay texts.
 * A whole number never becomes one with a fraction that is only near to it.
 */

/** Kinds of cells as bits, so that a column's kinds are one number. */
const kinds = { boolean: 1, integer: 2, huge: 4, endless: 8, float: 16, text: 32 } as const;

const trueTexts = "('true', 'True', 'TRUE')";
const falseTexts = "('false', 'False', 'FALSE')";
const wholeNumber = String.raw`'\s*[+-]?\d+\s*'`;

/**
 * An aggregate over a column of texts: which kinds of cells it has. What is frequent is asked first, and a pattern
 * only where nothing cheaper decides.
 */
export const kindsIn = (column: string): string =>
  `coalesce(bit_or(CASE WHEN ${column} IS NULL THEN 0
    WHEN try_cast(${column} AS BIGINT)::VARCHAR = ${column} THEN ${kinds.integer}
    WHEN ${column} IN ${trueTexts} OR ${column} IN ${falseTexts} THEN ${kinds.boolean}
    WHEN try_cast(${column} AS DOUBLE) IS NULL OR contains(${column}, '_') THEN ${kinds.text}
    WHEN contains(${column}, '.') THEN ${kinds.float}
    WHEN NOT regexp_full_match(${column}, ${wholeNumber}) THEN ${kinds.float}
    WHEN try_cast(${column} AS BIGINT) IS NOT NULL THEN ${kinds.integer}
    WHEN try_cast(${column} AS HUGEINT) IS NOT NULL THEN ${kinds.huge}
    ELSE ${kinds.endless} END), 0)`;

export type TextType = 'BOOLEAN' | 'BIGINT' | 'HUGEINT' | 'DOUBLE' | 'VARCHAR';

/** The narrowest type for cells of these kinds; columns of nulls are numbers, as in pandas. */
export function typeOfKinds(found: number): TextType {
  if (found === 0) return 'DOUBLE';
  if (found === kinds.boolean) return 'BOOLEAN';
  const others = found & ~(kinds.integer | kinds.huge);
  if (others === 0) return (found & kinds.huge) === 0 ? 'BIGINT' : 'HUGEINT';
  const isNumeric = (found & (kinds.boolean | kinds.text)) === 0;
  return isNumeric && (found & kinds.float) !== 0 ? 'DOUBLE' : 'VARCHAR';
}

/** Whether cells of these kinds can be read as a type. */
export function canBe(found: number, type: TextType): boolean {
  if (type === 'VARCHAR') return true;
  if (type === 'BOOLEAN') return (found & ~kinds.boolean) === 0;
  const whole = kinds.integer | kinds.huge;
  if (type === 'HUGEINT') return (found & ~whole) === 0;
  if (type === 'BIGINT') return (found & ~kinds.integer) === 0;
  return (found & (kinds.boolean | kinds.text)) === 0;
}

/** What the database says when a cell is not of the type that was taken for its column. */
export const misjudged = 'cell of another type';

/**
 * A column of texts as a type. Where the type is a guess, a cell that does not fit makes the query fail; the
 * database's own casts would take `1.5` for 2 and `yes` for true.
 */
export function asType(column: string, type: TextType, isGuess: boolean): string {
  if (type === 'VARCHAR') return column;
  const fail = `error('${misjudged}')`;
  if (type === 'BOOLEAN')
    return `CASE WHEN ${column} IN ${trueTexts} THEN true WHEN ${column} IN ${falseTexts} THEN false
      WHEN ${column} IS NULL THEN NULL ELSE ${fail} END`;
  if (type === 'DOUBLE') {
    const cast = `nullif(${column}::DOUBLE, 'nan'::DOUBLE)`;
    return isGuess ? `CASE WHEN contains(${column}, '_') THEN ${fail} ELSE ${cast} END` : cast;
  }
  const cast = `${column}::${type}`;
  return isGuess
    ? `CASE WHEN ${cast}::VARCHAR = ${column} THEN ${cast} WHEN ${column} IS NULL THEN NULL ELSE ${fail} END`
    : cast;
}
