/** Which type a column of given cells has, and how a cell fits into the type that a column has already. */
import type { Cell } from './cells.js';
import { familyOf, isFloat, isInteger } from './dtypes.js';

const int64Max = 2n ** 63n - 1n;

/** The narrowest type that holds all cells as they are; JSON for mixed ones, and where all are null. */
export function typeOfCells(cells: readonly Cell[]): string {
  let type: string | null = null;
  for (const cell of cells) {
    if (cell === null) continue;
    const own = typeOfCell(cell);
    if (type === null || type === own) type = own;
    else if (isNumber(type) && isNumber(own)) type = 'DOUBLE';
    else return 'JSON';
  }
  return type ?? 'JSON';
}

const isNumber = (type: string): boolean => type === 'BIGINT' || type === 'DOUBLE';

function typeOfCell(cell: Cell): string {
  if (typeof cell === 'boolean') return 'BOOLEAN';
  if (typeof cell === 'string') return 'VARCHAR';
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? 'BIGINT' : 'DOUBLE';
  return 'JSON';
}

/** The type that a column of one type has once a cell was put into it: its own where the cell fits. */
export function widened(type: string, cell: Cell): string {
  if (cell === null || type === 'JSON') return type;
  if (typeof cell === 'number') {
    if (isFloat(type)) return type;
    if (isInteger(type)) return fitsInteger(type, cell) ? type : 'DOUBLE';
  }
  if (typeof cell === 'boolean' && type === 'BOOLEAN') return type;
  if (typeof cell === 'string' && fitsText(type, cell)) return type;
  return 'JSON';
}

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  TINYINT: [-128n, 127n],
  SMALLINT: [-32_768n, 32_767n],
  INTEGER: [-2_147_483_648n, 2_147_483_647n],
  BIGINT: [-int64Max - 1n, int64Max],
  UTINYINT: [0n, 255n],
  USMALLINT: [0n, 65_535n],
  UINTEGER: [0n, 4_294_967_295n],
  UBIGINT: [0n, 2n ** 64n - 1n],
};

function fitsInteger(type: string, value: number | string): boolean {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return false;
  const whole = BigInt(value);
  const [least, most] = ranges[type] ?? [-(2n ** 127n), 2n ** 127n - 1n];
  return whole >= least && whole <= most;
}

/** Whole numbers beyond 2^53 come as text, and so do times and decimals. */
function fitsText(type: string, text: string): boolean {
  const family = familyOf(type);
  if (family === 'text') return type === 'VARCHAR';
  if (isInteger(type)) return /^-?\d{1,39}$/.test(text) && fitsInteger(type, text);
  if (isFloat(type)) return /^-?Infinity$/.test(text);
  if (type.startsWith('DECIMAL')) return /^-?\d{1,38}(\.\d{1,38})?$/.test(text);
  if (type === 'DATE') return isDate(text) && /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (family === 'date') return /^\d{4}-\d{2}-\d{2}/.test(text) && isDate(text) && isTime(text, type);
  return false;
}

/** A day that there is: 30 February would be read as 1 or 2 March. Offsets are none of a time without a zone. */
function isDate(text: string): boolean {
  const time = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 10));
}

const clock = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?$/;

function isTime(text: string, type: string): boolean {
  if (text.length === 10) return true;
  const zone = type === 'TIMESTAMP WITH TIME ZONE' ? /(Z|[+-]\d{2}:\d{2})$/ : /Z$/;
  return /^[ T]$/.test(text.charAt(10)) && clock.test(text.slice(11).replace(zone, ''));
}

/** A column of one type as another, exactly, as SQL: in mixed content a cell is what it was answered as before. */
export function castSql(expression: string, from: string, to: string): string {
  if (from === to) return expression;
  if (to !== 'JSON') return `CAST(${expression} AS ${to})`;
  if (isInteger(from)) return wholeOrText(expression, `abs(${expression}::HUGEINT) <= ${maxSafe}`);
  if (isFloat(from)) return floatJson(expression);
  if (from.startsWith('DECIMAL')) return `to_json(${expression}::VARCHAR)`;
  if (/^TIMESTAMP(_|$)/.test(from)) return `to_json(replace(${expression}::VARCHAR, ' ', 'T'))`;
  return `to_json(${expression})`;
}

const maxSafe = Number.MAX_SAFE_INTEGER;

const wholeOrText = (expression: string, isSafe: string): string =>
  `CASE WHEN ${isSafe} THEN to_json(${expression}) ELSE to_json(${expression}::VARCHAR) END`;

/** Equal numbers are equal texts, as 2 and 2.0 would not be; JSON has no infinities. */
function floatJson(expression: string): string {
  const isWhole = `abs(${expression}) <= ${maxSafe} AND ${expression} = trunc(${expression})`;
  const endless = `to_json(CASE WHEN ${expression} > 0 THEN 'Infinity' ELSE '-Infinity' END)`;
  return (
    `CASE WHEN isinf(${expression}) THEN ${endless} ` +
    `WHEN ${isWhole} THEN to_json(${expression}::BIGINT) ELSE to_json(${expression}) END`
  );
}
