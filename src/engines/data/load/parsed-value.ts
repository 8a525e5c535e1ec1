/** What texts such as YAML say, as plain values. Whole numbers that JSON cannot hold exactly are bigint. */

export type ParsedValue = null | boolean | number | bigint | string | ParsedValue[] | ParsedRecord;
export interface ParsedRecord {
  [key: string]: ParsedValue;
}

export const isRecord = (value: ParsedValue | undefined): value is ParsedRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As JSON; large whole numbers are written out. */
export function jsonText(value: ParsedValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`);
  return `{${members.join(',')}}`;
}

/** What can stand alone, as text. */
export const plainText = (value: ParsedValue | undefined): string =>
  typeof value === 'object' && value !== null ? jsonText(value) : String(value ?? '');

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** A number where it is exact as one. */
export const exactly = (value: bigint): number | bigint =>
  value >= -maxSafe && value <= maxSafe ? Number(value) : value;
