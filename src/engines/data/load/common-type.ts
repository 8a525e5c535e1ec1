/** One type for cells of several: what joining columns and comparing labels needs. */
import { isFloat, isInteger } from '../dtypes.js';

/** The narrowest type that holds cells of both; JSON where they have nothing in common. */
export function commonType(a: string, b: string): string {
  if (a === b) return a;
  const isNumber = (type: string) => isInteger(type) || isFloat(type);
  if (!isNumber(a) || !isNumber(b)) return 'JSON';
  if (isFloat(a) || isFloat(b)) return 'DOUBLE';
  return a.includes('HUGEINT') || b.includes('HUGEINT') ? 'HUGEINT' : widest(a, b);
}

const widest = (a: string, b: string): string => (a === 'UBIGINT' || b === 'UBIGINT' ? 'HUGEINT' : 'BIGINT');
