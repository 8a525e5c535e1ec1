/**
 * Values that columns are compared with, as SQL. What cannot be compared is an error that names the column and its
 * type: an empty answer would look like one.
 */
import { SojournError } from '../../../types/errors.js';
import { isFloat, isInteger } from '../dtypes.js';
import { textLiteral } from '../sql-text.js';
import type { Scalar } from './conditions.js';
import type { Target } from './target.js';

/** The two sides of a comparison. */
export interface Operands {
  readonly column: string;
  readonly value: string;
}

/** @throws data_error */
export function operandsOf(target: Target, value: Scalar): Operands {
  if (value === null) {
    const hint = "is compared with null: use the operators 'is null' and 'is not null'.";
    throw new SojournError('data_error', `Column '${target.name}' ${hint}`, { column: target.name });
  }
  const operands = operandsOfType(target, value);
  if (operands) return operands;
  throw mismatch(target, value, wanted(target));
}

function operandsOfType(target: Target, value: NonNullable<Scalar>): Operands | null {
  const { ref, type, family } = target;
  if (type === 'JSON') return jsonOperands(ref, value);
  const text = typeof value === 'string' ? value : null;
  switch (family) {
    case 'number':
      return both(ref, numberLiteral(target, value));
    case 'boolean':
      return typeof value === 'boolean' ? { column: ref, value: String(value) } : null;
    case 'text':
      return text === null ? null : { column: textOf(target), value: textLiteral(text) };
    case 'date':
      return text === null ? null : dateOperands(target, text);
    default:
      return text !== null && (type === 'TIME' || type === 'INTERVAL')
        ? { column: ref, value: `${textLiteral(text)}::${type}` }
        : null;
  }
}

const both = (column: string, value: string | null): Operands | null =>
  value === null ? null : { column, value };

/** Enumerations and UUIDs are compared as the texts that they are answered as. */
export const textOf = ({ ref, type }: Target): string =>
  type === 'JSON' ? `(${ref}->>'$')` : type === 'VARCHAR' ? ref : `${ref}::VARCHAR`;

/** Cells of mixed content are compared with values of their own kind; the others do not match. */
function jsonOperands(ref: string, value: string | number | boolean): Operands {
  const kind = `json_type(${ref})`;
  const text = `(${ref}->>'$')`;
  if (typeof value === 'string')
    return { column: `CASE WHEN ${kind} = 'VARCHAR' THEN ${text} END`, value: textLiteral(value) };
  if (typeof value === 'boolean')
    return { column: `CASE WHEN ${kind} = 'BOOLEAN' THEN ${text}::BOOLEAN END`, value: String(value) };
  const numbers = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')";
  return {
    column: `CASE WHEN ${kind} IN ${numbers} THEN ${text}::DOUBLE END`,
    value: doubleLiteral(value),
  };
}

const doubleLiteral = (value: number): string => `'${value}'::DOUBLE`;

function numberLiteral(target: Target, value: NonNullable<Scalar>): string | null {
  const { type } = target;
  if (typeof value === 'boolean') return null;
  if (typeof value === 'string') return numberFromText(type, value);
  if (Number.isNaN(value)) return null;
  if (isFloat(type))
    return type === 'FLOAT' && Math.abs(value) < 3e38 ? `'${value}'::FLOAT` : doubleLiteral(value);
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e38) {
    const detail = `${value} is beyond 2^53, where numbers of JSON are not exact: give column '${target.name}' a text.`;
    throw new SojournError('data_error', detail, { column: target.name, dtype: target.dtype });
  }
  const text = String(value);
  return /^-?\d+(\.\d+)?$/.test(text) ? text : doubleLiteral(value);
}

/** Texts stand for numbers only where a number of JSON could not say it. */
function numberFromText(type: string, text: string): string | null {
  if (isFloat(type)) return text === 'Infinity' || text === '-Infinity' ? `'${text}'::DOUBLE` : null;
  const pattern = isInteger(type) ? /^-?\d{1,38}$/ : /^-?\d{1,38}(\.\d{1,38})?$/;
  return pattern.test(text) ? text : null;
}

const isoDate =
  /^(\d{4})-(\d\d)-(\d\d)([T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;

function dateOperands({ ref, type }: Target, text: string): Operands | null {
  const found = isoDate.exec(text);
  if (!found) return null;
  const [, year, month, day, time, zone] = found;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return null;
  const literal = textLiteral(text);
  if (type === 'DATE' && time === undefined) return { column: ref, value: `${literal}::DATE` };
  const own = type === 'DATE' ? 'TIMESTAMP' : type;
  const column = type === 'DATE' ? `${ref}::TIMESTAMP` : ref;
  const exact = zone === undefined || own === 'TIMESTAMP WITH TIME ZONE';
  return { column, value: exact ? `${literal}::${own}` : `${literal}::TIMESTAMPTZ::TIMESTAMP::${own}` };
}

function wanted({ type, family }: Target): string {
  if (family === 'number') return isInteger(type) ? 'a number, or its digits as text' : 'a number';
  if (family === 'boolean') return 'true or false';
  if (family === 'text') return 'a text';
  if (family === 'date') return 'a text such as 2024-02-29 or 2024-02-29T12:30:00';
  if (type === 'TIME' || type === 'INTERVAL') return 'a text';
  return 'is null or is not null; its cells cannot be compared';
}

export function mismatch(target: Target, value: unknown, want: string): SojournError {
  const { name, dtype } = target;
  const given = givenText(value);
  const detail = `Column '${name}' is ${dtype} and cannot be compared with ${given}; give ${want}.`;
  return new SojournError('data_error', detail, { column: name, dtype, given });
}

function givenText(value: unknown): string {
  if (typeof value === 'string') return `the text '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return value === undefined ? 'nothing' : 'null';
}
