/**
 * Columns of DuckDB as columns of Arrow: whole numbers, floats, booleans, dates, timestamps and decimals as what they
 * are; everything else as text, nested values as the text of their JSON.
 */
import type * as ArrowLibrary from 'apache-arrow';
import type { Data, DataType } from 'apache-arrow';
import type { DuckDBVector } from '@duckdb/node-api';
import { duckdb } from '../duckdb.js';

type Arrow = typeof ArrowLibrary;

export interface ArrowColumn {
  readonly type: DataType;
  /** What DuckDB is asked for, so that cells come in a form that is quickly put into Arrow's. */
  sql(ref: string): string;
  /** The cells of a chunk. */
  data(vector: DuckDBVector, rows: number): Data;
}

type NumberArray =
  Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

/** @param type as DuckDB writes it */
export function arrowColumn(arrow: Arrow, type: string): ArrowColumn {
  const numbers = numberColumn(arrow, type);
  if (numbers) return numbers;
  if (type === 'BIGINT') return bigColumn(arrow, new arrow.Int64(), (ref) => ref);
  if (type === 'UBIGINT') return bigColumn(arrow, new arrow.Uint64(), (ref) => ref);
  if (type === 'BOOLEAN') return booleanColumn(arrow);
  if (type === 'DATE') return dateColumn(arrow);
  if (type === 'TIMESTAMP_NS')
    return bigColumn(arrow, new arrow.TimestampNanosecond(), (ref) => `epoch_ns(${ref})`);
  if (type.startsWith('TIMESTAMP')) {
    const zone = type === 'TIMESTAMP WITH TIME ZONE' ? 'UTC' : null;
    return bigColumn(arrow, new arrow.TimestampMicrosecond(zone), (ref) => `epoch_us(${ref})`);
  }
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (decimal) return decimalColumn(arrow, Number(decimal[1]), Number(decimal[2]));
  return textColumn(arrow, textSql(type));
}

function numberColumn(arrow: Arrow, type: string): ArrowColumn | null {
  const column = (own: DataType, make: (rows: number) => NumberArray): ArrowColumn => ({
    type: own,
    sql: (ref) => ref,
    data: (vector, rows) => {
      const values = make(rows);
      const nulls = new Nulls(rows);
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (typeof value === 'number') values[row] = value;
        else nulls.add(row);
      }
      return dataOf(arrow, own, nulls, values);
    },
  });
  switch (type) {
    case 'TINYINT':
      return column(new arrow.Int8(), (rows) => new Int8Array(rows));
    case 'SMALLINT':
      return column(new arrow.Int16(), (rows) => new Int16Array(rows));
    case 'INTEGER':
      return column(new arrow.Int32(), (rows) => new Int32Array(rows));
    case 'UTINYINT':
      return column(new arrow.Uint8(), (rows) => new Uint8Array(rows));
    case 'USMALLINT':
      return column(new arrow.Uint16(), (rows) => new Uint16Array(rows));
    case 'UINTEGER':
      return column(new arrow.Uint32(), (rows) => new Uint32Array(rows));
    case 'FLOAT':
      return column(new arrow.Float32(), (rows) => new Float32Array(rows));
    case 'DOUBLE':
      return column(new arrow.Float64(), (rows) => new Float64Array(rows));
    default:
      return null;
  }
}

function bigColumn(arrow: Arrow, type: DataType, sql: (ref: string) => string): ArrowColumn {
  const isUnsigned = type instanceof arrow.Uint64;
  return {
    type,
    sql,
    data: (vector, rows) => {
      const values = isUnsigned ? new BigUint64Array(rows) : new BigInt64Array(rows);
      const nulls = new Nulls(rows);
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (typeof value === 'bigint') values[row] = value;
        else nulls.add(row);
      }
      return dataOf(arrow, type, nulls, values);
    },
  };
}

function booleanColumn(arrow: Arrow): ArrowColumn {
  const type = new arrow.Bool();
  return {
    type,
    sql: (ref) => ref,
    data: (vector, rows) => {
      const bits = new Uint8Array(Math.ceil(rows / 8));
      const nulls = new Nulls(rows);
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (value === null) nulls.add(row);
        else if (value === true) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
      }
      return dataOf(arrow, type, nulls, bits);
    },
  };
}

function dateColumn(arrow: Arrow): ArrowColumn {
  const type = new arrow.DateDay();
  const { DuckDBDateValue } = duckdb();
  return {
    type,
    sql: (ref) => ref,
    data: (vector, rows) => {
      const days = new Int32Array(rows);
      const nulls = new Nulls(rows);
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (value instanceof DuckDBDateValue) days[row] = value.days;
        else nulls.add(row);
      }
      return dataOf(arrow, type, nulls, days);
    },
  };
}

function decimalColumn(arrow: Arrow, width: number, scale: number): ArrowColumn {
  const type = new arrow.Decimal(scale, width);
  const { DuckDBDecimalValue } = duckdb();
  return {
    type,
    sql: (ref) => ref,
    data: (vector, rows) => {
      const halves = new BigInt64Array(rows * 2);
      const nulls = new Nulls(rows);
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (value instanceof DuckDBDecimalValue) {
          halves[row * 2] = BigInt.asIntN(64, value.value);
          halves[row * 2 + 1] = value.value >> 64n;
        } else nulls.add(row);
      }
      const data = new Uint32Array(halves.buffer);
      return dataOf(arrow, type, nulls, data);
    },
  };
}

function textSql(type: string): (ref: string) => string {
  if (type === 'VARCHAR') return (ref) => ref;
  if (type === 'BLOB') return (ref) => `base64(${ref})`;
  const isNested = /[[(]/.test(type) && !type.startsWith('ENUM');
  return isNested ? (ref) => `to_json(${ref})::VARCHAR` : (ref) => `${ref}::VARCHAR`;
}

function textColumn(arrow: Arrow, sql: (ref: string) => string): ArrowColumn {
  const type = new arrow.Utf8();
  return {
    type,
    sql,
    data: (vector, rows) => {
      const nulls = new Nulls(rows);
      const offsets = new Int32Array(rows + 1);
      const texts: Buffer[] = [];
      let end = 0;
      for (let row = 0; row < rows; row += 1) {
        const value = vector.getItem(row);
        if (typeof value === 'string') {
          const bytes = Buffer.from(value);
          texts.push(bytes);
          end += bytes.length;
        } else nulls.add(row);
        offsets[row + 1] = end;
      }
      const data = Buffer.concat(texts, end);
      return dataOf(arrow, type, nulls, data, offsets);
    },
  };
}

function dataOf(
  arrow: Arrow,
  type: DataType,
  nulls: Nulls,
  data: ArrayBufferView,
  offsets?: Int32Array,
): Data {
  return new arrow.Data(type, 0, nulls.rows, nulls.count, nulls.with(data, offsets));
}

/** Which rows have no value, in Arrow's form: a bit for each row that has one. */
class Nulls {
  count = 0;
  private readonly bits: Uint8Array;

  constructor(readonly rows: number) {
    this.bits = new Uint8Array(Math.ceil(rows / 8)).fill(0xff);
  }

  add(row: number): void {
    this.count += 1;
    this.bits[row >> 3] = (this.bits[row >> 3] ?? 0) & ~(1 << (row & 7));
  }

  /** Of the values in Arrow's order of buffers. */
  with(data: ArrayBufferView, offsets?: Int32Array) {
    return { 0: offsets, 1: data, 2: this.count > 0 ? this.bits : undefined };
  }
}
